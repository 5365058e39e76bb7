"""In words: the change before any needle, the second start that is offered, what is expected."""

from dataclasses import dataclass
from datetime import date

from enthesis.clinic.pages.ask import said
from enthesis.clinic.timeline import day
from enthesis.journey import before
from enthesis.journey.screens import score_words
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Course

LABELS = {
    "expect_relief": "Pain gone after 3 months",
    "expect_help": "Sure that it helps",
    "prefer": "Would choose",
    "prefer_else": "Without injections",
}


@dataclass(frozen=True)
class Before:
    """What the page of a course and that of its plan say; an empty text has nothing to say."""

    change: str
    offer: str
    is_due: bool
    expected: tuple[tuple[str, str], ...]
    source: str


def before_words(course: Course, known: Knowledge, today: date) -> Before | None:
    """None where there is nothing of it: no start, nothing offered, nothing expected."""
    on, found = before.second_start_on(course, known), before.two_starts(course, known)
    told, questions = before.expected(course), known.questions("six_signs")
    expected = tuple((LABELS[id], said(questions[id], dict(told))) for id in LABELS if id in told)
    if on is None and found is None and not expected:
        return None
    due = on is not None and on <= today
    return Before(
        change=_change(found) if found else "",
        offer=_offer(on, due, known) if on else "",
        is_due=due,
        expected=expected,
        source=known.second_start.source,
    )


def _change(found: before.Starts) -> str:
    gained = found.gained
    points = f"{score_words(abs(gained))} point{'' if abs(gained) == 1 else 's'}"
    moved = f"{points} better" if gained > 0 else f"{points} worse" if gained else "unchanged"
    error = {
        None: " Its measuring error is not known.",
        True: " That is beyond measuring error.",
        False: f" That is within measuring error ({found.measure.error}).",
    }[found.is_real]
    name, first, second = found.measure.name, found.first, found.second
    return (
        f"{name} {score_words(first.value)} on {day(first.on)}, {score_words(second.value)} on "
        f"{day(second.on)}: {moved} in {found.days} days, before any needle.{error}"
    )


def _offer(on: date, due: bool, known: Knowledge) -> str:
    days = known.second_start.after_days
    since = f"due since {day(on)}" if due else f"due from {day(on)}"
    return (
        f"A second start is {since}, {days} days after the first, as long as nothing is injected: "
        "what pain does by then, it does without treatment. Offered, never needed."
    )
