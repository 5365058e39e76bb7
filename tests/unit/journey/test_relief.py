"""Relief as the patient says it beside relief by the scores."""

from typing import Any

import pytest

from enthesis.journey.relief import both_reliefs
from tests.unit.journey.courses import KNOWN, course_of


@pytest.mark.parametrize(
    ("baselines", "answers", "said"),
    [
        ([8], [[10, {"pain": 4, "relief": 60}]], "60 % as the patient says it, 50 % by the scores"),
        ([8], [[10, {"pain": 4, "relief": 80}]], "They disagree. Only the scores count"),
        ([8], [[10, {"pain": 6, "relief": 0}]], "Less than 30 points apart: not followed up."),
        ([6], [[10, {"pain": 9, "relief": 0}]], "−50 % by the scores (6 to 9). Worse is taken"),
        ([6], [[10, {"pain": 9, "relief": 30}]], "They disagree."),
        # The last day that has both counts; a later answer with one of the two does not hide it.
        ([8], [[10, {"pain": 4, "relief": 50}], [20, {"pain": 3, "relief": "?"}]], "15 Jan 2026"),
    ],
)  # fmt: skip
def test_both_numbers_are_told_and_whether_they_agree(
    baselines: list[int], answers: list[Any], said: str
) -> None:
    both = both_reliefs(course_of(baselines=baselines, sessions=[0], answers=answers), KNOWN)
    assert both is not None and said in both.sentence.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("baselines", "answers"),
    [
        ([], [[10, {"pain": 4, "relief": 60}]]),
        ([0], [[10, {"pain": 4, "relief": 60}]]),
        ([8], [[10, {"pain": 4}]]),
        ([8], [[10, {"pain": "?", "relief": 60}]]),
    ],
)
def test_without_a_start_or_one_of_the_two_nothing_is_compared(
    baselines: list[int], answers: list[Any]
) -> None:
    assert (
        both_reliefs(course_of(baselines=baselines, sessions=[0], answers=answers), KNOWN) is None
    )
