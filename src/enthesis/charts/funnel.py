"""The funnel: each unit by its size, with the spread that chance alone would give. Never a ranking.

Spiegelhalter (2005), Stat Med 24:1185. Limits: 95 % dotted, 99.8 % faint. A unit beyond the outer
limit is hollow and reads "ask why": it is a question, not a verdict. A tick shows what is believed
of a unit once chance is allowed for. Rows of the table stand by name: no order of merit.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from enthesis.charts.axes import ticks_beyond
from enthesis.charts.curves import LINE, Axis, Plot, Table, Width, axes, wrapped
from enthesis.charts.labels import Box, box_of, first_free
from enthesis.charts.pen import element, in_words, line, path_through, picture, words

PARTS = re.compile(r"(\d+)")
THIN = 2.0
NAMED = 12
"""Of more units than these only those outside the limits are named: the table has the others."""
OF_100 = tuple((float(y), str(y)) for y in (0, 25, 50, 75, 100))


@dataclass(frozen=True, slots=True)
class Unit:
    """A clinic or a clinician. `share` and `size` as adjusted; `outside` the 99.8 % limits;
    `shrunk`: drawn towards all by what chance does to so few, with its interval;
    without one where units differ no more than chance makes them."""

    name: str
    size: int
    share: float
    outside: bool
    shrunk: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """Both limits at a size, as shares from 0 to 1."""

    size: float
    low95: float
    high95: float
    low998: float
    high998: float


@dataclass(frozen=True, slots=True)
class FunnelData:
    """`overall` is the share of all units; `outcome` completes "of 100, how many …"."""

    title: str
    outcome: str
    overall: float
    units: tuple[Unit, ...]
    limits: tuple[Limit, ...]

    def __post_init__(self) -> None:
        if len(self.units) < 2 or len(self.limits) < 2:
            raise ValueError("A funnel needs two units and its limits at two sizes or more.")


def funnel_svg(data: FunnelData, width: Width, uid: str) -> str:
    """The funnel as SVG, 740 or 358 units wide."""
    narrow = width == "narrow"
    largest = max(*(u.size for u in data.units), *(limit.size for limit in data.limits))
    ticks = ticks_beyond(float(largest), 4 if narrow else 6)
    right, bottom = (342.0, 250.0) if narrow else (724.0, 300.0)
    plot = Plot(
        narrow, 44.0 if narrow else 56.0, right, 30.0, bottom, (0.0, ticks[-1]), (0.0, 100.0)
    )
    x = Axis("Courses that began", tuple((v, in_words(v)) for v in ticks))
    y = Axis(f"Of 100, how many {data.outcome}", OF_100)
    middle = plot.y(100 * data.overall)
    body = axes(plot, x, y) + _limits(data, plot)
    body += line(plot.left, middle, plot.right, middle, "target")
    body += _units(data, plot)
    body += _legend(data, plot)
    outside = [u.name for u in data.units if u.outside]
    asked = f"Ask why: {', '.join(outside)}." if outside else "None lies outside the outer limits."
    told = f"{len(data.units)} units around {100 * data.overall:.0f} of 100. {asked} No ranking."
    box = (0.0, 0.0, plot.across, bottom + (102.0 if narrow else 72.0))
    return picture(f"{uid}-{width}", data.title, told, box, f"chart funnel {width}", body)


def funnel_table(data: FunnelData) -> Table:
    """Units by name, numbers in it by their size: Clinic 2 before Clinic 10."""
    rows = tuple(
        (
            u.name,
            str(u.size),
            in_words(round(100 * u.share, 1)),
            _shrunk(u),
            "ask why" if u.outside else "within",
        )
        for u in sorted(data.units, key=_by_name)
    )
    head = ("Who", "Courses", f"Of 100, how many {data.outcome}", "Shrunk (95 % interval)",
            "99.8 % limits")  # fmt: skip
    return Table(head, rows)


def _shrunk(unit: Unit) -> str:
    middle = in_words(round(100 * unit.shrunk))
    if unit.low is None or unit.high is None:
        return middle
    return f"{middle} ({in_words(round(100 * unit.low))} to {in_words(round(100 * unit.high))})"


def _by_name(unit: Unit) -> list[tuple[int, str]]:
    return [
        (int(part or 0), "") if part.isdigit() else (0, part) for part in PARTS.split(unit.name)
    ]


def _limits(data: FunnelData, plot: Plot) -> str:
    told = ""
    for kind, low, high in (("limit-998", "low998", "high998"), ("limit-95", "low95", "high95")):
        for name in (low, high):
            points = [(plot.x(at.size), plot.y(100 * getattr(at, name))) for at in data.limits]
            told += element("path", d=path_through(points), cls=kind)
    return told


def _on_limits(data: FunnelData, plot: Plot) -> list[Box]:
    """Where the limits and the level of all run: names stand beside them."""
    told = []
    for before, after in pairwise(data.limits):
        left, right = plot.x(before.size), plot.x(after.size)
        for name in ("low95", "high95", "low998", "high998"):
            ends = sorted(plot.y(100 * getattr(at, name)) for at in (before, after))
            told.append(Box(left, ends[0], right, max(ends[1], ends[0] + THIN)))
    middle = plot.y(100 * data.overall)
    return [*told, Box(plot.left, middle, plot.right, middle + THIN)]


def _units(data: FunnelData, plot: Plot) -> str:
    """Dots, and names where they are few and have room; who lies outside is always named."""
    told, dots = "", list[Box]()
    for unit in data.units:
        x, y = plot.x(unit.size), plot.y(100 * unit.share)
        to = plot.y(100 * unit.shrunk)
        told += line(x, y, x, to, "axis") + line(x - 5, to, x + 5, to, "axis")
        dots.append(Box(x - 8, y - 8, x + 8, y + 8))
    taken, lines = list(dots), _on_limits(data, plot)
    for unit in sorted(data.units, key=lambda u: (not u.outside, -u.size)):
        if unit.outside or len(data.units) <= NAMED:
            told += _name(unit, plot, taken, lines)
    for unit, box in zip(data.units, dots, strict=True):
        kind = "dot baseline" if unit.outside else "dot"
        told += element("circle", cx=box.left + 8, cy=box.top + 8, r=6, cls=kind)
    return told


def _name(unit: Unit, plot: Plot, taken: list[Box], lines: list[Box]) -> str:
    """The name beside its dot, or above or below it with a line to it, where nothing else is."""
    x, y = plot.x(unit.size), plot.y(100 * unit.share)
    parts = wrapped(f"{unit.name}: ask why" if unit.outside else unit.name, 14, 150.0)
    wide = max(box_of(0, 0, part, 14, "start", bold=unit.outside).right for part in parts)
    high = LINE * len(parts)
    middle = min(max(x - wide / 2, plot.left + 2), plot.across - wide - 2)
    beside = [Box(x + 11, y - high / 2, x + 11 + wide, y + high / 2),
              Box(x - 11 - wide, y - high / 2, x - 11, y + high / 2)]  # fmt: skip
    apart = [
        Box(middle, top, middle + wide, top + high)
        for away in range(22, 160, 12)
        for top in (y - away - high, y + away)
    ]
    within = Box(plot.left, plot.top - 4, plot.across, plot.bottom - 2)
    places = [box for box in (*beside, *apart) if box.within(within)]
    # A name that covers a limit is better than none, one that covers a dot or a name is not.
    box = first_free(places, taken) or first_free(places, taken)
    box = box or (places[0] if unit.outside and places else None)
    if box is None:
        return ""
    taken.append(box)
    told = ""
    if box not in beside:
        told = line(x, y, x, box.bottom + 2 if box.bottom < y else box.top - 2, "grid")
    cls = "strong halo" if unit.outside else "halo"
    for at, part in enumerate(parts):
        told += words(box.left, box.top + 13 + LINE * at, part, cls)
    return told


def _legend(data: FunnelData, plot: Plot) -> str:
    y = plot.bottom + 60
    told = line(0, y - 4, 24, y - 4, "limit-95") + words(30, y, "95 % of chance alone")
    x, y = (0.0, y + 18) if plot.narrow else (190.0, y)
    told += line(x, y - 4, x + 24, y - 4, "limit-998") + words(x + 30, y, "99.8 %")
    x += 110
    told += line(x, y - 4, x + 24, y - 4, "target")
    told += words(x + 30, y, f"all: {100 * data.overall:.0f} of 100")
    x, y = (0.0, y + 18) if plot.narrow else (x + 150, y)
    told += line(x + 6, y - 11, x + 6, y, "axis") + line(x, y, x + 12, y, "axis")
    return told + words(x + 20, y, "shrunk towards all")
