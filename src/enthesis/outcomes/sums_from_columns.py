"""Sums from columns in memory: visits sorted by course, and covariates of the courses.

One pass without any group-by: sorted rows fall into runs, the scores go into a rectangle of courses
by visits, the missing ones make a bit pattern, and a stable sort of small whole numbers brings the
courses of a pattern together, so that their sums are one matrix product. Small whole numbers are
multiplied in single precision as long as that is exact.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from enthesis.outcomes.errors import FitError
from enthesis.outcomes.sums import MOST_VISITS, Ints, Sums, merge

AT_ONCE = 1 << 16
"""Courses in one piece of work: few enough to stay in the processor's cache."""
EXACT_SINGLE = 2.0**24


@dataclass(frozen=True, slots=True, eq=False)
class CourseDesign:
    """Covariates that hold for a whole course.

    `course`: (n,) identifiers, ascending. `names`: q − 1 names; the 1 that every course has is
    added by the sums. `values`: (n, q − 1).
    """

    course: NDArray[Any]
    names: tuple[str, ...]
    values: NDArray[Any]


def course_design(
    course: ArrayLike,
    columns: Mapping[str, ArrayLike] | None = None,
    reference: Mapping[str, object] | None = None,
) -> CourseDesign:
    """Covariates from columns of the courses: numbers as they are, words as one column a level.

    Each level but the reference (the first in order unless named) becomes a column of 0 and 1,
    named like "condition=knee". Raises FitError for a reference that is no level, a value that is
    missing, or courses that are not in ascending order.
    """
    ids = np.asarray(course)
    _check_ascending(ids)
    names: list[str] = []
    parts: list[NDArray[Any]] = []
    for name, column in (columns or {}).items():
        values = np.asarray(column)
        if len(values) != len(ids):
            raise FitError(f"{name} has {len(values)} values for {len(ids)} courses.")
        if values.dtype.kind in "biuf":
            if not np.all(np.isfinite(values)):
                row = int(np.flatnonzero(~np.isfinite(values))[0])
                raise FitError(f"{name} is missing for course {ids[row]}.")
            names.append(name)
            parts.append(values.astype(np.int8) if values.dtype.kind == "b" else values)
            continue
        levels, codes = np.unique(values.astype(str), return_inverse=True)
        first = str((reference or {}).get(name, levels[0]))
        if first not in levels:
            raise FitError(f"{name} has no level {first}; it has {', '.join(levels)}.")
        for code, level in enumerate(levels):
            if level != first:
                names.append(f"{name}={level}")
                parts.append((codes == code).astype(np.int8))
    table = np.column_stack(parts) if parts else np.zeros((len(ids), 0), dtype=np.int8)
    return CourseDesign(ids, tuple(names), table)


def sums_from_columns(
    course: ArrayLike,
    window: ArrayLike,
    score: ArrayLike,
    courses: CourseDesign | None = None,
    *,
    visits: Sequence[int],
    missing: float | None = None,
) -> Sums:
    """Sums of the rows of `visits`, one row a visit, sorted by course.

    `course`: (rows,) identifiers, ascending. `window`: (rows,) whole numbers; rows of a window that
    is not among `visits` are left out. `score`: (rows,) numbers; a NaN, or the value `missing`, is
    no score. `courses` has the covariates of every course among the rows. Raises FitError for rows
    out of order, two scores of a course at one visit, or a course without covariates.
    """
    ids, columns, scores = np.asarray(course), np.asarray(window), np.asarray(score)
    _check_visits(visits)
    starts = _starts(ids)
    runs = ids[starts]
    _check_ascending(runs)
    known = courses or CourseDesign(runs, (), np.zeros((len(runs), 0), dtype=np.int8))
    place = _places(runs, known)
    bounds = np.append(starts, len(ids))
    covariates = ("1", *known.names)
    parts = []
    for first in range(0, len(runs), AT_ONCE):
        last = min(first + AT_ONCE, len(runs))
        rows = slice(bounds[first], bounds[last])
        sizes = np.diff(bounds[first : last + 1])
        table, seen = rectangle(columns[rows], scores[rows], sizes, visits, missing)
        if place is None:
            values = known.values[first:last]
        else:
            values = known.values[place[first:last]]
        parts.append(sums_of_rectangle(table, seen, values, tuple(visits), covariates))
    if not parts:
        return no_sums(tuple(visits), covariates)
    return merge(parts)


def no_sums(visits: tuple[object, ...], covariates: tuple[str, ...]) -> Sums:
    """The sums of no course."""
    m, q = len(visits), len(covariates)
    none = np.zeros(0, dtype=np.int64)
    return Sums(
        visits,
        covariates,
        none,
        none,
        np.zeros((0, q, q)),
        np.zeros((0, q, m)),
        np.zeros((0, m, m)),
    )


