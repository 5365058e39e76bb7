"""The trend: one patient's line over what happens anyway, with the sessions on real dates.

The scale is never flipped; an arrow says which way is better. Back to front: grid, sand band,
the forecast (the sand band's edges over it), thresholds, today, the patient's line,
then words, which never overlap. Drawn twice, wide and narrow, so that no text falls under 12 px.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from enthesis.charts.axes import date_ticks, scale_ticks
from enthesis.charts.labels import Box
from enthesis.charts.pen import (
    day_in_words,
    element,
    in_words,
    line,
    path_through,
    picture,
)
from enthesis.charts.trend_bands import behind, fan_words
from enthesis.charts.trend_data import (
    BandPoint,
    FanPoint,
    Frame,
    Level,
    SessionMark,
    TrendData,
    TrendPoint,
    Width,
    answered,
    band_at,
    frame_of,
    most_ticks,
    place_of,
    scale_ends,
)
from enthesis.charts.trend_words import labels_of

__all__ = [
    "BandPoint",
    "FanPoint",
    "Level",
    "SessionMark",
    "TrendData",
    "TrendPoint",
    "TrendTable",
    "Width",
    "trend_labels",
    "trend_svg",
    "trend_table",
]


@dataclass(frozen=True, slots=True)
class TrendTable:
    """The numbers of a trend, for the table under it."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def trend_svg(data: TrendData, width: Width, uid: str) -> str:
    """The chart as an SVG string; `uid` makes its ids unique on the page.

    740 (wide) or 358 (narrow) units across. The style sheet shows one of the two.
    """
    frame = frame_of(data, width == "narrow")
    labels, leaders = labels_of(data, frame)
    layers = [
        _grid(data, frame),
        *behind(data, frame),
        _levels(data, frame),
        _today(data, frame),
        _readings(data, frame),
        *leaders,
        *(label.draw() for label in labels),
    ]
    across, down = (358 if frame.narrow else 740), frame.plot.bottom + (74 if data.sessions else 32)
    title, told = data.finding, _description(data)
    box = (0.0, 0.0, float(across), down)
    return picture(f"{uid}-{width}", title, told, box, f"chart trend {width}", "".join(layers))


def trend_labels(data: TrendData, width: Width) -> list[Box]:
    """The rectangles of all words drawn, for the tests that nothing overlaps."""
    return [label.box for label in labels_of(data, frame_of(data, width == "narrow"))[0]]


def trend_table(data: TrendData) -> TrendTable:
    """The same numbers as rows: readings and sessions by date, with the band on each day."""
    scale = f"{data.measure}, {in_words(data.low)} to {in_words(data.high)}"
    head = ("Date", scale, *((f"{data.band_label}, {data.band_note}",) if data.band else ()))
    told = [(point.on, 0, _reading_words(point)) for point in data.points]
    told += [(mark.on, 1, _session_words(mark)) for mark in data.sessions]
    rows = []
    for on, _, cell in sorted(told):
        band = (_band_words(data.band, on),) if data.band else ()
        rows.append((day_in_words(on), cell, *band))
    return TrendTable(head, tuple(rows))


def _reading_words(point: TrendPoint) -> str:
    if point.value is None:
        return "no answer"
    return in_words(point.value) + (" (before treatment)" if point.baseline else "")


def _session_words(mark: SessionMark) -> str:
    return "session given" if mark.given else "session planned"


def _band_words(band: Sequence[BandPoint], on: date) -> str:
    ends = band_at(band, on)
    return f"{in_words(ends[0])} to {in_words(ends[1])}" if ends else ""


def _grid(data: TrendData, frame: Frame) -> str:
    plot = frame.plot
    drawn = []
    for value in scale_ticks(frame.low, frame.high):
        kind = "axis" if value == frame.low else "grid"
        drawn.append(line(plot.left, frame.y(value), plot.right, frame.y(value), kind))
    for tick in date_ticks(frame.start, frame.end, most_ticks(frame)):
        x = frame.x(tick.on)
        drawn.append(line(x, plot.bottom, x, plot.bottom + 5, "axis"))
    for mark in data.sessions:
        if mark.given:
            drawn.append(line(frame.x(mark.on), plot.top, frame.x(mark.on), plot.bottom, "given"))
    drawn += _session_marks(data, frame)
    if not frame.narrow:
        drawn.append(_better_arrow(data, frame))
    return "".join(drawn)


