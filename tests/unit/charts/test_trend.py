"""The trend draws well whatever the course: one reading or many, days or years, gaps or none."""

import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enthesis.charts.trend import (
    BandPoint,
    FanPoint,
    Level,
    SessionMark,
    TrendData,
    TrendPoint,
    trend_labels,
    trend_svg,
    trend_table,
)

SVG = "{http://www.w3.org/2000/svg}"
START = date(2026, 9, 7)
WIDTHS = ("wide", "narrow")
COURSE = TrendData(
    finding="Pain is going down, at about the pace of salt water or time alone",
    measure="Pain",
    low=0,
    high=10,
    lower_is_better=True,
    points=(
        TrendPoint(START, 7, baseline=True),
        TrendPoint(date(2026, 9, 21), 6, baseline=True),
        TrendPoint(date(2026, 10, 11), None),
        TrendPoint(date(2026, 11, 8), Decimal("4.5")),
        TrendPoint(date(2026, 11, 22), 4),
    ),
    today=date(2026, 11, 23),
    low_words="none",
    high_words="worst",
    error=1,
    band=(BandPoint(date(2026, 9, 21), 6, 7), BandPoint(date(2027, 4, 5), 2, 6)),
    real_change=Level(Decimal("4.5"), "Real change: 4.5"),
    target=Level(Decimal("0.6"), "Target: 0.6 or less", "90 % relief"),
    sessions=(SessionMark(date(2026, 9, 28)), SessionMark(date(2026, 12, 7), given=False)),
    until=date(2027, 4, 5),
)


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314  our own output


def drawn(svg: str, tag: str, cls: str) -> list[ElementTree.Element]:
    found = parsed(svg).iter(f"{SVG}{tag}")
    return [item for item in found if set(cls.split()) <= set(item.get("class", "").split())]


@st.composite
def courses(draw: st.DrawFn) -> TrendData:
    low = draw(st.integers(-20, 50))
    high = low + draw(st.integers(1, 200))
    values = st.floats(low - 5, high + 5, allow_nan=False)
    days = draw(st.lists(st.integers(0, 730), max_size=40, unique=True))
    points = tuple(
        TrendPoint(START + timedelta(day), draw(st.none() | values), baseline=draw(st.booleans()))
        for day in days
    )
    band = tuple(
        BandPoint(START + timedelta(day), *sorted((draw(values), draw(values))))
        for day in draw(st.lists(st.integers(-60, 900), max_size=6, unique=True))
    )
    sessions = tuple(
        SessionMark(START + timedelta(day), draw(st.booleans()))
        for day in draw(st.lists(st.integers(0, 700), max_size=12))
    )
    level = st.none() | st.builds(
        Level, values, st.sampled_from(["Real change: 4.5", "Target: 0.6 or less"]),
        st.sampled_from(["", "90 % relief"]),
    )  # fmt: skip
    return TrendData(
        "Finding", "Pain", low, high, draw(st.booleans()), points,
        today=START + timedelta(draw(st.integers(0, 900))),
        low_words=draw(st.sampled_from(["", "none"])), high_words="worst",
        error=draw(st.none() | st.floats(0, 5)), band=band, real_change=draw(level),
        target=draw(level), sessions=sessions, start=draw(st.none() | values),
        until=draw(st.none() | st.just(START + timedelta(800))),
    )  # fmt: skip


@given(courses())
def test_no_two_labels_overlap_and_none_leaves_the_picture(data: TrendData) -> None:
    for width in WIDTHS:
        left, top, across, down = map(
            float, parsed(trend_svg(data, width, "t")).get("viewBox", "").split()
        )
        boxes = trend_labels(data, width)
        assert [pair for pair in combinations(boxes, 2) if pair[0].meets(pair[1])] == []
        for box in boxes:
            assert left - 1 <= box.left <= box.right <= left + across + 1
            assert top - 1 <= box.top <= box.bottom <= top + down + 1


