"""Screens of mood: from the published cut-off on somebody asks; below it and unanswered, nobody."""

from datetime import date
from typing import Any

import pytest

from enthesis.journey.screens import cut_off_words, screened, screened_last, words
from tests.unit.journey.courses import KNOWN, course_of


def mood(interest: str, down: str, nervous: str | None = None, worry: str | None = None) -> Any:
    answers = {"phq_interest": interest, "phq_down": down}
    if nervous is not None and worry is not None:
        answers |= {"gad_nervous": nervous, "gad_worry": worry}
    return answers


@pytest.mark.parametrize(
    ("answers", "named"),
    [
        (mood("1", "1"), []),
        (mood("1", "2"), ["Mood (PHQ-2): 3 of 6"]),
        (mood("0", "0", "1", "2"), ["Worry (GAD-2): 3 of 6"]),
        (mood("2", "0", "0", "2"), []),
        (mood("1", "1", "2", "2"), ["Mood and worry (PHQ-4): 6 of 12", "Worry (GAD-2): 4 of 6"]),
        ({"phq_down": "3"}, []),
        ({}, []),
    ],
)
def test_a_screen_asks_from_its_cut_off_on(answers: Any, named: list[str]) -> None:
    assert [words(one) for one in screened(answers, KNOWN)] == named


def test_the_last_answer_counts_and_is_told_with_its_day() -> None:
    low, well = {"pain": 5, **mood("2", "2")}, {"pain": 5, **mood("0", "1")}
    found = screened_last(course_of([7], [0], [(21, low)]), KNOWN)
    told = [cut_off_words(*one) for one in found]
    on = found[0][1]
    assert told == [f"Mood (PHQ-2): 4 of 6 on {on.day} {on:%b %Y}, at or above the cut-off 3"]
    assert isinstance(on, date)
    assert screened_last(course_of([7], [0], [(21, low), (42, well)]), KNOWN) == ()


def test_every_cut_off_has_its_source() -> None:
    asking = [m for m in KNOWN.measures.values() if m.ask_from is not None]
    assert {m.id for m in asking} == {"mood", "worry", "worry_2"}
    assert all("https://" in m.ask_source for m in asking)
