"""Write an invented clinic into an empty database: what the simulator told, as rows.

The latent truth stays out: a database holds only what a clinic could know.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Model

from enthesis import records
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions.demo_harms import harms
from enthesis.clinic.actions.demo_stock import stock_up
from enthesis.clinic.actions.patients import FIRST_NUMBER
from enthesis.clinic.actions.treat import vials
from enthesis.clinic.models import (
    AdverseEvent,
    AdverseEventEntry,
    Appointment,
    Assessment,
    AuditEvent,
    Clinic,
    Course,
    Decision,
    Evaluation,
    Invoice,
    InvoiceLine,
    LedgerEntry,
    Patient,
    Plan,
    Role,
    Room,
    Session,
    SessionSite,
    User,
    Weight,
)
from enthesis.exchange.course_json import kept
from enthesis.invented.clinic import InventedClinic
from enthesis.invented.story import Judged, Story
from enthesis.journey import follow
from enthesis.journey.ledger import PAPERS, Kind
from enthesis.journey.treat import recipe
from enthesis.knowledge.kinds import Knowledge
from enthesis.shape import plain

ACTOR = "invented clinic"
BATCH = 50
"""Patients written at a time, with a word to whoever watches the progress."""
UNREAD_DAYS = 1
# Every so many patients nobody has asked about warning signs yet.
STILL_TO_ASK = 6
"""Answers of the last day have not been read yet: they are today's news."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A member of the invented clinic's staff."""

    username: str
    password: str
    role: Role
    display_name: str


@dataclass(slots=True)
class _Tables:
    """Rows of all stories, kept by kind until they are written kind by kind."""

    rows: dict[type[Model], list[Model]] = field(default_factory=dict)

    def add(self, row: Model) -> None:
        self.rows.setdefault(type(row), []).append(row)


@dataclass(frozen=True, slots=True)
class _Papers:
    """The numbers of invoices, by patient and session, and of receipts, by these and the part."""

    invoices: Mapping[tuple[int, int], int]
    receipts: Mapping[tuple[int, int, int], int]


# Written in this order: what others point to comes first.
_KINDS: tuple[type[Model], ...] = (
    Patient,
    Weight,
    Course,
    Evaluation,
    Plan,
    Session,
    SessionSite,
    Appointment,
    Assessment,
    Invoice,
    InvoiceLine,
    LedgerEntry,
    AdverseEvent,
    AdverseEventEntry,
)

# Written with the session or the invoice that they are part of, and audited with it.
_PARTS = (SessionSite, InvoiceLine)


@transaction.atomic
def write_clinic(
    invented: InventedClinic,
    known: Knowledge,
    sign_ins: Iterable[SignIn],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Clinic:
    """Make the clinic, its staff and everything its invented patients went through.

    Raises Refused in a database that already holds a clinic.
    """
    refuse_if_used()
    clinic = Clinic.objects.create(
        name="Harbour Clinic",
        phone="(555) 0100",
        emergency_text="In an emergency call your local emergency number at once.",
        invented=True,
        opening_hours=["08:00-17:00"] * 5 + ["", ""],
    )
    staff = {sign_in.display_name: _staff(clinic, sign_in) for sign_in in sign_ins}
    rooms = _rooms(clinic, [user for user in staff.values() if user.role == Role.CLINICIAN])
    desk = next(user for user in staff.values() if user.role == Role.FRONT_DESK)
    stories = sorted(invented.stories, key=lambda story: story.course.opened_on)
    writers = [
        _Writer(clinic, staff[story.clinician], rooms, desk, story, invented.today, known, number)
        for number, story in enumerate(stories, start=FIRST_NUMBER)
    ]
    papers = _numbers(stories)
    for start in range(0, len(writers), BATCH):
        batch = writers[start : start + BATCH]
        _write_batch(clinic, batch, papers)
        progress(start + len(batch), len(writers))
    stock_up(clinic, desk, invented.today, known, ACTOR)
    return clinic


def _numbers(stories: list[Story]) -> _Papers:
    """Numbers without gaps, in the order of issue."""
    bills = [
        (bill.issued_on, patient, bill.session)
        for patient, story in enumerate(stories, start=FIRST_NUMBER)
        for bill in story.bills
    ]
    payments = [
        (paid.on, patient, bill.session, part)
        for patient, story in enumerate(stories, start=FIRST_NUMBER)
        for bill in story.bills
        for part, paid in enumerate(bill.payments)
    ]
    bills.sort()
    payments.sort()
    return _Papers(
        {(who, session): n for n, (_, who, session) in enumerate(bills, start=1)},
        {(who, session, part): n for n, (_, who, session, part) in enumerate(payments, start=1)},
    )


def _write_batch(clinic: Clinic, writers: "list[_Writer]", papers: _Papers) -> None:
    tables = _Tables()
    for writer in writers:
        writer.write(tables, papers)
    for kind in _KINDS:
        _write_rows(clinic, tables.rows.get(kind, []))
    # A decision keeps the course as it was judged, with the id that the course has only now.
    _write_rows(clinic, [row for writer in writers for row in writer.decisions()])


def _write_rows(clinic: Clinic, rows: list[Any]) -> None:
    if not rows:
        return
    type(rows[0])._default_manager.bulk_create(rows)
    if type(rows[0]) not in _PARTS:
        AuditEvent.objects.bulk_create(_event(clinic, row) for row in rows)


def refuse_if_used() -> None:
    """Raise Refused where there is a clinic: its records and an invented clinic's sign-ins, whose
    password everybody knows, must never stand in one database."""
    if Clinic.objects.exists():
        raise Refused(
            "This database already holds a clinic, and an invented one is never mixed with it. "
            "Point DATABASE_URL at an empty database, or move the data directory away."
        )


def _staff(clinic: Clinic, sign_in: SignIn) -> User:
    user = User.objects.create_user(
        sign_in.username,
        password=sign_in.password,
        clinic=clinic,
        role=sign_in.role,
        display_name=sign_in.display_name,
    )
    AuditEvent.objects.create(
        clinic=clinic, actor=ACTOR, action="add_user", record="user", record_id=user.pk
    )
    return user


def _rooms(clinic: Clinic, clinicians: list[User]) -> dict[User, Room]:
    """Each clinician of the invented clinic has a room of their own."""
    rooms = {}
    for number, clinician in enumerate(clinicians, start=1):
        rooms[clinician] = Room.objects.create(clinic=clinic, name=f"Room {number}")
        AuditEvent.objects.create(
            clinic=clinic,
            actor=ACTOR,
            action="add_room",
            record="room",
            record_id=rooms[clinician].pk,
        )
    return rooms


def _event(clinic: Clinic, row: Model) -> AuditEvent:
    kind = row._meta.model_name or ""
    return AuditEvent(
        clinic=clinic,
        actor=ACTOR,
        action="invent",
        patient=_patient_of(row),
        record=kind,
        record_id=row.pk,
    )


def _patient_of(row: Any) -> Patient:
    """Every invented row leads to its patient, over course, session or invoice."""
    while not isinstance(row, Patient):
        steps = ("patient", "course", "session", "invoice", "event")
        row = next(getattr(row, step) for step in steps if hasattr(row, step))
    return row


def _at(on: date, hour: int = 12, minute: int = 0) -> datetime:
    """The invented clinic lives in UTC."""
    return datetime.combine(on, time(hour, minute), tzinfo=UTC)


@dataclass(slots=True)
class _Writer:
    """The rows of one story."""

    clinic: Clinic
    clinician: User
    rooms: dict[User, Room]
    desk: User
    story: Story
    today: date
    known: Knowledge
    number: int
    tables: _Tables = field(init=False)
    course: Course = field(init=False)

    def write(self, tables: _Tables, papers: _Papers) -> None:
        """Add everything but the decisions, which come after the course has its id."""
        self.tables = tables
        patient = self._patient()
        told = self.story.course
        self.course = Course(
            patient=patient,
            condition=told.condition,
            side=told.side.value,
            complaint=self.story.complaint,
            opened_on=told.opened_on,
            closed_on=told.closed_on,
            clinician=self.clinician,
        )
        self.tables.add(self.course)
        self._before_treatment()
        self._sessions(papers)
        for visit in self.story.visits:
            at = visit.at.replace(tzinfo=UTC)
            self.tables.add(
                Appointment(
                    course=self.course,
                    clinician=self.clinician,
                    room=self.rooms[self.clinician],
                    starts_at=at,
                    kind=visit.kind,
                    state=visit.state,
                )
            )
        self._assessments()
        self._safety()
        other = next((one for one in self.rooms if one != self.clinician), self.clinician)
        given = (row for row in tables.rows.get(Session, []) if isinstance(row, Session))
        own = [row for row in given if row.course is self.course]
        for row in harms(self.number, own, self.today, other):
            self.tables.add(row)

    def _patient(self) -> Patient:
        person, told = self.story.person, self.story.course
        patient = Patient(
            clinic=self.clinic,
            number=self.number,
            family=person.family,
            given=person.given,
            born_on=person.born_on,
            sex=person.sex,
            phone=person.phone,
            email=person.email,
            language=person.language,
            allergies=person.allergies,
            allergies_asked_on=told.opened_on if told.evaluation else None,
            created_at=_at(told.opened_on, 8),
        )
        self.tables.add(patient)
        weighed_on = told.opened_on if person.weighed else None
        if weighed_on is None and told.sessions:
            weighed_on = told.sessions[0].on
        if weighed_on is not None:
            self.tables.add(
                Weight(patient=patient, kg=person.weight_kg, measured_on=weighed_on, by=self.desk)
            )
        return patient

    def _before_treatment(self) -> None:
        told = self.story.course
        if told.evaluation is not None:
            evaluation = plain(told.evaluation)
            self.tables.add(
                Evaluation(
                    course=self.course,
                    on=told.evaluation.on,
                    answers=evaluation["answers"],
                    cleared=evaluation["cleared"],
                    result=plain(self.story.evaluated),
                    by=self.clinician,
                    at=_at(told.evaluation.on, 10),
                )
            )
        if told.plan is not None:
            agreed = told.plan.agreed_on is not None
            person = self.story.person
            made_on = told.evaluation.on if told.evaluation else told.opened_on
            self.tables.add(
                Plan(
                    course=self.course,
                    content=plain(told.plan),
                    agreed_on=told.plan.agreed_on,
                    agreed_name=f"{person.given} {person.family}" if agreed else "",
                    by=self.clinician,
                    at=_at(made_on, 11),
                )
            )

    def _sessions(self, papers: _Papers) -> None:
        for told in self.story.course.sessions:
            session = Session(
                course=self.course,
                number=told.number,
                on=told.on,
                weight_kg=told.weight_kg,
                mixtures=plain(told.mixtures),
                recipe={m.key: plain(recipe(m, self.known)) for m in told.mixtures},
                lots=_lots(told, self.known),
                signed_by=self.clinician,
                signed_at=_at(told.on, 16),
            )
            self.tables.add(session)
            for position, dose in enumerate(told.sites):
                self.tables.add(
                    SessionSite(
                        session=session,
                        position=position,
                        site=dose.site,
                        side=dose.side.value,
                        mixture=dose.mixture,
                        volume_ml=dose.volume_ml,
                        given=True,
                    )
                )
            self._invoice(session, papers)

    def _invoice(self, session: Session, papers: _Papers) -> None:
        bill = next(bill for bill in self.story.bills if bill.session == session.number)
        invoice = Invoice(
            clinic=self.clinic,
            number=papers.invoices[self.number, session.number],
            course=self.course,
            session=session,
            issued_on=bill.issued_on,
            due_on=bill.due_on,
            currency=bill.charges[0].amount.currency,
            arrangement=bill.arrangement,
            by=self.desk,
        )
        self.tables.add(invoice)
        for charge in bill.charges:
            self.tables.add(
                InvoiceLine(
                    invoice=invoice,
                    text=charge.text,
                    code=charge.code,
                    item=charge.item,
                    units=charge.units,
                    amount=charge.amount.amount,
                )
            )
        for part, paid in enumerate(bill.payments):
            key = f"{self.number}-{session.number}-{part}"
            self.tables.add(
                LedgerEntry(
                    clinic=self.clinic,
                    course=self.course,
                    kind=Kind.PAYMENT.value,
                    paper=PAPERS[Kind.PAYMENT],
                    number=papers.receipts[self.number, session.number, part],
                    invoice=invoice,
                    amount=paid.amount.amount,
                    currency=paid.amount.currency,
                    method=paid.method,
                    on=paid.on,
                    at=_at(paid.on, 16),
                    request_key=f"invented-{key}",
                    by=self.desk,
                )
            )

    def _assessments(self) -> None:
        for told in self.story.course.assessments:
            read = (self.today - told.on).days > UNREAD_DAYS
            at = _at(told.on, 6, 41)
            self.tables.add(
                Assessment(
                    course=self.course,
                    on=told.on,
                    occasion=told.occasion.value,
                    questionnaire=told.questionnaire,
                    answers=plain(told.answers),
                    source=told.source,
                    entered_by=self.desk if told.source == "staff" else None,
                    completed_at=at,
                    read_by=self.clinician if read else None,
                    read_at=at + timedelta(hours=2) if read else None,
                )
            )

    def _safety(self) -> None:
        """After the last session most were asked about warning signs, and had none; the others are
        still to be called. It is not part of the story, whose answers are about the pain."""
        told = self.story.course
        if not told.sessions or self.number % STILL_TO_ASK == 0:
            return
        last = max(session.on for session in told.sessions)
        on = last + timedelta(days=self.known.reminder_rules.safety_after_days)
        if on <= self.today and not any(a.on > last for a in told.assessments):
            self.tables.add(
                Assessment(
                    course=self.course,
                    on=on,
                    occasion="after_session",
                    questionnaire=follow.SAFETY,
                    answers={"danger": ["none"]},
                    source="staff",
                    entered_by=self.desk,
                    completed_at=_at(on, 15),
                    read_by=self.clinician,
                    read_at=_at(on, 16),
                )
            )

    def decisions(self) -> Iterator[Decision]:
        """The decisions, once the course has been written."""
        for judged in self.story.judged:
            yield self._decision(judged)

    def _decision(self, judged: Judged) -> Decision:
        told = judged.decision
        inputs, fingerprint = kept(replace(judged.course, id=str(self.course.pk)))
        return Decision(
            course=self.course,
            on=told.on,
            suggested=told.suggested.value,
            decided=told.decided.value,
            reason=told.reason,
            verdict=plain(judged.verdict),
            inputs=inputs,
            inputs_sha256=fingerprint,
            recheck_on=judged.verdict.recheck_on,
            by=self.clinician,
            at=_at(told.on, 15),
        )


def _lots(session: records.Session, known: Knowledge) -> dict[str, str]:
    """A lot for each vial; lots change with the month of delivery."""
    substances = vials(session.mixtures, known)
    return {name: f"{name[0].upper()}{session.on:%y%m}" for name in substances}
