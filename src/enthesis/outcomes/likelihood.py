"""The likelihood of repeated measures from sums, with its first and second derivatives.

Everything is written in the covariance Σ itself. For a pattern with n courses let P be the inverse
of Σ over its visits, padded with zeros to m × m. With C = X'V⁻¹X and the residuals r at the best
coefficients, minus twice the log-likelihood is, up to a constant (REML; ML is without log|C|),

    D(Σ) = Σ_g n log|Σ_g| + log|C| + r'V⁻¹r

    gradient   G = Σ_g nP − P(R + K)P         R = Σ rr',  K = Σ X C⁻¹ X'  over the courses
    curvature  H(E, F) = Σ_g tr(F P E (2 P(R + K)P − nP)) − 2 a(E)'C⁻¹a(F) − tr(C⁻¹J(E)C⁻¹J(F))

for symmetric directions E and F, where a(E) = Σ X'P E P r and J(E) = Σ X'P E P X. The last term is
the one that peers drop and Satterthwaite's df need. All is O(patterns), whatever the courses were.
Formulas: Lindstrom & Bates (1988), J Am Stat Assoc 83:1014; Wolfinger, Tobias & Sall (1994),
SIAM J Sci Comput 15:1294.
"""

from dataclasses import dataclass

import numpy as np

from enthesis.outcomes.sums import Bools, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """The sums in the coordinates in which they are fitted (`standard.py` makes them).

    `n`: (g,) courses as floats. `seen`: (g, m). `zz`: (g, q, q). `zr`: (g, q, m) and `rr`:
    (g, m, m): z and the residuals of a first fit, so that nothing large is subtracted later.
    `at`: (m, p, q). `restricted`: REML, not ML.
    """

    n: Floats
    seen: Bools
    zz: Floats
    zr: Floats
    rr: Floats
    at: Floats
    restricted: bool


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """The likelihood at one Σ: what the derivatives reuse.

    `deviance`: D. `inverse`: (g, m, m) P. `c`: (p, p). `step`: (p,) β̂ minus the first fit's.
    `spread`: (g, m, m) R, and `hat`: (g, m, m) K (zeros under ML). `lever`: (g, m·p, q),
    Σ_u P[v, u] at[u]. `misfit`: (g, q, m), Σ z r'.
    """

    deviance: float
    sigma: Floats
    inverse: Floats
    c: Floats
    c_inverse: Floats
    step: Floats
    spread: Floats
    hat: Floats
    lever: Floats
    misfit: Floats

    def gradient(self, problem: Problem) -> Floats:
        """(m, m) symmetric G, with dD = tr(G dΣ)."""
        weight = self.spread + self.hat
        inner = self.inverse @ weight @ self.inverse
        total = np.tensordot(problem.n, self.inverse, 1) - inner.sum(axis=0)
        return np.asarray((total + total.T) / 2)


def at_sigma(problem: Problem, sigma: Floats) -> Point | None:
    """The likelihood at Σ, or None where Σ is singular over the visits of some pattern."""
    g, m = problem.seen.shape
    p, q = problem.at.shape[1:]
    both = problem.seen[:, :, None] & problem.seen[:, None, :]
    padded = np.where(both, sigma, np.eye(m))
    try:
        roots = np.linalg.cholesky(padded)
        inverse = np.where(both, np.linalg.inv(padded), 0.0)
    except np.linalg.LinAlgError:
        return None
    diagonal = np.diagonal(roots, axis1=1, axis2=2)
    if not np.all(diagonal > 0):
        return None
    log_det = 2 * np.log(diagonal).sum(axis=1)
    at = problem.at.reshape(m, p * q)
    lever = (inverse.reshape(g * m, m) @ at).reshape(g, m * p, q)
    carried = (lever @ problem.zz).reshape(g, m, p, q).sum(axis=0)
    c = np.tensordot(carried, problem.at, ([0, 2], [0, 2]))
    c = (c + c.T) / 2
    try:
        root = np.linalg.cholesky(c)
    except np.linalg.LinAlgError:
        return None
    c_inverse: Floats = np.asarray(np.linalg.inv(c))
    b = np.tensordot(lever.reshape(g, m, p, q), problem.zr, ([0, 1, 3], [0, 2, 1]))
    step: Floats = c_inverse @ b
    moved = np.tensordot(step, problem.at, ([0], [1]))
    misfit = problem.zr - problem.zz @ moved.T
    # R = (r − Mz)(r − Mz)' = rr' − M zr − (r z' − M zz') M'
    spread = problem.rr - moved @ problem.zr - np.swapaxes(misfit, 1, 2) @ moved.T
    spread = np.where(both, (spread + np.swapaxes(spread, 1, 2)) / 2, 0.0)
    hat = np.zeros((g, m, m))
    deviance = float(problem.n @ log_det + np.vdot(inverse, spread))
    if problem.restricted:
        deviance += 2 * float(np.log(np.diagonal(root)).sum())
        hat = hat_sums(problem, c_inverse)
    return Point(deviance, sigma, inverse, c, c_inverse, step, spread, hat, lever, misfit)


