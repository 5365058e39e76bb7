"""What the random-slope model needs to know of each course: a few sums over its rows.

Let row = [x, y] be the covariates and the outcome of one observation (q = p + 1 numbers) and t its
time. Of each course are kept

    n,   the mean t̄ of its times,   s = Σ(t − t̄)²,
    u = [Σ row / √n;  Σ (t − t̄)·row / √s]      (2, q; stored with the course as the last axis),

and of all courses together `within` = Σ row'row − Σ u'u, what the courses' own lines leave.
Times may be as irregular as life makes them. (Plain sums Σt, Σt² and Σt·row say the same, but the
likelihood is then a difference of large numbers and loses up to ten digits.)

Courses with equal times enter the likelihood only through Σ u⊗u, so a hundred thousand courses seen
on the same days are *condensed* into at most 2q pseudo-courses with the same Σ u⊗u (the triangle of
a QR decomposition); `weight` says for how many real courses the times of a pseudo-course count.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from enthesis.outcomes.errors import FitError, missing_labels

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

ROWS_AT_ONCE = 1 << 14
"""Rows summed in one go, so that the working arrays stay in the processor's cache."""
LOOKED_AT = 2_000
"""Courses that tell whether condensing would pay."""
WORTHWHILE = 8
"""Condense when at most one pseudo-course is left of so many courses."""
ROUNDING = 1e-20
"""Times of a course that differ by less (squared, in standard deviations) do not differ."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Observations sorted by course: `starts` is the first row of each of the k courses.

    `subjects`: (k,) labels. `time`, `outcome`: (rows,). `design`: (rows, p). `names`: p.
    """

    subjects: NDArray[Any]
    starts: Ints
    time: NDArray[Any]
    outcome: NDArray[Any]
    design: NDArray[Any]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SlopeSums:
    """`times`: (3, k), n, t̄ and s of each course. `u`: (2, q, k). `weight`: (k,).

    `within`: (q, q).
    """

    times: Floats
    u: Floats
    weight: Floats
    within: Floats

    @property
    def squares(self) -> Floats:
        """(q, q): Σ row'row."""
        return np.asarray(self.within + np.sum(self.u @ np.swapaxes(self.u, 1, 2), axis=0))

    @property
    def size(self) -> int:
        """How many courses or pseudo-courses a look at the likelihood goes through."""
        return len(self.weight)

    @property
    def rows(self) -> float:
        """How many observations."""
        return float(self.times[0] @ self.weight)

    def every(self, step: int) -> "SlopeSums":
        """Every step-th course. `within` is scaled, which is close enough for a first guess."""
        some = (..., slice(step // 2, None, step))
        share = float(self.times[0][some] @ self.weight[some]) / self.rows
        times, u, weight = (part[some].copy() for part in (self.times, self.u, self.weight))
        return SlopeSums(times, u, weight, self.within * share)

    def transformed(self, by: Floats) -> "SlopeSums":
        """The sums of row·by instead of row; `by` is (q, q)."""
        return SlopeSums(self.times, by.T @ self.u, self.weight, by.T @ self.within @ by)


def rows_of(
    subject: ArrayLike,
    time: ArrayLike,
    outcome: ArrayLike,
    design: ArrayLike,
    names: Sequence[str],
) -> Rows:
    """Check the shapes and sort by course where needed. Raises FitError."""
    label, t, y, x = (np.asarray(part) for part in (subject, time, outcome, design))
    problems = []
    if label.ndim != 1 or t.shape != label.shape or y.shape != label.shape:
        problems.append(
            "Subject, time and outcome must be equally long columns; they have shapes "
            f"{label.shape}, {t.shape} and {y.shape}."
        )
    if x.ndim != 2 or x.shape[:1] != label.shape[:1] or x.shape[1] != len(names):
        problems.append(
            f"The design must have one row per observation and one column per name: "
            f"{label.shape[0] if label.ndim else 0} × {len(names)}, not {x.shape}."
        )
    problems += [
        f"The {name} must be numbers, not {part.dtype}."
        for name, part in (("times", t), ("outcomes", y), ("design's columns", x))
        if part.dtype.kind not in "biuf"
    ]
    problems = problems or missing_labels(label, "subject")
    if problems or not label.size or not len(names):
        raise FitError(*(problems or ["There is nothing to fit: no rows or no columns."]))
    if not bool(np.all(label[1:] >= label[:-1])):
        order = np.argsort(label, kind="stable")
        label, t, y, x = label[order], t[order], y[order], x[order]
    starts = np.concatenate([[0], np.flatnonzero(label[1:] != label[:-1]) + 1])
    return Rows(label[starts], starts, t, y, x, tuple(names))


def sum_rows(rows: Rows, centre: float, unit: float, first_fit: Floats) -> SlopeSums:
    """One scan. Times become (t − centre) / unit and outcomes y − x·first_fit."""
    k, p = len(rows.starts), rows.design.shape[1]
    times, u, within = np.empty((3, k)), np.empty((2, p + 1, k)), np.zeros((p + 1, p + 1))
    times[0] = np.diff(rows.starts, append=len(rows.time))
    for first, last, part in blocks_of(rows):
        t = (rows.time[part].astype(np.float64) - centre) / unit
        row = np.empty((p + 1, t.size))
        row[:p] = rows.design[part].T
        row[p] = rows.outcome[part] - first_fit @ row[:p]
        starts = rows.starts[first:last] - rows.starts[first]
        t = time_sums(t, starts, times[:, first:last])
        n, _, spread = times[:, first:last]
        own = u[:, :, first:last]
        for j in range(p + 1):
            own[0, j] = np.add.reduceat(row[j], starts)
            own[1, j] = np.add.reduceat(row[j] * t, starts)
        own[0] /= np.sqrt(n)
        own[1] *= np.sqrt(np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0))
        within += row @ row.T - own[0] @ own[0].T - own[1] @ own[1].T
    if not np.isfinite(within).all() or not np.isfinite(times).all():
        unusable(rows)
    return SlopeSums(times, u, np.ones(k), within)


def time_sums(t: Floats, starts: Ints, times: Floats) -> Floats:
    """Fill in t̄ and s of the courses that begin at `starts`; returns t − t̄."""
    n, mean, spread = times
    mean[:] = np.add.reduceat(t, starts) / n
    t = t - np.repeat(mean, n.astype(np.intp))
    spread[:] = np.add.reduceat(t * t, starts)
    spread[spread < ROUNDING * n] = 0
    return t


def unusable(rows: Rows) -> NoReturn:
    """Raise FitError naming the first row of each column that is not a finite number."""
    columns = [("time", rows.time), ("outcome", rows.outcome)]
    columns += [(name, rows.design[:, j]) for j, name in enumerate(rows.names)]
    problems = []
    for name, column in columns:
        bad = np.flatnonzero(~np.isfinite(column.astype(np.float64)))
        if bad.size:
            at = int(np.searchsorted(rows.starts, bad[0], side="right")) - 1
            problems.append(
                f"{name}: {bad.size} values are not finite numbers, the first of course "
                f"{rows.subjects[at]}. Leave such rows out before fitting."
            )
    too_large = "Numbers are too large to be squared and added: choose another unit."
    raise FitError(*(problems or [too_large]))


def share_times(times: Floats) -> bool:
    """Whether most courses have their times in common with many others, going by some of them."""
    looked_at = times[:, :: max(1, times.shape[1] // LOOKED_AT)]
    return bool(np.unique(_key(looked_at)).size * 4 <= looked_at.shape[1])


def condensed(sums: SlopeSums) -> SlopeSums:
    """The same likelihood from fewer pseudo-courses, where many courses share their times."""
    _, q, k = sums.u.shape
    _, found, place, counts = np.unique(
        _key(sums.times), return_index=True, return_inverse=True, return_counts=True
    )
    alike = np.array_equal(sums.times[:, found][:, place], sums.times)
    if not alike or len(counts) * 2 * q * WORTHWHILE > k:
        return sums
    flat = sums.u.reshape(2 * q, k).T[np.argsort(place, kind="stable")]
    blocks, ends = [], np.cumsum(counts)
    for end, count in zip(ends.tolist(), counts.tolist(), strict=True):
        block = flat[end - count : end]
        blocks.append(np.linalg.qr(block, mode="r") if count > 2 * q else block)
    sizes = np.array([len(block) for block in blocks])
    # The log-determinant of a group's times counts once per real course: all on its first row.
    weight = np.zeros(sizes.sum())
    weight[np.cumsum(sizes) - sizes] = counts
    times = np.repeat(sums.times[:, found], sizes, axis=1)
    return SlopeSums(times, np.concatenate(blocks).T.reshape(2, q, -1), weight, sums.within)


def _key(times: Floats) -> Floats:
    """One number per course, equal where its times are, and by freak chance elsewhere."""
    return np.asarray(np.e * times[0] + np.pi * times[1] + np.sqrt(2.0) * times[2])


def blocks_of(rows: Rows) -> Iterator[tuple[int, int, slice]]:
    """(first course, course after the last, their rows), about ROWS_AT_ONCE rows each."""
    count, k = len(rows.time), len(rows.starts)
    cuts = np.searchsorted(rows.starts, np.arange(ROWS_AT_ONCE, count, ROWS_AT_ONCE))
    edges = np.unique(np.concatenate([[0], cuts, [k]]))
    stops = np.append(rows.starts, count)
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        yield first, last, slice(int(stops[first]), int(stops[last]))
