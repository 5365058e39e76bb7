"""The repeated-measures model: scores at scheduled visits, any covariance between visits.

    sums = sums_from_columns(course, window, score, courses, visits=range(7))     # one scan
    fitted = fit(sums)                      # REML; every covariate at every visit
    fitted = fit(sums, own_mean_at_every_visit(sums), method="ml")
    fitted.mean([1.0, 0.0]), fitted.covariance      # a course's expected scores, and how they vary
    contrasts(fitted, rows, degrees="kenward-roger")          # estimates with se, df, p, interval

The scores of a course with covariates z are taken as multivariate normal over its visits, with
mean `design.at[v] @ z` times the coefficients and an unstructured covariance Σ; a missing score is
missing at random given the others. All a fit needs are the sums of `sums.py`, so that its time does
not depend on how many courses there are. Results are those of SAS PROC MIXED with TYPE=UN, R's
nlme::gls with corSymm and varIdent, and mmrm; docs/explanation/repeated-measures.md says how it is
done and held beside them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from enthesis.outcomes.climb import Peak, State, climb
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.standard import Standard, standardise
from enthesis.outcomes.sums import Floats, Sums
from enthesis.outcomes.visit_design import VisitDesign, at_every_visit, check_shape

METHODS = ("reml", "ml")
NOTES = {
    State.CONVERGED: "",
    State.BOUNDARY: "The covariance matrix is singular (at the boundary): some visit is an exact "
    "combination of others. Estimates stand; degrees of freedom and p values are undefined.",
    State.UNBOUNDED: "The likelihood has no maximum: too few subjects for so many visits and "
    "coefficients. No number of this fit should be used.",
    State.NOT_CONVERGED: "The fit did not converge. No number of it should be used.",
}


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A fitted model: p coefficients, m visits.

    `coefficients`: (p,) in the order of `design.names`. `uncertainty`: (p, p), their covariance
    (X'V⁻¹X)⁻¹. `covariance`: (m, m), Σ of the scores over the visits. `minus2_log_likelihood`:
    restricted under REML, with all constants, as SAS prints it. `state` and `note`: how the climb
    ended; degrees of freedom exist only where it converged inside (`has_degrees`).
    """

    sums: Sums
    design: VisitDesign
    method: str
    coefficients: Floats
    uncertainty: Floats
    covariance: Floats
    minus2_log_likelihood: float
    state: State
    standard: Standard
    peak: Peak

    @property
    def note(self) -> str:
        """What is to be said beside the numbers; empty when nothing is."""
        return NOTES[self.state]

    @property
    def has_degrees(self) -> bool:
        """Whether degrees of freedom are defined."""
        return self.state is State.CONVERGED

    @property
    def is_usable(self) -> bool:
        """Whether coefficients and covariance are at a maximum of the likelihood."""
        return self.state in (State.CONVERGED, State.BOUNDARY)

    @property
    def n_subjects(self) -> int:
        """Courses with at least one score."""
        return self.sums.n_subjects

    @property
    def n_observations(self) -> int:
        """Scores in all."""
        return self.sums.n_observations

    def mean(self, covariates: ArrayLike) -> Floats:
        """(m,): the expected score at each visit of a course with these q covariates (first 1)."""
        z = np.asarray(covariates, dtype=np.float64)
        if z.shape != (len(self.sums.covariates),):
            raise FitError(f"Give one number for each of {', '.join(self.sums.covariates)}.")
        return np.asarray(self.design.rows(z) @ self.coefficients)


def fit(sums: Sums, design: VisitDesign | None = None, *, method: str = "reml") -> Fitted:
    """Fit by restricted (`method="reml"`) or full (`"ml"`) maximum likelihood.

    `design` says how covariates act at visits; every one at every visit by default. Raises FitError
    naming what the data cannot carry: a visit or a pair of visits without scores, aliased
    coefficients, as many coefficients as scores. A fit that ends badly comes with its `state`.
    """
    if method not in METHODS:
        raise FitError(f"The method is reml or ml, not {method}.")
    check(sums)
    chosen = at_every_visit(sums) if design is None else design
    check_shape(chosen, sums)
    if sums.n_observations <= len(chosen.names):
        raise FitError(
            f"{len(chosen.names)} coefficients cannot be estimated from {sums.n_observations} "
            "scores: leave some out."
        )
    standard = standardise(sums, chosen, restricted=method == "reml")
    peak = climb(standard.problem, standard.start)
    back = standard.rotation
    uncertainty = back @ peak.point.c_inverse @ back.T
    return Fitted(
        sums=sums,
        design=chosen,
        method=method,
        coefficients=back @ (standard.first + peak.point.step),
        uncertainty=(uncertainty + uncertainty.T) / 2,
        covariance=peak.point.sigma * np.outer(standard.scale, standard.scale),
        minus2_log_likelihood=peak.point.deviance + standard.constant,
        state=peak.state,
        standard=standard,
        peak=peak,
    )


def check(sums: Sums) -> None:
    """Raise FitError unless every pair of visits has scores of the same courses."""
    if not sums.n_observations:
        raise FitError("There is no score at any visit.")
    if len(sums.visits) < 2:
        raise FitError(
            f"There is only one visit, {sums.visits[0]}: repeated measures need two or more."
        )
    nobody = [str(v) for v, n in zip(sums.visits, sums.seen_at, strict=True) if n == 0]
    if nobody:
        raise FitError(f"Nobody has a score at visit {', '.join(nobody)}: leave it out.")
    apart = np.argwhere(np.tril(sums.together == 0))
    if len(apart):
        raise FitError(
            *(
                f"Nobody has scores at both {sums.visits[b]} and {sums.visits[a]}: their "
                "covariance cannot be estimated. Leave one of them out, or use random slopes."
                for a, b in apart
            )
        )
