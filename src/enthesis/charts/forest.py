"""The forest plot: every trial on one scale, a diamond only where there is a pool.

Area is weight; grey is too small to notice; an open square on a dotted line is shown and not
pooled, with its reason beneath. Drawn twice, as all charts: on a phone the name and the numbers
stand above the line.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from enthesis.charts.forest_data import ForestData, ForestDiamond, ForestGroup, ForestRow
from enthesis.charts.labels import width_of
from enthesis.charts.pen import element, line, path_through, picture, words
from enthesis.charts.standalone import standalone

Width = Literal["wide", "narrow"]
SYMBOLS = {"low": "+", "some": "!", "high": "–", "": "?"}
LARGEST, SMALLEST = 17.0, 5.0


# For a file that stands alone: the same classes, in the light tokens, printed on white.
@dataclass(frozen=True, slots=True)
class _Frame:
    """Places in user units. On a phone there is one column and each row is taller."""

    narrow: bool
    across: float
    size: float
    left: float
    right: float
    row: float
    low: float
    high: float

    def x(self, value: float) -> float:
        return self.left + (value - self.low) / (self.high - self.low) * (self.right - self.left)


def forest_svg(data: ForestData, width: Width, uid: str) -> str:
    """The plot as SVG with classes only; `uid` must be its own on the page."""
    frame = _frame(data, width)
    body, bottom = _rows(data, frame, 44.0 if frame.narrow else 48.0)
    top = 24.0 if frame.narrow else 30.0
    back = _background(data, frame, top, bottom)
    told = back + _heads(data, frame) + body + _axis(data, frame, bottom)
    height = bottom + 30 + 17 * len(_beneath(data, frame))
    cls = f"chart forest {width}"
    return picture(uid, data.title, _spoken(data), (0, 0, frame.across, height), cls, told)


def forest_file(data: ForestData) -> str:
    """The wide plot as a file of its own, with the rules for its classes inside."""
    return f"{standalone(forest_svg(data, 'wide', 'forest'))}\n"


def _frame(data: ForestData, width: Width) -> _Frame:
    ticks = data.ticks(5)
    if width == "narrow":
        return _Frame(True, 358, 14, 22, 336, 46, ticks[0], ticks[-1])
    plot_left = 356.0 if data.domains else 270.0
    return _Frame(False, 740, 13, plot_left, 556, 30, ticks[0], ticks[-1])


def _heads(data: ForestData, frame: _Frame) -> str:
    low, high = f"◀ {data.low_words}", f"{data.high_words} ▶"
    if frame.narrow:
        return words(0, 14, low, "strong") + words(frame.across, 14, high, "strong end")
    zero = frame.x(0)
    told = _end_words(low, high, zero, frame)
    told += words(0, 36, data.row_word, "strong")
    if any(row.people for row in data.rows()):
        told += words(250, 36, "People", "strong end")
    if data.domains:
        told += words(262, 36, "Risk of bias", "strong")
    what = "Ratio" if data.is_ratio else "Difference"
    told += words(570, 36, f"{what}, 95 % interval", "strong")
    return told


def _end_words(low: str, high: str, zero: float, frame: _Frame) -> str:
    """Both ends' words over the plot, parted at no difference where there is room."""
    need_low, need_high = (width_of(text, frame.size, bold=True) for text in (low, high))
    middle = min(max(zero, frame.left + need_low - 70), frame.across - need_high - 16)
    return words(middle - 8, 16, low, "strong end") + words(middle + 8, 16, high, "strong")


def _background(data: ForestData, frame: _Frame, top: float, bottom: float) -> str:
    told = ""
    if data.zone:
        left, right = frame.x(-data.zone), frame.x(data.zone)
        told += element("rect", x=left, y=top, width=right - left, height=bottom - top, cls="zone")
    told += line(frame.x(0), top, frame.x(0), bottom, "axis")
    if data.diamond:
        at = frame.x(data.diamond.estimate)
        told += line(at, top, at, bottom, "pool-line")
    return told


def _rows(data: ForestData, frame: _Frame, y: float) -> tuple[str, float]:
    """All rows from `y` down, and where they end."""
    told = ""
    sides = _sides(list(data.rows()))
    for group in data.groups:
        part, y = _group(data, group, frame, y, sides)
        told += part
    if data.diamond:
        told += line(0, y, frame.across, y, "grid")
        part, y = _diamond(data, data.diamond, frame, y + 4)
        told += part
    if data.note:
        part, y = _note(data.note, frame, y + 4)
        told += part
    return told, y + 6


def _group(
    data: ForestData, group: ForestGroup, frame: _Frame, y: float, sides: dict[str, float]
) -> tuple[str, float]:
    told = ""
    if group.title:
        told += words(0, y + 20, group.title, "strong halo")
        y += 30 if frame.narrow else 28
    for row in group.rows:
        part, y = _trial(data, row, frame, y, sides[row.name])
        told += part
    if group.diamond:
        part, y = _diamond(data, group.diamond, frame, y)
        told += part
    if group.note:
        part, y = _note(group.note, frame, y)
        told += part
    return told, y + 6


