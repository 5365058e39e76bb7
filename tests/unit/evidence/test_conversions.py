"""Standard deviations and errors from what papers print."""

import numpy as np
import pytest
from scipy import stats

from enthesis.evidence import conversions
from enthesis.evidence.ragged import StudyError


def test_an_sd_comes_back_from_its_standard_error_and_from_its_interval() -> None:
    sd, n = 12.0, 25
    se = sd / np.sqrt(n)
    half = stats.t.ppf(0.975, n - 1) * se
    assert conversions.sd_from_se(se, n) == pytest.approx(sd)
    assert conversions.sd_from_ci(50 - half, 50 + half, n) == pytest.approx(sd)


@pytest.mark.parametrize("level", [0.90, 0.95, 0.99])
def test_a_standard_error_comes_back_from_its_interval(level: float) -> None:
    half = stats.norm.ppf((1 + level) / 2) * 0.3
    assert conversions.se_from_ci(1 - half, 1 + half, level) == pytest.approx(0.3)


def test_a_standard_error_comes_back_from_its_p() -> None:
    assert conversions.se_from_p(-0.9, 2 * stats.norm.sf(3)) == pytest.approx(0.3)
    p = 2 * stats.t.sf(2.5, 38)
    sd = conversions.sd_of_difference_from_p(5.0, p, 20, 20)
    assert sd == pytest.approx(5 / 2.5 / np.sqrt(1 / 20 + 1 / 20))


def test_the_sd_of_a_change_follows_the_correlation() -> None:
    assert conversions.sd_of_change(3, 4, 0) == pytest.approx(5)
    assert conversions.sd_of_change(3, 4, 1) == pytest.approx(1)


@pytest.mark.parametrize("limits", [(-np.inf, 1), (0, np.inf), (np.nan, 1), (1, 1), (2, 1)])
def test_an_interval_that_is_none_is_refused(limits: tuple[float, float]) -> None:
    with pytest.raises(StudyError, match="interval"):
        conversions.se_from_ci(*limits)


@pytest.mark.parametrize("p", [0, 1, 1.2, np.nan])
def test_a_p_that_is_none_is_refused(p: float) -> None:
    with pytest.raises(StudyError, match="p must lie between 0 and 1"):
        conversions.se_from_p(0.5, p)


def test_no_standard_error_comes_from_an_estimate_of_zero() -> None:
    with pytest.raises(StudyError, match="exactly 0"):
        conversions.se_from_p(0, 0.5)


def test_a_correlation_above_1_is_refused() -> None:
    with pytest.raises(StudyError, match="correlation"):
        conversions.sd_of_change(3, 4, 1.1)


@pytest.mark.parametrize("n", [15, 60, 400])
def test_medians_of_a_normal_sample_give_its_mean_and_sd_back(n: int) -> None:
    """At the expected order statistics of a normal sample the conversions are exact."""
    low, q1, q3, high = (
        10 + 2 * stats.norm.ppf((rank - 0.375) / (n + 0.25))
        for rank in (1, 0.25 * n + 0.75, 0.75 * n + 0.25, n)
    )
    answers = (
        conversions.mean_sd_from_median_range(low, 10, high, n),
        conversions.mean_sd_from_quartiles(q1, 10, q3, n),
        conversions.mean_sd_from_five_numbers(low, q1, 10, q3, high, n),
    )
    for mean, sd in answers:
        assert mean == pytest.approx(10, abs=1e-9)
        assert sd == pytest.approx(2, rel=1e-9)


def test_a_skewed_median_moves_the_mean_towards_the_tail() -> None:
    mean, _ = conversions.mean_sd_from_quartiles(1, 2, 6, 50)
    assert mean == pytest.approx((0.7 + 0.39 / 50) * 3.5 + (0.3 - 0.39 / 50) * 2)
