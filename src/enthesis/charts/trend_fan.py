"""The forecast on a trend: from the last answer two widening bands and the expected path.

Drawn over the sand band, whose edges are drawn again on top, so that what happens anyway is never
hidden by what is expected; under the thresholds and the patient's own line.
"""

from collections.abc import Callable, Iterator

from enthesis.charts.pen import day_in_words, element, in_words, path_through
from enthesis.charts.trend_data import FanPoint, Frame, TrendData


def fan_layer(data: TrendData, frame: Frame) -> str:
    """Wide band, narrow band, path; nothing without a forecast."""
    if len(data.fan) < 2:
        return ""
    fan = sorted(data.fan, key=lambda point: point.on)
    bands = [
        _between(fan, frame, "fan wider", lambda point: point.wide),
        _between(fan, frame, "fan", lambda point: point.narrow),
    ]
    path = [(frame.x(point.on), frame.y(point.expected)) for point in fan]
    return "".join(bands) + element("path", d=path_through(path), cls="own expected")


def fan_words(data: TrendData) -> Iterator[str]:
    """The last day of the forecast in a sentence, for those who do not see it."""
    if len(data.fan) > 1:
        last = max(data.fan, key=lambda point: point.on)
        yield (
            f"Forecast for {day_in_words(last.on)}: about {in_words(round(last.expected, 1))}; "
            f"{data.fan_note}: {in_words(round(last.narrow[0], 1))} to "
            f"{in_words(round(last.narrow[1], 1))}, "
            f"{in_words(round(last.wide[0], 1))} to {in_words(round(last.wide[1], 1))}."
        )


def _between(
    fan: list[FanPoint], frame: Frame, cls: str, ends_of: Callable[[FanPoint], tuple[float, float]]
) -> str:
    upper = [(frame.x(point.on), frame.y(ends_of(point)[1])) for point in fan]
    lower = [(frame.x(point.on), frame.y(ends_of(point)[0])) for point in reversed(fan)]
    return element("path", d=path_through([*upper, *lower], closed=True), cls=cls)
