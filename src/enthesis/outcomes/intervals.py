"""Intervals for shares, rates and their differences. Arrays in, arrays out; nothing is approximated
by a normal curve around 0 or 1.

Wilson (1927) J Am Stat Assoc 22:209; Clopper & Pearson (1934) Biometrika 26:404; exact Poisson
limits (Garwood 1936, Biometrika 28:437); Newcombe (1998) Stat Med 17:873, method 10. Held beside
R's prop.test, binom.test and poisson.test in tests/reference/intervals.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, chdtri, ndtri, stdtrit

from enthesis.outcomes.errors import FitError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """`estimate`, `low`, `high`: arrays of one shape. NaN where there is nobody to count."""

    estimate: Floats
    low: Floats
    high: Floats


def wilson(reached: ArrayLike, total: ArrayLike, level: float = 0.95) -> Interval:
    """The share `reached` of `total`; what is shown beside every share."""
    x, n = _counts(reached, total)
    z = half_width(level)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = x / n
        middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        reach = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    # At 0 and n of n the limit is the end itself; rounding must not put it beyond the estimate.
    low = np.where(x == 0, 0 * share, np.minimum(middle - reach, share))
    high = np.where(x == n, share, np.maximum(middle + reach, share))
    return Interval(share, low, high)


def clopper_pearson(reached: ArrayLike, total: ArrayLike, level: float = 0.95) -> Interval:
    """The same share with at least its level whatever the truth: for rare harms and limits."""
    x, n = _counts(reached, total)
    tail = (1 - _level(level)) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        share = x / n
    # Arguments of the inverse must be positive even where its answer is not used.
    low = betaincinv(np.maximum(x, 1), n - x + 1, tail)
    high = betaincinv(x + 1, np.maximum(n - x, 1), 1 - tail)
    low, high = np.where(x == 0, 0.0, low), np.where(x == n, 1.0, high)
    return Interval(share, np.where(n > 0, low, np.nan), np.where(n > 0, high, np.nan))


def rate(events: ArrayLike, exposure: ArrayLike, level: float = 0.95) -> Interval:
    """Events per unit of exposure (harms per session), with exact Poisson limits."""
    x, time = np.broadcast_arrays(
        np.asarray(events, dtype=np.float64), np.asarray(exposure, dtype=np.float64)
    )
    _whole(x, "Events")
    if not np.isfinite(time).all() or np.any(time < 0) or np.any((time == 0) & (x > 0)):
        raise FitError("Exposure must be a number above 0 wherever there are events.")
    tail = (1 - _level(level)) / 2
    low = np.where(x > 0, chdtri(2 * np.maximum(x, 1), 1 - tail) / 2, 0.0)
    high = chdtri(2 * (x + 1), tail) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        none = np.where(time > 0, 1.0, np.nan)
        return Interval(x / time * none, low / time * none, high / time * none)


def difference(
    reached: ArrayLike, total: ArrayLike, reached_2: ArrayLike, total_2: ArrayLike,
    level: float = 0.95,
) -> Interval:  # fmt: skip
    """The first share minus the second, of different people (Newcombe's method 10)."""
    one, two = wilson(reached, total, level), wilson(reached_2, total_2, level)
    gap = one.estimate - two.estimate
    low = gap - np.hypot(one.estimate - one.low, two.high - two.estimate)
    high = gap + np.hypot(one.high - one.estimate, two.estimate - two.low)
    return Interval(gap, low, high)


def mean_of_sums(count: int, total: int, squares: int, level: float = 0.95) -> Interval:
    """The mean of whole numbers with its t interval, from their sums: exact until the last step.
    NaN where there is nobody, and no interval for one."""
    if count < 1:
        return Interval(*(np.array(np.nan) for _ in range(3)))
    mean = total / count
    if count == 1:
        return Interval(np.array(mean), np.array(np.nan), np.array(np.nan))
    spread = (count * squares - total * total) / (count * count * (count - 1))
    reach = float(stdtrit(count - 1, (1 + _level(level)) / 2)) * float(np.sqrt(spread))
    return Interval(np.array(mean), np.array(mean - reach), np.array(mean + reach))


def half_width(level: float) -> float:
    """How many standard errors an interval of this level reaches to each side."""
    return float(ndtri((1 + _level(level)) / 2))


def _level(level: float) -> float:
    if not 0 < level < 1:
        raise FitError(f"The level of an interval lies between 0 and 1; it is {level}.")
    return level


def _counts(reached: ArrayLike, total: ArrayLike) -> tuple[Floats, Floats]:
    x, n = np.broadcast_arrays(
        np.asarray(reached, dtype=np.float64), np.asarray(total, dtype=np.float64)
    )
    _whole(x, "Those who reached it")
    _whole(n, "Totals")
    if np.any(x > n):
        raise FitError("More reached it than there are.")
    return x, n


def _whole(counts: Floats, what: str) -> None:
    if not np.isfinite(counts).all() or np.any(counts < 0) or np.any(counts != np.rint(counts)):
        raise FitError(f"{what} must be whole numbers, 0 or more.")
