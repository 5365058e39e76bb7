"""The log-rank test: do groups end at the same rate while they are still going on?

Mantel (1966), with the exact hypergeometric variance of each day; strata are added up. The numbers
are those of R's `survdiff`. A p value is no measure of how much groups differ: show the curves.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from enthesis.outcomes.end_counts import EndCounts
from enthesis.outcomes.errors import FitError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RankTest:
    """`groups`: g labels. `courses`, `observed`, `expected`: (g,). `variance`: (g, g)."""

    groups: tuple[Hashable, ...]
    courses: NDArray[np.int64]
    observed: Floats
    expected: Floats
    variance: Floats
    chi2: float
    df: int
    p: float


def log_rank(
    counts: EndCounts,
    group_of: Mapping[Hashable, Hashable] | None = None,
    stratum_of: Mapping[Hashable, Hashable] | None = None,
) -> RankTest:
    """Compare groups of cells (each cell a group if None), within strata if given.

    Every kind of end counts as the event; take `counts.only("target")` for one of them. Raises
    FitError for fewer than two groups and for no events.
    """
    group = group_of or {cell: cell for cell in counts.cells}
    groups = tuple(dict.fromkeys(group[cell] for cell in counts.cells))
    size = len(groups)
    if size < 2:
        raise FitError(f"A comparison needs two groups; there is one: {groups[0]!r}.")
    courses = np.zeros(size, dtype=np.int64)
    observed, expected, variance = np.zeros(size), np.zeros(size), np.zeros((size, size))
    for stratum in strata(counts, stratum_of):
        together = stratum.grouped(group)
        rows = [groups.index(label) for label in together.cells]
        score = _of_stratum(together)
        courses[rows] += together.courses
        observed[rows] += score[0]
        expected[rows] += score[1]
        variance[np.ix_(rows, rows)] += score[2]
    if not observed.sum():
        raise FitError("Nothing ended: there are no events to compare.")
    # A group of which nobody was at risk when anything happened says nothing.
    said = np.flatnonzero(expected > 0)[:-1]
    apart = (observed - expected)[said]
    chi2 = float(apart @ np.linalg.pinv(variance[np.ix_(said, said)], hermitian=True) @ apart)
    p = float(chdtrc(len(said), chi2)) if len(said) else float("nan")
    return RankTest(groups, courses, observed, expected, variance, chi2, len(said), p)


def strata(counts: EndCounts, stratum_of: Mapping[Hashable, Hashable] | None) -> list[EndCounts]:
    """The table cut into one per stratum (whole if None)."""
    if stratum_of is None:
        return [counts]
    missing = [cell for cell in counts.cells if cell not in stratum_of]
    if missing:
        raise FitError(f"These cells have no stratum: {missing}.")
    labels = dict.fromkeys(stratum_of[cell] for cell in counts.cells)
    return [
        counts.cells_at([at for at, c in enumerate(counts.cells) if stratum_of[c] == label])
        for label in labels
    ]


def _of_stratum(counts: EndCounts) -> tuple[Floats, Floats, Floats]:
    """Observed, expected (g,) and the variance (g, g) of their difference."""
    ended = counts.ended.sum(axis=1)
    happened = ended.sum(axis=0) > 0
    d = ended.sum(axis=0)[happened].astype(np.float64)
    at_risk = counts.at_risk[:, happened].astype(np.float64)
    n = at_risk.sum(axis=0)
    share = at_risk / n
    spread = d * (n - d) / np.maximum(n - 1, 1)
    variance = np.diag(share @ spread) - (share * spread) @ share.T
    return ended.sum(axis=1).astype(np.float64), share @ d, variance
