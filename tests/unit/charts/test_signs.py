"""Six small plots, each with its own direction and what may be said of it."""

from dataclasses import replace
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enthesis.charts.signs import SignData, SignPoint, SignStatus, sign_pictures, sign_svg

SVG = "{http://www.w3.org/2000/svg}"
START = date(2026, 9, 7)


def sign(
    values: list[float | None], *, low: int = 0, high: int = 10, lower: bool = True
) -> SignData:
    points = tuple(SignPoint(START + timedelta(14 * n), value) for n, value in enumerate(values))
    return SignData("Pain", low, high, lower, points, SignStatus.BETTER)


@given(st.lists(st.none() | st.floats(-5, 20), max_size=30), st.booleans())
def test_a_sign_draws_whatever_was_answered(values: list[float | None], lower: bool) -> None:
    root = ElementTree.fromstring(sign_svg(sign(values, lower=lower), "s"))  # noqa: S314
    dots = list(root.iter(f"{SVG}circle"))
    assert len(dots) == (1 if any(value is not None for value in values) else 0)
    assert all("style" not in item.attrib for item in root.iter())
    for dot in dots:
        assert 0 <= float(dot.get("cx", "")) <= 200
        assert 8 <= float(dot.get("cy", "")) <= 50


@pytest.mark.parametrize(
    ("lower", "status", "line"),
    [
        (True, SignStatus.BETTER, "Lower is better ↓ · Better, beyond error"),
        (False, SignStatus.WORSE, "Higher is better ↑ · Worse, beyond error"),
        (False, SignStatus.WITHIN_ERROR, "Higher is better ↑ · Within error"),
        (True, SignStatus.NOT_VALIDATED, "Lower is better ↓ · Not validated"),
        (True, SignStatus.NOT_COMPARED, "Lower is better ↓ · Nothing to compare yet"),
        (True, SignStatus.NOT_ASKED, "Lower is better ↓ · Not asked"),
    ],
)
def test_each_sign_says_its_direction_and_its_standing(
    lower: bool, status: SignStatus, line: str
) -> None:
    assert SignData("Mood", 0, 6, lower, (), status).status_line == line


def test_a_single_reading_is_not_told_as_a_change() -> None:
    for status in (SignStatus.NOT_COMPARED, SignStatus.NOT_VALIDATED):
        one = SignData("Pain", 0, 10, True, (SignPoint(START, 5),), status, 5, 2)
        assert one.note == "Now 5; measuring error 2."


@pytest.mark.parametrize(
    ("values", "start", "error", "note"),
    [
        ([6, 6, 3], 6, 2, "From 6 to 3; measuring error 2."),
        ([6, None, 3], None, None, "Now 3; measuring error not known. 1 of 3 not answered."),
        ([None], None, 2, "Measuring error 2. 1 of 1 not answered."),
        ([], None, 2, ""),
    ],
)
def test_each_sign_says_its_trend_its_error_and_what_is_missing(
    values: list[float | None], start: int | None, error: int | None, note: str
) -> None:
    data = replace(sign(values), start=start, error=error)
    assert data.note == note
    drawn = sign_svg(data, "s")
    assert drawn.count(">?</text>") == values.count(None)
    assert ("own gap" in drawn) == (values == [6, None, 3])
    assert ('class="zone"' in drawn) == (start is not None)


def test_the_heading_names_the_scale() -> None:
    assert sign([]).heading == "Pain, 0 to 10"


def test_all_signs_share_their_dates_so_that_they_can_be_compared() -> None:
    long, short = sign([7, 6, 5, 4]), sign([3, 3])
    pictures = sign_pictures([long, short], "s")
    ends = [
        float(next(ElementTree.fromstring(p.svg).iter(f"{SVG}circle")).get("cx", ""))  # noqa: S314
        for p in pictures
    ]
    assert ends[1] < ends[0] / 2, "two readings reach a third of the way of four"


def test_it_refuses_a_scale_whose_ends_are_swapped() -> None:
    with pytest.raises(ValueError, match="the high end must be above the low end"):
        sign([], low=10, high=0)
