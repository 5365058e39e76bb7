"""Pooling: one engine for one meta-analysis and for ten thousand.

`pool(studies, model, interval)` answers for every review in `studies`; a single analysis is a
batch of one. The numbers are those of metafor 3.8 (`rma`, `predict`, `confint`) with its
iterations driven to convergence; `docs/reference/agreement-metafor.md` is the proof.
"""

from dataclasses import dataclass, fields
from enum import StrEnum
from itertools import pairwise

import numpy as np
from scipy.special import betainc, chdtrc, erfc, ndtri, stdtrit

from enthesis.evidence.ragged import Floats, Ints, Studies
from enthesis.evidence.tau2 import Model, between_study_variance, generalised_q

BLOCK = 130_000
"""Studies handled at once: more leave the processor's cache, fewer cost more calls than sums."""


class Interval(StrEnum):
    """How the confidence interval is made; the value is the name used in files.

    HK is Hartung–Knapp(–Sidik–Jonkman), t with k − 1 df. HK_ADHOC never lets it be narrower than
    the normal standard error would (Jackson 2017 calls this the ad hoc correction).
    """

    WALD = "wald"
    HK = "hk"
    HK_ADHOC = "hk-adhoc"


@dataclass(frozen=True, slots=True)
class Pooled:
    """The answer per review, arrays of shape (reviews,), on the analysis scale.

    NaN is "cannot be known from this": τ², I², H² and the prediction of a single study, the
    Hartung–Knapp interval of a single study or of studies that agree exactly, the prediction of
    the common-effect model. `prediction_*` is where the true effect of a new study would lie,
    estimate ± critical value × √(se² + τ²) with the critical value of the interval (metafor's
    `predict` default: t with k − 1 df for Hartung–Knapp, normal for Wald).
    """

    estimate: Floats
    se: Floats
    ci_low: Floats
    ci_high: Floats
    p: Floats
    prediction_low: Floats
    prediction_high: Floats
    tau2: Floats
    i2: Floats
    h2: Floats
    q: Floats
    q_p: Floats
    k: Ints

    def one(self, at: int = 0) -> "Single":
        """The answer for one review as plain numbers."""
        return Single(
            **{field.name: getattr(self, field.name)[at].item() for field in fields(self)}
        )


@dataclass(frozen=True, slots=True)
class Single:
    """`Pooled` for one review, plain numbers."""

    estimate: float
    se: float
    ci_low: float
    ci_high: float
    p: float
    prediction_low: float
    prediction_high: float
    tau2: float
    i2: float
    h2: float
    q: float
    q_p: float
    k: int


_COLUMNS = tuple(field.name for field in fields(Pooled))


def pool(
    studies: Studies,
    model: Model = Model.REML,
    interval: Interval = Interval.HK,
    level: float = 0.95,
) -> Pooled:
    """Pool every review; `level` is the coverage of the intervals."""
    blocks = [_pool_block(part, model, interval, level) for part in _blocks(studies)]
    if len(blocks) == 1:
        return blocks[0]
    return Pooled(*(np.concatenate([getattr(b, name) for b in blocks]) for name in _COLUMNS))


def pool_given_tau2(
    studies: Studies,
    tau2: Floats,
    model: Model = Model.REML,
    interval: Interval = Interval.HK,
    level: float = 0.95,
) -> Pooled:
    """Pool with τ² as given (one value per review; NaN counts as 0 and stays unknown)."""
    known = np.nan_to_num(tau2, nan=0.0)
    weights = 1 / (studies.variances + studies.spread(known))
    total = studies.sums(weights)
    estimate = studies.sums(weights * studies.estimates) / total
    residuals = studies.estimates - studies.spread(estimate)
    df = studies.sizes - 1
    se = np.sqrt(1 / total) * _scale(studies.sums(weights * residuals**2), df, interval)
    critical = critical_value(df, interval, level)
    half_width = critical * se
    reach = critical * np.sqrt(se**2 + (np.nan if model is Model.COMMON else tau2))
    q = generalised_q(studies, np.zeros(len(studies)))
    q_p = np.where(df > 0, chdtrc(np.maximum(df, 1), q), np.nan)
    i2, h2 = _inconsistency(studies, tau2, q, model)
    return Pooled(
        estimate=estimate,
        se=se,
        ci_low=estimate - half_width,
        ci_high=estimate + half_width,
        p=two_sided_p(estimate / se, df, interval),
        prediction_low=estimate - reach,
        prediction_high=estimate + reach,
        tau2=tau2,
        i2=i2,
        h2=h2,
        q=q,
        q_p=q_p,
        k=studies.sizes,
    )


