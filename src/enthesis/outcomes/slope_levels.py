"""The sums of `slope_sums` where every column of the design is a line in time within a course.

That is the usual case: a constant, a treatment's indicator, time, their product. A column is then
c or c·t with a c that holds for the whole course, and courses with the same c's form a *level*. The
columns need no sums of their own: with R = [[√n, √n·t̄], [0, √s]] they are u = R·lift, `lift` (2, p)
one per level. That leaves one number in three to add up, and one in three to go through at each
look at the likelihood. What is a line is found by comparing every row, exactly.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from enthesis.outcomes.slope_sums import Floats, Rows, SlopeSums, blocks_of, time_sums, unusable

MOST_LEVELS, COURSES_A_LEVEL = 64, 100
"""More levels, or levels of fewer courses, would cost more than they save."""
LOOKED_AT = 2_000
"""Courses among which the levels are first looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """`times`: (3, k) n, t̄ and s. `u`: (2, k), of y alone. `lift`: (2, p): rows = [1, t]·lift."""

    times: Floats
    u: Floats
    lift: Floats

    def line(self, lift: Floats) -> Floats:
        """(2, k): u of a column that is lift₀ + lift₁·t in every course."""
        n, mean, spread = self.times
        return np.array([np.sqrt(n) * (lift[0] + lift[1] * mean), np.sqrt(spread) * lift[1]])


