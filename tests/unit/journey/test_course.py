"""The steps of a course: phases from facts, moves from one table, the diagram drawn from it."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from enthesis.journey.course import (
    MOVES,
    Move,
    MoveError,
    Phase,
    can,
    check,
    diagram,
    months_after,
    next_recheck_on,
    phase,
    series_sessions,
)
from enthesis.records import Course, Decision, Evaluation, NextStep, Session
from tests.unit.journey.courses import FIRST, KNOWN, course_of, plan_of

EXPLAINED = Path(__file__).parents[3] / "docs/explanation/course.md"
TWO = [[10, {"pain": 5}], [24, {"pain": 4}]]
STARTS: dict[Phase, Course] = {
    Phase.ENQUIRY: course_of(plan=False),
    Phase.EVALUATED: replace(course_of(plan=False), evaluation=Evaluation(FIRST, {})),
    Phase.PLANNED: replace(course_of([7]), evaluation=Evaluation(FIRST, {})),
    Phase.TREATING: course_of([7], [0, 14], TWO),
    Phase.FOLLOWING: course_of([7], [0, 14], TWO, [[25, "go_on", "finish"]]),
    Phase.REFERRED: course_of([7], [0, 14], TWO, [[25, "go_on", "refer"]]),
    Phase.CLOSED: replace(course_of([7], [0, 14], TWO), closed_on=FIRST + timedelta(days=90)),
}
LATER = FIRST + timedelta(days=40)


def moved(course: Course, move: Move) -> Course:
    """The course with the fact that a move appends."""
    if move is Move.EVALUATE:
        return replace(course, evaluation=Evaluation(LATER, {}))
    if move is Move.PLAN:
        return replace(course, plan=replace(plan_of("low_back"), agreed_on=LATER))
    if move is Move.TREAT:
        session = Session(len(course.sessions) + 1, LATER, (), ())
        return replace(course, sessions=(*course.sessions, session))
    if move is Move.CLOSE:
        return replace(course, closed_on=LATER)
    made = Decision(LATER, NextStep.GO_ON, NextStep(move.value), "Dr Example")
    return replace(course, decisions=(*course.decisions, made))


@pytest.mark.parametrize("now", Phase)
def test_the_phase_is_computed_from_the_facts(now: Phase) -> None:
    assert phase(STARTS[now]) is now


@pytest.mark.parametrize(("now", "move"), MOVES, ids=str)
def test_each_move_of_the_table_leads_where_it_says(now: Phase, move: Move) -> None:
    assert phase(moved(STARTS[now], move)) is MOVES[now, move]


def test_nothing_follows_a_closed_course() -> None:
    assert not any(can(STARTS[Phase.CLOSED], move) for move in Move)
    with pytest.raises(MoveError, match="“treat” cannot follow while the course is closed"):
        check(STARTS[Phase.CLOSED], Move.TREAT)


def test_a_refused_move_says_what_is_possible() -> None:
    with pytest.raises(MoveError, match="possible are: evaluate, refer, close"):
        check(STARTS[Phase.ENQUIRY], "treat")


def test_a_watched_course_is_not_treated_before_it_is_taken_up_again() -> None:
    course = STARTS[Phase.FOLLOWING]
    assert not can(course, Move.TREAT)
    assert can(moved(course, Move.GO_ON), Move.TREAT)
    assert can(moved(course, Move.PLAN), Move.TREAT)


def test_an_agreed_plan_may_be_replaced_on_the_way() -> None:
    assert phase(moved(STARTS[Phase.TREATING], Move.PLAN)) is Phase.TREATING


def test_a_series_that_ended_elsewhere_is_watched_until_it_is_taken_up() -> None:
    course = course_of([7], plan=False, ended_elsewhere=20)
    assert phase(course) is Phase.FOLLOWING
    assert phase(moved(course, Move.GO_ON)) is Phase.TREATING
    assert phase(moved(course, Move.PLAN)) is Phase.PLANNED
    assert phase(moved(course, Move.TREAT)) is Phase.TREATING


def test_a_course_taken_up_again_counts_only_the_sessions_of_its_new_series() -> None:
    course = moved(STARTS[Phase.FOLLOWING], Move.GO_ON)
    assert series_sessions(STARTS[Phase.FOLLOWING]) == STARTS[Phase.FOLLOWING].sessions
    assert series_sessions(course) == ()
    again = Session(3, LATER + timedelta(days=1), (), ())
    assert series_sessions(replace(course, sessions=(*course.sessions, again))) == (again,)


def test_rechecks_count_from_the_last_session_until_they_are_answered() -> None:
    course = STARTS[Phase.FOLLOWING]
    assert next_recheck_on(course, KNOWN) == date(2026, 4, 19)
    late = course_of([7], [0, 14], [*TWO, [150, {"pain": 4}]], [[25, "go_on", "finish"]])
    assert next_recheck_on(late, KNOWN) == date(2026, 7, 19)
    # Decided again at the recheck: the next one is not pushed away.
    again = course_of(
        [7], [0, 14], [*TWO, [104, {"pain": 4}]], [[25, "go_on", "stop"], [106, "stop", "recheck"]]
    )
    assert next_recheck_on(again, KNOWN) == date(2026, 7, 19)


def test_an_answer_within_the_week_before_a_recheck_counts_for_it() -> None:
    early = course_of([7], [0, 14], [*TWO, [98, {"pain": 4}]], [[25, "go_on", "finish"]])
    assert next_recheck_on(early, KNOWN) == date(2026, 7, 19)


@pytest.mark.parametrize("now", [p for p in Phase if p is not Phase.FOLLOWING])
def test_only_a_watched_course_has_a_recheck(now: Phase) -> None:
    assert next_recheck_on(STARTS[now], KNOWN) is None


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 12, 15), 12, date(2027, 12, 15)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
    ],
)
def test_months_end_where_the_month_ends(day: date, months: int, then: date) -> None:
    assert months_after(day, months) == then


def test_the_diagram_in_the_docs_is_the_table() -> None:
    assert f"```mermaid\n{diagram()}\n```" in EXPLAINED.read_text(encoding="utf-8")
