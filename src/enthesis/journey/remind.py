"""What a patient is to be asked, and which reminder of it is wanted now.

Nothing is remembered here: from the facts of a course the same asks follow on any day, with the
same keys. So a reminder can be lost nowhere, and a key that was sent is not sent again. A new
session moves everything after it, because the asks of the one before are then no longer wanted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from enum import StrEnum

from enthesis.journey import before, follow
from enthesis.journey.course import Phase, months_after, phase, treatment_ended_on
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Course, Occasion


class Purpose(StrEnum):
    """What the patient is asked for."""

    START = "start"
    SECOND_START = "second_start"
    SAFETY = "safety"
    SESSION = "session"
    MONTHS = "months"


@dataclass(frozen=True)
class Ask:
    """Answers that are wanted since `due_on` and have not come; a person calls from `call_on`.
    What was asked from `asked_from` on was asked about this."""

    key: str
    purpose: Purpose
    occasion: Occasion
    due_on: date
    call_on: date
    asked_from: date


@dataclass(frozen=True)
class Reminder:
    """One message to be sent once: `key` names it for ever; `number` 0 is the first."""

    key: str
    ask: Ask
    number: int


def asks(
    course: Course, next_session_on: date | None, known: Knowledge, today: date
) -> tuple[Ask, ...]:
    """What the course waits for today, newest first; none for a closed course.

    `next_session_on` is the booked session after today, if there is one.
    """
    if phase(course) is Phase.CLOSED:
        return ()
    found = [*_safety(course, known, today), *_next(course, next_session_on, known)]
    found += _second_start(course, known)
    if not any(ask.purpose is Purpose.START for ask in found):
        found += _months(course, known, today)
    lost = timedelta(days=known.stop_rule.lost_after_days)
    wanted = (ask for ask in found if ask.due_on <= today <= ask.due_on + lost)
    return tuple(sorted(wanted, key=lambda ask: ask.due_on, reverse=True))


def reminders(
    course: Course, next_session_on: date | None, known: Knowledge, today: date
) -> tuple[Reminder, ...]:
    """The reminder of each ask that is wanted today: after a pause only the latest, not all."""
    rules, found = known.reminder_rules, []
    for ask in asks(course, next_session_on, known, today):
        waited = (today - ask.due_on).days
        safety = ask.purpose is Purpose.SAFETY
        repeats = rules.safety_repeat_after_days if safety else rules.repeat_after_days
        if waited <= rules.give_up_after_days:
            number = sum(days <= waited for days in repeats)
            found.append(Reminder(f"{ask.key}/{number}", ask, number))
    return tuple(found)


def _ask(
    course: Course, known: Knowledge, purpose: Purpose, of: object, occasion: Occasion, on: date
) -> Ask:
    rules = known.reminder_rules
    safety = purpose is Purpose.SAFETY
    days = rules.safety_call_after_days if safety else rules.call_after_days
    key = f"course/{course.id}/{purpose}/{of}"
    early = rules.safety_after_days if safety else known.stop_rule.answer_overdue_days
    asked_from = on - timedelta(days=early)
    return Ask(key, purpose, occasion, on, on + timedelta(days=days), asked_from)


def _safety(course: Course, known: Knowledge, today: date) -> Iterator[Ask]:
    """Some days after the last session; any answer since then says how the patient is."""
    if course.sessions:
        last = max(course.sessions, key=lambda s: (s.on, s.number))
        on = last.on + timedelta(days=known.reminder_rules.safety_after_days)
        old = on + timedelta(days=known.reminder_rules.give_up_after_days)
        if today <= old and not any(a.on > last.on for a in course.assessments):
            yield _ask(course, known, Purpose.SAFETY, last.number, Occasion.AFTER_SESSION, on)


def _next(course: Course, next_session_on: date | None, known: Knowledge) -> Iterator[Ask]:
    """Before the first session, and before each next one: by the booking, else by the plan."""
    occasion, on = follow.next_answers(course, known) or (Occasion.RECHECK, date.min)
    if occasion is Occasion.BASELINE:
        yield _ask(course, known, Purpose.START, on, occasion, on)
    elif occasion is Occasion.AFTER_SESSION:
        if next_session_on is not None:
            first = max(s.on for s in course.sessions) + timedelta(known.stop_rule.ask_after_days)
            on = max(first, next_session_on - timedelta(days=known.stop_rule.ask_before_days))
        yield _ask(course, known, Purpose.SESSION, len(course.sessions), occasion, on)


def _second_start(course: Course, known: Knowledge) -> Iterator[Ask]:
    """Offered, never owed: it is no part of `completion`, and nobody calls about it."""
    on = before.second_start_on(course, known)
    if on is not None and course.plan is not None:
        yield _ask(course, known, Purpose.SECOND_START, on, Occasion.BASELINE, on)


def _months(course: Course, known: Knowledge, today: date) -> Iterator[Ask]:
    """At the last of the months after the end of treatment that has come, unless answered."""
    ended = treatment_ended_on(course)
    past = [(m, on) for m, on in follow_ups(course, known) if on <= today]
    if past and ended is not None:
        months, on = past[-1]
        early = timedelta(days=known.stop_rule.answer_overdue_days)
        if not any(a.on >= on - early for a in course.assessments):
            of = f"{ended}+{months}"
            yield _ask(course, known, Purpose.MONTHS, of, Occasion.RECHECK, on)


def follow_ups(course: Course, known: Knowledge) -> tuple[tuple[int, date], ...]:
    """The months after the end of treatment, with their days: the clinic's and the agreed ones."""
    ended = treatment_ended_on(course)
    agreed = course.plan.stop_rule.recheck_months if course.plan is not None else ()
    months = sorted({*known.reminder_rules.follow_up_months, *agreed})
    return () if ended is None else tuple((m, months_after(ended, m)) for m in months)