def hat_sums(problem: Problem, c_inverse: Floats) -> Floats:
    """(g, m, m): K, the sums of X C⁻¹ X' over the courses of each pattern."""
    g, m = problem.seen.shape
    p, q = problem.at.shape[1:]
    half = np.tensordot(problem.at, c_inverse, ([1], [0]))  # (m, q, p)
    pairs = half.reshape(m * q, p) @ np.swapaxes(problem.at, 0, 1).reshape(p, m * q)
    pairs = pairs.reshape(m, q, m, q).transpose(1, 3, 0, 2).reshape(q * q, m * m)
    hat = (problem.zz.reshape(g, q * q) @ pairs).reshape(g, m, m)
    both = problem.seen[:, :, None] & problem.seen[:, None, :]
    return np.where(both, (hat + np.swapaxes(hat, 1, 2)) / 2, 0.0)


def curvature(problem: Problem, point: Point) -> Floats:
    """(k, k): second derivatives of D in the k = m(m + 1)/2 elements of Σ (`elements`)."""
    inner = point.inverse @ (point.spread + point.hat) @ point.inverse
    main = paired(point.inverse, 2 * inner - problem.n[:, None, None] * point.inverse)
    whitened = whitened_slopes(problem, point)
    main -= 2 * whitened.mean @ whitened.mean.T
    if problem.restricted:
        main -= whitened.information @ whitened.information.T
    return np.asarray((main + main.T) / 2)


def expected_curvature(problem: Problem, point: Point) -> Floats:
    """(k, k): the expectation of `curvature` under the model: what Kenward and Roger use."""
    inner = point.inverse @ point.hat @ point.inverse
    main = paired(point.inverse, problem.n[:, None, None] * point.inverse - 2 * inner)
    if problem.restricted:
        slopes = whitened_slopes(problem, point).information
        main += slopes @ slopes.T
    return np.asarray((main + main.T) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """Per element of Σ, in coordinates in which C is 1: `mean` (k, p), `information` (k, p²)."""

    mean: Floats
    information: Floats


def whitened_slopes(problem: Problem, point: Point) -> Slopes:
    """a and J of every element of Σ, multiplied from both sides so that C⁻¹ drops out."""
    root = np.linalg.inv(np.linalg.cholesky(point.c))
    mean = mean_slopes(problem, point) @ root.T
    information = root @ information_slopes(problem, point) @ root.T
    return Slopes(mean, information.reshape(len(information), -1))


def mean_slopes(problem: Problem, point: Point) -> Floats:
    """(k, p): a(E) = Σ X'P E P r."""
    g, m = problem.seen.shape
    p, q = problem.at.shape[1:]
    weighted = point.misfit @ point.inverse
    lever = np.swapaxes(point.lever, 0, 1).reshape(m * p, g * q)
    table = (lever @ weighted.reshape(g * q, m)).reshape(m, p, m).transpose(0, 2, 1)
    return _by_element(table)


def information_slopes(problem: Problem, point: Point) -> Floats:
    """(k, p, p): J(E) = Σ X'P E P X, minus the slope of C."""
    g, m = problem.seen.shape
    p, q = problem.at.shape[1:]
    lever = np.swapaxes(point.lever, 0, 1).reshape(m * p, g * q)
    carried = np.swapaxes(point.lever @ problem.zz, 0, 1).reshape(m * p, g * q)
    table = (carried @ lever.T).reshape(m, p, m, p).transpose(0, 2, 1, 3)
    return _by_element(table)


def paired(left: Floats, right: Floats) -> Floats:
    """(k, k): Σ_g tr(F·left·E·right) for all elements E (columns) and F (rows)."""
    g, m = left.shape[:2]
    table = left.reshape(g, m * m).T @ right.reshape(g, m * m)
    table = table.reshape(m, m, m, m)  # [b, c, d, a] of F[a, b] left[b, c] E[c, d] right[d, a]
    rows = _by_element(table.transpose(3, 0, 1, 2))  # (k, c, d)
    return _by_element(rows.transpose(1, 2, 0)).T


def elements(m: int) -> tuple[np.ndarray, np.ndarray]:
    """(k,), (k,): row and column of each element of Σ on and below the diagonal."""
    return np.tril_indices(m)


def _by_element(table: Floats) -> Floats:
    """(m, m, …) → (k, …): both places of an element off the diagonal, added."""
    row, column = elements(table.shape[0])
    both = table[row, column] + table[column, row]
    both[row == column] /= 2
    return np.asarray(both)
