"""What the clinician decides beside what was suggested, kept so that it can be worked out again."""

from dataclasses import replace
from datetime import date
from typing import Any

from django.db import transaction

from enthesis import records
from enthesis.clinic import audit, store
from enthesis.clinic.actions import Refused, open_for_edit, save
from enthesis.clinic.models import Course, Decision, User
from enthesis.clinic.permissions import get_for
from enthesis.exchange.course_json import course_of, kept
from enthesis.journey import course as steps
from enthesis.journey.course import Move
from enthesis.journey.judge import judge
from enthesis.records import NextStep, Verdict
from enthesis.shape import plain, read

STEPS = frozenset(step.value for step in NextStep)


@transaction.atomic
def record_decision(
    user: User, course_id: int, decided: str, reason: str, seen: str | None = None
) -> Decision:
    """Append a decision with the verdict and its inputs.

    `seen` is the fingerprint of the course as the clinician saw it: if answers or anything else
    came in since, the decision is refused, because it was about something else. The same
    decision sent twice (a double click) is one.
    """
    row = get_for(user, Course, course_id, lock=True)
    today = store.today(row.patient.clinic)
    known = store.known_for(row.patient.clinic, today)
    course = store.course_record(row)
    inputs, fingerprint = kept(course)
    if seen and seen != fingerprint:
        return _sent_twice(row, decided, seen)
    verdict = judge(course, known, today)
    _check_choice(course, verdict, decided, reason)
    made = records.Decision(today, verdict.next_step, NextStep(decided), str(user), reason)
    after = replace(course, decisions=(*course.decisions, made))
    decision = save(
        Decision(
            course=row,
            on=today,
            suggested=verdict.next_step.value,
            decided=decided,
            reason=reason,
            verdict=plain(verdict),
            inputs=inputs,
            inputs_sha256=fingerprint,
            recheck_on=steps.next_recheck_on(after, known),
            by=user,
        )
    )
    # Deciding upon answers is having read them: they are nobody's worry any more.
    unread = row.assessments.filter(read_at=None).exclude(completed_at=None)
    read_ids = list(unread.values_list("pk", flat=True))
    unread.update(read_by=user, read_at=decision.at)
    detail = {"suggested": decision.suggested, "decided": decided, "read": read_ids}
    audit.record(user, "record_decision", decision, detail=detail)
    return decision


def _sent_twice(row: Course, decided: str, seen: str) -> Decision:
    last = row.decisions.last()
    if last and last.inputs_sha256 == seen and last.decided == decided:
        return last
    raise Refused(
        "Something new came in after you opened this page. Look at the suggestion as it stands "
        "now, then decide."
    )


def _check_choice(course: records.Course, verdict: Verdict, decided: str, reason: str) -> None:
    if decided not in STEPS:
        raise Refused("Choose one of the five next steps.", "decided")
    try:
        steps.check(course, Move(decided))
    except steps.MoveError as error:
        raise Refused(str(error), "decided") from error
    if decided != verdict.next_step and not reason.strip():
        raise Refused(
            "You decide otherwise than suggested. Write the reason, in a few words.", "reason"
        )


def recompute(decision: Decision) -> Verdict:
    """The verdict again, from the inputs kept beside it and the rules of that day."""
    course = course_of(decision.inputs)
    rules_of = date.fromisoformat(decision.verdict["rules_of"])
    known = store.known_for(decision.course.patient.clinic, rules_of)
    return judge(course, known, decision.on)


def stored_verdict(decision: Decision) -> Verdict:
    """The verdict as it was shown when the decision was made."""
    stored: Any = decision.verdict
    return read(Verdict, stored, f"decision {decision.pk}")


@transaction.atomic
def close_course(user: User, course_id: int, expected_version: int | None) -> Course:
    """End the watch for good. Refused while the course is in the middle of its series."""
    row = open_for_edit(user, Course, course_id, expected_version)
    today = store.today(row.patient.clinic)
    try:
        steps.check(store.course_record(row), Move.CLOSE)
    except steps.MoveError as error:
        raise Refused(str(error)) from error
    row.closed_on = today
    save(row)
    audit.record(user, "close_course", row)
    return row
