"""The body map: every site has its place, the sides are printed, and no marker hides another."""

import csv
from datetime import date
from math import hypot
from pathlib import Path
from xml.etree import ElementTree

import pytest

import enthesis
from enthesis.charts.anatomy import MAPS
from enthesis.charts.anatomy.drawing import Drawing
from enthesis.charts.body_map import RADIUS, STATE_WORDS, MapPoint, body_map_svg
from enthesis.knowledge.load import knowledge
from enthesis.records import Side

SVG = "{http://www.w3.org/2000/svg}"
TABLE = Path(enthesis.__file__).parent / "knowledge/tables/site_positions.csv"
with TABLE.open(encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))
VIEWS = {view.id: view for views in MAPS.values() for view in views}
SIDES = [side.value for side in Side]
MIDLINE_MAPS = sorted(name for name, views in MAPS.items() if not views[0].flips)


def points_of(body_map: str, *sides: str) -> list[MapPoint]:
    views = {view.id for view in MAPS[body_map]}
    rows = [row for row in ROWS if row["map"] in views and row["side"] in (sides or SIDES)]
    return [
        MapPoint(
            *(number, float(r["x"]), float(r["y"]), "planned", r["site"]),
            *(Side(r["side"]), r["map"]),
        )
        for number, r in enumerate(rows, 1)
    ]


def circles(svg: str, cls: str) -> list[tuple[float, float]]:
    """Centres of the markers of one state."""
    root = ElementTree.fromstring(svg)  # noqa: S314  our own output
    groups = [g for g in root.iter(f"{SVG}g") if g.get("class") == f"point {cls}"]
    found = [item for group in groups for item in group.iter(f"{SVG}circle")]
    return [(float(item.get("cx", "")), float(item.get("cy", ""))) for item in found]


@pytest.mark.parametrize("body_map", MIDLINE_MAPS)
@pytest.mark.parametrize("width", ["wide", "narrow"])
@pytest.mark.parametrize("sides", [("left", "midline"), ("left", "right", "midline")])
def test_no_marker_covers_another_and_none_changes_sides(
    body_map: str, width: str, sides: tuple[str, ...]
) -> None:
    (view,) = MAPS[body_map]
    points = points_of(body_map, *sides)
    places = circles(body_map_svg(body_map, points, "m", width=width), "planned")  # type: ignore[arg-type]
    assert len(places) == len(points)
    for index, (x, y) in enumerate(places):
        assert all(hypot(x - a, y - b) >= 2 * RADIUS for a, b in places[:index])
        if points[index].side == Side.LEFT:
            assert x < view.across / 2
        if points[index].side == Side.RIGHT:
            assert x > view.across / 2


@pytest.mark.parametrize("drawing", VIEWS.values(), ids=lambda view: view.id)
def test_the_sites_of_a_drawing_lie_on_it_and_paired_ones_mirror_each_other(
    drawing: Drawing,
) -> None:
    rows = [row for row in ROWS if row["map"] == drawing.id]
    at = {(row["site"], row["side"]): (float(row["x"]), float(row["y"])) for row in rows}
    assert len(at) == len(rows)
    for frame in filter(None, (drawing.frame, drawing.crop)):
        left, top, across, down = frame
        assert all(left < x < left + across and top < y < top + down for x, y in at.values())
        assert 2 * left + across == drawing.across, "a crop keeps the middle"
    for (site, side), (x, y) in at.items():
        if side == "midline":
            assert x == drawing.across / 2
        else:
            other = {"left": "right", "right": "left"}[side]
            assert at[site, other] == pytest.approx((drawing.across - x, y))
            assert drawing.flips or (x < drawing.across / 2) == (side == "left")


@pytest.mark.parametrize("body_map", sorted(MAPS))
def test_every_target_of_the_region_of_a_map_has_its_place_on_it(body_map: str) -> None:
    known = knowledge(date(2026, 11, 26))
    regions = {c.region for c in known.conditions.values() if c.body_map == body_map}
    placed = {(point.label, point.side.value) for point in points_of(body_map)}
    for site in known.sites.values():
        if site.region in (regions or {body_map}) and site.role == "target":
            sides = ("left", "right") if site.paired else ("midline",)
            assert {(site.id, side) for side in sides} <= placed


