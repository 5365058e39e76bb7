"""Sums from columns in memory: visits sorted by course, and covariates of the courses.

One pass without any group-by: sorted rows fall into runs, the scores go into a rectangle of visits
by courses, the missing ones make a bit pattern, and a stable sort of small whole numbers brings the
courses of a pattern together, so that their sums are one matrix product. Small whole numbers are
multiplied in single precision as long as that is exact. Pieces of a file are summed side by side.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
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
KEPT_BYTES = 2**25 - 2**16
"""After a block of this size was freed, the GNU C library keeps freed memory up to twice as much.
Else it gives that of each step back to the system and gets it again page by page, which takes a
quarter of the time and halts the other workers. The block itself is never touched."""


@dataclass(frozen=True, slots=True, eq=False)
class CourseDesign:
    """Covariates that hold for a whole course.

    `course`: (n,) identifiers, ascending. `names`: q − 1 names; the 1 that every course has is
    added by the sums. `values`: (n, q − 1). `packed`: the 1 and the values as bytes in whole words
    of eight, where they fit: numpy moves words ten times as fast as single bytes.
    """

    course: NDArray[Any]
    names: tuple[str, ...]
    values: NDArray[Any]
    packed: NDArray[np.int8] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A column of words as Parquet keeps it: `codes` (n,) are places in `levels`."""

    codes: NDArray[Any]
    levels: tuple[str, ...]


