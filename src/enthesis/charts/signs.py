"""Six signs as six small plots: directions are never mixed, each says which way is better."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise

from enthesis.charts.labels import width_of
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

ACROSS, DOWN, SIZE = 200.0, 68.0, 17.0
TOP, BOTTOM = 8.0, 50.0


class SignStatus(StrEnum):
    """What may be said of a change: only a validated measure can show a real one."""

    BETTER = "Better, beyond error"
    WORSE = "Worse, beyond error"
    WITHIN_ERROR = "Within error"
    NOT_VALIDATED = "Not validated"
    NOT_COMPARED = "Nothing to compare yet"
    NOT_ASKED = "Not asked"


@dataclass(frozen=True, slots=True)
class SignPoint:
    """One reading of a sign; None is asked and not answered."""

    on: date
    value: Number | None


@dataclass(frozen=True, slots=True)
class SignData:
    """One sign: name, scale, direction, readings in any order, what they may be taken for.

    `start` is the score before treatment, `error` the smallest change beyond measuring error; None
    is unknown.
    """

    name: str
    low: Number
    high: Number
    lower_is_better: bool
    points: tuple[SignPoint, ...]
    status: SignStatus
    start: Number | None = None
    error: Number | None = None

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(
                f"The scale of {self.name} goes from {self.low} to {self.high}: "
                "the high end must be above the low end."
            )

    @property
    def heading(self) -> str:
        """Pain, 0 to 10."""
        return f"{self.name}, {in_words(self.low)} to {in_words(self.high)}"

    @property
    def status_line(self) -> str:
        """Lower is better ↓ · Better, beyond error."""
        better = "Lower is better ↓" if self.lower_is_better else "Higher is better ↑"
        return f"{better} · {self.status}"

    @property
    def note(self) -> str:
        """From 6 to 3; measuring error 2. 1 of 5 not answered."""
        if not self.points:
            return ""
        known = self.answered
        told = f"Now {in_words(known[-1].value)}" if known and known[-1].value is not None else ""
        if len(known) > 1 and told and self.start is not None:
            told = f"From {in_words(self.start)} to {told.removeprefix('Now ')}"
        error = "not known" if self.error is None else in_words(self.error)
        told = f"{told}; measuring error {error}." if told else f"Measuring error {error}."
        missing = len(self.points) - len(known)
        return f"{told} {missing} of {len(self.points)} not answered." if missing else told

    @property
    def answered(self) -> tuple[SignPoint, ...]:
        """The readings that have a value, by date."""
        known = (point for point in self.points if point.value is not None)
        return tuple(sorted(known, key=lambda point: point.on))


@dataclass(frozen=True, slots=True)
class SignPicture:
    """What the page shows of one sign: words in HTML, the line in SVG."""

    heading: str
    svg: str
    status_line: str
    note: str


def sign_pictures(signs: Sequence[SignData], uid: str) -> tuple[SignPicture, ...]:
    """All signs over the same dates, ready for the six small plots of a page."""
    days = [point.on for sign in signs for point in sign.points]
    span = (min(days), max(days)) if days else None
    return tuple(
        SignPicture(
            sign.heading, sign_svg(sign, f"{uid}-{number}", span), sign.status_line, sign.note
        )
        for number, sign in enumerate(signs, 1)
    )


def sign_svg(sign: SignData, uid: str, span: tuple[date, date] | None = None) -> str:
    """One small plot: the scale's two ends as hairlines, what lies within error of the start in
    grey, the line, the last value beside its dot; a question mark where nobody answered.

    `span` gives the first and last date of the plot; left out, the sign's own.
    """
    right = ACROSS - 16 - _room(sign)
    body = _within_error(sign, right)
    body += line(0, TOP, right, TOP, "grid") + line(0, BOTTOM, right, BOTTOM, "grid")
    days = sorted(point.on for point in sign.points)
    first, last = span or (days[0], days[-1]) if days else (date.min, date.min)
    missing = [point.on for point in sign.points if point.value is None]

    def across(on: date) -> float:
        return 4 + _share(on, first, last) * (right - 8)

    for left, next_one in pairwise(sign.answered):
        ends = [(across(p.on), _height(sign, float(p.value or 0))) for p in (left, next_one)]
        gap = any(left.on < on < next_one.on for on in missing)
        body += element("path", d=path_through(ends), cls="own gap" if gap else "own")
    for on in missing:
        body += words(across(on), DOWN - 2, "?", "middle missing")
    for point in sign.answered[-1:]:
        x, y = across(point.on), _height(sign, float(point.value or 0))
        body += element("circle", cx=x, cy=y, r=5, cls="dot")
        body += words(x + 12, min(y + 6, BOTTOM + 4), _last_words(sign), "own-value strong")
    box = (0.0, 0.0, ACROSS, DOWN)
    return picture(uid, sign.heading, _description(sign), box, "chart sign", body)


def _within_error(sign: SignData, right: float) -> str:
    """Changes smaller than measuring error, as a grey band around the start."""
    if sign.start is None or sign.error is None:
        return ""
    start, error = float(sign.start), float(sign.error)
    upper, lower = _height(sign, start + error), _height(sign, start - error)
    return element("rect", x=0, y=upper, width=right, height=lower - upper, cls="zone")


def _room(sign: SignData) -> float:
    shown = (_last_words(sign), in_words(sign.low), in_words(sign.high))
    return max(width_of(text, SIZE, bold=True) for text in shown)


def _last_words(sign: SignData) -> str:
    known = sign.answered
    value = known[-1].value if known else None
    return "" if value is None else in_words(value)


def _share(on: date, first: date, last: date) -> float:
    return (on - first).days / (last - first).days if last > first else 1.0


def _height(sign: SignData, value: float) -> float:
    low, high = float(sign.low), float(sign.high)
    return BOTTOM - min(1.0, max(0.0, (value - low) / (high - low))) * (BOTTOM - TOP)


def _description(sign: SignData) -> str:
    known = [(point.on, point.value) for point in sign.answered if point.value is not None]
    told = ", ".join(f"{in_words(value)} on {day_in_words(on)}" for on, value in known)
    read = f"Readings: {told}." if told else "No reading."
    return f"{sign.status_line}. {sign.note} {read}".replace("  ", " ")
