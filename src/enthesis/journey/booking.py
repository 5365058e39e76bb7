"""Placing a series: wanted days, what is taken and the opening hours become free times.

Hours are the clinic's own wall clock, so that 09:00 stays 09:00 when the clocks change; lengths
and overlaps are measured between moments, so that an hour the clocks skip is never used.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from enthesis.knowledge.booking import Holiday

Span = tuple[time, time]
_SPAN = re.compile(r"(\d{1,2}):(\d\d)\s*[-\u2013]\s*(\d{1,2}):(\d\d)")


@dataclass(frozen=True, slots=True)
class Opening:
    """When a clinic is open: spans of each weekday from Monday, and days on which it is closed."""

    weekdays: tuple[tuple[Span, ...], ...]
    closed: frozenset[date] = frozenset()

    def on(self, day: date) -> tuple[Span, ...]:
        """The open spans of a day; none when closed."""
        return () if day in self.closed else self.weekdays[day.weekday()]


@dataclass(frozen=True, slots=True)
class Busy:
    """A time at which the clinician or the room is taken."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """When something should take place: a day and an hour of the clinic's clock."""

    on: date
    at: time


@dataclass(frozen=True, slots=True)
class Proposal:
    """The free time nearest to what was wanted; None, with the reason, where there is none. `note`:
    why somebody should look at the day again (`day_note`)."""

    wanted: Wanted
    starts_at: datetime | None
    words: str
    note: str = ""


def read_spans(text: str) -> tuple[Span, ...]:
    """ "08:00-12:00, 13:00-17:00" as spans; "" is closed. ValueError says what is wrong."""
    spans: list[Span] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _SPAN.fullmatch(part)
        try:
            from_hour, from_minute, to_hour, to_minute = map(int, found.groups() if found else ())
            opens, closes = time(from_hour, from_minute), time(to_hour, to_minute)
        except ValueError:
            text = f"Write “{part}” as from-to, such as 08:00-12:00."
            raise ValueError(text) from None
        if opens >= closes or (spans and opens < spans[-1][1]):
            raise ValueError(f"“{part}” must end after it begins, and follow the one before it.")
        spans.append((opens, closes))
    return tuple(spans)


def place(
    wanted: Sequence[Wanted],
    minutes: int,
    busy: Sequence[Busy],
    opening: Opening,
    zone: ZoneInfo,
    now: datetime,
    reach_days: int,
) -> tuple[Proposal, ...]:
    """For each wanted time the nearest free one: that day first, then the days around it, at most
    `reach_days` away. Never in the past, and never on or before the day of the one before."""
    placed: list[Proposal] = []
    length, after = timedelta(minutes=minutes), date.min
    for one in wanted:
        found = None
        for day in _days_around(one.on, reach_days):
            if day > after:
                found = _nearest(day, one.at, length, busy, opening, zone, now)
            if found is not None:
                after = day
                break
        placed.append(Proposal(one, found, _words(one, found, opening, zone, now, reach_days)))
    return tuple(placed)


def day_note(day: date, opening: Opening | None, holidays: Sequence[Holiday]) -> str:
    """Why somebody should look at a day again before it is told to a patient; mostly empty. It
    refuses nothing: a clinic may well open."""
    on = f"{day.day} {day:%b}"
    if opening is not None and not opening.on(day):
        return f"By its opening hours the clinic is closed on {on}."
    names = (one.name for one in holidays if (one.month, one.day) == (day.month, day.day))
    name = next(names, "")
    return f"{on} is {name}: is the clinic open?" if name else ""


def _days_around(on: date, reach: int) -> Iterator[date]:
    yield on
    for days in range(1, reach + 1):
        # Rather later than earlier: no closer than the plan where it can be had.
        yield on + timedelta(days)
        yield on - timedelta(days)


def _nearest(
    day: date,
    at: time,
    length: timedelta,
    busy: Sequence[Busy],
    opening: Opening,
    zone: ZoneInfo,
    now: datetime,
) -> datetime | None:
    """The free start nearest to the hour: the hour itself, or an edge of what is open or taken."""
    wanted = _moment(day, at, zone)
    open_spans = [(_moment(day, a, zone), _moment(day, b, zone)) for a, b in opening.on(day)]
    edges = [wanted, *(edge for a, b in open_spans for edge in (a, b - length))]
    edges += [edge for b in busy for edge in (b.ends_at, b.starts_at - length)]
    free = [
        start
        for start in edges
        if start >= now
        and any(a <= start and start + length <= b for a, b in open_spans)
        and not any(b.starts_at < start + length and start < b.ends_at for b in busy)
    ]
    return min(free, key=lambda start: (abs(start - wanted), start), default=None)


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def _words(
    wanted: Wanted,
    found: datetime | None,
    opening: Opening,
    zone: ZoneInfo,
    now: datetime,
    reach: int,
) -> str:
    if found is None:
        around = f" within {reach} day{'' if reach == 1 else 's'} of it" if reach else " that day"
        return f"Not placed: nothing is free{around}."
    local = found.astimezone(zone)
    days = (local.date() - wanted.on).days
    if not days and local.time() == wanted.at:
        return ""
    if not days:
        return f"{wanted.at:%H:%M} is not free."
    if not opening.on(wanted.on):
        reason = "closed"
    elif _moment(wanted.on, wanted.at, zone) < now:
        reason = "past"
    else:
        reason = "full"
    n = abs(days)
    side = "later" if days > 0 else "earlier"
    return f"{n} day{'' if n == 1 else 's'} {side}: {wanted.on.day} {wanted.on:%b} is {reason}."