@given(courses())
def test_every_answered_reading_is_a_dot_within_the_plot(data: TrendData) -> None:
    for width in WIDTHS:
        svg = trend_svg(data, width, "t")
        lines = drawn(svg, "line", "grid") + drawn(svg, "line", "axis")
        across = [line for line in lines if line.get("y1") == line.get("y2")]
        left, right = float(across[0].get("x1", "")), float(across[0].get("x2", ""))
        heights = [float(line.get("y1", "")) for line in across]
        dots = drawn(svg, "circle", "dot")
        assert len(dots) == sum(point.value is not None for point in data.points)
        for dot in dots:
            assert left - 0.1 <= float(dot.get("cx", "")) <= right + 0.1
            assert min(heights) - 0.1 <= float(dot.get("cy", "")) <= max(heights) + 0.1


@given(courses())
def test_a_chart_is_well_formed_and_carries_no_style_of_its_own(data: TrendData) -> None:
    for width in WIDTHS:
        root = parsed(trend_svg(data, width, "t"))
        assert all("style" not in item.attrib and item.tag != f"{SVG}style" for item in root.iter())
        named = root.get("aria-labelledby", "").split()
        assert [item.tag for item in root.iter() if item.get("id") in named] == [
            f"{SVG}title",
            f"{SVG}desc",
        ]


@pytest.mark.parametrize("width", WIDTHS)
def test_the_scale_is_never_flipped_and_the_arrow_says_which_way_is_better(width: str) -> None:
    for lower in (True, False):
        data = replace(COURSE, lower_is_better=lower)
        dots = {
            dot.get("cx"): float(dot.get("cy", ""))
            for dot in drawn(trend_svg(data, width, "t"), "circle", "dot")
        }  # type: ignore[arg-type]
        heights = list(dots.values())
        assert heights == sorted(heights), "7, 6, 4.5 and 4 must go down the page"
    wide = trend_svg(COURSE, "wide", "t")
    up = trend_svg(replace(COURSE, lower_is_better=False), "wide", "t")
    assert drawn(wide, "path", "better")[0].get("d") != drawn(up, "path", "better")[0].get("d")
    assert "lower is better ↓" in trend_svg(COURSE, "narrow", "t")


@pytest.mark.parametrize("width", WIDTHS)
def test_baselines_are_hollow_sessions_are_triangles_and_a_gap_is_dotted(width: str) -> None:
    svg = trend_svg(COURSE, width, "t")  # type: ignore[arg-type]
    assert len(drawn(svg, "circle", "dot baseline")) == 2
    assert len(drawn(svg, "path", "mark")) == 2
    assert len(drawn(svg, "path", "mark planned")) == 1
    assert len(drawn(svg, "path", "own gap")) == 1
    assert len(drawn(svg, "line", "error")) == 4


def test_the_patients_line_is_drawn_over_the_band_and_thresholds() -> None:
    svg = trend_svg(COURSE, "wide", "t")
    order = [
        svg.index(f'class="{cls}"') for cls in ("band", "real", "target", "today", "own", "dot")
    ]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("days", "spans"), [(0, "one day"), (3, "days"), (200, "months"), (740, "two years")]
)
def test_dates_are_real_and_a_year_is_always_named(days: int, spans: str) -> None:
    points = (TrendPoint(START, 7), TrendPoint(START + timedelta(days), 4))
    data = replace(COURSE, points=points, sessions=(), until=None, today=START)
    for width in WIDTHS:
        texts = [item.text or "" for item in parsed(trend_svg(data, width, "t")).iter(f"{SVG}text")]
        assert any(re.search(r"\b20\d\d\b", text) for text in texts), spans


def test_the_last_value_stands_beside_its_dot() -> None:
    for width in WIDTHS:
        labels = drawn(trend_svg(COURSE, width, "t"), "text", "own-label")
        assert [label.text for label in labels] == ["4", "7"]


def test_words_from_people_cannot_become_markup() -> None:
    data = replace(COURSE, finding="<script>alert(1)</script>", band_label='a" <b>')
    for width in WIDTHS:
        assert "<script" not in trend_svg(data, width, "t")
        assert "<b>" not in trend_svg(data, width, "t")


