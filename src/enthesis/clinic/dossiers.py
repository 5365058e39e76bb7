"""Rows to dossiers: one patient's whole record in plain records, patient after patient.

Only facts leave: signed sessions and completed answers. Drafts, links, messages, appointments and
what was removed stay where they are. The number of queries depends on the number of chunks alone,
and no more than one chunk of patients is held at a time.
"""

from collections.abc import Collection, Iterator
from typing import Any, cast

from django.db.models import Model, Prefetch, QuerySet

from enthesis import records
from enthesis.clinic import image_files, models, store
from enthesis.exchange import dossier as kept
from enthesis.shape import read
from enthesis.units import Kg, Ml, Money, Percent

CHUNK = 50
"""Patients held at a time."""


class DossierError(Exception):
    """A record cannot leave whole: which one, and what to do."""


def dossiers(
    clinic: models.Clinic, patients: Collection[int] | None = None, *, files: bool = False
) -> Iterator[kept.Dossier]:
    """The dossiers of a clinic's patients by their number; of some, where ids are given: those of
    another clinic are left out. With `files`, documents and consents carry their bytes.

    Raises DossierError for a document whose file is gone. Within `snapshot()` all of them are of
    one moment.
    """
    rows = models.Patient.objects.filter(clinic=clinic).order_by("number")
    if patients is not None:
        rows = rows.filter(pk__in=patients)
    names = _Names()
    after = -1
    while chunk := list(_whole(rows.filter(number__gt=after), files)[:CHUNK]):
        for row in chunk:
            yield _Patient(row, names, files).dossier()
        after = chunk[-1].number


def dossier_of(patient: models.Patient, *, files: bool = False) -> kept.Dossier:
    """One patient's whole record."""
    return next(dossiers(patient.clinic, [patient.pk], files=files))


def card_of(clinic: models.Clinic) -> kept.ClinicCard:
    """What a clinic says of itself."""
    finish = clinic.finish_relief_percent
    return kept.ClinicCard(
        key=f"clinic-{clinic.pk}",
        name=clinic.name,
        phone=clinic.phone,
        address=clinic.address,
        time_zone=clinic.time_zone,
        currency=clinic.currency,
        finish_relief_percent=None if finish is None else Percent(finish),
        stop_choice=clinic.stop_choice,
    )


def _whole(patients: QuerySet[models.Patient], files: bool) -> QuerySet[models.Patient]:
    """Each patient with everything below, a query for each kind of row."""
    signed = models.Session.objects.filter(signed_at__isnull=False).defer("typed")
    images = models.SessionImage.objects.filter(removed_at=None)
    signed = signed.prefetch_related(
        "sites",
        Prefetch("set_aside", models.CautionSetAside.objects.order_by("id")),
        Prefetch("amendments", models.Amendment.objects.order_by("id")),
        Prefetch("images", images),
    )
    completed = models.Assessment.objects.filter(completed_at__isnull=False)
    events = models.AdverseEvent.objects.order_by("id").prefetch_related("entries")
    consents = models.Consent.objects.all() if files else models.Consent.objects.defer("pdf")
    lines = models.InvoiceLine.objects.order_by("id")
    courses = models.Course.objects.order_by("id").prefetch_related(
        "evaluations",
        "plans",
        "decisions",
        "arrangements",
        "entries",
        Prefetch("consents", consents),
        Prefetch("sessions", signed),
        Prefetch("assessments", completed),
        Prefetch("typed_scores", models.TypedScore.objects.order_by("id")),
        Prefetch("adverse_events", events),
        Prefetch("files", models.CourseFile.objects.filter(removed_at=None)),
        Prefetch("invoices", models.Invoice.objects.prefetch_related(Prefetch("lines", lines))),
    )
    return patients.prefetch_related("weights", "contact_choices", Prefetch("courses", courses))


def _key(row: Model, kind: str = "") -> str:
    return f"{kind or row._meta.model_name}-{row.pk}"


class _Names:
    """Everybody who was named; each is asked of the database once."""

    def __init__(self) -> None:
        self.known: dict[int, kept.Practitioner] = {}

    def of(self, ids: Collection[int]) -> tuple[kept.Practitioner, ...]:
        missing = [id for id in ids if id not in self.known]
        if missing:
            for user in models.User.objects.filter(pk__in=missing):
                self.known[user.pk] = kept.Practitioner(
                    _key(user), str(user), user.role, user.is_active
                )
        return tuple(self.known[id] for id in sorted(ids))