@dataclass(frozen=True, slots=True, eq=False)
class LevelSums:
    """`within`: Σ y² − Σ u'u. The columns' own part of it is 0."""

    levels: tuple[Level, ...]
    within: float

    @property
    def size(self) -> int:
        """How many courses a look at the likelihood goes through."""
        return sum(level.u.shape[1] for level in self.levels)

    @property
    def times(self) -> Floats:
        """(3, k): of all levels, one after another."""
        return np.concatenate([level.times for level in self.levels], axis=1)

    @property
    def rows(self) -> float:
        """How many observations."""
        return float(sum(level.times[0].sum() for level in self.levels))

    @property
    def squares(self) -> Floats:
        """(q, q): Σ row'row."""
        p = self.levels[0].lift.shape[1]
        total = np.zeros((p + 1, p + 1))
        total[p, p] = self.within
        for level in self.levels:
            lines = np.array([level.line(column) for column in np.eye(2)]).reshape(2, -1)
            both, with_y = lines @ lines.T, lines @ level.u.ravel()
            total[:p, :p] += level.lift.T @ both @ level.lift
            total[:p, p] += level.lift.T @ with_y
            total[p, p] += float(np.vdot(level.u, level.u))
        total[p, :p] = total[:p, p]
        return total

    def every(self, step: int) -> "LevelSums":
        """Every step-th course of each level, `within` scaled: close enough for a first guess."""
        some = (slice(None), slice(step // 2, None, step))
        levels = tuple(
            Level(level.times[some].copy(), level.u[some].copy(), level.lift)
            for level in self.levels
            if level.u.shape[1] > step // 2
        )
        fewer = LevelSums(levels, self.within)
        return LevelSums(levels, self.within * fewer.rows / self.rows)

    def transformed(self, by: Floats) -> "LevelSums":
        """The sums of row·by instead of row; y stays the last column and enters no other."""
        p, scale = len(by) - 1, float(by[-1, -1])
        levels = tuple(
            Level(
                level.times,
                level.line(level.lift @ by[:p, p]) + scale * level.u,
                level.lift @ by[:p, :p],
            )
            for level in self.levels
        )
        return LevelSums(levels, self.within * scale**2)

    def whole(self) -> SlopeSums:
        """The same with sums for every column."""
        p = self.levels[0].lift.shape[1]
        u = [
            np.stack([*(level.line(column) for column in level.lift.T), level.u], axis=1)
            for level in self.levels
        ]
        within = np.zeros((p + 1, p + 1))
        within[p, p] = self.within
        times = np.concatenate([level.times for level in self.levels], axis=1)
        return SlopeSums(times, np.concatenate(u, axis=2), np.ones(self.size), within)


def sum_levels(rows: Rows, centre: float, unit: float, first_fit: Floats) -> LevelSums | None:
    """One scan; None where a column is no line in time, or there are too many levels.

    Times become (t − centre) / unit and outcomes y − x·first_fit, as in `sum_rows`.
    """
    k = len(rows.starts)
    times, u, squared = np.empty((3, k)), np.empty((2, k)), 0.0
    times[0] = np.diff(rows.starts, append=len(rows.time))
    factor: list[int] | None = None
    for first, last, part in blocks_of(rows):
        starts = rows.starts[first:last] - rows.starts[first]
        raw = rows.time[part].astype(np.float64)
        x = np.array(rows.design[part].T, dtype=np.float64, order="C")
        if factor is None:
            factor = _factors(x, raw, starts)
        if factor is None or not _are_lines(x, raw, starts, factor):
            return None
        y = rows.outcome[part] - first_fit @ x
        t = time_sums((raw - centre) / unit, starts, times[:, first:last])
        u[0, first:last] = np.add.reduceat(y, starts)
        u[1, first:last] = np.add.reduceat(y * t, starts)
        squared += float(y @ y)
    n, _, spread = times
    u[0] /= np.sqrt(n)
    u[1] *= np.sqrt(np.divide(1, spread, out=np.zeros_like(spread), where=spread > 0))
    if not np.isfinite(squared) or not np.isfinite(times).all():
        unusable(rows)
    own = sorted(set(factor or []))
    values = np.array([rows.design[rows.starts, j] for j in own], dtype=np.float64)
    level = _levels(values)
    if factor is None or level is None:
        return None
    levels = []
    for at in range(level.max() + 1):
        members = np.flatnonzero(level == at)
        value = dict(zip(own, values[:, members[0]].tolist(), strict=True))
        lift = np.array(
            [
                [value[c], 0.0] if c == j else [value[c] * centre, value[c] * unit]
                for j, c in enumerate(factor)
            ]
        ).T
        levels.append(Level(times[:, members], u[:, members], lift))
    return LevelSums(tuple(levels), squared - float(np.vdot(u, u)))


def _factors(x: Floats, t: Floats, starts: NDArray[np.intp]) -> list[int] | None:
    """For each column the one that holds its c: itself if constant within courses, else x = c·t."""
    constant = [j for j, column in enumerate(x) if _is_constant(column, starts)]
    factor = []
    for j, column in enumerate(x):
        if j in constant:
            factor.append(j)
            continue
        found = [c for c in constant if np.array_equal(x[c] * t, column)]
        if not found:
            return None
        factor.append(found[0])
    return factor


def _are_lines(x: Floats, t: Floats, starts: NDArray[np.intp], factor: list[int]) -> bool:
    return all(
        _is_constant(x[j], starts) if c == j else np.array_equal(x[c] * t, x[j])
        for j, c in enumerate(factor)
    )


def _is_constant(column: Floats, starts: NDArray[np.intp]) -> bool:
    changed = column[1:] != column[:-1]
    changed[starts[1:] - 1] = False
    return not changed.any()


def _levels(values: Floats) -> NDArray[np.intp] | None:
    """(k,): the level of each course, from its c's (columns, k); None where there are too many."""
    most = min(MOST_LEVELS, values.shape[1] // COURSES_A_LEVEL)
    key = np.zeros(values.shape[1])
    for at, row in enumerate(values):
        key += row * np.sqrt(at + 2.0)
    known = np.unique(key[:: max(1, key.size // LOOKED_AT)])
    place = np.minimum(np.searchsorted(known, key), len(known) - 1)
    if len(known) <= most and not np.array_equal(known[place], key):
        known, place = np.unique(key, return_inverse=True)
    if len(known) > most:
        return None
    found = np.zeros(len(known), dtype=np.intp)
    found[place[::-1]] = np.arange(key.size)[::-1]
    # Two levels may by freak chance have one key.
    return place if np.array_equal(values[:, found][:, place], values) else None
