"""Who reached a level: logistic regression, and its form for ordered levels (proportional odds).

Both are fitted from counting tables: a row per combination of covariates, with how many had each
outcome. `cells_of` makes one from a column per person, which pays where covariates are few classes
and does no harm where they are not. From uncontrolled data an odds ratio compares those who reached
a level; it is not an effect of what they were given.

The numbers are those of R's `glm` and `ordinal::clm` (McCullagh 1980, J R Stat Soc B 42:109).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit

from enthesis.outcomes.concave import Hill, check_independent, summit
from enthesis.outcomes.errors import FitError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class AnswersFit:
    """`names`, `coefficients` (log odds ratios), `se`: (p,). `vcov`: (p, p).

    Of ordered levels the names begin with the thresholds, as "none|some"; a positive coefficient
    of a covariate then shifts people towards the later levels.
    """

    names: tuple[str, ...]
    coefficients: Floats
    se: Floats
    vcov: Floats
    log_likelihood: float
    n: int


def cells_of(design: ArrayLike, level: ArrayLike, levels: int) -> tuple[Floats, Floats]:
    """Count: distinct rows of the design (c, p), and how many of each had level 0 … (c, levels)."""
    x, at = np.asarray(design, dtype=np.float64), np.asarray(level)
    if x.ndim != 2 or at.shape != x.shape[:1]:
        raise FitError(
            f"The design must have one row per person: {at.shape[0] if at.ndim else 0}, "
            f"not {x.shape}."
        )
    if at.dtype.kind not in "biu" or (at.size and (at.min() < 0 or at.max() >= levels)):
        raise FitError(f"The levels must be whole numbers from 0 to {levels - 1}.")
    if not np.isfinite(x).all():
        raise FitError("The design has values that are not finite numbers.")
    place = np.zeros(len(x), dtype=np.intp)
    for column in x.T:
        # One column at a time: sorting whole rows is ten times as slow.
        _, code = np.unique(column, return_inverse=True)
        _, place = np.unique(place * (code.max(initial=0) + 1) + code, return_inverse=True)
    count = place.max(initial=-1) + 1
    table = np.bincount(place * levels + at, minlength=count * levels).reshape(count, levels)
    rows = np.empty((count, x.shape[1]))
    rows[place] = x
    return rows, table.astype(np.float64)


def fit_logistic(
    design: ArrayLike, reached: ArrayLike, total: ArrayLike, names: Sequence[str]
) -> AnswersFit:
    """Logistic regression. `design`: (c, p) with its constant; `reached` of `total`: (c,).

    Raises FitError for counts that cannot be, columns that depend on each other, outcomes all
    alike, and infinite estimates.
    """
    x, yes, all_ = (np.asarray(part, dtype=np.float64) for part in (design, reached, total))
    counts = np.column_stack([all_ - yes, yes]) if yes.shape == all_.shape else yes
    _check(x, counts, names)
    yes, all_ = counts[:, 1], counts.sum(axis=1)

    def hill(beta: Floats) -> Hill:
        line = x @ beta
        height = yes @ log_expit(line) + (all_ - yes) @ log_expit(-line)
        share = expit(line)
        information = (x.T * (all_ * share * expit(-line))) @ x
        return Hill(float(height), (yes - all_ * share) @ x, information)

    def rises() -> Floats:
        return np.concatenate([x[yes > 0], -x[yes < all_]])

    best, top = summit(hill, np.zeros(len(names)), rises, names)
    return _fit(tuple(names), best, top, counts)


def fit_ordinal(
    design: ArrayLike, counts: ArrayLike, levels: Sequence[str], names: Sequence[str]
) -> AnswersFit:
    """Proportional odds: logit P(level ≤ j) = threshold_j − design·β.

    `design`: (c, p) without a constant (p may be 0). `counts`: (c, l), how many of each row had
    each of the l ordered levels. Raises FitError as `fit_logistic`, and for a level nobody had.
    """
    x, table = np.asarray(design, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(levels) or len(levels) < 2:
        raise FitError(f"Counts must have a column for each of {list(levels)}, at least two.")
    _check(x, table, names)
    empty = [name for name, n in zip(levels, table.sum(axis=0), strict=True) if not n]
    if empty:
        raise FitError(f"Nobody had {', '.join(empty)}: leave such levels out.")
    cell, level = np.nonzero(table)
    n = table[cell, level]
    upper, lower = _edges(x[cell], level, len(levels))
    thresholds = tuple(f"{a}|{b}" for a, b in pairwise(levels))
    all_names = (*thresholds, *names)

    def hill(theta: Floats) -> Hill | None:
        if np.any(np.diff(theta[: len(thresholds)]) <= 0):
            return None
        return _ordinal_hill(theta, n, upper, lower, level, len(levels))

    def rises() -> Floats:
        return np.concatenate([upper[level < len(levels) - 1], -lower[level > 0]])

    below = np.cumsum(table.sum(axis=0))[:-1] / table.sum()
    start = np.concatenate([np.log(below / (1 - below)), np.zeros(len(names))])
    best, top = summit(hill, start, rises, all_names)
    return _fit(all_names, best, top, table)


def _edges(x: Floats, level: NDArray[np.intp], levels: int) -> tuple[Floats, Floats]:
    """Rows that make of (thresholds, β) a level's upper and lower edge; 0 where there is none."""
    upper = np.zeros((len(x), levels - 1 + x.shape[1]))
    lower = np.zeros_like(upper)
    for edge, rows, at in (
        (upper, np.flatnonzero(level < levels - 1), level),
        (lower, np.flatnonzero(level > 0), level - 1),
    ):
        edge[rows, at[rows]] = 1
        edge[rows, levels - 1 :] = -x[rows]
    return upper, lower


