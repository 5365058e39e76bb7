"""From what papers print to what a pool needs: standard errors, intervals, p-values, medians.

Plain functions of arrays or numbers. Each names its source; which conversion gave a number is
kept with the number in the paper's file, because a converted SD is a weaker fact than a printed
one.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

from enthesis.evidence.ragged import Floats, StudyError


def sd_from_se(se: ArrayLike, n: ArrayLike) -> Floats:
    """SD of people from the standard error of one arm's mean (Cochrane Handbook 6.5.2.2)."""
    return np.asarray(_array(se) * np.sqrt(_array(n)))


def sd_from_ci(low: ArrayLike, high: ArrayLike, n: ArrayLike, level: float = 0.95) -> Floats:
    """SD of people from the interval of one arm's mean, t with n − 1 df (Handbook 6.5.2.2)."""
    count = _array(n)
    half_width = (_array(high) - _array(low)) / 2
    return np.asarray(half_width / stdtrit(count - 1, (1 + level) / 2) * np.sqrt(count))


def se_from_ci(
    low: ArrayLike, high: ArrayLike, level: float = 0.95, df: ArrayLike | None = None
) -> Floats:
    """Standard error of a contrast from its interval; normal unless `df` is given.

    On the analysis scale: take logarithms of the limits of a ratio first.
    """
    lower, upper = _array(low), _array(high)
    if not (np.isfinite(lower).all() and np.isfinite(upper).all()):
        raise StudyError("the interval has an infinite or missing limit")
    if not (upper > lower).all():
        raise StudyError("the interval's upper limit must be greater than its lower limit")
    return (upper - lower) / (2 * _critical(level, df))


def se_from_p(estimate: ArrayLike, p: ArrayLike, df: ArrayLike | None = None) -> Floats:
    """Standard error of a contrast from its exact two-sided p (Handbook 6.5.2.3)."""
    value, probability = _array(estimate), _array(p)
    if not ((probability > 0) & (probability < 1)).all():
        raise StudyError("p must lie between 0 and 1; 'p < 0.05' gives no standard error")
    if (value == 0).any():
        raise StudyError("an estimate of exactly 0 has p = 1 whatever its standard error")
    return np.abs(value) / _critical(1 - probability, df)


def sd_of_difference_from_p(
    difference: ArrayLike, p: ArrayLike, n_1: ArrayLike, n_2: ArrayLike
) -> Floats:
    """The SD common to two arms from the p of a two-sample t-test (Handbook 6.5.2.3)."""
    first, second = _array(n_1), _array(n_2)
    return se_from_p(difference, p, first + second - 2) / np.sqrt(1 / first + 1 / second)


def sd_of_change(sd_before: ArrayLike, sd_after: ArrayLike, correlation: ArrayLike) -> Floats:
    """SD of the change from the SDs before and after (Handbook 6.5.2.8)."""
    before, after, r = _array(sd_before), _array(sd_after), _array(correlation)
    if not (np.abs(r) <= 1).all():
        raise StudyError("a correlation lies between −1 and 1")
    return np.asarray(np.sqrt(before**2 + after**2 - 2 * r * before * after))


def mean_sd_from_median_range(
    least: ArrayLike, median: ArrayLike, greatest: ArrayLike, n: ArrayLike
) -> tuple[Floats, Floats]:
    """Mean (Luo 2018, scenario 1) and SD (Wan 2014, scenario 1) from median and range."""
    low, middle, high, count = map(_array, (least, median, greatest, n))
    weight = 4 / (4 + count**0.75)
    mean = weight * (low + high) / 2 + (1 - weight) * middle
    return mean, (high - low) / (2 * ndtri((count - 0.375) / (count + 0.25)))


def mean_sd_from_quartiles(
    q1: ArrayLike, median: ArrayLike, q3: ArrayLike, n: ArrayLike
) -> tuple[Floats, Floats]:
    """Mean (Luo 2018, scenario 2) and SD (Wan 2014, scenario 3) from median and quartiles."""
    low, middle, high, count = map(_array, (q1, median, q3, n))
    weight = 0.7 + 0.39 / count
    mean = weight * (low + high) / 2 + (1 - weight) * middle
    return mean, (high - low) / (2 * ndtri((0.75 * count - 0.125) / (count + 0.25)))


def mean_sd_from_five_numbers(
    least: ArrayLike,
    q1: ArrayLike,
    median: ArrayLike,
    q3: ArrayLike,
    greatest: ArrayLike,
    n: ArrayLike,
) -> tuple[Floats, Floats]:
    """Mean (Luo 2018, scenario 3) and SD (Wan 2014, scenario 2) from all five numbers."""
    low, first, middle, third, high, count = map(_array, (least, q1, median, q3, greatest, n))
    outer, inner = 2.2 / (2.2 + count**0.75), 0.7 - 0.72 / count**0.55
    mean = outer * (low + high) / 2 + inner * (first + third) / 2 + (1 - outer - inner) * middle
    by_range = (high - low) / (4 * ndtri((count - 0.375) / (count + 0.25)))
    by_quartiles = (third - first) / (4 * ndtri((0.75 * count - 0.125) / (count + 0.25)))
    return mean, by_range + by_quartiles


def _critical(level: ArrayLike, df: ArrayLike | None) -> Floats:
    tail = (1 + _array(level)) / 2
    return np.asarray(ndtri(tail) if df is None else stdtrit(_array(df), tail))


def _array(value: ArrayLike) -> Floats:
    return np.asarray(value, dtype=np.float64)