def _trial(
    data: ForestData, row: ForestRow, frame: _Frame, y: float, side: float
) -> tuple[str, float]:
    numbers = f"{data.number(row.estimate)} ({data.interval(row.low, row.high)})"
    told, at, y = _label(data, row.name, row.people, numbers, frame, y)
    if not frame.narrow:
        told += "".join(
            _bias(268 + 20 * i, at, level, domain)
            for i, (domain, level) in enumerate(zip(data.domains, row.bias, strict=False))
        )
        if row.weight is not None:
            told += words(740, at + 4, f"{row.weight:.0f} %", "end")
    shown = " shown" if row.reason else ""
    told += line(frame.x(row.low), at, frame.x(row.high), at, f"whisker{shown}")
    corner = frame.x(row.estimate) - side / 2
    told += element("rect", x=corner, y=at - side / 2, width=side, height=side, cls=f"study{shown}")
    if row.reason:
        part, y = _note(f"Not pooled: {row.reason}.", frame, y - 4)
        told += part
    return told, y


def _label(
    data: ForestData, name: str, people: str, numbers: str, frame: _Frame, y: float
) -> tuple[str, float, float]:
    """Name, people and numbers of a row; the height of its line, and where the row ends."""
    if not frame.narrow:
        at = y + frame.row / 2
        told = words(12, at + 4, name, "row-name") + words(250, at + 4, people, "end")
        return told + words(570, at + 4, numbers), at, y + frame.row
    left = f"{name}, {people}" if people else name
    told = words(0, y + 14, left, "halo")
    together = width_of(left, frame.size) + width_of(numbers, frame.size)
    lower = 0.0 if together < frame.across - 12 else 18.0
    told += words(frame.across, y + 14 + lower, numbers, "end halo")
    return told, y + 30 + lower, y + frame.row + lower


def _diamond(data: ForestData, pool: ForestDiamond, frame: _Frame, y: float) -> tuple[str, float]:
    numbers = f"{data.number(pool.estimate)} ({data.interval(pool.low, pool.high)})"
    told, at, y = _label(data, pool.label, pool.people, numbers, frame, y)
    middle, half = frame.x(pool.estimate), 7
    corners = [(frame.x(pool.low), at), (middle, at - half), (frame.x(pool.high), at)]
    told += element("path", d=path_through([*corners, (middle, at + half)], True), cls="diamond")
    if pool.prediction:
        low, high = pool.prediction
        label = "A new trial, likely range"
        part, at, y = _label(data, label, "", data.interval(low, high), frame, y)
        told += part + element(
            "rect",
            x=frame.x(low),
            y=at - 3,
            width=frame.x(high) - frame.x(low),
            height=6,
            cls="prediction",
        )
    return told, y


def _note(text: str, frame: _Frame, y: float) -> tuple[str, float]:
    """A sentence over the whole width, in as many lines as it needs."""
    indent = 0 if frame.narrow else 12
    lines = list(_wrapped(text, frame.across - indent - 8, frame.size))
    step = frame.size * 1.35
    told = "".join(words(indent, y + 14 + step * i, one, "halo") for i, one in enumerate(lines))
    return told, y + 10 + step * len(lines)


def _bias(x: float, y: float, level: str, domain: str) -> str:
    symbol = element("circle", cx=x, cy=y, r=8) + words(x, y + 4.5, SYMBOLS[level], "middle")
    return element("g", symbol, cls=f"bias {level or 'unread'}")


def _axis(data: ForestData, frame: _Frame, bottom: float) -> str:
    told = line(frame.left, bottom, frame.right, bottom, "axis")
    for tick in data.ticks(5):
        x = frame.x(tick)
        told += line(x, bottom, x, bottom + 5, "axis")
        told += words(x, bottom + 20, data.tick_words(tick), "middle")
    middle = (frame.left + frame.right) / 2
    for i, one in enumerate(_beneath(data, frame)):
        told += words(middle, bottom + 38 + 17 * i, one, "middle")
    return told


def _beneath(data: ForestData, frame: _Frame) -> list[str]:
    """The words under the axis, in lines that fit."""
    room = frame.across if frame.narrow else 2 * min(frame.across - 460, 280)
    zone = ["Grey zone: too small for people to notice"] if data.zone else []
    return [*_wrapped(data.axis, room, frame.size), *zone]


def _sides(rows: Sequence[ForestRow]) -> dict[str, float]:
    """Side of each square: area as weight, or as precision where there is no pool."""
    parts = {
        row.name: row.weight if row.weight is not None else 1 / max(row.high - row.low, 1e-9) ** 2
        for row in rows
    }
    largest = {
        pooled: max((parts[r.name] for r in rows if (r.weight is None) is not pooled), default=1.0)
        for pooled in (True, False)
    }
    return {
        row.name: max(
            SMALLEST, LARGEST * math.sqrt(parts[row.name] / largest[row.weight is not None])
        )
        for row in rows
    }


def _wrapped(text: str, across: float, size: float) -> Iterator[str]:
    one = ""
    for word in text.split():
        longer = f"{one} {word}".strip()
        if one and width_of(longer, size) > across:
            yield one
            one = word
        else:
            one = longer
    yield one


def _spoken(data: ForestData) -> str:
    told = [
        f"{row.name}: {data.number(row.estimate)}, 95 % interval {data.interval(row.low, row.high)}"
        + (f", not pooled: {row.reason}" if row.reason else "")
        for row in data.rows()
    ]
    if data.diamond:
        pool = data.diamond
        told.append(
            f"{pool.label}: {data.number(pool.estimate)}, "
            f"95 % interval {data.interval(pool.low, pool.high)}"
        )
    return f"{data.axis}. {'. '.join(told)}. {data.note}".strip()
