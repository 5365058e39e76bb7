"""Each course has its own line: a linear mixed model with random intercept and slope.

    outcome = design·β + b₀ + b₁·time + e,   (b₀, b₁) ~ N(0, G) per course,   e ~ N(0, σ²)

For courses seen at irregular times (scheduled visits are better served by the model with
unstructured covariance). G is unstructured. Fitted by restricted maximum likelihood (REML) or
maximum likelihood from a few sums per course; a million courses take about as long as reading them.

The numbers are lme4's at the same variances, and lmerTest's Satterthwaite df
(`tests/reference/mixed`). Where G is singular, which means that the data show no spread of lines in
some direction, df are undefined: NaN and `boundary`, never a number that looks like knowledge.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from enthesis.outcomes.errors import FitError
from enthesis.outcomes.slope_climb import climb, is_singular
from enthesis.outcomes.slope_levels import LevelSums
from enthesis.outcomes.slope_likelihood import Point, between, carried, likelihood
from enthesis.outcomes.slope_standard import Standardised, standardised, time_scale, to_own_time
from enthesis.outcomes.slope_sums import Floats, SlopeSums, rows_of, sum_rows

Method = Literal["reml", "ml"]

ENOUGH = 1e-15
"""Rest when Newton's step would lower the deviance by less per observation: rounding is larger."""
GUESS_BEYOND, GUESS_FROM_ONE_IN = 10_000, 25
"""A fit of more courses starts from the best variances of one course in so many."""


@dataclass(frozen=True, slots=True, eq=False)
class SlopesFit:
    """The fitted model; p coefficients.

    `names`, `coefficients`, `se`, `df`: (p,). `vcov`: (p, p) of the coefficients. `covariance`:
    (2, 2) G between courses, of intercept (at time 0) and slope. `residual_variance`: σ².
    `minus2_log_likelihood` is of the restricted likelihood for REML. `boundary`: G is singular.
    `vcov_slopes`: (4, p, p) derivatives of `vcov` in the variance parameters, and
    `parameter_covariance`: (4, 4) of these; what Satterthwaite's df are made of.
    """

    names: tuple[str, ...]
    coefficients: Floats
    se: Floats
    vcov: Floats
    df: Floats
    covariance: Floats
    residual_variance: float
    minus2_log_likelihood: float
    boundary: bool
    n_subjects: int
    n_observations: int
    method: Method
    vcov_slopes: Floats
    parameter_covariance: Floats

    def contrast_df(self, contrast: ArrayLike) -> float:
        """Satterthwaite df of Σ contrast·β; NaN at the boundary. `contrast` is (p,)."""
        weights = np.asarray(contrast, dtype=np.float64)
        slope = self.vcov_slopes @ weights @ weights
        variance = weights @ self.vcov @ weights
        return float(2 * variance**2 / (slope @ self.parameter_covariance @ slope))


@dataclass(frozen=True, slots=True, eq=False)
class CourseLines:
    """How far each course's line lies from the mean line, shrunk (best linear unbiased prediction).

    `subjects`: (k,). `deviations`: (k, 2) of intercept and slope. `covariance`: (k, 2, 2), of the
    true deviations given the answers, the coefficients and variances taken as known.
    """

    subjects: NDArray[Any]
    deviations: Floats
    covariance: Floats


def fit_slopes(
    subject: ArrayLike,
    time: ArrayLike,
    outcome: ArrayLike,
    design: ArrayLike,
    names: Sequence[str],
    method: Method = "reml",
) -> SlopesFit:
    """Fit outcome ~ design + (1 + time | subject).

    One entry per observation: `subject` any labels, `time` and `outcome` numbers, `design` of shape
    (rows, p) with a column for the constant and one for time where the mean shall have them;
    `names` of its p columns. Fastest where the rows are sorted by subject.

    Raises FitError for values that are not finite, columns that depend on each other, times that
    do not differ within a course, and too few repeated observations to tell spread between
    courses from spread within one.
    """
    if method not in ("reml", "ml"):
        raise FitError(f"The method is 'reml' or 'ml', not {method!r}.")
    standard = standardised(rows_of(subject, time, outcome, design, names))
    best = _best(standard, restricted=method == "reml")
    return _in_own_units(standard, best, method)


