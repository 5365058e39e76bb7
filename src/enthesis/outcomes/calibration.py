"""Whether forecasts kept their word: chances against what happened, bands against what came.

Of the courses given a chance of 70 %, about 70 of 100 should have reached it. Pure functions of
the forecasts and the outcomes; a forecast is never shown without them. Murphy (1973) J Appl
Meteorol 12:595 for the Brier score; Cox (1958) Biometrika 45:562 for slope and intercept.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

from enthesis.outcomes.answers import AnswersFit, fit_logistic
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.intervals import Interval, half_width, wilson

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """Forecasts of like size put together: b bins. `forecast`: their mean. `observed`: the share
    that reached it, with Wilson's interval. `courses`: (b,)."""

    courses: NDArray[np.int64]
    forecast: Floats
    observed: Interval


@dataclass(frozen=True, slots=True)
class Brier:
    """`score`, the mean squared error of the chances (0 is perfect), taken apart.

    score = `reliability` − `resolution` + `uncertainty` + `within`. `uncertainty` is what naming
    everybody the same overall share scores; `within` is what binning unlike chances leaves.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


@dataclass(frozen=True, slots=True)
class Recalibration:
    """`slope` (1 when right; below 1: too sure of itself) and `in_the_large` (0 when right; below
    0: too hopeful), each (estimate, low, high)."""

    slope: tuple[float, float, float]
    in_the_large: tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """How many observed values lay inside their bands; `share` with Wilson's interval."""

    courses: int
    inside: int
    below: int
    above: int
    share: Interval


def bins(chance: ArrayLike, reached: ArrayLike, number: int = 10, level: float = 0.95) -> Bins:
    """Bins of about equally many courses. `chance`, `reached`: (n,). Equal chances stay together.

    Raises FitError for chances outside 0 … 1 or outcomes that are not yes or no.
    """
    p, y = _checked(chance, reached)
    place = _places(p, number)
    courses = np.bincount(place)
    forecast = np.bincount(place, p) / courses
    return Bins(courses, forecast, wilson(np.bincount(place, y), courses, level))


def brier(chance: ArrayLike, reached: ArrayLike, number: int = 10) -> Brier:
    """The Brier score and its parts over the same bins."""
    p, y = _checked(chance, reached)
    found = bins(p, y, number)
    weight, overall = found.courses / len(p), float(y.mean())
    score = float(np.mean((p - y) ** 2))
    reliability = float(weight @ (found.forecast - found.observed.estimate) ** 2)
    resolution = float(weight @ (found.observed.estimate - overall) ** 2)
    uncertainty = overall * (1 - overall)
    rest = score - reliability + resolution - uncertainty
    return Brier(score, reliability, resolution, uncertainty, rest)


def recalibration(chance: ArrayLike, reached: ArrayLike, level: float = 0.95) -> Recalibration:
    """Slope and calibration in the large, by logistic regression on the log odds of the chances.

    Raises FitError where a chance is exactly 0 or 1 (its log odds are infinite), and where all
    outcomes or all chances are alike.
    """
    p, y = _checked(chance, reached)
    if np.any((p == 0) | (p == 1)):
        raise FitError("A chance of exactly 0 or 1 has no log odds: forecasts must leave room.")
    line = logit(p)
    ones = np.ones(len(p))
    fitted = fit_logistic(np.column_stack([ones, line]), y, ones, ("1", "log odds"))
    shift, se = _in_the_large(line, y)
    reach = half_width(level)
    return Recalibration(
        _with_interval(fitted, 1, reach), (shift, shift - reach * se, shift + reach * se)
    )


def coverage(low: ArrayLike, high: ArrayLike, observed: ArrayLike, level: float = 0.95) -> Coverage:
    """Count values inside [low, high], ends included; all (n,). Raises FitError."""
    under, over, value = (np.asarray(part, dtype=np.float64) for part in (low, high, observed))
    if not under.shape == over.shape == value.shape or value.ndim != 1 or not value.size:
        raise FitError("Give a lower end, an upper end and a value for each course.")
    if not np.isfinite(value).all() or np.isnan(under).any() or np.any(under > over):
        raise FitError("Values must be finite, and no lower end above its upper end.")
    below, above = int((value < under).sum()), int((value > over).sum())
    inside = value.size - below - above
    return Coverage(value.size, inside, below, above, wilson(inside, value.size, level))


def _in_the_large(line: Floats, y: Floats) -> tuple[float, float]:
    """The shift of all log odds that makes expected and observed equal, and its error: Newton."""
    shift = 0.0
    for _ in range(100):
        p = 1 / (1 + np.exp(-(line + shift)))
        information = float(p @ (1 - p))
        step = float((y - p).sum()) / information
        # Far from the answer Newton overshoots; on a monotone curve a bounded step gets there.
        shift += float(np.clip(step, -2, 2))
        if abs(step) < 1e-12:
            break
    return shift, information**-0.5


def _with_interval(fitted: AnswersFit, at: int, reach: float) -> tuple[float, float, float]:
    estimate, se = float(fitted.coefficients[at]), float(fitted.se[at])
    return estimate, estimate - reach * se, estimate + reach * se


def _places(p: Floats, number: int) -> NDArray[np.int64]:
    """The bin of each chance, by rank, equal chances in one bin; bins without anybody left out."""
    if number < 1:
        raise FitError("There must be at least one bin.")
    _, at, counts = np.unique(p, return_inverse=True, return_counts=True)
    before = np.cumsum(counts) - counts
    of_value = (before * number) // len(p)
    return np.asarray(np.unique(of_value, return_inverse=True)[1][at], dtype=np.int64)


def _checked(chance: ArrayLike, reached: ArrayLike) -> tuple[Floats, Floats]:
    p, y = np.asarray(chance, dtype=np.float64), np.asarray(reached, dtype=np.float64)
    if p.ndim != 1 or p.shape != y.shape or not p.size:
        raise FitError("Give a chance and an outcome for each course.")
    if not np.all((p >= 0) & (p <= 1)):
        raise FitError("Chances lie between 0 and 1.")
    if not np.all((y == 0) | (y == 1)):
        raise FitError("Outcomes are yes or no.")
    return p, y
