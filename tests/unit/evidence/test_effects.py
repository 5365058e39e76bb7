"""Effect sizes; agreement with metafor on whole data sets is in tests/reference."""

import numpy as np
import pytest

from enthesis.evidence.effects import (
    Measure,
    compare_counts,
    compare_means,
    counts,
    hedges_correction,
    means,
    reported,
)
from enthesis.evidence.ragged import StudyError


def test_a_mean_difference_is_arm_1_minus_arm_2() -> None:
    effect = compare_means(Measure.MD, means(4, 2, 20, 5, 3, 30))
    assert effect.estimates.item() == -1
    assert effect.variances.item() == pytest.approx(4 / 20 + 9 / 30)


def test_hedges_correction_is_exact() -> None:
    # J(2) = Γ(1)/Γ(½) = 1/√π; the usual approximation 1 − 3/7 is 1.3% off.
    assert hedges_correction(2) == pytest.approx(1 / np.sqrt(np.pi), rel=1e-14)


def test_a_standardised_difference_does_not_depend_on_the_unit() -> None:
    plain = compare_means(Measure.SMD, means(4, 2, 20, 5, 3, 30))
    tenfold = compare_means(Measure.SMD, means(40, 20, 20, 50, 30, 30))
    assert plain.estimates == pytest.approx(tenfold.estimates, rel=1e-14)
    assert plain.variances == pytest.approx(tenfold.variances, rel=1e-14)


def test_an_empty_cell_gets_a_half_in_that_study_only() -> None:
    effect = compare_counts(Measure.OR, counts([0, 5], [10, 10], [2, 5], [10, 10]))
    assert effect.estimates[0] == pytest.approx(np.log(0.5 / 10.5) - np.log(2.5 / 8.5))
    assert effect.estimates[1] == 0
    assert effect.variances[1] == pytest.approx(4 / 5)


@pytest.mark.parametrize("measure", [Measure.OR, Measure.RR])
@pytest.mark.parametrize("events", [(0, 0), (10, 12)])
def test_a_ratio_of_nobody_or_everybody_is_refused(
    measure: Measure, events: tuple[int, int]
) -> None:
    with pytest.raises(StudyError, match="says nothing about a ratio"):
        compare_counts(measure, counts(events[0], 10, events[1], 12))


def test_a_risk_difference_of_no_events_is_an_answer() -> None:
    effect = compare_counts(Measure.RD, counts(0, 10, 0, 10))
    assert effect.estimates.item() == 0
    assert effect.variances.item() > 0


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ((1, -2, 20, 1, 2, 20), "sd_1 is negative"),
        ((1, np.nan, 20, 1, 2, 20), "sd_1 is missing"),
        ((1, 2, np.nan, 1, 2, 20), "n_1 is missing"),
        ((1, 2, 1, 1, 2, 20), "n_1 must be at least 2"),
        ((np.inf, 2, 20, 1, 2, 20), "mean_1 is not a finite"),
    ],
)
def test_impossible_means_are_refused_by_name(values: tuple[float, ...], problem: str) -> None:
    with pytest.raises(StudyError, match=problem):
        means(*values)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ((11, 10, 1, 10), "events_1 is greater than n_1"),
        ((1, 10, -1, 10), "events_2 is negative"),
        ((1, 0, 1, 10), "n_1 must be at least 1"),
        ((1, np.nan, 1, 10), "n_1 is missing"),
    ],
)
def test_impossible_counts_are_refused_by_name(values: tuple[float, ...], problem: str) -> None:
    with pytest.raises(StudyError, match=problem):
        counts(*values)


def test_the_refused_study_is_named_by_its_place() -> None:
    with pytest.raises(StudyError, match="study 2") as caught:
        means([1, 1], [1, -1], [9, 9], [1, 1], [1, 1], [9, 9])
    assert caught.value.index == 1


@pytest.mark.parametrize("measure", [Measure.MD, Measure.SMD])
def test_two_arms_without_any_spread_are_refused(measure: Measure) -> None:
    with pytest.raises(StudyError, match="standard deviations are 0"):
        compare_means(measure, means(1, 0, 20, 2, 0, 20))


@pytest.mark.parametrize("pair", [(0, 1), (-1, 1), (1, 0)])
def test_a_ratio_of_means_needs_means_of_one_sign(pair: tuple[float, float]) -> None:
    with pytest.raises(StudyError, match="same sign"):
        compare_means(Measure.ROM, means(pair[0], 1, 20, pair[1], 1, 20))


def test_measures_are_not_mixed_up() -> None:
    with pytest.raises(StudyError, match="OR needs events"):
        compare_means(Measure.OR, means(1, 1, 9, 1, 1, 9))
    with pytest.raises(StudyError, match="MD needs means"):
        compare_counts(Measure.MD, counts(1, 9, 1, 9))


@pytest.mark.parametrize("error", [0.0, -1.0, np.inf, np.nan])
def test_a_reported_effect_needs_a_positive_standard_error(error: float) -> None:
    with pytest.raises(StudyError, match="standard error"):
        reported(0.5, error)
