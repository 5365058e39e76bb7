"""Units beside what chance alone would give: conditions, protocols, solutions, clinicians, clinics.

Never a league table: units stand by name, and one beyond the outer limit is a question. Allowed for
is what was recorded of the case mix: condition, age, sex and pain at the start.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from enthesis.charts.funnel import FunnelData, Limit, Unit, funnel_svg, funnel_table
from enthesis.outcomes import cohort
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.funnel import NO_SPREAD, Funnel, chance_limits, funnel
from enthesis.outcomes.sections.parts import Asked, Figure, Section
from enthesis.outcomes.sections.tellable import KINDS, LEVEL, tellable

Floats = NDArray[np.float64]
MIX = ("condition", cohort.DECADE, "sex", "baseline")
OUTCOME = (
    f"Reached {LEVEL} % relief at the last answer, of all who began, lost counted as not reached"
)
MEASURE = f"{OUTCOME}; allowed for condition, age, sex and pain at the start"
NOT_ALLOWED = f"{OUTCOME}; as counted, case mix not allowed for"
UNITS = ("condition", "protocol", "solution", "clinician", "clinic")
NOTE = (
    "In name order: this is no ranking. Shrunk: drawn towards all the more, the smaller the unit "
    "is. Nothing that was not recorded is allowed for, so that a difference has no known cause."
)


def funnels(asked: Asked) -> tuple[Section, ...]:
    """A funnel for each kind of unit of which there are two or more."""
    found = []
    for kind in UNITS:
        columns = KINDS[kind][0]
        by = tuple(dict.fromkeys((*columns, *MIX)))
        rows = cohort.at_last(asked.registry, by, (LEVEL,)).to_pylist()
        rows = [row for row in rows if row[columns[-1]] is not None]
        names = {tuple(row[c] for c in columns) for row in rows}
        if len(names) > 1:
            found.append(_section(asked, kind, rows, columns))
    return tuple(found)


def case_mix(
    rows: list[dict[str, Any]], yes: Sequence[int], total: Sequence[int], without: str = ""
) -> tuple[Floats, tuple[str, ...]]:
    """One row for each cell: condition, age in decades, sex, pain at the start, what is unknown.

    `yes` of `total` courses of each cell have the outcome. Left out is a column that says what
    others say already, and one whose courses all ended alike: its odds would be infinite. What is
    unknown then stands at the mean.
    """
    n, hits = np.asarray(total, dtype=np.float64), np.asarray(yes, dtype=np.float64)
    columns: dict[str, list[float]] = {}
    for name in sorted({row["condition"] for row in rows})[1:] if without != "condition" else []:
        columns[f"condition {name}"] = [row["condition"] == name for row in rows]
    columns["female"] = [row["sex"] == "female" for row in rows]
    columns["sex not recorded"] = [row["sex"] is None for row in rows]
    for name, values in (
        ("age, decades", [row[cohort.DECADE] for row in rows]),
        ("pain at the start", [row["baseline"] for row in rows]),
    ):
        known = np.array([value is not None for value in values])
        at = np.array([value or 0 for value in values], dtype=np.float64)
        mean = float(n[known] @ at[known] / n[known].sum()) if known.any() else 0.0
        columns[name] = np.where(known, at, mean).tolist()
        columns[f"{name.split(',')[0]} not known"] = (~known).tolist()
    kept, names = np.ones((len(rows), 1)), []
    for name, column in columns.items():
        each = np.asarray(column, dtype=np.float64)
        if set(np.unique(each)) <= {0.0, 1.0} and not 0 < hits @ each < n @ each:
            continue
        wider = np.column_stack([kept, each])
        if np.linalg.matrix_rank(wider.T @ wider) == wider.shape[1]:
            kept = wider
            names.append(name)
    return kept[:, 1:], tuple(names)


def _section(
    asked: Asked, kind: str, rows: list[dict[str, Any]], columns: tuple[str, ...]
) -> Section:
    uid, many = f"by-{kind}", f"{kind}s"
    several = len({row["clinic"] for row in rows}) > 1 if kind == "clinician" else False
    labels = [_label(asked, kind, row, several) for row in rows]
    may = tellable(asked, kind)
    kept = [at for at, row in enumerate(rows)
            if may is None or tuple(row[c] for c in columns) in may]  # fmt: skip
    left_out = len(set(labels)) - len({labels[at] for at in kept})
    if len(set(labels)) - left_out < 2:
        finding = f"Too few courses to compare {many}"
        return Section(uid, finding, MEASURE, asked.source)
    rows, names_of = [rows[at] for at in kept], np.array([labels[at] for at in kept])
    sizes, yes = [row["began"] for row in rows], [row[f"reached_{LEVEL}"] for row in rows]
    mix, names = case_mix(rows, yes, sizes, without=kind)
    place = np.repeat(np.arange(len(rows)), sizes)
    hits = np.concatenate([np.arange(n) < hit for n, hit in zip(sizes, yes, strict=True)])
    notes, measure = [NOTE], MEASURE
    if left_out:
        notes.append(
            f"{left_out} with so few courses that somebody might be recognised are left out."
        )
    try:
        fitted = funnel(names_of[place], hits, mix[place], names)
    except FitError as cannot:
        try:
            fitted = funnel(names_of[place], hits)
        except FitError as why:
            finding = f"Too few courses, or all alike: {many} cannot be compared"
            return Section(uid, finding, NOT_ALLOWED, asked.source, notes=why.problems)
        notes.insert(0, f"Case mix is not allowed for: {cannot}")
        measure = NOT_ALLOWED
    if fitted.precision >= NO_SPREAD:
        notes.append("They differ no more than chance makes them: shrunk, all are alike.")
    if np.any((fitted.adjusted < 0) | (fitted.adjusted > 1)):
        notes.append("Small units whose adjusted share would lie beyond 0 or 100 stand at the end.")
    data = _data(fitted, many)
    figure = Figure(funnel_svg(data, "wide", uid), funnel_svg(data, "narrow", uid))
    return Section(uid, data.title, measure, asked.source, funnel_table(data), figure, tuple(notes))


def _data(fitted: Funnel, many: str) -> FunnelData:
    # Limits at two sizes or more are drawn, however small all units are.
    largest = max(int(fitted.courses.max()), 4)
    sizes = np.unique(np.geomspace(max(2, fitted.courses.min() / 2), largest, 40).round())
    limits = chance_limits(fitted.overall, sizes)
    units = tuple(
        Unit(
            str(name), int(fitted.courses[at]), float(np.clip(fitted.adjusted[at], 0, 1)),
            bool(fitted.outside[at]), float(fitted.shrunk[at]), float(fitted.low[at]),
            float(fitted.high[at]),
        )
        for at, name in enumerate(fitted.units)
    )  # fmt: skip
    if fitted.precision >= NO_SPREAD:
        units = tuple(replace(unit, low=None, high=None) for unit in units)
    outside = [unit.name for unit in units if unit.outside]
    title = f"Of {len(units)} {many}, " + (
        f"{len(outside)} lie beyond what chance alone would give: ask why" if len(outside) > 1
        else f"{outside[0]} lies beyond what chance alone would give: ask why" if outside
        else "none lies beyond what chance alone would give"
    )  # fmt: skip
    drawn = tuple(Limit(float(n), *map(float, row)) for n, row in zip(sizes, limits, strict=True))
    return FunnelData(title, f"reached {LEVEL} % relief", fitted.overall, units, drawn)


def _label(asked: Asked, kind: str, row: dict[str, Any], several: bool) -> str:
    """What a unit is called on a page."""
    if kind == "clinician":
        if name := asked.clinicians.get(row["clinician"]):
            return name
        own = f"clinician {row['clinician']}"
        return f"Clinic {row['clinic']}, {own}" if several else own.capitalize()
    value = row[kind]
    if kind == "clinic":
        return f"Clinic {value}"
    # By their last version: courses of a protocol that was retired are still courses of it.
    protocols = {id: one for (id, _), one in asked.known.protocol_versions.items()}
    known = asked.known.conditions if kind == "condition" else protocols
    found = known.get(value) if kind in ("condition", "protocol") else None
    return found.name if found else str(value)
