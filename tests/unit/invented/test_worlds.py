"""Populations on arrays are the people of `body.py`, and rules on arrays are `journey.judge`."""

import dataclasses
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from docs.make_judge_rules import CSV, FEW_LATE, measuring_errors, stop_rule_of

from enthesis.invented.body import Body, Latent
from enthesis.invented.rule_study import at_last, fixed, outcome, replay, seer, signed_rule
from enthesis.invented.truth import shipped_truth
from enthesis.invented.worlds import (
    SESSIONS,
    Population,
    World,
    attained_share,
    draw_people,
    draw_population,
    true_level,
)
from enthesis.journey.forecast import forecast
from enthesis.journey.forecast_model import starting_model
from enthesis.journey.judge import judge
from enthesis.journey.plan import propose
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.load import knowledge
from enthesis.records import Assessment, Course, Decision, NextStep, Occasion, Session, Side

TRUTH = shipped_truth()
FIRST = date(2026, 1, 5)
KNOWN = knowledge(date(2026, 11, 26))
USUAL = World("usual", {"specific.share_of_responders": 0.4})
HARD = World(
    "hard", {"specific.share_of_responders": 0.4, "process.share_missing": 0.3, "pain.wave_sd": 1.3}
)


def people_of(world: World, n: int, seed: int = 5) -> Population:
    return draw_population(np.random.default_rng(seed), TRUTH, world, n)


def test_a_level_is_that_of_the_same_person_told_one_by_one() -> None:
    people = draw_people(np.random.default_rng(3), TRUTH, 40)
    attained = attained_share(people, TRUTH)
    sessions = np.cumsum(np.full((40, SESSIONS), 3.0), axis=1) - 1.5
    for week in (0.0, 2.0, 5.5, 19.0):
        found = true_level(people, TRUTH, np.full(40, week), sessions, attained)
        for i in range(40):
            latent = Latent(
                people.usual_pain[i],
                people.recovery[i],
                people.context[i],
                people.specific[i],
                int(people.starts_at_session[i]),
                responder=False,
            )
            one = Body(latent, np.zeros(1), TRUTH).level(week, tuple(sessions[i]))
            assert found[i] == pytest.approx(one, abs=1e-12)


def test_a_true_responder_is_one_by_the_same_threshold_and_of_the_wanted_share() -> None:
    people = people_of(USUAL, 20_000)
    assert ((people.attained[:, -1] >= 0.3) == people.responder).all()
    # Some late starters with a small effect stay below the threshold.
    assert 0.30 < people.responder.mean() < 0.41


@pytest.mark.parametrize("choice", KNOWN.stop_choices)
@pytest.mark.parametrize("world", [USUAL, HARD], ids=lambda w: w.name)
def test_the_rule_on_arrays_ends_each_course_where_the_judge_does(
    choice: str, world: World
) -> None:
    people = people_of(world, 60)
    on_arrays = replay(signed_rule(stop_rule_of(choice), measuring_errors()), people)
    judged = [judged_sessions(people, i, choice) for i in range(60)]
    assert on_arrays.tolist() == judged
    assert len({*judged}) > 2


def judged_sessions(people: Population, i: int, choice: str) -> int:
    """How many sessions one person gets when `journey.judge` is asked before each."""
    known = dataclasses.replace(
        KNOWN, stop_rule=dataclasses.replace(KNOWN.stop_rule, choice=choice)
    )
    course = begun(people, i, known)
    for k in range(1, SESSIONS):
        course = treated(course, people, i, k)
        decided_on = course.sessions[-1].on + timedelta(days=20)
        step = judge(course, known, decided_on).next_step
        if step is not NextStep.GO_ON:
            return k
        decision = Decision(decided_on, step, step, "Dr Example")
        course = dataclasses.replace(course, decisions=(*course.decisions, decision))
    return SESSIONS


def begun(people: Population, i: int, known: Knowledge) -> Course:
    """One person's course with its plan and its start, before any session."""
    plan = dataclasses.replace(propose("low_back_ligaments", Side.BOTH, known), agreed_on=FIRST)
    before = {"pain": people.pain_before[i], "activity_1": people.activity_before[i]}
    return Course(
        id="one",
        condition="low_back",
        side=Side.BOTH,
        born_on=None,
        opened_on=FIRST - timedelta(days=10),
        plan=plan,
        assessments=(asked(FIRST - timedelta(days=5), Occasion.BASELINE, before),),
    )


def treated(course: Course, people: Population, i: int, k: int) -> Course:
    """The same after session k, with what was answered to it."""
    on = FIRST + timedelta(days=21 * (k - 1))
    course = dataclasses.replace(course, sessions=(*course.sessions, Session(k, on, (), ())))
    if np.isnan(people.pain[i, k - 1]):
        return course
    said = {"pain": people.pain[i, k - 1], "activity_1": people.activity[i, k - 1]}
    answer = asked(on + timedelta(days=14), Occasion.AFTER_SESSION, said)
    return dataclasses.replace(course, assessments=(*course.assessments, answer))


def asked(on: date, occasion: Occasion, said: dict[str, float]) -> Assessment:
    numbers = {id: Decimal(repr(float(value))) for id, value in said.items()}
    return Assessment(on, occasion, "six_signs", {"danger": ("none",), **numbers})


def test_six_for_everyone_loses_nothing_and_knowing_the_truth_wastes_nothing() -> None:
    people = people_of(USUAL, 5000)
    six = outcome(replay(fixed(SESSIONS), people), people)
    assert (six.false_stops, six.relief_kept, six.sessions) == (0, 100, 6)
    knowing = outcome(replay(seer(), people), people)
    assert knowing.sessions == pytest.approx(1, abs=0.01) and knowing.false_stops == 0


@pytest.mark.parametrize(
    ("choice", "false_stops", "relief_kept", "sessions"),
    [("series", 2, 96, 5.4), ("graded", 2, 94, 4.7), ("early", 5, 90, 4.15)],
)
def test_each_shipped_rule_does_what_its_page_says(
    choice: str, false_stops: float, relief_kept: float, sessions: float
) -> None:
    people = people_of(World("usual", {**FEW_LATE, "specific.share_of_responders": 0.4}), 20_000)
    found = outcome(replay(signed_rule(stop_rule_of(choice), measuring_errors()), people), people)
    assert found.false_stops <= false_stops + 0.5
    assert found.relief_kept >= relief_kept
    assert found.sessions <= sessions + 0.05


def test_the_stored_table_has_every_rule_that_can_be_chosen() -> None:
    rows = [line.split(",") for line in CSV.read_text(encoding="utf-8").splitlines()[1:]]
    assert {row[0] for row in rows} == set(KNOWN.stop_choices)


def test_the_forecast_that_decides_is_the_one_of_the_course_page() -> None:
    """People on arrays and courses of records: the same score and chance at session six."""
    people, k = people_of(HARD, 40), 3
    model = starting_model(KNOWN.forecast_starts["low_back_trials"], KNOWN)
    first = range(SESSIONS + 1)
    seven = dataclasses.replace(
        model,
        visits=tuple(first),
        mean=model.mean[list(first)],
        covariance=model.covariance[np.ix_(first, first)],
    )
    means, found = at_last(seven, people, k)
    compared = 0
    for i in range(40):
        course = begun(people, i, KNOWN)
        for session in range(1, k + 1):
            course = treated(course, people, i, session)
        if (told := forecast(course, KNOWN, model, course.sessions[-1].on)) is None:
            continue
        last = next(point for point in told.points if point.session == SESSIONS)
        assert (means[i], found[i]) == pytest.approx((last.expected, last.chances[30]))
        compared += 1
    assert compared > 30
