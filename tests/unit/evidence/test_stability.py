"""Leave-one-out, cumulative analysis, influence, subgroups, meta-regression."""

import numpy as np
import pytest

from enthesis.evidence.pool import Interval, pool
from enthesis.evidence.ragged import StudyError, review, reviews
from enthesis.evidence.regression import regress
from enthesis.evidence.stability import cumulative, influence, leave_one_out
from enthesis.evidence.subgroups import subgroups
from enthesis.evidence.tau2 import Model

Y = np.array([0.2, 0.5, -0.1, 1.4, 0.3, 0.6])
V = np.array([0.04, 0.1, 0.06, 0.05, 0.2, 0.03])
PLAIN = review(Y, V)


def test_leaving_each_out_is_pooling_the_others() -> None:
    answers = leave_one_out(PLAIN)
    for at in range(Y.size):
        alone = pool(review(np.delete(Y, at), np.delete(V, at))).one()
        assert repr(alone) == repr(answers.one(at))


def test_leave_one_out_of_many_reviews_keeps_their_order() -> None:
    both = reviews(np.concatenate([Y, Y[:3]]), np.concatenate([V, V[:3]]), [6, 3])
    answers = leave_one_out(both)
    assert answers.k.tolist() == [5] * 6 + [2] * 3
    assert repr(answers.one(7)) == repr(leave_one_out(review(Y[:3], V[:3])).one(1))


def test_leaving_out_the_only_study_is_refused() -> None:
    with pytest.raises(StudyError, match="at least two"):
        leave_one_out(review([0.1], [0.1]))


def test_the_last_cumulative_answer_is_the_whole() -> None:
    answers = cumulative(PLAIN, np.array([3, 1, 0, 5, 4, 2]))
    assert answers.k.tolist() == [1, 2, 3, 4, 5, 6]
    assert answers.estimate[0] == Y[3]
    assert answers.estimate[-1] == pytest.approx(pool(PLAIN).estimate[0], rel=1e-12)


def test_the_outlying_study_is_the_influential_one() -> None:
    y, v = np.append(np.linspace(-0.1, 0.1, 9), 4.0), np.full(10, 0.02)
    found = influence(review(y, v))
    assert np.flatnonzero(found.is_influential).tolist() == [9]
    assert found.tau2_del[9] < 0.01 < found.tau2_del[:9].min()
    assert found.hat.sum() == pytest.approx(1)


def test_influence_of_two_studies_is_refused() -> None:
    with pytest.raises(StudyError, match="at least three"):
        influence(review([0.1, 0.2], [0.1, 0.1]))


def test_subgroups_are_pooled_by_themselves() -> None:
    found = subgroups(PLAIN, ["a", "b", "a", "b", "a", "b"])
    assert found.groups == ("a", "b")
    assert repr(found.pooled.one(1)) == repr(pool(review(Y[1::2], V[1::2])).one())
    assert found.df == 1


def test_a_single_group_has_nothing_to_differ_from() -> None:
    found = subgroups(PLAIN, ["all"] * 6)
    assert (found.q, found.df) == (pytest.approx(0), 0)
    assert np.isnan(found.p)


def test_identical_groups_do_not_differ() -> None:
    twice = review(np.tile(Y, 2), np.tile(V, 2))
    assert subgroups(twice, ["a"] * 6 + ["b"] * 6).p == pytest.approx(1)


@pytest.mark.parametrize("model", Model)
@pytest.mark.parametrize("interval", Interval)
def test_a_moderator_of_nothing_leaves_the_mean_alone(model: Model, interval: Interval) -> None:
    """A moderator at right angles to the constant and the effects changes no estimate."""
    y = np.array([0.4, 0.4, -0.2, -0.2, 1.0, 1.0])
    studies, sign = review(y, np.full(6, 0.05)), np.array([1, -1, 1, -1, 1, -1.0])
    line = regress(studies, sign[:, None], model, interval)
    assert line.coefficients == pytest.approx([y.mean(), 0], abs=1e-12)


def test_a_two_group_regression_is_the_difference_of_the_groups() -> None:
    group = np.array([0, 1, 0, 1, 0, 1.0])
    line = regress(PLAIN, group[:, None], Model.COMMON, Interval.WALD)
    found = subgroups(PLAIN, [str(g) for g in group], Model.COMMON, Interval.WALD)
    gap = found.pooled.estimate[1] - found.pooled.estimate[0]
    assert line.coefficients[1] == pytest.approx(gap)
    assert line.q_moderators == pytest.approx(found.q)


@pytest.mark.parametrize(
    ("moderators", "problem"),
    [
        (np.ones((6, 1)), "constant or follows"),
        (np.ones((5, 1)), "per study"),
        (np.full((6, 1), np.nan), "finite"),
        (np.eye(6)[:, :5], "too few"),
    ],
)
def test_moderators_that_teach_nothing_are_refused(moderators: np.ndarray, problem: str) -> None:
    with pytest.raises(StudyError, match=problem):
        regress(PLAIN, moderators)
