"""Few events: pooling the 2×2 tables themselves, without adding ½ to anything.

Mantel–Haenszel and Peto, one review at a time, as in metafor's `rma.mh` and `rma.peto`.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, erfc, ndtri

from enthesis.evidence.effects import Counts, Measure, compare_counts
from enthesis.evidence.ragged import Floats, StudyError


@dataclass(frozen=True, slots=True)
class SparsePooled:
    """A common effect on the analysis scale, with its normal interval.

    `q` sets the single studies against it; `k` counts the studies that say anything of it.
    """

    estimate: float
    se: float
    ci_low: float
    ci_high: float
    p: float
    q: float
    q_p: float
    k: int


def mantel_haenszel(arms: Counts, measure: Measure, level: float = 0.95) -> SparsePooled:
    """Mantel–Haenszel odds ratio, risk ratio or risk difference.

    Variances by Robins, Breslow & Greenland (OR), Greenland & Robins (RR), Sato (RD). Studies in
    which nobody, or everybody, had the event count in the risk difference but not in `q`.
    Raises StudyError when one arm has no events in any study and the measure is a ratio.
    """
    if measure not in _MANTEL_HAENSZEL:
        raise StudyError(f"Mantel–Haenszel pools OR, RR or RD, not {measure}")
    estimate, variance = _MANTEL_HAENSZEL[measure](arms)
    telling = informative(arms)
    if not telling.events_1.size or not variance > 0:
        raise StudyError("nobody, or everybody, had the event in every study; nothing to pool")
    effects = compare_counts(measure, telling)
    q = float(np.sum((effects.estimates - estimate) ** 2 / effects.variances))
    return _answer(estimate, np.sqrt(variance), q, effects.estimates.size, level)


def peto(arms: Counts, level: float = 0.95) -> SparsePooled:
    """Peto's log odds ratio: for rare events, small effects and arms of similar size."""
    excess, variance = _observed_minus_expected(arms)
    total = float(variance.sum())
    if total == 0:
        raise StudyError("no study has both people with and without the event; nothing to pool")
    telling = variance > 0
    q = float(np.sum(excess[telling] ** 2 / variance[telling]) - excess.sum() ** 2 / total)
    return _answer(
        float(excess.sum()) / total, 1 / np.sqrt(total), max(0.0, q), int(telling.sum()), level
    )


def yates_p(arms: Counts) -> Floats:
    """Two-sided p of each study's χ² with Yates' correction, as older papers print it."""
    a, c = arms.events_1, arms.events_2
    b, d = arms.n_1 - a, arms.n_2 - c
    n = a + b + c + d
    product = (a + b) * (c + d) * (a + c) * (b + d)
    if (product == 0).any():
        at = int(np.argmax(product == 0))
        raise StudyError("nobody, or everybody, had the event: there is nothing to test", at)
    distance = np.maximum(0.0, np.abs(a * d - b * c) - n / 2)
    return np.asarray(chdtrc(1, n * distance**2 / product))


def informative(arms: Counts) -> Counts:
    """Without the studies in which nobody, or everybody, had the event."""
    some = arms.events_1 + arms.events_2 > 0
    rows = some & (arms.events_1 + arms.events_2 < arms.n_1 + arms.n_2)
    return Counts(arms.events_1[rows], arms.n_1[rows], arms.events_2[rows], arms.n_2[rows])


def _observed_minus_expected(arms: Counts) -> tuple[Floats, Floats]:
    n = arms.n_1 + arms.n_2
    events = arms.events_1 + arms.events_2
    share = arms.n_1 / n
    return arms.events_1 - events * share, events * (n - events) * share * (1 - share) / (n - 1)


def _odds_ratio(arms: Counts) -> tuple[float, float]:
    a, c = arms.events_1, arms.events_2
    b, d = arms.n_1 - a, arms.n_2 - c
    n = a + b + c + d
    p, q, r, s = (a + d) / n, (b + c) / n, a * d / n, b * c / n
    top, bottom = _both_arms_have_events(r.sum(), s.sum())
    variance = (
        np.sum(p * r) / top**2 + np.sum(p * s + q * r) / (top * bottom) + np.sum(q * s) / bottom**2
    ) / 2
    return float(np.log(top / bottom)), float(variance)


def _risk_ratio(arms: Counts) -> tuple[float, float]:
    a, c, n_1, n_2 = arms.events_1, arms.events_2, arms.n_1, arms.n_2
    n = n_1 + n_2
    top, bottom = _both_arms_have_events(np.sum(a * n_2 / n), np.sum(c * n_1 / n))
    spread = np.sum(n_1 / n * (n_2 / n) * (a + c) - a / n * c)
    return float(np.log(top / bottom)), float(spread / (top * bottom))


def _risk_difference(arms: Counts) -> tuple[float, float]:
    a, c, n_1, n_2 = arms.events_1, arms.events_2, arms.n_1, arms.n_2
    n = n_1 + n_2
    weight = np.sum(n_1 * n_2 / n)
    estimate = np.sum(a * n_2 / n - c * n_1 / n) / weight
    first = c * (n_1 / n) ** 2 - a * (n_2 / n) ** 2 + n_1 / n * (n_2 / n) * (n_2 - n_1) / 2
    second = a * (n_2 - c) / n + c * (n_1 - a) / n
    return float(estimate), float((estimate * first.sum() + second.sum() / 2) / weight**2)


_MANTEL_HAENSZEL = {
    Measure.OR: _odds_ratio,
    Measure.RR: _risk_ratio,
    Measure.RD: _risk_difference,
}


def _both_arms_have_events(top: float, bottom: float) -> tuple[float, float]:
    if top == 0 or bottom == 0:
        raise StudyError(
            "one arm has no events (or nothing but events) in any study: a ratio cannot be "
            "pooled; use the risk difference"
        )
    return top, bottom


def _answer(estimate: float, se: float, q: float, k: int, level: float) -> SparsePooled:
    half_width = float(ndtri((1 + level) / 2)) * float(se)
    return SparsePooled(
        estimate=estimate,
        se=float(se),
        ci_low=estimate - half_width,
        ci_high=estimate + half_width,
        p=float(erfc(abs(estimate / se) / np.sqrt(2))),
        q=q,
        q_p=float(chdtrc(k - 1, q)) if k > 1 else float("nan"),
        k=k,
    )
