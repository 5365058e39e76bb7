"""How long it takes: Kaplan–Meier and Aalen–Johansen curves from a counting table.

Stopping competes with reaching the target: who stopped will not reach it in this course. The share
who *reached the target* by a day is therefore the Aalen–Johansen cumulative incidence, never one
minus a Kaplan–Meier curve in which who stopped counts as lost from sight; that one is too high.

Curves are R's `survfit` (package survival 3.5), intervals on the log(−log) scale. Aalen (1978),
Ann Stat 6:534; Andersen, Borgan, Gill & Keiding (1993), ch. IV; Brookmeyer & Crowley (1982),
Biometrics 38:29, for the intervals of quantiles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from enthesis.outcomes.end_counts import Counts, EndCounts
from enthesis.outcomes.errors import FitError

Floats = NDArray[np.float64]
ROUNDING = 1e-13


@dataclass(frozen=True, slots=True, eq=False)
class StillGoing:
    """Kaplan–Meier: the share of courses of each cell for which no end came up to a day.

    `days`: (t,). `at_risk`, `ended`: (c, t) numbers on the day. `share`, `se`, `low`, `high`:
    (c, t) after the day. The interval is NaN where nobody or everybody has ended, and everything
    is NaN beyond the last day on which anybody of the cell was followed.
    """

    days: Floats
    at_risk: Counts
    ended: Counts
    share: Floats
    se: Floats
    low: Floats
    high: Floats

    def quantile(self, part: float) -> Floats:
        """(c, 3): the day by which `part` of a cell had ended, with its interval; NaN if not."""
        return _crossings(self.days, [self.share, self.low, self.high], 1 - part)


@dataclass(frozen=True, slots=True, eq=False)
class Incidence:
    """Aalen–Johansen: the share of courses of each cell that ended in each way up to a day.

    `days`: (t,). `ends`: e names. `at_risk`: (c, t). `ended`: (c, e, t) numbers on the day.
    `share`, `se`, `low`, `high`: (c, e, t). `event_free`: (c, t), the rest. NaN as in `StillGoing`.
    """

    days: Floats
    ends: tuple[str, ...]
    at_risk: Counts
    ended: Counts
    share: Floats
    se: Floats
    low: Floats
    high: Floats
    event_free: Floats

    def quantile(self, end: str, part: float) -> Floats:
        """(c, 3): the day by which `part` of a cell had ended so, with its interval."""
        if end not in self.ends:
            raise FitError(f"Unknown kind of end {end!r}; known are {list(self.ends)}.")
        at = self.ends.index(end)
        curves = [1 - self.share[:, at], 1 - self.high[:, at], 1 - self.low[:, at]]
        return _crossings(self.days, curves, 1 - part)


def kaplan_meier(counts: EndCounts, level: float = 0.95) -> StillGoing:
    """One curve per cell, every kind of end counting as the event; Greenwood's standard error."""
    z = _half_width(level)
    n, d = counts.at_risk, np.asarray(counts.ended.sum(axis=1), dtype=np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        share: Floats = np.cumprod(np.where(n > 0, 1 - d / n, np.nan), axis=1, dtype=np.float64)
        of_log = np.sqrt(
            np.cumsum(np.where(d > 0, d / (n * (n - d.astype(np.float64))), 0), axis=1)
        )
        se = share * of_log
        low, high = _interval(share, z * of_log / np.log(share))
    return StillGoing(counts.days, n, d, share, se, low, high)


def cumulative_incidence(counts: EndCounts, level: float = 0.95) -> Incidence:
    """One curve per cell and kind of end, all kinds competing.

    The variance treats the ends of each day as multinomial among those at risk, Greenwood's for
    several kinds; it is what the infinitesimal jackknife of `survfit` gives.
    """
    z = _half_width(level)
    n = counts.at_risk
    with np.errstate(divide="ignore", invalid="ignore"):
        hazard = np.where(n[:, None] > 0, counts.ended / n[:, None], np.nan)
        any_end = counts.ended.sum(axis=1) / n
        free = np.cumprod(1 - any_end, axis=1)
        before = np.concatenate([np.ones_like(free[:, :1]), free[:, :-1]], axis=1)
        share = np.cumsum(before[:, None] * hazard, axis=2)
        se = np.sqrt(_incidence_variance(hazard, any_end, before, share, n))
        low, high = _interval(share, z * se / (share * np.log(share)))
    free = np.where(n > 0, np.maximum(free, 0), np.nan)
    return Incidence(counts.days, counts.ends, n, counts.ended, share, se, low, high, free)


def at_days(days: Floats, curve: Floats, asked: ArrayLike, start: float) -> Floats:
    """A curve's values on the days asked; `start` before its first day, NaN after its last."""
    when = np.asarray(asked, dtype=np.float64)
    place = np.searchsorted(days, when, side="right") - 1
    values = np.where(place < 0, start, curve[..., np.maximum(place, 0)])
    return np.asarray(np.where(when > days[-1], np.nan, values))


def _incidence_variance(
    hazard: Floats, any_end: Floats, before: Floats, share: Floats, n: Counts
) -> Floats:
    """(c, e, t): Σ over earlier days of the variance that the day's ends bring in.

    With F the share at the end, an end of kind k on a day moves F by `before`, and any end there by
    −(F − F at that day)/(1 − hazard). The squares are multiplied out, so that one cumulative sum
    per term serves all later days.
    """
    over = np.where((n > 0) & (any_end < 1), 1 / (1 - any_end), 0.0)
    each = np.where(n > 0, 1 / n, 0.0)
    of_any = (any_end * over * each)[:, None]
    of_kind = before[:, None] * hazard * each[:, None]
    direct = np.cumsum(before[:, None] ** 2 * hazard * (1 - hazard) * each[:, None], axis=2)
    with_any = np.where(over[:, None] > 0, of_kind, 0.0)
    sums = [np.cumsum(term, axis=2) for term in (of_any, of_any * share, of_any * share**2)]
    cross = [np.cumsum(term, axis=2) for term in (with_any, with_any * share)]
    total = direct + share**2 * sums[0] - 2 * share * sums[1] + sums[2]
    return np.asarray(np.maximum(total - 2 * share * cross[0] + 2 * cross[1], 0))


def _interval(share: Floats, reach: Floats) -> tuple[Floats, Floats]:
    """exp(−exp(log(−log share) ± reach)) for a negative reach: the lower and the upper limit."""
    # A sum of shares that make 1 may fall short by rounding: everybody has ended all the same.
    some = (share > ROUNDING) & (share < 1 - ROUNDING)
    inner = np.where(some, np.log(-np.log(share)), np.nan)
    return np.exp(-np.exp(inner - reach)), np.exp(-np.exp(inner + reach))


def _half_width(level: float) -> float:
    if not 0 < level < 1:
        raise FitError(f"The level of an interval lies between 0 and 1; it is {level}.")
    return float(ndtri((1 + level) / 2))


def _crossings(days: Floats, curves: list[Floats], target: float) -> Floats:
    """(c, curves): the first day on which each falling curve is at or below the target.

    A curve that lies exactly on the target for a while gives the middle of that while, as in R.
    """
    if not 0 < target < 1:
        raise FitError(f"A part of all courses lies between 0 and 1; it is {1 - target}.")
    answers = np.full((len(curves[0]), len(curves)), np.nan)
    for column, curve in enumerate(curves):
        reached = curve <= target + 1e-12
        below = curve < target - 1e-12
        for row in np.flatnonzero(reached.any(axis=1)):
            first = int(np.argmax(reached[row]))
            last = int(np.flatnonzero(np.isfinite(curve[row]))[-1])
            later = int(np.argmax(below[row])) if below[row].any() else last
            exact = not below[row, first]
            answers[row, column] = (days[first] + days[later]) / 2 if exact else days[first]
    return answers
