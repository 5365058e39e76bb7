"""The best D of the random-slope model: Newton's method that is not fooled at the boundary.

D = L·L' with L = [[x, 0], [y, z]] keeps D a covariance without constraints on x, y, z. But where D
is singular the slope in z (or x) is 0 whatever the likelihood does: a false resting place. So when
Newton rests on a singular D, the gradient Γ in the covariance space itself is looked at: the point
is the best one nearby only if no direction ww' has w'Γw < 0. Otherwise we step off along ww' and
climb on. (lme4 bounds x and z from below and can rest there too; log-Cholesky coordinates cannot
reach a singular D at all, which is where small clinics' data often are.)
"""

from collections.abc import Callable

import numpy as np

from enthesis.outcomes.slope_likelihood import Point
from enthesis.outcomes.slope_sums import Floats

Likelihood = Callable[[Floats], Point | None]

NEARLY_SINGULAR = 1e-3
STEPS = 200


def climb(likelihood: Likelihood, start: Floats, enough: float) -> Point | None:
    """The point of lowest deviance from `start` (3,) on, or None if Newton does not come to rest.

    It rests when its next step would lower the deviance by less than `enough`.
    """
    point = _newton(likelihood, start, enough)
    for _ in range(20):
        if point is None:
            return None
        point = _at_boundary(likelihood, point, enough)
        freed = _freed(likelihood, point)
        if freed is None:
            return point
        point = _newton(likelihood, freed.d, enough)
    return point


def is_singular(d: Floats) -> bool:
    """Whether D has an eigenvalue that is 0 (by rounding) beside the other or beside σ²."""
    least, largest = np.linalg.eigvalsh(_matrix(d))
    return bool(least <= 1e-9 * max(1.0, largest))


def _newton(likelihood: Likelihood, start: Floats, enough: float) -> Point | None:
    point = likelihood(start)
    for _ in range(STEPS):
        if point is None:
            return None
        # The larger variance first: with a vanishing x, y and z would only turn about each other.
        order = slice(None, None, -1 if point.d[2] > point.d[0] else 1)
        root = _root(point.d[order])
        slope, step = _step(root, point.gradient[order], point.hessian[order, order])
        expected = float(-slope @ step)
        if expected <= enough:
            return point
        moved = _line_search(_turned(likelihood, order), root, point, step, expected)
        if moved is None:
            return point if expected < 1e-6 else None
        point = moved
    return None


def _step(root: Floats, gradient: Floats, hessian: Floats) -> tuple[Floats, Floats]:
    """The slope of the deviance in (x, y, z), and Newton's step, every curvature made positive."""
    x, y, z = root
    g1, g2, g3 = gradient
    jacobian = np.array([[2 * x, 0, 0], [y, x, 0], [0, 2 * y, 2 * z]])
    bend = np.array([[2 * g1, g2, 0], [g2, 2 * g3, 0], [0, 0, 2 * g3]])
    slope = jacobian.T @ gradient
    values, vectors = np.linalg.eigh(jacobian.T @ hessian @ jacobian + bend)
    sizes = np.abs(values)
    sizes = np.maximum(sizes, 1e-12 * sizes.max() + 1e-300)
    step = -vectors @ ((vectors.T @ slope) / sizes)
    reach = 1 + np.linalg.norm(root)
    return slope, step * min(1.0, reach / max(float(np.linalg.norm(step)), 1e-300))


def _turned(likelihood: Likelihood, order: slice) -> Likelihood:
    """The likelihood of a root (x, y, z) whose product is D in that order."""
    return lambda root: likelihood(_product(root)[order])


def _line_search(
    of_root: Likelihood, root: Floats, point: Point, step: Floats, expected: float
) -> Point | None:
    """The first of the step, half of it, a quarter, … that lowers the deviance (or is as low)."""
    rounding = 1e-13 * abs(point.deviance)
    for share in 0.5 ** np.arange(30):
        there = of_root(root + share * step)
        allowed = point.deviance - 1e-4 * share * expected + rounding
        if there is not None and there.deviance <= allowed:
            return there
    return None


def _at_boundary(likelihood: Likelihood, point: Point, enough: float) -> Point:
    """The nearest singular D, climbed along the boundary, where that is as good a place."""
    values, vectors = np.linalg.eigh(_matrix(point.d))
    if values[0] == 0 or values[0] > NEARLY_SINGULAR * max(1.0, values[1]):
        return point
    for largest in (0.0, values[1]):
        d = _elements(largest * np.outer(vectors[:, 1], vectors[:, 1]))
        there = _newton(likelihood, d, enough)
        if there and there.deviance <= point.deviance + 1e-10 + 1e-14 * abs(point.deviance):
            return there
    return point


def _freed(likelihood: Likelihood, point: Point) -> Point | None:
    """A lower deviance off the boundary, or None where D is not singular or there is none."""
    if not is_singular(point.d):
        return None
    first, mixed, second = point.gradient
    values, vectors = np.linalg.eigh(np.array([[first, mixed / 2], [mixed / 2, second]]))
    if values[0] >= 0:
        return None
    direction = _elements(np.outer(vectors[:, 0], vectors[:, 0]))
    curvature = float(direction @ point.hessian @ direction)
    length = -values[0] / curvature if curvature > 0 else 1.0
    for halving in range(40):
        there = likelihood(point.d + length * 0.5**halving * direction)
        if there is not None and there.deviance < point.deviance - 1e-9 - 1e-13 * abs(
            point.deviance
        ):
            return there
    return None


def _root(d: Floats) -> Floats:
    """(x, y, z) of D; of a D without intercept variance (0, y, z)."""
    x = np.sqrt(max(d[0], 0.0))
    y = d[1] / x if x > 0 else 0.0
    return np.array([x, y, np.sqrt(max(d[2] - y * y, 0.0))])


def _product(root: Floats) -> Floats:
    x, y, z = root
    return np.array([x * x, x * y, y * y + z * z])


def _matrix(d: Floats) -> Floats:
    return np.array([[d[0], d[1]], [d[1], d[2]]])


def _elements(matrix: Floats) -> Floats:
    return np.array([matrix[0, 0], matrix[0, 1], matrix[1, 1]])
