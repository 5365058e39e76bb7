"""The trend: one patient's line over what happens anyway, with the sessions on real dates.

The scale is never flipped; an arrow says which way is better. Back to front: grid, sand band,
(a forecast would come here, with the band's edges over it), thresholds, today, the patient's line,
then words, which never overlap. Drawn twice, wide and narrow, so that no text falls under 12 px.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal

from enthesis.charts.axes import date_ticks, scale_ticks
from enthesis.charts.labels import Anchor, Box, box_of, first_free, lifted, stacked, width_of
from enthesis.charts.pen import (
    Number,
    day_in_words,
    element,
    in_words,
    line,
    path_through,
    picture,
    words,
)

Width = Literal["wide", "narrow"]
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
    as ± bars. Points, band and sessions may come in any order. `until` ends the axis of dates;
    left out, it ends a little after the last thing known.
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
    band: tuple[BandPoint, ...] = ()
    band_label: str = "Salt water or time alone"
    band_note: str = "middle half"
    real_change: Level | None = None
    target: Level | None = None
    sessions: tuple[SessionMark, ...] = ()
    until: date | None = None

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(
                f"The scale of {self.measure} goes from {self.low} to {self.high}: "
                "the high end must be above the low end."
            )
        for label, _ in _level_words(self):
            if width_of(label, 15.0, bold=True) > LONGEST_LABEL:
                raise ValueError(
                    f"“{label}” does not fit on one line of a phone: shorten it and put the rest "
                    "into its note."
                )


@dataclass(frozen=True, slots=True)
class TrendTable:
    """The numbers of a trend, for the table under it."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class _Label:
    """Words with their place: x, y of the baseline, size and the class that draws them."""

    text: str
    x: float
    y: float
    size: float
    cls: str
    anchor: Anchor = "start"
    bold: bool = False

    @property
    def box(self) -> Box:
        return box_of(self.x, self.y, self.text, self.size, self.anchor, self.bold)

    def draw(self) -> str:
        anchored = {"start": "", "middle": " middle", "end": " end"}[self.anchor]
        return words(self.x, self.y, self.text, self.cls + anchored)


@dataclass(frozen=True, slots=True)
class _Frame:
    """The plot in user units and what it maps: dates to x, values to y."""

    plot: Box
    start: date
    end: date
    low: float
    high: float
    size: float
    narrow: bool

    def x(self, on: date) -> float:
        share = (on - self.start).days / (self.end - self.start).days
        return self.plot.left + min(1.0, max(0.0, share)) * (self.plot.right - self.plot.left)

    def y(self, value: Number) -> float:
        share = (float(value) - self.low) / (self.high - self.low)
        return self.plot.bottom - min(1.0, max(0.0, share)) * (self.plot.bottom - self.plot.top)


def trend_svg(data: TrendData, width: Width, uid: str) -> str:
    """The chart as an SVG string; `uid` makes its ids unique on the page.

    740 (wide) or 358 (narrow) units across. The style sheet shows one of the two.
    """
    frame = _frame_of(data, width == "narrow")
    labels, leaders = _labels_of(data, frame)
    layers = [
        _grid(data, frame),
        _band(data, frame),
        _levels(data, frame),
        _today(data, frame),
        _readings(data, frame),
        *leaders,
        *(label.draw() for label in labels),
    ]
    across, down = (358 if frame.narrow else 740), frame.plot.bottom + (74 if data.sessions else 32)
    title, told = data.finding, _description(data)
    box = (0.0, 0.0, float(across), down)
    return picture(f"{uid}-{width}", title, told, box, f"chart trend {width}", "".join(layers))


def trend_labels(data: TrendData, width: Width) -> list[Box]:
    """The rectangles of all words drawn, for the tests that nothing overlaps."""
    return [label.box for label in _labels_of(data, _frame_of(data, width == "narrow"))[0]]


def trend_table(data: TrendData) -> TrendTable:
    """The same numbers as rows: readings and sessions by date, with the band on each day."""
    scale = f"{data.measure}, {in_words(data.low)} to {in_words(data.high)}"
    head = ("Date", scale, *((f"{data.band_label}, {data.band_note}",) if data.band else ()))
    told = [(point.on, 0, _reading_words(point)) for point in data.points]
    told += [(mark.on, 1, _session_words(mark)) for mark in data.sessions]
    rows = []
    for on, _, cell in sorted(told):
        band = (_band_words(data.band, on),) if data.band else ()
        rows.append((day_in_words(on), cell, *band))
    return TrendTable(head, tuple(rows))


def _reading_words(point: TrendPoint) -> str:
    if point.value is None:
        return "no answer"
    return in_words(point.value) + (" (before treatment)" if point.baseline else "")


