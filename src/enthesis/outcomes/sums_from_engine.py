"""The same sums from any engine that Ibis speaks to, as one group-by expression.

Courses are laid side by side (one column a visit), the missing visits make the pattern, and every
product is summed within it, by the engine, where the data lie: only the sums travel. Whole numbers
stay whole, so that the result equals that of `sums_from_columns` to the bit.
"""

from collections.abc import Callable, Sequence
from operator import methodcaller
from typing import Any

import numpy as np

from enthesis.outcomes.errors import FitError
from enthesis.outcomes.sums import MOST_VISITS, Sums
from enthesis.outcomes.sums_from_columns import no_sums


def sums_expression(
    rows: Any,
    courses: Any | None = None,
    covariates: Sequence[str] = (),
    *,
    visits: Sequence[int],
    course: str = "course",
    window: str = "window",
    score: str = "pain",
) -> Any:
    """The Ibis expression behind `sums_from_engine`: one row for each pattern."""
    import ibis

    if not 1 <= len(visits) <= MOST_VISITS:
        raise FitError(f"Give 1 to {MOST_VISITS} visits, not {len(visits)}.")
    used = rows.filter(rows[window].isin(list(visits)) & rows[score].notnull())
    side_by_side = used.group_by(course).aggregate(
        **{f"y{v}": used[score].max(where=used[window] == at) for v, at in enumerate(visits)},
        scores=used.count(),
    )
    if courses is not None and covariates:
        named = {f"z{a}": courses[name] for a, name in _from_1(covariates)}
        chosen = courses.select(known=courses[course], **named)
        side_by_side = side_by_side.left_join(chosen, side_by_side[course] == chosen.known)
    else:
        side_by_side = side_by_side.mutate(known=side_by_side[course])
    there = [side_by_side[f"y{v}"].notnull().cast("int64") for v in range(len(visits))]
    nothing = ibis.literal(0, "int64")
    side_by_side = side_by_side.mutate(
        pattern=sum((flag * (1 << v) for v, flag in enumerate(there)), nothing),
        seen=sum(there, nothing),
    )
    terms = {f"z{a}": side_by_side[f"z{a}"] for a, _ in _from_1(covariates)}
    terms |= {f"y{v}": side_by_side[f"y{v}"].fill_null(0) for v in range(len(visits))}
    wide = {name: _wide(term) for name, term in terms.items()}
    sums = {f"s_{name}": term.sum() for name, term in wide.items()}
    for i, (first, left) in enumerate(wide.items()):
        for second, right in list(wide.items())[i:]:
            sums[f"s_{first}_{second}"] = (left * right).sum()
    return side_by_side.group_by("pattern").aggregate(
        courses=side_by_side.count(),
        twice=(side_by_side.scores - side_by_side.seen).sum(),
        unknown=_any_null([side_by_side.known, *terms.values()]).cast("int64").sum(),
        **sums,
    )


def sums_from_engine(
    rows: Any,
    courses: Any | None = None,
    covariates: Sequence[str] = (),
    *,
    visits: Sequence[int],
    course: str = "course",
    window: str = "window",
    score: str = "pain",
    ask: Callable[[Any], Any] = methodcaller("to_pyarrow"),
) -> Sums:
    """Sums of Ibis tables: `rows` one a visit, `courses` one a course with numeric `covariates`.

    A factor enters as columns of 0 and 1 made by the engine (`courses.mutate(...)`). Rows of other
    windows and without a score are left out. `ask` gives the rows of an expression. Raises FitError
    for two scores of a course at one visit and for courses without covariates.
    """
    expression = sums_expression(
        rows, courses, covariates, visits=visits, course=course, window=window, score=score
    )
    table = ask(expression).sort_by("pattern").to_pylist()
    if any(line["twice"] for line in table):
        raise FitError("A course has two scores at one visit: keep one.")
    lost = sum(line["unknown"] for line in table)
    if lost:
        raise FitError(f"{lost} courses with visits lack a covariate: {', '.join(covariates)}.")
    if not table:
        return no_sums(tuple(visits), ("1", *covariates))
    q, m = 1 + len(covariates), len(visits)
    names = [f"z{a}" for a, _ in _from_1(covariates)] + [f"y{v}" for v in range(m)]
    products = np.zeros((len(table), q + m, q + m))
    for line, product in zip(table, products, strict=True):
        product[0, 0] = line["courses"]
        for i, first in enumerate(names, start=1):
            product[0, i] = product[i, 0] = float(line[f"s_{first}"])
            for j, second in enumerate(names[i - 1 :], start=i):
                product[i, j] = product[j, i] = float(line[f"s_{first}_{second}"])
    return Sums(
        tuple(visits),
        ("1", *covariates),
        np.array([line["pattern"] for line in table], dtype=np.int64),
        np.array([line["courses"] for line in table], dtype=np.int64),
        products[:, :q, :q],
        products[:, :q, q:],
        products[:, q:, q:],
    )


def _from_1(names: Sequence[str]) -> list[tuple[int, str]]:
    return list(enumerate(names, start=1))


def _wide(column: Any) -> Any:
    """Whole numbers as 64-bit ones, so that no product of small ones overflows."""
    return column.cast("int64") if column.type().is_integer() else column.cast("float64")


def _any_null(columns: Sequence[Any]) -> Any:
    found = columns[0].isnull()
    for column in columns[1:]:
        found = found | column.isnull()
    return found
