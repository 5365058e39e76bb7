"""The charts of outcomes: both lines where people were lost, no ranking, nothing without a rule."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

import enthesis
from enthesis.charts.curves import Table, Width, stepped, wrapped
from enthesis.charts.dot_rows import DotRow, DotRows, dot_rows_svg, dot_rows_table
from enthesis.charts.flow import FlowData, Step, flow_svg, flow_table
from enthesis.charts.funnel import FunnelData, Limit, Unit, funnel_svg, funnel_table
from enthesis.charts.harms import HarmsData, harms_svg, harms_table
from enthesis.charts.labels import width_of
from enthesis.charts.mean_trend import (
    MeanTrendData,
    WindowMean,
    mean_trend_svg,
    mean_trend_table,
)
from enthesis.charts.pen import words
from enthesis.charts.responder_curve import (
    Benchmark,
    ResponderData,
    responder_chart,
    responder_svg,
    responder_table,
)
from enthesis.charts.standalone import STYLE, standalone
from enthesis.charts.survival import (
    Ending,
    SurvivalData,
    survival_chart,
    survival_svg,
    survival_table,
)

ANYWAY = Benchmark("Salt water (benchmark)", "73 people", ((30, 49), (50, 37)))
RELIEF = ResponderData("Half reached 50 %", (100, 60, 50, 30, 0, -20), 8, ANYWAY)
TREND = MeanTrendData(
    "Pain fell from 6 to 3",
    "Pain, 0 to 10; lower is better",
    0,
    10,
    "Here",
    (WindowMean(0, "start", 6, 5, 7, 8, 8), WindowMean(12, "12 weeks", 3, 2, 4, 5, 8)),
    ((0, 3, 5), (9, 2, 4)),
    "Salt water (benchmark)",
)
TARGET = SurvivalData(
    "3 of 8 reached it",
    12,
    8,
    Ending("Reached", ((4, 0.125), (8, 0.3)), 3),
    Ending("Stopped", ((6, 0.25),), 2),
    ((0, 8), (6, 5), (12, 2)),
)
UNITS = (
    Unit("Clinician 2", 90, 0.2, True, 0.25, 0.2, 0.3),
    Unit("Clinician 1", 40, 0.5, False, 0.48),
    Unit("Clinician 10", 9, 0.5, False, 0.47),
)
LIMITS = (Limit(5, 0.1, 0.9, 0, 1), Limit(100, 0.35, 0.55, 0.3, 0.6))
FUNNEL = FunnelData("One lies outside", "reached 50 %", 0.45, UNITS, LIMITS)
FLOW = FlowData(
    "Of 10, 6 answered",
    (
        Step("Opened", 10, (("not suitable", 2),)),
        Step("Began", 8, (("silent", 2), ("waiting", 0))),
        Step("Answered", 6),
    ),
)
HARMS = HarmsData("Three harms", (90, 60, 3), 20, 173, 60, 4)
ODDS = DotRows(
    "Older people are silent more often",
    "Odds of silence, times",
    "Silent of began",
    (
        DotRow("each ten years of age", 1.4, 1.1, 1.8, "9 of 90"),
        DotRow("female", 0.8, 0.4, None, "x"),
    ),
    (1.0, "no difference"),
    is_ratio=True,
)
Draw = Callable[[object, Width, str], str]
CHARTS = [
    (RELIEF, responder_svg, responder_table),
    (TREND, mean_trend_svg, mean_trend_table),
    (TARGET, survival_svg, survival_table),
    (FUNNEL, funnel_svg, funnel_table),
    (FLOW, flow_svg, flow_table),
    (HARMS, harms_svg, harms_table),
    (ODDS, dot_rows_svg, partial(dot_rows_table, head="Known before")),
]
CSS = Path(enthesis.__file__).parent / "clinic/static/clinic/charts.css"


def classes_of(root: ET.Element) -> set[str]:
    return {name for e in root.iter() for name in (e.get("class") or "").split()}


@pytest.mark.parametrize("width", ["wide", "narrow"])
@pytest.mark.parametrize(("data", "draw", "table"), CHARTS, ids=lambda x: type(x).__name__)
def test_it_is_named_described_drawn_with_classes_only_and_every_word_stays_inside(
    data: object, draw: Draw, table: Callable[[object], Table], width: Width
) -> None:
    root = ET.fromstring(draw(data, width, "c"))  # noqa: S314
    assert root.get("role") == "img"
    assert [child.tag.split("}")[1] for child in root][:2] == ["title", "desc"]
    assert not any(e.get("style") or e.get("fill") for e in root.iter())
    across = float((root.get("viewBox") or "").split()[2])
    assert across == {"wide": 740, "narrow": 358}[width]
    for e in root.iter("{http://www.w3.org/2000/svg}text"):
        x, room = float(e.get("x") or 0), width_of(e.text or "", 13)
        cls = (e.get("class") or "").split()
        left = x - (room if "end" in cls else room / 2 if "middle" in cls else 0)
        assert left > -12 and left + room < across + 12, e.text
    rows = table(data)
    assert rows.rows and all(len(row) == len(rows.head) for row in rows.rows)


@pytest.mark.parametrize(("data", "draw", "_"), CHARTS, ids=lambda x: type(x).__name__)
def test_every_class_has_a_rule_on_the_screen_and_in_a_file_of_its_own(
    data: object, draw: Draw, _: object
) -> None:
    css = CSS.read_text()
    places = {"chart", "wide", "narrow"}
    names = {"dot-rows", "responder", "means", "survival", "funnel", "flow", "harms"}
    for name in classes_of(ET.fromstring(draw(data, "wide", "c"))) - places - names:  # noqa: S314
        assert f".{name}" in css, name
        assert f".{name}" in STYLE or name in {"halo", "baseline"}, name
    assert standalone(draw(data, "wide", "c")).count("<style>") == 1


def test_lost_counted_as_not_reached_is_drawn_beside_the_answered_and_never_above() -> None:
    own, lost, anyway = responder_chart(RELIEF).curves
    assert (own.kind, lost.kind, anyway.kind) == ("own", "lost", "anyway")
    assert all(b[1] <= a[1] for a, b in zip(own.points, lost.points, strict=True))
    assert dict(own.points)[50] == 50 and dict(lost.points)[50] == 37.5
    assert all(b[1] <= a[1] for a, b in pairwise(own.points)), "a cumulative curve never rises"


def test_with_nobody_lost_there_is_one_line() -> None:
    chart = responder_chart(replace(RELIEF, begun=6, anyway=None))
    assert [curve.kind for curve in chart.curves] == ["own"]


def test_the_responder_table_says_where_the_benchmark_was_not_published() -> None:
    rows = {row[0]: row for row in responder_table(RELIEF).rows}
    assert rows["50 %"] == ("50 %", "3 of 6", "50", "37.5", "37")
    assert rows["70 %"][-1] == "not known"


def test_stopping_is_its_own_curve_that_starts_at_nobody_and_stays_level() -> None:
    reached, stopped = survival_chart(TARGET).curves
    assert (reached.kind, stopped.kind) == ("own", "halted")
    assert stopped.points == ((0, 0), (6, 25), (12, 25))
    assert stepped(stopped.points)[:3] == [(0, 0), (6, 0), (6, 25)]
    assert survival_table(TARGET).rows[1] == ("week 6", "12.5", "25", "5")


def test_who_lies_outside_is_hollow_and_asked_about_and_the_table_is_no_ranking() -> None:
    root = ET.fromstring(funnel_svg(FUNNEL, "wide", "f"))  # noqa: S314
    hollow = [e for e in root.iter() if e.get("class") == "dot baseline"]
    assert len(hollow) == 1 and "Clinician 2: ask why" in " ".join(root.itertext())
    rows = funnel_table(FUNNEL).rows
    assert [row[0] for row in rows] == ["Clinician 1", "Clinician 2", "Clinician 10"]
    assert [row[3] for row in rows] == ["48", "25 (20 to 30)", "47"]


def test_a_harm_that_came_too_soon_is_asked_about_and_the_running_gap_is_hollow() -> None:
    root = ET.fromstring(harms_svg(HARMS, "wide", "h"))  # noqa: S314
    kinds = [e.get("class") for e in root.iter() if e.tag.endswith("circle")]
    assert kinds == ["dot", "dot", "alarmed", "dot baseline"]
    assert harms_table(HARMS).rows[2] == ("3", "3", "ask why")


def test_an_interval_without_an_end_says_so_and_is_drawn_to_the_edge() -> None:
    assert dot_rows_table(ODDS, "x").rows[1] == ("female", "0.8 (0.4 to no limit)", "x")
    root = ET.fromstring(dot_rows_svg(ODDS, "wide", "o"))  # noqa: S314
    bars = [e for e in root.iter() if e.get("class") == "error heavy"]
    assert [float(bar.get("x2") or 0) for bar in bars][1] == 560


def test_a_flow_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Began: 8, less 1 .* is not 6 \(Answered\)"):
        FlowData("x", (Step("Began", 8, (("silent", 1),)), Step("Answered", 6)))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: ResponderData("x", (), 3), "Nobody answered"),
        (lambda: ResponderData("x", (1, 2), 1), "2 answered and only 1 began"),
        (lambda: replace(TREND, windows=TREND.windows[:1]), "two windows"),
        (lambda: replace(FUNNEL, units=UNITS[:1]), "two units"),
        (lambda: FlowData("x", ()), "at least one step"),
    ],
)
def test_it_refuses_what_cannot_be_drawn(make: Callable[[], object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        make()


def test_words_are_wrapped_to_the_room_and_none_is_lost() -> None:
    text = "Salt water or time alone, middle half (benchmark)"
    lines = wrapped(text, 13, 120)
    assert " ".join(lines) == text and all(width_of(line, 13) <= 120 for line in lines)


def test_on_paper_a_halo_is_the_same_words_beneath_in_a_broad_line() -> None:
    drawn = words(3, 4, "alarm & more", "strong halo middle")
    shown = standalone(f"<svg>{drawn}{words(1, 2, 'plain', 'strong')}</svg>")
    assert shown.count("alarm &amp; more") == 2 and shown.count("plain") == 1
    under, over = re.findall(r'<text [^>]*class="([^"]*)"[^>]*>alarm', shown)
    assert "under" in under.split() and "under" not in over.split()
