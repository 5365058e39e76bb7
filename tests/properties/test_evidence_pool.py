"""What pooling must not depend on: unit, sign, order, which arm is called 1, and company."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from enthesis.evidence.effects import Measure, compare_counts, compare_means, counts, means
from enthesis.evidence.pool import Interval, Single, pool
from enthesis.evidence.ragged import Studies, review, reviews
from enthesis.evidence.small_study import egger
from enthesis.evidence.tau2 import (
    Model,
    restricted_log_likelihood,
    restricted_maximum_likelihood,
)

estimates = st.floats(-5, 5, allow_subnormal=False).map(lambda x: round(x, 4))
variances = st.floats(0.001, 10, allow_subnormal=False)
study_lists = st.lists(st.tuples(estimates, variances), min_size=2, max_size=12)
models = st.sampled_from(list(Model))
intervals = st.sampled_from(list(Interval))

PLACES = ("estimate", "ci_low", "ci_high", "prediction_low", "prediction_high")
MIRRORED = {
    "estimate": "estimate",
    "ci_low": "ci_high",
    "ci_high": "ci_low",
    "prediction_low": "prediction_high",
    "prediction_high": "prediction_low",
}


def made(studies: list[tuple[float, float]]) -> Studies:
    y, v = zip(*studies, strict=True)
    assume(len(set(y)) > 1)
    return review(y, v)


def close(ours: Single, other: Single, factor: float = 1.0) -> None:
    """Both answers say the same, `other` in a unit `factor` times as large."""
    unit = max(abs(ours.se), 1e-12) if np.isfinite(ours.se) else 1.0
    for name in PLACES:
        assert getattr(other, name) == pytest.approx(
            factor * getattr(ours, name), rel=1e-7, abs=1e-6 * abs(factor) * unit, nan_ok=True
        )
    assert other.tau2 == pytest.approx(factor**2 * ours.tau2, rel=1e-6, abs=1e-8 * factor**2)
    assert other.q == pytest.approx(ours.q, rel=1e-8, abs=1e-10)
    assert other.i2 == pytest.approx(ours.i2, rel=1e-5, abs=1e-4)


@settings(deadline=None)
@given(study_lists, models, intervals, st.floats(1e-3, 1e3))
def test_the_unit_does_not_matter(
    studies: list[tuple[float, float]], model: Model, interval: Interval, factor: float
) -> None:
    plain = made(studies)
    assume(_has_one_maximum(plain))
    scaled = review(plain.estimates * factor, plain.variances * factor**2)
    close(pool(plain, model, interval).one(), pool(scaled, model, interval).one(), factor)


@settings(deadline=None)
@given(study_lists, models, intervals)
def test_the_sign_does_not_matter(
    studies: list[tuple[float, float]], model: Model, interval: Interval
) -> None:
    plain = made(studies)
    ours = pool(plain, model, interval).one()
    mirrored = pool(review(-plain.estimates, plain.variances), model, interval).one()
    for name, other in MIRRORED.items():
        assert getattr(mirrored, other) == pytest.approx(-getattr(ours, name), abs=0, nan_ok=True)
    assert mirrored.tau2 == ours.tau2


@settings(deadline=None)
@given(study_lists, models, intervals, st.randoms(use_true_random=False))
def test_the_order_of_the_studies_does_not_matter(
    studies: list[tuple[float, float]], model: Model, interval: Interval, chance: object
) -> None:
    plain = made(studies)
    assume(_has_one_maximum(plain))
    shuffled = list(studies)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    close(pool(plain, model, interval).one(), pool(made(shuffled), model, interval).one())


@settings(deadline=None)
@given(st.lists(study_lists, min_size=1, max_size=6), models, intervals)
def test_a_review_does_not_notice_its_company(
    many: list[list[tuple[float, float]]], model: Model, interval: Interval
) -> None:
    parts = [made(studies) for studies in many]
    together = pool(
        reviews(
            np.concatenate([p.estimates for p in parts]),
            np.concatenate([p.variances for p in parts]),
            [p.estimates.size for p in parts],
        ),
        model,
        interval,
    )
    for at, part in enumerate(parts):
        assert repr(together.one(at)) == repr(pool(part, model, interval).one())


@given(study_lists)
@settings(max_examples=50, deadline=None)
def test_reml_is_the_highest_point_of_the_likelihood(studies: list[tuple[float, float]]) -> None:
    plain = made(studies)
    best = restricted_log_likelihood(plain, restricted_maximum_likelihood(plain))[0]
    grid = np.concatenate([[0.0], np.geomspace(1e-5, 1e3, 400)])
    copies = plain.take(np.zeros(grid.size, dtype=np.intp))
    assert restricted_log_likelihood(copies, grid).max() <= best + 1e-9


@settings(deadline=None)
@given(study_lists)
def test_eggers_test_only_changes_sign_with_the_effects(
    studies: list[tuple[float, float]],
) -> None:
    plain = made(studies)
    ours, mirrored = egger(plain), egger(review(-plain.estimates, plain.variances))
    assert mirrored.statistic == pytest.approx(-ours.statistic, nan_ok=True, rel=1e-9)
    assert mirrored.p == pytest.approx(ours.p, nan_ok=True, rel=1e-9)


people = st.integers(2, 500)
arm_of_counts = people.flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(deadline=None)
@given(arm_of_counts, arm_of_counts, st.sampled_from([Measure.OR, Measure.RR, Measure.RD]))
def test_swapping_the_arms_of_counts_swaps_the_sign(
    first: tuple[int, int], second: tuple[int, int], measure: Measure
) -> None:
    events = first[0] + second[0]
    assume(0 < events < first[1] + second[1])
    one = compare_counts(measure, counts(*first, *second))
    other = compare_counts(measure, counts(*second, *first))
    assert other.estimates.item() == pytest.approx(-one.estimates.item(), rel=1e-12, abs=1e-14)
    assert other.variances.item() == pytest.approx(one.variances.item(), rel=1e-12)


arm_of_means = st.tuples(st.floats(0.5, 100), st.floats(0.1, 50), people)


@settings(deadline=None)
@given(arm_of_means, arm_of_means, st.sampled_from([Measure.MD, Measure.SMD, Measure.ROM]))
def test_swapping_the_arms_of_means_swaps_the_sign(
    first: tuple[float, float, int], second: tuple[float, float, int], measure: Measure
) -> None:
    one = compare_means(measure, means(*first, *second))
    other = compare_means(measure, means(*second, *first))
    assert other.estimates.item() == pytest.approx(-one.estimates.item(), rel=1e-12, abs=1e-14)
    assert other.variances.item() == pytest.approx(one.variances.item(), rel=1e-12)


def _has_one_maximum(studies: Studies) -> bool:
    """Whether rounding cannot decide between two maxima of equal height."""
    grid = np.concatenate([[0.0], np.geomspace(1e-5, 1e3, 300)])
    copies = studies.take(np.zeros(grid.size, dtype=np.intp))
    heights = restricted_log_likelihood(copies, grid)
    inner = (heights[1:-1] >= heights[:-2]) & (heights[1:-1] >= heights[2:])
    return int(inner.sum()) + int(heights[0] > heights[1]) <= 1
