"""Writing down an evaluation. It is appended: an earlier one is never changed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from types import MappingProxyType

from django.db import transaction

from enthesis import records
from enthesis.clinic import audit, store
from enthesis.clinic.actions import EditConflict, Refused, appointments, refuse_aside, save
from enthesis.clinic.models import Course, Evaluation, Patient, User
from enthesis.clinic.permissions import get_for
from enthesis.journey import allergies
from enthesis.journey.course import Move, MoveError, check
from enthesis.journey.evaluate import evaluate
from enthesis.records import Answer, Candidacy, EvaluationResult, Row
from enthesis.shape import plain

HARD_STOPS = frozenset({Candidacy.REFER_FIRST, Candidacy.NOT_SUITABLE})
"""What only a clinician can set aside, with a reason."""
GOES_ON = frozenset({Candidacy.SUITABLE, Candidacy.SUITABLE_WITH_CARE})
"""The answers of an evaluation that a plan and a session may follow."""
WRITTEN_MOST = Patient._meta.get_field("allergies").max_length or 0


@transaction.atomic
def save_evaluation(
    user: User,
    course_id: int,
    answers: Mapping[str, Answer],
    cleared: Mapping[str, str],
    today: date,
    expected_last: int | None,
    rows: Mapping[str, tuple[Row, ...]] = MappingProxyType({}),
) -> Evaluation:
    """Append an evaluation with the result of today's rules.

    `cleared` maps hard stops to the clinician's reason; those that were not found are left out.
    A reason that is blank clears nothing. Refused where somebody else than a clinician gives one.
    EditConflict if another evaluation than `expected_last` (an id) is the latest by now.
    """
    cleared = {rule: reason.strip() for rule, reason in cleared.items()}
    refuse_aside(user, cleared.values())
    course = get_for(user, Course, course_id, lock=True)
    last = course.evaluations.last()
    if last is not None and last.pk != expected_last:
        raise EditConflict(last)
    check_move(course, Move.EVALUATE)
    answers = _with_allergies(user, course.patient_id, answers, today)
    written, result = _evaluated(course, records.Evaluation(today, answers, cleared, rows))
    row = save(
        Evaluation(
            course=course,
            on=today,
            answers=plain(written.answers),
            cleared=dict(written.cleared),
            rows=plain(written.rows),
            result=plain(result),
            by=user,
        )
    )
    appointments.mark_done(user, course, "evaluation", today)
    detail = {"answer": row.result["answer"], "cleared": sorted(written.cleared)}
    audit.record(user, "save_evaluation", row, detail=detail)
    return row


def _with_allergies(
    user: User, patient_id: int, answers: Mapping[str, Answer], today: date
) -> Mapping[str, Answer]:
    """The answers with what the patient's record says; the record gets what they add.
    Refused where they deny what the record names."""
    patient = get_for(user, Patient, patient_id, lock=True)
    known = store.known_for(patient.clinic, today)
    if allergies.left_out(answers, patient.allergies, known):
        raise Refused(
            f"The patient’s record says: {patient.allergies}. Tick it here too, or correct the "
            "record first.",
            allergies.KINDS,
        )
    answers = allergies.carried(answers, patient.allergies, known)
    told = allergies.for_record(answers, patient.allergies, known)
    if told is not None and len(told) <= WRITTEN_MOST:
        patient.allergies, patient.allergies_asked_on = told, today
        save(patient)
        audit.record(user, "change_patient", patient, detail={"changed": ["allergies"]})
    return answers


def _evaluated(
    course: Course, asked: records.Evaluation
) -> tuple[records.Evaluation, EvaluationResult]:
    known = store.known_for(course.patient.clinic, asked.on)
    condition, born_on = known.conditions[course.condition], course.patient.born_on
    found = evaluate(replace(asked, cleared={}), condition, born_on, known).findings
    hard = {finding.rule for finding in found if finding.leads_to in HARD_STOPS}
    kept = {rule: reason for rule, reason in asked.cleared.items() if rule in hard and reason}
    written = replace(asked, cleared=kept)
    return written, evaluate(written, condition, born_on, known)


def check_move(course: Course, move: Move) -> records.Course:
    """The course as a record; Refused, with the reason, where its phase does not allow a move."""
    record = store.course_record(course)
    refuse_move(record, move)
    return record


def refuse_move(record: records.Course, move: Move) -> None:
    """Refused, with the reason, where the phase of a course does not allow a move."""
    try:
        check(record, move)
    except MoveError as error:
        raise Refused(str(error)) from error


def check_suitable(last: Evaluation | None) -> None:
    """Refused, with the reason, unless the last evaluation lets a plan or a session follow."""
    answer = last.result["answer"] if last else None
    if answer not in GOES_ON:
        word = str(answer or "no answer yet").replace("_", " ")
        raise Refused(
            f"The last evaluation says: {word}. Plans and sessions need one that says suitable, or "
            "suitable with care. Evaluate again, or set the finding aside with a reason."
        )
