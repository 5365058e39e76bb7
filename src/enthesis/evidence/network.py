"""Network meta-analysis: several treatments compared at once, directly and through others.

The contrast-based model of Rücker (2012) and Lu & Ades: each study gives its arms' differences
from its first arm with their covariances, one τ² is common to all comparisons (so that two
differences of one study share half of it), and generalised least squares puts the treatments on
one line. Studies with several arms are whole: their correlation is in the covariance.

Within a study the heterogeneity has a known shape, so its differences can be rotated into
uncorrelated ones with heterogeneity τ² each. After that a network is a meta-regression without
intercept, and the estimators of τ² are the ones in `regression`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, erfc, ndtri

from enthesis.evidence.effects import hedges_correction
from enthesis.evidence.ragged import Floats, Studies, StudyError, review
from enthesis.evidence.regression import Line, Matrix
from enthesis.evidence.tau2 import Model


@dataclass(frozen=True, slots=True)
class NetworkStudy:
    """One study: its treatments, and the other arms' differences from the first.

    `estimates` has shape (arms − 1,), `covariance` (arms − 1, arms − 1), both in the order of
    `treatments[1:]`. Make one with `from_pair`, `from_pairs`, `from_arm_means`,
    `from_arm_smds` or `from_arm_events`.
    """

    study: str
    treatments: tuple[str, ...]
    estimates: Floats
    covariance: Matrix


@dataclass(frozen=True, slots=True)
class Network:
    """Where the treatments stand, all against `treatments[0]`, the reference.

    `estimates` has shape (treatments,), its first entry 0; `covariance` is theirs. `q` sets the
    studies against the network without heterogeneity. `studies` are those it was made from.
    """

    treatments: tuple[str, ...]
    estimates: Floats
    covariance: Matrix
    tau2: float
    i2: float
    q: float
    df: int
    q_p: float
    model: Model
    studies: tuple[NetworkStudy, ...]

    def compare(self, treatment: str, comparator: str, level: float = 0.95) -> "Contrast":
        """`treatment` minus `comparator` in the network."""
        a, b = self.treatments.index(treatment), self.treatments.index(comparator)
        c = self.covariance
        variance = c[a, a] + c[b, b] - 2 * c[a, b]
        return _contrast(self.estimates[a] - self.estimates[b], float(variance), level)


@dataclass(frozen=True, slots=True)
class Contrast:
    """One difference on the analysis scale, with its normal interval and two-sided p."""

    estimate: float
    se: float
    ci_low: float
    ci_high: float
    p: float


@dataclass(frozen=True, slots=True)
class Decomposition:
    """Q within designs (heterogeneity) and between them (inconsistency), without τ².

    A design is the set of treatments that a study compares.
    """

    within: float
    within_df: int
    within_p: float
    between: float
    between_df: int
    between_p: float


@dataclass(frozen=True, slots=True)
class Split:
    """Direct against indirect evidence on one comparison, each with the network's τ².

    Direct: the studies that have both treatments. Indirect: the network without those studies.
    None where one of them does not exist.
    """

    treatment: str
    comparator: str
    network: Contrast
    direct: Contrast
    direct_studies: int
    indirect: Contrast | None
    difference: Contrast | None


@dataclass(frozen=True, slots=True)
class Ranking:
    """How sure one can be of an order; never to be shown without the uncertainty.

    `p_scores`: mean certainty of being better than another treatment (Rücker & Schwarzer 2015).
    `rank_probabilities[i, r]`: probability that treatment i has rank r + 1. `median_rank`,
    `rank_low`, `rank_high`: median and 95% range of the rank.
    """

    treatments: tuple[str, ...]
    p_scores: Floats
    rank_probabilities: Matrix
    median_rank: Floats
    rank_low: Floats
    rank_high: Floats

    @property
    def mean_rank(self) -> Floats:
        """Mean of the rank, shape (treatments,): 1 is the best."""
        places = np.arange(1, len(self.treatments) + 1)
        return np.asarray(self.rank_probabilities @ places)


def from_pair(
    study: str, treatment: str, comparator: str, estimate: float, variance: float
) -> NetworkStudy:
    """A study of two arms; `estimate` is treatment minus comparator."""
    return _checked(study, (comparator, treatment), [estimate], [[variance]])


def from_pairs(study: str, pairs: Mapping[tuple[str, str], tuple[float, float]]) -> NetworkStudy:
    """A study of several arms from all its pairs: (treatment, comparator) → estimate, variance.

    The arms' own variances follow from the pairs, and with them the covariances.
    """
    names = tuple(dict.fromkeys(name for pair in pairs for name in reversed(pair)))
    both_ways = {**pairs, **{(b, a): (-y, v) for (a, b), (y, v) in pairs.items()}}
    missing = [pair for pair in combinations(names, 2) if pair not in both_ways]
    if missing:
        raise StudyError(f"{study}: the comparison of {' and '.join(missing[0])} is missing")
    first, others = names[0], names[1:]
    estimates = [both_ways[name, first][0] for name in others]
    covariance = [
        [
            (both_ways[a, first][1] + both_ways[b, first][1] - _pair_variance(both_ways, a, b)) / 2
            for b in others
        ]
        for a in others
    ]
    return _checked(study, names, estimates, covariance)


def from_arm_means(
    study: str, treatments: Sequence[str], mean: ArrayLike, sd: ArrayLike, n: ArrayLike
) -> NetworkStudy:
    """Mean differences of a study's arms; the first arm's variance is what they share."""
    means, variances = _row(mean), _row(sd) ** 2 / _row(n)
    covariance = np.diag(variances[1:]) + variances[0]
    return _checked(study, tuple(treatments), means[1:] - means[0], covariance)


def from_arm_smds(
    study: str, treatments: Sequence[str], mean: ArrayLike, sd: ArrayLike, n: ArrayLike
) -> NetworkStudy:
    """Standardised mean differences of a study's arms, by the SD pooled over all its arms.

    Covariances by Gleser & Olkin (2009); with two arms this is Hedges' g of `effects`.
    """
    means, sds, people = _row(mean), _row(sd), _row(n)
    total, df = people.sum(), people.sum() - people.size
    pooled_sd = np.sqrt(np.sum((people - 1) * sds**2) / df)
    if not pooled_sd > 0:
        raise StudyError(f"{study}: all standard deviations are 0: the difference has no scale")
    g = hedges_correction(df) * (means[1:] - means[0]) / pooled_sd
    covariance = np.diag(1 / people[1:]) + 1 / people[0] + np.outer(g, g) / (2 * total)
    return _checked(study, tuple(treatments), g, covariance)


def from_arm_events(
    study: str, treatments: Sequence[str], events: ArrayLike, n: ArrayLike
) -> NetworkStudy:
    """Log odds ratios of a study's arms; with an empty cell ½ is added to all its cells."""
    yes, no = _row(events), _row(n) - _row(events)
    if (yes == 0).any() or (no == 0).any():
        if not (yes.any() and no.any()):
            raise StudyError(f"{study}: nobody, or everybody, had the event: it says nothing")
        yes, no = yes + 0.5, no + 0.5
    logit, variances = np.log(yes / no), 1 / yes + 1 / no
    covariance = np.diag(variances[1:]) + variances[0]
    return _checked(study, tuple(treatments), logit[1:] - logit[0], covariance)


