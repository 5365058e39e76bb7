"""Do small studies tell a better story than large ones?

Funnel plot, regression tests and trim-and-fill. They look for asymmetry, which has more causes
than unpublished trials; with fewer than ten studies they can see little, and what they can see
is for the reader of the grade to weigh (`doubt`).
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import ndtri

from enthesis.evidence.pool import Interval, Pooled, critical_value, pool, two_sided_p
from enthesis.evidence.ragged import Floats, Studies, StudyError, review
from enthesis.evidence.regression import regress
from enthesis.evidence.tau2 import Model


@dataclass(frozen=True, slots=True)
class Egger:
    """A regression test for asymmetry, arrays of shape (reviews,).

    `statistic` and `p` belong to the slope on the standard error. `limit` is the effect that the
    line predicts for a study without sampling error. NaN where there are fewer than three
    studies, or all are equally precise.
    """

    statistic: Floats
    p: Floats
    limit: Floats
    limit_low: Floats
    limit_high: Floats


@dataclass(frozen=True, slots=True)
class Funnel:
    """What a funnel plot shows: the points, the middle line and the outline at each height."""

    estimates: Floats
    standard_errors: Floats
    middle: float
    heights: Floats
    outline_low: Floats
    outline_high: Floats


class Estimator(StrEnum):
    """Duval & Tweedie's (2000) estimators of the number of missing studies."""

    L0 = "L0"
    R0 = "R0"


@dataclass(frozen=True, slots=True)
class TrimFill:
    """The studies that symmetry would add, and the pooled answer with them.

    `missing` studies on the `side` of the funnel where they are missing; `filled` is the review
    with their mirror images at the end.
    """

    missing: int
    missing_se: float
    side: str
    filled: Studies
    pooled: Pooled


def egger(studies: Studies, level: float = 0.95) -> Egger:
    """Egger's (1997) test for every review: weighted line with free dispersion, t, k − 2 df."""
    weights, errors = 1 / studies.variances, np.sqrt(studies.variances)
    total = studies.sums(weights)
    middle_error = studies.sums(weights * errors) / total
    middle = studies.sums(weights * studies.estimates) / total
    across = errors - studies.spread(middle_error)
    up = studies.estimates - studies.spread(middle)
    df = studies.sizes - 2
    possible = (df > 0) & (studies.greatest(errors) > studies.least(errors))
    spread = np.where(possible, studies.sums(weights * across**2), np.nan)
    slope = studies.sums(weights * across * up) / spread
    squares = studies.sums(weights * (up - studies.spread(slope) * across) ** 2)
    dispersion = squares / np.where(possible, df, 1)
    limit = middle - slope * middle_error
    limit_se = np.sqrt(dispersion * (1 / total + middle_error**2 / spread))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = slope / np.sqrt(dispersion / spread)
    half_width = critical_value(df, Interval.HK, level) * limit_se
    return Egger(
        statistic=statistic,
        p=two_sided_p(statistic, df, Interval.HK),
        limit=limit,
        limit_low=limit - half_width,
        limit_high=limit + half_width,
    )


def egger_mixed(
    studies: Studies, model: Model = Model.REML, interval: Interval = Interval.HK
) -> Egger:
    """The same line with variance between studies left over (metafor's `regtest` default)."""
    line = regress(studies, np.sqrt(studies.variances)[:, None], model, interval)
    return Egger(
        statistic=line.coefficients[1:] / line.se[1:],
        p=line.p[1:],
        limit=line.coefficients[:1],
        limit_low=line.ci_low[:1],
        limit_high=line.ci_high[:1],
    )


def funnel(studies: Studies, model: Model = Model.REML, level: float = 0.95) -> Funnel:
    """Points and outline of one review's funnel plot, 50 heights from 0 to the largest error."""
    errors = np.sqrt(studies.variances)
    middle = float(pool(studies, model, Interval.WALD).estimate[0])
    heights = np.linspace(0.0, errors.max(), 50)
    reach = ndtri((1 + level) / 2) * heights
    return Funnel(studies.estimates, errors, middle, heights, middle - reach, middle + reach)


def trim_and_fill(
    studies: Studies,
    estimator: Estimator = Estimator.L0,
    model: Model = Model.REML,
    interval: Interval = Interval.HK,
) -> TrimFill:
    """Trim the studies without a mirror image, find the middle, fill the mirror images in.

    One review. The side is the one that the regression line points away from.
    """
    if len(studies) != 1 or studies.estimates.size < 3:
        raise StudyError("trim-and-fill needs one review of at least three studies")
    leans_left = _leans_left(studies, model)
    y = -studies.estimates if leans_left else studies.estimates
    order = np.argsort(y, kind="stable")
    y, v = y[order], studies.variances[order]
    missing, missing_se, middle = _trim(y, v, estimator, model)
    mirrored = 2 * middle - y[y.size - missing :]
    filled = review(
        np.concatenate([studies.estimates, -mirrored if leans_left else mirrored]),
        np.concatenate([studies.variances, v[v.size - missing :]]),
    )
    side = "right" if leans_left else "left"
    return TrimFill(missing, missing_se, side, filled, pool(filled, model, interval))


def _leans_left(studies: Studies, model: Model) -> bool:
    """Whether less precise studies have smaller effects, so that the right side looks empty."""
    errors = np.sqrt(studies.variances)
    if errors.max() == errors.min():
        raise StudyError("all studies are equally precise: a funnel has no shape to judge")
    line = regress(studies, errors[:, None], model, Interval.WALD)
    return bool(line.coefficients[1] < 0)


def _trim(y: Floats, v: Floats, estimator: Estimator, model: Model) -> tuple[int, float, float]:
    """Number of studies without a mirror image, its standard error, and the middle without them."""
    missing, before = 0, -1
    for _ in range(_MOST_ROUNDS):
        before = missing
        kept = y.size - missing
        middle = float(pool(review(y[:kept], v[:kept]), model, Interval.WALD).estimate[0])
        missing, error = _count_missing(y - middle, estimator)
        if missing == before:
            return missing, error, middle
    raise StudyError("trim-and-fill went round in circles and found no number of missing studies")


_MOST_ROUNDS = 100


def _count_missing(residuals: Floats, estimator: Estimator) -> tuple[int, float]:
    k = residuals.size
    ranks = np.empty(k)
    ranks[np.argsort(np.abs(residuals), kind="stable")] = np.arange(1, k + 1)
    if estimator is Estimator.R0:
        count = float(k - ranks[residuals < 0].max() - 1)
        return max(0, round(count)), float(np.sqrt(2 * max(0.0, count) + 2))
    rank_sum = ranks[residuals > 0].sum()
    count = (4 * rank_sum - k * (k + 1)) / (2 * k - 1)
    variance = (
        k * (k + 1) * (2 * k + 1)
        + 10 * count**3
        + 27 * count**2
        + 17 * count
        - 18 * k * count**2
        - 18 * k * count
        + 6 * k**2 * count
    ) / 24
    return max(0, round(float(count))), float(4 * np.sqrt(variance) / (2 * k - 1))