def _ordinal_hill(
    theta: Floats,
    n: Floats,
    upper: Floats,
    lower: Floats,
    level: NDArray[np.intp],
    levels: int,
) -> Hill:
    """log P(level) = log F(u) + log F(−l) + log(1 − exp(l − u)): no difference of like numbers."""
    u = np.where(level < levels - 1, upper @ theta, np.inf)
    low = np.where(level > 0, lower @ theta, -np.inf)
    gap = u - low
    height = n @ (log_expit(u) + log_expit(-low) + np.log(-np.expm1(-gap)))
    inner = 1 / np.expm1(gap)
    bend = inner * (1 + inner)
    slope = (n * (expit(-u) + inner)) @ upper - (n * (expit(low) + inner)) @ lower
    of_upper, of_lower = n * (expit(u) * expit(-u) + bend), n * (expit(low) * expit(-low) + bend)
    cross = (upper.T * (n * bend)) @ lower
    information = (upper.T * of_upper) @ upper + (lower.T * of_lower) @ lower - cross - cross.T
    return Hill(float(height), slope, information)


def _check(x: Floats, counts: Floats, names: Sequence[str]) -> None:
    """Refuse shapes that do not fit, counts that cannot be, columns that depend on each other."""
    if x.ndim != 2 or counts.ndim != 2 or len(x) != len(counts) or x.shape[1] != len(names):
        raise FitError(
            "The design must have a row per cell and a column per name; it is "
            f"{x.shape}, the counts {counts.shape}, with {len(names)} names."
        )
    if not np.isfinite(x).all() or not np.isfinite(counts).all():
        raise FitError("The design or the counts have values that are not finite numbers.")
    if np.any(counts < 0):
        cell = int(np.argmax((counts < 0).any(axis=1)))
        raise FitError(f"Row {cell + 1}: more reached than there are, or a negative count.")
    if not counts.sum():
        raise FitError("The counts are all 0: there is nobody to fit.")
    if np.count_nonzero(counts.sum(axis=0)) < 2:
        raise FitError("All outcomes are alike: there is nothing to tell apart.")
    if len(names):
        check_independent((x.T * counts.sum(axis=1)) @ x, names)


def _fit(names: tuple[str, ...], best: Floats, top: Hill, counts: Floats) -> AnswersFit:
    vcov = np.asarray(np.linalg.inv(top.information), dtype=np.float64)
    n = int(counts.sum())
    return AnswersFit(names, best, np.sqrt(np.diagonal(vcov)), vcov, top.height, n)
