"""Intervals, harms, costs, calibration: edges, refusals, two ways of computing that agree."""

import numpy as np
import pytest
from scipy.stats import binom, poisson

from enthesis.outcomes.calibration import bins, brier, coverage, recalibration
from enthesis.outcomes.cost import cost_per_reached
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.harms import Cusum, design_cusum, gap_chart, harm_rates, mean_run
from enthesis.outcomes.intervals import clopper_pearson, rate, wilson


def test_exact_limits_leave_half_of_the_rest_beyond_each() -> None:
    ends = clopper_pearson([3, 40], [50, 90])
    assert binom.sf([2, 39], [50, 90], ends.low) == pytest.approx(0.025)
    assert binom.cdf([3, 40], [50, 90], ends.high) == pytest.approx(0.025)
    times = rate([4, 0], [1000, 1000])
    assert poisson.sf(3, 1000 * times.low[0]) == pytest.approx(0.025)
    assert poisson.cdf(0, 1000 * times.high[1]) == pytest.approx(0.025)


def test_nobody_has_no_share_and_no_rate() -> None:
    for found in (wilson(0, 0), clopper_pearson(0, 0), rate(0, 0)):
        assert np.isnan([found.estimate, found.low, found.high]).all()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: wilson(5, 4), "More reached it than there are"),
        (lambda: wilson(0.5, 4), "whole numbers, 0 or more"),
        (lambda: wilson(-1, 4), "whole numbers, 0 or more"),
        (lambda: wilson(1, 4, level=95), "between 0 and 1; it is 95"),
        (lambda: rate(3, 0), "Exposure must be a number above 0"),
        (lambda: rate(3, -2), "Exposure must be a number above 0"),
        (lambda: harm_rates(["a"], [1, 2], 5), "one of each per event"),
        (lambda: gap_chart([True], 0.0, 0.01), "rate per session lies between 0 and 1"),
        (lambda: gap_chart([True], 0.1, 1.5), "chance of false alarm below 1"),
        (lambda: design_cusum(0.01, 1.0, 100), "ratio to be found must be above 1"),
        (lambda: mean_run(0, 5, 0.1), "at least 1"),
        (lambda: cost_per_reached([1, 2], [True], seed=1), "one of each per course"),
        (lambda: cost_per_reached([1.5], [True], seed=1), "whole cents"),
        (lambda: cost_per_reached([1], [1], seed=1), "unknown is no"),
        (lambda: cost_per_reached([1], [True], seed=1, resamples=9), "at least 100 resamples"),
        (lambda: bins([0.5, 1.5], [0, 1]), "between 0 and 1"),
        (lambda: bins([0.5, 0.5], [0, 2]), "yes or no"),
        (lambda: bins([0.5], [0], number=0), "at least one bin"),
        (lambda: recalibration([0.0, 0.5], [0, 1]), "leave room"),
        (lambda: coverage([1], [0], [0]), "no lower end above its upper end"),
        (lambda: coverage([], [], []), "a value for each course"),
    ],
)
def test_what_cannot_be_is_refused(call: object, said: str) -> None:
    with pytest.raises(FitError, match=said):
        call()  # type: ignore[operator]


def test_harms_are_counted_by_kind_the_grave_first() -> None:
    found = harm_rates(["fever", "breath", "fever"], [1, 2, 1], 2000)
    assert found.kinds == ("breath", "fever")
    assert found.events.tolist() == [1, 2]
    assert found.per_session.estimate == pytest.approx([1 / 2000, 2 / 2000])
    assert harm_rates([], [], 50).kinds == ()


def test_a_harm_that_did_not_happen_still_has_its_upper_limit() -> None:
    found = harm_rates(["fever"], [1], 300, also=[("fever", 1), ("breath", 2)])
    assert found.kinds == ("breath", "fever")
    assert found.events.tolist() == [0, 1]
    assert 0.01 < found.per_session.high[0] < 0.013


def test_gaps_add_up_and_short_ones_are_marked() -> None:
    harmed = np.zeros(1000, dtype=bool)
    harmed[[99, 101, 700]] = True
    chart = gap_chart(harmed, in_control=0.002, false_alarm=0.01)
    assert chart.gaps.tolist() == [100, 2, 599]
    assert chart.gaps.sum() + chart.since == 1000
    assert chart.expected == 500
    assert chart.alarm_below == 6
    assert chart.alarms.tolist() == [False, True, False]


def test_a_gap_is_marked_by_chance_no_more_often_than_agreed() -> None:
    for agreed in (0.001, 0.01, 0.1):
        for chance in (0.3, 0.01, 0.0005):
            last = gap_chart([], chance, agreed).alarm_below - 1
            assert 1 - (1 - chance) ** last <= agreed + 1e-12
            assert 1 - (1 - chance) ** (last + 1) > agreed