def _better_arrow(data: TrendData, frame: Frame) -> str:
    """At the left, pointing to the better end, its word written along it."""
    middle = (frame.plot.top + frame.plot.bottom) / 2
    tip, tail = (middle + 34, middle + 10) if data.lower_is_better else (middle - 34, middle - 10)
    barb = tip - 4 if data.lower_is_better else tip + 4
    arrow = f"M12 {tail}V{tip}M8 {barb}L12 {tip}L16 {barb}"
    y = middle + 4 if data.lower_is_better else middle + 50
    turned = element(
        "text", "Better", x=0, y=0, cls="strong", transform=f"translate(16 {y}) rotate(-90)"
    )
    return element("path", d=arrow, cls="better") + turned


def _session_marks(data: TrendData, frame: Frame) -> list[str]:
    """Triangles under the axis, slimmer where sessions stand close."""
    marks = sorted(data.sessions, key=lambda mark: mark.on)
    places = [frame.x(mark.on) for mark in marks]
    closest = min((b - a for a, b in pairwise(places)), default=99.0)
    half, foot = max(2.5, min(6.5, closest / 2 - 1)), frame.plot.bottom + 42
    drawn = []
    for mark, x in zip(marks, places, strict=True):
        corners = [(x - half, foot), (x + half, foot), (x, foot - 11)]
        kind = "mark" if mark.given else "mark planned"
        drawn.append(element("path", d=path_through(corners, closed=True), cls=kind))
    return drawn


def _levels(data: TrendData, frame: Frame) -> str:
    begun = [p.on for p in answered(data) if p.baseline]
    left = frame.x(max(begun, default=frame.start))
    drawn = []
    if data.start is not None and begun:
        y = frame.y(data.start)
        drawn.append(line(frame.x(min(begun)), y, left, y, "heavy"))
    for level, kind in ((data.real_change, "real"), (data.target, "target")):
        if level:
            drawn.append(
                line(left, frame.y(level.value), frame.plot.right, frame.y(level.value), kind)
            )
    return "".join(drawn)


def _today(data: TrendData, frame: Frame) -> str:
    if not frame.start <= data.today <= frame.end:
        return ""
    x = frame.x(data.today)
    return line(x, frame.plot.top, x, frame.plot.bottom, "today")


def _readings(data: TrendData, frame: Frame) -> str:
    """Error bars, the line (dotted where an answer is missing) and the dots."""
    known = answered(data)
    missing = [point.on for point in data.points if point.value is None]
    drawn = [_error_bar(data, point, frame) for point in known]
    for left, right in pairwise(known):
        gap = any(left.on < on < right.on for on in missing)
        ends = (place_of(frame, left), place_of(frame, right))
        drawn.append(element("path", d=path_through(ends), cls="own gap" if gap else "own"))
    radius = _radius(known, frame)
    for point in known:
        x, y = place_of(frame, point)
        kind = "dot baseline" if point.baseline else "dot"
        drawn.append(element("circle", cx=x, cy=y, r=radius, cls=kind))
    return "".join(drawn)


def _radius(known: Sequence[TrendPoint], frame: Frame) -> float:
    closest = min((frame.x(b.on) - frame.x(a.on) for a, b in pairwise(known)), default=99.0)
    return max(2.5, min(6.0, closest / 2.4))


def _error_bar(data: TrendData, point: TrendPoint, frame: Frame) -> str:
    if data.error is None or point.value is None:
        return ""
    x, value, error = frame.x(point.on), float(point.value), float(data.error)
    return line(x, frame.y(value - error), x, frame.y(value + error), "error")


def _description(data: TrendData) -> str:
    """The chart in sentences, for those who do not see it."""
    better = "Lower is better." if data.lower_is_better else "Higher is better."
    ends = [f"{in_words(v)}{f' ({w})' if w else ''}" for v, w in reversed(scale_ends(data))]
    told = [f"{data.measure} from {' to '.join(ends)}. {better}"]
    readings = [
        f"{in_words(p.value)} on {day_in_words(p.on)}"
        for p in answered(data)
        if p.value is not None
    ]
    told.append(f"Readings: {', '.join(readings)}." if readings else "No reading yet.")
    if data.start is not None:
        told.append(f"Start {in_words(data.start)}: the mean of the readings before treatment.")
    unanswered = sum(point.value is None for point in data.points)
    if unanswered:
        told.append(f"{unanswered} not answered: dotted across.")
    given = sum(mark.given for mark in data.sessions)
    if given:
        told.append(f"{given} session{'s' if given > 1 else ''} given.")
    told += [f"{level.label}." for level in (data.real_change, data.target) if level]
    if data.band:
        last = max(data.band, key=lambda point: point.on)
        ends_at = f"{in_words(last.low)} to {in_words(last.high)} on {day_in_words(last.on)}"
        told.append(f"{data.band_label}, {data.band_note}: {ends_at}.")
    told += fan_words(data)
    return " ".join(told)