def completion(course: Course, known: Knowledge, today: date) -> Iterator[tuple[Purpose, bool]]:
    """Of everything that was wanted by today whether it came: the start, after each session until
    the next, and after the months until the next. The patient's call list is what is still open.

    Nothing is asked once a course is closed, so what fell due after that does not count."""
    until = min(today, course.closed_on or today)
    real = [a for a in course.assessments if a.questionnaire != follow.SAFETY]
    sessions = sorted(s.on for s in course.sessions)
    if course.plan is not None and course.plan.agreed_on is not None:
        yield Purpose.START, any(a.occasion is Occasion.BASELINE for a in real)
    for on, following in zip(sessions, [*sessions, date.max][1:], strict=True):
        if following != date.max or on + timedelta(known.stop_rule.ask_after_days) <= until:
            yield Purpose.SESSION, any(on < a.on <= following for a in real)
    due = [on for _, on in follow_ups(course, known) if on <= until]
    early = timedelta(days=known.stop_rule.answer_overdue_days)
    for on, following in zip(due, [*due, date.max][1:], strict=True):
        ends = following if following == date.max else following - early
        yield Purpose.MONTHS, any(on - early <= a.on < ends for a in real)


def safety_completion(
    course: Course, known: Knowledge, today: date
) -> Iterator[tuple[Ask, date, bool]]:
    """The safety ask of each session whose day has come, until when it stood, and whether any
    answer came in that time. Whether it was asked at all is not known here."""
    sessions = sorted(course.sessions, key=lambda s: (s.on, s.number))
    ends = [*(s.on for s in sessions), date.max][1:]
    for session, following in zip(sessions, ends, strict=True):
        on = session.on + timedelta(days=known.reminder_rules.safety_after_days)
        if on <= today:
            ask = _ask(course, known, Purpose.SAFETY, session.number, Occasion.AFTER_SESSION, on)
            came = any(session.on < a.on <= following for a in course.assessments)
            yield ask, following, came


def is_quiet(at: time, quiet_from: time, quiet_to: time) -> bool:
    """Whether nothing is sent at a time of the clinic's day; the hours may span midnight."""
    if quiet_from <= quiet_to:
        return quiet_from <= at < quiet_to
    return at >= quiet_from or at < quiet_to


def retry_after(tries: int, known: Knowledge) -> timedelta | None:
    """How long to wait after so many refusals for now; None: no more, a person calls."""
    waits = known.reminder_rules.retry_after_minutes
    return timedelta(minutes=waits[tries - 1]) if tries <= len(waits) else None
