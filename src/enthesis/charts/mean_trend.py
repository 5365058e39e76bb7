"""The mean over the scheduled windows with its interval, over what happens anyway in sand."""

from dataclasses import dataclass

from enthesis.charts.axes import scale_ticks
from enthesis.charts.curves import Axis, Beneath, Curve, CurveChart, Table, Width, curves_svg
from enthesis.charts.pen import in_words


@dataclass(frozen=True, slots=True)
class WindowMean:
    """One window: its week, mean score with its 95 % interval, and who answered of who should."""

    week: float
    label: str
    mean: float
    low: float
    high: float
    answered: int
    due: int


@dataclass(frozen=True, slots=True)
class MeanTrendData:
    """`band` is (week, low, high) of a published group; `measure` names its scale."""

    title: str
    measure: str
    low: float
    high: float
    name: str
    windows: tuple[WindowMean, ...]
    band: tuple[tuple[float, float, float], ...] = ()
    band_label: str = ""

    def __post_init__(self) -> None:
        if len(self.windows) < 2:
            raise ValueError("A trend needs answers in two windows or more.")


def mean_trend_chart(data: MeanTrendData) -> CurveChart:
    """The chart's lines and words; the scale is never flipped and begins at its own end."""
    points = tuple((w.week, w.mean) for w in data.windows)
    bars = tuple((w.week, w.low, w.high) for w in data.windows)
    first, last = data.windows[0], data.windows[-1]
    note = (
        f"{in_words(round(first.mean, 1))} at the start, {in_words(round(last.mean, 1))} at the end"
    )
    own = Curve(data.name, points, "own", note, dots=True, bars=bars)
    end = last.week
    told = "; ".join(
        f"{w.label}: {in_words(round(w.mean, 1))} ({in_words(round(w.low, 1))} to "
        f"{in_words(round(w.high, 1))}), {w.answered} of {w.due}"
        for w in data.windows
    )
    return CurveChart(
        title=data.title,
        told=f"{data.measure}. {told}.",
        x=Axis("Weeks from the first session", _weeks(data)),
        y=Axis(data.measure, tuple((v, in_words(v)) for v in scale_ticks(data.low, data.high, 5))),
        curves=(own,),
        beneath=(
            Beneath("Answered", tuple((w.week, f"{w.answered}/{w.due}") for w in _spaced(data))),
        ),
        band=tuple(p for p in data.band if p[0] <= end),
        band_label=data.band_label,
        cls="means",
    )


def mean_trend_svg(data: MeanTrendData, width: Width, uid: str) -> str:
    """The trend as SVG, 740 or 358 units wide."""
    return curves_svg(mean_trend_chart(data), width, uid)


def mean_trend_table(data: MeanTrendData) -> Table:
    """Each window with its interval and its denominators."""
    rows = tuple(
        (
            w.label,
            in_words(round(w.mean, 2)),
            f"{in_words(round(w.low, 2))} to {in_words(round(w.high, 2))}",
            f"{w.answered} of {w.due}",
        )
        for w in data.windows
    )
    return Table(("When", f"Mean, {data.measure}", "95 % interval", "Answered"), rows)


def _weeks(data: MeanTrendData) -> tuple[tuple[float, str], ...]:
    last = max(w.week for w in data.windows)
    return tuple((v, in_words(round(v))) for v in scale_ticks(0, last, 6))


def _spaced(data: MeanTrendData) -> list[WindowMean]:
    """The windows whose numbers have room beneath the axis: a fifth of it each."""
    room, kept = data.windows[-1].week / 5, [data.windows[0]]
    for window in data.windows[1:-1]:
        far_from_end = data.windows[-1].week - window.week >= room
        if window.week - kept[-1].week >= room and far_from_end:
            kept.append(window)
    return [*kept, data.windows[-1]]
