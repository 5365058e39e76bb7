"""Chances that were named against shares that came: on the diagonal is a kept word."""

from enthesis.charts.curves import Axis, Curve, CurveChart
from enthesis.knowledge.kinds import ForecastLevel

OF_100 = tuple((float(value), str(value)) for value in (0, 20, 40, 60, 80, 100))


def calibration_chart(level: ForecastLevel) -> CurveChart:
    """The chart of one level of relief: about equally many forecasts in each dot."""
    points = tuple((100 * float(f), 100 * float(o)) for f, o, _ in level.bins)
    told = "; ".join(f"{x:.0f} named, {y:.0f} came" for x, y in points)
    return CurveChart(
        title=f"{level.level} % relief: {named(level)} of 100 named, {came(level)} came",
        told=f"Chance named, of 100, and how many of 100 reached it. {told}.",
        x=Axis("Chance named, of 100", OF_100),
        y=Axis("Of 100 such forecasts, reached", OF_100),
        curves=(
            Curve("A kept word", ((0.0, 0.0), (100.0, 100.0)), "anyway", dots=False),
            Curve("What came", points, "own", f"{level.forecasts:,} forecasts", dots=True),
        ),
        cls="responder",
    )


def named(level: ForecastLevel) -> int:
    """How many of 100 the chances had named together."""
    return round(100 * sum(float(f) * n for f, _, n in level.bins) / level.forecasts)


def came(level: ForecastLevel) -> int:
    """How many of 100 reached it."""
    return round(100 * level.reached / level.forecasts)
