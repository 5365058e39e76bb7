"""What lies behind the patient's line on a trend: what happens anyway, and the forecast.

The forecast is two bands that widen from the last answer and the expected path. It is drawn over
the sand band, whose edges come on top, so that what happens anyway is never hidden by what is
expected.
"""

from collections.abc import Callable, Iterator

from enthesis.charts.pen import day_in_words, element, in_words, path_through
from enthesis.charts.trend_data import FanPoint, Frame, TrendData, days_of_band

Place = tuple[float, float]


def behind(data: TrendData, frame: Frame) -> tuple[str, str, str]:
    """The layers from back to front: sand band, forecast, the edges of the sand band."""
    return _band(data, frame), _fan(data, frame), _band_edges(data, frame)


def _band(data: TrendData, frame: Frame) -> str:
    upper, lower = _edges(data, frame)
    if not upper:
        return ""
    return element("path", d=path_through([*upper, *reversed(lower)], closed=True), cls="band")


def _band_edges(data: TrendData, frame: Frame) -> str:
    edges = (edge for edge in _edges(data, frame) if edge)
    return "".join(element("path", d=path_through(edge), cls="band-edge") for edge in edges)


def _edges(data: TrendData, frame: Frame) -> tuple[list[Place], list[Place]]:
    days = days_of_band(data, frame)
    if len(days) < 2:
        return [], []
    upper = [(frame.x(on), frame.y(high)) for on, _, high in days]
    return upper, [(frame.x(on), frame.y(low)) for on, low, _ in days]


def _fan(data: TrendData, frame: Frame) -> str:
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
