"""The cumulative responder curve: how many reached at least so much relief, whatever the level.

One cut-off can be chosen to please; the whole curve cannot. Farrar and others (2006), J Pain
Symptom Manage 31:369, drew it so. Who gave no answer is left out of the line and counted as a
failure in the dotted one; the truth of the silent lies somewhere between.
"""

from bisect import bisect_left
from dataclasses import dataclass

from enthesis.charts.curves import Axis, Beneath, Curve, CurveChart, Table, Width, curves_svg
from enthesis.charts.pen import in_words

TICKS = tuple((float(x), f"{x} %") for x in (0, 30, 50, 70, 90))
OF_100 = tuple((float(y), str(y)) for y in (0, 25, 50, 75, 100))
MARKED = (30.0, 50.0, 90.0)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A published group on the same scale: (relief in percent, how many of 100 reached it)."""

    name: str
    note: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class ResponderData:
    """`relief` of each course that answered, percent; `begun` counts the silent too. `who` says of
    whom the relief is known, where that is not everybody who answered."""

    title: str
    relief: tuple[float, ...]
    begun: int
    anyway: Benchmark | None = None
    who: str = "who answered"

    def __post_init__(self) -> None:
        if not self.relief:
            raise ValueError("Nobody answered: there is no responder curve to draw.")
        if self.begun < len(self.relief):
            raise ValueError(
                f"{len(self.relief)} answered and only {self.begun} began; "
                "count as begun everybody who had a first session."
            )
        # Sorted once, for it is asked a hundred times.
        object.__setattr__(self, "relief", tuple(sorted(self.relief)))

    def reached(self, percent: float) -> int:
        """How many reached at least this relief."""
        return len(self.relief) - bisect_left(self.relief, percent)


def responder_chart(data: ResponderData) -> CurveChart:
    """The chart's lines and words."""
    levels = [float(x) for x in range(101)]  # finer steps no eye could part
    answered, lost = len(data.relief), data.begun - len(data.relief)
    own = tuple((x, 100 * data.reached(x) / answered) for x in levels)
    curves = [Curve(f"Those {data.who}", own, "own", f"{answered} of {data.begun} who began")]
    if lost:
        floor = tuple((x, 100 * data.reached(x) / data.begun) for x in levels)
        name = "Lost counted as not reached"
        curves.append(Curve(name, floor, "lost", f"all {data.begun} who began"))
    if data.anyway:
        curves.append(
            Curve(data.anyway.name, data.anyway.points, "anyway", data.anyway.note, dots=False)
        )
    marks = tuple(
        (x, 100 * data.reached(x) / answered, str(round(100 * data.reached(x) / answered)))
        for x in MARKED
    )
    rows = (
        Beneath(
            f"Reached it, of those {data.who}",
            tuple((x, f"{data.reached(x)}/{answered}") for x in MARKED),
        ),
    )
    told = "; ".join(f"at least {x:.0f} %: {data.reached(x)} of {answered}" for x in MARKED)
    return CurveChart(
        title=data.title,
        told=f"Of 100 {data.who}, how many reached at least a given relief. {told}. "
        f"{lost} of {data.begun} gave no answer.",
        x=Axis("Relief of at least …, percent of the start", (*TICKS, (100.0, ""))),
        y=Axis("Of 100 people, how many reached it", OF_100),
        curves=tuple(curves),
        marks=marks,
        beneath=rows,
        cls="responder",
    )


def responder_svg(data: ResponderData, width: Width, uid: str) -> str:
    """The curve as SVG, 740 or 358 units wide."""
    return curves_svg(responder_chart(data), width, uid)


def responder_table(data: ResponderData) -> Table:
    """Every tenth percent, with both denominators and the benchmark where it was published."""
    anyway = dict(data.anyway.points) if data.anyway else {}
    head = ("Relief of at least", f"Of those {data.who}", "Of 100", "Of all who began, of 100")
    rows = []
    for x in range(0, 101, 10):
        n = data.reached(x)
        cells = (
            f"{x} %",
            f"{n} of {len(data.relief)}",
            in_words(round(100 * n / len(data.relief), 1)),
            in_words(round(100 * n / data.begun, 1)),
        )
        known = anyway.get(float(x))
        rows.append(
            (*cells, "not known" if known is None else in_words(known)) if anyway else cells
        )
    label = (f"{data.anyway.name} (benchmark), of 100",) if data.anyway else ()
    return Table((*head, *label), tuple(rows))
