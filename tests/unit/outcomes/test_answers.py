"""Logistic and ordinal regression: what is refused, and that nothing infinite comes out."""

import re

import numpy as np
import pytest

from enthesis.outcomes.answers import cells_of, fit_logistic, fit_ordinal
from enthesis.outcomes.errors import FitError

DESIGN = np.array([[1, 0], [1, 1.0]])


def test_two_by_two_is_the_odds_ratio_with_woolfs_standard_error() -> None:
    fit = fit_logistic(DESIGN, [10, 30], [50, 60], ("1", "arm"))
    assert fit.coefficients[1] == pytest.approx(np.log((30 / 30) / (10 / 40)))
    assert fit.se[1] == pytest.approx(np.sqrt(1 / 10 + 1 / 40 + 1 / 30 + 1 / 30))
    assert fit.n == 110


def test_thresholds_alone_give_back_the_shares() -> None:
    fit = fit_ordinal(np.zeros((1, 0)), [[5, 15, 30]], ("none", "some", "much"), ())
    assert fit.names == ("none|some", "some|much")
    assert 1 / (1 + np.exp(-fit.coefficients)) == pytest.approx([0.1, 0.4])


def test_counting_gives_back_every_person() -> None:
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(500), rng.integers(0, 3, 500), rng.integers(0, 2, 500) / 3])
    level = rng.integers(0, 3, 500)
    cells, counts = cells_of(x, level, 3)
    assert len(cells) == 6
    for cell, count in zip(cells, counts, strict=True):
        own = np.all(x == cell, axis=1)
        assert np.bincount(level[own], minlength=3).tolist() == count.tolist()


@pytest.mark.parametrize(
    ("design", "yes", "total", "infinite"),
    [
        (DESIGN, [0, 30], [50, 60], "1, arm"),
        (DESIGN, [0, 60], [50, 60], "arm"),
        (np.array([[1, t] for t in range(6)]), [0, 0, 0, 3, 3, 3], [3] * 6, "1, t"),
        (np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1.0]]), [5, 9, 0], [10, 20, 9], "b"),
    ],
)
def test_an_infinite_estimate_is_refused_by_name(
    design: np.ndarray, yes: list[int], total: list[int], infinite: str
) -> None:
    names = {2: ("1", "t" if infinite.endswith("t") else "arm"), 3: ("1", "a", "b")}[
        design.shape[1]
    ]
    with pytest.raises(FitError, match=re.escape(f"without error by {infinite}")) as refused:
        fit_logistic(design, yes, total, names)
    assert "Put groups together" in str(refused.value)


def test_an_infinite_estimate_of_ordered_levels_is_refused_by_name() -> None:
    counts = [[10, 5, 0], [0, 0, 12]]
    with pytest.raises(FitError, match=r"told apart without error by .*arm"):
        fit_ordinal(DESIGN[:, 1:], counts, ("none", "some", "much"), ("arm",))


def test_rare_but_finite_estimates_are_given() -> None:
    fit = fit_logistic(DESIGN, [1, 999_999], [1_000_000, 1_000_000], ("1", "arm"))
    assert fit.coefficients == pytest.approx([-np.log(999_999), 2 * np.log(999_999)])
    ordinal = fit_ordinal(
        DESIGN[:, 1:], [[10**6, 10**5, 1], [1, 10**5, 10**6]], ("a", "b", "c"), ("arm",)
    )
    assert np.isfinite(ordinal.coefficients).all() and np.isfinite(ordinal.se).all()


LEVELS = ("none", "some", "much")


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda: fit_logistic(DESIGN, [60, 3], [50, 60], "ab"), "Row 1: more reached than there"),
        (lambda: fit_logistic(DESIGN, [0, 0], [50, 60], "ab"), "All outcomes are alike"),
        (lambda: fit_logistic(DESIGN, [0, 0], [0, 0], "ab"), "there is nobody to fit"),
        (lambda: fit_logistic(DESIGN, [np.nan, 3], [5, 6], "ab"), "not finite numbers"),
        (lambda: fit_logistic(DESIGN, [1, 3], [5, 6], "a"), "a column per name"),
        (lambda: fit_logistic(DESIGN, [1], [5, 6], "ab"), "row per cell"),
        (
            lambda: fit_logistic([[1, 1], [1, 1]], [1, 3], [5, 6], "ab"),
            "depend on each other: a, b",
        ),
        (
            lambda: fit_ordinal([[1.0], [2.0]], [[1, 0, 2], [3, 0, 1]], LEVELS, "a"),
            "Nobody had some",
        ),
        (lambda: fit_ordinal([[1.0]], [[1, 2]], LEVELS, "a"), "column for each of"),
        (lambda: cells_of([[1.0]], [3], 3), "whole numbers from 0 to 2"),
        (lambda: cells_of([[1.0]], [0, 1], 3), "one row per person"),
        (lambda: cells_of([[np.nan]], [0], 3), "not finite numbers"),
    ],
)
def test_it_refuses_what_cannot_be_fitted(work: object, message: str) -> None:
    with pytest.raises(FitError, match=re.escape(message)):
        work()  # type: ignore[operator]
