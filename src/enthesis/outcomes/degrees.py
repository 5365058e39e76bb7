"""Degrees of freedom: Satterthwaite, and Kenward and Roger.

The variance of a contrast l'β̂ is itself estimated, through Σ. Satterthwaite gives the t
distribution whose spread fits the uncertainty of that variance. Kenward and Roger also widen the
covariance of the coefficients for what estimating Σ costs in small samples; for one contrast their
df are those of Satterthwaite. Σ is linear in its elements, so the term with its second derivatives
is zero (SAS; mmrm's "Kenward-Roger-Linear"; pbkrtest).

How uncertain Σ is can be read from the observed curvature of the likelihood (SAS and mmrm for both
methods, lmerTest) or from its expectation (pbkrtest). The observed one is the default here; with
scores missing at random it is also the one that does not assume them missing completely at random.
Sources: Fai & Cornelius (1996), J Stat Comput Simul 54:363; Kenward & Roger (1997), Biometrics
53:983.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from enthesis.outcomes.errors import FitError
from enthesis.outcomes.likelihood import (
    curvature,
    elements,
    expected_curvature,
    information_slopes,
)
from enthesis.outcomes.repeated import Fitted
from enthesis.outcomes.sums import Floats

SATTERTHWAITE, KENWARD_ROGER = "satterthwaite", "kenward-roger"
KENWARD_ROGER_EXPECTED = "kenward-roger-expected"
DEGREES = (SATTERTHWAITE, KENWARD_ROGER, KENWARD_ROGER_EXPECTED)


@dataclass(frozen=True, slots=True, eq=False)
class Contrasts:
    """Linear combinations of the coefficients, arrays of shape (rows,).

    `df`, `p` and the interval are NaN where the fit has no degrees of freedom; the standard error
    then is the plain one.
    """

    names: tuple[str, ...]
    estimate: Floats
    se: Floats
    df: Floats
    p: Floats
    ci_low: Floats
    ci_high: Floats
    degrees: str
    level: float


def contrasts(
    fitted: Fitted,
    rows: ArrayLike | None = None,
    names: tuple[str, ...] | None = None,
    *,
    degrees: str = SATTERTHWAITE,
    level: float = 0.95,
) -> Contrasts:
    """Each of `rows`, (r, p), times the coefficients; the coefficients themselves without rows."""
    table = np.eye(len(fitted.coefficients)) if rows is None else np.asarray(rows, dtype=float)
    if table.ndim != 2 or table.shape[1] != len(fitted.coefficients):
        raise FitError(f"A contrast needs {len(fitted.coefficients)} numbers, one a coefficient.")
    names = names or (fitted.design.names if rows is None else tuple(map(str, range(len(table)))))
    variance, df = variances(fitted, table, degrees)
    estimate, se = table @ fitted.coefficients, np.sqrt(variance)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = 2 * stdtr(df, -np.abs(estimate / se))
        half = stdtrit(df, (1 + level) / 2) * se
    return Contrasts(names, estimate, se, df, p, estimate - half, estimate + half, degrees, level)


def variances(fitted: Fitted, rows: Floats, degrees: str) -> tuple[Floats, Floats]:
    """(r,), (r,): variance and degrees of freedom of each row; NaN degrees where undefined."""
    if degrees not in DEGREES:
        raise FitError(f"Degrees of freedom are {' or '.join(DEGREES)}, not {degrees}.")
    if degrees != SATTERTHWAITE and fitted.method != "reml":
        raise FitError("Kenward and Roger's method needs REML: choose reml or satterthwaite.")
    plain = np.einsum("rp,pq,rq->r", rows, fitted.uncertainty, rows)
    undefined = np.full(len(rows), np.nan)
    if not fitted.has_degrees:
        return plain, undefined
    problem, point = fitted.standard.problem, fitted.peak.point
    of_sigma = uncertainty_of_sigma(fitted, degrees)
    if of_sigma is None:
        return plain, undefined
    slopes = information_slopes(problem, point)
    # In the rotated coordinates of the fit; a row of the user's turns with them.
    turned = rows @ fitted.standard.rotation @ point.c_inverse
    variance_slopes = np.einsum("rp,kpq,rq->rk", turned, slopes, turned)
    spread = np.einsum("rk,kl,rl->r", variance_slopes, of_sigma, variance_slopes)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where(spread > 0, 2 * plain**2 / spread, np.nan)
    if degrees == SATTERTHWAITE:
        return plain, df
    return plain + 2 * np.einsum("rp,pq,rq->r", turned, _widening(fitted, of_sigma), turned), df


def uncertainty_of_sigma(fitted: Fitted, degrees: str = SATTERTHWAITE) -> Floats | None:
    """(k, k): covariance of the estimated elements of Σ, in standard units; None if undefined."""
    bends = expected_curvature if degrees == KENWARD_ROGER_EXPECTED else curvature
    bend = bends(fitted.standard.problem, fitted.peak.point)
    if not np.linalg.eigvalsh(bend)[0] > 0:
        return None
    return np.asarray(2 * np.linalg.inv(bend))


def _widening(fitted: Fitted, of_sigma: Floats) -> Floats:
    """(p, p): Σ_ij W_ij (Q_ij − J_i C⁻¹ J_j), with Q_ij = Σ X'P E_i P E_j P X."""
    problem, point = fitted.standard.problem, fitted.peak.point
    g, m = problem.seen.shape
    p, q = problem.at.shape[1:]
    row, column = elements(m)
    # Σ_ij W_ij E_i P E_j, by spreading W over both places of each element.
    spread = np.zeros((len(row), m, m))
    spread[np.arange(len(row)), row, column] = 1
    spread[np.arange(len(row)), column, row] = 1
    table = np.einsum("iab,ij,jcd->abcd", spread, of_sigma, spread, optimize=True)
    middle = np.einsum("abcd,gbc->gad", table, point.inverse, optimize=True)
    lever = point.lever.reshape(g, m, p * q)
    carried = (point.lever @ problem.zz).reshape(g, m, p, q)
    moved = (middle @ lever).reshape(g, m, p, q)
    second = np.tensordot(carried, moved, ([0, 1, 3], [0, 1, 3]))
    slopes = information_slopes(problem, point)
    first = np.einsum("ipq,ij,jrs,qr->ps", slopes, of_sigma, slopes, point.c_inverse, optimize=True)
    return np.asarray((second + second.T - first - first.T) / 2)
