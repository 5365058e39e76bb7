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

ACROSS, DOWN, SIZE = 200.0, 58.0, 17.0


class SignStatus(StrEnum):
    """What may be said of a change: only a validated measure can show a real one."""

    REAL_CHANGE = "Real change"
    WITHIN_ERROR = "Within error"
    NOT_VALIDATED = "Not validated"
    NOT_ASKED = "Not asked"


@dataclass(frozen=True, slots=True)
class SignPoint:
    """One reading of a sign; None is asked and not answered."""

    on: date
    value: Number | None


@dataclass(frozen=True, slots=True)
class SignData:
    """One sign: name, scale, direction, readings in any order, what they may be taken for."""

    name: str
    low: Number
    high: Number
    lower_is_better: bool
    points: tuple[SignPoint, ...]
    status: SignStatus

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
        """Lower is better ↓ · Real change."""
        better = "Lower is better ↓" if self.lower_is_better else "Higher is better ↑"
        return f"{better} · {self.status}"

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


def sign_pictures(signs: Sequence[SignData], uid: str) -> tuple[SignPicture, ...]:
    """All signs over the same dates, ready for the six small plots of a page."""
    days = [point.on for sign in signs for point in sign.answered]
    span = (min(days), max(days)) if days else None
    return tuple(
        SignPicture(sign.heading, sign_svg(sign, f"{uid}-{number}", span), sign.status_line)
        for number, sign in enumerate(signs, 1)
    )


def sign_svg(sign: SignData, uid: str, span: tuple[date, date] | None = None) -> str:
    """One small plot: the scale's two ends as hairlines, the line, the last value beside its dot.

    `span` gives the first and last date of the plot; left out, the sign's own.
    """
    right, top, bottom = ACROSS - 16 - _room(sign), 8.0, DOWN - 8
    body = line(0, top, right, top, "grid") + line(0, bottom, right, bottom, "grid")
    known = sign.answered
    if known:
        first, last = span or (known[0].on, known[-1].on)
        places = [
            (4 + _share(p.on, first, last) * (right - 8), _height(sign, p, top, bottom))
            for p in known
        ]
        for ends in pairwise(places):
            body += element("path", d=path_through(ends), cls="own")
        x, y = places[-1]
        body += element("circle", cx=x, cy=y, r=5, cls="dot")
        body += words(x + 12, min(y + 6, DOWN - 4), _last_words(sign), "own-value strong")
    box = (0.0, 0.0, ACROSS, DOWN)
    return picture(uid, sign.heading, _description(sign), box, "chart sign", body)


def _room(sign: SignData) -> float:
    shown = (_last_words(sign), in_words(sign.low), in_words(sign.high))
    return max(width_of(text, SIZE, bold=True) for text in shown)


def _last_words(sign: SignData) -> str:
    known = sign.answered
    value = known[-1].value if known else None
    return "" if value is None else in_words(value)


def _share(on: date, first: date, last: date) -> float:
    return (on - first).days / (last - first).days if last > first else 1.0


def _height(sign: SignData, point: SignPoint, top: float, bottom: float) -> float:
    low, high, value = float(sign.low), float(sign.high), float(point.value or 0)
    return bottom - min(1.0, max(0.0, (value - low) / (high - low))) * (bottom - top)


def _description(sign: SignData) -> str:
    known = [(point.on, point.value) for point in sign.answered if point.value is not None]
    told = ", ".join(f"{in_words(value)} on {day_in_words(on)}" for on, value in known)
    return f"{sign.status_line}. {f'Readings: {told}.' if told else 'No reading.'}"
