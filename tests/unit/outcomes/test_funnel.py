"""The funnel: adjusted for case mix, exact limits, shrunk, and in no order of merit."""

import numpy as np
import pytest
from scipy.stats import binom, poisson_binom

from enthesis.outcomes.errors import FitError
from enthesis.outcomes.funnel import NO_SPREAD, chance_limits, count_distribution, funnel


def units(sizes: list[int], reached: list[int]) -> tuple[np.ndarray, np.ndarray]:
    unit = np.repeat(np.arange(len(sizes)), sizes)
    yes = np.concatenate([np.arange(n) < k for n, k in zip(sizes, reached, strict=True)])
    return unit, yes


def test_without_case_mix_a_share_stays_itself_and_limits_are_binomial() -> None:
    found = funnel(*units([20, 50, 400], [10, 18, 150]))
    assert found.adjusted == pytest.approx([0.5, 0.36, 0.375])
    expected = chance_limits(found.overall, [20, 50, 400])
    assert found.limits == pytest.approx(expected)
    assert not found.outside.any()
    assert found.expected.sum() == pytest.approx(found.reached.sum())


def test_the_count_of_unlike_courses_is_a_sum_of_binomials() -> None:
    first, shares = count_distribution([3, 5, 2], [0.1, 0.4, 0.95])
    direct = poisson_binom([0.1] * 3 + [0.4] * 5 + [0.95] * 2).pmf(np.arange(11))
    assert first == 0
    assert shares == pytest.approx(direct, abs=1e-14)
    first, shares = count_distribution([200_000, 300_000], [0.2, 0.5])
    at = first + np.arange(len(shares))
    assert shares @ at == pytest.approx(190_000)
    assert shares @ (at - 190_000) ** 2 == pytest.approx(200_000 * 0.16 + 300_000 * 0.25)


def test_a_unit_that_differs_only_in_whom_it_treats_lies_in_the_middle() -> None:
    hard = np.repeat([0.0, 1.0, 0.0, 1.0], [800, 200, 200, 800])
    unit = np.repeat(["a", "b"], 1000)
    yes = np.concatenate(
        [np.arange(n) < k for n, k in ((800, 480), (200, 40), (200, 120), (800, 160))]
    )
    plain = funnel(unit, yes)
    assert plain.outside.all()
    mixed = funnel(unit, yes, hard[:, None], ("hard",))
    assert mixed.adjusted == pytest.approx([0.4, 0.4], abs=1e-9)
    assert not mixed.outside.any()
    assert mixed.precision == NO_SPREAD


def test_small_units_are_shrunk_most_and_nobody_over_the_middle() -> None:
    found = funnel(*units([10, 100, 1000, 900], [9, 75, 400, 500]))
    pulled = (found.shrunk - found.overall) / (found.adjusted - found.overall)
    assert np.all((pulled > 0) & (pulled < 1))
    assert pulled[0] < pulled[1] < pulled[2]
    assert np.all((found.low < found.shrunk) & (found.shrunk < found.high))


def test_the_precision_of_invented_units_comes_back() -> None:
    rng = np.random.default_rng(4)
    true = rng.beta(20 * 0.4, 20 * 0.6, 400)
    sizes = rng.integers(30, 200, 400)
    found = funnel(*units(sizes.tolist(), rng.binomial(sizes, true).tolist()))
    assert found.precision == pytest.approx(20, rel=0.25)
    covered = np.mean((found.low < true) & (true < found.high))
    assert 0.91 < covered < 0.985


def test_chance_alone_rarely_puts_a_unit_outside() -> None:
    rng = np.random.default_rng(7)
    sizes = np.full(500, 80)
    found = funnel(*units(sizes.tolist(), rng.binomial(sizes, 0.3).tolist()))
    inner = (found.adjusted < found.limits[:, 0] - 1e-9) | (
        found.adjusted > found.limits[:, 1] + 1e-9
    )
    assert found.outside.mean() <= 0.008
    assert 0.01 < inner.mean() <= 0.06


def test_units_come_in_the_order_of_their_labels() -> None:
    unit, yes = units([50, 50, 50], [40, 10, 25])
    assert funnel(unit, yes).units == (0, 1, 2)


@pytest.mark.parametrize(
    ("unit", "yes", "said"),
    [
        (["a", "a"], [True, False], "at least two units"),
        (["a", "b"], [1, 0], "yes or no"),
        ([1.0, np.nan], [True, False], "have no unit"),
        (["a", "b"], [True, True], "All outcomes are alike"),
    ],
)
def test_what_makes_no_funnel_is_refused(unit: list[object], yes: list[object], said: str) -> None:
    with pytest.raises(FitError, match=said):
        funnel(unit, yes)


def test_limits_hold_their_level() -> None:
    low, high, low_outer, high_outer = chance_limits(0.37, [60])[0] * 60
    assert binom.cdf(low - 1, 60, 0.37) <= 0.025 <= binom.cdf(low, 60, 0.37)
    assert binom.sf(high, 60, 0.37) <= 0.025
    assert low_outer < low < high < high_outer
