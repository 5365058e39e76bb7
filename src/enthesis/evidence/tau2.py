"""The variance between studies, τ²: estimators and the Q-profile interval.

All work on many reviews at once. The likelihood estimators search the whole half-line, because
the REML likelihood has two maxima in real data and a climb from one starting value can stop at
the lower one: the score is scanned on a grid finer than the scale on which it can turn, every
maximum is bracketed, solved by safeguarded Newton steps, and the likelihoods decide. At 0 the
score is not zero but negative: the boundary is a maximum of its own.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum

import numpy as np
from scipy.special import chdtri

from enthesis.evidence.ragged import Floats, Ints, Studies

GRID_RATIO = 2.0
"""Neighbouring grid points differ by this factor in (smallest variance + τ²). The score is a sum
of terms that are smooth on the scale of (variance + τ²), so a maximum does not hide between."""

NEAR, FINER = 0.05, 16
"""A relative score nearer to 0 than this is looked at on a grid so many times finer."""

NEWTON_TOLERANCE = 1e-9
"""Relative step after which one has converged: the error left is the square of it."""

Score = Callable[[Studies, Floats], Floats]
"""A quantity per review as a function of its τ²."""

Curve = Callable[[Studies, Floats], tuple[Floats, Floats]]
"""A decreasing function of τ² through its root, with its slope, per review."""


class Model(StrEnum):
    """How the studies are taken to differ; the value is the name used in files."""

    COMMON = "common"
    DL = "DL"
    PM = "PM"
    ML = "ML"
    REML = "REML"


def between_study_variance(studies: Studies, model: Model) -> Floats:
    """τ² of each review; 0 for the common-effect model, NaN where one study cannot tell."""
    if model is Model.COMMON:
        return np.zeros(len(studies))
    tau2 = np.full(len(studies), np.nan)
    several = np.flatnonzero(studies.sizes > 1)
    if several.size:
        part = studies if several.size == len(studies) else studies.take(several)
        tau2[several] = _ESTIMATORS[model](part)
    return tau2


def der_simonian_laird(studies: Studies) -> Floats:
    """Moment estimator in closed form (DerSimonian & Laird 1986), cut off at 0."""
    weights = 1 / studies.variances
    total, squares = studies.sums(weights), studies.sums(weights**2)
    excess = generalised_q(studies, np.zeros(len(studies))) - (studies.sizes - 1)
    return np.maximum(0.0, excess / (total - squares / total))


def paule_mandel(studies: Studies) -> Floats:
    """The τ² at which the generalised Q equals its degrees of freedom, cut off at 0."""
    return _tau2_where_q_equals(studies, (studies.sizes - 1).astype(np.float64))


def maximum_likelihood(studies: Studies) -> Floats:
    """The τ² of highest likelihood over all τ² ≥ 0."""
    return highest_maximum(studies, _ml_score, _ml_curve, _ml_log_likelihood, _ceiling(studies))


def restricted_maximum_likelihood(studies: Studies) -> Floats:
    """The τ² of highest restricted likelihood over all τ² ≥ 0."""
    return highest_maximum(
        studies, _reml_score, _reml_curve, restricted_log_likelihood, _ceiling(studies)
    )


_ESTIMATORS: dict[Model, Callable[[Studies], Floats]] = {
    Model.DL: der_simonian_laird,
    Model.PM: paule_mandel,
    Model.ML: maximum_likelihood,
    Model.REML: restricted_maximum_likelihood,
}


def q_profile(studies: Studies, level: float = 0.95) -> tuple[Floats, Floats]:
    """Interval of τ² by inverting the generalised Q (Viechtbauer 2007), cut off at 0.

    NaN for one study. Where even τ² = 0 makes the studies agree too well, both limits are 0.
    """
    low, high = np.full(len(studies), np.nan), np.full(len(studies), np.nan)
    several = np.flatnonzero(studies.sizes > 1)
    if several.size:
        part = studies.take(several)
        df = (part.sizes - 1).astype(np.float64)
        low[several] = _tau2_where_q_equals(part, chdtri(df, (1 - level) / 2))
        high[several] = _tau2_where_q_equals(part, chdtri(df, (1 + level) / 2))
    return low, high


def generalised_q(studies: Studies, tau2: Floats) -> Floats:
    """Σ (y − μ)² / (v + τ²) with μ the mean so weighted; Cochran's Q at τ² = 0."""
    weights, _, residuals = _weighted(studies, tau2)
    return studies.sums(weights * residuals**2)


