"""Shares of clinics or clinicians beside what chance alone would give. Never a ranking.

Case mix: a logistic model of all courses together says how many of *these* courses would be
expected to reach the level anywhere (indirect standardisation); what is shown is the overall share
plus the difference between observed and expected. It cannot mend what was not recorded. Limits are
exact: the count of a unit is a sum of binomials, one for each of its cells (Poisson-binomial).
Units are shrunk towards what was expected of them by a beta-binomial model, so that a small unit
does not look extreme only because it is small (Spiegelhalter 2005, Stat Med 24:1185; Jones &
Spiegelhalter 2011, Am Stat 65:25). Units come in the order given, never in the order of their
shares.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, betaln, expit

from enthesis.outcomes.answers import cells_of, fit_logistic
from enthesis.outcomes.errors import FitError, missing_labels

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
INNER, OUTER = 0.95, 0.998
NO_SPREAD = 1e8
"""A precision so high that units no longer differ."""
NEGLIGIBLE = 1e-17


@dataclass(frozen=True, slots=True, eq=False)
class Funnel:
    """u units in the order of their labels; shares lie between 0 and 1.

    `courses`, `reached`: (u,). `expected`: (u,), courses expected to reach it by case mix.
    `adjusted`: (u,), overall share + (reached − expected) / courses. `limits`: (u, 4), inner and
    outer limits of `adjusted` by chance alone: 95 % low, high, 99.8 % low, high. `outside`: (u,),
    beyond the outer ones. `shrunk`, `low`, `high`: (u,), what is believed of the unit, with its
    interval. `precision`: of the beta distribution of units (larger: they differ less).
    """

    units: tuple[Hashable, ...]
    courses: Ints
    reached: Ints
    expected: Floats
    overall: float
    adjusted: Floats
    limits: Floats
    outside: NDArray[np.bool_]
    shrunk: Floats
    low: Floats
    high: Floats
    precision: float


def funnel(
    unit: ArrayLike,
    reached: ArrayLike,
    design: ArrayLike | None = None,
    names: Sequence[str] = (),
    level: float = 0.95,
) -> Funnel:
    """The funnel of units. `unit`, `reached`: (n,), one of each course; lost counts as not reached.

    `design`: (n, p) case mix without a constant, few classes; `names`: its p columns. Raises
    FitError for fewer than two units, missing labels, and what the logistic model refuses.
    """
    labels, yes = np.asarray(unit), np.asarray(reached)
    if labels.ndim != 1 or yes.shape != labels.shape or yes.dtype.kind != "b":
        raise FitError("Give the unit and whether it was reached (yes or no) of each course.")
    problems = missing_labels(labels, "unit")
    if problems:
        raise FitError(*problems)
    found, place = np.unique(labels, return_inverse=True)
    if len(found) < 2:
        raise FitError("A funnel needs at least two units.")
    mix = np.zeros((len(yes), 0)) if design is None else np.asarray(design, dtype=np.float64)
    x = np.column_stack([np.ones(len(yes)), mix])
    order = np.argsort(place, kind="stable")
    starts = np.cumsum(np.bincount(place))[:-1]
    own_rows = zip(np.split(x[order], starts), np.split(yes[order], starts), strict=True)
    cells = [cells_of(own, level_of, 2) for own, level_of in own_rows]
    rows = np.concatenate([own for own, _ in cells])
    counts = np.concatenate([own for _, own in cells])
    fitted = fit_logistic(rows, counts[:, 1], counts.sum(axis=1), ("1", *names))
    chances = [expit(own @ fitted.coefficients) for own, _ in cells]
    sizes = [own.sum(axis=1) for _, own in cells]
    return _funnel(tuple(found.tolist()), cells, chances, sizes, level)


def chance_limits(overall: float, courses: ArrayLike) -> Floats:
    """(k, 4): the limits around a share at each number of courses, for the curves of the chart."""
    from scipy.stats import binom  # a second: not for who only imports

    n = np.asarray(courses, dtype=np.float64)
    ends = [tail for level in (INNER, OUTER) for tail in ((1 - level) / 2, (1 + level) / 2)]
    return np.stack([binom.ppf(tail, n, overall) / n for tail in ends], axis=-1)


def count_distribution(sizes: ArrayLike, chances: ArrayLike) -> tuple[int, Floats]:
    """How many of a unit reach it by chance: Σ of binomials. The first count and the shares from it
    on; ends with a share below 1e-17 are left off."""
    from scipy.stats import binom

    first, shares = 0, np.ones(1)
    for n, p in zip(np.asarray(sizes), np.asarray(chances), strict=True):
        low, high = binom.ppf(NEGLIGIBLE, n, p), binom.isf(NEGLIGIBLE, n, p)
        at = np.arange(max(int(low), 0), int(high) + 1)
        shares = np.convolve(shares, binom.pmf(at, n, p))
        kept = np.flatnonzero(shares > NEGLIGIBLE)
        first += int(at[0]) + int(kept[0])
        shares = shares[kept[0] : kept[-1] + 1]
    return first, shares / shares.sum()


def _funnel(
    units: tuple[Hashable, ...],
    cells: list[tuple[Floats, Floats]],
    chances: list[Floats],
    sizes: list[Floats],
    level: float,
) -> Funnel:
    courses = np.array([n.sum() for n in sizes])
    reached = np.array([own[:, 1].sum() for _, own in cells])
    expected = np.array([n @ p for n, p in zip(sizes, chances, strict=True)])
    overall = float(reached.sum() / courses.sum())
    counts = np.array([_limits(n, p) for n, p in zip(sizes, chances, strict=True)])
    precision = unit_precision(reached, courses, expected / courses)
    a = reached + precision * expected / courses
    b = courses - reached + precision * (1 - expected / courses)
    shift = overall - expected / courses
    ends = [_beta_quantile(a, b, tail) + shift for tail in ((1 - level) / 2, (1 + level) / 2)]
    return Funnel(
        units,
        courses.astype(np.int64),
        reached.astype(np.int64),
        expected,
        overall,
        reached / courses + shift,
        counts / courses[:, None] + shift[:, None],
        (reached < counts[:, 2]) | (reached > counts[:, 3]),
        a / (a + b) + shift,
        ends[0],
        ends[1],
        precision,
    )


def unit_precision(reached: Floats, courses: Floats, expected_share: Floats) -> float:
    """The precision of the beta distribution of units at its greatest likelihood (1-dimensional).

    A unit's share is Beta(φe, φ(1 − e)); φ is searched on a grid first, for the likelihood may have
    two hills. `NO_SPREAD` where units differ no more than chance makes them.
    """
    from scipy.optimize import minimize_scalar

    def height(log_phi: float) -> float:
        phi = np.exp(log_phi)
        a, b = phi * expected_share, phi * (1 - expected_share)
        return float(np.sum(betaln(a + reached, b + courses - reached) - betaln(a, b)))

    # Beyond 1e6 the difference of two log-beta functions drowns in rounding.
    grid = np.linspace(np.log(0.5), np.log(1e6), 60)
    heights = np.array([height(at) for at in grid])
    best = int(heights.argmax())
    if best == len(grid) - 1:
        return NO_SPREAD
    bounds = (grid[max(best - 1, 0)], grid[best + 1])
    top = minimize_scalar(lambda at: -height(at), bounds=bounds, method="bounded")
    return float(np.exp(top.x))


def _limits(sizes: Floats, chances: Floats) -> list[float]:
    """Counts between which a unit lies by chance: inner low and high, outer low and high."""
    first, shares = count_distribution(sizes, chances)
    sums = np.cumsum(shares)
    tails = [tail for level in (INNER, OUTER) for tail in ((1 - level) / 2, (1 + level) / 2)]
    return [first + int(np.searchsorted(sums, tail)) for tail in tails]


def _beta_quantile(a: Floats, b: Floats, tail: float) -> Floats:
    return np.asarray(betaincinv(a, b, tail))
