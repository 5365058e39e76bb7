"""The body map: every site has its place, the sides are printed, and no marker hides another."""

import csv
from math import hypot
from pathlib import Path
from xml.etree import ElementTree

import pytest

import enthesis
from enthesis.charts.body_map import RADIUS, MapPoint, Region, body_map_svg
from enthesis.records import Side

SVG = "{http://www.w3.org/2000/svg}"
TABLE = Path(enthesis.__file__).parent / "knowledge/tables/site_positions.csv"
with TABLE.open(encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))


def points_of(region: str, *sides: str) -> list[MapPoint]:
    rows = [row for row in ROWS if row["map"] == region and row["side"] in sides]
    return [
        MapPoint(number, float(r["x"]), float(r["y"]), "planned", r["site"], Side(r["side"]))
        for number, r in enumerate(rows, 1)
    ]


def circles(svg: str, cls: str) -> list[tuple[float, float]]:
    """Centres of the markers of one state."""
    root = ElementTree.fromstring(svg)  # noqa: S314  our own output
    groups = [g for g in root.iter(f"{SVG}g") if g.get("class") == f"point {cls}"]
    found = [item for group in groups for item in group.iter(f"{SVG}circle")]
    return [(float(item.get("cx", "")), float(item.get("cy", ""))) for item in found]


@pytest.mark.parametrize("width", ["wide", "narrow"])
@pytest.mark.parametrize("sides", [("left", "midline"), ("left", "right", "midline")])
def test_no_marker_covers_another_and_none_changes_sides(
    width: str, sides: tuple[str, ...]
) -> None:
    points = points_of("low_back", *sides)
    places = circles(body_map_svg("low_back", points, "m", width=width), "planned")  # type: ignore[arg-type]
    assert len(places) == len(points)
    for index, (x, y) in enumerate(places):
        assert all(hypot(x - a, y - b) >= 2 * RADIUS for a, b in places[:index])
        if points[index].side == Side.LEFT:
            assert x < 267
        if points[index].side == Side.RIGHT:
            assert x > 267


@pytest.mark.parametrize("site", sorted({row["site"] for row in ROWS}))
def test_paired_sites_mirror_each_other(site: str) -> None:
    rows = {row["side"]: row for row in ROWS if row["site"] == site}
    if "midline" in rows:
        assert float(rows["midline"]["x"]) == 267
        assert len(rows) == 1
    else:
        across = 534 if rows["left"]["map"] == "low_back" else 300
        assert float(rows["left"]["x"]) + float(rows["right"]["x"]) == across
        assert rows["left"]["y"] == rows["right"]["y"]


@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_left_and_right_are_printed_with_the_patients_left_on_the_viewers_left(width: str) -> None:
    root = ElementTree.fromstring(body_map_svg("low_back", [], "m", width=width))  # type: ignore[arg-type]  # noqa: S314
    at = {item.text: float(item.get("x", "")) for item in root.iter(f"{SVG}text")}
    assert at["LEFT"] < 267 < at["RIGHT"]
    assert "Sciatic nerve:" in at


@pytest.mark.parametrize(("side", "knees"), [(Side.LEFT, 1), (Side.RIGHT, 1), (Side.BOTH, 2)])
def test_one_drawing_for_each_knee_treated(side: Side, knees: int) -> None:
    root = ElementTree.fromstring(body_map_svg("knee", [], "k", side=side))  # noqa: S314
    assert len(list(root.iter(f"{SVG}svg"))) == knees
    texts = [item.text for item in root.iter(f"{SVG}text")]
    assert ("LEFT knee" in texts) == (side != Side.RIGHT)
    assert texts.count("from the front, facing you") == knees


def test_the_outer_side_of_a_left_knee_is_on_the_viewers_right() -> None:
    root = ElementTree.fromstring(body_map_svg("knee", [], "k", side=Side.LEFT))  # noqa: S314
    at = {item.text: float(item.get("x", "")) for item in root.iter(f"{SVG}text")}
    assert at["inner side"] < 150 < at["outer side"]
    fibula = next(row for row in ROWS if row["site"] == "lcl_fibular" and row["side"] == "left")
    assert float(fibula["x"]) > 150


def test_every_knee_site_lands_on_the_knee_of_its_side() -> None:
    points = points_of("knee", "left", "right")
    root = ElementTree.fromstring(body_map_svg("knee", points, "k"))  # noqa: S314
    told = [item.text or "" for item in root.iter(f"{SVG}desc")]
    assert [text.count("planned") for text in told] == [9, 9]


@pytest.mark.parametrize("region", ["low_back", "knee"])
def test_states_differ_in_shape_not_only_in_colour(region: Region) -> None:
    style = (Path(enthesis.__file__).parent / "clinic/static/clinic/charts.css").read_text()
    point = MapPoint(1, 170, 150, "tender", "x", Side.LEFT)
    assert "diamond" not in body_map_svg(region, [point], "m", side=Side.LEFT)
    marker = body_map_svg(region, [point], "m", side=Side.LEFT).split('class="point tender"')[1]
    assert marker.startswith("><path"), "tender is a diamond, the others are circles"
    assert "stroke-dasharray" in style.split(".point.left_out circle")[1].split("}")[0]
    assert "fill: var(--accent)" in style.split(".point.given circle")[1].split("}")[0]


def test_numbers_link_to_their_rows_and_the_map_is_then_a_group() -> None:
    point = MapPoint(4, 170, 150, "given", "Iliolumbar ligament, left", Side.LEFT)
    linked = body_map_svg("low_back", [point], "m", row_link="#site-")
    assert 'href="#site-4"' in linked
    assert 'aria-label="4, Iliolumbar ligament, left, given: go to its row"' in linked
    assert 'role="group"' in linked
    assert 'role="img"' in body_map_svg("low_back", [point], "m")


def test_it_refuses_a_point_outside_the_map_and_says_which() -> None:
    with pytest.raises(ValueError, match=r"No room on the map for point 3 \(Nowhere\)"):
        body_map_svg("low_back", [MapPoint(3, 2000, 2000, "planned", "Nowhere")], "m")


def test_no_map_carries_a_style_of_its_own() -> None:
    for svg in (
        body_map_svg("low_back", points_of("low_back", "left"), "m"),
        body_map_svg("knee", points_of("knee", "left"), "m"),
    ):
        assert "style" not in svg
