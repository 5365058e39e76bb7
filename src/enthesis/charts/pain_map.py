"""Where it hurts: the whole body from the front and from behind, with the named places marked.

A marked place is filled, outlined and bears a cross. The list of checkboxes beside the map is the
real control; with `ticks`, its name, a click on an area ticks the checkbox of the same value.
"""

from collections.abc import Mapping

from enthesis.charts.anatomy.body import BACK, FRONT, Area, BodyView
from enthesis.charts.anatomy.paint import flipped, strokes_svg, word_svg
from enthesis.charts.pen import element, picture

CROSS = 5.0
VIEWS = (FRONT, BACK)


def pain_map_svg(marked: Mapping[str, str], uid: str, ticks: str = "") -> str:
    """The map; `marked` is the code of each marked place ("knee_left") and its words."""
    # Ticking goes on after the page is read, when a list of places here would no longer be true.
    told = "What is ticked in the list beside it is marked." if ticks else ""
    drawn = "".join(_view(view, marked, f"{uid}-{view.drawing.id}", told) for view in VIEWS)
    return element("div", drawn, cls="maps pain-map", data_ticks=ticks)


def codes() -> frozenset[str]:
    """Every place that can be marked."""
    return frozenset(
        f"{area.code}_{side}" for view in VIEWS for area in view.areas for side in view.sides
    )


def _view(view: BodyView, marked: Mapping[str, str], uid: str, described: str) -> str:
    drawing = view.drawing
    near, far = ("".join(_area(a, side, marked) for a in view.areas) for side in view.sides)
    body = near + flipped(far, drawing.across) + strokes_svg(drawing)
    body += "".join(word_svg(word, drawing) for word in drawing.words)
    described = described or _told(view, marked)
    return picture(uid, drawing.title, described, drawing.frame, "map body", body)


def _told(view: BodyView, marked: Mapping[str, str]) -> str:
    here = {f"{area.code}_{side}" for area in view.areas for side in view.sides}
    told = "; ".join(words for code, words in marked.items() if code in here)
    return f"Marked: {told}." if told else "No place is marked."


def _area(area: Area, side: str, marked: Mapping[str, str]) -> str:
    code = f"{area.code}_{side}"
    x, y = area.at
    cross = f"M{x - CROSS:g},{y - CROSS:g}l{2 * CROSS:g},{2 * CROSS:g}m0,{-2 * CROSS:g}"
    shape = element("path", d=area.d)
    shape += element("path", d=f"{cross}l{-2 * CROSS:g},{2 * CROSS:g}", cls="cross")
    return element("g", shape, cls=f"area{' marked' * (code in marked)}", data_code=code)
