"""Curves on one pair of axes: what the charts of outcomes have in common.

Back to front: grid, sand band, intervals, curves, marks, words. On a wide figure each curve has its
words at its end; on a narrow one there is no room for that, and they stand above the plot, each
behind a sample of its line. Numbers that belong to places on the axis stand beneath it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from enthesis.charts.labels import lifted, stacked, width_of
from enthesis.charts.pen import element, line, path_through, picture, words

Width = Literal["wide", "narrow"]
Kind = Literal["own", "anyway", "lost", "halted"]
Point = tuple[float, float]
LINE = 17.0


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers of a figure, for the table under it and for the file to save."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """A line with its words. `steps`: level until the next point. `bars`: (x, low, high)."""

    name: str
    points: tuple[Point, ...]
    kind: Kind
    note: str = ""
    steps: bool = False
    dots: bool = False
    bars: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Beneath:
    """A row of numbers under the axis: (place on the axis, words)."""

    label: str
    cells: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """From the first tick to the last; (value, words) each."""

    title: str
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class CurveChart:
    """A whole chart. `marks` are (x, y, words) on a curve; `band` is (x, low, high) in sand."""

    title: str
    told: str
    x: Axis
    y: Axis
    curves: tuple[Curve, ...]
    marks: tuple[tuple[float, float, str], ...] = ()
    beneath: tuple[Beneath, ...] = ()
    band: tuple[tuple[float, float, float], ...] = ()
    band_label: str = ""
    cls: str = "curves"

    def __post_init__(self) -> None:
        if not self.curves or len(self.x.ticks) < 2 or len(self.y.ticks) < 2:
            raise ValueError(
                f"{self.title!r} cannot be drawn: it needs a curve and two ticks on each axis."
            )


@dataclass(frozen=True, slots=True)
class Plot:
    """Places in user units for the values of two axes."""

    narrow: bool
    left: float
    right: float
    top: float
    bottom: float
    xs: tuple[float, float]
    ys: tuple[float, float]

    @property
    def across(self) -> float:
        """The width of the whole picture."""
        return 358.0 if self.narrow else 740.0

    def x(self, value: float) -> float:
        """Where a value of the horizontal axis stands."""
        low, high = self.xs
        return self.left + (value - low) / (high - low) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Where a value of the vertical axis stands; more is higher."""
        low, high = self.ys
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)


