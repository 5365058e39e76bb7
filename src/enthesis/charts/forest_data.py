"""What a forest plot is made from, and its table for people who read rather than look."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from enthesis.charts.pen import in_words

RATIO_TICKS = tuple(m * 10.0**e for e in range(-3, 4) for m in (1, 2, 5))


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One trial. Numbers are on the analysis scale (log for ratios); `weight` is percent of a pool.

    `bias` has one of low, some, high or "" (not read) for each of the data's domains. `reason` is
    why it is shown and not pooled; empty for a counted trial.
    """

    name: str
    people: str
    estimate: float
    low: float
    high: float
    weight: float | None = None
    bias: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ForestDiamond:
    """A pool, and where a new trial's true value would lie (None where that cannot be known)."""

    label: str
    people: str
    estimate: float
    low: float
    high: float
    prediction: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class ForestGroup:
    """Trials under one heading, their own diamond if they have one, and a note beneath."""

    title: str
    rows: tuple[ForestRow, ...]
    diamond: ForestDiamond | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class ForestData:
    """A whole forest plot. `zone` is half the width of what is too small to notice, 0 for none."""

    title: str
    axis: str
    low_words: str
    high_words: str
    groups: tuple[ForestGroup, ...]
    diamond: ForestDiamond | None = None
    note: str = ""
    zone: float = 0.0
    is_ratio: bool = False
    places: int = 1
    domains: tuple[str, ...] = ()
    row_word: str = "Trial"

    def __post_init__(self) -> None:
        if not any(group.rows for group in self.groups):
            raise ValueError("A forest plot needs a trial; there is nothing to draw.")
        for row in self.rows():
            if not (math.isfinite(row.low) and row.low <= row.estimate <= row.high < math.inf):
                raise ValueError(f"{row.name}: its interval must be finite and hold its estimate.")

    def rows(self) -> Iterator[ForestRow]:
        """Every trial, in the order drawn."""
        for group in self.groups:
            yield from group.rows

    def number(self, value: float) -> str:
        """A value as people read it: +3.5 or −3.5; a ratio without a sign."""
        if self.is_ratio:
            return f"{math.exp(value):.2f}"
        text = f"{value:+.{self.places}f}"
        is_zero = not text.strip("+-0.")
        return text.lstrip("+-") if is_zero else text.replace("-", "−")

    def interval(self, low: float, high: float) -> str:
        """−13.3 to +6.3."""
        return f"{self.number(low)} to {self.number(high)}"

    def range(self) -> tuple[float, float]:
        """What the axis must hold: every interval, the grey zone, and no difference."""
        spans = [(row.low, row.high) for row in self.rows()]
        for diamond in (self.diamond, *(group.diamond for group in self.groups)):
            if diamond:
                spans += [(diamond.low, diamond.high), diamond.prediction or (0.0, 0.0)]
        ends = [0.0, -self.zone, self.zone, *(end for span in spans for end in span)]
        return min(ends), max(ends)

    def ticks(self, at_most: int) -> tuple[float, ...]:
        """Round places on the axis, from below the lowest value to above the highest."""
        low, high = self.range()
        if self.is_ratio:
            return ratio_ticks(low, high)
        step = _round_step((high - low) / at_most)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        return tuple(step * n for n in range(first, last + 1))

    def tick_words(self, value: float) -> str:
        """A tick: +20, 0, −20; 0.5 for a ratio."""
        if self.is_ratio:
            return f"{math.exp(value):g}"
        text = in_words(value)
        return f"+{text}" if value > 0 else text


def forest_table(data: ForestData) -> dict[str, list[object]]:
    """The plot as rows of words, for `parts/chart.html`: head and rows."""
    head = ["Trial", "People", data.axis, "95 % interval", "Weight", "Risk of bias"]
    rows: list[object] = []
    for group in data.groups:
        rows += [_row_cells(data, row) for row in group.rows]
        if group.diamond:
            rows += _diamond_cells(data, group.diamond, group.title)
    if data.diamond:
        rows += _diamond_cells(data, data.diamond, "")
    return {"head": list(head), "rows": rows}


def _row_cells(data: ForestData, row: ForestRow) -> list[str]:
    weight = "not pooled" if row.weight is None else f"{row.weight:.0f} %"
    pairs = zip(data.domains, row.bias, strict=False)
    bias = ", ".join(f"{domain} {level or 'not read'}" for domain, level in pairs)
    shown = f"shown only: {row.reason}" if row.reason else weight
    interval = data.interval(row.low, row.high)
    return [row.name, row.people, data.number(row.estimate), interval, shown, bias or "not read"]


def _diamond_cells(data: ForestData, pool: ForestDiamond, title: str) -> list[list[str]]:
    name = f"{pool.label}{f', {title.lower()}' if title else ''}"
    interval = data.interval(pool.low, pool.high)
    rows = [[name, pool.people, data.number(pool.estimate), interval, "", ""]]
    if pool.prediction:
        rows.append(["A new trial, likely range", "", "", data.interval(*pool.prediction), "", ""])
    return rows


def ratio_ticks(low: float, high: float) -> tuple[float, ...]:
    """Logarithms of round ratios, from below the lowest to above the highest."""
    logs = [math.log(tick) for tick in RATIO_TICKS]
    below = max((tick for tick in logs if tick <= low + 1e-9), default=logs[0])
    above = min((tick for tick in logs if tick >= high - 1e-9), default=logs[-1])
    inside = [tick for tick in logs if below <= tick <= above]
    every = math.ceil(len(inside) / 7)
    middle = [tick for tick in inside[1:-1] if not inside.index(tick) % every]
    return (inside[0], *middle, inside[-1])


def _round_step(at_least: float) -> float:
    power = 10.0 ** math.floor(math.log10(at_least))
    return next(power * f for f in (1, 2, 5, 10) if power * f >= at_least * 0.999)
