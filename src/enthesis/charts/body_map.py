"""Body maps: where the needle goes, on bones that can be told apart, with the sides printed.

The list beside the map is the real control; each number on the map may link to its row. The state
of a point is its shape: ring planned, filled given, dashed left out, diamond tender; later on, a
triangle down less tender, a square as tender, a triangle up more tender than at first. At the
examination a place that nobody pressed is dashed, one that is not tender a plain ring. Markers that
would cover each other are moved apart, never across the midline and never onto a nerve, with a
hairline to the true place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import cos, hypot, pi, sin
from typing import Literal

from enthesis.charts.anatomy import MAPS
from enthesis.charts.anatomy.drawing import Drawing, Frame, Place
from enthesis.charts.anatomy.paint import sided, strokes_svg, word_svg
from enthesis.charts.labels import Box, box_of, first_free
from enthesis.charts.pen import element, line, path_through, words
from enthesis.records import Side

State = Literal["planned", "given", "left_out", "tender", "less", "same", "more", "open", "calm"]
Width = Literal["wide", "narrow"]

RADIUS = 16.0
STATE_WORDS = {
    **{"planned": "planned", "given": "given", "left_out": "left out", "tender": "tender"},
    **{"less": "less tender than at first", "same": "as tender as at first"},
    **{"more": "more tender than at first", "open": "not pressed", "calm": "not tender"},
}
# Corners around the marker's place, in its radius, and how much lower its number stands.
CORNERS: dict[str, tuple[tuple[Place, ...], float]] = {
    "tender": (((0, -1.19), (1.19, 0), (0, 1.19), (-1.19, 0)), 0),
    "less": (((-1.25, -0.85), (1.25, -0.85), (0, 1.3)), -3),
    "same": (((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)), 0),
    "more": (((-1.25, 0.85), (1.25, 0.85), (0, -1.3)), 3),
}


@dataclass(frozen=True, slots=True)
class MapPoint:
    """A numbered place; x and y in units of its drawing (`knowledge/tables/site_positions.csv`).

    `drawing` is the id of the view that it stands on; empty on a map of one view.
    """

    number: int
    x: float
    y: float
    state: State
    label: str
    side: Side = Side.MIDLINE
    drawing: str = ""


def body_map_svg(
    body_map: str,
    points: Sequence[MapPoint],
    uid: str,
    *,
    side: Side = Side.BOTH,
    width: Width = "wide",
    row_link: str = "",
) -> str:
    """The map as SVG: one picture for each of its views; of several views only those with a point.

    `row_link` ("#site-") makes each number a link to its row. A drawing with a tighter crop is
    drawn wide and narrow, of which the style sheet shows one. A limb is drawn once for each that
    `side` names (both: two, the patient's right first, as they face you).
    """
    views = MAPS[body_map]
    marked = {point.drawing for point in points}
    shown = [view for view in views if view.id in marked] or views
    drawn = "".join(
        _view(view, limb, points, f"{uid}-{view.id}" if len(views) > 1 else uid, width, row_link)
        for view in shown
        for limb in _limbs(view, side)
    )
    return element("div", drawn, cls=f"maps {width}" if has_crop(body_map) else "maps")


def has_crop(body_map: str) -> bool:
    """Whether the map is drawn a second time for phones."""
    return any(view.crop for view in MAPS[body_map])


def _limbs(drawing: Drawing, side: Side) -> list[Side]:
    if not drawing.flips:
        return [Side.MIDLINE]
    return [limb for limb in (Side.RIGHT, Side.LEFT) if side in (limb, Side.BOTH, Side.MIDLINE)]


def _view(
    drawing: Drawing,
    limb: Side,
    points: Sequence[MapPoint],
    uid: str,
    width: Width,
    row_link: str,
) -> str:
    points = [p for p in points if p.drawing in ("", drawing.id)]
    away = drawing.away
    if drawing.flips:
        points = [p for p in points if p.side == limb]
        uid = f"{uid}-{limb}"
    if limb == Side.LEFT:
        away = tuple((drawing.across - x, y) for x, y in away)
    cropped = width == "narrow" and drawing.crop is not None
    box = drawing.crop if width == "narrow" and drawing.crop else drawing.frame
    places = _places(points, box, away)
    told = "".join(
        word_svg(word, drawing, limb) for word in (drawing.crop_words if cropped else drawing.words)
    )
    named = _names(drawing, limb, places, 17 if cropped or drawing.flips else 13, box)
    body = strokes_svg(drawing, limb) + told + named + _markers(points, places, row_link)
    title = sided(drawing.title, limb)
    kind = "limb" if drawing.flips else "trunk"
    return _map(f"{uid}-{width}", title, points, box, f"map {kind}", body, row_link)


def _names(drawing: Drawing, limb: Side, places: Sequence[Place], size: float, frame: Frame) -> str:
    """Names of bones, where no marker covers them and the crop shows them whole."""
    left, top, across, down = frame
    shown = Box(left, top, left + across, top + down)
    markers = [Box(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y in places]
    drawn = ""
    for name in drawing.names:
        x = drawing.across - name.x if limb == Side.LEFT else name.x
        box = box_of(x, name.y, name.text, size, "end" if limb == Side.LEFT else "start")
        if box.within(shown) and first_free([box], markers):
            drawn += word_svg(name, drawing, limb)
    return drawn


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
    if point.side == Side.MIDLINE or point.x == middle:
        return True
    return (x - middle) * (point.x - middle) > 0


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
    corners, lower = CORNERS.get(point.state, ((), 0))
    if corners:
        outline = [(x + RADIUS * across, y + RADIUS * down) for across, down in corners]
        shape = element("path", d=path_through(outline, closed=True))
    else:
        shape = element("circle", cx=x, cy=y, r=RADIUS)
    number = words(x, y + 5.5 + lower, str(point.number))
    drawn = element("g", shape + number, cls=f"point {point.state}")
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
