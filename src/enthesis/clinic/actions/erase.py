"""Erase what a patient asks to be erased and no rule keeps: in one transaction, and written down.

What stays is never touched: the books and the log. When nothing more must be found by it, the name
goes too, and what stays points to a number. The order is from the leaves to the stem, because
every table protects what others point to.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import F, Max, Model, QuerySet
from django.utils import timezone

from enthesis.clinic import audit, image_files, models, store
from enthesis.clinic.actions import Refused, open_for_edit, save
from enthesis.clinic.models import Patient, User
from enthesis.journey.retention import Held, Judged, judge_retention
from enthesis.knowledge.kinds import Knowledge

ERASED = "Erased"


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased, by kind and table: how many rows."""

    patient: Patient
    judged: Judged
    counts: dict[str, int]


def held_of(patient: Patient) -> Held:
    """What the times are counted from: the last day on which anything was done, and paid."""
    of = {"course__patient": patient}
    treated = [
        models.Session.objects.filter(signed_at__isnull=False, **of).aggregate(on=Max("on"))["on"],
        models.Evaluation.objects.filter(**of).aggregate(on=Max("on"))["on"],
        models.Assessment.objects.filter(completed_at__isnull=False, **of).aggregate(on=Max("on"))[
            "on"
        ],
        models.Decision.objects.filter(**of).aggregate(on=Max("on"))["on"],
        models.AdverseEvent.objects.filter(**of).aggregate(on=Max("onset_on"))["on"],
        *patient.courses.values_list("series_ended_on", flat=True),
        *patient.courses.values_list("opened_on", flat=True),
    ]
    paid = [
        models.Invoice.objects.filter(**of).aggregate(on=Max("issued_on"))["on"],
        models.LedgerEntry.objects.filter(**of).aggregate(on=Max("on"))["on"],
        models.Estimate.objects.filter(**of).aggregate(on=Max("made_on"))["on"],
        models.Superbill.objects.filter(**of).aggregate(on=Max("made_on"))["on"],
    ]
    return Held(patient.born_on, _latest(treated), _latest(paid))


def _latest(days: list[date | None]) -> date | None:
    return max((on for on in days if on is not None), default=None)


def judged_for(patient: Patient, known: Knowledge, today: date) -> Judged:
    """What may go today, and what must stay until when."""
    return judge_retention(held_of(patient), known, today)


def preview(patient: Patient, judged: Judged) -> dict[str, int]:
    """What would be deleted: how many rows of each table."""
    return {name: rows.count() for name, rows in _rows(patient, judged) if rows.exists()}


@transaction.atomic
def erase(
    user: User, patient_id: int, asked: str, reason: str, typed_number: str, expected_version: int
) -> Erasure:
    """Erase what may go. `asked` is what the patient asks for, `reason` why it is done now; neither
    may name the patient, because the log keeps them. `typed_number` is the patient's number, typed
    again. Raises Refused, EditConflict."""
    patient = open_for_edit(user, Patient, patient_id, expected_version)
    today = store.today(patient.clinic)
    _check(patient, asked, reason, typed_number)
    judged = judged_for(patient, store.known_for(patient.clinic, today), today)
    counts: dict[str, int] = {}
    files = _kept_bytes(patient) if judged.may_go("record") else set()
    _close_doors(patient, counts)
    for name, rows in _rows(patient, judged):
        if number := rows.count():
            counts[name] = number
            rows.delete()
    from enthesis.clinic.actions import registry  # its tables: slow while a web server starts

    for course in patient.courses.all():
        registry.withdraw(user, course.pk, "The patient asked to be erased.")
    _pseudonymise(patient, judged, today)
    kept = {one.rule.id: str(one.until) for one in judged.answers if not one.may_go}
    detail = {"asked": asked, "reason": reason, "erased": counts, "kept": kept}
    audit.record(user, "erase_patient", patient, detail=detail)
    transaction.on_commit(lambda: _forget(files))
    return Erasure(patient, judged, counts)


def _check(patient: Patient, asked: str, reason: str, typed_number: str) -> None:
    for field, words in (("asked", asked), ("reason", reason)):
        if not words.strip():
            raise Refused("Write it down.", field)
        names = {*patient.family.lower().split(), *patient.given.lower().split()} - {""}
        if names & set(words.lower().replace(",", " ").replace(".", " ").split()):
            raise Refused("Leave the name out: the log keeps these words for ever.", field)
    if typed_number.strip() != str(patient.number):
        raise Refused("Type the patient's number, as it stands above.", "number")
    ahead = models.Appointment.objects.filter(
        course__patient=patient, state="booked", starts_at__gte=timezone.now()
    )
    if ahead.exists():
        raise Refused("Visits are booked ahead. Cancel them first.")
    drafts = models.Session.objects.filter(course__patient=patient, signed_at=None)
    if drafts.exists():
        raise Refused("A session is not signed yet. Sign it or discard it first.")