class _Patient:
    """One patient's rows, all prefetched, as records."""

    def __init__(self, row: models.Patient, names: _Names, files: bool) -> None:
        self.row, self.names, self.files = row, names, files
        self.named: set[int] = set()

    def dossier(self) -> kept.Dossier:
        person = self._person()
        courses = tuple(self._course(row) for row in self.row.courses.all())
        return kept.Dossier(person, courses, self.names.of(self.named))

    def _who(self, id: int | None) -> str | None:
        if id is None:
            return None
        self.named.add(id)
        return f"user-{id}"

    def _by(self, row: Any) -> str:
        """Who did what cannot have been done by nobody."""
        return cast(str, self._who(row.by_id))

    def _person(self) -> kept.Person:
        row = self.row
        return kept.Person(
            key=_key(row),
            number=row.number,
            family=row.family,
            given=row.given,
            born_on=row.born_on,
            sex=row.sex,
            created_at=row.created_at,
            phone=row.phone,
            email=row.email,
            language=row.language,
            allergies=row.allergies,
            allergies_asked_on=row.allergies_asked_on,
            anticoagulant=row.anticoagulant,
            weights=tuple(
                kept.Weight(_key(w), Kg(w.kg), w.measured_on, self._who(w.by_id))
                for w in row.weights.all()
            ),
            contact_choices=tuple(
                kept.ContactChoice(_key(c), c.way, c.wanted, c.at, self._who(c.by_id))
                for c in row.contact_choices.all()
            ),
        )

    def _course(self, row: models.Course) -> kept.CourseFile:
        sessions = list(row.sessions.all())
        facts = {*(_key(one) for one in sessions), *(_key(one) for one in row.assessments.all())}
        return kept.CourseFile(
            key=_key(row),
            condition=row.condition,
            side=records.Side(row.side),
            opened_on=row.opened_on,
            complaint=row.complaint,
            series_ended_on=row.series_ended_on,
            closed_on=row.closed_on,
            clinician=self._who(row.clinician_id),
            evaluations=tuple(self._evaluation(one) for one in row.evaluations.all()),
            plans=tuple(self._plan(one) for one in row.plans.all()),
            consents=tuple(self._consent(one) for one in row.consents.all()),
            sessions=tuple(self._session(one) for one in sessions),
            assessments=tuple(self._assessment(one) for one in row.assessments.all()),
            typed_scores=tuple(self._score(one) for one in row.typed_scores.all()),
            adverse_events=tuple(self._event(one, facts) for one in row.adverse_events.all()),
            decisions=tuple(self._decision(one) for one in row.decisions.all()),
            documents=(
                *(self._document(one) for one in row.files.all()),
                *(
                    self._document(image, _key(session), image.site, image.side)
                    for session in sessions
                    for image in session.images.all()
                ),
            ),
            arrangements=tuple(self._arrangement(one) for one in row.arrangements.all()),
            invoices=tuple(self._invoice(one) for one in row.invoices.all()),
            entries=tuple(self._entry(one) for one in row.entries.all()),
        )

    def _evaluation(self, row: models.Evaluation) -> kept.KeptEvaluation:
        plain = {"on": row.on, "answers": row.answers, "cleared": row.cleared, "rows": row.rows}
        asked = read(records.Evaluation, plain, f"evaluation {row.pk}")
        return kept.KeptEvaluation(_key(row), asked, row.result, row.at, self._who(row.by_id))

    def _plan(self, row: models.Plan) -> kept.KeptPlan:
        return kept.KeptPlan(
            _key(row),
            store.plan_record(row),
            row.at,
            row.agreed_name,
            row.needs_consent,
            self._who(row.by_id),
        )

    def _session(self, row: models.Session) -> kept.SignedSession:
        signed_by, signed_at = self._who(row.signed_by_id), row.signed_at
        if signed_by is None or signed_at is None:
            raise DossierError(
                f"Session {row.number} of patient {self.row.number} is signed by nobody, so it is "
                "no record yet. Find out how it came into the database."
            )
        return kept.SignedSession(
            key=_key(row),
            number=row.number,
            on=row.on,
            mixtures=read(tuple[records.Mixture, ...], row.mixtures, f"session {row.pk}"),
            sites=tuple(self._site(one) for one in row.sites.all()),
            signed_by=signed_by,
            signed_at=signed_at,
            weight_kg=None if row.weight_kg is None else Kg(row.weight_kg),
            recipe=row.recipe,
            lots=row.lots,
            lot_expiries=row.lot_expiries,
            site_scores=row.site_scores,
            guidance=row.guidance,
            needle=row.needle,
            injected_by=self._who(row.injected_by_id),
            pain_before=row.pain_before,
            pain_after=row.pain_after,
            complications=tuple(row.complications),
            day_checks=row.day_checks,
            time_out=row.time_out,
            note=row.note,
            written=row.written,
            set_aside=tuple(
                kept.SetAside(_key(one, "aside"), one.caution, one.reason, self._by(one), one.at)
                for one in row.set_aside.all()
            ),
            amendments=tuple(
                kept.Amendment(_key(one), one.text, self._by(one), one.at)
                for one in row.amendments.all()
            ),
        )

    def _site(self, row: models.SessionSite) -> kept.GivenSite:
        dose = records.SiteDose(row.site, records.Side(row.side), row.mixture, Ml(row.volume_ml))
        return kept.GivenSite(
            dose,
            row.given,
            row.guidance,
            row.needle,
            row.depth_mm,
            self._who(row.injected_by_id),
            row.usual_pain,
        )

    def _assessment(self, row: models.Assessment) -> kept.CompletedAssessment:
        if row.completed_at is None:
            raise ValueError("Only completed answers are asked of the database.")
        return kept.CompletedAssessment(
            _key(row),
            store.assessment_record(row),
            row.completed_at,
            self._who(row.entered_by_id),
            self._who(row.read_by_id),
            row.read_at,
        )

    def _score(self, row: models.TypedScore) -> kept.TypedScore:
        scale = (row.score, row.lowest, row.highest)
        key = _key(row, "score")
        return kept.TypedScore(
            key, row.on, row.instrument, *scale, row.better, self._by(row), row.at
        )

    def _event(self, row: models.AdverseEvent, facts: Collection[str]) -> kept.AdverseEvent:
        """`facts` are the keys of what leaves: an answer that was never completed does not."""
        session, answers = f"session-{row.session_id}", f"assessment-{row.assessment_id}"
        return kept.AdverseEvent(
            key=_key(row, "event"),
            kind=row.kind,
            onset_on=row.onset_on,
            grade=row.grade,
            serious=row.serious,
            outcome=row.outcome,
            what_happened=row.what_happened,
            by=self._by(row),
            at=row.at,
            what_was_done=row.what_was_done,
            session=session if session in facts else None,
            assessment=answers if answers in facts else None,
            entries=tuple(
                kept.AdverseEventEntry(
                    _key(one, "event-entry"),
                    one.text,
                    self._by(one),
                    one.at,
                    one.relatedness,
                    one.outcome,
                    one.grade,
                )
                for one in row.entries.all()
            ),
        )

    def _decision(self, row: models.Decision) -> kept.KeptDecision:
        by = self._by(row)
        [told] = self.names.of([row.by_id])
        return kept.KeptDecision(
            _key(row),
            records.Decision(
                row.on,
                records.NextStep(row.suggested),
                records.NextStep(row.decided),
                told.name,
                row.reason,
            ),
            row.verdict,
            row.inputs,
            row.inputs_sha256,
            by,
            row.at,
            row.recheck_on,
        )

    def _consent(self, row: models.Consent) -> kept.ConsentFact:
        return kept.ConsentFact(
            key=_key(row),
            fact=row.fact,
            at=row.at,
            plan=None if row.plan_id is None else f"plan-{row.plan_id}",
            name=row.name,
            content=row.content,
            pdf=bytes(row.pdf) if self.files else b"",
            pdf_sha256=row.pdf_sha256,
            by=self._who(row.by_id),
        )

    def _document(
        self, row: models.KeptFile, session: str | None = None, site: str = "", side: str = ""
    ) -> kept.Document:
        return kept.Document(
            key=_key(row, "file" if session is None else "image"),
            name=row.name,
            content_type=row.content_type,
            size_bytes=row.size_bytes,
            sha256=row.sha256,
            by=self._by(row),
            at=row.at,
            session=session,
            site=site,
            side=side,
            body=self._bytes(row) if self.files else None,
        )

    def _bytes(self, row: models.KeptFile) -> bytes:
        try:
            return image_files.fetch(row.sha256)
        except image_files.DamagedImage as damaged:
            raise DossierError(
                f"{row.name} of patient {self.row.number} is not in the data folder as it was "
                "attached. Bring the folder images back from a backup."
            ) from damaged

    def _arrangement(self, row: models.Arrangement) -> kept.Arrangement:
        parts = tuple(row.parts)
        return kept.Arrangement(
            _key(row), row.agreed_on, row.currency, parts, self._by(row), row.at
        )

    def _invoice(self, row: models.Invoice) -> kept.Invoice:
        arranged = row.arranged_id
        return kept.Invoice(
            key=_key(row),
            number=row.number,
            issued_on=row.issued_on,
            due_on=row.due_on,
            currency=row.currency,
            lines=tuple(
                kept.InvoiceLine(
                    _key(line, "line"), line.text, line.amount, line.code, line.item, line.units
                )
                for line in row.lines.all()
            ),
            session=None if row.session_id is None else f"session-{row.session_id}",
            arrangement=row.arrangement,
            arranged=None if arranged is None else f"arrangement-{arranged}",
            parts=tuple(row.parts),
            by=self._who(row.by_id),
        )

    def _entry(self, row: models.LedgerEntry) -> kept.Entry:
        return kept.Entry(
            key=_key(row, "entry"),
            kind=row.kind,
            on=row.on,
            paper=row.paper,
            number=row.number,
            amount=Money(row.amount, row.currency),
            at=row.at,
            method=row.method,
            invoice=None if row.invoice_id is None else f"invoice-{row.invoice_id}",
            about=None if row.about_id is None else f"entry-{row.about_id}",
            sessions=row.sessions,
            reason=row.reason,
            by=self._who(row.by_id),
        )