def rectangle(
    window: NDArray[Any],
    score: NDArray[Any],
    sizes: Ints,
    visits: Sequence[int],
    missing: float | None,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """(courses, m) scores, 0 where there is none, and (courses, m) whether there is one."""
    m, n = len(visits), len(sizes)
    column = _column_of(window, visits)
    # One column too many takes whatever has no visit or no score.
    absent = np.isnan(score) if score.dtype.kind == "f" else np.zeros(0, dtype=bool)
    if missing is not None:
        absent = (score == missing) | absent if absent.size else score == missing
    if absent.size:
        column = np.where(absent, np.int32(m), column)
    flat = np.repeat(np.arange(0, n * (m + 1), m + 1, dtype=np.int32), sizes)
    flat += column
    table = np.zeros(n * (m + 1), dtype=score.dtype)
    table[flat] = score
    seen = np.zeros(n * (m + 1), dtype=bool)
    seen[flat] = True
    there = seen.reshape(n, m + 1)[:, :m]
    outside = int(np.count_nonzero(column == m))
    if np.count_nonzero(there) + outside != len(flat):
        raise FitError(_twice(flat, m, visits))
    return table.reshape(n, m + 1)[:, :m], there


def sums_of_rectangle(
    table: NDArray[Any],
    seen: NDArray[np.bool_],
    covariates: NDArray[Any],
    visits: tuple[object, ...],
    names: tuple[str, ...],
) -> Sums:
    """Sums of (n, m) scores with 0 where `seen` is false, and (n, q − 1) covariates."""
    m = len(visits)
    kind: type = np.uint8 if m <= 8 else np.uint16 if m <= 16 else np.int64
    bits = seen @ (np.ones(m, dtype=kind) << np.arange(m, dtype=kind)).astype(kind)
    order = np.argsort(bits, kind="stable")
    together: NDArray[Any] = np.empty(
        (len(table), len(names) + m), dtype=_precision(table, covariates)
    )
    together[:, 0] = 1
    together[:, 1 : len(names)] = covariates
    together[:, len(names) :] = table
    together = together[order]
    ranked = bits[order]
    starts = np.append(np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1])), len(ranked))
    patterns = ranked[starts[:-1]].astype(np.int64)
    products = np.empty((len(patterns), together.shape[1], together.shape[1]))
    for i, (first, last) in enumerate(pairwise(starts)):
        part = together[first:last]
        products[i] = part.T @ part
    q = len(names)
    counts = np.diff(starts)
    kept = patterns != 0
    return Sums(
        visits,
        names,
        patterns[kept],
        counts[kept].astype(np.int64),
        products[kept, :q, :q],
        products[kept, :q, q:],
        products[kept, q:, q:],
    )


def _precision(table: NDArray[Any], covariates: NDArray[Any]) -> type:
    """Single precision where every sum of products of these whole numbers is exact in it."""
    if table.dtype.kind == "f" or covariates.dtype.kind == "f" or not len(table):
        return np.float64
    largest = max(_largest(table), _largest(covariates), 1)
    return np.float32 if largest**2 * len(table) < EXACT_SINGLE else np.float64


def _largest(values: NDArray[Any]) -> int:
    return max(abs(int(values.max())), abs(int(values.min()))) if values.size else 0


def _column_of(window: NDArray[Any], visits: Sequence[int]) -> NDArray[np.int32]:
    """Which column a window has; the last for one that is no visit."""
    m = len(visits)
    lowest, highest = min(visits), max(visits)
    table = np.full(highest - lowest + 3, m, dtype=np.int32)
    table[np.asarray(visits) - lowest + 1] = np.arange(m)
    within = np.clip(window.astype(np.int32), lowest - 1, highest + 1)
    within -= lowest - 1
    return np.asarray(table[within])


def _starts(ids: NDArray[Any]) -> Ints:
    if not len(ids):
        return np.zeros(0, dtype=np.int64)
    return np.append(0, np.flatnonzero(ids[1:] != ids[:-1]) + 1)


def _places(runs: NDArray[Any], known: CourseDesign) -> Ints | None:
    """Where the courses of the rows stand among `known`; None when they are the same."""
    if len(runs) == len(known.course) and np.array_equal(runs, known.course):
        return None
    if not len(runs):
        return np.zeros(0, dtype=np.int64)
    place = np.searchsorted(known.course, runs)
    inside = np.minimum(place, max(len(known.course) - 1, 0))
    lost = known.course[inside] != runs if len(known.course) else np.ones(len(runs), dtype=bool)
    if lost.any():
        raise FitError(f"Course {runs[np.flatnonzero(lost)[0]]} has visits but no covariates.")
    return place.astype(np.int64)


def _check_ascending(ids: NDArray[Any]) -> None:
    wrong = np.flatnonzero(ids[1:] <= ids[:-1])
    if len(wrong):
        at = int(wrong[0])
        raise FitError(
            f"The rows are not sorted by course, or a course is there twice: {ids[at + 1]} comes "
            f"after {ids[at]}."
        )


def _check_visits(visits: Iterable[int]) -> None:
    given = list(visits)
    if not 1 <= len(given) <= MOST_VISITS:
        raise FitError(f"Give 1 to {MOST_VISITS} visits, not {len(given)}.")
    if len(set(given)) != len(given):
        raise FitError("A visit is named twice.")


def _twice(flat: NDArray[np.int32], m: int, visits: Sequence[int]) -> str:
    inside = flat[flat % (m + 1) != m]
    places, counts = np.unique(inside, return_counts=True)
    visit = visits[int(places[counts > 1][0]) % (m + 1)]
    return f"A course has two scores at visit {visit}: keep one."
