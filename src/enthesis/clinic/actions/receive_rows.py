"""One dossier as rows that are not saved yet, each with the key of the record it is made from."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, Model

from enthesis.clinic import models
from enthesis.exchange import dossier as kept
from enthesis.exchange.dossier_check import Problem
from enthesis.shape import plain

# Written in this order: what others point to comes first.
KINDS: tuple[type[Model], ...] = (
    *(models.Patient, models.Weight, models.ContactChoice, models.Course, models.Evaluation),
    *(models.Plan, models.Consent, models.Session, models.SessionSite, models.CautionSetAside),
    *(models.Amendment, models.Assessment, models.TypedScore, models.AdverseEvent),
    *(models.AdverseEventEntry, models.Decision, models.CourseFile, models.SessionImage),
    *(models.Arrangement, models.Invoice, models.InvoiceLine, models.LedgerEntry),
)


@dataclass(slots=True)
class Rows:
    """The rows of one dossier by kind, in the order that they are to be written in."""

    patient: models.Patient
    made: dict[type[Model], list[tuple[str, Model]]] = field(default_factory=dict)

    def add(self, key: str, row: Model) -> None:
        """One more; `key` names the record it is made from."""
        self.made.setdefault(type(row), []).append((key, row))

    def problems(self) -> Iterator[Problem]:
        """What the columns refuse: texts that are too long, choices that there are not."""
        for rows in self.made.values():
            for key, row in rows:
                passed = {f.name for f in row._meta.fields if isinstance(f, ForeignKey)}
                if isinstance(row, models.Session):
                    # Of a patient who was erased there is none left.
                    passed.add("mixtures")
                try:
                    row.clean_fields(exclude=passed)
                except ValidationError as error:
                    for name, messages in error.message_dict.items():
                        called = f"patient {self.patient.number}"
                        yield Problem(called, key, name, " ".join(messages))


def rows_of(
    dossier: kept.Dossier, clinic: models.Clinic, source: str, people: Mapping[str, models.User]
) -> Rows:
    """The rows of a dossier that was checked: what it points to is there. `people` by key."""
    return _Maker(clinic, source, people).rows(dossier)


def request_key(clinic: models.Clinic, source: str, key: str) -> str:
    """What stands for the form that an entry was made with elsewhere: the same for the same."""
    return "in-" + hashlib.sha256(f"{clinic.pk}|{source}|{key}".encode()).hexdigest()[:36]


class _Maker:
    def __init__(
        self, clinic: models.Clinic, source: str, people: Mapping[str, models.User]
    ) -> None:
        self.clinic, self.source, self.people = clinic, source, people
        self.by_key: dict[str, Any] = {}

    def rows(self, dossier: kept.Dossier) -> Rows:
        person = dossier.person
        patient = models.Patient(
            clinic=self.clinic,
            number=person.number,
            family=person.family,
            given=person.given,
            born_on=person.born_on,
            sex=person.sex,
            created_at=person.created_at,
            phone=person.phone,
            email=person.email,
            language=person.language,
            allergies=person.allergies,
            allergies_asked_on=person.allergies_asked_on,
            anticoagulant=person.anticoagulant,
            source=self.source,
            source_key=person.key,
        )
        self.made = Rows(patient)
        self.add(person.key, patient)
        for one in person.weights:
            weight = models.Weight(patient=patient, kg=one.kg, measured_on=one.measured_on)
            weight.by = self.who(one.by)
            self.add(one.key, weight)
        for choice in person.contact_choices:
            told = {"way": choice.way, "wanted": choice.wanted, "at": choice.at}
            row = models.ContactChoice(patient=patient, by=self.who(choice.by), **told)
            self.add(choice.key, row)
        for course in dossier.courses:
            self.course(patient, course)
        return self.made

    def add(self, key: str, row: Model) -> None:
        self.by_key.setdefault(key, row)
        self.made.add(key, row)

    def who(self, key: str | None) -> Any:
        return None if key is None else self.people[key]

    def at(self, key: str | None) -> Any:
        """The row of a record that another one points to."""
        return None if key is None else self.by_key[key]

    def course(self, patient: models.Patient, file: kept.CourseFile) -> None:
        course = models.Course(
            patient=patient,
            condition=file.condition,
            side=file.side.value,
            complaint=file.complaint,
            opened_on=file.opened_on,
            series_ended_on=file.series_ended_on,
            closed_on=file.closed_on,
            clinician=self.who(file.clinician),
        )
        self.add(file.key, course)
        for evaluation in file.evaluations:
            self.evaluation(course, evaluation)
        for plan in file.plans:
            self.plan(course, plan)
        for consent in file.consents:
            self.consent(course, consent)
        for session in file.sessions:
            self.session(course, session)
        for answers in file.assessments:
            self.assessment(course, answers)
        for score in file.typed_scores:
            self.score(course, score)
        for event in file.adverse_events:
            self.event(course, event)
        for decision in file.decisions:
            self.decision(course, decision)
        for document in file.documents:
            self.document(course, document)
        for arranged in file.arrangements:
            self.arrangement(course, arranged)
        for invoice in file.invoices:
            self.invoice(course, invoice)
        for entry in file.entries:
            self.entry(course, entry)

    def evaluation(self, course: models.Course, one: kept.KeptEvaluation) -> None:
        told = plain(one.evaluation)
        row = models.Evaluation(
            course=course,
            on=one.evaluation.on,
            answers=told["answers"],
            cleared=told["cleared"],
            rows=told["rows"],
            result=dict(one.result),
            by=self.who(one.by),
            at=one.at,
        )
        self.add(one.key, row)

    def plan(self, course: models.Course, one: kept.KeptPlan) -> None:
        row = models.Plan(
            course=course,
            content=plain(replace(one.plan, agreed_on=None)),
            agreed_on=one.plan.agreed_on,
            agreed_name=one.agreed_name,
            needs_consent=one.needs_consent,
            by=self.who(one.by),
            at=one.at,
        )
        self.add(one.key, row)

    def consent(self, course: models.Course, one: kept.ConsentFact) -> None:
        row = models.Consent(
            course=course,
            fact=one.fact,
            plan=self.at(one.plan),
            name=one.name,
            content=dict(one.content),
            pdf=one.pdf,
            pdf_sha256=one.pdf_sha256,
            by=self.who(one.by),
            at=one.at,
        )
        self.add(one.key, row)

    def session(self, course: models.Course, one: kept.SignedSession) -> None:
        row = models.Session(
            course=course,
            number=one.number,
            on=one.on,
            weight_kg=one.weight_kg,
            mixtures=plain(one.mixtures),
            recipe=dict(one.recipe),
            lots=dict(one.lots),
            lot_expiries=dict(one.lot_expiries),
            site_scores=dict(one.site_scores),
            guidance=one.guidance,
            needle=one.needle,
            injected_by=self.who(one.injected_by),
            pain_before=one.pain_before,
            pain_after=one.pain_after,
            complications=list(one.complications),
            day_checks=dict(one.day_checks),
            time_out=dict(one.time_out),
            note=one.note,
            written=one.written,
            signed_by=self.who(one.signed_by),
            signed_at=one.signed_at,
        )
        self.add(one.key, row)
        for position, site in enumerate(one.sites):
            place = models.SessionSite(
                session=row,
                position=position,
                site=site.dose.site,
                side=site.dose.side.value,
                mixture=site.dose.mixture,
                volume_ml=site.dose.volume_ml,
                given=site.given,
                guidance=site.guidance,
                needle=site.needle,
                depth_mm=site.depth_mm,
                injected_by=self.who(site.injected_by),
                usual_pain=site.usual_pain,
            )
            self.add(one.key, place)
        for aside in one.set_aside:
            told = {"caution": aside.caution, "reason": aside.reason, "at": aside.at}
            kind = models.CautionSetAside(session=row, by=self.who(aside.by), **told)
            self.add(aside.key, kind)
        for more in one.amendments:
            who = self.who(more.by)
            self.add(more.key, models.Amendment(session=row, text=more.text, by=who, at=more.at))

    def assessment(self, course: models.Course, one: kept.CompletedAssessment) -> None:
        told = plain(one.assessment)
        row = models.Assessment(
            course=course,
            on=one.assessment.on,
            occasion=told["occasion"],
            questionnaire=one.assessment.questionnaire,
            answers=told["answers"],
            source=one.assessment.source,
            entered_by=self.who(one.entered_by),
            completed_at=one.completed_at,
            read_by=self.who(one.read_by),
            read_at=one.read_at,
        )
        self.add(one.key, row)

    def score(self, course: models.Course, one: kept.TypedScore) -> None:
        row = models.TypedScore(
            course=course,
            on=one.on,
            instrument=one.instrument,
            score=one.score,
            lowest=one.lowest,
            highest=one.highest,
            better=one.better,
            by=self.who(one.by),
            at=one.at,
        )
        self.add(one.key, row)

    def event(self, course: models.Course, one: kept.AdverseEvent) -> None:
        row = models.AdverseEvent(
            course=course,
            session=self.at(one.session),
            assessment=self.at(one.assessment),
            kind=one.kind,
            onset_on=one.onset_on,
            grade=one.grade,
            serious=one.serious,
            outcome=one.outcome,
            what_happened=one.what_happened,
            what_was_done=one.what_was_done,
            request_key=request_key(self.clinic, self.source, one.key),
            by=self.who(one.by),
            at=one.at,
        )
        self.add(one.key, row)
        for more in one.entries:
            entry = models.AdverseEventEntry(
                event=row,
                relatedness=more.relatedness,
                outcome=more.outcome,
                grade=more.grade,
                text=more.text,
                by=self.who(more.by),
                at=more.at,
            )
            self.add(more.key, entry)

    def decision(self, course: models.Course, one: kept.KeptDecision) -> None:
        row = models.Decision(
            course=course,
            on=one.decision.on,
            suggested=one.decision.suggested.value,
            decided=one.decision.decided.value,
            reason=one.decision.reason,
            verdict=dict(one.verdict),
            inputs=dict(one.inputs),
            inputs_sha256=one.inputs_sha256,
            recheck_on=one.recheck_on,
            by=self.who(one.by),
            at=one.at,
        )
        self.add(one.key, row)

    def document(self, course: models.Course, one: kept.Document) -> None:
        told = {
            "name": one.name,
            "content_type": one.content_type,
            "size_bytes": one.size_bytes,
            "sha256": one.sha256,
            "by": self.who(one.by),
            "at": one.at,
        }
        if one.session is None:
            self.add(one.key, models.CourseFile(course=course, **told))
        else:
            place = {"site": one.site, "side": one.side}
            image = models.SessionImage(session=self.at(one.session), **place, **told)
            self.add(one.key, image)

    def arrangement(self, course: models.Course, one: kept.Arrangement) -> None:
        row = models.Arrangement(
            course=course,
            agreed_on=one.agreed_on,
            currency=one.currency,
            parts=[dict(part) for part in one.parts],
            request_key=request_key(self.clinic, self.source, one.key),
            by=self.who(one.by),
            at=one.at,
        )
        self.add(one.key, row)

    def invoice(self, course: models.Course, one: kept.Invoice) -> None:
        row = models.Invoice(
            clinic=self.clinic,
            number=one.number,
            course=course,
            session=self.at(one.session),
            issued_on=one.issued_on,
            due_on=one.due_on,
            currency=one.currency,
            arrangement=one.arrangement,
            arranged=self.at(one.arranged),
            parts=[dict(part) for part in one.parts],
            by=self.who(one.by),
        )
        self.add(one.key, row)
        for line in one.lines:
            told = {"code": line.code, "item": line.item, "units": line.units}
            charged = models.InvoiceLine(invoice=row, text=line.text, amount=line.amount, **told)
            self.add(line.key, charged)

    def entry(self, course: models.Course, one: kept.Entry) -> None:
        row = models.LedgerEntry(
            clinic=self.clinic,
            course=course,
            kind=one.kind,
            on=one.on,
            paper=one.paper,
            number=one.number,
            amount=one.amount.amount,
            currency=one.amount.currency,
            method=one.method,
            invoice=self.at(one.invoice),
            about=self.at(one.about),
            sessions=one.sessions,
            reason=one.reason,
            request_key=request_key(self.clinic, self.source, one.key),
            by=self.who(one.by),
            at=one.at,
        )
        self.add(one.key, row)
