"""When a patient is written to and called, by tables of whole courses."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest

from enthesis.journey import follow, remind
from enthesis.journey.plan import propose
from enthesis.journey.remind import Purpose
from enthesis.knowledge.load import knowledge
from enthesis.records import (
    Assessment,
    Course,
    Decision,
    Evaluation,
    NextStep,
    Occasion,
    Session,
    Side,
)

KNOWN = knowledge(date(2026, 11, 26))
FIRST = date(2026, 3, 2)
PLAN = replace(
    propose(
        KNOWN.conditions["low_back"].protocols[0], Side.LEFT, KNOWN, KNOWN.tariff["session"].usual
    ),
    agreed_on=FIRST - timedelta(10),
)
START = Assessment(
    FIRST - timedelta(5), Occasion.BASELINE, "six_signs", {"pain": Decimal(7)}, "patient"
)


def course(*days: int, answers: tuple[Assessment, ...] = (START,), **facts: object) -> Course:
    """A course with a session on each day after the first."""
    sessions = tuple(
        Session(n, FIRST + timedelta(day), (), ()) for n, day in enumerate(days, start=1)
    )
    given = {
        "id": "12",
        "condition": "low_back",
        "side": Side.LEFT,
        "born_on": None,
        "opened_on": FIRST - timedelta(12),
        "evaluation": Evaluation(FIRST - timedelta(12), {}),
        "plan": PLAN,
        "sessions": sessions,
        "assessments": answers,
    }
    return Course(**{**given, **facts})  # type: ignore[arg-type]


def said(day: int, questionnaire: str = "six_signs") -> Assessment:
    """An answer so many days after the first session."""
    on = FIRST + timedelta(day)
    return Assessment(on, Occasion.AFTER_SESSION, questionnaire, {"pain": Decimal(5)}, "patient")


def keys(of: Course, day: int, booked: int | None = None) -> list[str]:
    """The reminders wanted on a day after the first session, without the course in front."""
    booked_on = None if booked is None else FIRST + timedelta(booked)
    found = remind.reminders(of, booked_on, KNOWN, FIRST + timedelta(day))
    return [reminder.key.removeprefix("course/12/") for reminder in found]


CLOSED = course(0, closed_on=FIRST + timedelta(1))
SCHEDULE = [
    ("nothing before the plan is agreed", course(plan=None, answers=()), -11, []),
    ("the start, at once", course(answers=()), -10, ["start/2026-02-20/0"]),
    ("the start, once more", course(answers=()), -7, ["start/2026-02-20/1"]),
    ("the start is known", course(), -1, []),
    ("nothing on the day after a session", course(0), 1, []),
    ("safety on the second day", course(0), 2, ["safety/1/0"]),
    ("safety once more", course(0), 3, ["safety/1/1"]),
    ("safety answered", course(0, answers=(START, said(2, follow.SAFETY))), 3, []),
    ("after a long pause only the last reminder", course(0), 15, ["safety/1/1"]),
    ("a new session begins safety anew", course(0, 14), 16, ["safety/2/0"]),
    ("nothing of a closed course", CLOSED, 2, []),
]


@pytest.mark.parametrize(("name", "of", "day", "wanted"), SCHEDULE, ids=[s[0] for s in SCHEDULE])
def test_it_wants(name: str, of: Course, day: int, wanted: list[str]) -> None:
    assert [key for key in keys(of, day) if not key.startswith("session")] == wanted


def test_safety_is_asked_after_24_hours_whatever_the_hour_and_called_about_before_72_are_over() -> (
    None
):
    given = course(0)
    (ask,) = (
        a for a in remind.asks(given, None, KNOWN, FIRST + timedelta(2)) if a.purpose == "safety"
    )
    session = datetime.combine(FIRST, time(23, 59))
    assert datetime.combine(ask.due_on, time()) - session >= timedelta(hours=24)
    assert datetime.combine(ask.call_on, time()) - session < timedelta(hours=72)
    assert not remind.asks(given, None, KNOWN, FIRST + timedelta(1))


def test_a_safety_answer_does_not_stand_for_the_answers_before_the_next_session() -> None:
    asked = course(0, answers=(START, said(2, follow.SAFETY)))
    assert follow.next_answers(asked, KNOWN) is not None
    assert follow.next_answers(course(0, answers=(START, said(9))), KNOWN) is None


@pytest.mark.parametrize(("booked", "due"), [(20, 13), (40, 33), (10, 7)])
def test_the_booked_session_says_when_to_ask_before_it(booked: int, due: int) -> None:
    """A week before it, and never in the first week after the last."""
    assert "session/1/0" not in keys(course(0), due - 1, booked)
    assert "session/1/0" in keys(course(0), due, booked)


def finished(*days: int, answers: tuple[Assessment, ...] = (START,), on: int = 50) -> Course:
    """A course whose series was ended by a decision."""
    decision = Decision(FIRST + timedelta(on), NextStep.FINISH, NextStep.FINISH, "Dr Osei", "")
    return course(*days, answers=answers, decisions=(decision,))


@pytest.mark.parametrize(("months", "on"), [
    (3, date(2026, 7, 13)), (6, date(2026, 10, 13)), (12, date(2027, 4, 13)),
    (24, date(2028, 4, 13)),
])  # fmt: skip
def test_months_count_from_the_last_session(months: int, on: date) -> None:
    of = finished(0, 14, 42, answers=(START, said(49)))
    before = remind.reminders(of, None, KNOWN, on - timedelta(1))
    assert f"course/12/months/2026-04-13+{months}/0" not in [r.key for r in before]
    found = remind.reminders(of, None, KNOWN, on)
    assert [r.key for r in found] == [f"course/12/months/2026-04-13+{months}/0"]
    assert found[0].ask.occasion is Occasion.RECHECK


def test_a_session_more_moves_the_months_and_ends_what_was_asked() -> None:
    before, after = course(0, 14), course(0, 14, 110)
    assert "months/2026-03-16+3/0" in keys(before, 106)
    assert not [key for key in keys(after, 112) if key.startswith("months")]
    assert "months/2026-06-20+3/0" in keys(after, 110 + 92)


def test_an_answer_a_week_early_counts_for_the_month() -> None:
    early = (START, said(49), Assessment(date(2026, 7, 6), Occasion.RECHECK, "six_signs", {}))
    assert not remind.asks(finished(0, 42, answers=early), None, KNOWN, date(2026, 7, 13))


def test_nothing_is_written_about_what_is_old_but_somebody_still_calls() -> None:
    of, day = course(0), 60
    assert not keys(of, day)
    (ask,) = remind.asks(of, None, KNOWN, FIRST + timedelta(day))
    assert ask.purpose is Purpose.SESSION and ask.call_on < FIRST + timedelta(day)


def test_every_key_of_a_course_followed_for_two_years_is_wanted_on_days_in_one_row() -> None:
    """A key that came back after it was gone would be a reminder that is never sent."""
    of, seen, gone = finished(0, 14, 42), set[str](), set[str]()
    for day in range(800):
        now = set(keys(of, day))
        assert not now & gone
        gone |= seen - now
        seen |= now
    purposes = Counter(key.split("/")[0] for key in seen)
    assert purposes == {"safety": 2, "months": 12}


def test_of_a_course_that_has_only_begun_nothing_was_wanted_yet() -> None:
    assert not list(remind.completion(course(plan=None, answers=()), KNOWN, FIRST))


def test_completion_counts_what_was_wanted_and_what_came() -> None:
    of = finished(0, 14, 42, answers=(START, said(9), said(49)))
    counted = Counter(remind.completion(of, KNOWN, date(2026, 10, 20)))
    assert counted == {
        (Purpose.START, True): 1,
        (Purpose.SESSION, True): 2,
        (Purpose.SESSION, False): 1,
        (Purpose.MONTHS, False): 2,
    }


@pytest.mark.parametrize(("closed", "session", "months"), [
    (date(2026, 4, 15), 2, 0), (date(2026, 7, 12), 3, 0), (date(2026, 7, 13), 3, 1), (None, 3, 4),
])  # fmt: skip
def test_what_falls_due_after_a_course_was_closed_was_not_wanted(
    closed: date | None, session: int, months: int
) -> None:
    of = replace(finished(0, 14, 42), closed_on=closed)
    wanted = Counter(what for what, _ in remind.completion(of, KNOWN, date(2028, 6, 1)))
    assert (wanted[Purpose.SESSION], wanted[Purpose.MONTHS]) == (session, months)


@pytest.mark.parametrize(("at", "begins", "ends", "quiet"), [
    ("21:00", "20:00", "09:00", True), ("08:59", "20:00", "09:00", True),
    ("09:00", "20:00", "09:00", False), ("19:59", "20:00", "09:00", False),
    ("13:00", "12:00", "14:00", True), ("14:00", "12:00", "14:00", False),
])  # fmt: skip
def test_quiet_hours_may_span_midnight(at: str, begins: str, ends: str, quiet: bool) -> None:
    moment, start, end = (time.fromisoformat(text) for text in (at, begins, ends))
    assert remind.is_quiet(moment, start, end) is quiet


def test_it_waits_longer_each_time_and_then_gives_up() -> None:
    waits = [remind.retry_after(tries, KNOWN) for tries in range(1, 7)]
    assert waits[-1] is None and None not in waits[:-1]
    assert waits[:-1] == sorted(waits[:-1])  # type: ignore[type-var]