def network(
    studies: Sequence[NetworkStudy],
    reference: str,
    model: Model = Model.REML,
    tau2: float | None = None,
) -> Network:
    """Fit the network. `tau2` fixes the heterogeneity; otherwise `model` estimates it.

    Raises StudyError when the treatments fall into parts that no study connects.
    """
    treatments = _treatments(studies, reference)
    _refuse_parts(studies, treatments)
    line = _rotated(studies, treatments)
    between = line.between_study_variance(model) if tau2 is None else tau2
    weights = 1 / (line.studies.variances + between)
    bread = line.bread(weights)
    estimates = bread @ (line.design.T @ (weights * line.studies.estimates))
    q = line.q(0.0) if line.df > 0 else 0.0
    return Network(
        treatments=treatments,
        estimates=np.concatenate([[0.0], estimates]),
        covariance=np.pad(bread, ((1, 0), (1, 0))),
        tau2=between,
        i2=max(0.0, 100 * (q - line.df) / q) if q > 0 else 0.0,
        q=q,
        df=line.df,
        q_p=float(chdtrc(line.df, q)) if line.df > 0 else float("nan"),
        model=model,
        studies=tuple(studies),
    )


def decompose(fitted: Network) -> Decomposition:
    """Split the network's Q into heterogeneity within designs and inconsistency between them."""
    designs: dict[frozenset[str], list[NetworkStudy]] = {}
    for study in fitted.studies:
        designs.setdefault(frozenset(study.treatments), []).append(study)
    parts = [network(part, part[0].treatments[0], Model.COMMON) for part in designs.values()]
    within, within_df = sum(part.q for part in parts), sum(part.df for part in parts)
    between, between_df = max(0.0, fitted.q - within), fitted.df - within_df
    return Decomposition(
        within=within,
        within_df=within_df,
        within_p=_upper_tail(within_df, within),
        between=between,
        between_df=between_df,
        between_p=_upper_tail(between_df, between),
    )


