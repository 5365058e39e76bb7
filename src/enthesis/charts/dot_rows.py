"""Estimates with their intervals, one a row on one scale. Rows stand in the order they are given.

For odds ratios the scale is logarithmic, so that a half and a double lie as far from one.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from enthesis.charts.axes import ticks_beyond
from enthesis.charts.curves import LINE, Plot, Table, Width, wrapped
from enthesis.charts.forest_data import ratio_ticks
from enthesis.charts.labels import width_of
from enthesis.charts.pen import element, in_words, line, picture, words


@dataclass(frozen=True, slots=True)
class DotRow:
    """One estimate. `low` or `high` None: the interval has no such end. `beside`: how many. `band`:
    what a published group had there."""

    name: str
    value: float
    low: float | None
    high: float | None
    beside: str
    band: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class DotRows:
    """`axis` says what is measured; `beside` what stands in the last column of the table; `mark`
    is a value to compare with and its words; `write` writes a value that is no plain number."""

    title: str
    axis: str
    beside: str
    rows: tuple[DotRow, ...]
    mark: tuple[float, str] | None = None
    is_ratio: bool = False
    digits: int = 1
    write: Callable[[float], str] | None = None
    band_label: str = ""

    def __post_init__(self) -> None:
        if not self.rows:
            raise ValueError(f"{self.title!r} cannot be drawn: it has no rows.")

    def words_of(self, row: DotRow) -> str:
        """The estimate and its interval."""
        low, high = ("no limit" if end is None else self.number(end) for end in (row.low, row.high))
        return f"{self.number(row.value)} ({low} to {high})"

    def number(self, value: float) -> str:
        """One value as it is written."""
        return self.write(value) if self.write else in_words(round(value, self.digits))


def dot_rows_svg(data: DotRows, width: Width, uid: str) -> str:
    """The rows as SVG; on a phone each row's words stand above its line."""
    narrow = width == "narrow"
    left, right = (12.0, 342.0) if narrow else (250.0, 560.0)
    top = 14.0 if data.mark is None else 34.0
    named = [wrapped(row.name, 13.5, 330.0 if narrow else 226.0) for row in data.rows]
    for row, lines in zip(data.rows, named, strict=True):
        lines += [data.words_of(row)] if narrow else []
    heights = [LINE * len(lines) + (26 if narrow else 14) for lines in named]
    bottom = top + sum(heights)
    ticks = _ticks(data, narrow)
    scale = (lambda v: math.log(max(v, ticks[0]))) if data.is_ratio else (lambda v: v)
    plot = Plot(narrow, left, right, top, bottom, (scale(ticks[0]), scale(ticks[-1])), (0, 1))
    # Where each row's own line stands: on a phone beneath its words, and no line runs through them.
    tops = [top + sum(heights[:at]) for at in range(len(heights))]
    middles = [
        y + LINE * len(lines) + 16 if narrow else y + 16
        for y, lines in zip(tops, named, strict=True)
    ]
    spans = [(y - 10, y + 10) for y in middles] if narrow else [(top, bottom)]
    body = line(left, bottom, right, bottom, "axis")
    for tick in ticks:
        at = plot.x(scale(tick))
        body += "".join(line(at, upper, at, lower, "grid") for upper, lower in spans)
        body += words(at, bottom + 18, in_words(tick), "middle")
    body += words(0 if narrow else left, bottom + 38, data.axis, "axis-title")
    if data.mark is not None:
        at, half = plot.x(scale(data.mark[0])), width_of(data.mark[1], 13.5) / 2
        body += "".join(line(at, upper, at, lower, "target") for upper, lower in spans)
        body += words(min(max(at, half), plot.across - half), 14, data.mark[1], "middle")
    for row, lines, y, middle in zip(data.rows, named, tops, middles, strict=True):
        for at_line, text in enumerate(lines):
            strong = narrow and at_line == len(lines) - 1
            body += words(0, y + 20 + LINE * at_line, text, "strong" if strong else "")
        if row.band:
            low, high = (plot.x(scale(min(max(v, ticks[0]), ticks[-1]))) for v in row.band)
            body += element("rect", x=low, y=middle - 9, width=high - low, height=18, cls="band")
        body += _mark(row, plot, middle, scale, (ticks[0], ticks[-1]))
        if not narrow:
            body += words(plot.right + 20, middle + 4, data.words_of(row), "strong")
    told = "; ".join(f"{row.name}: {data.words_of(row)}, {row.beside}" for row in data.rows)
    told += f". {data.band_label}: " + "; ".join(
        f"{row.name}: {' to '.join(map(data.number, row.band))}" for row in data.rows if row.band
    ) if data.band_label else ""  # fmt: skip
    label_at = bottom + 58.0
    if data.band_label:
        body += element("rect", x=0, y=label_at - 11, width=26, height=13, cls="band")
        for text in wrapped(data.band_label, 13.5, plot.across - 40):
            body += words(34, label_at, text)
            label_at += LINE
    box = (0.0, 0.0, plot.across, label_at - 12)
    return picture(
        f"{uid}-{width}", data.title, f"{data.axis}. {told}.", box, f"chart dot-rows {width}", body
    )


def dot_rows_table(data: DotRows, head: str) -> Table:
    """The same numbers; `head` names what a row is of."""
    rows = tuple((row.name, data.words_of(row), row.beside) for row in data.rows)
    return Table((head, f"{data.axis} (95 % interval)", data.beside), rows)


def _ticks(data: DotRows, narrow: bool) -> tuple[float, ...]:
    ends = [v for r in data.rows for v in (r.value, r.low, r.high) if v is not None]
    ends += [v for r in data.rows for v in r.band or ()]
    ends += [data.mark[0]] if data.mark is not None else []
    if data.is_ratio:
        positive = [v for v in ends if v > 0]
        logs = ratio_ticks(math.log(min(positive)), math.log(max(positive)))
        return tuple(float(f"{math.exp(tick):.6g}") for tick in logs)
    low, high = min(0.0, *ends), max(1e-9, *ends)
    up = ticks_beyond(max(high, -low), 4 if narrow else 5)
    down = [-tick for tick in up[1:] if tick < up[1] - low] if low < 0 else []
    return (*reversed(down), *(tick for tick in up if tick < up[1] + high))


def _mark(
    row: DotRow, plot: Plot, y: float, scale: Callable[[float], float], ends: tuple[float, float]
) -> str:
    """The estimate on its interval; what lies beyond the scale ends at its edge."""
    low = ends[0] if row.low is None else min(max(row.low, ends[0]), ends[1])
    high = ends[1] if row.high is None else min(max(row.high, ends[0]), ends[1])
    told = line(plot.x(scale(low)), y, plot.x(scale(high)), y, "error heavy")
    inside = min(max(row.value, ends[0]), ends[1])
    return told + element("circle", cx=plot.x(scale(inside)), cy=y, r=5, cls="dot")
