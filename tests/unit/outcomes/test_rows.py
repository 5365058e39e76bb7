"""One course as rows: by the judge's own words, without names or dates, and stable in time."""

import dataclasses
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from enthesis.invented.story import Story
from enthesis.journey.facts import facts_of
from enthesis.journey.judge import first_at_target, judge
from enthesis.journey.windows import by_session, by_time, last_closed
from enthesis.knowledge.kinds import Knowledge
from enthesis.outcomes.rows import SCALES, Amount, Beside, CourseRows, changes_on, rows_of
from enthesis.outcomes.schema import TABLES
from enthesis.records import Assessment, Course, Occasion, Side
from enthesis.units import Money
from tests.conftest import TODAY
from tests.unit.journey.courses import course_of
from tests.unit.outcomes.conftest import beside


def told(rows: CourseRows, table: str = "courses") -> list[dict[str, Any]]:
    return [dict(zip(TABLES[table].names, row, strict=True)) for row in rows[table]]


def pain(on: date, value: int | None, occasion: Occasion = Occasion.RECHECK) -> Assessment:
    answer = None if value is None else Decimal(value)
    return Assessment(on, occasion, "six_signs", {"pain": answer})


@pytest.mark.parametrize(
    ("days", "starts", "expected"),
    [
        ([-9, -2], [True, True], {1: 0}),  # of two before treatment the last
        ([-400], [True], {}),  # too old to be a start
        ([0], [False], {}),  # the day of the first session is no follow-up
        ([14, 15, 42, 43], [False] * 4, {1: 1, 3: 2}),  # bounds; 15 is nearer to 28 than 42
        ([21, 35], [False] * 2, {0: 1}),  # as near: the earlier
        ([80, 100, 136], [False] * 3, {1: 3}),
        ([912, 913], [False] * 2, {0: 6}),
    ],
)
def test_the_nearest_answer_stands_for_a_window(
    days: list[int], starts: list[bool], expected: dict[int, int], known: Knowledge
) -> None:
    assert by_time(days, starts, known.windows) == expected


def test_the_last_answer_before_the_next_session_stands_for_the_session() -> None:
    found = by_session([-3, 7, 20, 40, 90], [0, 1, 1, 2, 2], [0, 21], most_days=45)
    assert found == {2: 1, 3: 2}


def test_a_window_is_closed_on_the_day_after_its_last(known: Knowledge) -> None:
    assert [last_closed(day, known.windows) for day in (0, 42, 43, 912, 913)] == [0, 0, 1, 5, 6]


def test_every_measure_has_a_column(known: Knowledge) -> None:
    # How well the choice was made is the course's own: it is counted nowhere. The two items of
    # worry are in the column of all four.
    own = {"decision_settled", "decision_known", "decision_regret", "worry_2"}
    assert known.measures.keys() - own == SCALES.keys() and not own & SCALES.keys()
    assert SCALES.keys() <= set(TABLES["visits"].names)


def test_nothing_that_names_a_person_or_a_day_is_kept(
    rows: Sequence[CourseRows], stories: Sequence[Story]
) -> None:
    words = {str(v) for r in rows for t in r.values() for row in t for v in row}
    for story in stories:
        course, person = story.course, story.person
        names = {person.family, person.given, course.id, story.complaint, story.clinician}
        days = {course.opened_on, course.born_on, *(s.on for s in course.sessions)}
        reasons = {d.reason for d in course.decisions} - {""}
        assert not words & {*names, *map(str, days), *reasons}


def test_what_was_expected_before_the_first_session_is_kept_and_what_is_said_later_is_not(
    known: Knowledge,
) -> None:
    start = {"expect_relief": Decimal(70), "prefer": "exercise"}
    early, late = course_of([7], [0], start=start), course_of([7], [-20], start=start)
    for course, kept in ((early, (70, "exercise")), (late, (None, None))):
        (row,) = told(rows_of(course, Beside(1, 1), known, TODAY))
        assert (row["expected"], row["preferred"]) == kept


