"""The maps of the limbs: what lies where, by the names of the sites, and nothing on a nerve."""

import csv
from math import hypot
from pathlib import Path

import pytest

import enthesis
from enthesis.charts.anatomy import MAPS
from enthesis.charts.body_map import RADIUS, MapPoint, body_map_svg
from enthesis.records import Side

LIMBS = ["ankle_foot", "elbow", "hand", "hip", "shoulder"]
TABLE = Path(enthesis.__file__).parent / "knowledge/tables/site_positions.csv"
with TABLE.open(encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))
VIEWS = {view.id: view for limb in LIMBS for view in MAPS[limb]}
AT = {
    (row["site"], row["side"]): (row["map"], float(row["x"]), float(row["y"]))
    for row in ROWS
    if row["map"] in VIEWS
}


@pytest.mark.parametrize("limb", LIMBS)
@pytest.mark.parametrize("side", [Side.LEFT, Side.RIGHT])
def test_every_place_of_a_limb_stands_where_it_is_with_all_chosen_at_once(
    limb: str, side: Side
) -> None:
    views = {view.id for view in MAPS[limb]}
    points = [
        MapPoint(number, x, y, "planned", site, side, view)
        for number, ((site, of), (view, x, y)) in enumerate(AT.items(), 1)
        if view in views and of == side
    ]
    drawn = body_map_svg(limb, points, "m", side=side)
    assert drawn.count('class="point planned"') == len(points)
    assert "leader" not in drawn, "none has to give way to another"


def test_a_place_of_a_limb_stands_on_one_view_only() -> None:
    assert len(AT) == sum(row["map"] in VIEWS for row in ROWS)


@pytest.mark.parametrize("view", sorted(set(VIEWS) - {"hand"}))
def test_no_marker_of_a_limb_covers_what_to_keep_away_from(view: str) -> None:
    # On a finger both run along the bone: there the nerve's line shows between the joints.
    for at, x, y in [place for (_, side), place in AT.items() if side == Side.RIGHT]:
        if at == view:
            assert all(hypot(x - a, y - b) > RADIUS + 4 for a, b in VIEWS[view].away)


# Of a right limb, the first place lies further to the viewer's left (x) or further up (y).
ORDERED = [
    ("x", "supraspinatus", "subscapularis"),
    ("x", "subscapularis", "biceps_long"),
    ("x", "biceps_long", "biceps_short"),
    ("y", "biceps_long", "ighl_anterior"),
    ("y", "infraspinatus", "teres_minor"),
    ("x", "triceps_scapula", "ighl_posterior"),
    ("x", "ighl_posterior", "infraspinatus"),
    ("y", "triceps_scapula", "teres_minor_scapula"),
    ("y", "lateral_supracondylar", "lateral_epicondyle"),
    ("x", "lateral_epicondyle", "annular"),
    ("x", "gluteus_minimus", "hip_joint"),
    ("y", "hip_joint", "iliopsoas"),
    ("y", "iliopsoas", "adductors"),
    ("x", "piriformis", "gluteus_medius"),
    ("x", "achilles", "calcaneofibular"),
    ("x", "calcaneofibular", "atfl"),
    ("x", "deltoid", "plantar_fascia"),
    *(
        ("x", f"{joint}_lateral", f"{joint}_medial")
        for joint in (
            "thumb_ip",
            *(f"{f}_{j}" for f in ("index", "middle", "ring", "little") for j in ("pip", "dip")),
        )
    ),
    *(
        ("y", f"{finger}_dip_{side}", f"{finger}_pip_{side}")
        for finger in ("index", "middle", "ring", "little")
        for side in ("lateral", "medial")
    ),
    ("x", "index_pip_medial", "middle_pip_lateral"),
    ("x", "middle_pip_medial", "ring_pip_lateral"),
    ("x", "ring_pip_medial", "little_pip_lateral"),
]


@pytest.mark.parametrize(("axis", "before", "after"), ORDERED)
def test_places_lie_as_in_the_body_and_mirrored_on_the_left(
    axis: str, before: str, after: str
) -> None:
    for side, sign in ((Side.RIGHT, 1), (Side.LEFT, -1 if axis == "x" else 1)):
        (view, *one), (other, *two) = AT[before, side], AT[after, side]
        assert view == other
        index = "xy".index(axis)
        assert sign * (two[index] - one[index]) > 0
