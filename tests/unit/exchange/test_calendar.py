"""The calendar file, parsed back by the rules of RFC 5545."""

import re
from datetime import UTC, datetime

from enthesis.exchange.calendar import Entry, calendar_file

AT = datetime(2026, 11, 23, 15, tzinfo=UTC)


def unescaped(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]


def parsed(text: str) -> list[dict[str, str]]:
    """Unfold, split, unescape: the events by property."""
    assert text.endswith("\r\n") and "\n" not in text.replace("\r\n", "")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    events: list[dict[str, str]] = []
    for line in text.replace("\r\n ", "").split("\r\n"):
        name, _, value = line.partition(":")
        if line == "BEGIN:VEVENT":
            events.append({})
        elif events:
            events[-1][name] = re.sub(r"\\(.)", unescaped, value)
    return events


def test_what_goes_in_comes_out_again_however_it_is_written() -> None:
    title = "Appointment at Клиника, Hill; Harbour \\ Côte – " + "é" * 60
    entry = Entry("6f1c", 2, datetime(2026, 12, 19, 14, tzinfo=UTC), 30, False)
    gone = Entry("77ab", 0, datetime(2027, 1, 2, 14, tzinfo=UTC), 45, True)
    first, second = parsed(calendar_file(title, "A, B", "Call us.\nSoon.", [entry, gone], AT))
    assert first["SUMMARY"] == title and first["LOCATION"] == "A, B"
    assert first["DESCRIPTION"] == "Call us.\nSoon."
    assert (first["UID"], first["SEQUENCE"], first["STATUS"]) == ("6f1c", "2", "CONFIRMED")
    assert (first["DTSTART"], first["DTEND"]) == ("20261219T140000Z", "20261219T143000Z")
    assert first["DTSTAMP"] == "20261123T150000Z"
    assert (second["UID"], second["STATUS"]) == ("77ab", "CANCELLED")
    assert second["DTEND"] == "20270102T144500Z"
