"""Two starts before any needle, and what was expected."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from enthesis.journey import before, follow, remind
from enthesis.records import Assessment, Course, Evaluation, Occasion, Side
from tests.unit.journey.courses import FIRST, KNOWN, course_of, plan_of

DAYS = KNOWN.second_start.after_days
OPENED = date(2026, 1, 1)
EXPECTED = {"expect_relief": Decimal(70), "prefer": "exercise"}


def asked(*starts: tuple[int, int], plan: bool = True, **facts: object) -> Course:
    """A course asked before treatment: (days after it was opened, pain)."""
    found = tuple(
        Assessment(
            OPENED + timedelta(day), Occasion.BASELINE, "six_signs", {"pain": Decimal(value)}
        )
        for day, value in starts
    )
    course = Course(
        "12",
        "low_back",
        Side.BOTH,
        None,
        OPENED,
        Evaluation(OPENED, {}),
        replace(plan_of("low_back"), agreed_on=OPENED) if plan else None,
        assessments=found,
    )
    return replace(course, **facts)  # type: ignore[arg-type]


TREATED = course_of([7], [0])
OFFERS = [
    ("nothing without a first start", asked(), None),
    ("so many days after the first", asked((3, 7)), OPENED + timedelta(3 + DAYS)),
    ("before there is a plan too", asked((3, 7), plan=False), OPENED + timedelta(3 + DAYS)),
    ("a second too soon is none", asked((0, 7), (DAYS - 1, 5)), OPENED + timedelta(DAYS)),
    ("not once there is a second", asked((0, 7), (DAYS, 5)), None),
    ("not once treatment began", TREATED, None),
    ("not where treatment was elsewhere", asked((0, 7), series_ended_on=OPENED), None),
    ("not of a closed course", asked((0, 7), closed_on=OPENED), None),
]


@pytest.mark.parametrize(("name", "course", "on"), OFFERS, ids=[o[0] for o in OFFERS])
def test_a_second_start_is_offered(name: str, course: Course, on: date | None) -> None:
    assert before.second_start_on(course, KNOWN) == on


@pytest.mark.parametrize(
    ("second", "gained", "real"), [(5, 2, True), (8, -1, False), (7, 0, False)]
)
def test_the_change_before_any_needle_is_the_second_start_against_the_first(
    second: int, gained: int, real: bool
) -> None:
    found = before.two_starts(asked((0, 7), (5, 1), (DAYS + 2, second)), KNOWN)
    assert found is not None
    assert (found.gained, found.is_real, found.days) == (gained, real, DAYS + 2)


def test_the_start_of_the_rules_stays_the_mean_of_all_answers_before_session_1() -> None:
    course = asked((0, 7), (DAYS, 4))
    assert follow.baseline(follow.readings(course, "pain", KNOWN)) == Decimal("5.5")


def test_the_patient_is_reminded_and_nobody_waits_for_the_answer() -> None:
    course, on = asked((0, 7)), OPENED + timedelta(DAYS)
    (ask,) = remind.asks(course, None, KNOWN, on)
    assert (ask.purpose, ask.occasion) == (remind.Purpose.SECOND_START, Occasion.BASELINE)
    assert not remind.asks(course, None, KNOWN, on - timedelta(1))
    unplanned = remind.asks(asked((0, 7), plan=False), None, KNOWN, on)
    assert remind.Purpose.SECOND_START not in {one.purpose for one in unplanned}
    assert not follow.due(course, KNOWN, on + timedelta(60))
    assert [*remind.completion(course, KNOWN, on)] == [(remind.Purpose.START, True)]


def test_what_is_expected_is_asked_once_and_only_counts_before_the_first_session() -> None:
    shown = {
        q.id
        for q in follow.visible_questions(
            KNOWN.questionnaires["six_signs"], Occasion.BASELINE, {}, KNOWN, EXPECTED
        )
    }
    assert shown.isdisjoint(EXPECTED) and {"expect_help", "prefer_else", "pain"} <= shown
    assert before.expected(course_of([7, 6], start=EXPECTED)) == EXPECTED
    first = course_of([7], [0], start=EXPECTED)
    late = replace(first.assessments[0], on=FIRST + timedelta(3))
    assert before.expected(replace(first, assessments=(late,))) == {}


def test_no_rule_reads_what_is_expected() -> None:
    items = {item for measure in KNOWN.measures.values() for item in measure.items}
    assert items.isdisjoint(before.EXPECTED)
    assert {rule.question for rule in KNOWN.danger_rules}.isdisjoint(before.EXPECTED)