def wrapped(text: str, size: float, room: float) -> list[str]:
    """The words in lines no wider than the room; a word that is wider has its own line."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer, size) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def curves_svg(chart: CurveChart, width: Width, uid: str) -> str:
    """The chart as SVG with classes only; `uid` must be its own on the page."""
    narrow = width == "narrow"
    key, top = _key(chart) if narrow else ("", 28.0)
    left = 44.0 if narrow else 56.0
    right = 342.0 if narrow else 540.0
    low_x, high_x = chart.x.ticks[0][0], chart.x.ticks[-1][0]
    low_y, high_y = chart.y.ticks[0][0], chart.y.ticks[-1][0]
    bottom = top + (220.0 if narrow else 270.0)
    plot = Plot(narrow, left, right, top, bottom, (low_x, high_x), (low_y, high_y))
    beneath, height = _beneath(chart, plot)
    body = (
        axes(plot, chart.x, chart.y)
        + _band(chart, plot)
        + "".join(_curve(curve, plot) for curve in chart.curves)
        + _marks(chart, plot)
        + (key if narrow else _ends(chart, plot))
        + beneath
    )
    box = (0.0, 0.0, plot.across, height)
    cls = f"chart {chart.cls} {width}"
    return picture(f"{uid}-{width}", chart.title, chart.told, box, cls, body)


def axes(plot: Plot, x: Axis, y: Axis) -> str:
    """Grid, ticks and titles of both axes."""
    told = words(0, plot.top - 14, y.title, "axis-title")
    for value, label in y.ticks:
        at = plot.y(value)
        told += line(plot.left, at, plot.right, at, "axis" if value == y.ticks[0][0] else "grid")
        told += words(plot.left - 8, at + 4, label, "end")
    for value, label in x.ticks:
        at = plot.x(value)
        told += line(at, plot.bottom, at, plot.bottom + 5, "axis")
        told += words(at, plot.bottom + 19, label, "middle")
    return told + words(plot.left, plot.bottom + 38, x.title, "axis-title")


def _band(chart: CurveChart, plot: Plot) -> str:
    if len(chart.band) < 2:
        return ""
    upper = [(plot.x(x), plot.y(high)) for x, _, high in chart.band]
    lower = [(plot.x(x), plot.y(low)) for x, low, _ in chart.band]
    around = element("path", d=path_through([*upper, *reversed(lower)], closed=True), cls="band")
    edges = [element("path", d=path_through(edge), cls="band-edge") for edge in (upper, lower)]
    return around + "".join(edges)


def stepped(points: Sequence[Point]) -> list[Point]:
    """The corners of a curve that stays level until its next point."""
    corners = list(points[:1])
    for before, after in pairwise(points):
        corners += [(after[0], before[1]), after]
    return corners


def _curve(curve: Curve, plot: Plot) -> str:
    corners = stepped(curve.points) if curve.steps else curve.points
    told = "".join(
        line(plot.x(x), plot.y(low), plot.x(x), plot.y(high), "error")
        for x, low, high in curve.bars
    )
    places = [(plot.x(x), plot.y(y)) for x, y in corners]
    told += element("path", d=path_through(places), cls=curve.kind)
    if curve.dots:
        told += "".join(element("circle", cx=x, cy=y, r=5, cls="dot") for x, y in places)
    return told


def _marks(chart: CurveChart, plot: Plot) -> str:
    """A dot on the curve, its words up and to the right, or to the left at the right edge."""
    told = ""
    for x, y, label in chart.marks:
        px, py = plot.x(x), plot.y(y)
        told += line(px, plot.bottom, px, py, "given") + element(
            "circle", cx=px, cy=py, r=5, cls="dot"
        )
        room = width_of(label, 14, bold=True)
        at_left = px + 10 + room > plot.right
        cls = "strong halo end" if at_left else "strong halo"
        told += words(px + (2 if at_left else 8), py - 9, label, cls)
    return told


def _told_of(chart: CurveChart) -> list[tuple[str, str, str]]:
    told = [(str(curve.kind), curve.name, curve.note) for curve in chart.curves]
    return [*told, ("band", chart.band_label, "")] if chart.band_label else told


def _key(chart: CurveChart) -> tuple[str, float]:
    """The words of all lines above a narrow plot, and where the plot may begin."""
    told, y = "", 14.0
    for kind, name, note in _told_of(chart):
        if kind == "band":
            told += element("rect", x=0, y=y - 11, width=26, height=13, cls="band")
        else:
            told += line(0, y - 4, 26, y - 4, kind)
        for index, text in enumerate(wrapped(f"{name}{f', {note}' if note else ''}", 14, 318)):
            told += words(34, y, text, "strong" if not index and kind == "own" else "")
            y += LINE
    return told, y + 24


def _ends(chart: CurveChart, plot: Plot) -> str:
    """The words of all lines to the right of a wide plot, at the heights where they end."""
    blocks, wished = [], []
    for kind, name, note in _told_of(chart):
        block = (kind, wrapped(name, 13.5, 175), wrapped(note, 13, 180))
        blocks.append(block)
        if kind == "band":
            wished.append(plot.y((chart.band[-1][1] + chart.band[-1][2]) / 2) - 8)
        else:
            wished.append(plot.y(next(c for c in chart.curves if c.name == name).points[-1][1]) - 8)
    heights = [LINE * (len(head) + len(rest)) + 6 for _, head, rest in blocks]
    tops = lifted(stacked(wished, heights, 14.0), heights, max(plot.bottom + 30, sum(heights) + 20))
    told = ""
    for (kind, head, rest), top in zip(blocks, tops, strict=True):
        y = top + 12
        if kind == "band":
            told += element("rect", x=plot.right + 8, y=y - 10, width=14, height=12, cls="band")
        else:
            told += line(plot.right + 6, y - 4, plot.right + 24, y - 4, kind)
        for at, part in enumerate([*head, *rest]):
            told += words(plot.right + 30, y, part, "strong" if at < len(head) else "")
            y += LINE
    return told


def _beneath(chart: CurveChart, plot: Plot) -> tuple[str, float]:
    """The rows of numbers under the axis, each label on a line of its own, and the height."""
    told, y = "", plot.bottom + 48
    for row in chart.beneath:
        told += words(0, y + 14, row.label, "strong")
        for x, text in row.cells:
            fits = plot.x(x) + width_of(text, 14) / 2 <= plot.across
            at = plot.x(x) if fits else plot.across - 1
            told += words(at, y + 32, text, "middle" if fits else "end")
        y += 40
    return told, y + 2
