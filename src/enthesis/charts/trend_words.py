"""The words of a trend and their places: on the marks, never over each other.

The patient's own values come first, then today, then the names of band and thresholds: in the right
margin of the wide drawing, on their lines in the narrow one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from enthesis.charts.axes import date_ticks, scale_ticks
from enthesis.charts.labels import Anchor, Box, box_of, first_free, lifted, stacked, width_of
from enthesis.charts.pen import in_words, line, words
from enthesis.charts.trend_data import (
    FORECAST,
    Frame,
    TrendData,
    TrendPoint,
    answered,
    days_of_band,
    most_ticks,
    place_of,
    scale_ends,
)


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


def labels_of(data: TrendData, frame: Frame) -> tuple[list[_Label], list[str]]:
    """All words with their places, and leaders from lines to words that had to move away."""
    placed = [*_scale_words(data, frame), *_date_words(frame), *_key_words(data, frame)]
    placed += _own_words(data, frame, placed)
    placed += _today_word(data, frame, placed)
    if frame.narrow:
        return placed + _inside_words(data, frame, placed), []
    margin, leaders = _margin_labels(data, frame)
    return placed + margin, leaders


def _scale_words(data: TrendData, frame: Frame) -> list[_Label]:
    size, left = frame.size, frame.plot.left
    labels = [
        _Label(in_words(value), left - 7, frame.y(value) + 4.5, size, "", "end")
        for value in scale_ticks(frame.low, frame.high)
    ]
    if frame.narrow:
        ends = (f"{in_words(v)} = {w}" for v, w in scale_ends(data) if w)
        better = "lower is better ↓" if data.lower_is_better else "higher is better ↑"
        labels.append(_Label(", ".join(ends), 0, 12, size, ""))
        labels.append(_Label(better, 0, 31, size, "strong", bold=True))
        return [label for label in labels if label.text]
    room = max(label.box.right - label.box.left for label in labels)
    for value, name in scale_ends(data):
        if name and width_of(name, size) + room <= left - 11:
            labels.append(_Label(name, left - 13 - room, frame.y(value) + 4.5, size, "", "end"))
    return labels


def _date_words(frame: Frame) -> list[_Label]:
    labels: list[_Label] = []
    for tick in date_ticks(frame.start, frame.end, most_ticks(frame)):
        x, y = frame.x(tick.on), frame.plot.bottom + 22
        half = width_of(tick.label, frame.size) / 2
        x = min(max(x, half), (358 if frame.narrow else 740) - half)
        label = _Label(tick.label, x, y, frame.size, "", "middle")
        if first_free([label.box], [other.box for other in labels]):
            labels.append(label)
    return labels


def _key_words(data: TrendData, frame: Frame) -> list[_Label]:
    kinds = {mark.given for mark in data.sessions}
    told = " ".join(
        name for given, name in ((True, "▲ session given"), (False, "△ planned")) if given in kinds
    )
    y = frame.plot.bottom + 62
    return [_Label(told, frame.plot.left, y, frame.size, "")] if told else []


def _own_words(data: TrendData, frame: Frame, placed: Sequence[_Label]) -> list[_Label]:
    """The last value always, the first where there is room: beside its dot, off the line."""
    known = answered(data)
    labels: list[_Label] = []
    for point, text in _named(data, known):
        x, y = place_of(frame, point)
        options = [
            option
            for anchor, dx, dy in (_AROUND if labels == [] else _FURTHER)
            if (option := _own_label(text, x + dx, y + dy, anchor)).box.within(_near(frame))
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


_FURTHER: tuple[tuple[Anchor, float, float], ...] = (
    *_AROUND,
    *(("start", 4.0, dy) for dy in (-30.0, -46.0, -62.0, 38.0, 54.0, 70.0)),
)


def _named(data: TrendData, known: Sequence[TrendPoint]) -> list[tuple[TrendPoint, str]]:
    """The readings that get words. Where the start is the mean of several, it is named, and not
    the first of them: all else on the page is reckoned from it."""
    ends = [known[-1]] if known else []
    ends += [known[0]] if len(known) > 1 and data.start is None else []
    named = [(point, in_words(point.value)) for point in ends if point.value is not None]
    begun = [point for point in known if point.baseline]
    if data.start is not None and begun:
        mean = TrendPoint(begun[-1].on, data.start, baseline=True)
        named.append((mean, f"start {in_words(data.start)}"))
    return named


def _own_label(text: str, x: float, y: float, anchor: Anchor) -> _Label:
    return _Label(text, x, y, 16, "own-label halo", anchor, bold=True)


def _near(frame: Frame) -> Box:
    """The plot with a little air: where words on the marks may stand."""
    plot = frame.plot
    return Box(plot.left - 4, plot.top - 14, plot.right + 4, plot.bottom)


def _ink(known: Sequence[TrendPoint], frame: Frame) -> list[Box]:
    """Small rectangles along the patient's line and on its dots, for words to keep off."""
    places = [place_of(frame, point) for point in known]
    spots = [Box(x - 5, y - 5, x + 5, y + 5) for x, y in places]
    for (x1, y1), (x2, y2) in pairwise(places):
        pieces = int(max(abs(x2 - x1), abs(y2 - y1)) // 6) + 1
        for piece in range(pieces):
            x, y = x1 + (x2 - x1) * piece / pieces, y1 + (y2 - y1) * piece / pieces
            spots.append(Box(x - 2, y - 2, x + 2, y + 2))
    return spots


def _lines(data: TrendData, frame: Frame) -> list[Box]:
    """The thresholds and today as thin rectangles: better kept clear, but words may cross them."""
    plot, x = frame.plot, frame.x(data.today)
    levels = [frame.y(level.value) for level in (data.real_change, data.target) if level]
    return [Box(x - 1, plot.top, x + 1, plot.bottom)] + [
        Box(plot.left, y - 1, plot.right, y + 1) for y in levels
    ]


def _today_word(data: TrendData, frame: Frame, placed: Sequence[_Label]) -> list[_Label]:
    if not frame.start <= data.today <= frame.end:
        return []
    x, cls = frame.x(data.today), "halo"
    sides: tuple[tuple[Anchor, float], ...] = (("start", x + 5), ("end", x - 5))
    options = [
        _Label("today", place, frame.plot.top + 11 + down, frame.size, cls, anchor)
        for down in range(0, 60, 6)
        for anchor, place in sides
    ]
    taken = [label.box for label in placed] + _ink(answered(data), frame)
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


def _told(data: TrendData, frame: Frame) -> list[_Told]:
    told = []
    days = days_of_band(data, frame)
    if len(days) > 1:
        first_line = frame.y(days[-1][2]) + 1.3 * frame.size
        names = (data.band_label, data.band_note, "band-label", "band-note")
        told.append(_Told(first_line, *names))
    if len(data.fan) > 1:
        last = max(data.fan, key=lambda point: point.on)
        told.append(_Told(frame.y(last.expected), FORECAST, data.fan_note, "fan-label", "fan-note"))
    for level in (data.real_change, data.target):
        if level:
            told.append(_Told(frame.y(level.value), level.label, level.note, "strong"))
    return told


def _margin_labels(data: TrendData, frame: Frame) -> tuple[list[_Label], list[str]]:
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


def _inside_words(data: TrendData, frame: Frame, placed: Sequence[_Label]) -> list[_Label]:
    """On a phone the names stand on their lines, where neither words nor the line are."""
    labels: list[_Label] = []
    path = [TrendPoint(p.on, p.expected) for p in sorted(data.fan, key=lambda p: p.on)]
    ink = _ink(answered(data), frame) + _ink(path, frame)
    for item in _told(data, frame):
        options = _inside_options(item, frame)
        taken = [label.box for label in (*placed, *labels)]
        clear = taken + ink + _lines(data, frame)[1:]  # wide names cross today anyway
        chosen = first_free((_around(o) for o in options), clear)
        chosen = chosen or first_free((_around(o) for o in options), taken + ink)
        chosen = chosen or first_free((_around(o) for o in options), taken)
        labels += next((option for option in options if _around(option) == chosen), [])
    return labels


def _inside_options(item: _Told, frame: Frame) -> list[list[_Label]]:
    """Places for a name, nearest to its line first: just above, just below, then further off."""
    plot, size, lines = frame.plot, frame.size, _lines_of(item, frame)
    ends: tuple[tuple[Anchor, float], ...] = (("end", plot.right - 3), ("start", plot.left + 6))
    more = (len(lines) - 1) * 1.2 * size
    options = []
    for away in range(0, int(plot.bottom - plot.top), 4):
        for y in (item.y - 5 - away - more, item.y + size + away):
            for anchor, x in ends:
                options.append(
                    [
                        _Label(text, x, y + n * 1.2 * size, size, cls, anchor, bold)
                        for n, (text, cls, bold) in enumerate(lines)
                    ]
                )
    return [option for option in options if _around(option).within(_near(frame))]


def _lines_of(item: _Told, frame: Frame) -> list[tuple[str, str, bool]]:
    """What a band's width means stands with its name: on the same line if that is long enough."""
    if not item.note_cls or not item.note:
        return [(item.label, _haloed(item), True)]
    both, room = f"{item.label}, {item.note}", frame.plot.right - frame.plot.left - 9
    if width_of(both, frame.size, bold=True) <= room:
        return [(both, item.cls, True)]
    return [(item.label, item.cls, True), (item.note, item.note_cls, False)]


def _around(lines: Sequence[_Label]) -> Box:
    """The rectangle around words on one line or two."""
    boxes = [line.box for line in lines]
    left, top = min(b.left for b in boxes), min(b.top for b in boxes)
    return Box(left, top, max(b.right for b in boxes), max(b.bottom for b in boxes))


def _haloed(item: _Told) -> str:
    return item.cls if item.note_cls else f"{item.cls} halo"  # the band's own name stands on it
