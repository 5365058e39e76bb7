"""The funnel plot of a pool: each study's result against its precision, big studies at the top.

Small studies scatter more; a funnel that is empty on one side may have lost studies there, or the
small ones were different. Drawn once for a file, twice for a page, as all charts.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from enthesis.charts.axes import scale_ticks
from enthesis.charts.forest_data import ratio_ticks
from enthesis.charts.pen import element, in_words, line, path_through, picture, ratio, words
from enthesis.charts.standalone import standalone

Width = Literal["wide", "narrow"]
Place = Callable[[float, float], tuple[float, float]]
MARGIN = 1.15
"""The axis reaches a little beyond the outermost study or outline."""


@dataclass(frozen=True, slots=True)
class FunnelStudy:
    """One study on the analysis scale (log for ratios)."""

    name: str
    estimate: float
    se: float


@dataclass(frozen=True, slots=True)
class FunnelPlot:
    """The plot's data. `reach` is how many standard errors to each side of `middle` the outline
    lies: where nearly all studies would be if they only differed by chance."""

    title: str
    axis: str
    middle: float
    reach: float
    studies: tuple[FunnelStudy, ...]
    is_ratio: bool = False

    def span(self) -> tuple[float, float]:
        """What the axis must hold, symmetrical about the middle."""
        largest = max(study.se for study in self.studies)
        away = max(abs(study.estimate - self.middle) for study in self.studies)
        half = MARGIN * max(away, self.reach * largest)
        return self.middle - half, self.middle + half

    def words_of(self, value: float) -> str:
        """A value on the axis: a ratio as a ratio."""
        return f"{ratio(value):.3g}" if self.is_ratio else in_words(value)


def funnel_plot(data: FunnelPlot, width: Width, uid: str) -> str:
    """The plot as SVG with classes only; `uid` must be its own on the page."""
    across, left, right, size = (358, 40, 344, 260) if width == "narrow" else (740, 64, 716, 340)
    top, bottom = 28.0, float(size)
    low, high = data.span()
    deepest = MARGIN * max(study.se for study in data.studies)

    def at(value: float, se: float) -> tuple[float, float]:
        x = left + (value - low) / (high - low) * (right - left)
        return x, top + se / deepest * (bottom - top)

    foot = data.reach * deepest
    outline = [at(data.middle - foot, deepest), at(data.middle, 0), at(data.middle + foot, deepest)]
    body = element("path", d=path_through(outline, closed=True), cls="zone")
    body += line(*at(data.middle, 0), *at(data.middle, deepest), "pool-line")
    for se in scale_ticks(0, deepest, 4)[:-1]:
        y = at(low, se)[1]
        body += line(left, y, right, y, "grid") + words(left - 6, y + 4, in_words(se), "end")
    body += _points(data, at) + _axis(data, at, deepest, left, right, bottom)
    body += words(0, 16, "Standard error, most precise on top", "strong")
    cls = f"chart funnel {width}"
    return picture(uid, data.title, _spoken(data), (0, 0, across, bottom + 48), cls, body)


def funnel_file(data: FunnelPlot) -> str:
    """The wide plot as a file of its own, with the rules for its classes inside."""
    return f"{standalone(funnel_plot(data, 'wide', 'funnel'))}\n"


def funnel_table(data: FunnelPlot) -> dict[str, list[object]]:
    """The plot as rows of words, for `parts/chart.html`."""
    rows: list[object] = [[s.name, data.words_of(s.estimate), f"{s.se:.3g}"] for s in data.studies]
    return {"head": ["Study", data.axis, "Standard error"], "rows": rows}


def _points(data: FunnelPlot, at: Place) -> str:
    circles = ""
    for study in data.studies:
        x, y = at(study.estimate, study.se)
        circles += element(
            "circle", element("title", escape(study.name)), cx=x, cy=y, r=5, cls="study"
        )
    return circles


def _axis(
    data: FunnelPlot, at: Place, deepest: float, left: float, right: float, bottom: float
) -> str:
    low, high = data.span()
    told = line(left, bottom, right, bottom, "axis")
    inside = [tick for tick in _ticks(data.is_ratio, low, high) if low <= tick <= high]
    for tick in inside:
        x = at(tick, deepest)[0]
        told += line(x, bottom, x, bottom + 5, "axis")
        told += words(x, bottom + 20, data.words_of(tick), "middle")
    return told + words((left + right) / 2, bottom + 40, data.axis, "middle")


def _ticks(is_ratio: bool, low: float, high: float) -> Sequence[float]:
    if is_ratio:
        return ratio_ticks(low, high)
    step = 10 ** math.floor(math.log10((high - low) / 3))
    step = next(step * f for f in (1, 2, 5, 10) if (high - low) / (step * f) <= 6)
    return [step * n for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _spoken(data: FunnelPlot) -> str:
    inside = sum(abs(s.estimate - data.middle) <= data.reach * s.se for s in data.studies)
    return (
        f"{data.axis}. {len(data.studies)} studies, {inside} of them within the funnel around "
        f"{data.words_of(data.middle)}."
    )