def _session_words(mark: SessionMark) -> str:
    return "session given" if mark.given else "session planned"


def _band_words(band: Sequence[BandPoint], on: date) -> str:
    ends = _band_at(band, on)
    return f"{in_words(ends[0])} to {in_words(ends[1])}" if ends else ""


def _band_at(band: Sequence[BandPoint], on: date) -> tuple[float, float] | None:
    """The band on a day, straight between the days given; None outside them."""
    days = sorted(band, key=lambda point: point.on)
    for left, right in pairwise(days):
        if left.on <= on <= right.on and left.on < right.on:
            share = (on - left.on).days / (right.on - left.on).days
            low = float(left.low) + share * (float(right.low) - float(left.low))
            return low, float(left.high) + share * (float(right.high) - float(left.high))
    only = next((point for point in days if point.on == on), None)
    return (float(only.low), float(only.high)) if only else None


def _answered(data: TrendData) -> list[TrendPoint]:
    known = (point for point in data.points if point.value is not None)
    return sorted(known, key=lambda point: point.on)


def _frame_of(data: TrendData, narrow: bool) -> _Frame:
    (start, end), size = _dates_of(data), 15.0 if narrow else 13.0
    ticks = scale_ticks(float(data.low), float(data.high))
    widest = max(width_of(in_words(tick), size) for tick in ticks)
    if narrow:
        plot = Box(max(26.0, widest + 8), 46.0, 350.0, 276.0)
    else:
        room = max((width_of(text, 13, bold) for text, bold in _margin_words(data)), default=0.0)
        plot = Box(max(70.0, widest + 32), 18.0, 740.0 - max(24.0, min(330.0, room + 14.0)), 308.0)
    return _Frame(plot, start, end, float(data.low), float(data.high), size, narrow)


