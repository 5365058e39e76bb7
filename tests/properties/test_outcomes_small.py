"""What intervals, costs, alarms and calibration must hold whatever the numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enthesis.outcomes.calibration import bins, brier
from enthesis.outcomes.cost import cost_per_reached
from enthesis.outcomes.harms import Cusum, gap_chart, mean_run
from enthesis.outcomes.intervals import clopper_pearson, difference, rate, wilson
from enthesis.outcomes.silent import Group, delta_table

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
few = settings(deadline=None, max_examples=50)


@few
@given(counts, st.sampled_from([0.8, 0.95, 0.998]))
def test_limits_hold_the_share_and_mirror(count: tuple[int, int], level: float) -> None:
    x, n = count
    for function in (wilson, clopper_pearson):
        found, other = function(x, n, level), function(n - x, n, level)
        assert 0 <= found.low <= found.estimate <= found.high <= 1
        assert found.low == pytest.approx(1 - other.high, abs=1e-12)
    exact, score = clopper_pearson(x, n, level), function(x, n, level)
    assert exact.high - exact.low >= score.high - score.low - 1e-12


@few
@given(counts, counts)
def test_a_difference_taken_the_other_way_is_its_mirror(
    one: tuple[int, int], two: tuple[int, int]
) -> None:
    ahead, back = difference(*one, *two), difference(*two, *one)
    assert -1 <= ahead.low <= ahead.estimate <= ahead.high <= 1
    assert ahead.low == pytest.approx(-back.high, abs=1e-12)


@few
@given(st.integers(0, 500), st.integers(1, 10**6), st.integers(2, 9))
def test_a_rate_does_not_depend_on_its_unit(events: int, sessions: int, times: int) -> None:
    one, many = rate(events, sessions), rate(events, times * sessions)
    assert one.low <= one.estimate <= one.high
    assert one.high == pytest.approx(times * many.high)


@few
@given(st.lists(st.booleans(), max_size=80), st.integers(1, 9), st.integers(1, 30))
def test_an_alarm_stands_at_its_limit_and_gaps_add_up(
    harmed: list[bool], up: int, limit: int
) -> None:
    path, alarms = Cusum(up, limit, 0, 0).path(np.array(harmed, dtype=bool))
    assert np.all(path >= 0)
    assert np.array_equal(np.flatnonzero(path >= limit), alarms)
    chart = gap_chart(harmed, 0.1, 0.05)
    assert chart.gaps.sum() + chart.since == len(harmed)


@few
@given(st.integers(1, 20), st.integers(1, 60), st.floats(0.001, 0.5), st.floats(1.01, 1.9))
def test_a_higher_limit_runs_longer_and_a_higher_rate_shorter(
    up: int, limit: int, chance: float, times: float
) -> None:
    run = mean_run(up, limit, chance)
    assert mean_run(up, limit + 1, chance) >= run * (1 - 1e-9)
    assert mean_run(up, limit, chance * times) <= run * (1 + 1e-9)


@few
@given(st.lists(st.tuples(st.integers(0, 900), st.booleans()), min_size=2, max_size=40))
def test_cost_is_the_sum_over_those_who_reached_it(rows: list[tuple[int, bool]]) -> None:
    paid, reached = (list(part) for part in zip(*rows, strict=True))
    cost = cost_per_reached(np.array(paid), np.array(reached), seed=1, resamples=200)
    again = cost_per_reached(np.array(paid)[::-1], np.array(reached)[::-1], seed=1, resamples=200)
    assert cost == again
    if cost.cents is None:
        assert not any(reached)
    else:
        assert cost.cents * cost.reached == pytest.approx(sum(paid))


@few
@given(
    st.lists(st.tuples(st.sampled_from([0, 0.1, 0.25, 0.5, 0.9, 1]), st.booleans()), min_size=1),
    st.integers(1, 12),
)
def test_the_parts_of_the_brier_score_make_the_whole(
    rows: list[tuple[float, bool]], number: int
) -> None:
    p, y = (np.array(part, dtype=float) for part in zip(*rows, strict=True))
    parts = brier(p, y, number)
    whole = parts.reliability - parts.resolution + parts.uncertainty + parts.within
    assert whole == pytest.approx(np.mean((p - y) ** 2), abs=1e-12)
    found = bins(p, y, number)
    assert found.courses.sum() == len(p) and len(found.courses) <= number
    assert np.all(np.diff(found.forecast) > 0)
    if number >= 12 and len(p) >= 12 and len(found.courses) == len(set(p)):
        assert parts.within == pytest.approx(0, abs=1e-12)


@few
@given(st.floats(-5, 5), st.floats(0.01, 2), st.integers(1, 300), st.floats(0, 1))
def test_before_the_tipping_point_the_conclusion_holds(
    estimate: float, se: float, asked: int, part: float
) -> None:
    groups = [Group(1, asked, int(part * asked))]
    table = delta_table(estimate, se, 50, groups, np.linspace(0, 10, 41))
    until = 10.0 if table.tipping_point is None else table.tipping_point
    assert np.all(table.holds[table.delta < until - 1e-6]) or table.conclusion == 0
