"""The forest plot: what is pooled is a diamond, what is not is open, and nothing has a style."""

import math
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from enthesis.charts.forest import forest_file, forest_svg
from enthesis.charts.forest_data import (
    ForestData,
    ForestDiamond,
    ForestGroup,
    ForestRow,
    forest_table,
)

SVG = "{http://www.w3.org/2000/svg}"
DOMAINS = ("allocation", "blinding")
ROWS = (
    ForestRow("Adams 2001", "30 v 30", -12, -20, -4, 75, ("low", "some")),
    ForestRow("Brown 2002", "10 v 12", -3, -17, 11, 25, ("high", "")),
)
SHOWN = ForestRow("Clark 2003", "9 v 9", 5, -30, 40, None, ("", ""), reason="knees were counted")
DATA = ForestData(
    title="Pain: every trial",
    axis="Difference in pain, points of 100",
    low_words="treatment better",
    high_words="comparison better",
    groups=(ForestGroup("Low", ROWS), ForestGroup("Shown, not pooled", (SHOWN,))),
    diamond=ForestDiamond("All 3 trials", "", -8, -14, -2, (-20, 4)),
    zone=10,
    domains=DOMAINS,
)


def drawn(data: ForestData, width: str = "wide") -> ET.Element:
    return ET.fromstring(forest_svg(data, width, "f"))  # type: ignore[arg-type]  # noqa: S314


def of_class(root: ET.Element, *names: str) -> list[ET.Element]:
    return [e for e in root.iter() if set(names) <= set((e.get("class") or "").split())]


@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_it_draws_every_trial_and_one_diamond(width: str) -> None:
    root = drawn(DATA, width)
    assert len(of_class(root, "study")) == 3
    assert len(of_class(root, "diamond")) == len(of_class(root, "prediction")) == 1
    assert len(of_class(root, "zone")) == 1


@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_without_a_pool_there_is_no_diamond_and_the_note_says_why(width: str) -> None:
    root = drawn(replace(DATA, diamond=None, note="Two trials: too few to pool."), width)
    assert not of_class(root, "diamond") and not of_class(root, "prediction")
    assert "too few to pool" in " ".join(root.itertext())


def test_a_trial_that_is_only_shown_is_open_and_dotted_with_its_reason() -> None:
    root = drawn(DATA)
    assert len(of_class(root, "study", "shown")) == len(of_class(root, "whisker", "shown")) == 1
    assert "Not pooled: knees were counted." in " ".join(root.itertext())


def test_the_area_of_a_square_is_its_weight() -> None:
    heavy, light, _ = (float(e.get("width", 0)) for e in of_class(drawn(DATA), "study"))
    assert (heavy / light) ** 2 == pytest.approx(3, rel=0.02)


def test_bias_is_told_in_shape_for_every_domain() -> None:
    symbols = ["".join(e.itertext()) for e in of_class(drawn(DATA), "bias")]
    assert symbols == ["+", "!", "–", "?", "?", "?"]


@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_it_carries_classes_only_and_a_name(width: str) -> None:
    root = drawn(DATA, width)
    assert not [e for e in root.iter() if e.get("style") or e.tag == f"{SVG}style"]
    assert root.get("role") == "img"
    assert root.find(f"{SVG}title").text == "Pain: every trial"  # type: ignore[union-attr]


@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_every_mark_lies_within_the_drawing(width: str) -> None:
    root = drawn(DATA, width)
    across = float((root.get("viewBox") or "").split()[2])
    for line in of_class(root, "whisker"):
        assert 0 <= float(line.get("x1", -1)) <= float(line.get("x2", -1)) <= across


def test_a_file_that_stands_alone_brings_the_rules_of_its_classes() -> None:
    root = ET.fromstring(forest_file(DATA))  # noqa: S314
    (style,) = root.iter(f"{SVG}style")
    for name in ("diamond", "whisker", "study", "zone", "prediction"):
        assert f".{name}" in (style.text or "")


def test_the_table_says_all_that_the_picture_says() -> None:
    table = forest_table(DATA)
    text = " ".join(str(cell) for row in table["rows"] for cell in row)  # type: ignore[attr-defined]
    for part in ("Adams 2001", "75 %", "shown only: knees were counted", "All 3 trials"):
        assert part in text
    assert "allocation low, blinding some" in text
    assert "−20.0 to +4.0" in text


def test_a_ratio_is_shown_as_a_ratio_on_a_log_scale() -> None:
    rows = (ForestRow("A", "", math.log(2), math.log(1.1), math.log(4), 100),)
    data = replace(DATA, groups=(ForestGroup("", rows),), diamond=None, zone=0, is_ratio=True)
    text = " ".join(drawn(data).itertext())
    assert "2.00 (1.10 to 4.00)" in text
    ticks = [math.exp(tick) for tick in data.ticks(5)]
    assert ticks[0] == pytest.approx(1) and ticks[-1] >= 4


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (ForestRow("A", "", 0, -1, math.inf), "must be finite"),
        (ForestRow("A", "", 5, -1, 1), "hold its estimate"),
        (ForestRow("A", "", math.nan, -1, 1), "hold its estimate"),
    ],
)
def test_it_refuses_an_interval_that_cannot_be_drawn(row: ForestRow, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        replace(DATA, groups=(ForestGroup("", (row,)),))


def test_it_refuses_a_plot_without_trials() -> None:
    with pytest.raises(ValueError, match="needs a trial"):
        replace(DATA, groups=())


def test_names_of_trials_are_escaped() -> None:
    rows = (replace(ROWS[0], name="<script>&"),)
    assert "<script>" not in forest_svg(replace(DATA, groups=(ForestGroup("", rows),)), "wide", "f")
