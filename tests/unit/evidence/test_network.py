"""The network's own promises; its numbers are held beside metafor's in tests/reference."""

import numpy as np
import pytest

from enthesis.evidence.effects import Measure, compare_means, means
from enthesis.evidence.network import (
    NetworkStudy,
    decompose,
    from_arm_events,
    from_arm_means,
    from_arm_smds,
    from_pair,
    from_pairs,
    network,
    rank,
    split_evidence,
)
from enthesis.evidence.pool import Interval, pool
from enthesis.evidence.ragged import StudyError, review
from enthesis.evidence.tau2 import Model

TRIANGLE = [
    from_pair("1", "dextrose", "saline", -1.0, 0.04),
    from_pair("2", "dextrose", "saline", -0.6, 0.05),
    from_pair("3", "steroid", "saline", -0.5, 0.06),
    from_pair("4", "dextrose", "steroid", -0.2, 0.05),
    from_pair("5", "exercise", "saline", -0.3, 0.02),
]


@pytest.mark.parametrize("model", Model)
def test_a_network_of_two_treatments_is_a_plain_pool(model: Model) -> None:
    y, v = [-1.0, -0.2, -0.9, 0.1], [0.04, 0.05, 0.02, 0.06]
    pairs = [from_pair(str(i), "b", "a", *row) for i, row in enumerate(zip(y, v, strict=True))]
    ours, plain = network(pairs, "a", model), pool(review(y, v), model, Interval.WALD).one()
    found = ours.compare("b", "a")
    assert found.estimate == pytest.approx(plain.estimate, rel=1e-9)
    assert (found.ci_low, found.ci_high) == pytest.approx((plain.ci_low, plain.ci_high), rel=1e-9)
    assert ours.tau2 == pytest.approx(plain.tau2, rel=1e-8)
    assert ours.q == pytest.approx(plain.q, rel=1e-9)


def test_an_indirect_comparison_is_the_difference_of_the_direct_ones() -> None:
    pairs = [from_pair("1", "b", "a", -1.0, 0.04), from_pair("2", "c", "a", -0.4, 0.09)]
    found = network(pairs, "a", Model.COMMON).compare("b", "c")
    assert found.estimate == pytest.approx(-0.6)
    assert found.se == pytest.approx(np.sqrt(0.13))


def test_the_reference_does_not_matter() -> None:
    one, other = network(TRIANGLE, "saline"), network(TRIANGLE, "exercise")
    for a, b in (("dextrose", "saline"), ("dextrose", "exercise"), ("steroid", "exercise")):
        ours, theirs = one.compare(a, b), other.compare(a, b)
        assert ours.estimate == pytest.approx(theirs.estimate, rel=1e-9)
        assert ours.se == pytest.approx(theirs.se, rel=1e-9)


def test_a_comparison_turned_round_changes_its_sign() -> None:
    fitted = network(TRIANGLE, "saline")
    ours, turned = fitted.compare("dextrose", "saline"), fitted.compare("saline", "dextrose")
    assert (ours.estimate, ours.se) == (-turned.estimate, turned.se)


def test_a_study_of_three_arms_is_the_same_from_its_arms_and_from_its_pairs() -> None:
    mean, sd, n = [5.0, 3.0, 4.0], [2.0, 1.0, 3.0], [20, 30, 25]
    arms = from_arm_means("s", ["a", "b", "c"], mean, sd, n)
    own = np.array(sd) ** 2 / np.array(n)
    pairs = from_pairs(
        "s",
        {
            ("b", "a"): (-2.0, own[0] + own[1]),
            ("c", "a"): (-1.0, own[0] + own[2]),
            ("c", "b"): (1.0, own[1] + own[2]),
        },
    )
    assert pairs.treatments == arms.treatments
    assert pairs.estimates == pytest.approx(arms.estimates)
    assert pairs.covariance == pytest.approx(arms.covariance)


def test_a_standardised_study_of_two_arms_is_hedges_g() -> None:
    study = from_arm_smds("s", ["a", "b"], [5, 4], [3, 2], [30, 20])
    g = compare_means(Measure.SMD, means(4, 2, 20, 5, 3, 30))
    assert study.estimates == pytest.approx(g.estimates, rel=1e-14)
    assert study.covariance[0] == pytest.approx(g.variances, rel=1e-14)
    with pytest.raises(StudyError, match="no scale"):
        from_arm_smds("s", ["a", "b"], [5, 4], [0, 0], [30, 20])


def test_the_order_of_a_studys_arms_does_not_matter() -> None:
    def fitted(order: list[int]) -> object:
        names, mean = ["a", "b", "c"], [5.0, 3.0, 4.0]
        three = from_arm_means(
            "s", [names[i] for i in order], [mean[i] for i in order], [2.0] * 3, [20] * 3
        )
        return network([three, from_pair("t", "b", "a", -0.5, 0.1)], "a").compare("c", "b")

    first, second = fitted([0, 1, 2]), fitted([2, 0, 1])
    assert first.estimate == pytest.approx(second.estimate)  # type: ignore[attr-defined]
    assert first.se == pytest.approx(second.se)  # type: ignore[attr-defined]


