"""Small sets of repeated measures as raw rows, and their likelihood worked out the long way."""

from dataclasses import dataclass

import numpy as np

from enthesis.outcomes.likelihood import at_sigma
from enthesis.outcomes.sums import Floats, Sums
from enthesis.outcomes.sums_from_columns import CourseDesign, sums_from_columns
from enthesis.outcomes.visit_design import VisitDesign


@dataclass(frozen=True)
class Raw:
    """(n, m) scores with NaN where missing, and (n, q − 1) covariates."""

    scores: Floats
    covariates: Floats

    def sums(self, some: slice = slice(None)) -> Sums:
        scores, covariates = self.scores[some], self.covariates[some]
        ids = np.arange(len(self.scores))[some]
        course, window = np.nonzero(np.isfinite(scores))
        names = tuple(f"z{a + 1}" for a in range(covariates.shape[1]))
        whole = bool(np.all(covariates == np.rint(covariates)))
        design = CourseDesign(ids, names, covariates.astype(np.int8) if whole else covariates)
        score = scores[course, window]
        if np.all(score == np.rint(score)):
            score = score.astype(np.int64)
        visits = range(scores.shape[1])
        return sums_from_columns(ids[course], window, score, design, visits=visits)


def made(
    seed: int, n: int, m: int, *, gone: float = 0.2, rank: int | None = None, pairs: bool = False
) -> Raw:
    """Whole scores with two covariates. `rank` below m: nearly singular between visits; `pairs`:
    everybody was seen at two visits only, so that the best Σ is often at the boundary."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(m, rank or m)) + (0 if rank else np.eye(m))
    covariates = np.column_stack([rng.integers(0, 2, n), rng.integers(0, 5, n)]).astype(float)
    scores = rng.normal(size=(n, root.shape[1])) @ root.T * 2 + 5 + covariates[:, :1]
    if rank:
        scores += rng.normal(size=scores.shape) * 0.3
    scores = np.rint(scores)
    lost = rng.random((n, m)) < gone
    lost[:, 0] = False
    if pairs:
        lost = rng.permuted(np.tile(np.arange(m) >= 2, (n, 1)), axis=1)
    scores[lost] = np.nan
    return Raw(scores, covariates)


def dense(raw: Raw, design: VisitDesign, sigma: Floats, *, restricted: bool) -> float:
    """−2 log-likelihood at Σ from the rows of each course, one after another."""
    p = len(design.names)
    xvx, xvy, yvy, log_det, rows = np.zeros((p, p)), np.zeros(p), 0.0, 0.0, 0
    for y, z in zip(raw.scores, raw.covariates, strict=True):
        at = np.flatnonzero(np.isfinite(y))
        if not len(at):
            continue
        x = design.rows(np.append(1.0, z))[at]
        inverse = np.linalg.inv(sigma[np.ix_(at, at)])
        xvx += x.T @ inverse @ x
        xvy += x.T @ inverse @ y[at]
        yvy += y[at] @ inverse @ y[at]
        log_det += np.linalg.slogdet(sigma[np.ix_(at, at)])[1]
        rows += len(at)
    squares = yvy - xvy @ np.linalg.solve(xvx, xvy)
    extra = np.linalg.slogdet(xvx)[1] - p * np.log(2 * np.pi) if restricted else 0.0
    return float(rows * np.log(2 * np.pi) + log_det + squares + extra)


def deviance(problem: object, sigma: Floats) -> float:
    """D of the fast likelihood, which must exist there."""
    point = at_sigma(problem, sigma)  # type: ignore[arg-type]
    assert point is not None
    return point.deviance
