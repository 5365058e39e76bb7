"""Appointments as an iCalendar file (RFC 5545), for a patient's own calendar.

Written by hand: five properties need no library. Times are UTC, which every calendar shows in
its own zone. Nothing in it says what the appointment is for: telephones show it on locked screens.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LINE_OCTETS = 75


@dataclass(frozen=True, slots=True)
class Entry:
    """One appointment. `uid` never changes; `sequence` grows with every change."""

    uid: str
    sequence: int
    starts_at: datetime
    minutes: int
    is_cancelled: bool
    # What heads this one and where it is; empty: as all.
    title: str = ""
    place: str = ""


def calendar_file(
    title: str,
    place: str,
    note: str,
    entries: Iterable[Entry],
    at: datetime,
    read_again_minutes: int = 0,
) -> str:
    """The file, written at a moment: `title` heads every appointment, `note` stands beneath.

    `read_again_minutes`: one that calendars subscribe to, and read again after so long.
    """
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Enthesis//Appointments//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
    ]
    if read_again_minutes:
        # The standard's word for it (RFC 7986), and the one that older programs know.
        lines += [
            f"NAME:{_text(title)}",
            f"REFRESH-INTERVAL;VALUE=DURATION:PT{read_again_minutes}M",
            f"X-PUBLISHED-TTL:PT{read_again_minutes}M",
        ]
    for entry in entries:
        ends_at = entry.starts_at + timedelta(minutes=entry.minutes)
        lines += [
            "BEGIN:VEVENT",
            f"UID:{entry.uid}",
            f"SEQUENCE:{entry.sequence}",
            f"DTSTAMP:{_moment(at)}",
            f"DTSTART:{_moment(entry.starts_at)}",
            f"DTEND:{_moment(ends_at)}",
            f"SUMMARY:{_text(entry.title or title)}",
            f"LOCATION:{_text(entry.place or place)}",
            f"DESCRIPTION:{_text(note)}",
            f"STATUS:{'CANCELLED' if entry.is_cancelled else 'CONFIRMED'}",
            "CLASS:PRIVATE",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(words: str) -> str:
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,")):
        words = words.replace(plain, escaped)
    return "\\n".join(words.splitlines())


def _folded(line: str) -> str:
    """At most 75 octets a line, never cutting a letter in two; the rest begins with a space."""
    parts, size = [""], 0
    for letter in line:
        octets = len(letter.encode())
        if size + octets > LINE_OCTETS:
            parts.append(" ")
            size = 1
        parts[-1] += letter
        size += octets
    return "\r\n".join(parts)
