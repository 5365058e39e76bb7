"""The pooling engine's own promises; its numbers are held beside metafor's in tests/reference."""

import numpy as np
import pytest

from enthesis.evidence.pool import BLOCK, Interval, pool
from enthesis.evidence.ragged import Studies, StudyError, review, reviews
from enthesis.evidence.tau2 import (
    Model,
    between_study_variance,
    generalised_q,
    q_profile,
    restricted_log_likelihood,
    restricted_maximum_likelihood,
)

# Two maxima of the restricted likelihood, at 0 and at 0.097: found in dat.franchini2012 without
# its fourth study, where a climb from the usual start stops at the lower one, 0.
TWO_MAXIMA = review(
    [-0.22641688, -1.23214368, -2.15948425, 1.40008768, -0.12783337, -0.15415068],
    [0.25270184, 0.17403558, 2.8689334, 6.24975637, 0.0138519, 0.0265029],
)


def many(count: int, seed: int = 1) -> Studies:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 30, count)
    variances = rng.uniform(0.005, 1.0, sizes.sum())
    tau2 = np.repeat(rng.choice([0.0, 0.01, 0.1, 3.0], count), sizes)
    return reviews(rng.normal(0.3, np.sqrt(variances + tau2)), variances, sizes)


@pytest.mark.parametrize("model", Model)
@pytest.mark.parametrize("interval", Interval)
def test_a_batch_gives_the_same_last_digit_as_one_at_a_time(
    model: Model, interval: Interval
) -> None:
    studies = many(200)
    together = pool(studies, model, interval)
    for at in range(len(studies)):
        alone = pool(studies.take(np.array([at])), model, interval).one()
        assert repr(alone) == repr(together.one(at))


def test_a_batch_of_several_blocks_is_in_order() -> None:
    studies = many(21_000)
    assert studies.estimates.size > 2 * BLOCK
    together = pool(studies)
    last = pool(studies.take(np.array([20_999]))).one()
    assert repr(last) == repr(together.one(20_999))
    assert (together.k == studies.sizes).all()


def test_reml_takes_the_higher_of_two_maxima() -> None:
    (found,) = restricted_maximum_likelihood(TWO_MAXIMA)
    assert found == pytest.approx(0.0966, abs=1e-3)
    grid = np.concatenate([[0.0], np.geomspace(1e-4, 20, 2000)])
    copies = TWO_MAXIMA.take(np.zeros(grid.size, dtype=np.intp))
    heights = restricted_log_likelihood(copies, grid)
    assert heights[0] > heights[1], "0 is a maximum of its own"
    assert restricted_log_likelihood(TWO_MAXIMA, np.array([found]))[0] >= heights.max()


def test_a_maximum_between_two_grid_points_is_found() -> None:
    """The score is a little below 0 at τ² = 0 and below 0 from 0.007 on, but above it between."""
    hidden = review(
        [-0.76886466, 0.15534679, -0.23365421, 0.18997972, 5.49501218],
        [0.18144402, 0.43344135, 0.37854504, 0.03605102, 7.16555408],
    )
    (found,) = between_study_variance(hidden, Model.ML)
    assert found == pytest.approx(0.00658, abs=1e-4)


def test_no_reml_likelihood_on_a_grid_is_higher_than_the_one_found() -> None:
    studies = many(300, seed=7)
    studies = studies.take(np.flatnonzero(studies.sizes > 1))
    best = restricted_log_likelihood(studies, restricted_maximum_likelihood(studies))
    for tau2 in np.geomspace(1e-4, 100, 200):
        there = restricted_log_likelihood(studies, np.full(len(studies), tau2))
        assert (there <= best + 1e-10).all()


def test_paule_mandel_meets_its_equation() -> None:
    studies = many(200, seed=3)
    studies = studies.take(np.flatnonzero(studies.sizes > 1))
    tau2 = between_study_variance(studies, Model.PM)
    q = generalised_q(studies, tau2)
    inside = tau2 > 0
    assert inside.sum() > 50
    assert q[inside] == pytest.approx(studies.sizes[inside] - 1, rel=1e-9)
    assert (q[~inside] <= studies.sizes[~inside] - 1).all()


def test_equal_variances_have_a_reml_estimate_in_closed_form() -> None:
    y = np.array([0.1, 0.9, -0.4, 2.0, 1.1])
    (tau2,) = restricted_maximum_likelihood(review(y, np.full(5, 0.2)))
    assert tau2 == pytest.approx(np.var(y, ddof=1) - 0.2, rel=1e-12)


def test_the_q_profile_interval_holds_the_paule_mandel_estimate() -> None:
    studies = many(200, seed=5)
    studies = studies.take(np.flatnonzero(studies.sizes > 2))
    low, high = q_profile(studies)
    tau2 = between_study_variance(studies, Model.PM)
    assert (low <= tau2).all()
    assert (tau2 <= high).all()


def test_a_single_study_is_itself_and_its_heterogeneity_unknown() -> None:
    answer = pool(review([0.5], [0.04]), interval=Interval.WALD).one()
    assert (answer.estimate, answer.se) == (0.5, pytest.approx(0.2))
    assert np.isnan([answer.tau2, answer.i2, answer.q_p, answer.prediction_low]).all()


def test_a_single_study_has_no_hartung_knapp_interval() -> None:
    answer = pool(review([0.5], [0.04])).one()
    assert np.isnan([answer.ci_low, answer.ci_high, answer.p]).all()


def test_identical_effects_have_no_hartung_knapp_interval_but_a_normal_one() -> None:
    same = review([0.3, 0.3, 0.3], [0.1, 0.2, 0.3])
    assert np.isnan(pool(same, interval=Interval.HK).one().se)
    assert pool(same, interval=Interval.WALD).one().se > 0
    guarded = pool(same, interval=Interval.HK_ADHOC).one()
    assert guarded.se == pool(same, interval=Interval.WALD).one().se


def test_two_studies_give_an_interval_on_one_degree_of_freedom() -> None:
    answer = pool(review([0.0, 1.0], [0.1, 0.1])).one()
    assert answer.ci_high - answer.estimate == pytest.approx(12.706204736 * answer.se)


def test_the_guard_never_narrows_the_interval() -> None:
    studies = many(300, seed=11)
    studies = studies.take(np.flatnonzero(studies.sizes > 1))
    plain = pool(studies, interval=Interval.WALD).se
    assert (pool(studies, interval=Interval.HK_ADHOC).se >= plain).all()


def test_the_common_effect_model_predicts_nothing() -> None:
    answer = pool(review([0.0, 1.0], [0.1, 0.1]), Model.COMMON).one()
    assert answer.tau2 == 0
    assert np.isnan([answer.prediction_low, answer.prediction_high]).all()


@pytest.mark.parametrize(
    ("estimates", "variances", "problem"),
    [
        ([0.1, np.nan], [1, 1], "study 2: the effect estimate"),
        ([0.1, 0.2], [1, np.inf], "study 2: the sampling variance is not"),
        ([0.1, 0.2], [0, 1], "study 1: the sampling variance must be greater"),
        ([0.1, 0.2], [1, -1], "study 2: the sampling variance must be greater"),
        ([0.1, 0.2], [1], "equally long"),
        ([], [], "every review needs a study"),
    ],
)
def test_impossible_studies_are_refused(
    estimates: list[float], variances: list[float], problem: str
) -> None:
    with pytest.raises(StudyError, match=problem):
        review(estimates, variances)


def test_sizes_must_add_up() -> None:
    with pytest.raises(StudyError, match="add up"):
        reviews([1, 2, 3], [1, 1, 1], [1, 1])
