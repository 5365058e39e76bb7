"""Body maps: where the needle goes, on bones that can be told apart, with the sides printed.

The list beside the map is the real control; each number on the map may link to its row. The state
of a point is its shape: ring planned, filled given, dashed left out, diamond tender. Markers that
would cover each other are moved apart, never across the midline and never onto a nerve, with a
hairline to the true place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import cos, hypot, pi, sin
from typing import Literal

from enthesis.charts import anatomy
from enthesis.charts.anatomy import Stroke
from enthesis.charts.labels import Box, box_of, first_free
from enthesis.charts.pen import element, line, path_through, words
from enthesis.records import Side

Place = tuple[float, float]
Frame = tuple[float, float, float, float]
Region = Literal["low_back", "knee"]
State = Literal["planned", "given", "left_out", "tender"]
Width = Literal["wide", "narrow"]

RADIUS = 16.0
STATE_WORDS = {"planned": "planned", "given": "given", "left_out": "left out", "tender": "tender"}
KNEE_CELL = (-40.0, -44.0, 380.0, 492.0)
BACK_WHOLE, BACK_CROP = (0.0, 0.0, 534.0, 514.0), (68.0, 44.0, 398.0, 366.0)


@dataclass(frozen=True, slots=True)
class MapPoint:
    """A numbered place; x and y in the map's units (`knowledge/tables/site_positions.csv`)."""

    number: int
    x: float
    y: float
    state: State
    label: str
    side: Side = Side.MIDLINE


def body_map_svg(
    region: Region,
    points: Sequence[MapPoint],
    uid: str,
    *,
    side: Side = Side.BOTH,
    width: Width = "wide",
    row_link: str = "",
) -> str:
    """The map as SVG.

    `row_link` ("#site-") makes each number a link to its row. Of the low back there is a wide and a
    narrow drawing, of which the style sheet shows one. The knee is one drawing for each knee that
    `side` names (both: two, patient's right first, as they face you), the same on every screen.
    """
    if region == "low_back":
        return _low_back(points, uid, width, row_link)
    knees = [knee for knee in (Side.RIGHT, Side.LEFT) if side in (knee, Side.BOTH, Side.MIDLINE)]
    drawn = (
        _knee(knee, [p for p in points if p.side == knee], f"{uid}-{knee}", row_link)
        for knee in knees
    )
    return element("div", "".join(drawn), cls="maps")


def _low_back(points: Sequence[MapPoint], uid: str, width: Width, row_link: str) -> str:
    half = _paths(anatomy.BACK_SKIN + anatomy.BACK_HALF)
    over = _paths((*anatomy.BACK_LIGAMENTS, anatomy.SCIATIC))
    spine = "".join(_paths(vertebra) for vertebra in anatomy.VERTEBRAE)
    bones = _mirrored(half, 534) + _paths((anatomy.BACK_CLEFT,)) + spine + _paths(anatomy.SACRUM)
    drawing = bones + _mirrored(over, 534) + _paths((anatomy.BACK_MIDLINE,))
    box = BACK_WHOLE if width == "wide" else BACK_CROP
    title = "Low back and sacroiliac joints, seen from behind, the patient’s left on your left"
    away = [*anatomy.SCIATIC_PLACES, *((534 - x, y) for x, y in anatomy.SCIATIC_PLACES)]
    places = _places(points, box, away)
    named = _bone_names(places, 13 if width == "wide" else 17, box)
    body = drawing + _back_words(width, box) + named + _markers(points, places, row_link)
    return _map(f"{uid}-{width}", title, points, box, f"map low-back {width}", body, row_link)


def _knee(knee: Side, points: Sequence[MapPoint], uid: str, row_link: str) -> str:
    drawing = _paths((*anatomy.KNEE_SKIN, *anatomy.KNEE, anatomy.PERONEAL))
    if knee == Side.LEFT:
        drawing = _flipped(drawing, 300)
    away = [(x if knee == Side.RIGHT else 300 - x, y) for x, y in anatomy.PERONEAL_PLACES]
    places = _places(points, KNEE_CELL, away)
    title = f"{knee.capitalize()} knee, seen from the front as the patient faces you"
    body = drawing + _knee_words(knee) + _markers(points, places, row_link)
    return _map(uid, title, points, KNEE_CELL, "map knee", body, row_link)


def _paths(strokes: Sequence[Stroke]) -> str:
    return "".join(element("path", d=stroke.d, cls=stroke.cls) for stroke in strokes)


def _mirrored(markup: str, across: float) -> str:
    return element("g", markup) + _flipped(markup, across)


def _flipped(markup: str, across: float) -> str:
    return element("g", markup, transform=f"matrix(-1 0 0 1 {across:g} 0)")


def _back_words(width: Width, box: Frame) -> str:
    left, top, across, _ = box
    wide = width == "wide"
    inset = 16.0 if wide else 6.0
    x, y = left + inset, top + (28 if wide else 20)
    drawn = words(x, y, "LEFT", "side-word halo")
    drawn += words(x, y + 19, "seen from behind" if wide else "from behind", "halo")
    drawn += words(left + across - inset, y, "RIGHT", "side-word halo end")
    right, down = (522.0, 410.0) if wide else (left + across - 6, 384.0)
    drawn += words(right, down, "Sciatic nerve:", "away-label halo end")
    return drawn + words(right, down + 17, "keep away", "away-label halo end")


