"""Meta-regression: do the studies differ with something that was measured?

One review at a time, with a matrix of moderators. The same estimators as in `tau2`, now about a
regression line; without moderators the answers are those of `pool`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, fdtrc

from enthesis.evidence.pool import Interval, critical_value, two_sided_p
from enthesis.evidence.ragged import Floats, Ints, Studies, StudyError
from enthesis.evidence.tau2 import Model, highest_maximum, score_ceiling, solve

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Regression:
    """Coefficients (intercept first) and what the moderators leave unexplained.

    Arrays of shape (moderators + 1,). `q_moderators` is a χ² with `df[0]` degrees of freedom for
    Wald, an F with `df` for Hartung–Knapp; it tests all moderators together. `r2` is the share
    of τ² that they explain, in percent, or NaN where there was none to explain.
    """

    coefficients: Floats
    se: Floats
    ci_low: Floats
    ci_high: Floats
    p: Floats
    covariance: Matrix
    tau2: float
    r2: float
    i2: float
    q_residual: float
    q_residual_p: float
    q_moderators: float
    q_moderators_p: float
    df: tuple[int, int]


def regress(
    studies: Studies,
    moderators: ArrayLike,
    model: Model = Model.REML,
    interval: Interval = Interval.HK,
    level: float = 0.95,
) -> Regression:
    """Regress the effects of one review on its `moderators`, shape (studies, moderators).

    Raises StudyError when the moderators are redundant or leave no degree of freedom.
    """
    line = Line(studies, _with_intercept(studies, moderators))
    tau2 = line.between_study_variance(model)
    weights = 1 / (studies.variances + tau2)
    bread = line.bread(weights)
    coefficients = bread @ (line.design.T @ (weights * studies.estimates))
    residual_squares = float(weights @ (studies.estimates - line.design @ coefficients) ** 2)
    covariance = bread * _dispersion(residual_squares / line.df, interval)
    se = np.sqrt(np.diag(covariance))
    df = np.full(len(se), line.df, dtype=np.intp)
    half_width = critical_value(df, interval, level) * se
    q, q_p = _moderator_test(coefficients, covariance, line.df, interval)
    q_residual = line.q(0.0)
    return Regression(
        coefficients=coefficients,
        se=se,
        ci_low=coefficients - half_width,
        ci_high=coefficients + half_width,
        p=two_sided_p(coefficients / se, df, interval),
        covariance=covariance,
        tau2=tau2,
        r2=_explained(studies, tau2, model),
        i2=_inconsistency(line, tau2, q_residual, model),
        q_residual=q_residual,
        q_residual_p=float(chdtrc(line.df, q_residual)),
        q_moderators=q,
        q_moderators_p=q_p,
        df=(len(se) - 1, line.df),
    )


class Line:
    """One review with its design matrix, and the projections that every estimator needs."""

    def __init__(self, studies: Studies, design: Matrix) -> None:
        self.studies = studies
        self.design = design
        self.df = int(design.shape[0] - design.shape[1])

    def between_study_variance(self, model: Model) -> float:
        """τ² left about the line; 0 where no degree of freedom is left to see any."""
        return _tau2(self, model) if self.df > 0 else 0.0

    def bread(self, weights: Floats) -> Matrix:
        """(X'WX)⁻¹."""
        return np.asarray(np.linalg.inv((self.design.T * weights) @ self.design))

    def projection(self, tau2: float) -> Matrix:
        """P = W − WX(X'WX)⁻¹X'W."""
        weights = 1 / (self.studies.variances + tau2)
        weighted = weights[:, None] * self.design
        return np.asarray(np.diag(weights) - weighted @ self.bread(weights) @ weighted.T)

    def q(self, tau2: float) -> float:
        """Weighted residual sum of squares about the weighted line."""
        y = self.studies.estimates
        return float(y @ self.projection(tau2) @ y)

    def precision(self) -> float:
        """Trace of P at τ² = 0."""
        return float(np.trace(self.projection(0.0)))

    def plain_squares(self) -> Floats:
        """Residual sum of squares of the unweighted line, shape (1,)."""
        fit, *_ = np.linalg.lstsq(self.design, self.studies.estimates, rcond=None)
        return np.array([np.sum((self.studies.estimates - self.design @ fit) ** 2)])


def _with_intercept(studies: Studies, moderators: ArrayLike) -> Matrix:
    """The design matrix; refuses moderators from which nothing can be learnt."""
    columns = np.asarray(moderators, dtype=np.float64)
    k = studies.estimates.size
    if columns.ndim != 2 or len(columns) != k or not np.isfinite(columns).all():
        raise StudyError("moderators must be a finite number per study and moderator")
    design = np.column_stack([np.ones(k), columns])
    if k <= design.shape[1]:
        raise StudyError(f"{k} studies are too few for {columns.shape[1]} moderators")
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise StudyError("a moderator is constant or follows from the others")
    return design


def _tau2(line: Line, model: Model) -> float:
    if model is Model.COMMON:
        return 0.0
    if model is Model.DL:
        excess = line.q(0.0) - line.df
        return max(0.0, excess / line.precision())
    if model is Model.PM:
        return _paule_mandel(line)
    return _likeliest(line, restricted=model is Model.REML)


def _paule_mandel(line: Line) -> float:
    if line.q(0.0) <= line.df:
        return 0.0
    variances = line.studies.variances
    scale = line.plain_squares() / line.df
    low = np.maximum(0.0, scale - variances.max())
    high = np.maximum(low, scale - variances.min())

    def curve(_: Studies, tau2: Floats) -> tuple[Floats, Floats]:
        p = line.projection(float(tau2[0]))
        pulled = p @ line.studies.estimates
        q = line.studies.estimates @ pulled
        slope = -line.df * (pulled @ pulled) / q**2
        return np.array([1 - line.df / q]), np.array([slope])

    return float(solve(line.studies, curve, low, high)[0])


def _likeliest(line: Line, restricted: bool) -> float:
    y, design = line.studies.estimates, line.design

    def curve_at(tau2: float) -> tuple[float, float, float]:
        """Score, its slope and its negative part."""
        p = line.projection(tau2)
        pulled = p @ y
        weights = 1 / (line.studies.variances + tau2)
        if restricted:
            size, turn = float(np.trace(p)), float(np.sum(p * p))
        else:
            size, turn = float(weights.sum()), float(weights @ weights)
        return float(pulled @ pulled) - size, turn - 2 * float(pulled @ p @ pulled), size

    def height_at(tau2: float) -> float:
        weights = 1 / (line.studies.variances + tau2)
        height = 0.5 * float(np.sum(np.log(weights))) - 0.5 * line.q(tau2)
        if restricted:
            height -= 0.5 * float(np.linalg.slogdet((design.T * weights) @ design)[1])
        return height

    def curve(_: Studies, tau2: Floats) -> tuple[Floats, Floats]:
        values, slopes, _sizes = zip(*(curve_at(float(t)) for t in tau2), strict=True)
        return np.array(values), np.array(slopes)

    def score(_: Studies, tau2: Floats) -> Floats:
        values, _slopes, sizes = zip(*(curve_at(float(t)) for t in tau2), strict=True)
        return np.asarray(np.array(values) / np.array(sizes))

    def height(_: Studies, tau2: Floats) -> Floats:
        return np.array([height_at(float(t)) for t in tau2])

    df: Ints = np.array([line.df], dtype=np.intp)
    ceiling = score_ceiling(line.studies, line.plain_squares(), df)
    return float(highest_maximum(line.studies, score, curve, height, ceiling)[0])


def _dispersion(mean_square: float, interval: Interval) -> float:
    """Knapp & Hartung's (2003) factor on the covariance."""
    if interval is Interval.WALD:
        return 1.0
    if interval is Interval.HK_ADHOC:
        return max(1.0, mean_square)
    # A line through every study leaves nothing to estimate the factor from (as in `pool`).
    return mean_square if mean_square > np.finfo(np.float64).eps else float("nan")


def _moderator_test(
    coefficients: Floats, covariance: Matrix, df: int, interval: Interval
) -> tuple[float, float]:
    slopes, tested = coefficients[1:], len(coefficients) - 1
    if tested == 0:
        return float("nan"), float("nan")
    q = float(slopes @ np.linalg.solve(covariance[1:, 1:], slopes))
    if interval is Interval.WALD:
        return q, float(chdtrc(tested, q))
    return q / tested, float(fdtrc(tested, df, q / tested))


def _explained(studies: Studies, tau2: float, model: Model) -> float:
    if model is Model.COMMON:
        return float("nan")
    alone = Line(studies, np.ones((studies.estimates.size, 1))).between_study_variance(model)
    return max(0.0, 100 * (alone - tau2) / alone) if alone > 0 else float("nan")


def _inconsistency(line: Line, tau2: float, q_residual: float, model: Model) -> float:
    if model is Model.COMMON:
        return max(0.0, 100 * (q_residual - line.df) / q_residual)
    typical = line.df / line.precision()
    return 100 * tau2 / (tau2 + typical)
