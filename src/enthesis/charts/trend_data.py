"""What a trend shows, and the frame that maps its dates and values to the page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal

from enthesis.charts.axes import scale_ticks
from enthesis.charts.labels import Box, width_of
from enthesis.charts.pen import Number, in_words

Width = Literal["wide", "narrow"]
FORECAST = "Forecast"
LONGEST_LABEL = 270.0  # user units of the narrow drawing, whose plot is at least so wide


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One reading. `value` None: asked and not answered. `baseline`: before the first session."""

    on: date
    value: Number | None
    baseline: bool = False


@dataclass(frozen=True, slots=True)
class BandPoint:
    """Where the middle half of the untreated, or of the salt-water arms, lay on a day."""

    on: date
    low: Number
    high: Number


@dataclass(frozen=True, slots=True)
class SessionMark:
    """A session: ▲ given, △ planned."""

    on: date
    given: bool = True


@dataclass(frozen=True, slots=True)
class FanPoint:
    """A forecast for a day: what is expected, and the lowest and highest of two bands."""

    on: date
    expected: float
    narrow: tuple[float, float]
    wide: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Level:
    """A threshold: its value, its words ("Target: 0.6 or less") and a note ("90 % relief").

    On a phone only the words are shown, on one line: keep them short, the rest is the note's.
    """

    value: Number
    label: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class TrendData:
    """Everything that a trend shows.

    `finding` is the title for a screen reader; `measure` is short ("Pain"). `low` and `high` are
    the ends of the scale with `low_words` and `high_words`. `error` is the measuring error, drawn
    as ± bars. Points, band, sessions and fan may come in any order; the fan begins at a reading.
    `start` is the mean of several readings before treatment; None where there is only one.
    `until` ends the axis of dates; left out, it ends a little after the last thing known.
    """

    finding: str
    measure: str
    low: Number
    high: Number
    lower_is_better: bool
    points: tuple[TrendPoint, ...]
    today: date
    low_words: str = ""
    high_words: str = ""
    error: Number | None = None
    start: Number | None = None
    band: tuple[BandPoint, ...] = ()
    band_label: str = "Salt water or time alone"
    band_note: str = "middle half"
    real_change: Level | None = None
    target: Level | None = None
    sessions: tuple[SessionMark, ...] = ()
    fan: tuple[FanPoint, ...] = ()
    fan_note: str = ""
    until: date | None = None

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(
                f"The scale of {self.measure} goes from {self.low} to {self.high}: "
                "the high end must be above the low end."
            )
        for label, _ in level_words(self):
            if width_of(label, 15.0, bold=True) > LONGEST_LABEL:
                raise ValueError(
                    f"“{label}” does not fit on one line of a phone: shorten it and put the rest "
                    "into its note."
                )


@dataclass(frozen=True, slots=True)
class Frame:
    """The plot in user units and what it maps: dates to x, values to y."""

    plot: Box
    start: date
    end: date
    low: float
    high: float
    size: float
    narrow: bool

    def x(self, on: date) -> float:
        """Where a day lies, clamped to the plot."""
        share = (on - self.start).days / (self.end - self.start).days
        return self.plot.left + min(1.0, max(0.0, share)) * (self.plot.right - self.plot.left)

    def y(self, value: Number) -> float:
        """Where a value lies, clamped to the plot; higher values are higher on the page."""
        share = (float(value) - self.low) / (self.high - self.low)
        return self.plot.bottom - min(1.0, max(0.0, share)) * (self.plot.bottom - self.plot.top)


def band_at(band: Sequence[BandPoint], on: date) -> tuple[float, float] | None:
    """The band on a day, straight between the days given; None outside them."""
    days = sorted(band, key=lambda point: point.on)
    for left, right in pairwise(days):
        if left.on <= on <= right.on and left.on < right.on:
            share = (on - left.on).days / (right.on - left.on).days
            low = float(left.low) + share * (float(right.low) - float(left.low))
            return low, float(left.high) + share * (float(right.high) - float(left.high))
    only = next((point for point in days if point.on == on), None)
    return (float(only.low), float(only.high)) if only else None


def answered(data: TrendData) -> list[TrendPoint]:
    """The readings that have a value, by date."""
    known = (point for point in data.points if point.value is not None)
    return sorted(known, key=lambda point: point.on)


def frame_of(data: TrendData, narrow: bool) -> Frame:
    """The plot, with room for the widest tick and, in the wide drawing, for names at the right."""
    (start, end), size = _dates_of(data), 15.0 if narrow else 13.0
    ticks = scale_ticks(float(data.low), float(data.high))
    widest = max(width_of(in_words(tick), size) for tick in ticks)
    if narrow:
        plot = Box(max(26.0, widest + 8), 46.0, 350.0, 276.0)
    else:
        room = max((width_of(text, 13, bold) for text, bold in _margin_words(data)), default=0.0)
        plot = Box(max(70.0, widest + 32), 18.0, 740.0 - max(24.0, min(330.0, room + 14.0)), 308.0)
    return Frame(plot, start, end, float(data.low), float(data.high), size, narrow)


def _dates_of(data: TrendData) -> tuple[date, date]:
    known = [point.on for point in data.points] + [mark.on for mark in data.sessions]
    known += [point.on for point in data.fan]
    start = min(known, default=data.today)
    last = max([*known, min(data.today, max(known, default=data.today) + timedelta(400))])
    after = timedelta(max(7, (last - start).days // 8))
    end = max(data.until or last + after, start + timedelta(14))
    return start, end


def _margin_words(data: TrendData) -> Iterator[tuple[str, bool]]:
    for label, note in level_words(data):
        yield label, True
        yield note, False


def level_words(data: TrendData) -> Iterator[tuple[str, str]]:
    """Words and note of everything that is named: the band, then the thresholds."""
    if data.band:
        yield data.band_label, data.band_note
    if data.fan:
        yield FORECAST, data.fan_note
    for level in (data.real_change, data.target):
        if level:
            yield level.label, level.note


def most_ticks(frame: Frame) -> int:
    """How many dates find room under the plot."""
    return 5 if frame.narrow else 9


def days_of_band(data: TrendData, frame: Frame) -> list[tuple[date, float, float]]:
    """The band's corners within the axis of dates, cut straight at its ends."""
    corners = {point.on for point in data.band if frame.start <= point.on <= frame.end}
    days = []
    for on in sorted(corners | {frame.start, frame.end}):
        ends = band_at(data.band, on)
        if ends:
            days.append((on, *ends))
    return days


def place_of(frame: Frame, point: TrendPoint) -> tuple[float, float]:
    """Where an answered reading lies."""
    assert point.value is not None  # noqa: S101  only answered points are placed
    return frame.x(point.on), frame.y(point.value)


def scale_ends(data: TrendData) -> tuple[tuple[Number, str], ...]:
    """The high end and the low end, each with its words."""
    return ((data.high, data.high_words), (data.low, data.low_words))
