"""Whom staff should call: the silent, and those who cannot be written to. Holds no rule.

Today shows the first of this list and its number. The months after the end are asked by a message
or a link only: who got neither is not silent, so that a clinic that sends nothing, or began to
yesterday, is not told to call everybody it ever treated. Safety is asked of everybody: who got no
link is called, for the two weeks in which it is asked at all.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from enthesis import records
from enthesis.clinic import models, sender, store
from enthesis.clinic.actions import answer, outbox
from enthesis.journey import remind
from enthesis.journey.remind import Purpose

PURPOSE_WORDS = {
    Purpose.START: "Before treatment",
    Purpose.SAFETY: "Safety, days after a session",
    Purpose.SESSION: "Before the next session",
    Purpose.MONTHS: "Months after the last session",
}
TROUBLE = (models.Message.State.FAILED, models.Message.State.UNCLEAR)


@dataclass(frozen=True)
class ToCall:
    """One silent patient: what is wanted since when, why a person calls, and what was tried."""

    course: models.Course
    ask: remind.Ask
    wanted: str
    reason: str
    tries: list[models.CallAttempt]
    next_try_on: date | None


@dataclass(frozen=True)
class CallList:
    """Now, later (a next try was agreed), and whom nobody may call."""

    now: list[ToCall]
    later: list[ToCall]
    not_called: list[ToCall]


@dataclass(frozen=True)
class Completion:
    """Of so many sets of answers that were wanted, so many came."""

    words: str
    answered: int
    due: int

    @property
    def percent(self) -> int | None:
        """In whole percent; None where nothing was wanted yet."""
        return round(100 * self.answered / self.due) if self.due else None


def call_list(
    clinic: models.Clinic, now: datetime, outlines: dict[int, records.Course] | None = None
) -> CallList:
    """The clinic's call list, longest due first; safety before everything else. `outlines`: those
    of the open courses, where somebody has read them already."""
    today = store.today(clinic)
    courses = models.Course.objects.filter(patient__clinic=clinic, closed_on=None)
    rows = list(
        courses.select_related("patient__clinic").prefetch_related(
            "calls__by", "messages", "links", "patient__contact_choices"
        )
    )
    known, found = store.known_for(clinic, today), CallList([], [], [])
    booked = outbox.next_sessions(clinic, now)
    outlines = store.open_outlines(clinic) if outlines is None else outlines
    for row, course in ((row, outlines[row.pk]) for row in rows if row.pk in outlines):
        for ask in remind.asks(course, booked.get(row.pk), known, today):
            if ask.purpose is Purpose.SECOND_START:
                continue  # offered, never owed
            reason = _reason(row, ask, today)
            if reason:
                _place(found, _line(row, ask, reason), today)
            if reason or ask.purpose is not Purpose.MONTHS or _was_asked(row, ask):
                break
    for lines in (found.now, found.later, found.not_called):
        lines.sort(key=lambda one: (one.ask.purpose is not Purpose.SAFETY, one.ask.due_on))
    return found


def _reason(row: models.Course, ask: remind.Ask, today: date) -> str:
    """Why a person should call; empty: not yet, the messages go on."""
    clinic = row.patient.clinic
    trouble = [m for m in row.messages.all() if m.ask == ask.key and m.state in TROUBLE]
    if trouble:
        return f"{trouble[-1].get_state_display()}: {trouble[-1].why}"
    if clinic.reminders_on and not outbox.wants(row.patient, "messages"):
        return "Wants no messages"
    if clinic.reminders_on and outbox.way_of(row.patient) is None:
        return "No address to write to"
    was_asked = ask.purpose not in (Purpose.SAFETY, Purpose.MONTHS) or _was_asked(row, ask)
    if today < ask.call_on or (ask.purpose is Purpose.MONTHS and not was_asked):
        return ""
    if not was_asked:
        return "No link was sent: ask by telephone"
    days = (today - ask.due_on).days
    return f"Silent for {days} day{'' if days == 1 else 's'}"


def _was_asked(row: models.Course, ask: remind.Ask, until: date = date.max) -> bool:
    """Whether a message about it went out, or staff made a link for it, up to a day."""
    if any(m.ask == ask.key and m.state == models.Message.State.SENT for m in row.messages.all()):
        return True
    links = (
        one
        for one in row.links.all()
        if one.occasion == ask.occasion and one.questionnaire not in answer.TO_READ
    )
    return any(ask.asked_from <= timezone.localdate(one.made_at) <= until for one in links)


def _line(row: models.Course, ask: remind.Ask, reason: str) -> ToCall:
    calls = sorted(row.calls.all(), key=lambda call: call.at, reverse=True)
    clinic = row.patient.clinic
    tries = [call for call in calls if store.day_of(clinic, call.at) >= ask.due_on]
    wanted = PURPOSE_WORDS[ask.purpose]
    return ToCall(row, ask, wanted, reason, tries, tries[0].next_try_on if tries else None)


def _place(found: CallList, line: ToCall, today: date) -> None:
    if not outbox.wants(line.course.patient, "calls"):
        found.not_called.append(line)
    elif line.next_try_on and line.next_try_on > today:
        found.later.append(line)
    else:
        found.now.append(line)


def completion(clinic: models.Clinic, today: date) -> list[Completion]:
    """What was answered of what was wanted, by occasion, over all courses, the closed ones too;
    of safety only what was asked."""
    courses = models.Course.objects.filter(patient__clinic=clinic).select_related("patient")
    rows = list(courses.prefetch_related("messages", "links"))
    known, due, answered = store.known_for(clinic, today), Counter[Purpose](), Counter[Purpose]()
    for row, course in zip(rows, store.course_outlines(rows), strict=True):
        found = [*remind.completion(course, known, today)]
        for ask, until, came in remind.safety_completion(course, known, today):
            if _was_asked(row, ask, until):
                found.append((ask.purpose, came))
        for purpose, came in found:
            due[purpose] += 1
            answered[purpose] += came
    return [Completion(PURPOSE_WORDS[p], answered[p], due[p]) for p in PURPOSE_WORDS]


def messages_line(clinic: models.Clinic) -> str:
    """Why no reminder can be sent, for Today and Settings; empty while all is well or none is
    wanted."""
    why = sender.why_waiting(clinic) if clinic.reminders_on or clinic.alert_email else None
    if why is None:
        return ""
    if not clinic.reminders_on:
        return f"A warning answer shows on Today, but cannot be written to you: {why}"
    rows = models.Message.objects.filter(course__patient__clinic=clinic)
    waiting = rows.filter(state=models.Message.State.WAITING).count()
    if not waiting:
        return f"Reminders are switched on, but none can be sent: {why}"
    verb = "message waits" if waiting == 1 else "messages wait"
    return f"{waiting} {verb} and cannot be sent: {why}"
