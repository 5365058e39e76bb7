"""The random-slope model in coordinates in which rounding is harmless, and the way back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from enthesis.outcomes.concave import check_independent
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.slope_levels import LevelSums, sum_levels
from enthesis.outcomes.slope_likelihood import Point, likelihood
from enthesis.outcomes.slope_sums import (
    Floats,
    Rows,
    SlopeSums,
    condensed,
    share_times,
    sum_rows,
    unusable,
)


@dataclass(frozen=True, slots=True, eq=False)
class Standardised:
    """The sums in coordinates in which rounding is harmless, and the way back.

    Times are (t − centre) / unit. Design columns are turned by `turn` (p, p) into orthonormal ones;
    outcomes are what `first_fit` (p,), an ordinary regression, leaves, divided by `scale`.
    """

    sums: SlopeSums | LevelSums
    names: tuple[str, ...]
    rows: int
    courses: int
    centre: float
    unit: float
    turn: Floats
    first_fit: Floats
    scale: float

    def at(self, d: Floats, restricted: bool) -> Point | None:
        """The likelihood at D, which is in own units of time (3,): D₁₁, D₁₂, D₂₂."""
        return likelihood(self.sums, self.standard(d), restricted)

    def standard(self, d: Floats) -> Floats:
        """D in standard units of time, from own units."""
        back = np.linalg.inv(to_own_time(self.centre, self.unit))
        turned = back @ np.array([[d[0], d[1]], [d[1], d[2]]]) @ back.T
        return np.array([turned[0, 0], turned[0, 1], turned[1, 1]])

    def deviance(self, point: Point) -> float:
        """Minus twice the log-likelihood in the outcome's own units."""
        restricted = point.free < self.rows
        log_turn = float(np.linalg.slogdet(self.turn)[1]) if restricted else 0.0
        return point.deviance + 2 * point.free * float(np.log(self.scale)) - 2 * log_turn


def standardised(rows: Rows) -> Standardised:
    """One scan of the rows, and the checks that need its sums. Raises FitError."""
    centre, unit = time_scale(rows)
    step = max(1, len(rows.time) // 20_000)
    some = rows.design[::step].astype(np.float64)
    first_fit = np.zeros(some.shape[1])
    if np.isfinite(some).all() and np.isfinite(rows.outcome[::step]).all():
        usual = np.linalg.lstsq(some, rows.outcome[::step].astype(np.float64))[0]
        first_fit = np.asarray(usual, dtype=np.float64)
    sums = sum_levels(rows, centre, unit, first_fit) or sum_rows(rows, centre, unit, first_fit)
    _check_repeats(rows, sums.times)
    p = len(rows.names)
    squares = sums.squares
    turn = _orthonormal(squares[:p, :p], rows.names) * np.sqrt(len(rows.time))
    shift = turn @ turn.T @ squares[:p, p] / len(rows.time)
    by = np.eye(p + 1)
    by[:p, :p], by[:p, p] = turn, -shift
    left = float(by[:, p] @ squares @ by[:, p])
    scale = float(np.sqrt(max(left, 0.0) / len(rows.time)))
    if scale <= 1e-10 * float(np.std(rows.outcome[::step])) or not scale > 0:
        raise FitError("The design explains the outcome to the last digit: nothing is left to fit.")
    by[:, p] /= scale
    return Standardised(
        sums=_condensed(sums.transformed(by)),
        names=rows.names,
        rows=len(rows.time),
        courses=len(rows.starts),
        centre=centre,
        unit=unit,
        turn=turn,
        first_fit=first_fit + shift,
        scale=scale,
    )


def to_own_time(centre: float, unit: float) -> Floats:
    """(intercept, slope) in own units of time, from those in standard units."""
    return np.array([[1.0, -centre / unit], [0.0, 1.0 / unit]])


def time_scale(rows: Rows) -> tuple[float, float]:
    """About the mean and standard deviation of the times. Raises FitError if not all are finite."""
    some = rows.time[:: max(1, len(rows.time) // 20_000)]
    if not np.isfinite(some).all():
        unusable(rows)
    centre, unit = float(np.mean(some, dtype=np.float64)), float(np.std(some))
    return centre, unit or float(np.std(rows.time)) or 1.0


def _condensed(sums: SlopeSums | LevelSums) -> SlopeSums | LevelSums:
    if not share_times(sums.times):
        return sums
    return condensed(sums if isinstance(sums, SlopeSums) else sums.whole())


def _check_repeats(rows: Rows, times: Floats) -> None:
    n, _, spread = times
    differ = spread > 0
    if not differ.any():
        raise FitError("No course was seen at two different times: a slope cannot be fitted.")
    left = int(np.maximum(n - 1 - differ, 0).sum())
    if left == 0:
        raise FitError(
            f"{len(rows.starts)} courses with {len(rows.time)} observations: none has more than a "
            "line needs, so spread within a course cannot be told from spread between courses. "
            "Some courses must have three observations."
        )
    if len(rows.time) <= len(rows.names):
        raise FitError(f"{len(rows.time)} observations cannot give {len(rows.names)} coefficients.")


def _orthonormal(squares: Floats, names: Sequence[str]) -> Floats:
    """T with T'X'XT = 1. Raises FitError naming the columns that the others explain."""
    size = check_independent(squares, names)
    values, vectors = np.linalg.eigh(squares / np.outer(size, size))
    return np.asarray((vectors / np.sqrt(values)) / size[:, None])
