"""Cox's model: by what factor covariates multiply the rate of ending, whatever the days' own rates.

From a counting table whose cells have the same covariates throughout. Ties, of which whole days
have many, are Efron's (1977, JASA 72:557). The numbers are those of R's `coxph`. A rate ratio among
those still going on is not a ratio of shares that reach the target where stopping competes.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, psi, zeta

from enthesis.outcomes.concave import Hill, check_varying, summit
from enthesis.outcomes.end_counts import EndCounts
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.rank_test import strata

Floats = NDArray[np.float64]

ROUNDED = 1e-12
"""Of the largest that an information can be."""
MANY_TIES = 64
"""From so many ends on one day on, Efron's sums are taken in closed form."""


@dataclass(frozen=True, slots=True, eq=False)
class CoxFit:
    """`names`, `coefficients` (log rate ratios), `se`: (p,). `vcov`: (p, p)."""

    names: tuple[str, ...]
    coefficients: Floats
    se: Floats
    vcov: Floats
    log_likelihood: float
    log_likelihood_null: float
    n_courses: int
    n_events: int


@dataclass(frozen=True, slots=True, eq=False)
class Ties:
    """Efron's sums over the ends j = 0 … d − 1 of each day, with u = j/d, all (t,).

    With v = 1/(s − u·e), s the risk of all and e that of those who end: `logs` Σ −log v, `v`,
    `uv`, `vv`, `uvv`, `uuvv` the sums of these products.
    """

    logs: Floats
    v: Floats
    uv: Floats
    vv: Floats
    uvv: Floats
    uuvv: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Stratum:
    """`x`: (c, p). `at_risk`, `ended`: (c, t) on the days on which anything ended."""

    x: Floats
    at_risk: Floats
    ended: Floats


def fit_cox(
    counts: EndCounts,
    design: ArrayLike,
    names: Sequence[str],
    stratum_of: Mapping[Hashable, Hashable] | None = None,
) -> CoxFit:
    """Fit from a table whose every kind of end is the event (`counts.only` chooses one).

    `design`: (cells, p), without a constant, whose rate the model leaves open. Raises FitError for
    no events, covariates that do not vary or depend on each other, and infinite ratios.
    """
    x = np.asarray(design, dtype=np.float64)
    if x.shape != (len(counts.cells), len(names)) or not len(names):
        raise FitError(
            f"The design must have one row per cell and one column per name: "
            f"{len(counts.cells)} × {len(names)}, not {x.shape}."
        )
    if not np.isfinite(x).all():
        raise FitError("The design has values that are not finite numbers.")
    if not counts.ended.sum():
        raise FitError("Nothing ended: every course was still going on. There is no rate to model.")
    x = x - counts.courses @ x / counts.courses.sum()
    row_of = dict(zip(counts.cells, x, strict=True))
    tables = [_stratum(part, row_of) for part in strata(counts, stratum_of)]
    start = np.zeros(len(names))
    null = _hill(tables, start)
    # Of a column that is the same for all at risk only what was rounded is left.
    most = counts.ended.sum() * (x**2).max(axis=0)
    check_varying(np.diagonal(null.information) > ROUNDED * most, names)
    best, hill = summit(lambda b: _hill(tables, b), start, lambda: _rises(tables), names)
    vcov = np.asarray(np.linalg.inv(hill.information), dtype=np.float64)
    return CoxFit(
        names=tuple(names),
        coefficients=best,
        se=np.sqrt(np.diagonal(vcov)),
        vcov=vcov,
        log_likelihood=hill.height,
        log_likelihood_null=null.height,
        n_courses=int(counts.courses.sum()),
        n_events=int(counts.ended.sum()),
    )


def _stratum(counts: EndCounts, row_of: Mapping[Hashable, Floats]) -> Stratum:
    ended = counts.ended.sum(axis=1)
    happened = ended.sum(axis=0) > 0
    return Stratum(
        x=np.array([row_of[cell] for cell in counts.cells]),
        at_risk=counts.at_risk[:, happened].astype(np.float64),
        ended=ended[:, happened].astype(np.float64),
    )


def _hill(tables: Sequence[Stratum], beta: Floats) -> Hill:
    """Efron's log partial likelihood with its derivatives."""
    p = len(beta)
    height, slope, information = 0.0, np.zeros(p), np.zeros((p, p))
    for table in tables:
        x, d = table.x, table.ended.sum(axis=0)
        # A common factor of all risks cancels; without it large covariates overflow.
        log_risk = x @ beta
        top = log_risk.max()
        risk = np.exp(log_risk - top)
        all_risk, end_risk = risk[:, None] * table.at_risk, risk[:, None] * table.ended
        ties = efron_sums(all_risk.sum(axis=0), end_risk.sum(axis=0), d)
        s1, e1 = x.T @ all_risk, x.T @ end_risk
        of_cells = table.ended.sum(axis=1)
        height += float(of_cells @ (log_risk - top) - ties.logs.sum())
        weight = all_risk @ ties.v - end_risk @ ties.uv
        slope += of_cells @ x - weight @ x
        cross = (s1 * ties.uvv) @ e1.T
        information += (x.T * weight) @ x - (s1 * ties.vv) @ s1.T
        information += cross + cross.T - (e1 * ties.uuvv) @ e1.T
    return Hill(height, slope, information)


def efron_sums(s: Floats, e: Floats, d: Floats) -> Ties:
    """All of `Ties`: by adding up where few end on a day, else in closed form; arguments (t,)."""
    sums = np.empty((6, len(d)))
    few = d < MANY_TIES
    for which, formula in ((few, _added_up), (~few, _closed)):
        if which.any():
            sums[:, which] = formula(s[which], e[which], d[which])
    return Ties(*sums)


def _added_up(s: Floats, e: Floats, d: Floats) -> Floats:
    count = d.astype(np.intp)
    starts = np.cumsum(count) - count
    u = (np.arange(count.sum()) - np.repeat(starts, count)) / np.repeat(d, count)
    rest = np.repeat(s, count) - u * np.repeat(e, count)
    v = 1 / rest
    terms = (np.log(rest), v, u * v, v * v, u * v * v, u * u * v * v)
    return np.array([np.add.reduceat(term, starts) for term in terms])


def _closed(s: Floats, e: Floats, d: Floats) -> Floats:
    """With x = d·s/e the terms are (x − j)·e/d, whose sums are those of gamma's logarithm."""
    x = d * s / e
    unit = d / e
    low = np.maximum(x - d + 1, 1.0)
    logs = gammaln(x + 1) - gammaln(low) - d * np.log(unit)
    first = psi(x + 1) - psi(low)
    second = zeta(2, low) - zeta(2, x + 1)
    v, uv = unit * first, (x * first - d) / e
    return np.array(
        [
            logs,
            v,
            uv,
            unit**2 * second,
            unit / e * (x * second - first),
            (x**2 * second - 2 * x * first + d) / e**2,
        ]
    )


def _rises(tables: Sequence[Stratum]) -> Floats:
    """Rows x_end − x_at_risk: the likelihood never falls along d if none of them does."""
    rows = []
    for table in tables:
        met = (table.ended > 0).astype(np.float64) @ (table.at_risk > 0).T > 0
        end, other = np.nonzero(met)
        rows.append(table.x[end] - table.x[other])
    return np.concatenate(rows)
