"""Do the studies of a file differ with something that stands in its columns? A meta-regression."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from enthesis.evidence.pool import Interval
from enthesis.evidence.ragged import StudyError, review
from enthesis.evidence.regression import regress
from enthesis.evidence.study_file import StudyLine
from enthesis.evidence.tau2 import Model


@dataclass(frozen=True, slots=True)
class Slope:
    """One coefficient: of a number per unit, of a category against the first one named."""

    name: str
    estimate: float
    se: float
    ci_low: float
    ci_high: float
    p: float


@dataclass(frozen=True, slots=True)
class Moderation:
    """The slopes, intercept first, and what they leave unexplained (`r2`, `i2` in percent).

    Studies were not randomised to their moderators: a slope is an observation.
    """

    slopes: tuple[Slope, ...]
    tau2: float
    r2: float
    i2: float
    q_residual: float
    q_residual_p: float
    q_moderators: float
    q_moderators_p: float


def moderation(
    lines: Sequence[StudyLine], columns: Sequence[str], model: Model, interval: Interval
) -> Moderation:
    """Regress the studies on columns of their file. Raises StudyError where that cannot be."""
    names, moderators = ["intercept"], []
    for column in columns:
        for name, values in _coded(column, [line.cells[column] for line in lines]):
            names.append(name)
            moderators.append(values)
    studies = review([s.estimate for s in lines], [s.variance for s in lines])
    found = regress(studies, np.column_stack(moderators), model, interval)
    numbers = zip(
        names, found.coefficients, found.se, found.ci_low, found.ci_high, found.p, strict=True
    )
    return Moderation(
        slopes=tuple(Slope(name, *map(float, rest)) for name, *rest in numbers),
        tau2=found.tau2,
        r2=found.r2,
        i2=found.i2,
        q_residual=found.q_residual,
        q_residual_p=found.q_residual_p,
        q_moderators=found.q_moderators,
        q_moderators_p=found.q_moderators_p,
    )


def _coded(column: str, cells: Sequence[str]) -> list[tuple[str, list[float]]]:
    """A number as it is; a category as one column of 0 and 1 for each but the first."""
    if "" in cells:
        raise StudyError(f"{column} is missing in row {cells.index('') + 1} of the studies used")
    try:
        return [(column, [float(cell) for cell in cells])]
    except ValueError:
        first, *others = dict.fromkeys(cells)
    if not others:
        raise StudyError(f"{column} is the same in every study")
    return [
        (f"{column} {one}, against {first}", [float(cell == one) for cell in cells])
        for one in others
    ]