def critical_value(df: Ints, interval: Interval, level: float) -> Floats:
    """Half the width of an interval in standard errors; NaN without degrees of freedom."""
    if interval is Interval.WALD:
        return np.full(len(df), ndtri((1 + level) / 2))
    kinds, where = np.unique(df, return_inverse=True)
    with np.errstate(invalid="ignore"):
        values = np.where(kinds > 0, stdtrit(np.maximum(kinds, 1), (1 + level) / 2), np.nan)
    return np.asarray(values[where])


def two_sided_p(statistic: Floats, df: Ints, interval: Interval) -> Floats:
    """Two-sided p; accurate far into the tail."""
    if interval is Interval.WALD:
        return np.asarray(erfc(np.abs(statistic) / np.sqrt(2)))
    freedom = np.maximum(df, 1)
    p = betainc(freedom / 2, 0.5, freedom / (freedom + statistic**2))
    return np.where(df > 0, p, np.nan)


def _blocks(studies: Studies) -> list[Studies]:
    """The reviews in runs of about `BLOCK` studies."""
    if studies.estimates.size <= BLOCK:
        return [studies]
    cuts = np.searchsorted(studies.starts, np.arange(BLOCK, studies.estimates.size, BLOCK))
    edges = np.unique(np.concatenate([[0], cuts, [len(studies)]]))
    return [studies.take(np.arange(first, last)) for first, last in pairwise(edges)]


def _pool_block(studies: Studies, model: Model, interval: Interval, level: float) -> Pooled:
    tau2 = between_study_variance(studies, model)
    return pool_given_tau2(studies, tau2, model, interval, level)


def _scale(weighted_squares: Floats, df: Ints, interval: Interval) -> Floats:
    """Factor on the normal standard error. NaN where Hartung–Knapp would claim certainty.

    Studies that agree exactly leave nothing to estimate the factor from; a standard error of 0
    would be a silent wrong number. The limit is the one at which metafor takes it for 0.
    """
    if interval is Interval.WALD:
        return np.ones(len(df))
    factor = weighted_squares / np.maximum(df, 1)
    if interval is Interval.HK_ADHOC:
        factor = np.maximum(factor, 1.0)
    else:
        factor = np.where(weighted_squares > np.finfo(np.float64).eps, factor, np.nan)
    return np.where(df > 0, np.sqrt(factor), np.nan)


def _inconsistency(
    studies: Studies, tau2: Floats, q: Floats, model: Model
) -> tuple[Floats, Floats]:
    """I² (percent) and H²: from τ² and the typical variance; from Q in the common-effect model."""
    df = studies.sizes - 1
    several = df > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        if model is Model.COMMON:
            h2 = np.where(several, q / df, np.nan)
            i2 = np.where(q > 0, np.maximum(0.0, 100 * (q - df) / q), 0.0)
        else:
            weights = 1 / studies.variances
            total = studies.sums(weights)
            typical = df * total / (total**2 - studies.sums(weights**2))
            h2 = tau2 / typical + 1
            i2 = 100 * tau2 / (tau2 + typical)
    return np.where(several, i2, np.nan), np.where(several, h2, np.nan)
