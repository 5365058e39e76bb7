"""Model formulas for anybody's table, as the designs that the models need.

`ARMCD + SEX` names columns that explain the outcome; `ARMCD * AVISIT` lets one act differently at
each visit. The language is that of formulaic (R's, as statsmodels and patsy speak it). Words are
compared with a reference level, the first in order unless another is named.

A formula is worked out on a full grid, every course at every visit, so that the design of a course
is known also at the visits that it missed. Columns that change within a course count at the visits
where they were seen.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from formulaic import ModelSpec, model_matrix
from formulaic.errors import FormulaicError

from enthesis.outcomes.errors import FitError
from enthesis.outcomes.formula_errors import cannot_be_read, cannot_be_worked_out
from enthesis.outcomes.sums import Floats, Sums
from enthesis.outcomes.sums_from_columns import CourseDesign, sums_from_columns
from enthesis.outcomes.visit_design import VisitDesign

SHOWN = 5
"""So many rows are named in a message; more would hide the first."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a table are what. `references` names levels by column."""

    subject: str
    outcome: str
    fixed: str
    visit: str = ""
    time: str = ""
    references: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A table ready to fit: rows with an outcome only, words as categories, sorted by subject.

    `spec` makes the same design from other rows; `notes` say what was left out or assumed.
    """

    frame: pd.DataFrame
    matrix: pd.DataFrame
    spec: Any
    used: tuple[str, ...]
    notes: tuple[str, ...]


def prepare(table: pd.DataFrame, columns: Columns) -> Prepared:
    """Check a table and work out its design. Raises FitError naming what is wrong, and where."""
    _check_columns(table, columns)
    order = columns.visit or columns.time
    outcome = _numbers(table, columns.outcome)
    frame = table.assign(**{columns.outcome: outcome})
    kept = frame[outcome.notna()]
    notes = []
    if len(kept) < len(frame):
        notes.append(f"{len(frame) - len(kept)} of {len(frame)} rows have no {columns.outcome}")
    if not len(kept):
        raise FitError(f"No row has a {columns.outcome}.")
    used = _used(columns, kept)
    _refuse_gaps(kept, [columns.subject, order, *used])
    if columns.time:
        kept = kept.assign(**{columns.time: _numbers(kept, columns.time)})
    if columns.visit:
        _refuse_twice(kept, columns)
    kept, said = _with_levels(kept, used, columns)
    kept = kept.sort_values([columns.subject, order], kind="stable")
    matrix, spec = _matrix(columns.fixed, kept)
    return Prepared(kept, matrix, spec, used, (*notes, *said))


def visits_of(prepared: Prepared, columns: Columns) -> list[Any]:
    """The visits in order: numbers by size, words by the alphabet."""
    return sorted(prepared.frame[columns.visit].unique().tolist())


def sums_of(prepared: Prepared, columns: Columns) -> tuple[Sums, VisitDesign]:
    """The sums and the design of the repeated-measures model of a prepared table."""
    visits = visits_of(prepared, columns)
    frame = prepared.frame
    subject, first = np.unique(frame[columns.subject].to_numpy(), return_index=True)
    place = {visit: v for v, visit in enumerate(visits)}
    window = frame[columns.visit].map(place).to_numpy(dtype=np.int64)
    course = np.searchsorted(subject, frame[columns.subject].to_numpy())
    grid = _grid(prepared, columns, visits, first)
    cube = np.asarray(prepared.spec.get_model_matrix(grid), dtype=np.float64)
    cube = cube.reshape(len(subject), len(visits), -1)
    seen = np.zeros(cube.shape[:2], dtype=bool)
    seen[course, window] = True
    cube[course, window] = prepared.matrix.to_numpy()
    names, at, values = _factored(cube, seen)
    design = CourseDesign(np.arange(len(subject)), names, values)
    sums = sums_from_columns(
        course, window, frame[columns.outcome].to_numpy(), design, visits=range(len(visits))
    )
    labelled = Sums(tuple(visits), *(getattr(sums, n) for n in Sums.__slots__[1:]))
    return labelled, VisitDesign(tuple(map(str, prepared.matrix.columns)), at)


def grid_rows(prepared: Prepared, grid: pd.DataFrame) -> Floats:
    """(rows, p): the design of other rows, whose words must be known levels."""
    return np.asarray(prepared.spec.get_model_matrix(grid), dtype=np.float64)


def _check_columns(table: pd.DataFrame, columns: Columns) -> None:
    named = [columns.subject, columns.outcome, columns.visit or columns.time]
    named += list(columns.references or {})
    missing = [name for name in named if name not in table.columns]
    if missing:
        have = ", ".join(map(str, table.columns))
        raise FitError(*(f"There is no column {name}; there are {have}." for name in missing))


def _numbers(table: pd.DataFrame, name: str) -> "pd.Series[float]":
    """A column as numbers. Empty cells and NA are missing; anything else that is no number is an
    error, because a typing mistake must not become a missing answer."""
    values = pd.to_numeric(table[name], errors="coerce")
    wrong = table.index[values.isna() & table[name].notna()]
    if len(wrong):
        shown = ", ".join(f"row {i + 1} {table[name][i]!r}" for i in wrong[:SHOWN])
        raise FitError(f"{name} has cells that are no numbers: {shown}.")
    endless = table.index[np.isinf(values.to_numpy(dtype=float))]
    if len(endless):
        raise FitError(f"{name} is not finite in row {endless[0] + 1}.")
    return values


def _used(columns: Columns, table: pd.DataFrame) -> tuple[str, ...]:
    """The columns of the formula; FitError where it names something that is not there."""
    try:
        spec = ModelSpec.from_spec(columns.fixed)
    except (FormulaicError, SyntaxError, ValueError) as error:
        raise cannot_be_read(columns.fixed, error) from error
    if not isinstance(spec, ModelSpec):
        raise FitError(
            f"The formula {columns.fixed!r} has two sides or parts: give only what explains "
            f"{columns.outcome}, without ~ and |."
        )
    # The library overlooks what stands inside of scale(), center(), poly() and bs().
    inside = set(re.findall(r"[^\W\d]\w*\b(?!\s*\()", columns.fixed)) & set(table.columns)
    required = spec.required_variables | inside
    lost = sorted(str(name) for name in required if name not in table.columns)
    if lost:
        have = ", ".join(map(str, table.columns))
        raise FitError(*(f"The formula names {name}; there are {have}." for name in lost))
    return tuple(sorted(map(str, required)))


def _refuse_gaps(table: pd.DataFrame, names: Sequence[str]) -> None:
    problems = []
    for name in dict.fromkeys(names):
        gaps = table.index[table[name].isna()]
        if len(gaps):
            rows = ", ".join(str(i + 1) for i in gaps[:SHOWN])
            more = f" and {len(gaps) - SHOWN} more" if len(gaps) > SHOWN else ""
            problems.append(f"{name} is missing in row {rows}{more}: fill or remove these rows.")
    if problems:
        raise FitError(*problems)


def _refuse_twice(table: pd.DataFrame, columns: Columns) -> None:
    twice = table.index[table.duplicated([columns.subject, columns.visit])]
    if len(twice):
        row = table.loc[twice[0]]
        raise FitError(
            f"{columns.subject} {row[columns.subject]} has two rows at {row[columns.visit]}, the "
            f"second in row {twice[0] + 1}: keep one."
        )


def _with_levels(
    table: pd.DataFrame, used: Sequence[str], columns: Columns
) -> tuple[pd.DataFrame, list[str]]:
    """Words as categories, the reference first, and what was taken as reference unasked."""
    said, made = [], {}
    references = dict(columns.references or {})
    for name in used:
        wanted = references.get(name)
        if wanted is None and pd.api.types.is_numeric_dtype(table[name]):
            continue
        cells = table[name].astype(str)
        levels = sorted(cells.unique())
        if len(levels) < 2:
            raise FitError(f"{name} is {levels[0]} in every row: it explains nothing.")
        first = wanted if wanted is not None else levels[0]
        if first not in levels:
            raise FitError(f"{name} has no level {first}; it has {', '.join(levels)}.")
        ordered = [first, *(level for level in levels if level != first)]
        made[name] = pd.Categorical(cells, categories=ordered)
        if wanted is None and name != columns.visit:
            said.append(f"{name} is compared with {first}, the first in order")
    return table.assign(**made), said


def _matrix(fixed: str, table: pd.DataFrame) -> tuple[pd.DataFrame, Any]:
    try:
        matrix = model_matrix(fixed, table)
    except (FormulaicError, ValueError, TypeError, NameError) as error:
        words = [name for name in table if isinstance(table[name].dtype, pd.CategoricalDtype)]
        raise cannot_be_worked_out(fixed, error, words) from error
    rank = int(np.linalg.matrix_rank(np.asarray(matrix, dtype=np.float64)))
    if rank < matrix.shape[1]:
        raise FitError(
            f"The {matrix.shape[1]} columns of {fixed!r} depend on each other (rank {rank}): "
            "leave a column out that is constant or follows from others."
        )
    return pd.DataFrame(matrix), matrix.model_spec


def _grid(prepared: Prepared, columns: Columns, visits: Sequence[Any], first: Any) -> pd.DataFrame:
    """Every subject at every visit, with what its first row says of it."""
    known = prepared.frame.iloc[first]
    grid = known.loc[known.index.repeat(len(visits))].copy()
    repeated = np.tile(np.asarray(visits, dtype=object), len(known))
    column = prepared.frame[columns.visit]
    if isinstance(column.dtype, pd.CategoricalDtype):
        grid[columns.visit] = pd.Categorical(repeated, categories=column.cat.categories)
    else:
        grid[columns.visit] = pd.Series(repeated, index=grid.index).astype(column.dtype)
    return grid


def _factored(cube: Floats, seen: Any) -> tuple[tuple[str, ...], Floats, Floats]:
    """The design (courses, visits, p) as covariates of courses and how they act at visits.

    A column that is the same at all visits where it is not 0 everywhere is one covariate; any
    other is one covariate a visit. Equal covariates are kept once; the first is the constant.
    """
    courses, visits, p = cube.shape
    kept: dict[bytes, int] = {np.ones(courses).tobytes(): 0}
    values: list[Floats] = []
    acts: list[tuple[int, int, int]] = []
    for j in range(p):
        column = np.where(seen, cube[:, :, j], np.nan)
        used = [v for v in range(visits) if np.nansum(np.abs(column[:, v])) > 0]
        alike = cube[:, used[0], j] if used else np.zeros(courses)
        same = all(np.array_equal(cube[seen[:, v], v, j], alike[seen[:, v]]) for v in used)
        for v in used:
            own = alike if same else np.where(seen[:, v], cube[:, v, j], 0.0)
            own = np.ascontiguousarray(own, dtype=np.float64)
            place = kept.setdefault(own.tobytes(), len(kept))
            if place > len(values):
                values.append(own)
            acts.append((v, j, place))
    at = np.zeros((visits, p, len(kept)))
    for v, j, place in acts:
        at[v, j, place] = 1.0
    table = np.column_stack(values) if values else np.zeros((courses, 0))
    return tuple(f"z{a}" for a in range(1, len(kept))), at, table
