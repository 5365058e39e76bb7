"""What the silent could change: answers not given, and how bad they must be.

The repeated-measures model takes missing answers as missing at random: a silent course goes on
like courses that answered like it before. Nobody can see whether that is so. Here the silent are
taken to be worse by delta points at the visit than the model has them (a pattern-mixture model;
Carpenter & Kenward 2013, Multiple Imputation and its Application, ch. 10). The mean then moves by
delta times the share that is silent, in closed form: no imputation is drawn. The tipping point is
the smallest delta at which the interval no longer lies beyond the limit that the conclusion needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from enthesis.outcomes.answers import cells_of, fit_logistic
from enthesis.outcomes.degrees import contrasts
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.intervals import Interval, half_width
from enthesis.outcomes.repeated import Fitted

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """One group of a comparison: how its mean enters, and its answers at the visit.

    `weight`: 1 for the mean itself, −1 for the group that is taken away. `asked`: courses whose
    visit was due. `answered`: those with a score. `worse_by`: the share of delta that its silent
    are worse by, 1 unless they are taken as the model has them (0) or as better (−1).
    """

    weight: float
    asked: int
    answered: int
    worse_by: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.asked or not 0 <= self.answered <= self.asked:
            raise FitError(
                f"{self.answered} of {self.asked} cannot have answered: give how many were asked "
                "(at least one) and how many of them answered."
            )

    @property
    def silent(self) -> float:
        """The share that is silent."""
        return 1 - self.answered / self.asked


@dataclass(frozen=True, slots=True, eq=False)
class DeltaTable:
    """What is estimated if the silent are worse by each delta: arrays (d,).

    `tipping_point`: the smallest delta of 0 or more at which the conclusion fails; 0 if it fails as
    it is, None if it does not fail within `up_to`. `conclusion`: −1 estimates below the limit, 1
    above it, 0 neither.
    """

    delta: Floats
    estimate: Floats
    se: Floats
    low: Floats
    high: Floats
    holds: NDArray[np.bool_]
    limit: float
    conclusion: int
    tipping_point: float | None
    up_to: float


def delta_table(
    estimate: float,
    se: float,
    df: float,
    groups: Sequence[Group],
    deltas: ArrayLike,
    *,
    limit: float = 0.0,
    up_to: float = 10.0,
    level: float = 0.95,
) -> DeltaTable:
    """Shift an estimate (a change from baseline, a contrast) made missing at random.

    `deltas` in the units of the estimate, where higher scores are worse. `df` may be infinite.
    `limit`: what the interval must lie beyond, such as 0 or minus the worthwhile change. The share
    of the silent is itself estimated; its error is added. Raises FitError.
    """
    grid = np.atleast_1d(np.asarray(deltas, dtype=np.float64))
    if not np.isfinite([estimate, se]).all() or se < 0 or not df > 0:
        raise FitError("The estimate needs a finite standard error and degrees of freedom above 0.")
    if not groups or not np.isfinite(grid).all() or not up_to > 0:
        raise FitError("Give at least one group, finite deltas, and a largest delta above 0.")
    slope = sum(g.weight * g.worse_by * g.silent for g in groups)
    spread = sum((g.weight * g.worse_by) ** 2 * g.silent * (1 - g.silent) / g.asked for g in groups)
    reach = float(stdtrit(df, (1 + level) / 2)) if np.isfinite(df) else half_width(level)
    center = estimate + grid * slope
    error = np.sqrt(se**2 + grid**2 * spread)
    low, high = center - reach * error, center + reach * error
    side = -1 if estimate + reach * se < limit else 1 if estimate - reach * se > limit else 0
    holds = high < limit if side < 0 else low > limit if side > 0 else np.zeros(grid.shape, bool)
    tip = 0.0 if not side else _tipping(side * (estimate - limit), side * slope, se, spread, reach)
    shown = tip if tip is not None and tip <= up_to else None
    return DeltaTable(grid, center, error, low, high, np.asarray(holds), limit, side, shown, up_to)


def delta_of_fit(
    fitted: Fitted,
    row: ArrayLike,
    groups: Sequence[Group],
    deltas: ArrayLike,
    *,
    limit: float = 0.0,
    up_to: float = 10.0,
    level: float = 0.95,
) -> DeltaTable:
    """The same of one contrast `row` (p,) of a fitted repeated-measures model, which must have
    converged inside: elsewhere there are no degrees of freedom, and FitError says so."""
    if not fitted.has_degrees:
        raise FitError(fitted.note)
    found = contrasts(fitted, np.asarray(row, dtype=np.float64)[None], level=level)
    df = float(found.df[0])
    return delta_table(
        float(found.estimate[0]), float(found.se[0]), df, groups, deltas,
        limit=limit, up_to=up_to, level=level,
    )  # fmt: skip


def _tipping(ahead: float, slope: float, se: float, spread: float, reach: float) -> float | None:
    """The smallest delta > 0 with ahead + slope·δ = reach·√(se² + δ²·spread); None if never.

    `ahead`: how far the estimate lies beyond the limit, which is more than reach·se.
    """
    a, b = slope**2 - reach**2 * spread, 2 * ahead * slope
    c = ahead**2 - (reach * se) ** 2
    roots = np.roots([a, b, c]) if a else np.roots([b, c])
    real = np.real(roots[np.abs(np.imag(roots)) < 1e-9 * (1 + np.abs(roots))])
    # Squaring has added the roots at which the interval's other end meets the limit.
    real = [d for d in real if d > 0 and ahead + slope * d >= -1e-9 * (1 + ahead)]
    return float(min(real)) if real else None


@dataclass(frozen=True, slots=True, eq=False)
class Reasons:
    """What goes with silence: odds ratios (p,) with intervals, of each column but the constant."""

    names: tuple[str, ...]
    odds_ratio: Interval
    silent: int
    courses: int


def reasons_for_silence(
    design: ArrayLike, silent: ArrayLike, names: Sequence[str], level: float = 0.95
) -> Reasons:
    """Logistic regression of silence on what was known before it (last score, sessions, age …).

    `design`: (n, p) without a constant. An odds ratio other than 1 says that the silent differ in
    what we know of them; it cannot say that they do not differ in what we do not. Raises FitError.
    """
    table, gone = np.asarray(design, dtype=np.float64), np.asarray(silent)
    if table.ndim != 2 or gone.shape != table.shape[:1] or gone.dtype.kind != "b":
        raise FitError("Give one row, and silent yes or no, for each course.")
    rows, counts = cells_of(np.column_stack([np.ones(len(gone)), table]), gone, 2)
    fitted = fit_logistic(rows, counts[:, 1], counts.sum(axis=1), ("1", *names))
    middle, reach = fitted.coefficients[1:], half_width(level) * fitted.se[1:]
    ratio = Interval(np.exp(middle), np.exp(middle - reach), np.exp(middle + reach))
    return Reasons(tuple(names), ratio, int(gone.sum()), len(gone))