def split_evidence(fitted: Network, level: float = 0.95) -> tuple[Split, ...]:
    """Direct and indirect evidence on every comparison that a study made."""
    made = {
        tuple(sorted(pair, key=fitted.treatments.index))
        for study in fitted.studies
        for pair in combinations(study.treatments, 2)
    }
    order = fitted.treatments.index
    ordered = sorted(made, key=lambda pair: (order(pair[0]), order(pair[1])))
    return tuple(_split(fitted, treatment, comparator, level) for comparator, treatment in ordered)


def rank(fitted: Network, seed: int, smaller_is_better: bool, draws: int = 10_000) -> Ranking:
    """P-scores, and the distribution of ranks from `draws` of the estimates' joint normal."""
    sign = -1.0 if smaller_is_better else 1.0
    values, vectors = np.linalg.eigh(fitted.covariance[1:, 1:])
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    normal = np.random.default_rng(seed).standard_normal((draws, len(values)))
    drawn = np.column_stack([np.zeros(draws), fitted.estimates[1:] + normal @ root.T])
    ranks = np.argsort(np.argsort(-sign * drawn, axis=1), axis=1) + 1
    count = len(fitted.treatments)
    probabilities = np.stack([(ranks == place).mean(axis=0) for place in range(1, count + 1)], 1)
    low, middle, high = np.quantile(ranks, [0.025, 0.5, 0.975], axis=0, method="inverted_cdf")
    return Ranking(
        treatments=fitted.treatments,
        p_scores=_p_scores(fitted, sign),
        rank_probabilities=probabilities,
        median_rank=middle.astype(np.float64),
        rank_low=low.astype(np.float64),
        rank_high=high.astype(np.float64),
    )


def _p_scores(fitted: Network, sign: float) -> Floats:
    c = fitted.covariance
    variances = np.diag(c)[:, None] + np.diag(c)[None, :] - 2 * c
    np.fill_diagonal(variances, 1.0)
    gaps = sign * (fitted.estimates[:, None] - fitted.estimates[None, :])
    certainty = 0.5 * erfc(-gaps / np.sqrt(2 * variances))
    np.fill_diagonal(certainty, 0.0)
    return np.asarray(certainty.sum(axis=1) / (len(c) - 1))


def _split(fitted: Network, treatment: str, comparator: str, level: float) -> Split:
    pair = {treatment, comparator}
    with_both = [study for study in fitted.studies if pair <= set(study.treatments)]
    others = [study for study in fitted.studies if not pair <= set(study.treatments)]
    head_to_head = [_only(study, treatment, comparator) for study in with_both]
    direct = network(head_to_head, comparator, fitted.model, fitted.tau2).compare(
        treatment, comparator, level
    )
    indirect = _through_others(others, treatment, comparator, fitted, level)
    return Split(
        treatment=treatment,
        comparator=comparator,
        network=fitted.compare(treatment, comparator, level),
        direct=direct,
        direct_studies=len(with_both),
        indirect=indirect,
        difference=indirect
        and _contrast(direct.estimate - indirect.estimate, direct.se**2 + indirect.se**2, level),
    )


def _through_others(
    others: list[NetworkStudy], treatment: str, comparator: str, fitted: Network, level: float
) -> Contrast | None:
    """The comparison in the part of `others` that connects the two, if any does."""
    reached = _reach(others, comparator)
    if treatment not in reached:
        return None
    part = [study for study in others if set(study.treatments) <= reached]
    return network(part, comparator, fitted.model, fitted.tau2).compare(
        treatment, comparator, level
    )