def course_lines(
    fit: SlopesFit, subject: ArrayLike, time: ArrayLike, outcome: ArrayLike, design: ArrayLike
) -> CourseLines:
    """The lines of the courses given here, whether they were in the fit or are new.

    Columns as in `fit_slopes`; the design must have the fit's columns.
    """
    rows = rows_of(subject, time, outcome, design, fit.names)
    centre, unit = time_scale(rows)
    sums = sum_rows(rows, centre, unit, fit.coefficients)
    own = to_own_time(centre, unit)
    back = np.linalg.inv(own)
    matrix = back @ fit.covariance @ back.T / fit.residual_variance
    k, w, _ = between(sums.times, np.array([matrix[0, 0], matrix[0, 1], matrix[1, 1]]))
    _, pulled = carried(sums.times, k, sums.u[:, -1:])
    known = np.moveaxis(w[[[0, 1], [1, 2]]], 2, 0)
    left = fit.residual_variance * (matrix - matrix @ known @ matrix)
    return CourseLines(
        subjects=rows.subjects,
        deviations=pulled[:, 0].T @ (own @ matrix).T,
        covariance=own @ left @ own.T,
    )


def _best(standard: Standardised, restricted: bool) -> Point:
    """The point of highest likelihood; large sets start from the best one of a subsample."""
    point = _climbed(standard.sums, restricted)
    if point is None:
        raise FitError(
            "The likelihood has no maximum that could be found: too little is repeated within "
            "courses, or the outcome lies on the courses' lines to the last digit."
        )
    return point


def _climbed(sums: SlopeSums | LevelSums, restricted: bool) -> Point | None:
    start = np.array([0.5, 0.0, 0.5])
    if sums.size > GUESS_BEYOND:
        guess = _climbed(sums.every(GUESS_FROM_ONE_IN), restricted)
        if guess is not None:
            # A little off the boundary, where a first guess may lie but the best point need not.
            start = guess.d + 1e-4 * np.array([1.0, 0, 1.0])
    return climb(lambda d: likelihood(sums, d, restricted), start, ENOUGH * sums.rows)


def _in_own_units(standard: Standardised, point: Point, method: Method) -> SlopesFit:
    p = len(standard.names)
    turn, scale = standard.turn, standard.scale
    variance = point.rss / point.free
    inverse = turn @ point.a_inverse @ turn.T
    slopes = turn @ -(point.a_inverse @ point.a_slopes @ point.a_inverse) @ turn.T
    vcov = scale**2 * variance * inverse
    vcov_slopes = scale**2 * np.concatenate([variance * slopes, inverse[None]])
    boundary = is_singular(point.d)
    own = to_own_time(standard.centre, standard.unit)
    d = own @ np.array([[point.d[0], point.d[1]], [point.d[1], point.d[2]]]) @ own.T
    fit = SlopesFit(
        names=standard.names,
        coefficients=standard.first_fit + scale * turn @ point.beta,
        se=np.sqrt(np.diagonal(vcov)),
        vcov=vcov,
        df=np.full(p, np.nan),
        covariance=scale**2 * variance * d,
        residual_variance=scale**2 * variance,
        minus2_log_likelihood=standard.deviance(point),
        boundary=boundary,
        n_subjects=standard.courses,
        n_observations=standard.rows,
        method=method,
        vcov_slopes=vcov_slopes,
        parameter_covariance=_parameter_covariance(point, variance, boundary),
    )
    fit.df[:] = [fit.contrast_df(row) for row in np.eye(p)]
    return fit


def _parameter_covariance(point: Point, variance: float, boundary: bool) -> Floats:
    """(4, 4) of D₁₁, D₁₂, D₂₂, σ²: twice the inverse of the deviance's second derivatives."""
    hessian = np.empty((4, 4))
    hessian[:3, :3] = point.log_hessian + point.rss_hessian / variance
    hessian[:3, 3] = hessian[3, :3] = -point.rss_gradient / variance**2
    hessian[3, 3] = point.free / variance**2
    if boundary or not np.all(np.linalg.eigvalsh(hessian) > 0):
        return np.full((4, 4), np.nan)
    return np.asarray(2 * np.linalg.inv(hessian))
