"""Sums in the coordinates in which they are fitted, and the way back.

Covariates are centred and scaled, scores are scaled visit by visit, the coefficients are rotated so
that X'X = 1, and the residuals of an ordinary least-squares fit take the place of the scores. So
the fit neither sees the units nor loses digits to large means. Aliased coefficients are found here.
"""

from dataclasses import dataclass

import numpy as np

from enthesis.outcomes.errors import FitError
from enthesis.outcomes.likelihood import Problem
from enthesis.outcomes.sums import Floats, Sums
from enthesis.outcomes.visit_design import VisitDesign

ALIASED = 1e-7
"""A column whose part outside the span of those before it is smaller than this share of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Standard:
    """The problem in its own coordinates.

    `scale`: (m,) standard deviation of the scores at each visit. `rotation`: (p, p), from the
    fitted to the user's coefficients. `first`: (p,) the first fit, in fitted coordinates.
    `constant`: what D lacks of minus twice the log-likelihood. `start`: (m, m) a first Σ.
    """

    problem: Problem
    scale: Floats
    rotation: Floats
    first: Floats
    constant: float
    start: Floats


def standardise(sums: Sums, design: VisitDesign, restricted: bool) -> Standard:
    """Centre, scale and rotate. Raises FitError where the data cannot carry the model."""
    seen = sums.seen
    n = sums.courses.astype(np.float64)
    seen_at = n @ seen
    together = seen[:, :, None] & seen[:, None, :]
    zz, back = _centred(sums)
    to = np.linalg.inv(back)
    mean = sums.zy[:, 0, :].sum(axis=0) / seen_at
    zy = np.where(seen[:, None, :], to @ (sums.zy - sums.zz[:, :, :1] * mean), 0.0)
    cross = mean[:, None] * sums.zy[:, :1, :]
    yy = sums.yy - cross - np.swapaxes(cross, 1, 2) + n[:, None, None] * np.outer(mean, mean)
    yy = np.where(together, yy, 0.0)
    scale = np.sqrt(np.maximum(np.einsum("gvv->v", yy) / seen_at, 0.0))
    _check_scores_differ(scale, mean, sums)
    zy, yy = zy / scale, yy / np.outer(scale, scale)
    at = design.at @ back / scale[:, None, None]
    at, rotation = _rotated(at, zz, seen, design.names)
    offset = np.zeros((len(scale), zz.shape[1]))
    offset[:, 0] = mean / scale
    raw = zy + np.where(seen[:, None, :], zz @ offset.T, 0.0)
    first = np.einsum("vpa,gav->p", at, raw)
    line = np.tensordot(first, at, ([0], [1])) - offset
    zr = np.where(seen[:, None, :], zy - zz @ line.T, 0.0)
    rr = yy - line @ zy - np.swapaxes(zr, 1, 2) @ line.T
    rr = np.where(together, (rr + np.swapaxes(rr, 1, 2)) / 2, 0.0)
    problem = Problem(n, seen, zz, zr, rr, at, restricted)
    constant = _constant(sums, scale, rotation, restricted)
    return Standard(problem, scale, rotation, first, constant, _start(rr, n, together))


def _centred(sums: Sums) -> tuple[Floats, Floats]:
    """zz of the centred and scaled covariates, and the matrix back from them."""
    n, total = sums.courses.sum(), sums.zz.sum(axis=0)
    mean = total[0] / n
    variance = np.maximum(np.diagonal(total) / n - mean**2, 0.0)
    large = variance > 1e-14 * np.maximum(mean**2, 1e-300)
    scale = np.where(large, np.sqrt(variance), 1.0)
    back = np.diag(scale)
    back[1:, 0] = np.where(large, mean, 0.0)[1:]
    back[0, 0] = 1.0
    to = np.linalg.inv(back)
    zz = to @ sums.zz @ to.T
    return (zz + np.swapaxes(zz, 1, 2)) / 2, back


def _check_scores_differ(scale: Floats, mean: Floats, sums: Sums) -> None:
    same = [
        f"Everybody has the same score at visit {visit}: its variance cannot be estimated."
        for visit, sd, level in zip(sums.visits, scale, mean, strict=True)
        if not sd > 1e-10 * max(abs(float(level)), 1e-300)
    ]
    if same:
        raise FitError(*same)


def _rotated(
    at: Floats, zz: Floats, seen: np.ndarray, names: tuple[str, ...]
) -> tuple[Floats, Floats]:
    """The design with X'X = 1, and the matrix from its coefficients to those of `at`."""
    per_visit = np.tensordot(seen.astype(np.float64), zz, ([0], [0]))
    values, vectors = np.linalg.eigh(per_visit)
    roots = np.sqrt(np.maximum(values, 0.0))[:, :, None] * np.swapaxes(vectors, 1, 2)
    stacked = (roots @ np.swapaxes(at, 1, 2)).reshape(-1, at.shape[1])
    _check_not_aliased(stacked, names)
    upper = np.linalg.qr(stacked, mode="r")
    rotation = np.linalg.inv(upper)
    return rotation.T @ at, rotation


def _check_not_aliased(columns: Floats, names: tuple[str, ...]) -> None:
    """Raise FitError naming each column that those before it already say."""
    kept: list[int] = []
    problems = []
    norms = np.linalg.norm(columns, axis=0)
    basis = np.zeros((len(columns), 0))
    for j, name in enumerate(names):
        if norms[j] == 0:
            problems.append(f"{name} is 0 for everybody who was seen: leave it out.")
            continue
        unit = columns[:, j] / norms[j]
        rest = unit - basis @ (basis.T @ unit)
        rest -= basis @ (basis.T @ rest)
        length = float(np.linalg.norm(rest))
        if length > ALIASED:
            kept.append(j)
            basis = np.column_stack([basis, rest / length])
            continue
        shares = np.linalg.lstsq(columns[:, kept] / norms[kept], unit, rcond=None)[0]
        others = [names[k] for k, share in zip(kept, shares, strict=True) if abs(share) > 1e-6]
        problems.append(
            f"{name} says nothing that {' and '.join(others)} {_verb(others)} not say already "
            "(aliased): leave one out."
        )
    if problems:
        raise FitError(*problems)


def _verb(others: list[str]) -> str:
    return "does" if len(others) == 1 else "do"


def _constant(sums: Sums, scale: Floats, rotation: Floats, restricted: bool) -> float:
    free = sums.n_observations - (len(rotation) if restricted else 0)
    constant = free * np.log(2 * np.pi) + 2 * float(sums.seen_at @ np.log(scale))
    if restricted:
        # |X'V⁻¹X| of the user's coefficients from that of the rotated ones.
        constant -= 2 * float(np.log(np.abs(np.diagonal(rotation))).sum())
    return float(constant)


def _start(rr: Floats, n: Floats, together: np.ndarray) -> Floats:
    """Σ from the residuals of each pair of visits, pulled into the positive definite."""
    counts = np.tensordot(n, together.astype(np.float64), 1)
    sigma = rr.sum(axis=0) / np.maximum(counts, 1)
    values, vectors = np.linalg.eigh(sigma)
    values = np.maximum(values, 0.02 * values.max())
    return np.asarray((vectors * values) @ vectors.T)
