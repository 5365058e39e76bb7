"""What a repeated-measures model needs to know of any number of courses: sums per pattern.

A course has covariates that hold for the whole course (z, the first always 1) and one score per
scheduled visit (y), some of them missing. All courses that were seen at the same visits share a
*pattern*, and the likelihood needs of each pattern no more than how many courses it has and the
sums of zz', zy' and yy'. So:

* one scan of the data is enough, by any engine (`sums_from_columns`, `sums_from_engine`);
* clinics are pooled by addition, and a withdrawn consent is a subtraction;
* scores and covariates that are whole numbers give whole sums, exact in double precision below
  2^53, so that neither order nor grouping changes a single bit.

Sums of few courses disclose them: a pattern of one course *is* its scores. They stay in the clinic
or are suppressed like any small cell before they travel.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from enthesis.outcomes.errors import FitError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

MOST_VISITS = 62
"""A pattern is one bit per visit in a 64-bit whole number."""


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums per missing-visit pattern: g patterns, m visits, q covariates.

    `visits`: the m labels, in order. `covariates`: the q names, the first "1". `patterns`: (g,)
    ascending, bit v set where visit v was seen. `courses`: (g,) how many. `zz`: (g, q, q),
    `zy`: (g, q, m), `yy`: (g, m, m), zero where a visit is not of the pattern.
    """

    visits: tuple[object, ...]
    covariates: tuple[str, ...]
    patterns: Ints
    courses: Ints
    zz: Floats
    zy: Floats
    yy: Floats

    @property
    def seen(self) -> Bools:
        """(g, m): which visits a pattern has."""
        return seen_visits(self.patterns, len(self.visits))

    @property
    def n_subjects(self) -> int:
        """Courses with at least one score."""
        return int(self.courses.sum())

    @property
    def n_observations(self) -> int:
        """Scores in all."""
        return int(self.seen_at.sum())

    @property
    def seen_at(self) -> Ints:
        """(m,): how many courses have a score at each visit."""
        return np.asarray(self.courses @ self.seen, dtype=np.int64)

    @property
    def together(self) -> Ints:
        """(m, m): how many courses have a score at both visits."""
        seen = self.seen.astype(np.int64)
        return np.asarray(seen.T @ (self.courses[:, None] * seen), dtype=np.int64)

    def __add__(self, other: "Sums") -> "Sums":
        """The sums of both: what one scan of all their courses would give."""
        return merge([self, other])

    def __sub__(self, other: "Sums") -> "Sums":
        """The sums without the courses of `other`, which must be among ours."""
        _same_shape([self, other])
        if not np.all(np.isin(other.patterns, self.patterns)):
            raise FitError("What is to be taken out was never in: it has a pattern that we lack.")
        negative = Sums(
            other.visits,
            other.covariates,
            other.patterns,
            -other.courses,
            -other.zz,
            -other.zy,
            -other.yy,
        )
        left = merge([self, negative])
        if np.any(left.courses < 0):
            raise FitError("What is to be taken out was never in: it has more courses than we.")
        return left

    def same_as(self, other: "Sums") -> bool:
        """Equal to the last bit."""
        return (
            self.visits == other.visits
            and self.covariates == other.covariates
            and np.array_equal(self.patterns, other.patterns)
            and np.array_equal(self.courses, other.courses)
            and np.array_equal(self.zz, other.zz)
            and np.array_equal(self.zy, other.zy)
            and np.array_equal(self.yy, other.yy)
        )


def merge(parts: Sequence[Sums]) -> Sums:
    """Add up the sums of separate courses (clinics, chunks, days). A pattern left empty goes."""
    _same_shape(parts)
    first = parts[0]
    patterns = np.unique(np.concatenate([p.patterns for p in parts]))
    g, q, m = len(patterns), len(first.covariates), len(first.visits)
    courses = np.zeros(g, dtype=np.int64)
    zz, zy, yy = np.zeros((g, q, q)), np.zeros((g, q, m)), np.zeros((g, m, m))
    for part in parts:
        place = np.searchsorted(patterns, part.patterns)
        courses[place] += part.courses
        zz[place] += part.zz
        zy[place] += part.zy
        yy[place] += part.yy
    kept = courses != 0
    return Sums(
        first.visits,
        first.covariates,
        patterns[kept],
        courses[kept],
        zz[kept],
        zy[kept],
        yy[kept],
    )


def seen_visits(patterns: Ints, visits: int) -> Bools:
    """(g, m): the bits of each pattern."""
    return np.asarray((patterns[:, None] >> np.arange(visits)) & 1 == 1)


def _same_shape(parts: Sequence[Sums]) -> None:
    for part in parts[1:]:
        if part.visits != parts[0].visits:
            raise FitError(f"The visits differ: {parts[0].visits} and {part.visits}.")
        if part.covariates != parts[0].covariates:
            raise FitError(f"The covariates differ: {parts[0].covariates} and {part.covariates}.")