def _only(study: NetworkStudy, treatment: str, comparator: str) -> NetworkStudy:
    """The study's comparison of two of its arms."""
    row = np.zeros(len(study.treatments))
    row[study.treatments.index(treatment)] = 1
    row[study.treatments.index(comparator)] = -1
    estimate, variance = row[1:] @ study.estimates, row[1:] @ study.covariance @ row[1:]
    return from_pair(study.study, treatment, comparator, float(estimate), float(variance))


def _rotated(studies: Sequence[NetworkStudy], treatments: tuple[str, ...]) -> Line:
    """All differences, uncorrelated and with heterogeneity τ² each, and their design."""
    estimates, variances, rows = [], [], []
    for study in studies:
        arms = len(study.treatments) - 1
        # Differences from a common arm have heterogeneity τ² and share half of it.
        root = np.linalg.cholesky(0.5 * (np.eye(arms) + 1))
        half = np.linalg.solve(root, study.covariance)
        own, turn = np.linalg.eigh(np.linalg.solve(root, half.T))
        rotation = turn.T @ np.linalg.inv(root)
        estimates.append(rotation @ study.estimates)
        variances.append(own)
        rows.append(rotation @ _design(study, treatments))
    flat: Studies = review(np.concatenate(estimates), np.concatenate(variances))
    return Line(flat, np.vstack(rows))


def _design(study: NetworkStudy, treatments: tuple[str, ...]) -> Matrix:
    """Which treatments each difference of a study compares; without the reference's column."""
    design = np.zeros((len(study.treatments) - 1, len(treatments)))
    design[:, treatments.index(study.treatments[0])] = -1
    for row, name in enumerate(study.treatments[1:]):
        design[row, treatments.index(name)] = 1
    return design[:, 1:]


def _treatments(studies: Sequence[NetworkStudy], reference: str) -> tuple[str, ...]:
    """The reference first, the others by name."""
    names = {name for study in studies for name in study.treatments}
    if reference not in names:
        raise StudyError(f"no study has the reference treatment {reference}")
    return (reference, *sorted(names - {reference}))


def _refuse_parts(studies: Sequence[NetworkStudy], treatments: tuple[str, ...]) -> None:
    reached = _reach(studies, treatments[0])
    beyond = [name for name in treatments if name not in reached]
    if beyond:
        raise StudyError(f"no chain of studies connects {treatments[0]} with {', '.join(beyond)}")


def _reach(studies: Sequence[NetworkStudy], start: str) -> set[str]:
    """All treatments that a chain of studies connects with `start`."""
    reached, before = {start}, 0
    while len(reached) > before:
        before = len(reached)
        for study in studies:
            if reached.intersection(study.treatments):
                reached.update(study.treatments)
    return reached


def _pair_variance(
    pairs: Mapping[tuple[str, str], tuple[float, float]], first: str, second: str
) -> float:
    return 0.0 if first == second else pairs[first, second][1]


def _checked(
    study: str, treatments: tuple[str, ...], estimates: ArrayLike, covariance: ArrayLike
) -> NetworkStudy:
    y, v = _row(estimates), np.asarray(covariance, dtype=np.float64)
    if len(set(treatments)) != len(treatments) or len(treatments) != y.size + 1:
        raise StudyError(f"{study}: needs two or more different treatments, each once")
    if not (np.isfinite(y).all() and np.isfinite(v).all()):
        raise StudyError(f"{study}: an estimate or a variance is not a finite number")
    if np.linalg.eigvalsh(v).min() <= 0:
        raise StudyError(f"{study}: the variances of its comparisons contradict each other")
    return NetworkStudy(study, treatments, y, v)


def _contrast(estimate: float, variance: float, level: float) -> Contrast:
    middle, se = float(estimate), float(np.sqrt(variance))
    half_width = float(ndtri((1 + level) / 2)) * se
    p = float(erfc(abs(middle) / se / np.sqrt(2)))
    return Contrast(middle, se, middle - half_width, middle + half_width, p)


def _upper_tail(df: int, q: float) -> float:
    return float(chdtrc(df, q)) if df > 0 else float("nan")


def _row(values: ArrayLike) -> Floats:
    return np.atleast_1d(np.asarray(values, dtype=np.float64))
