"""Does the answer hang on one study, or on the order in which they came?

Leave-one-out and cumulative analyses are themselves batches of reviews, so they run in the same
engine as everything else, with τ² estimated anew each time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtr

from enthesis.evidence.pool import Interval, Pooled, pool
from enthesis.evidence.ragged import Floats, Ints, Studies, StudyError, reviews
from enthesis.evidence.tau2 import Model


@dataclass(frozen=True, slots=True)
class Influence:
    """What each study does to one review, arrays of shape (studies,).

    Definitions of Viechtbauer & Cheung (2010): `rstudent` is the study's distance from the mean
    of the others in standard errors, `dffits` and `dfbeta` what its removal does to the mean,
    `cook_d` the same squared, `cov_r` what it does to the variance of the mean, `tau2_del` and
    `q_del` the heterogeneity without it, `hat` its share of the weight. `is_influential` by
    their rules of thumb.
    """

    rstudent: Floats
    dffits: Floats
    dfbeta: Floats
    cook_d: Floats
    cov_r: Floats
    tau2_del: Floats
    q_del: Floats
    hat: Floats
    is_influential: NDArray[np.bool_]


def leave_one_out(
    studies: Studies,
    model: Model = Model.REML,
    interval: Interval = Interval.HK,
    level: float = 0.95,
) -> Pooled:
    """Every review pooled once without each of its studies; answers in the order of the studies.

    Shape (all studies,). Every review needs two studies or more.
    """
    return pool(without_each(studies), model, interval, level)


def without_each(studies: Studies) -> Studies:
    """The reviews that arise when each study in turn is left out."""
    if studies.sizes.min() < 2:
        raise StudyError("leaving one out needs at least two studies")
    left = np.repeat(studies.sizes - 1, studies.sizes)
    starts = np.cumsum(left) - left
    own_place = np.arange(left.size) - np.repeat(studies.starts, studies.sizes)
    rows = np.arange(left.sum()) - np.repeat(starts, left)
    rows += rows >= np.repeat(own_place, left)
    rows += np.repeat(np.repeat(studies.starts, studies.sizes), left)
    return Studies(studies.estimates[rows], studies.variances[rows], left, starts)


def cumulative(
    studies: Studies,
    order: Ints,
    model: Model = Model.REML,
    interval: Interval = Interval.HK,
    level: float = 0.95,
) -> Pooled:
    """One review pooled after each study came in; `order` gives their indices, say by year."""
    sizes = np.arange(1, len(order) + 1)
    rows = np.concatenate([order[:size] for size in sizes])
    growing = reviews(studies.estimates[rows], studies.variances[rows], sizes)
    return pool(growing, model, interval, level)


def influence(
    studies: Studies, model: Model = Model.REML, interval: Interval = Interval.HK
) -> Influence:
    """Influence of each study on one review of three studies or more."""
    k = studies.estimates.size
    if len(studies) != 1 or k < 3:
        raise StudyError("influence needs one review of at least three studies")
    whole, others = pool(studies, model, interval), leave_one_out(studies, model, interval)
    weights = 1 / (studies.variances + whole.tau2)
    hat = weights / weights.sum()
    shift = whole.estimate - others.estimate
    remaining = without_each(studies)
    scale = others.se**2 * remaining.sums(1 / (remaining.variances + remaining.spread(others.tau2)))
    own = studies.variances + others.tau2
    deviation = np.sqrt(scale * own + others.se**2)
    refitted = np.sum(1 / (studies.variances + others.tau2[:, None]), axis=1)
    dffits = shift / np.sqrt(scale * hat * own)
    dfbeta = shift * np.sqrt(refitted / scale)
    cook_d = (shift / whole.se) ** 2
    return Influence(
        rstudent=(studies.estimates - others.estimate) / deviation,
        dffits=dffits,
        dfbeta=dfbeta,
        cook_d=cook_d,
        cov_r=(others.se / whole.se) ** 2,
        tau2_del=others.tau2,
        q_del=others.q,
        hat=hat,
        is_influential=(np.abs(dffits) > 3 * np.sqrt(1 / (k - 1)))
        | (chdtr(1, cook_d) > 0.5)
        | (hat > 3 / k)
        | (np.abs(dfbeta) > 1),
    )
