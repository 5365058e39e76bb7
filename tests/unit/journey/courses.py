"""Courses for tests, built from a few numbers. Days count from the first session."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from enthesis.journey.plan import propose
from enthesis.knowledge.load import knowledge
from enthesis.records import (
    Answer,
    Assessment,
    Course,
    Decision,
    NextStep,
    Occasion,
    Plan,
    Session,
    Side,
)

FIRST = date(2026, 1, 5)
KNOWN = knowledge(date(2026, 11, 26))
MAX_SESSIONS = 6


@cache
def plan_of(condition: str, choice: str = "series") -> Plan:
    """The condition's first protocol, agreed a week before the first session."""
    known = replace(KNOWN, stop_rule=replace(KNOWN.stop_rule, choice=choice))
    protocol = KNOWN.conditions[condition].protocols[0]
    plan = propose(protocol, Side.BOTH, known, None, None)
    after = known.stop_choices[choice].stop_after_sessions or 4
    rule = replace(plan.stop_rule, stop_after_sessions=after)
    return replace(
        plan, sessions_max=MAX_SESSIONS, stop_rule=rule, agreed_on=FIRST - timedelta(days=7)
    )


def course_of(
    baselines: Sequence[int] = (),
    sessions: Sequence[int] = (),
    answers: Sequence[Any] = (),
    decisions: Sequence[Any] = (),
    start: Mapping[str, Any] | None = None,
    plan: bool = True,
    condition: str = "low_back",
    ended_elsewhere: int | None = None,
    stop_choice: str = "series",
) -> Course:
    """A course; `start` are further answers at the first baseline."""
    before = [(-10 + i, {"pain": value}) for i, value in enumerate(baselines)]
    if start:
        first = before[0] if before else (-10, {})
        before = [(first[0], {**first[1], **start}), *before[1:]]
    agreed = plan_of(condition, stop_choice) if plan else None
    return Course(
        id="course-1",
        condition=condition,
        side=Side.BOTH,
        born_on=None,
        opened_on=FIRST - timedelta(days=20),
        plan=agreed,
        sessions=tuple(
            Session(i + 1, _on(day), agreed.mixtures if agreed else (), ())
            for i, day in enumerate(sessions)
        ),
        assessments=(
            *(_asked(day, Occasion.BASELINE, given) for day, given in before),
            *(_asked(day, Occasion.AFTER_SESSION, given) for day, given in answers),
        ),
        decisions=tuple(
            Decision(_on(day), NextStep(suggested), NextStep(decided), "Dr Example")
            for day, suggested, decided in decisions
        ),
        series_ended_on=None if ended_elsewhere is None else _on(ended_elsewhere),
    )


def _on(day: int) -> date:
    return FIRST + timedelta(days=day)


def _asked(day: int, occasion: Occasion, given: Mapping[str, Any]) -> Assessment:
    answers: dict[str, Answer] = {"danger": ("none",)}
    answers |= {id: _answer(value) for id, value in given.items()}
    return Assessment(_on(day), occasion, "six_signs", answers)


def _answer(value: Any) -> Answer:
    if value == "?":
        return None
    if isinstance(value, list):
        return tuple(value)
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value
