"""Bring a sheet of patients and courses, kept elsewhere until now, into the clinic.

A patient is known by the sheet's source and key: importing twice adds nothing, and what differs
the second time is told, never overwritten.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, Prefetch
from django.utils import timezone

from enthesis.clinic.actions.patients import FIRST_NUMBER
from enthesis.clinic.models import Assessment, AuditEvent, Clinic, Course, Patient, User
from enthesis.exchange.spreadsheet import CELL, Rejection, Sheet, SheetPatient
from enthesis.shape import plain

BATCH = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the sheet now says otherwise than the clinic; the clinic's is kept."""

    key: str
    row: int
    what: str
    here: str
    in_sheet: str


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What was done (`written`), or would be. `already` counts patients imported before."""

    added: int
    already: int
    differences: tuple[Difference, ...]
    rejections: tuple[Rejection, ...]
    written: bool


@transaction.atomic
def import_sheet(
    clinic: Clinic,
    source: str,
    sheet: Sheet,
    *,
    actor: str,
    user: User | None = None,
    keep_good: bool = False,
    dry_run: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportResult:
    """Write the sheet's new patients with their courses and answers, all or nothing.

    With `keep_good` the good rows are written though others are rejected; with `dry_run` nothing
    is. `actor` is the name for the audit rows, `user` who it was if somebody was signed in.
    """
    # Held so that two imports at once cannot give out the same patient numbers.
    Clinic.objects.select_for_update().get(pk=clinic.pk)
    here = _imported_before(clinic, source)
    new = [patient for patient in sheet.patients if patient.key not in here]
    known = [patient for patient in sheet.patients if patient.key in here]
    rows = {patient.key: _patient_row(clinic, source, patient) for patient in new}
    unfit = tuple(_unfit(new, rows))
    rejected_rows = {rejection.row for rejection in unfit}
    good = [patient for patient in new if patient.rows[0] not in rejected_rows]
    rejections = (*sheet.rejections, *unfit)
    written = not dry_run and (keep_good or not rejections)
    if written:
        writer = AuditEvent(clinic=clinic, user=user, actor=actor)
        _write(writer, [(patient, rows[patient.key]) for patient in good], progress)
    return ImportResult(
        added=len(good),
        already=len(known),
        differences=tuple(d for patient in known for d in _compare(patient, here[patient.key])),
        rejections=rejections,
        written=written,
    )


def _imported_before(clinic: Clinic, source: str) -> dict[str, Patient]:
    answers = Prefetch("assessments", Assessment.objects.filter(source="import"))
    courses = Prefetch("courses", Course.objects.filter(source=source).prefetch_related(answers))
    patients = Patient.objects.filter(clinic=clinic, source=source).prefetch_related(courses)
    return {patient.source_key: patient for patient in patients}


def _patient_row(clinic: Clinic, source: str, patient: SheetPatient) -> Patient:
    return Patient(
        clinic=clinic,
        number=0,
        family=patient.family,
        given=patient.given,
        born_on=patient.born_on,
        sex=patient.sex,
        source=source,
        source_key=patient.key,
    )


def _course_row(patient: SheetPatient, row: Patient) -> Course:
    course = patient.course
    return Course(
        patient=row,
        condition=course.condition,
        side=course.side.value,
        complaint=patient.complaint,
        opened_on=course.opened_on,
        series_ended_on=course.series_ended_on,
        closed_on=course.closed_on,
        source=row.source,
    )


def _unfit(patients: list[SheetPatient], rows: dict[str, Patient]) -> Iterator[Rejection]:
    """What the tables themselves refuse: texts too long for their columns."""
    for patient in patients:
        row = rows[patient.key]
        for record in (row, _course_row(patient, row)):
            try:
                record.clean_fields(exclude=["clinic", "patient", "clinician"])
            except ValidationError as error:
                for field, messages in error.message_dict.items():
                    value = str(getattr(record, field))
                    reason = messages[0].rstrip(".")
                    yield Rejection(patient.rows[0], field, value, reason, CELL)


def _write(
    writer: AuditEvent,
    pairs: list[tuple[SheetPatient, Patient]],
    progress: Callable[[int, int], None],
) -> None:
    last = Patient.objects.filter(clinic=writer.clinic).aggregate(last=Max("number"))["last"]
    for number, (_, row) in enumerate(pairs, start=(last or FIRST_NUMBER - 1) + 1):
        row.number = number
    for start in range(0, len(pairs), BATCH):
        _write_batch(writer, pairs[start : start + BATCH])
        progress(min(start + BATCH, len(pairs)), len(pairs))


def _write_batch(writer: AuditEvent, pairs: list[tuple[SheetPatient, Patient]]) -> None:
    patients = Patient.objects.bulk_create([row for _, row in pairs])
    courses = Course.objects.bulk_create([_course_row(p, row) for p, row in pairs])
    Assessment.objects.bulk_create(
        answers
        for (patient, _), course in zip(pairs, courses, strict=True)
        for answers in _assessment_rows(patient, course)
    )
    AuditEvent.objects.bulk_create(
        _event(writer, action, record, row, sheet.rows)
        for (sheet, _), patient, course in zip(pairs, patients, courses, strict=True)
        for action, record, row in (
            ("import_patient", "patient", patient),
            ("import_course", "course", course),
        )
    )


def _assessment_rows(patient: SheetPatient, course: Course) -> Iterator[Assessment]:
    now = timezone.now()
    for given in patient.course.assessments:
        yield Assessment(
            course=course,
            on=given.on,
            occasion=given.occasion.value,
            questionnaire=given.questionnaire,
            answers=plain(given.answers),
            source=given.source,
            completed_at=now,
            # Old answers are nobody's news: they must not turn up as unread on Today.
            read_at=now,
        )


def _event(
    writer: AuditEvent, action: str, record: str, row: Patient | Course, rows: Any
) -> AuditEvent:
    return AuditEvent(
        clinic=writer.clinic,
        user=writer.user,
        actor=writer.actor,
        action=action,
        patient=row if isinstance(row, Patient) else row.patient,
        record=record,
        record_id=row.pk,
        detail={"source": row.source, "rows": list(rows)},
    )


def _compare(sheet: SheetPatient, here: Patient) -> Iterator[Difference]:
    """The sheet against what an earlier import wrote."""
    course = here.courses.all()[0]
    facts = (
        ("family name", here.family, sheet.family),
        ("given name", here.given, sheet.given),
        ("sex", here.sex, sheet.sex),
        ("birth date", here.born_on, sheet.born_on),
        ("side", course.side, sheet.course.side.value),
        ("complaint", course.complaint, sheet.complaint),
        ("end of the series", course.series_ended_on, sheet.course.series_ended_on),
    )
    before = {a.on: plain(a.answers) for a in course.assessments.all()}
    now = {a.on: plain(a.answers) for a in sheet.course.assessments}
    days = sorted(before | now)
    answers = ((f"answers of {on}", before.get(on, "none"), now.get(on, "none")) for on in days)
    for what, old, new in (*facts, *answers):
        if old != new:
            yield Difference(sheet.key, sheet.rows[0], what, str(old), str(new))
