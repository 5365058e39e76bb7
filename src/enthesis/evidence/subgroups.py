"""Do groups of studies give different answers?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from enthesis.evidence.pool import Interval, Pooled, pool
from enthesis.evidence.ragged import Studies, StudyError, reviews
from enthesis.evidence.tau2 import Model


@dataclass(frozen=True, slots=True)
class Subgroups:
    """Each group pooled with its own τ², and Q between the pooled values.

    `groups` in the order in which they first appear; `pooled` has one entry per group. NaN p with
    a single group. A comparison of groups of studies is observational, however the studies were
    randomised.
    """

    groups: tuple[str, ...]
    pooled: Pooled
    q: float
    df: int
    p: float


def subgroups(
    studies: Studies,
    labels: Sequence[str],
    model: Model = Model.REML,
    interval: Interval = Interval.HK,
    level: float = 0.95,
) -> Subgroups:
    """Pool one review within the groups that `labels` (one per study) name."""
    if len(studies) != 1 or len(labels) != studies.estimates.size:
        raise StudyError("subgroups need one review and a label for each study")
    names = tuple(dict.fromkeys(labels))
    members = [np.flatnonzero([label == name for label in labels]) for name in names]
    rows = np.concatenate(members)
    parts = reviews(
        studies.estimates[rows], studies.variances[rows], [member.size for member in members]
    )
    # Between groups the normal standard errors count: a group of one has no Hartung–Knapp one.
    apart = pool(parts, model, Interval.WALD, level)
    weights = 1 / apart.se**2
    mean = weights @ apart.estimate / weights.sum()
    q, df = float(weights @ (apart.estimate - mean) ** 2), len(names) - 1
    p = float(chdtrc(df, q)) if df > 0 else float("nan")
    return Subgroups(names, pool(parts, model, interval, level), q, df, p)