def test_three_arms_are_not_counted_as_three_studies() -> None:
    three = from_arm_means("s", ["a", "b", "c"], [0, 1, 2], [1] * 3, [20] * 3)
    fitted = network([three], "a")
    assert fitted.df == 0
    assert fitted.compare("b", "a").se == pytest.approx(np.sqrt(2 / 20))


def test_agreeing_evidence_has_no_inconsistency() -> None:
    truth = {"a": 0.0, "b": -1.0, "c": -0.4}
    pairs = [
        from_pair(f"{x}{y}", x, y, truth[x] - truth[y], 0.05)
        for x, y in (("b", "a"), ("c", "a"), ("b", "c"))
    ]
    fitted = network(pairs, "a", Model.COMMON)
    found = decompose(fitted)
    assert (found.within_df, found.between_df) == (0, 1)
    assert found.between == pytest.approx(0, abs=1e-12)
    assert all(s.difference and abs(s.difference.estimate) < 1e-12 for s in split_evidence(fitted))


def test_direct_and_indirect_evidence_are_told_apart() -> None:
    splits = {(s.treatment, s.comparator): s for s in split_evidence(network(TRIANGLE, "saline"))}
    loop = splits["dextrose", "saline"]
    assert loop.direct_studies == 2
    assert loop.indirect is not None
    assert loop.indirect.estimate == pytest.approx(-0.5 - 0.2)
    assert splits["exercise", "saline"].indirect is None
    assert splits["exercise", "saline"].difference is None


def test_without_heterogeneity_direct_and_indirect_make_up_the_network() -> None:
    fitted = network(TRIANGLE, "saline", Model.COMMON)
    loop = next(s for s in split_evidence(fitted) if s.treatment == "dextrose")
    assert loop.indirect is not None
    weights = np.array([loop.direct.se, loop.indirect.se]) ** -2.0
    both = weights @ [loop.direct.estimate, loop.indirect.estimate] / weights.sum()
    assert loop.network.estimate == pytest.approx(both)


def test_ranks_come_with_their_uncertainty_and_the_seed_repeats_them() -> None:
    fitted = network(TRIANGLE, "saline")
    first, again = (rank(fitted, 7, smaller_is_better=True) for _ in range(2))
    assert (first.rank_probabilities == again.rank_probabilities).all()
    assert first.rank_probabilities.sum(axis=0) == pytest.approx(np.ones(4))
    assert first.rank_probabilities.sum(axis=1) == pytest.approx(np.ones(4))
    assert (first.rank_low <= first.median_rank).all()
    assert (first.median_rank <= first.rank_high).all()


def test_p_scores_are_the_mean_ranks_of_the_simulation() -> None:
    fitted = network(TRIANGLE, "saline")
    found = rank(fitted, 3, smaller_is_better=True, draws=100_000)
    mean_rank = found.rank_probabilities @ np.arange(1, 5)
    assert found.p_scores == pytest.approx((4 - mean_rank) / 3, abs=0.01)
    assert found.p_scores.mean() == pytest.approx(0.5)
    turned = rank(fitted, 3, smaller_is_better=False)
    assert turned.p_scores == pytest.approx(1 - found.p_scores)


@pytest.mark.parametrize(
    ("studies", "problem"),
    [
        ([from_pair("1", "b", "a", 0, 1), from_pair("2", "d", "c", 0, 1)], "connects a with c, d"),
        ([from_pair("1", "b", "c", 0, 1)], "no study has the reference treatment a"),
    ],
)
def test_parts_that_nothing_connects_are_refused(studies: list[NetworkStudy], problem: str) -> None:
    with pytest.raises(StudyError, match=problem):
        network(studies, "a")


def test_impossible_studies_are_refused() -> None:
    with pytest.raises(StudyError, match="contradict"):
        from_pair("1", "b", "a", 0.1, -1)
    with pytest.raises(StudyError, match="different treatments"):
        from_pair("1", "a", "a", 0.1, 1)
    with pytest.raises(StudyError, match="not a finite"):
        from_pair("1", "b", "a", float("inf"), 1)
    with pytest.raises(StudyError, match="comparison of a and c is missing"):
        from_pairs("1", {("b", "a"): (1, 1), ("c", "b"): (1, 1)})
    with pytest.raises(StudyError, match="contradict"):
        from_pairs("1", {("b", "a"): (1, 1), ("c", "b"): (1, 1), ("c", "a"): (2, 9)})
    with pytest.raises(StudyError, match="says nothing"):
        from_arm_events("1", ["a", "b"], [0, 0], [10, 10])
