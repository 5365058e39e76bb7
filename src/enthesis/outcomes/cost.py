"""What was paid for each course that reached a level, with all the courses that did not.

The payments of every course count, lost ones as not reached: dividing by those who answered would
make silence a saving. The interval comes from a seeded bootstrap of whole courses.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from enthesis.outcomes.errors import FitError

AT_ONCE = 4_000_000
"""Counts drawn in one go: 32 MB."""


@dataclass(frozen=True, slots=True)
class CostPerReached:
    """`cents` per course that reached it; None where nobody did. `low`, `high`: its interval.

    `high` is None where it has no upper end, because too many resamples had nobody who reached it.
    """

    courses: int
    reached: int
    total_cents: int
    cents: float | None
    low: float | None
    high: float | None
    level: float
    resamples: int
    seed: int

    @property
    def sentence(self) -> str:
        """What is said in place of a number that does not exist; empty where there is one."""
        if self.cents is None:
            return (
                f"None of {self.courses} courses reached it: there is no cost per course that did."
            )
        if self.high is None:
            return "So few reached it that the cost per course that did has no upper limit."
        return ""


def cost_per_reached(
    paid_cents: ArrayLike,
    reached: ArrayLike,
    *,
    seed: int,
    level: float = 0.95,
    resamples: int = 2000,
) -> CostPerReached:
    """`paid_cents`, `reached`: (courses,), every course that began. Raises FitError.

    Courses that paid the same and ended alike are one cell, so that a resample is a multinomial
    count over cells and not a draw of courses: a million courses cost what their cells cost.
    """
    paid, yes = np.asarray(paid_cents), np.asarray(reached)
    if paid.ndim != 1 or paid.shape != yes.shape or not paid.size:
        raise FitError("Give what was paid and whether it was reached, one of each per course.")
    if paid.dtype.kind not in "iu" or yes.dtype.kind != "b":
        raise FitError("What was paid must be whole cents, and reached yes or no: unknown is no.")
    if not 0 < level < 1 or resamples < 100:
        raise FitError("The level lies between 0 and 1, and there are at least 100 resamples.")
    # Paid and ended in one whole number: sorting pairs is many times as slow.
    keys, counts = np.unique(2 * paid.astype(np.int64) + yes, return_counts=True)
    cells = np.stack([keys >> 1, keys & 1])
    n, total, hits = int(paid.size), int(paid.sum()), int(yes.sum())
    if not hits:
        return CostPerReached(n, 0, total, None, None, None, level, resamples, seed)
    ratios = _resampled(cells.astype(np.float64), counts / n, n, resamples, seed)
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return CostPerReached(
        n, hits, total, total / hits, float(low) if np.isfinite(low) else None,
        float(high) if np.isfinite(high) else None, level, resamples, seed,
    )  # fmt: skip


def _resampled(
    cells: NDArray[np.float64], shares: NDArray[np.float64], n: int, resamples: int, seed: int
) -> NDArray[np.float64]:
    """(resamples,): cost per reached of each; infinite where nobody reached it."""
    rng = np.random.default_rng(seed)
    step = max(1, AT_ONCE // len(shares))
    parts = [
        rng.multinomial(n, shares, size=min(step, resamples - done)) @ cells.T
        for done in range(0, resamples, step)
    ]
    paid, hits = np.concatenate(parts).T
    return np.asarray(np.divide(paid, hits, out=np.full(resamples, np.inf), where=hits > 0))