def _tau2_where_q_equals(studies: Studies, target: Floats) -> Floats:
    """The τ² ≥ 0 at which the generalised Q falls to `target`; 0 where it starts below.

    With all variances at their least (or greatest), Q is the sum of squares over one number:
    that brackets the root on both sides.
    """

    def curve(part: Studies, tau2: Floats, aim: Floats) -> tuple[Floats, Floats]:
        weights, _, residuals = _weighted(part, tau2)
        terms = weights * residuals**2
        q = part.sums(terms)
        # Solving 1 = target/Q, not Q = target: 1/Q is nearly a straight line in τ².
        return 1 - aim / q, -aim * part.sums(weights * terms) / q**2

    tau2 = np.zeros(len(studies))
    open_ = np.flatnonzero(generalised_q(studies, tau2) > target)
    if open_.size == 0:
        return tau2
    part, aim = studies.take(open_), target[open_]
    centred = part.estimates - part.spread(part.sums(part.estimates) / part.sizes)
    scale = part.sums(centred**2) / aim
    low = np.maximum(0.0, scale - part.greatest(part.variances))
    high = scale - part.least(part.variances)
    tau2[open_] = solve(part, curve, low, np.maximum(low, high), (aim,))
    return tau2


def _weighted(studies: Studies, tau2: Floats) -> tuple[Floats, Floats, Floats]:
    """Weights 1/(v + τ²), their sum, and residuals about the weighted mean."""
    weights = 1 / (studies.variances + studies.spread(tau2))
    total = studies.sums(weights)
    means = studies.sums(weights * studies.estimates) / total
    return weights, total, studies.estimates - studies.spread(means)


def _reml_score(studies: Studies, tau2: Floats) -> Floats:
    """The score of `_reml_curve` relative to Σw."""
    weights, total, residuals = _weighted(studies, tau2)
    weights *= weights
    squares = studies.sums(weights)
    return (studies.sums(weights * residuals * residuals) + squares / total) / total - 1


def _ml_score(studies: Studies, tau2: Floats) -> Floats:
    """The score of `_ml_curve` relative to Σw."""
    weights, total, residuals = _weighted(studies, tau2)
    pull = weights * residuals
    return studies.sums(pull * pull) / total - 1


def _reml_curve(studies: Studies, tau2: Floats) -> tuple[Floats, Floats]:
    """Twice the derivative of the restricted log likelihood in τ², and its slope."""
    score, slope, total, squares, cubes = _score_parts(studies, tau2)
    ratio = squares / total
    return score + ratio, slope + ratio**2 - 2 * cubes / total


def _ml_curve(studies: Studies, tau2: Floats) -> tuple[Floats, Floats]:
    """Twice the derivative of the log likelihood in τ², and its slope."""
    return _score_parts(studies, tau2)[:2]


