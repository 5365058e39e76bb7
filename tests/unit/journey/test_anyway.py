"""The title over a trend: the change against error, then against what happens anyway."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from enthesis.journey import anyway
from enthesis.knowledge.load import knowledge
from enthesis.records import Assessment, Course, Occasion, Side

KNOWN = knowledge(date(2026, 11, 23))
START = date(2026, 9, 1)


def course(*pains: int, condition: str = "low_back") -> Course:
    """Pain at the start and then every five weeks, in a series that was given elsewhere."""
    asked = tuple(
        Assessment(
            on=START + timedelta(weeks=5 * n),
            occasion=Occasion.AFTER_SESSION if n else Occasion.BASELINE,
            questionnaire="six_signs",
            answers={"pain": Decimal(pain)},
        )
        for n, pain in enumerate(pains)
    )
    return Course("1", condition, Side.LEFT, None, START, assessments=asked, series_ended_on=START)


@pytest.mark.parametrize(
    ("pains", "said"),
    [
        ((8, 5), "Pain is down, at about the pace of salt water or time alone"),
        ((8, 1), "Pain is down, more than in the middle half with salt water or time alone"),
        ((8, 9), "Pain has changed by less than measuring error"),
        ((4, 8), "Pain is up"),
        ((8,), "Pain before treatment; no answer since"),
    ],
)
def test_the_title_says_the_change_and_what_happens_anyway(
    pains: tuple[int, ...], said: str
) -> None:
    assert anyway.finding(course(*pains), KNOWN) == said


def test_it_never_says_why() -> None:
    for first in range(11):
        for last in range(11):
            said = anyway.finding(course(first, last), KNOWN)
            for word in ("works", "effect", "thanks", "success", "significant"):
                assert word not in said


def test_the_group_is_drawn_from_this_courses_own_start_in_proportion() -> None:
    group = KNOWN.benchmarks["back_saline_or_time"].points
    days = anyway.band(course(8, 5), KNOWN)
    assert [day.on for day in days][:2] == [START, START + timedelta(weeks=5)]
    for day, point in zip(days, group, strict=True):
        assert day.low == point.low * 8 / group[0].middle
        assert day.high == min(point.high * 8 / group[0].middle, Decimal(10))


def test_a_condition_without_a_group_has_no_band_and_says_so() -> None:
    alone = course(8, 5, condition="headache")
    assert anyway.band(alone, KNOWN) == ()
    assert "No comparison group" in anyway.source_line(alone, KNOWN)
    assert anyway.finding(alone, KNOWN) == "Pain is down"


def test_the_band_is_straight_between_its_days_and_nothing_outside() -> None:
    days = (
        anyway.BandDay(START, Decimal(2), Decimal(4)),
        anyway.BandDay(START + timedelta(10), Decimal(1), Decimal(3)),
    )
    assert anyway.band_on(days, START + timedelta(5)) == (Decimal("1.5"), Decimal("3.5"))
    assert anyway.band_on(days, START + timedelta(10)) == (Decimal(1), Decimal(3))
    assert anyway.band_on(days, START - timedelta(1)) is None
    assert anyway.band_on(days, START + timedelta(11)) is None
