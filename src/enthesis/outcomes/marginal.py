"""Estimated marginal means: what the model expects at each level of a factor, others balanced.

Every combination of levels counts the same, numbers stand at their mean over the rows; these are
the conventions of R's emmeans and SAS's LSMEANS. Differences are against the reference level.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from enthesis.outcomes.errors import FitError
from enthesis.outcomes.formulas import Columns, Prepared, grid_rows, visits_of
from enthesis.outcomes.sums import Floats


@dataclass(frozen=True, slots=True, eq=False)
class MarginalRows:
    """Rows to multiply the coefficients with, and what each is: (rows, p) and their names."""

    names: tuple[str, ...]
    means: Floats
    difference_names: tuple[str, ...]
    differences: Floats


def marginal_rows(prepared: Prepared, columns: Columns, factor: str) -> MarginalRows:
    """The means of a factor of the formula, at each visit where the formula has visits."""
    frame = prepared.frame
    if factor not in prepared.used:
        have = ", ".join(prepared.used) or "nothing"
        raise FitError(f"The formula does not use {factor}; it uses {have}.")
    if not isinstance(frame[factor].dtype, pd.CategoricalDtype):
        raise FitError(f"{factor} holds numbers: means are made for words. Name a --reference.")
    levels = [str(level) for level in frame[factor].cat.categories]
    at_visits = columns.visit in prepared.used and columns.visit != factor
    visits: list[Any] = visits_of(prepared, columns) if at_visits else [None]
    names, means = [], {}
    for visit, level in product(visits, levels):
        means[visit, level] = _mean_row(prepared, columns, factor, level, visit)
        names.append(_name(factor, level, visit))
    differences, said = [], []
    for visit, level in product(visits, levels[1:]):
        differences.append(means[visit, level] - means[visit, levels[0]])
        said.append(_name(factor, f"{level} − {levels[0]}", visit))
    return MarginalRows(
        tuple(names), np.array([*means.values()]), tuple(said), np.array(differences)
    )


def _mean_row(prepared: Prepared, columns: Columns, factor: str, level: str, visit: Any) -> Floats:
    """The mean of the design over all combinations of the other words."""
    choices: dict[str, list[Any]] = {}
    for name in prepared.used:
        column = prepared.frame[name]
        if name == factor:
            choices[name] = [level]
        elif visit is not None and name == columns.visit:
            choices[name] = [visit]
        elif isinstance(column.dtype, pd.CategoricalDtype):
            choices[name] = list(column.cat.categories)
        else:
            choices[name] = [column.mean()]
    grid = pd.DataFrame(list(product(*choices.values())), columns=list(choices))
    for name in choices:
        dtype = prepared.frame[name].dtype
        if isinstance(dtype, pd.CategoricalDtype):
            grid[name] = pd.Categorical(grid[name], categories=dtype.categories)
    return np.asarray(grid_rows(prepared, grid).mean(axis=0))


def _name(factor: str, level: str, visit: Any) -> str:
    return f"{factor} {level}" + ("" if visit is None else f" at {visit}")