def _score_parts(studies: Studies, tau2: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Score and slope without the restricted part, and the sums of w, w² and w³ that it needs."""
    weights, total, residuals = _weighted(studies, tau2)
    second = weights * weights
    squares = studies.sums(second)
    pull = second * residuals
    third = pull * residuals
    score = studies.sums(third) - total
    slope = squares + 2 * (studies.sums(pull) ** 2 / total - studies.sums(weights * third))
    return score, slope, total, squares, studies.sums(second * weights)


def restricted_log_likelihood(studies: Studies, tau2: Floats) -> Floats:
    """The REML log likelihood of each review at its τ², without the constant."""
    total = studies.sums(1 / (studies.variances + studies.spread(tau2)))
    return _ml_log_likelihood(studies, tau2) - 0.5 * np.log(total)


def _ml_log_likelihood(studies: Studies, tau2: Floats) -> Floats:
    weights, _, residuals = _weighted(studies, tau2)
    return 0.5 * studies.sums(np.log(weights) - weights * residuals**2)


def highest_maximum(
    studies: Studies, score: Score, curve: Curve, log_likelihood: Score, ceiling: Floats
) -> Floats:
    """The τ² ≥ 0 of the highest of all maxima of a likelihood.

    `curve` is the score with its slope, `score` the same relative to its negative part, so that
    it is at least −1; above `ceiling` it is negative.
    """

    def straight(part: Studies, tau2: Floats, typical: Floats) -> tuple[Floats, Floats]:
        # Times the square of what a study varies by, the score is nearly a line in τ².
        value, slope = curve(part, tau2)
        square = (tau2 + typical) ** 2
        return value * square, slope * square + 2 * value * (tau2 + typical)

    review, low, high = _bracket_maxima(studies, score, curve, ceiling)
    part = studies if _is_whole(review, studies) else studies.take(review)
    inside = high > 0
    tau2 = np.zeros(review.size)
    if inside.any():
        solvable = np.flatnonzero(inside)
        inner = part if solvable.size == review.size else part.take(solvable)
        typical = inner.sizes / inner.sums(1 / inner.variances)
        extras = (typical,)
        tau2[solvable] = solve(inner, straight, low[solvable], high[solvable], extras)
    if _is_whole(review, studies):
        return tau2
    return _best(part, review, tau2, log_likelihood)


def _is_whole(review: Ints, studies: Studies) -> bool:
    """Whether every review has exactly one candidate, in order."""
    return review.size == len(studies) and bool((np.diff(review) == 1).all())


def _best(part: Studies, review: Ints, tau2: Floats, log_likelihood: Score) -> Floats:
    """Of each review's candidates, which lie together, the highest; of equals the smaller τ²."""
    firsts = np.flatnonzero(np.diff(review, prepend=-1))
    count = np.diff(firsts, append=review.size)
    rivals = np.flatnonzero(np.repeat(count > 1, count))
    height = np.zeros(review.size)
    height[rivals] = log_likelihood(part.take(rivals), tau2[rivals])
    highest = np.repeat(np.fmax.reduceat(height, firsts), count)
    return np.minimum.reduceat(np.where(height == highest, tau2, np.inf), firsts)


def _bracket_maxima(
    studies: Studies, score: Score, curve: Curve, ceiling: Floats
) -> tuple[Ints, Floats, Floats]:
    """Candidates (review, low, high), by review: the score falls through 0 between low and high.

    A candidate with high = 0 is a maximum at the boundary. Where the score comes close to 0
    without changing sign from one grid point to the next, a pair of turns may hide between them:
    there the grid is made finer.
    """
    least = studies.least(studies.variances)
    active, part, before = np.arange(len(studies)), studies, np.zeros(len(studies))
    value = score(part, before)
    falling = value <= 0
    found = [(active[falling], before[falling], before[falling])]
    close = []
    step = GRID_RATIO
    while True:
        after = np.minimum(least[active] * (step - 1), ceiling[active])
        onward = after < ceiling[active]
        next_value = np.where(onward, score(part, after), -1.0)
        peak = (value > 0) & (next_value <= 0)
        found.append((active[peak], before[peak], after[peak]))
        same_side = (value > 0) == (next_value > 0)
        near = same_side & (np.minimum(np.abs(value), np.abs(next_value)) < NEAR)
        close.append((active[near], before[near], after[near]))
        before, value = after, next_value
        if not onward.any():
            break
        if 1 - onward.mean() > WORTH_DROPPING:
            active, before, value = active[onward], before[onward], value[onward]
            part = part.take(np.flatnonzero(onward))
        step *= GRID_RATIO
    # All at once: a call for each step would be many calls for a few reviews each.
    found.extend(
        _look_closer(studies, score, curve, *map(np.concatenate, zip(*close, strict=True)))
    )
    review, low, high = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.argsort(review, kind="stable")
    return review[order], low[order], high[order]


def _look_closer(
    studies: Studies, score: Score, curve: Curve, review: Ints, low: Floats, high: Floats
) -> Iterator[tuple[Ints, Floats, Floats]]:
    """Candidates between two grid points, from a finer grid where the slopes allow a turn."""
    if not review.size:
        return
    part = studies.take(review)
    (value, slope), (_, next_slope) = curve(part, low), curve(part, high)
    towards_zero = np.where(value > 0, -1.0, 1.0)
    bent = np.flatnonzero((towards_zero * slope > 0) & (towards_zero * next_slope < 0))
    if not bent.size:
        return
    part, review, low, high = part.take(bent), review[bent], low[bent], high[bent]
    before, rising = low, score(part, low) > 0
    for place in range(1, FINER + 1):
        after = low + (high - low) * (place / FINER)
        now_rising = score(part, after) > 0
        peak = rising & ~now_rising
        yield review[peak], before[peak], after[peak]
        before, rising = after, now_rising


def _ceiling(studies: Studies) -> Floats:
    """`score_ceiling` of pooling without moderators."""
    centred = studies.estimates - studies.spread(studies.sums(studies.estimates) / studies.sizes)
    return score_ceiling(studies, studies.sums(centred**2), studies.sizes - 1)


def score_ceiling(studies: Studies, squares: Floats, df: Ints) -> Floats:
    """A τ² above which no score is positive, restricted or not.

    `squares` is the unweighted residual sum of squares and `df` its degrees of freedom. With
    u = τ² + least v, the score's positive part is at most squares/u² and its negative part at
    least df/(τ² + greatest v), because both grow with every weight. So the score is negative
    where df·u² > squares·(u + greatest v − least v). One part in a million covers the rounding.
    """
    least, greatest = studies.least(studies.variances), studies.greatest(studies.variances)
    shifted = (squares + np.sqrt(squares**2 + 4 * df * squares * (greatest - least))) / (2 * df)
    return np.maximum(0.0, shifted * (1 + 1e-6) - least)


def solve(
    studies: Studies,
    curve: Callable[..., tuple[Floats, Floats]],
    low: Floats,
    high: Floats,
    extras: tuple[Floats, ...] = (),
) -> Floats:
    """Root of a curve positive at `low` and not positive at `high`, one per review.

    Newton's steps, halving the bracket where a step would leave it. `extras` are further
    arguments of the curve, one value per review.
    """
    root = np.empty(len(studies))
    active, part = np.arange(len(studies)), studies
    floor = studies.least(studies.variances)
    at = 0.5 * (low + high)
    done = np.zeros(len(studies), dtype=bool)
    for _ in range(_MOST_STEPS):
        value, slope = curve(part, at, *extras)
        low, high = np.where(value > 0, at, low), np.where(value > 0, high, at)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = at - value / slope
        inside = (step >= low) & (step <= high)
        # Who is done stays where it is: a further step would depend on the company.
        step = np.where(done, at, np.where(inside, step, 0.5 * (low + high)))
        done |= np.abs(step - at) <= NEWTON_TOLERANCE * (np.abs(at) + floor)
        root[active] = at = step
        if done.all():
            break
        if done.mean() > WORTH_DROPPING:
            left = ~done
            active, at, low, high = active[left], at[left], low[left], high[left]
            floor, extras = floor[left], tuple(extra[left] for extra in extras)
            part, done = part.take(np.flatnonzero(left)), done[left]
    return root


WORTH_DROPPING = 0.4
"""Share of finished reviews from which on it is cheaper to drop them than to carry them along."""

_MOST_STEPS = 200
"""Halving alone narrows any bracket of doubles to one number in fewer steps."""