def _close_doors(patient: Patient, counts: dict[str, int]) -> None:
    """Every personal link stops, and nothing that waits is sent."""
    now, of = timezone.now(), {"course__patient": patient}
    links: list[QuerySet[Model]] = [
        models.AnswerLink.objects.filter(revoked_at=None, **of),
        models.ConsentLink.objects.filter(revoked_at=None, **of),
        models.EstimateLink.objects.filter(revoked_at=None, estimate__course__patient=patient),
    ]
    stopped = sum(one.update(revoked_at=now) for one in links)
    if stopped:
        counts["links stopped"] = stopped


def _rows(patient: Patient, judged: Judged) -> list[tuple[str, QuerySet[Model]]]:
    """The rows to be deleted, in the order in which nothing points to them any more."""
    of, in_session = {"course__patient": patient}, {"session__course__patient": patient}
    rows: list[tuple[str, QuerySet[Model]]] = []

    def add(name: str, model: type[Model], **which: object) -> None:
        rows.append((name, model._default_manager.filter(**which).order_by()))

    if judged.may_go("contact"):
        add("attempts to send", models.Attempt, message__course__patient=patient)
        add("messages", models.Message, **of)
        add("calls", models.CallAttempt, **of)
        add("wishes about contact", models.ContactChoice, patient=patient)
    if judged.may_go("papers"):
        add("estimates received", models.EstimateReceived, estimate__course__patient=patient)
        add("estimate links", models.EstimateLink, estimate__course__patient=patient)
        add("estimates", models.Estimate, **of)
        add("superbills", models.Superbill, **of)
    if judged.may_go("record"):
        add("entries of harms", models.AdverseEventEntry, event__course__patient=patient)
        add("harms", models.AdverseEvent, **of)
        add("decisions", models.Decision, **of)
        add("scores", models.TypedScore, **of)
        add("answers", models.Assessment, **of)
        add("answer links", models.AnswerLink, **of)
        add("consents", models.Consent, **of)
        add("consent links", models.ConsentLink, **of)
        add("summaries handed out", models.AidGiven, **of)
        add("files", models.CourseFile, **of)
        add("pictures", models.SessionImage, **in_session)
        add("amendments", models.Amendment, **in_session)
        add("cautions set aside", models.CautionSetAside, **in_session)
        add("places", models.SessionSite, **in_session)
        add("visits", models.Appointment, **of)
        add("evaluations", models.Evaluation, **of)
        # A plan that an estimate rests on goes with it.
        add("plans", models.Plan, course__in=_without_estimates(patient, judged))
        add("weights", models.Weight, patient=patient)
    return rows


def _without_estimates(patient: Patient, judged: Judged) -> QuerySet[models.Course]:
    courses = models.Course.objects.filter(patient=patient)
    return courses if judged.may_go("papers") else courses.filter(estimates=None)


def _pseudonymise(patient: Patient, judged: Judged, today: date) -> None:
    """Empty what stays of what says who it was, as far as it may go."""
    patient.phone = patient.email = ""
    if judged.may_go("record"):
        patient.allergies = patient.anticoagulant = ""
        patient.allergies_asked_on = None
        patient.courses.update(complaint="", source="", version=F("version") + 1)
        patient.courses.filter(closed_on=None).update(closed_on=today)
        models.Session.objects.filter(course__patient=patient).update(
            mixtures=[], recipe={}, lots={}, lot_expiries={}, site_scores={}, complications=[],
            day_checks={}, time_out={}, typed={}, note="", written="", needle="", guidance="",
            weight_kg=None, pain_before=None, pain_after=None,
        )  # fmt: skip
    if judged.name_may_go:
        patient.family, patient.given = ERASED, f"No. {patient.number}"
        patient.born_on, patient.sex = None, Patient.Sex.UNKNOWN
        patient.language = Patient.Language.ENGLISH
        patient.source = patient.source_key = ""
        models.Plan.objects.filter(course__patient=patient).update(agreed_name="")
    save(patient)


def _kept_bytes(patient: Patient) -> set[str]:
    """The contents that pictures and reports of the patient have, by their hash."""
    of: list[Callable[[], QuerySet[Model]]] = [
        lambda: models.CourseFile.objects.filter(course__patient=patient),
        lambda: models.SessionImage.objects.filter(session__course__patient=patient),
    ]
    return {sha256 for rows in of for sha256 in rows().values_list("sha256", flat=True)}


def _forget(hashes: set[str]) -> None:
    """Take files off the disk that no row of anybody names any more."""
    for sha256 in hashes:
        named = (models.CourseFile, models.SessionImage)
        if not any(kind._default_manager.filter(sha256=sha256).exists() for kind in named):
            image_files.forget(sha256)
