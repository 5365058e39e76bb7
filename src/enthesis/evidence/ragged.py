"""Many meta-analyses side by side: flat arrays of studies, cut into reviews.

A review is one meta-analysis. Reviews differ in size, so the studies of all reviews lie one after
another in flat arrays, and `starts` says where each review begins. Every sum over a review is one
call of `numpy.add.reduceat`, whose result for a review depends on nothing but that review's own
numbers: a batch therefore gives the same last digit as the reviews one at a time. (A padded
rectangle was tried first: it wastes memory on reviews of 3 beside reviews of 100, and summing
across a rectangle changes the order of additions with the number of reviews.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


class StudyError(ValueError):
    """A study that cannot be used: which one (`index`, counted from 0) and why."""

    def __init__(self, problem: str, index: int | None = None) -> None:
        super().__init__(problem if index is None else f"study {index + 1}: {problem}")
        self.problem = problem
        self.index = index


@dataclass(frozen=True, slots=True)
class Studies:
    """Effect estimates with their sampling variances, of one review or of many.

    `estimates`, `variances`: shape (all studies,). `sizes`, `starts`: shape (reviews,), studies
    per review and index of its first study. Make one with `review` or `reviews`, which check.
    """

    estimates: Floats
    variances: Floats
    sizes: Ints
    starts: Ints

    def sums(self, per_study: Floats) -> Floats:
        """Sum of a per-study quantity within each review; (studies,) → (reviews,)."""
        return np.add.reduceat(per_study, self.starts)

    def least(self, per_study: Floats) -> Floats:
        """Smallest of a per-study quantity within each review."""
        return np.minimum.reduceat(per_study, self.starts)

    def greatest(self, per_study: Floats) -> Floats:
        """Largest of a per-study quantity within each review."""
        return np.maximum.reduceat(per_study, self.starts)

    def spread(self, per_review: Floats) -> Floats:
        """Give each study its review's value; (reviews,) → (studies,)."""
        return np.repeat(per_review, self.sizes)

    def take(self, which: Ints) -> "Studies":
        """The reviews with the given indices, in that order; an index may come twice."""
        sizes = self.sizes[which]
        starts = _starts(sizes)
        rows = np.arange(sizes.sum()) + np.repeat(self.starts[which] - starts, sizes)
        return Studies(self.estimates[rows], self.variances[rows], sizes, starts)

    def __len__(self) -> int:
        return len(self.sizes)


def review(estimates: ArrayLike, variances: ArrayLike) -> Studies:
    """One review. Raises StudyError unless all numbers are finite and all variances positive."""
    flat = np.atleast_1d(np.asarray(estimates, dtype=np.float64))
    return reviews(flat, variances, [flat.size])


def reviews(estimates: ArrayLike, variances: ArrayLike, sizes: Sequence[int] | Ints) -> Studies:
    """Many reviews, their studies one after another; `sizes` says how many belong to each."""
    flat = np.atleast_1d(np.asarray(estimates, dtype=np.float64))
    spread = np.atleast_1d(np.asarray(variances, dtype=np.float64))
    counts = np.asarray(sizes, dtype=np.intp)
    if flat.ndim != 1 or flat.shape != spread.shape:
        raise StudyError("estimates and variances must be two equally long rows of numbers")
    if counts.size == 0 or counts.min() < 1 or counts.sum() != flat.size:
        raise StudyError("every review needs a study, and the sizes must add up to the studies")
    _check(flat, spread)
    return Studies(flat, spread, counts, _starts(counts))


def _check(estimates: Floats, variances: Floats) -> None:
    """Refuse the first study that no model can use."""
    for bad, problem in (
        (~np.isfinite(estimates), "the effect estimate is not a finite number"),
        (~np.isfinite(variances), "the sampling variance is not a finite number"),
        (~(variances > 0), "the sampling variance must be greater than 0"),
    ):
        if bad.any():
            raise StudyError(problem, int(np.argmax(bad)))


def _starts(sizes: Ints) -> Ints:
    return np.cumsum(sizes) - sizes