BONE_NAMES = (
    ("L3", 356.0, 41.0),
    ("L4", 356.0, 102.0),
    ("L5", 356.0, 174.0),
    ("ilium", 394.0, 192.0),
    ("sacrum", 326.0, 250.0),
)


def _bone_names(places: Sequence[Place], size: float, frame: Frame) -> str:
    """Names of bones, where no marker covers them and the crop shows them whole."""
    left, top, across, down = frame
    shown = Box(left, top, left + across, top + down)
    markers = [Box(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y in places]
    drawn = ""
    for name, x, y in BONE_NAMES:
        box = box_of(x, y, name, size)
        if box.within(shown) and first_free([box], markers):
            drawn += words(x, y, name, "halo")
    return drawn


def _knee_words(knee: Side) -> str:
    left, top, across, down = KNEE_CELL
    outer_left = knee == Side.RIGHT
    drawn = words(left + 6, top + 20, f"{knee.upper()} knee", "side-word")
    drawn += words(left + across - 6, top + 20, "from the front, facing you", "end")
    outer, inner = ("end", "") if not outer_left else ("", "end")
    far = {"": left + 6, "end": left + across - 6}
    drawn += words(far[outer], 20, "outer side", f"halo {outer}".strip())
    drawn += words(far[inner], 20, "inner side", f"halo {inner}".strip())
    for row, text in enumerate(("Peroneal", "nerve:", "keep away")):
        drawn += words(far[outer], 330 + 18 * row, text, f"away-label halo {outer}".strip())
    behind = "Behind the knee: vessels and nerve, keep away"
    return drawn + words(150, top + down - 8, behind, "away-label middle")


def _places(points: Sequence[MapPoint], frame: Frame, away: Sequence[Place]) -> list[Place]:
    """Where the markers stand: each at its true place, or next to it where another one is."""
    places: list[Place] = []
    for point in points:
        places.append(_free_place(point, places, frame, away))
    return places


def _free_place(
    point: MapPoint, taken: Sequence[Place], frame: Frame, away: Sequence[Place]
) -> Place:
    """The true place, or the nearest free one around it, off the nerve and within the picture."""
    if _is_free((point.x, point.y), taken, frame):
        return point.x, point.y
    for ring in range(1, 30):
        for turn in range(12):
            x = point.x + 8 * ring * cos(turn * pi / 6)
            y = point.y + 8 * ring * sin(turn * pi / 6)
            off_nerve = all(hypot(x - a, y - b) > RADIUS + 5 for a, b in away)
            if off_nerve and _keeps_half(point, x, frame) and _is_free((x, y), taken, frame):
                return x, y
    left, top, across, down = frame
    raise ValueError(
        f"No room on the map for point {point.number} ({point.label}) at {point.x}, {point.y}: "
        f"it must lie within {left:g}, {top:g} and {left + across:g}, {top + down:g}."
    )


def _keeps_half(point: MapPoint, x: float, frame: Frame) -> bool:
    """A marker of one side never stands on the other: a misread side is the worst error here."""
    middle = frame[0] + frame[2] / 2
    return point.side == Side.MIDLINE or (x - middle) * (point.x - middle) > 0


def _is_free(place: Place, taken: Sequence[Place], frame: Frame) -> bool:
    (x, y), (left, top, across, down) = place, frame
    across_fits = left + RADIUS <= x <= left + across - RADIUS
    down_fits = top + RADIUS <= y <= top + down - RADIUS
    apart = all(hypot(x - a, y - b) >= 2 * RADIUS + 1 for a, b in taken)
    return across_fits and down_fits and apart


def _markers(points: Sequence[MapPoint], places: Sequence[Place], row_link: str) -> str:
    leaders, markers = "", ""
    for point, (x, y) in zip(points, places, strict=True):
        if hypot(x - point.x, y - point.y) > 1:
            leaders += line(x, y, point.x, point.y, "leader")
            leaders += element("circle", cx=point.x, cy=point.y, r=3, cls="spot")
        markers += _marker(point, x, y, row_link)
    return leaders + markers


def _marker(point: MapPoint, x: float, y: float, row_link: str) -> str:
    if point.state == "tender":
        reach = RADIUS + 3
        corners = [(x, y - reach), (x + reach, y), (x, y + reach), (x - reach, y)]
        shape = element("path", d=path_through(corners, closed=True))
    else:
        shape = element("circle", cx=x, cy=y, r=RADIUS)
    drawn = element("g", shape + words(x, y + 5.5, str(point.number)), cls=f"point {point.state}")
    if not row_link:
        return drawn
    told = f"{_told(point)}: go to its row"
    return element("a", drawn, href=f"{row_link}{point.number}", aria_label=told)


def _told(point: MapPoint) -> str:
    return f"{point.number}, {point.label}, {STATE_WORDS[point.state]}"


def _map(
    uid: str,
    title: str,
    points: Sequence[MapPoint],
    box: Frame,
    cls: str,
    body: str,
    row_link: str,
) -> str:
    """With links it is a group, without an image: an image may not hold anything to press."""
    told = "; ".join(_told(point) for point in points) or "No place is marked"
    named = element("title", escape(title), id=f"{uid}-title")
    described = element("desc", escape(f"{told}."), id=f"{uid}-desc")
    return element(
        "svg",
        named + described + body,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=" ".join(f"{side:g}" for side in box),
        role="group" if row_link else "img",
        aria_labelledby=f"{uid}-title",
        aria_describedby=f"{uid}-desc",
        cls=cls,
    )
