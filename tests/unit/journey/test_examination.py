"""The examination: motions beside the norm that fits, tender places, and the block of a site."""

from datetime import date
from decimal import Decimal

import pytest

from enthesis.journey import examination as exam
from enthesis.journey.evaluate import given_answers, questions_for
from enthesis.knowledge.load import knowledge
from enthesis.records import Answer, Side

KNOWN = knowledge(date(2026, 11, 26))
KNEE, BACK = KNOWN.conditions["knee_oa"], KNOWN.conditions["low_back"]


@pytest.mark.parametrize(
    ("motion", "age", "sex", "kind", "low"),
    [
        ("hip_extension", 30, "female", "mean", "18.1"),
        ("hip_extension", 60, "female", "mean", "16.7"),
        ("hip_extension", 60, "unknown", "mean", "13.5"),  # the lower of both
        ("hip_extension", 70, "male", "textbook", "30"),  # nobody of that age was measured
        ("hip_extension", None, "male", "textbook", "30"),
        ("knee_flexion", 60, "male", "none", None),
        ("mouth_opening", 40, "male", "limit", "30"),
    ],
)
def test_the_norm_is_that_of_the_age_and_sex_where_there_is_one(
    motion: str, age: int | None, sex: str, kind: str, low: str | None
) -> None:
    norm = exam.norm_of(motion, None if age is None else Decimal(age), sex, KNOWN)
    assert (norm.kind, norm.low) == (kind, Decimal(low) if low else None)


def test_a_motion_is_held_against_its_norm_and_without_one_against_the_other_side() -> None:
    answers: dict[str, Answer] = {
        "knee_flexion-left": Decimal(70),
        "knee_flexion-right": Decimal(140),
        "knee_extension_loss-left": Decimal(10),
        "knee_extension_loss-right": Decimal(5),
    }
    young = exam.motions(KNEE, answers, Decimal(30), "female", KNOWN)
    assert young[0].percents == {Side.LEFT: 49, Side.RIGHT: 99}
    old = exam.motions(KNEE, answers, Decimal(75), "female", KNOWN)
    assert old[0].percents == {Side.LEFT: 50, Side.RIGHT: 200}
    assert old[1].percents == {}, "fewer degrees short of straight are better, not less of a norm"


def test_nothing_that_was_not_examined_is_known() -> None:
    assert set(exam.facts(KNEE, {}, Decimal(40), KNOWN).values()) == {None}
    assert exam.tender_places({}, KNOWN) == ()
    assert exam.pressed({}, "pes_anserine", Side.LEFT) is None
    assert all(not q.required for q in exam.questions(KNEE, KNOWN))


def test_a_place_is_tender_when_scored_above_nought_or_said_to_be() -> None:
    asked = questions_for(KNEE, KNOWN)
    said: dict[str, Answer] = {
        "tender-pes_anserine-left": "7 of 10",
        "tender-pes_anserine-right": "0 of 10",
        "tender-mcl_tibial-right": "yes",
        "tender-lcl_femoral-left": "11 of 10",  # no answer: unknown
    }
    given = given_answers(asked, said)
    assert exam.tender_places(given, KNOWN) == (
        exam.Tender("mcl_tibial", Side.RIGHT, None),
        exam.Tender("pes_anserine", Side.LEFT, 7),
    )
    assert exam.pressed(given, "pes_anserine", Side.RIGHT) is False
    assert exam.pressed(given, "lcl_femoral", Side.LEFT) is None


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({}, 4),
        ({"block_relief_percent": Decimal(60)}, 3),
        ({"block_relief_percent": Decimal(40), "block_on": "2026-11-01"}, 3),
        (
            {
                **{"block_relief_percent": Decimal(50), "block_on": "2026-11-01"},
                **{"block_drug": "lidocaine 1 %, 2 mL", "block_side": "left"},
            },
            0,
        ),
    ],
)
def test_the_sacroiliac_joint_says_what_is_missing_of_its_block(
    answers: dict[str, Answer], says: int
) -> None:
    found = exam.block_problems(frozenset({"sacroiliac_joint"}), answers, KNOWN)
    assert sum(len(wrong) for _, _, wrong in found) == says
    assert exam.block_problems(frozenset({"iliolumbar"}), answers, KNOWN) == ()


def test_every_region_that_is_injected_has_motions_and_places_to_examine() -> None:
    for condition in KNOWN.conditions.values():
        if condition.protocols:
            assert exam.motion_ids(condition, KNOWN) and exam.places(condition, KNOWN), condition.id
    assert {"lumbar_flexion", "lumbar_extension"} <= {q.id for q in questions_for(BACK, KNOWN)}
