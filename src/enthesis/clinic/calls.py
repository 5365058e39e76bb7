"""Whom staff should call: the silent, and those who cannot be written to. Holds no rule.

Today shows the first of this list and its number. The months after the end are asked by a message
or a link only: who got neither is not silent, so that a clinic that sends nothing, or began to
yesterday, is not told to call everybody it ever treated. Safety is asked of everybody: who got no
link is called, for the two weeks in which it is asked at all.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import QuerySet
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
    """Now, later (a next try was agreed), and whom nobody may call. Where only the first of those
    to call now were asked for, only they are there; `number_now` is how many there are."""

    now: list[ToCall]
    later: list[ToCall]
    not_called: list[ToCall]
    number_now: int = 0


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
    clinic: models.Clinic,
    now: datetime,
    outlines: dict[int, records.Course] | None = None,
    most: int | None = None,
) -> CallList:
    """The clinic's call list, longest due first; safety before everything else.

    `outlines`: those of the open courses, where somebody has read them already. `most`: only so
    many of those to call now are shown, and no record of any other is read.
    """
    today = store.today(clinic)
    known, booked = store.known_for(clinic, today), outbox.next_sessions(clinic, now)
    outlines = store.open_outlines(clinic) if outlines is None else outlines
    asks = {
        pk: remind.asks(course, booked.get(pk), known, today) for pk, course in outlines.items()
    }
    asks = {pk: wanted for pk, wanted in asks.items() if wanted}
    reached = _reached(clinic, list(asks))
    due = [found for pk, wanted in asks.items() if (found := _due(pk, wanted, reached, today))]
    due.sort(key=lambda one: (one.ask.purpose is not Purpose.SAFETY, one.ask.due_on))
    tries = _tries(clinic, due)
    placed = [(_place(one, tries[one.course], reached, today), one) for one in due]
    lists = [
        [one for where, one in placed if where == place] for place in ("now", "later", "not_called")
    ]
    number = len(lists[0])
    if most is not None:
        lists = [lists[0][:most], [], []]
    shown = [one.course for them in lists for one in them]
    rows = models.Course.objects.select_related("patient").in_bulk(shown)
    filled = [
        [_line(rows[one.course], one, tries[one.course]) for one in them if one.course in rows]
        for them in lists
    ]
    return CallList(filled[0], filled[1], filled[2], number)


@dataclass(frozen=True)
class _Due:
    """The ask about which a patient is to be called, of a course, and why."""

    course: int
    ask: remind.Ask
    reason: str


@dataclass(frozen=True)
class _Asked:
    """What was asked: the asks whose message went out, and the days of links that staff made."""

    sent: frozenset[tuple[int, str]]
    links: Mapping[int, list[tuple[str, date]]]

    def about(self, course: int, ask: remind.Ask, until: date = date.max) -> bool:
        """Whether a message about it went out, or staff made a link for it, up to a day."""
        return (course, ask.key) in self.sent or any(
            occasion == ask.occasion and ask.asked_from <= on <= until
            for occasion, on in self.links.get(course, ())
        )


@dataclass(frozen=True)
class _Reached:
    """How the patients of some courses may be reached, and what hindered it."""

    asked: _Asked
    reminders_on: bool
    trouble: Mapping[tuple[int, str], str]
    wants: Mapping[tuple[int, str], bool]
    can_be_written_to: Collection[int]


def _asked(courses: "QuerySet[models.Course] | list[int]") -> _Asked:
    sent = models.Message.objects.filter(course__in=courses, state=models.Message.State.SENT)
    made = models.AnswerLink.objects.filter(course__in=courses)
    links = defaultdict[int, list[tuple[str, date]]](list)
    for course, occasion, at in made.exclude(questionnaire__in=answer.TO_READ).values_list(
        "course", "occasion", "made_at"
    ):
        links[course].append((occasion, timezone.localdate(at)))
    return _Asked(frozenset(sent.values_list("course", "ask")), links)


def _reached(clinic: models.Clinic, courses: list[int]) -> _Reached:
    failed = models.Message.objects.filter(course__in=courses, state__in=TROUBLE)
    chosen = models.ContactChoice.objects.filter(patient__courses__in=courses)
    addresses = models.Course.objects.filter(pk__in=courses).values_list(
        "pk", "patient__email", "patient__phone"
    )
    return _Reached(
        _asked(courses),
        clinic.reminders_on,
        # The last of each holds.
        {
            (course, ask): f"{models.Message.State(state).label}: {why}"
            for course, ask, state, why in failed.values_list("course", "ask", "state", "why")
        },
        {
            (course, way): wanted
            for course, way, wanted in chosen.values_list("patient__courses", "way", "wanted")
        },
        {pk for pk, email, phone in addresses if outbox.way_by(email, phone)},
    )


def _due(course: int, asks: tuple[remind.Ask, ...], reached: _Reached, today: date) -> _Due | None:
    """The newest ask about which somebody should call; None while nobody should."""
    for ask in asks:
        if ask.purpose is Purpose.SECOND_START:
            continue  # offered, never owed
        if reason := _reason(course, ask, reached, today):
            return _Due(course, ask, reason)
        if ask.purpose is not Purpose.MONTHS or reached.asked.about(course, ask):
            break
    return None


def _reason(course: int, ask: remind.Ask, reached: _Reached, today: date) -> str:
    """Why a person should call; empty: not yet, the messages go on."""
    if trouble := reached.trouble.get((course, ask.key)):
        return trouble
    if reached.reminders_on and not reached.wants.get((course, "messages"), True):
        return "Wants no messages"
    if reached.reminders_on and course not in reached.can_be_written_to:
        return "No address to write to"
    asked = reached.asked.about(course, ask)
    was_asked = ask.purpose not in (Purpose.SAFETY, Purpose.MONTHS) or asked
    if today < ask.call_on or (ask.purpose is Purpose.MONTHS and not was_asked):
        return ""
    if not was_asked:
        return "No link was sent: ask by telephone"
    days = (today - ask.due_on).days
    return f"Silent for {days} day{'' if days == 1 else 's'}"


def _tries(clinic: models.Clinic, due: list[_Due]) -> dict[int, list[models.CallAttempt]]:
    """The calls about what is wanted, by course, the last first."""
    since = {one.course: one.ask.due_on for one in due}
    found: dict[int, list[models.CallAttempt]] = {pk: [] for pk in since}
    calls = models.CallAttempt.objects.filter(course__in=list(since))
    for call in calls.order_by("-at", "id"):
        if store.day_of(clinic, call.at) >= since[call.course_id]:
            found[call.course_id].append(call)
    return found


def _place(one: _Due, tries: list[models.CallAttempt], reached: _Reached, today: date) -> str:
    if not reached.wants.get((one.course, "calls"), True):
        return "not_called"
    later = tries[0].next_try_on if tries else None
    return "later" if later and later > today else "now"


def _line(row: models.Course, one: _Due, tries: list[models.CallAttempt]) -> ToCall:
    wanted = PURPOSE_WORDS[one.ask.purpose]
    return ToCall(row, one.ask, wanted, one.reason, tries, tries[0].next_try_on if tries else None)


def completion(clinic: models.Clinic, today: date) -> list[Completion]:
    """What was answered of what was wanted, by occasion, over all courses, the closed ones too;
    of safety only what was asked."""
    courses = models.Course.objects.filter(patient__clinic=clinic)
    asked = _asked(courses)
    known, due, answered = store.known_for(clinic, today), Counter[Purpose](), Counter[Purpose]()
    for pk, course in store.outlines_of(courses).items():
        found = [*remind.completion(course, known, today)]
        for ask, until, came in remind.safety_completion(course, known, today):
            if asked.about(pk, ask, until):
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
