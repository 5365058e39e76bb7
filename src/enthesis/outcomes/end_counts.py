"""When and how courses ended, as a counting table: day × cell × kind of end.

All of survival analysis with discrete covariates needs no more than these counts: not who ended on
which day but how many of which cell did. A cell is a combination of whatever shall be compared
(group, clinic, baseline class). Tables of separate clinics are pooled by addition, exactly.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from enthesis.outcomes.errors import FitError, missing_labels

Counts = NDArray[np.int64]

DENSE = 1 << 16
"""Whole days up to so many are counted by their number; other times are sorted first."""


@dataclass(frozen=True, slots=True, eq=False)
class EndCounts:
    """`days`: (t,) ascending, those on which anything ended or was last seen. `cells`: c labels.

    `ends`: e names of the kinds of end. `ended`: (c, e, t) how many. `last_seen`: (c, t), those
    still going on when last seen (censored), who are at risk on that day and not after.
    """

    days: NDArray[np.float64]
    cells: tuple[Hashable, ...]
    ends: tuple[str, ...]
    ended: Counts
    last_seen: Counts

    @property
    def at_risk(self) -> Counts:
        """(c, t): how many are still followed on a day, those included who end on it."""
        leaving = self.ended.sum(axis=1) + self.last_seen
        return np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1]

    @property
    def courses(self) -> Counts:
        """(c,): how many courses."""
        return np.asarray(self.ended.sum(axis=(1, 2)) + self.last_seen.sum(axis=1))

    def only(self, *ends: str) -> "EndCounts":
        """The given ends; those who end otherwise count as last seen on that day.

        For rates among those still going on (log-rank, Cox). A Kaplan–Meier curve of the result
        is no probability: it pretends that who stopped could still reach the target.
        """
        _known(ends, self.ends, "kind of end")
        kept = [self.ends.index(end) for end in ends]
        others = [at for at in range(len(self.ends)) if at not in kept]
        last_seen = self.last_seen + self.ended[:, others].sum(axis=1)
        return replace(self, ends=ends, ended=self.ended[:, kept], last_seen=last_seen)

    def cells_at(self, places: Sequence[int]) -> "EndCounts":
        """Some of the cells, by their places."""
        at = list(places)
        cells = tuple(self.cells[place] for place in at)
        return replace(self, cells=cells, ended=self.ended[at], last_seen=self.last_seen[at])

    def grouped(self, group_of: Mapping[Hashable, Hashable]) -> "EndCounts":
        """The cells put together into groups, in the order in which the groups first appear."""
        _known(self.cells, tuple(group_of), "cell")
        groups = tuple(dict.fromkeys(group_of[cell] for cell in self.cells))
        place = [groups.index(group_of[cell]) for cell in self.cells]
        ended = np.zeros((len(groups), *self.ended.shape[1:]), dtype=np.int64)
        last_seen = np.zeros((len(groups), len(self.days)), dtype=np.int64)
        np.add.at(ended, place, self.ended)
        np.add.at(last_seen, place, self.last_seen)
        return replace(self, cells=groups, ended=ended, last_seen=last_seen)

    def __add__(self, other: "EndCounts") -> "EndCounts":
        """The counts of both: what counting all their courses at once would give."""
        if self.ends != other.ends:
            raise FitError(f"The kinds of end differ: {self.ends} and {other.ends}.")
        days = np.union1d(self.days, other.days)
        cells = tuple(dict.fromkeys([*self.cells, *other.cells]))
        ended = np.zeros((len(cells), len(self.ends), len(days)), dtype=np.int64)
        last_seen = np.zeros((len(cells), len(days)), dtype=np.int64)
        for part in (self, other):
            rows = np.array([cells.index(cell) for cell in part.cells], dtype=np.intp)
            columns = np.searchsorted(days, part.days)
            ended[rows[:, None, None], np.arange(len(self.ends))[:, None], columns] += part.ended
            last_seen[rows[:, None], columns] += part.last_seen
        return EndCounts(days, cells, self.ends, ended, last_seen)


def count_ends(
    day: ArrayLike, end: ArrayLike, ends: Sequence[str], cell: ArrayLike | None = None
) -> EndCounts:
    """Count courses. `day`: when each ended or was last seen, 0 or later.

    `end`: 0 where the course was still going on then, else 1 … e, its kind in `ends`. `cell`: any
    labels (one cell for all if None). All of shape (courses,). Raises FitError.
    """
    when, how = np.asarray(day), np.asarray(end)
    which = np.zeros(when.shape, dtype=np.int8) if cell is None else np.asarray(cell)
    _check(when, how, which, ends)
    days, day_at = _numbered(when)
    labels, cell_at = _numbered(which)
    kinds, t = len(ends) + 1, len(days)
    place = (cell_at.astype(np.int64) * kinds + how) * t + day_at
    table = np.bincount(place, minlength=len(labels) * kinds * t).reshape(len(labels), kinds, t)
    days_met, cells_met = table.any(axis=(0, 1)), table.any(axis=(1, 2))
    table = table[cells_met][:, :, days_met].astype(np.int64)
    return EndCounts(
        days[days_met].astype(np.float64),
        ("all",) if cell is None else tuple(labels[cells_met].tolist()),
        tuple(ends),
        table[:, 1:],
        table[:, 0],
    )


def _check(
    when: NDArray[Any],
    how: NDArray[Any],
    which: NDArray[Any],
    ends: Sequence[str],
) -> None:
    if not ends or len(set(ends)) != len(ends):
        raise FitError(f"The kinds of end must be named, each once, not {tuple(ends)!r}.")
    if when.ndim != 1 or how.shape != when.shape or which.shape != when.shape:
        raise FitError(
            "Day, end and cell must be equally long columns; they have shapes "
            f"{when.shape}, {how.shape} and {which.shape}."
        )
    if not when.size:
        raise FitError("There are no courses to count.")
    if when.dtype.kind not in "iuf" or how.dtype.kind not in "biu":
        raise FitError(
            "Days must be numbers and ends whole numbers, 0 for still going on; they are "
            f"{when.dtype} and {how.dtype}."
        )
    problems = missing_labels(which, "cell")
    if when.dtype.kind == "f" and not np.isfinite(when).all():
        bad = np.flatnonzero(~np.isfinite(when))
        problems.append(f"{bad.size} days are not finite numbers, the first in row {bad[0] + 1}.")
    elif when.min() < 0:
        bad = np.flatnonzero(when < 0)
        problems.append(f"{bad.size} days are negative, the first in row {bad[0] + 1}.")
    if how.min() < 0 or how.max() > len(ends):
        unknown = np.unique(how[(how < 0) | (how > len(ends))]).tolist()
        known = ", ".join(f"{at + 1} {name}" for at, name in enumerate(ends))
        problems.append(f"Unknown ends {unknown}; known are 0 still going on, {known}.")
    if problems:
        raise FitError(*problems)


def _numbered(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Distinct values and where each value stands among them (some may not occur)."""
    if values.dtype.kind in "biu" and values.min() >= 0 and values.max() < DENSE:
        return np.arange(int(values.max()) + 1), values.astype(np.intp, copy=False)
    found, place = np.unique(values, return_inverse=True)
    return found, place


def _known(asked: Sequence[Hashable], known: Sequence[Hashable], what: str) -> None:
    missing = [item for item in asked if item not in known]
    if missing:
        raise FitError(f"Unknown {what}: {missing}; known are {list(known)}.")
