"""The g-chart of harms: how many sessions passed between one harm and the next.

Benneyan (2001), Health Care Manag Sci 4:305. A point under the lower limit came sooner than chance
would let it: the alarm. The sessions since the last harm are drawn too, hollow, for they go on.
"""

from dataclasses import dataclass

from enthesis.charts.axes import scale_ticks
from enthesis.charts.curves import Axis, Plot, Table, Width, axes
from enthesis.charts.pen import element, in_words, line, path_through, picture, words


@dataclass(frozen=True, slots=True)
class HarmsData:
    """`gaps`: sessions before each harm since the one before; `since`: sessions since the last.

    `expected` is the mean gap at the agreed rate, `alarm_below` the lower limit on that scale.
    """

    title: str
    gaps: tuple[int, ...]
    since: int
    sessions: int
    expected: float
    alarm_below: float


def harms_svg(data: HarmsData, width: Width, uid: str) -> str:
    """The chart as SVG, 740 or 358 units wide."""
    narrow = width == "narrow"
    right, bottom = (342.0, 230.0) if narrow else (724.0, 270.0)
    values = [*data.gaps, data.since]
    ys = scale_ticks(0, max(*map(float, values), 1.6 * data.expected, 1.0), 5)
    last = len(values)
    plot = Plot(narrow, 50, right, 30, bottom, (0.5, last + 0.5), (0.0, ys[-1]))
    every = max(1, -(-last // (8 if narrow else 16)))
    x_ticks = tuple((float(n), str(n)) for n in range(1, last, every))
    x = Axis("Harms in order; hollow: none since", (*x_ticks, (float(last), "now")))
    y = Axis("Sessions since the harm before", tuple((v, in_words(v)) for v in ys))
    places = [(plot.x(n + 1), plot.y(value)) for n, value in enumerate(values)]
    body = axes(plot, x, y)
    body += _level(plot, data.expected, "target", f"expected: {in_words(round(data.expected))}")
    body += _level(
        plot, data.alarm_below, "limit-95", f"ask why below {in_words(round(data.alarm_below, 1))}"
    )
    body += element("path", d=path_through(places), cls="axis") if len(places) > 1 else ""
    for n, (px, py) in enumerate(places):
        alarmed = n < len(data.gaps) and values[n] < data.alarm_below
        kind = "alarmed" if alarmed else "dot baseline" if n == len(data.gaps) else "dot"
        body += element("circle", cx=px, cy=py, r=5, cls=kind)
        if alarmed:
            body += words(px, py - 10, "ask why", "strong halo middle")
    told = (
        f"{len(data.gaps)} harms in {data.sessions} sessions; {data.since} since the last. "
        f"{sum(gap < data.alarm_below for gap in data.gaps)} came so soon as to ask why."
    )
    box = (0.0, 0.0, plot.across, bottom + 48.0)
    return picture(f"{uid}-{width}", data.title, told, box, f"chart harms {width}", body)


def harms_table(data: HarmsData) -> Table:
    """Every gap, the running one last."""
    rows = [
        (str(n), str(gap), "ask why" if gap < data.alarm_below else "")
        for n, gap in enumerate(data.gaps, start=1)
    ]
    return Table(
        ("Harm", "Sessions since the one before", "Short enough to ask why"),
        (*rows, ("none since", str(data.since), "")),
    )


def _level(plot: Plot, value: float, kind: str, label: str) -> str:
    y = plot.y(value)
    drawn = line(plot.left, y, plot.right, y, kind)
    # At the left: the newest harms, whose "ask why" matters, are at the right.
    return drawn + words(plot.left + 6, y - 5, label, "halo")
