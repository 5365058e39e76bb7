"""To the top of the likelihood: Newton's steps in a triangular root of the covariance matrix.

Σ = LL' keeps Σ from leaving the cone of covariance matrices and lets it reach the cone's edge. But
a root has false resting places at the edge: where a pivot of L is 0 its slope is 0 as well,
whatever the likelihood says. So a resting place is accepted only if the gradient in Σ itself, G,
has no direction in which the deviance falls; otherwise the climb starts again a little way along
that direction. (A log-Cholesky root cannot reach the edge; steps in Σ itself leave the cone.)
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from enthesis.outcomes.likelihood import Point, Problem, at_sigma, curvature, elements
from enthesis.outcomes.sums import Floats

MOST_STEPS, MOST_RESTARTS = 200, 20
CLOSE = 1e-13
"""Twice the deviance that a further Newton step promises, below which the climb is over."""
EDGE = 1e-8
"""Least share of the largest eigenvalue of Σ (in standard units) that is not the edge."""
COLLAPSED = 1e-7
"""The same over the visits of one pattern, which so few courses have that the likelihood grows
without limit: their scores can be fitted exactly."""


class State(StrEnum):
    """How a climb ended."""

    CONVERGED = "converged"
    BOUNDARY = "boundary"
    UNBOUNDED = "unbounded"
    NOT_CONVERGED = "not converged"


@dataclass(frozen=True, slots=True, eq=False)
class Peak:
    """Where a climb ended. `promise`: what one more Newton step would lower the deviance by."""

    point: Point
    state: State
    steps: int
    restarts: int
    promise: float


def climb(problem: Problem, start: Floats) -> Peak:
    """The highest likelihood that can be reached from `start`, (m, m) positive definite."""
    point = at_sigma(problem, start)
    if point is None:
        raise ValueError("The climb must start from a positive definite covariance matrix.")
    steps = 0
    for restart in range(MOST_RESTARTS + 1):
        point, taken, promise, rested = _newton(problem, point, MOST_STEPS - steps)
        steps += taken
        if _collapsed(problem, point.sigma):
            return Peak(point, State.UNBOUNDED, steps, restart, promise)
        if not rested:
            return Peak(point, State.NOT_CONVERGED, steps, restart, promise)
        if not _at_edge(point.sigma):
            return Peak(point, State.CONVERGED, steps, restart, promise)
        better = _off_a_false_rest(problem, point)
        if better is None:
            return Peak(point, State.BOUNDARY, steps, restart, promise)
        point = better
    return Peak(point, State.NOT_CONVERGED, steps, MOST_RESTARTS, promise)


def _newton(problem: Problem, point: Point, most: int) -> tuple[Point, int, float, bool]:
    """Newton's steps until none promises anything: point, steps, last promise, at rest?"""
    root = _root(point.sigma)
    promise = np.inf
    for taken in range(most):
        slope, bend = _in_root(problem, point, root)
        step, promise = _newton_step(slope, bend)
        if promise < CLOSE * max(1.0, abs(point.deviance)):
            # One more, unchecked by the deviance, whose last digits are rounding by now.
            polished = at_sigma(problem, _square(root + _lower(step, len(root))))
            if polished is not None and polished.deviance <= point.deviance + 1e-9:
                point = polished
            return point, taken + 1, promise, True
        moved = _search(problem, point, root, _lower(step, len(root)), promise)
        if moved is None:
            return point, taken, promise, promise < 1e-6
        root, point = moved
    return point, most, promise, False


def _in_root(problem: Problem, point: Point, root: Floats) -> tuple[Floats, Floats]:
    """Slope (k,) and curvature (k, k) of D in the lower triangle of L, by the chain rule."""
    m = len(root)
    row, column = elements(m)
    k = len(row)
    gradient = point.gradient(problem)
    slope = 2 * (gradient @ root)[row, column]
    # dΣ/dL[i, j] = e_i l_j' + l_j e_i', as elements of Σ.
    change = np.zeros((k, m, m))
    change[np.arange(k), row, :] += root.T[column]
    change += np.swapaxes(change, 1, 2)
    jacobian = change[:, row, column]
    bend = jacobian @ curvature(problem, point) @ jacobian.T
    bend += 2 * gradient[np.ix_(row, row)] * (column[:, None] == column)
    return slope, bend


def _newton_step(slope: Floats, bend: Floats) -> tuple[Floats, float]:
    """The step downhill also where the curvature is negative, and what it promises."""
    values, vectors = np.linalg.eigh(bend)
    size = np.abs(values)
    size = np.maximum(size, 1e-10 * size.max())
    along = vectors.T @ slope
    return -vectors @ (along / size), float(along @ (along / size)) / 2


def _search(
    problem: Problem, point: Point, root: Floats, step: Floats, promise: float
) -> tuple[Floats, Point] | None:
    """The first of the halved steps that lowers the deviance by a fair share of its promise."""
    # A step longer than the root itself is beyond what the curvature can tell.
    length = min(1.0, 2 * float(np.linalg.norm(root) / np.linalg.norm(step)))
    for _ in range(40):
        moved = root + length * step
        there = at_sigma(problem, _square(moved))
        if there is not None and there.deviance <= point.deviance - 1e-4 * length * promise:
            return moved, there
        length /= 2
    return None


def _off_a_false_rest(problem: Problem, point: Point) -> Point | None:
    """A better point off the edge, or None where the edge is the top."""
    values, vectors = np.linalg.eigh(point.gradient(problem))
    if values[0] >= -1e-6 * max(1.0, float(problem.n.sum())) * 1e-2:
        return None
    away = np.outer(vectors[:, 0], vectors[:, 0])
    length = 0.1 * float(np.trace(point.sigma))
    for _ in range(40):
        there = at_sigma(problem, point.sigma + length * away)
        if there is not None and there.deviance < point.deviance:
            return there
        length /= 2
    return None


def _at_edge(sigma: Floats) -> bool:
    values = np.linalg.eigvalsh(sigma)
    return bool(values[0] < EDGE * values[-1])


def _collapsed(problem: Problem, sigma: Floats) -> bool:
    both = problem.seen[:, :, None] & problem.seen[:, None, :]
    padded = np.where(both, sigma, np.eye(len(sigma)) * sigma.max())
    values = np.linalg.eigvalsh(padded)
    return bool((values[:, 0] < COLLAPSED * values[:, -1]).any())


def _root(sigma: Floats) -> Floats:
    """A lower triangular L with LL' = Σ, also where Σ is singular."""
    values, vectors = np.linalg.eigh(sigma)
    half = vectors * np.sqrt(np.maximum(values, 0.0))
    upper: Floats = np.asarray(np.linalg.qr(half.T, mode="r"))
    return upper.T


def _lower(flat: Floats, m: int) -> Floats:
    full = np.zeros((m, m))
    full[elements(m)] = flat
    return full


def _square(root: Floats) -> Floats:
    return np.asarray(root @ root.T)