def test_relief_and_target_are_the_judges(
    rows: Sequence[CourseRows], stories: Sequence[Story], known: Knowledge
) -> None:
    for row, story in zip(rows, stories, strict=True):
        (course,), verdict = told(row), judge(story.course, known, TODAY)
        relief = verdict.relief_percent
        assert course["last_relief"] == (None if relief is None else int(100 * relief))
        assert course["overrides"] == sum(d.suggested != d.decided for d in story.course.decisions)
        reached = first_at_target(facts_of(story.course, known, TODAY))
        assert (course["target_day"] is None) == (reached is None)


def test_a_row_stays_the_same_until_the_day_that_is_foretold(
    stories: Sequence[Story], known: Knowledge
) -> None:
    changed = 0
    for place, story in enumerate(stories[9:40]):
        course, other, day = story.course, beside(place, story), TODAY
        now = rows_of(course, other, known, day)
        for _ in range(3):
            next_on = changes_on(course, known, day)
            for later in (1, 30, 400):
                on = day + timedelta(days=later)
                if next_on is None or on < next_on:
                    assert rows_of(course, other, known, on) == now
            if next_on is None:
                break
            day, before = next_on, now
            assert rows_of(course, other, known, day - timedelta(days=1)) == before
            now = rows_of(course, other, known, day)
            changed += now != before
    assert changed > 10


def test_a_course_treated_elsewhere_counts_from_its_last_answer_before() -> None:
    from enthesis.knowledge.load import knowledge

    known, start = knowledge(TODAY), date(2026, 1, 5)
    course = Course(
        id="x",
        condition="chronic_back_pain_trial",
        side=Side.MIDLINE,
        born_on=date(1980, 1, 6),
        opened_on=start,
        series_ended_on=start + timedelta(days=28),
        assessments=(
            pain(start, 6, Occasion.BASELINE),
            pain(start + timedelta(days=29), 3),
            pain(start + timedelta(days=91), None),
            pain(start + timedelta(days=95), 2),
        ),
    )
    rows = rows_of(course, Beside(1, 1), known, TODAY)
    (row,) = told(rows)
    assert (row["zero"], row["began"], row["sessions"], row["age"]) == ("baseline", True, 0, 45)
    assert (row["baseline"], row["start"], row["last_relief"]) == (6, 600, 6667)
    assert (row["ended"], row["ended_day"]) == ("recheck", 28)
    windows = [(v["day"], v["window"], v["pain"]) for v in told(rows, "visits")]
    assert windows == [(0, 0, 6), (29, 1, 3), (91, None, None), (95, 3, 2)]


def test_unknown_stays_unknown(known: Knowledge) -> None:
    course = Course("x", "low_back", Side.LEFT, None, date(2026, 10, 31))
    (row,) = told(rows_of(course, Beside(1, 1), known, TODAY))
    empty = ("age", "baseline", "start", "ended", "recheck", "window_closed", "currency", "sex")
    assert {row[name] for name in empty} == {None}
    assert (row["opened_quarter"], row["began"], row["zero"]) == ("2026Q4", False, "opening")


def test_two_answers_before_treatment_have_their_mean_as_start(
    stories: Sequence[Story], known: Knowledge
) -> None:
    course = next(s.course for s in stories if s.course.sessions)
    first = course.sessions[0].on
    before = (
        pain(first - timedelta(days=9), 8, Occasion.BASELINE),
        pain(first, 5, Occasion.BASELINE),
    )
    course = dataclasses.replace(course, assessments=before)
    (row,) = told(rows_of(course, Beside(1, 1), known, TODAY))
    assert (row["start"], row["baseline"]) == (650, 5)


def test_currencies_are_never_mixed(stories: Sequence[Story], known: Knowledge) -> None:
    on = date(2026, 10, 1)
    amounts = (
        Amount(on, "charge", Money(Decimal(100), "USD")),
        Amount(on + timedelta(days=9), "charge", Money(Decimal("5000"), "JPY")),
        Amount(on + timedelta(days=9), "payment", Money(Decimal("40.50"), "USD")),
    )
    course = stories[-1].course
    rows = rows_of(course, Beside(1, 1, amounts=amounts), known, TODAY)
    (row,) = told(rows)
    assert (row["currency"], row["charged_cents"], row["paid_cents"]) == ("JPY", 5000, 0)
    assert [m["cents"] for m in told(rows, "money")] == [5000]