def course_design(
    course: ArrayLike,
    columns: Mapping[str, "ArrayLike | Coded"] | None = None,
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
        coded = column if isinstance(column, Coded) else None
        values = coded.codes if coded else np.asarray(column)
        if len(values) != len(ids):
            raise FitError(f"{name} has {len(values)} values for {len(ids)} courses.")
        if coded is None and values.dtype.kind in "biuf":
            _check_known(name, values, ids)
            names.append(name)
            parts.append(values.astype(np.int8) if values.dtype.kind == "b" else values)
            continue
        coded = coded or _coded(values)
        first = str((reference or {}).get(name, min(coded.levels, default="")))
        if first not in coded.levels:
            raise FitError(f"{name} has no level {first}; it has {', '.join(coded.levels)}.")
        for level in sorted(set(coded.levels) - {first}):
            names.append(f"{name}={level}")
            parts.append((coded.codes == coded.levels.index(level)).view(np.int8))
    if any(_small(part) is not np.int8 for part in parts):
        return CourseDesign(ids, tuple(names), np.column_stack(parts).astype(np.float64))
    packed = np.zeros((len(ids), 8 * (len(parts) // 8 + 1)), dtype=np.int8)
    packed[:, 0] = 1
    for place, part in enumerate(parts, start=1):
        packed[:, place] = part
    return CourseDesign(ids, tuple(names), packed[:, 1 : len(parts) + 1], packed)


def _coded(values: NDArray[Any]) -> Coded:
    levels, codes = np.unique(values.astype(str), return_inverse=True)
    return Coded(codes, tuple(levels.tolist()))


def _check_known(name: str, values: NDArray[Any], ids: NDArray[Any]) -> None:
    unknown = np.flatnonzero(~np.isfinite(values))
    if len(unknown):
        raise FitError(f"{name} is missing for course {ids[unknown[0]]}.")


Rows = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
"""Course, window and score of some rows."""


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
    rows = np.asarray(course), np.asarray(window), np.asarray(score)
    _check_visits(visits)
    if not len({len(part) for part in rows}) == 1:
        raise FitError("Course, window and score must have one value for each row.")
    starts = _starts(rows[0])
    _check_ascending(rows[0].take(starts))
    return _sums_of_runs(rows, starts, courses, visits, missing)


def sums_from_pieces(
    pieces: Sequence[Callable[[], Rows]],
    courses: CourseDesign | None = None,
    *,
    visits: Sequence[int],
    missing: float | None = None,
    workers: int = 2,
) -> Sums:
    """The same from pieces of a sorted table, such as the row groups of a Parquet file.

    Each piece is a call that reads it; `workers` of them run at a time, so that memory holds no
    more pieces than workers. A course may run on from one piece into the next.
    """
    _check_visits(visits)

    def work(read: Callable[[], Rows]) -> tuple[Sums, Rows]:
        return _inside_and_edges(read(), courses, visits, missing)

    np.empty(KEPT_BYTES, dtype=np.uint8)
    with ThreadPoolExecutor(workers) as pool:
        done = list(pool.map(work, pieces))
    edges = [edge for _, edge in done if len(edge[0])]
    parts = [inside for inside, _ in done]
    if edges:
        course, window, score = (np.concatenate(part) for part in zip(*edges, strict=True))
        parts.append(
            sums_from_columns(course, window, score, courses, visits=visits, missing=missing)
        )
    return merge(parts) if parts else no_sums(tuple(visits), _names(courses))


def _inside_and_edges(
    rows: Rows, courses: CourseDesign | None, visits: Sequence[int], missing: float | None
) -> tuple[Sums, Rows]:
    """The sums of all courses but the first and last, and the rows of these two."""
    starts = _starts(rows[0])
    _check_ascending(rows[0].take(starts))
    if len(starts) < 3:
        return no_sums(tuple(visits), _names(courses)), rows
    first, last = int(starts[1]), int(starts[-1])
    inside = (rows[0][first:last], rows[1][first:last], rows[2][first:last])
    sums = _sums_of_runs(inside, starts[1:-1] - first, courses, visits, missing)
    course, window, score = (np.concatenate([part[:first], part[last:]]) for part in rows)
    return sums, (course, window, score)


def _sums_of_runs(
    rows: Rows,
    starts: Ints,
    courses: CourseDesign | None,
    visits: Sequence[int],
    missing: float | None,
) -> Sums:
    runs = rows[0].take(starts)
    known = courses or course_design(runs)
    place = _places(runs, known)
    sizes = np.diff(np.append(starts, len(rows[0])))
    names = _names(courses)
    parts = []
    for first in range(0, len(runs), AT_ONCE):
        last = min(first + AT_ONCE, len(runs))
        some = slice(starts[first], starts[last] if last < len(runs) else len(rows[0]))
        table, seen = rectangle(rows[1][some], rows[2][some], sizes[first:last], visits, missing)
        beside = _with_one(known, _part(place, first, last))
        parts.append(sums_of_rectangle(table, seen, beside, tuple(visits), names))
    return merge(parts) if parts else no_sums(tuple(visits), names)


def _names(courses: CourseDesign | None) -> tuple[str, ...]:
    return ("1", *courses.names) if courses else ("1",)


def _with_one(known: CourseDesign, part: Ints | slice) -> NDArray[Any]:
    """The 1 and the covariates of some courses: packed bytes, or else floats."""
    if known.packed is not None:
        return known.packed.view(np.int64)[part].view(np.int8)
    values = known.values[part]
    return np.column_stack([np.ones(len(values)), values])


def no_sums(visits: tuple[object, ...], covariates: tuple[str, ...]) -> Sums:
    """The sums of no course."""
    m, q = len(visits), len(covariates)
    none = np.zeros(0, dtype=np.int64)
    zz, zy, yy = np.zeros((0, q, q)), np.zeros((0, q, m)), np.zeros((0, m, m))
    return Sums(visits, covariates, none, none, zz, zy, yy)


def rectangle(
    window: NDArray[Any],
    score: NDArray[Any],
    sizes: Ints,
    visits: Sequence[int],
    missing: float | None,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """(courses, width) scores, 0 where there is none, and whether there is one.

    The first m columns are the visits; those after them, which fill up eights, mean nothing.
    """
    m, n = len(visits), len(sizes)
    width = 8 * (m // 8 + 1)
    column = _column_of(window, visits)
    absent = _absent(score, missing)
    if absent is not None:
        column[absent] = m
    score = score.astype(_small(score), copy=False)
    nothing = np.nan if score.dtype.kind == "f" else np.iinfo(score.dtype).min
    # One column too many takes whatever has no visit or no score.
    place = np.repeat(np.arange(0, n * width, width), sizes)
    place += column
    table = np.full(n * width, nothing, dtype=score.dtype)
    table[place] = score
    table = table.reshape(n, width)
    table[:, m] = nothing
    seen = table == table if score.dtype.kind == "f" else table != nothing
    if np.count_nonzero(seen) + np.count_nonzero(column == m) != len(place):
        raise FitError(_twice(place, width, visits))
    if table.dtype.kind == "f":
        return np.where(seen, table, 0.0), seen
    return table * seen, seen


def sums_of_rectangle(
    table: NDArray[Any],
    seen: NDArray[np.bool_],
    covariates: NDArray[Any],
    visits: tuple[object, ...],
    names: tuple[str, ...],
) -> Sums:
    """Sums of a `rectangle` and the covariates beside it, the 1 among them."""
    m, n, q = len(visits), len(table), len(names)
    bits = _bits(seen, m)
    order = np.argsort(bits, kind="stable")
    ranked = bits.take(order)
    bounds = np.append(np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1])), n)
    together, columns = _side_by_side(table, covariates, m, q)
    together = together.take(order, axis=0)
    if together.dtype == np.int64:
        together = together.view(np.int8).astype(_precision(table, covariates))
    products = np.empty((len(bounds) - 1, together.shape[1], together.shape[1]))
    for i, (first, last) in enumerate(pairwise(bounds)):
        part = together[first:last]
        products[i] = part.T @ part
    products = products[:, columns[:, None], columns]
    patterns = ranked[bounds[:-1]].astype(np.int64)
    kept = patterns != 0
    return Sums(
        visits,
        names,
        patterns[kept],
        np.diff(bounds)[kept].astype(np.int64),
        products[kept, :q, :q],
        products[kept, :q, q:],
        products[kept, q:, q:],
    )


def _side_by_side(
    table: NDArray[Any], covariates: NDArray[Any], m: int, q: int
) -> tuple[NDArray[Any], Ints]:
    """Covariates and scores in one row a course, and in which columns they stand."""
    if table.dtype != np.int8 or covariates.dtype != np.int8:
        return np.column_stack([covariates[:, :q], table[:, :m]]).astype(np.float64), np.arange(
            q + m
        )
    columns = np.append(np.arange(q), covariates.shape[1] + np.arange(m))
    return np.concatenate([covariates.view(np.int64), table.view(np.int64)], axis=1), columns


def _bits(seen: NDArray[np.bool_], m: int) -> NDArray[Any]:
    """(courses,): the pattern of each row, in the smallest whole numbers that hold m bits."""
    # Eight flags of a byte each become one byte: each product moves flag i to bit 56 + i.
    bytes_ = (seen.view(np.uint64) * np.uint64(0x0102040810204080)) >> np.uint64(56)
    kind = np.dtype(np.uint8 if m <= 8 else np.uint16 if m <= 16 else np.int64)
    bits = bytes_[:, 0].astype(kind)
    for group in range(1, (m + 7) // 8):
        bits |= bytes_[:, group].astype(kind) << kind.type(8 * group)
    return bits


def _small(values: NDArray[Any]) -> type:
    """Bytes where these are whole numbers that fit into one, else double precision."""
    if values.dtype.kind == "f":
        return np.float64
    fits = not values.size or (values.min() > -128 and values.max() < 128)
    return np.int8 if fits else np.float64


def _precision(table: NDArray[Any], covariates: NDArray[Any]) -> type:
    """Single precision where every sum of products of these whole numbers is exact in it."""
    largest = max(_largest(table), _largest(covariates), 1)
    return np.float32 if largest**2 * len(table) < EXACT_SINGLE else np.float64


def _largest(values: NDArray[Any]) -> int:
    return max(abs(int(values.max())), abs(int(values.min()))) if values.size else 0


def _absent(score: NDArray[Any], missing: float | None) -> NDArray[np.bool_] | None:
    absent = np.isnan(score) if score.dtype.kind == "f" else None
    if missing is None:
        return absent
    equal = np.asarray(score == missing)
    return equal if absent is None else equal | absent


def _column_of(window: NDArray[Any], visits: Sequence[int]) -> NDArray[Any]:
    """Which column a window has; column m for one that is no visit."""
    m, lowest, highest = len(visits), min(visits), max(visits)
    in_order = list(visits) == list(range(lowest, highest + 1))
    if in_order and len(window) and lowest <= window.min() and window.max() <= highest:
        return np.asarray(window - window.dtype.type(lowest))
    columns = np.full(highest - lowest + 3, m, dtype=np.int8)
    columns[np.asarray(visits) - lowest + 1] = np.arange(m)
    within = np.clip(window.astype(np.int64), lowest - 1, highest + 1) - (lowest - 1)
    return np.asarray(columns[within])


def _starts(ids: NDArray[Any]) -> Ints:
    if not len(ids):
        return np.zeros(0, dtype=np.int64)
    return np.append(0, np.flatnonzero(ids[1:] != ids[:-1]) + 1)


def _places(runs: NDArray[Any], known: CourseDesign) -> Ints | slice:
    """Where the courses of the rows stand among `known`."""
    if not len(runs):
        return slice(0, 0)
    first = int(np.searchsorted(known.course, runs[0]))
    last = int(np.searchsorted(known.course, runs[-1], side="right"))
    among = known.course[first:last]
    if len(among) == len(runs) and np.array_equal(among, runs):
        return slice(first, last)
    if 2 * len(runs) < len(among):
        place = np.searchsorted(among, runs)
        place = place[among[np.minimum(place, len(among) - 1)] == runs]
    else:  # two sorted runs, which a stable sort only merges: a third of the time of searching
        both = np.sort(np.concatenate([among, runs]), kind="stable")
        place = np.flatnonzero(both[1:] == both[:-1])
        place -= np.arange(len(place))
    if len(place) < len(runs):
        lost = runs[~np.isin(runs, among)][0]
        raise FitError(f"Course {lost} has visits but no covariates.")
    return np.asarray(place + first, dtype=np.int64)


def _part(place: Ints | slice, first: int, last: int) -> Ints | slice:
    if isinstance(place, slice):
        return slice(place.start + first, place.start + last)
    return np.asarray(place[first:last])


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


def _twice(place: Ints, width: int, visits: Sequence[int]) -> str:
    inside = place[place % width < len(visits)]
    places, counts = np.unique(inside, return_counts=True)
    visit = visits[int(places[counts > 1][0]) % width]
    return f"A course has two scores at visit {visit}: keep one."
