"""Reaching the target and ending without it, each a curve, with the numbers at risk beneath.

Both are cumulative incidences that compete: one minus Kaplan–Meier, which takes who ended for
lost from sight, would draw the target curve too high.
"""

from dataclasses import dataclass

from enthesis.charts.axes import scale_ticks
from enthesis.charts.curves import Axis, Beneath, Curve, CurveChart, Table, Width, curves_svg
from enthesis.charts.pen import in_words

OF_100 = tuple((float(y), str(y)) for y in (0, 25, 50, 75, 100))


@dataclass(frozen=True, slots=True)
class Ending:
    """One kind of end: (week, share from 0 to 1 that ended so by then), and how many in all."""

    name: str
    points: tuple[tuple[float, float], ...]
    count: int


@dataclass(frozen=True, slots=True)
class SurvivalData:
    """`reached` and `stopped` over `weeks`; `at_risk` is (week, number still followed). Another
    clock than weeks has its own `axis` and `unit`."""

    title: str
    weeks: float
    begun: int
    reached: Ending
    stopped: Ending
    at_risk: tuple[tuple[float, int], ...]
    axis: str = "Weeks from the first session"
    unit: str = "week"


def survival_chart(data: SurvivalData) -> CurveChart:
    """The chart's lines and words."""
    curves = tuple(
        Curve(
            end.name,
            tuple((x, 100 * share) for x, share in _to_the_end(end.points, data.weeks)),
            "own" if end is data.reached else "halted",
            f"{end.count} of {data.begun} who began",
            steps=True,
        )
        for end in (data.reached, data.stopped)
    )
    ends = "; ".join(f"{c.name}: {in_words(round(c.points[-1][1]))} of 100" for c in curves)
    return CurveChart(
        title=data.title,
        told=f"By {data.unit} {in_words(data.weeks)}, {ends}. {data.begun} courses began.",
        x=Axis(data.axis, _ticks(data)),
        y=Axis("Of 100 courses, how many by then", OF_100),
        curves=curves,
        beneath=(Beneath("Still followed", tuple((x, str(n)) for x, n in data.at_risk)),),
        cls="survival",
    )


def survival_svg(data: SurvivalData, width: Width, uid: str) -> str:
    """The curves as SVG, 740 or 358 units wide."""
    return curves_svg(survival_chart(data), width, uid)


def survival_table(data: SurvivalData) -> Table:
    """Both curves and the number still followed, at the weeks under the axis."""
    rows = tuple(
        (
            f"{data.unit} {in_words(week)}",
            _percent(_at(data.reached.points, week)),
            _percent(_at(data.stopped.points, week)),
            str(n),
        )
        for week, n in data.at_risk
    )
    head = ("By", f"{data.reached.name}, of 100", f"{data.stopped.name}, of 100", "Still followed")
    return Table(head, rows)


def _percent(share: float) -> str:
    return in_words(round(100 * share, 1))


def _at(points: tuple[tuple[float, float], ...], week: float) -> float:
    return max((share for x, share in points if x <= week), default=0.0)


def _to_the_end(
    points: tuple[tuple[float, float], ...], weeks: float
) -> tuple[tuple[float, float], ...]:
    inside = tuple(p for p in points if p[0] <= weeks)
    return ((0.0, 0.0), *inside, (weeks, _at(points, weeks)))


def _ticks(data: SurvivalData) -> tuple[tuple[float, str], ...]:
    return tuple((v, in_words(v)) for v in scale_ticks(0, data.weeks, 6))
