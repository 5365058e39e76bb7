"""A forecast is the normal law given the answers, within the scale, for courses that still run."""

from dataclasses import replace

import numpy as np
import pytest

from enthesis.journey.forecast import answers, forecast, one_more, start_for
from enthesis.journey.forecast_model import (
    Model,
    band,
    chances,
    expected,
    given,
    own_model,
    starting_model,
)
from enthesis.knowledge.kinds import ForecastCheck, OwnForecast
from enthesis.records import Course
from tests.unit.journey.courses import FIRST, KNOWN, course_of

START = KNOWN.forecast_starts["low_back_trials"]
BACK = starting_model(START, KNOWN)
SEEN = np.array([7.5, 6, np.nan, 5, np.nan, np.nan, np.nan, np.nan, np.nan])


def test_the_closed_form_is_the_dense_one_entry_by_entry() -> None:
    """By the precision matrix, which the code never forms: mean −P⁻¹Q(y − μ), covariance P⁻¹."""
    seen = ~np.isnan(SEEN)
    precision = np.linalg.inv(BACK.covariance)
    left = np.linalg.inv(precision[np.ix_(~seen, ~seen)])
    mean = BACK.mean[~seen] - left @ precision[np.ix_(~seen, seen)] @ (SEEN - BACK.mean)[seen]
    ahead = given(BACK, SEEN)
    np.testing.assert_allclose(ahead.mean[~seen], mean, rtol=1e-9)
    np.testing.assert_allclose(ahead.sd[~seen] ** 2, np.diagonal(left), rtol=1e-9)
    assert (ahead.mean[seen] == SEEN[seen]).all() and (ahead.sd[seen] == 0).all()


def test_it_is_what_a_million_drawn_courses_do() -> None:
    """Drawn from the joint law, kept to the scale, answered in whole points."""
    ahead = given(BACK, SEEN)
    rng = np.random.default_rng(1)
    at = 7  # six months
    drawn = rng.normal(ahead.mean[at], ahead.sd[at], 1_000_000)
    within = np.clip(drawn, 0, 10)
    assert expected(BACK, ahead)[at] == pytest.approx(within.mean(), abs=0.01)
    answered = np.rint(within)
    for level in (30, 50, 90):
        told = chances(BACK, ahead, 7.5, level)[at]
        assert told == pytest.approx((answered <= (1 - level / 100) * 7.5).mean(), abs=0.002)
    low, high = band(BACK, ahead, 0.8)
    assert ((within >= low[at]) & (within <= high[at])).mean() == pytest.approx(0.8, abs=0.03)


def test_without_answers_it_is_the_model_itself_and_a_gap_tells_nothing() -> None:
    nothing = given(BACK, np.full(9, np.nan))
    np.testing.assert_array_equal(nothing.mean, BACK.mean)
    np.testing.assert_allclose(nothing.sd**2, np.diagonal(BACK.covariance))
    without = np.array([0, 1, 3, 7])  # the visits asked about, and those answered
    smaller = Model(
        tuple(BACK.visits[i] for i in without),
        BACK.mean[without],
        BACK.covariance[np.ix_(without, without)],
        *(0, 10, 1),
    )
    whole, part = given(BACK, SEEN), given(smaller, SEEN[without])
    np.testing.assert_allclose(whole.mean[without], part.mean)
    np.testing.assert_allclose(whole.sd[without], part.sd)


def test_many_courses_at_once_are_each_course_alone() -> None:
    scores = np.array([[7, 6, *[np.nan] * 7], [4, 5, *[np.nan] * 7]])
    for row, mean in zip(scores, given(BACK, scores).mean, strict=True):
        np.testing.assert_allclose(given(BACK, row).mean, mean)


def test_the_clinic_s_own_model_stands_in_place_of_the_starting_one() -> None:
    nobody = ForecastCheck("own", 0, 0, {}, (), "", "")
    own = OwnForecast(
        *(START.id, BACK.visits),
        mean=tuple(KNOWN.measures["pain"].maximum - v.mean for v in START.visits),
        covariance=tuple(tuple(v.sd for v in START.visits) for _ in START.visits),
        courses=140,
        answered=(140,) * 9,
        cut="c0ffee",
        check=nobody,
    )
    model = own_model(own, KNOWN)
    assert model.courses == 140 and model.mean[0] == pytest.approx(4.7)
    assert (model.low, model.high, model.step) == (0, 10, 1)


# --- one course

RUNNING = course_of(
    [7, 8], [0, 14, 28], [(10, {"pain": 6}), (24, {"pain": "?"}), (38, {"pain": 5})]
)


def test_answers_stand_for_visits_by_the_rule_of_the_registry() -> None:
    assert answers(RUNNING, KNOWN) == {0: 7.5, 1: 6, 3: 5}
    late = course_of([7], [0], [(10, {"pain": 6}), (180, {"pain": 4})])
    assert answers(late, KNOWN) == {0: 7, 1: 6, 104: 4}
    assert answers(course_of([], [0], [(10, {"pain": 6})]), KNOWN) == {}


def test_it_tells_each_further_session_and_the_two_dates_with_bands_chances_and_price() -> None:
    found = forecast(RUNNING, KNOWN, BACK, FIRST.replace(month=2, day=13))
    assert found is not None and found.from_value == 5 and found.reached == (30,)
    names = [point.name for point in found.points]
    sessions = [f"After session {n}" for n in (4, 5, 6)]
    assert names == [*sessions, "At 6 months", "At 12 months"]
    ahead = given(BACK, SEEN)
    for point, at in zip(found.points, (4, 5, 6, 7, 8), strict=True):
        assert point.expected == pytest.approx(expected(BACK, ahead)[at])
        assert point.chances[50] == pytest.approx(chances(BACK, ahead, 7.5, 50)[at])
        assert point.bands[95][0] <= point.bands[80][0] <= point.expected <= point.bands[80][1]
    assert [p.costs.amount if p.costs else None for p in found.points] == [
        280,
        560,
        840,
        None,
        None,
    ]
    pair = one_more(found)
    assert pair is not None and [p.session for p in pair] == [4, 5]


@pytest.mark.parametrize(
    "course",
    [
        course_of([], [0], [(10, {"pain": 6})]),
        course_of([0], [0], [(10, {"pain": 0})]),
        course_of([7], [0], [(10, {"pain": 6})], plan=False),
        course_of([7], [0], [(10, {"pain": 6})], decisions=[(12, "stop", "stop")]),
        course_of([7], [0, 30], [(10, {"pain": 6})], decisions=[(12, "finish", "finish")]),
        replace(RUNNING, closed_on=FIRST.replace(month=3)),
    ],
    ids=["no start", "nothing to gain", "no plan", "ended", "a second series", "closed"],
)
def test_there_is_none_without_a_start_or_once_the_series_has_ended(course: Course) -> None:
    assert forecast(course, KNOWN, BACK, FIRST.replace(month=2, day=13)) is None


def test_it_begins_with_the_baseline_before_the_first_session() -> None:
    found = forecast(course_of([7]), KNOWN, BACK, FIRST)
    assert found is not None and found.points[0].name == "After session 1"
    assert found.points[-1].on == FIRST.replace(year=2027)


def test_a_condition_or_a_measure_without_a_starting_model_has_no_forecast() -> None:
    assert start_for(RUNNING, KNOWN) is START
    assert start_for(replace(RUNNING, condition="headache"), KNOWN) is None