def test_mean_run_is_that_of_its_equations() -> None:
    # Two states below the limit, solved by hand: A0 = 1 + q A0 + p A1; A1 = 1 + q A0.
    p = 0.2
    a0 = (1 + p) / (1 - (1 - p) - p * (1 - p))
    assert mean_run(1, 2, p) == pytest.approx(a0)
    # One harm is enough: a geometric wait.
    assert mean_run(7, 7, 0.01) == pytest.approx(100)


@pytest.mark.parametrize(
    ("up", "limit", "p"), [(3, 11, 0.1), (1, 6, 0.3), (9, 4, 0.2), (5, 5, 0.4)]
)
def test_mean_run_solves_the_equations_of_the_chain(up: int, limit: int, p: float) -> None:
    chain = np.eye(limit)
    for level in range(limit):
        chain[level, max(level - 1, 0)] -= 1 - p
        if level + up < limit:
            chain[level, level + up] -= p
    assert mean_run(up, limit, p) == pytest.approx(np.linalg.solve(chain, np.ones(limit))[0])


def test_the_mean_run_is_what_a_simulation_gives() -> None:
    chart = design_cusum(0.05, ratio=3, sessions_to_false_alarm=300)
    rng = np.random.default_rng(5)
    _, alarms = chart.path(rng.random(600_000) < 0.05)
    gaps = np.diff(np.concatenate([[-1], alarms]))
    assert abs(gaps.mean() - chart.in_control) < 4 * gaps.std() / np.sqrt(len(gaps))
    assert chart.in_control >= 300 > chart.out_of_control
    assert mean_run(chart.up, chart.limit - 1, 0.05) < 300


def test_the_path_is_that_of_the_rule_session_by_session() -> None:
    rng = np.random.default_rng(6)
    chart = Cusum(up=6, limit=14, in_control=0, out_of_control=0)
    harmed = rng.random(400) < 0.15
    level, stands, alarms = 0, [], []
    for at, hit in enumerate(harmed):
        level = level + chart.up if hit else max(level - 1, 0)
        stands.append(level)
        if level >= chart.limit:
            alarms.append(at)
            level = 0
    path, found = chart.path(harmed)
    assert path.tolist() == stands
    assert found.tolist() == alarms
    assert alarms


def test_cost_counts_what_was_paid_for_all() -> None:
    paid, reached = [100_000] * 60 + [50_000] * 40, [True] * 25 + [False] * 75
    cost = cost_per_reached(paid, reached, seed=1)
    assert cost.cents == pytest.approx(8_000_000 / 25)
    assert cost.low is not None and cost.high is not None
    assert cost.low < cost.cents < cost.high
    # The delta method on the ratio of two means, a second way to the same width.
    x, y = np.array(paid), np.array(reached)
    se = (x - cost.cents * y).std() / (y.mean() * np.sqrt(len(x)))
    assert (cost.high - cost.low) / (2 * 1.96 * se) == pytest.approx(1, abs=0.25)
    assert cost == cost_per_reached(paid, reached, seed=1)
    assert cost.sentence == ""


def test_cost_has_no_number_where_nobody_reached_it_and_no_upper_end_where_few_did() -> None:
    none = cost_per_reached([100] * 30, [False] * 30, seed=1)
    assert none.cents is None and none.total_cents == 3000
    assert none.sentence.startswith("None of 30 courses reached it")
    few = cost_per_reached([100] * 30, [True] + [False] * 29, seed=1)
    assert few.cents == 3000 and few.high is None and few.low is not None
    assert "no upper limit" in few.sentence


def test_calibration_of_true_chances_and_of_too_sure_ones() -> None:
    rng = np.random.default_rng(2)
    p = rng.beta(2, 3, 20_000).clip(0.01, 0.99)
    y = rng.random(20_000) < p
    right = recalibration(p, y)
    assert right.slope[1] < 1 < right.slope[2]
    assert right.in_the_large[1] < 0 < right.in_the_large[2]
    odds = (p / (1 - p)) ** 2
    sure = recalibration(odds / (1 + odds), y)
    assert sure.slope[0] == pytest.approx(right.slope[0] / 2)
    found = bins(p, y)
    assert found.courses.tolist() == [2000] * 10
    inside = (found.forecast > found.observed.low) & (found.forecast < found.observed.high)
    assert inside.sum() >= 8
    parts = brier(p, y)
    assert parts.score == pytest.approx(np.mean((p - y) ** 2))
    assert abs(parts.within) < 0.002
    assert parts.reliability < 0.001 < parts.resolution


def test_in_the_large_makes_expected_and_observed_equal() -> None:
    p, y = np.full(100, 0.999), np.arange(100) % 5 == 0
    with pytest.raises(FitError):
        recalibration(p, y)
    p[:50] = 0.9
    shift = recalibration(p, y).in_the_large[0]
    odds = p / (1 - p) * np.exp(shift)
    assert (odds / (1 + odds)).sum() == pytest.approx(20)


def test_coverage_counts_both_sides() -> None:
    found = coverage([0, 0, 0, -np.inf], [1, 1, 1, np.inf], [1, 2, -1, 9])
    assert (found.inside, found.below, found.above) == (2, 1, 1)
    assert float(found.share.estimate) == 0.5