@pytest.mark.parametrize("body_map", sorted(MAPS))
@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_every_map_holds_all_its_sites_at_once_and_names_itself(body_map: str, width: str) -> None:
    points = points_of(body_map)
    svg = body_map_svg(body_map, points, "m", width=width)  # type: ignore[arg-type]
    root = ElementTree.fromstring(svg)  # noqa: S314  our own output
    pictures = list(root.iter(f"{SVG}svg"))
    assert len(pictures) == sum(2 if view.flips else 1 for view in MAPS[body_map])
    for picture in pictures:
        assert picture.findtext(f"{SVG}title")
        told = picture.findtext(f"{SVG}desc") or ""
        shown = [g for g in picture.iter(f"{SVG}g") if g.get("class") == "point planned"]
        assert told.count(", planned") == len(shown) > 0
    texts = " ".join(item.text or "" for item in root.iter(f"{SVG}text"))
    assert "LEFT" in texts and "RIGHT" in texts
    assert "away" in texts.lower(), "what to keep away from is named"
    ids = [item.get("id") for item in root.iter() if item.get("id")]
    assert len(ids) == len(set(ids))
    assert "style" not in svg


@pytest.mark.parametrize("body_map", sorted(MAPS))
@pytest.mark.parametrize("side", [Side.LEFT, Side.RIGHT])
def test_no_marker_is_moved_onto_what_to_keep_away_from(body_map: str, side: Side) -> None:
    points = points_of(body_map, side, "midline")
    strokes = [stroke for view in MAPS[body_map] for stroke in view.strokes]
    assert any(stroke.cls.startswith("away") for stroke in strokes)
    for view in MAPS[body_map]:
        here = [point for point in points if point.drawing == view.id]
        svg = body_map_svg(body_map, here, "m", side=side)
        root = ElementTree.fromstring(svg)  # noqa: S314  our own output
        moved = [
            (float(one.get("x1", "")), float(one.get("y1", ""))) for one in root.iter(f"{SVG}line")
        ]
        mirrored = view.flips and side == Side.LEFT
        for x, y in view.away:
            a = view.across - x if mirrored else x
            assert all(hypot(a - mx, y - my) > RADIUS + 4.9 for mx, my in moved)


@pytest.mark.parametrize("width", ["wide", "narrow"])
@pytest.mark.parametrize("body_map", MIDLINE_MAPS)
def test_left_and_right_are_printed_with_the_patients_left_on_the_viewers_left(
    body_map: str, width: str
) -> None:
    root = ElementTree.fromstring(body_map_svg(body_map, [], "m", width=width))  # type: ignore[arg-type]  # noqa: S314
    at = {item.text: float(item.get("x", "")) for item in root.iter(f"{SVG}text")}
    assert at["LEFT"] < MAPS[body_map][0].across / 2 < at["RIGHT"]


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


@pytest.mark.parametrize("region", ["low_back", "knee"])
def test_states_differ_in_shape_not_only_in_colour(region: str) -> None:
    style = (Path(enthesis.__file__).parent / "clinic/static/clinic/maps.css").read_text()
    point = MapPoint(1, 170, 150, "tender", "x", Side.LEFT)
    assert "diamond" not in body_map_svg(region, [point], "m", side=Side.LEFT)
    marker = body_map_svg(region, [point], "m", side=Side.LEFT).split('class="point tender"')[1]
    assert marker.startswith("><path"), "tender is a diamond, the others are circles"
    assert "stroke-dasharray" in style.split(".point.left_out circle")[1].split("}")[0]
    assert "fill: var(--accent)" in style.split(".point.given circle")[1].split("}")[0]


def test_every_state_has_a_shape_and_words_of_its_own() -> None:
    shapes, told = {}, {}
    for state in STATE_WORDS:
        point = MapPoint(1, 170, 150, state, "x", Side.LEFT)  # type: ignore[arg-type]
        svg = body_map_svg("low_back", [point], "m")
        marker = svg.split(f'class="point {state}"')[1].split("<text")[0]
        shapes[state] = marker if "<path" in marker else state  # rings differ by their line
        told[state] = svg.split("<desc")[1].split("</desc>")[0]
    assert len(set(shapes.values())) == len(set(told.values())) == len(STATE_WORDS)


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
