"""How the covariates of a course act at its visits: the fixed part of the model.

The expected score at visit v of a course with covariates z is β'·at[v]·z, where `at` has shape
(m visits, p coefficients, q covariates). One covariate may act alike at all visits, differently at
each, or (as the value at that visit of something that changes) at one visit only.
"""

from dataclasses import dataclass

import numpy as np

from enthesis.outcomes.errors import FitError
from enthesis.outcomes.sums import Floats, Sums


@dataclass(frozen=True, slots=True, eq=False)
class VisitDesign:
    """`names`: the p coefficients. `at`: (m, p, q)."""

    names: tuple[str, ...]
    at: Floats

    def rows(self, covariates: Floats) -> Floats:
        """(m, p): the design rows of one course, one per visit, from its q covariates."""
        return np.asarray(self.at @ covariates)


def at_every_visit(sums: Sums) -> VisitDesign:
    """Every covariate has a coefficient at every visit: the usual model of a trial.

    The coefficients of "1" are the mean scores where all other covariates are 0.
    """
    m, q = len(sums.visits), len(sums.covariates)
    at = np.zeros((m, m * q, q))
    names = []
    for v, visit in enumerate(sums.visits):
        for a, covariate in enumerate(sums.covariates):
            at[v, v * q + a, a] = 1
            names.append(f"{visit}" if a == 0 else f"{covariate} at {visit}")
    return VisitDesign(tuple(names), at)


def alike_at_all_visits(sums: Sums) -> VisitDesign:
    """One coefficient per covariate; the mean does not change from visit to visit."""
    m, q = len(sums.visits), len(sums.covariates)
    return VisitDesign(("(mean)", *sums.covariates[1:]), np.tile(np.eye(q), (m, 1, 1)))


def own_mean_at_every_visit(sums: Sums) -> VisitDesign:
    """A mean at each visit; every other covariate shifts all visits alike."""
    m, q = len(sums.visits), len(sums.covariates)
    at = np.zeros((m, m + q - 1, q))
    at[np.arange(m), np.arange(m), 0] = 1
    at[:, m + np.arange(q - 1), 1 + np.arange(q - 1)] = 1
    return VisitDesign((*map(str, sums.visits), *sums.covariates[1:]), at)


def check_shape(design: VisitDesign, sums: Sums) -> None:
    """Raise FitError unless the design is one of these sums."""
    wanted = (len(sums.visits), len(design.names), len(sums.covariates))
    if design.at.shape != wanted:
        raise FitError(
            f"The design has shape {design.at.shape}; these sums need {wanted} "
            "(visits, coefficients, covariates)."
        )