def _dates_of(data: TrendData) -> tuple[date, date]:
    known = [point.on for point in data.points] + [mark.on for mark in data.sessions]
    start = min(known, default=data.today)
    last = max([*known, min(data.today, max(known, default=data.today) + timedelta(400))])
    after = timedelta(max(7, (last - start).days // 8))
    end = max(data.until or last + after, start + timedelta(14))
    return start, end


def _margin_words(data: TrendData) -> Iterator[tuple[str, bool]]:
    for label, note in _level_words(data):
        yield label, True
        yield note, False


def _level_words(data: TrendData) -> Iterator[tuple[str, str]]:
    if data.band:
        yield data.band_label, data.band_note
    for level in (data.real_change, data.target):
        if level:
            yield level.label, level.note


def _grid(data: TrendData, frame: _Frame) -> str:
    plot = frame.plot
    drawn = []
    for value in scale_ticks(frame.low, frame.high):
        kind = "axis" if value == frame.low else "grid"
        drawn.append(line(plot.left, frame.y(value), plot.right, frame.y(value), kind))
    for tick in date_ticks(frame.start, frame.end, _most_ticks(frame)):
        x = frame.x(tick.on)
        drawn.append(line(x, plot.bottom, x, plot.bottom + 5, "axis"))
    for mark in data.sessions:
        if mark.given:
            drawn.append(line(frame.x(mark.on), plot.top, frame.x(mark.on), plot.bottom, "given"))
    drawn += _session_marks(data, frame)
    if not frame.narrow:
        drawn.append(_better_arrow(data, frame))
    return "".join(drawn)


def _most_ticks(frame: _Frame) -> int:
    return 5 if frame.narrow else 9


def _better_arrow(data: TrendData, frame: _Frame) -> str:
    """At the left, pointing to the better end, its word written along it."""
    middle = (frame.plot.top + frame.plot.bottom) / 2
    tip, tail = (middle + 34, middle + 10) if data.lower_is_better else (middle - 34, middle - 10)
    barb = tip - 4 if data.lower_is_better else tip + 4
    arrow = f"M12 {tail}V{tip}M8 {barb}L12 {tip}L16 {barb}"
    y = middle + 4 if data.lower_is_better else middle + 50
    turned = element(
        "text", "Better", x=0, y=0, cls="strong", transform=f"translate(16 {y}) rotate(-90)"
    )
    return element("path", d=arrow, cls="better") + turned


def _session_marks(data: TrendData, frame: _Frame) -> list[str]:
    """Triangles under the axis, slimmer where sessions stand close."""
    marks = sorted(data.sessions, key=lambda mark: mark.on)
    places = [frame.x(mark.on) for mark in marks]
    closest = min((b - a for a, b in pairwise(places)), default=99.0)
    half, foot = max(2.5, min(6.5, closest / 2 - 1)), frame.plot.bottom + 42
    drawn = []
    for mark, x in zip(marks, places, strict=True):
        corners = [(x - half, foot), (x + half, foot), (x, foot - 11)]
        kind = "mark" if mark.given else "mark planned"
        drawn.append(element("path", d=path_through(corners, closed=True), cls=kind))
    return drawn


def _band(data: TrendData, frame: _Frame) -> str:
    days = _days_of_band(data, frame)
    if len(days) < 2:
        return ""
    upper = [(frame.x(on), frame.y(high)) for on, _, high in days]
    lower = [(frame.x(on), frame.y(low)) for on, low, _ in days]
    around = element("path", d=path_through([*upper, *reversed(lower)], closed=True), cls="band")
    edges = (element("path", d=path_through(edge), cls="band-edge") for edge in (upper, lower))
    return around + "".join(edges)


def _days_of_band(data: TrendData, frame: _Frame) -> list[tuple[date, float, float]]:
    """The band's corners within the axis of dates, cut straight at its ends."""
    corners = {point.on for point in data.band if frame.start <= point.on <= frame.end}
    days = []
    for on in sorted(corners | {frame.start, frame.end}):
        ends = _band_at(data.band, on)
        if ends:
            days.append((on, *ends))
    return days


def _levels(data: TrendData, frame: _Frame) -> str:
    left = frame.x(max((p.on for p in _answered(data) if p.baseline), default=frame.start))
    drawn = []
    for level, kind in ((data.real_change, "real"), (data.target, "target")):
        if level:
            drawn.append(
                line(left, frame.y(level.value), frame.plot.right, frame.y(level.value), kind)
            )
    return "".join(drawn)


def _today(data: TrendData, frame: _Frame) -> str:
    if not frame.start <= data.today <= frame.end:
        return ""
    x = frame.x(data.today)
    return line(x, frame.plot.top, x, frame.plot.bottom, "today")


def _readings(data: TrendData, frame: _Frame) -> str:
    """Error bars, the line (dotted where an answer is missing) and the dots."""
    known = _answered(data)
    missing = [point.on for point in data.points if point.value is None]
    drawn = [_error_bar(data, point, frame) for point in known]
    for left, right in pairwise(known):
        gap = any(left.on < on < right.on for on in missing)
        ends = (_place(frame, left), _place(frame, right))
        drawn.append(element("path", d=path_through(ends), cls="own gap" if gap else "own"))
    radius = _radius(known, frame)
    for point in known:
        x, y = _place(frame, point)
        kind = "dot baseline" if point.baseline else "dot"
        drawn.append(element("circle", cx=x, cy=y, r=radius, cls=kind))
    return "".join(drawn)


def _place(frame: _Frame, point: TrendPoint) -> tuple[float, float]:
    assert point.value is not None  # noqa: S101  only answered points are placed
    return frame.x(point.on), frame.y(point.value)


def _radius(known: Sequence[TrendPoint], frame: _Frame) -> float:
    closest = min((frame.x(b.on) - frame.x(a.on) for a, b in pairwise(known)), default=99.0)
    return max(2.5, min(6.0, closest / 2.4))


def _error_bar(data: TrendData, point: TrendPoint, frame: _Frame) -> str:
    if data.error is None or point.value is None:
        return ""
    x, value, error = frame.x(point.on), float(point.value), float(data.error)
    return line(x, frame.y(value - error), x, frame.y(value + error), "error")


def _labels_of(data: TrendData, frame: _Frame) -> tuple[list[_Label], list[str]]:
    """All words with their places, and leaders from lines to words that had to move away."""
    placed = [*_scale_words(data, frame), *_date_words(frame), *_key_words(data, frame)]
    placed += _own_words(data, frame, placed)
    placed += _today_word(data, frame, placed)
    if frame.narrow:
        return placed + _inside_words(data, frame, placed), []
    margin, leaders = _margin_labels(data, frame)
    return placed + margin, leaders


def _scale_words(data: TrendData, frame: _Frame) -> list[_Label]:
    size, left = frame.size, frame.plot.left
    labels = [
        _Label(in_words(value), left - 7, frame.y(value) + 4.5, size, "", "end")
        for value in scale_ticks(frame.low, frame.high)
    ]
    if frame.narrow:
        ends = (f"{in_words(v)} = {w}" for v, w in _scale_ends(data) if w)
        better = "lower is better ↓" if data.lower_is_better else "higher is better ↑"
        labels.append(_Label(", ".join(ends), 0, 12, size, ""))
        labels.append(_Label(better, 0, 31, size, "strong", bold=True))
        return [label for label in labels if label.text]
    room = max(label.box.right - label.box.left for label in labels)
    for value, name in _scale_ends(data):
        if name and width_of(name, size) + room <= left - 11:
            labels.append(_Label(name, left - 13 - room, frame.y(value) + 4.5, size, "", "end"))
    return labels


def _scale_ends(data: TrendData) -> tuple[tuple[Number, str], ...]:
    return ((data.high, data.high_words), (data.low, data.low_words))


def _date_words(frame: _Frame) -> list[_Label]:
    labels: list[_Label] = []
    for tick in date_ticks(frame.start, frame.end, _most_ticks(frame)):
        x, y = frame.x(tick.on), frame.plot.bottom + 22
        half = width_of(tick.label, frame.size) / 2
        x = min(max(x, half), (358 if frame.narrow else 740) - half)
        label = _Label(tick.label, x, y, frame.size, "", "middle")
        if first_free([label.box], [other.box for other in labels]):
            labels.append(label)
    return labels


def _key_words(data: TrendData, frame: _Frame) -> list[_Label]:
    kinds = {mark.given for mark in data.sessions}
    told = " ".join(
        name for given, name in ((True, "▲ session given"), (False, "△ planned")) if given in kinds
    )
    y = frame.plot.bottom + 62
    return [_Label(told, frame.plot.left, y, frame.size, "")] if told else []


def _own_words(data: TrendData, frame: _Frame, placed: Sequence[_Label]) -> list[_Label]:
    """The last value always, the first where there is room: beside its dot, off the line."""
    known = _answered(data)
    labels: list[_Label] = []
    for point in ([known[-1]] if known else []) + ([known[0]] if len(known) > 1 else []):
        x, y = _place(frame, point)
        options = [
            _own_label(point, x + dx, y + dy, anchor)
            for anchor, dx, dy in _AROUND
            if _own_label(point, x + dx, y + dy, anchor).box.within(_near(frame))
        ]
        words_taken = [label.box for label in (*placed, *labels)]
        ink = _ink(known, frame)
        chosen = first_free((o.box for o in options), words_taken + ink + _lines(data, frame))
        chosen = chosen or first_free((o.box for o in options), words_taken + ink)
        chosen = chosen or (
            first_free((o.box for o in options), words_taken) if not labels else None
        )
        labels += [option for option in options if option.box == chosen][:1]
    return labels


_AROUND: tuple[tuple[Anchor, float, float], ...] = (
    ("middle", 0, -12),
    ("start", 9, -7),
    ("end", -9, 19),
    ("middle", 0, 24),
    ("start", 9, 19),
    ("end", -9, -7),
    ("start", 11, 5),
    ("end", -11, 5),
)


def _own_label(point: TrendPoint, x: float, y: float, anchor: Anchor) -> _Label:
    text = in_words(point.value) if point.value is not None else ""
    return _Label(text, x, y, 16, "own-label halo", anchor, bold=True)


def _near(frame: _Frame) -> Box:
    """The plot with a little air: where words on the marks may stand."""
    plot = frame.plot
    return Box(plot.left - 4, plot.top - 14, plot.right + 4, plot.bottom)


def _ink(known: Sequence[TrendPoint], frame: _Frame) -> list[Box]:
    """Small rectangles along the patient's line and on its dots, for words to keep off."""
    places = [_place(frame, point) for point in known]
    spots = [Box(x - 5, y - 5, x + 5, y + 5) for x, y in places]
    for (x1, y1), (x2, y2) in pairwise(places):
        pieces = int(max(abs(x2 - x1), abs(y2 - y1)) // 6) + 1
        for piece in range(pieces):
            x, y = x1 + (x2 - x1) * piece / pieces, y1 + (y2 - y1) * piece / pieces
            spots.append(Box(x - 2, y - 2, x + 2, y + 2))
    return spots


def _lines(data: TrendData, frame: _Frame) -> list[Box]:
    """The thresholds and today as thin rectangles: better kept clear, but words may cross them."""
    plot, x = frame.plot, frame.x(data.today)
    levels = [frame.y(level.value) for level in (data.real_change, data.target) if level]
    return [Box(x - 1, plot.top, x + 1, plot.bottom)] + [
        Box(plot.left, y - 1, plot.right, y + 1) for y in levels
    ]


def _today_word(data: TrendData, frame: _Frame, placed: Sequence[_Label]) -> list[_Label]:
    if not frame.start <= data.today <= frame.end:
        return []
    x, cls = frame.x(data.today), "halo"
    sides: tuple[tuple[Anchor, float], ...] = (("start", x + 5), ("end", x - 5))
    options = [
        _Label("today", place, frame.plot.top + 11 + down, frame.size, cls, anchor)
        for down in range(0, 60, 6)
        for anchor, place in sides
    ]
    taken = [label.box for label in placed] + _ink(_answered(data), frame)
    fitting = [option for option in options if option.box.within(_near(frame))]
    chosen = first_free((option.box for option in fitting), taken)
    return [option for option in fitting if option.box == chosen][:1]


@dataclass(frozen=True, slots=True)
class _Told:
    """A line or band to be named: where it ends at the right, its words and their classes."""

    y: float
    label: str
    note: str
    cls: str
    note_cls: str = ""


def _told(data: TrendData, frame: _Frame) -> list[_Told]:
    told = []
    days = _days_of_band(data, frame)
    if len(days) > 1:
        first_line = frame.y(days[-1][2]) + 1.3 * frame.size
        names = (data.band_label, data.band_note, "band-label", "band-note")
        told.append(_Told(first_line, *names))
    for level in (data.real_change, data.target):
        if level:
            told.append(_Told(frame.y(level.value), level.label, level.note, "strong"))
    return told


def _margin_labels(data: TrendData, frame: _Frame) -> tuple[list[_Label], list[str]]:
    """Names at the right end of their lines, pushed apart where lines lie close."""
    told, size = _told(data, frame), frame.size
    heights = [(2.6 if item.note else 1.3) * size for item in told]
    wished = [item.y - height / 2 for item, height in zip(told, heights, strict=True)]
    tops = lifted(stacked(wished, heights, frame.plot.top), heights, frame.plot.bottom + 10)
    labels, leaders, x = [], [], frame.plot.right + 10
    for item, top, wish in zip(told, tops, wished, strict=True):
        labels.append(_Label(item.label, x, top + 1.02 * size, size, item.cls, bold=True))
        if item.note:
            labels.append(_Label(item.note, x, top + 2.25 * size, size, item.note_cls))
        if abs(top - wish) > 6:
            leaders.append(line(x - 9, item.y, x - 2, top + 0.6 * size, "leader"))
    return labels, leaders


def _inside_words(data: TrendData, frame: _Frame, placed: Sequence[_Label]) -> list[_Label]:
    """On a phone the names stand on their lines, where neither words nor the line are."""
    labels: list[_Label] = []
    ink = _ink(_answered(data), frame)
    for item in _told(data, frame):
        options = _inside_options(item, frame)
        taken = [label.box for label in (*placed, *labels)]
        chosen = first_free((o.box for o in options), taken + ink)
        chosen = chosen or first_free((o.box for o in options), taken)
        labels += [option for option in options if option.box == chosen][:1]
    return labels


def _inside_options(item: _Told, frame: _Frame) -> list[_Label]:
    """Places for a name, nearest to its line first: just above, just below, then further off."""
    plot, size = frame.plot, frame.size
    ends: tuple[tuple[Anchor, float], ...] = (("end", plot.right - 3), ("start", plot.left + 6))
    options = []
    for away in range(0, int(plot.bottom - plot.top), 4):
        for y in (item.y - 5 - away, item.y + size + away):
            for anchor, x in ends:
                options.append(_Label(item.label, x, y, size, _haloed(item), anchor, bold=True))
    return [option for option in options if option.box.within(_near(frame))]


def _haloed(item: _Told) -> str:
    return item.cls if item.note_cls else f"{item.cls} halo"  # the band's own name stands on it


def _description(data: TrendData) -> str:
    """The chart in sentences, for those who do not see it."""
    better = "Lower is better." if data.lower_is_better else "Higher is better."
    ends = [f"{in_words(v)}{f' ({w})' if w else ''}" for v, w in reversed(_scale_ends(data))]
    told = [f"{data.measure} from {' to '.join(ends)}. {better}"]
    readings = [
        f"{in_words(p.value)} on {day_in_words(p.on)}"
        for p in _answered(data)
        if p.value is not None
    ]
    told.append(f"Readings: {', '.join(readings)}." if readings else "No reading yet.")
    unanswered = sum(point.value is None for point in data.points)
    if unanswered:
        told.append(f"{unanswered} not answered: dotted across.")
    given = sum(mark.given for mark in data.sessions)
    if given:
        told.append(f"{given} session{'s' if given > 1 else ''} given.")
    told += [f"{level.label}." for level in (data.real_change, data.target) if level]
    if data.band:
        last = max(data.band, key=lambda point: point.on)
        ends_at = f"{in_words(last.low)} to {in_words(last.high)} on {day_in_words(last.on)}"
        told.append(f"{data.band_label}, {data.band_note}: {ends_at}.")
    return " ".join(told)
