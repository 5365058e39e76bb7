"""Combining arms and outcomes, and the doubts that numbers raise."""

from dataclasses import replace

import numpy as np
import pytest

from enthesis.evidence.arms import average_outcomes, combine_arms, combine_event_arms
from enthesis.evidence.doubt import (
    Domain,
    Doubt,
    DoubtRules,
    imprecision,
    inconsistency,
    small_studies,
)
from enthesis.evidence.effects import Effects
from enthesis.evidence.grade import Certainty, grade
from enthesis.evidence.pool import pool
from enthesis.evidence.ragged import StudyError, review

RULES = DoubtRules(
    worthwhile=0.5, people_needed=400, substantial_i2=50, studies_needed=10, asymmetry_p=0.1
)
POOLED = pool(review([-1.0, -0.9, -1.1], [0.01, 0.01, 0.01])).one()


def test_combined_arms_are_the_people_together() -> None:
    rng = np.random.default_rng(5)
    groups = [rng.normal(size=n) for n in (7, 12, 30)]
    together = np.concatenate(groups)
    found = combine_arms(
        [g.mean() for g in groups], [g.std(ddof=1) for g in groups], [g.size for g in groups]
    )
    assert found == pytest.approx((together.mean(), together.std(ddof=1), 49))


def test_combined_events_are_added() -> None:
    assert combine_event_arms([3, 4], [20, 21]) == (7, 41)


@pytest.mark.parametrize(("correlation", "variance"), [(1, 0.04), (0, 0.02), (0.5, 0.03)])
def test_averaged_outcomes_count_their_people_once(correlation: float, variance: float) -> None:
    two = Effects(np.array([0.2, 0.4]), np.array([0.04, 0.04]))
    assert average_outcomes(two, correlation) == pytest.approx((0.3, variance))


def test_impossible_arms_are_refused() -> None:
    with pytest.raises(StudyError, match="at least 2 people"):
        combine_arms([1, 2], [1, 1], [1, 20])
    with pytest.raises(StudyError, match="every arm"):
        combine_arms([1, 2], [1, np.nan], [10, 20])
    with pytest.raises(StudyError, match="events lie between"):
        combine_event_arms([3, 40], [20, 21])
    with pytest.raises(StudyError, match="correlation"):
        average_outcomes(Effects(np.array([1.0]), np.array([1.0])), 1.2)


@pytest.mark.parametrize(
    ("low", "high", "people", "levels"),
    [
        (-1.2, -0.6, 900, 0),
        (-1.2, -0.4, 900, 1),
        (-1.2, 0.1, 900, 1),
        (-0.3, 0.3, 900, 0),
        (-0.7, 0.7, 900, 2),
        (-1.2, -0.6, 100, 1),
        (float("nan"), float("nan"), 900, 2),
    ],
)
def test_imprecision_is_what_the_interval_leaves_open(
    low: float, high: float, people: int, levels: int
) -> None:
    found = imprecision(replace(POOLED, ci_low=low, ci_high=high), people, RULES)
    assert found.levels == levels
    assert found.domain is Domain.IMPRECISION


@pytest.mark.parametrize(
    ("i2", "prediction", "levels"),
    [
        (80.0, (-1.5, -0.6), 0),
        (80.0, (-1.5, -0.2), 1),
        (80.0, (-2.0, 0.8), 2),
        (20.0, (-2.0, 0.8), 0),
        (80.0, (float("nan"), float("nan")), 0),
    ],
)
def test_inconsistency_is_what_a_new_study_could_show(
    i2: float, prediction: tuple[float, float], levels: int
) -> None:
    pooled = replace(
        POOLED,
        ci_low=-1.2,
        ci_high=-0.6,
        i2=i2,
        prediction_low=prediction[0],
        prediction_high=prediction[1],
    )
    assert inconsistency(pooled, RULES).levels == levels


@pytest.mark.parametrize(
    ("p", "k", "levels", "words"),
    [
        (0.01, 9, 0, "cannot show it"),
        (0.01, 10, 1, "differ from large"),
        (0.5, 10, 0, "no asymmetry"),
        (float("nan"), 12, 0, "cannot show it"),
    ],
)
def test_asymmetry_is_judged_only_where_it_can_be_seen(
    p: float, k: int, levels: int, words: str
) -> None:
    found = small_studies(p, k, RULES)
    assert found.levels == levels
    assert words in found.reason


def test_certainty_falls_by_every_doubt_and_not_below_the_floor() -> None:
    one = Doubt(Domain.IMPRECISION, 1, "few people")
    two = Doubt(Domain.RISK_OF_BIAS, 2, "open label")
    none = Doubt(Domain.INDIRECTNESS, 0, "the same patients")
    assert grade([one, none]).certainty is Certainty.MODERATE
    assert grade([one, two]).certainty is Certainty.VERY_LOW
    assert grade([one, two], Certainty.LOW).certainty.words == "very low"
    assert grade([one, none]).reasons == ("imprecision: few people",)


def test_a_domain_is_judged_once() -> None:
    doubt = Doubt(Domain.IMPRECISION, 1, "few people")
    with pytest.raises(ValueError, match="judged twice"):
        grade([doubt, doubt])