def test_the_table_tells_the_same_numbers_by_date_with_the_band_between_its_days() -> None:
    table = trend_table(COURSE)
    assert table.head == ("Date", "Pain, 0 to 10", "Salt water or time alone, middle half")
    assert table.rows[0] == ("7 Sep 2026", "7 (before treatment)", "")
    assert table.rows[1] == ("21 Sep 2026", "6 (before treatment)", "6 to 7")
    assert table.rows[2][:2] == ("28 Sep 2026", "session given")
    assert table.rows[3][:2] == ("11 Oct 2026", "no answer")
    assert table.rows[-1] == ("7 Dec 2026", "session planned", "4.43 to 6.61")


def test_the_description_says_what_the_picture_shows() -> None:
    svg = trend_svg(COURSE, "wide", "t")
    told = parsed(svg).findtext(f"{SVG}desc") or ""
    for words in ("Lower is better.", "4 on 22 Nov 2026", "1 session given", "1 not answered"):
        assert words in told


def test_it_refuses_a_scale_whose_ends_are_swapped() -> None:
    with pytest.raises(ValueError, match="the high end must be above the low end"):
        replace(COURSE, low=10, high=0)


def test_it_refuses_words_too_long_for_a_phone_and_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="put the rest into its note"):
        replace(
            COURSE, target=Level(1, "Target: 0.6 or less, which is 90 % relief, the clinic's own")
        )


def with_fan(data: TrendData = COURSE) -> TrendData:
    fan = (
        FanPoint(date(2026, 11, 22), 4, (4, 4), (4, 4)),
        FanPoint(date(2026, 12, 20), 3.5, (1.5, 5.5), (0.2, 6.6)),
        FanPoint(date(2027, 3, 29), 3.1, (0.4, 5.8), (0, 7.5)),
    )
    return replace(data, fan=fan, fan_note="80 and 95 of 100")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_forecast_opens_from_the_last_reading_between_the_sand_band_and_its_edges(
    width: str,
) -> None:
    svg = trend_svg(with_fan(), width, "t")  # type: ignore[arg-type]
    order = [svg.index(f'class="{cls}"') for cls in ("band", "fan wider", "fan", "band-edge")]
    assert order == sorted(order) and svg.index('"own expected"') < svg.index('"own"')
    narrow, wide = (
        max(float(y) for y in re.findall(r",([\d.]+)", drawn(svg, "path", cls)[place].get("d", "")))
        for cls, place in (("fan", 1), ("fan wider", 0))
    )
    assert narrow <= wide
    assert "Forecast for 29 Mar 2027: about 3.1; 80 and 95 of 100: 0.4 to 5.8, 0 to 7.5." in svg
    for one, other in combinations(trend_labels(with_fan(), width), 2):  # type: ignore[arg-type]
        assert not one.meets(other)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["Salt water or time alone", "Salt water into all the ligaments"])
def test_each_band_says_how_wide_it_is_on_a_telephone_too(width: str, name: str) -> None:
    data = replace(with_fan(), band_label=name)
    svg = trend_svg(data, width, "t")  # type: ignore[arg-type]
    words = " ".join(item.text or "" for item in parsed(svg).iter(f"{SVG}text"))
    assert "middle half" in words and "80 and 95 of 100" in words
    for one, other in combinations(trend_labels(data, width), 2):  # type: ignore[arg-type]
        assert not one.meets(other)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_start_that_is_the_mean_of_several_readings_is_named(width: str) -> None:
    data = replace(COURSE, start=Decimal("6.5"))
    svg = trend_svg(data, width, "t")  # type: ignore[arg-type]
    assert [label.text for label in drawn(svg, "text", "own-label")] == ["4", "start 6.5"]
    assert len(drawn(svg, "line", "heavy")) == 1
    assert "Start 6.5: the mean of the readings before treatment." in svg


def test_without_a_forecast_nothing_is_drawn_for_it() -> None:
    assert 'class="fan' not in trend_svg(COURSE, "wide", "t")
    assert "Forecast" not in trend_svg(COURSE, "wide", "t")
