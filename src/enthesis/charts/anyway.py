"""What pain does without prolotherapy: one sand-coloured line a group, from the start of each.

The picture stands beside every result, so that an improving line is seen for what it is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, floor
from typing import Literal

from enthesis.charts.axes import scale_ticks
from enthesis.charts.labels import stacked
from enthesis.charts.pen import element, in_words, line, path_through, picture, words
from enthesis.charts.standalone import standalone

Width = Literal["wide", "narrow"]
Place = Callable[[float, float], tuple[float, float]]
LABEL_STEP = 17.0
TENS = 10


@dataclass(frozen=True, slots=True)
class AnywayLine:
    """One group: its short name and its points (weeks, mean change), without the start."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class AnywayChart:
    """The lines, in points of `measure`; weeks beyond `until` are left to the table."""

    title: str
    measure: str
    lines: tuple[AnywayLine, ...]
    until: float


def anyway_svg(data: AnywayChart, width: Width, uid: str) -> str:
    """The picture as SVG with classes only; `uid` must be its own on the page."""
    across, right, bottom = (358.0, 210.0, 260.0) if width == "narrow" else (740.0, 540.0, 300.0)
    left, top = 34.0, 30.0
    values = [y for one in data.lines for x, y in one.points if x <= data.until]
    lowest = TENS * floor(min(-1.0, *values) / TENS)
    ticks = scale_ticks(lowest, TENS * ceil(max(0.0, *values) / TENS), 5)

    def at(weeks: float, change: float) -> tuple[float, float]:
        share = (change - ticks[0]) / (ticks[-1] - ticks[0])
        return left + weeks / data.until * (right - left), bottom - share * (bottom - top)

    body = words(0, 16, f"{data.measure} ↓ is less pain", "strong")
    for tick in ticks:
        y = at(0, tick)[1]
        cls = "axis" if tick == 0 else "grid"
        body += line(left, y, right, y, cls) + words(left - 6, y + 4, in_words(tick), "end")
    ends = []
    for one in data.lines:
        drawn = [at(0, 0), *(at(x, y) for x, y in one.points if x <= data.until)]
        body += element("path", d=path_through(drawn), cls="band-edge")
        body += "".join(element("circle", cx=x, cy=y, r=3, cls="anyway-dot") for x, y in drawn[1:])
        ends.append(drawn[-1])
    body += _names(data, ends, right, top) + _weeks(data, at, ticks[0], bottom)
    cls = f"chart anyway {width}"
    return picture(uid, data.title, _spoken(data), (0, 0, across, bottom + 46), cls, body)


def anyway_file(data: AnywayChart) -> str:
    """The wide picture as a file of its own, with the rules for its classes inside."""
    svg = anyway_svg(data, "wide", "anyway")
    style = ".band-edge{stroke:#6E5212}.anyway-dot,.band-label{fill:#6E5212}.leader{stroke:#757C84}"
    return f"{standalone(svg, style)}\n"


def _names(data: AnywayChart, ends: list[tuple[float, float]], right: float, top: float) -> str:
    """Each line's name at its end, moved apart where two ends are near."""
    tops = stacked([y - LABEL_STEP / 2 for _, y in ends], [LABEL_STEP] * len(ends), top)
    told = ""
    for one, (x, y), over in zip(data.lines, ends, tops, strict=True):
        at = over + LABEL_STEP / 2
        told += line(x + 5, y, right + 8, at, "leader")
        told += words(right + 12, at + 4, one.name, "band-label halo")
    return told


def _weeks(data: AnywayChart, at: Place, low: float, bottom: float) -> str:
    told = ""
    for weeks in (0, 13, 26, 52):
        if weeks <= data.until:
            x = at(weeks, low)[0]
            told += line(x, bottom, x, bottom + 5, "axis")
            told += words(x, bottom + 20, {0: "start"}.get(weeks, str(weeks)), "middle")
    return told + words(at(data.until / 2, low)[0], bottom + 38, "weeks", "middle")


def _spoken(data: AnywayChart) -> str:
    told = []
    for one in data.lines:
        inside = [(x, y) for x, y in one.points if x <= data.until]
        if inside:
            told.append(f"{one.name}: {in_words(inside[-1][1])} after {inside[-1][0]:g} weeks")
    return f"{data.measure}. {'; '.join(told)}."
