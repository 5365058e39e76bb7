"""FHIR R4's primitive types: is this JSON value one, and how do two compare?"""

import base64
import binascii
import math
import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

YEAR = r"[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000"
DATE = re.compile(rf"({YEAR})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12][0-9]|3[01]))?)?")
CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
ZONE = r"(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)"
MOMENT = re.compile(rf"(.{{10}})T({CLOCK})({ZONE})")
TIME = re.compile(CLOCK)
CODE = re.compile(r"[^\s]+(?: [^\s]+)*")
ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
OID = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+")
UUID = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SMALLEST, LARGEST = -(2**31), 2**31 - 1
LONGEST_TEXT = 1024 * 1024
# Powers of ten beyond a double's: arithmetic with them would overflow.
FURTHEST_POWER = 308


def is_number(value: object) -> bool:
    """A JSON number; true and false are none, nor are NaN and the infinities."""
    if isinstance(value, bool):
        return False
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) or (isinstance(value, Decimal) and value.is_finite())


def _integer(least: int) -> Callable[[object], bool]:
    return lambda value: (
        isinstance(value, int) and not isinstance(value, bool) and least <= value <= LARGEST
    )


def _matches(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def is_text(value: object) -> bool:
    """Not empty, not only blanks, no control characters but tab and line ends."""
    return (
        isinstance(value, str)
        and value.strip() != ""
        and len(value) <= LONGEST_TEXT
        and not any(ord(c) < 32 and c not in "\t\r\n" for c in value)
    )


def is_date(value: object) -> bool:
    """A year, a month or a day that the calendar has."""
    found = DATE.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return False
    year, month, day = found.groups()
    return day is None or int(day) <= monthrange(int(year), int(month))[1]


def is_moment(value: object) -> bool:
    """A day with a time to the second and its zone."""
    found = MOMENT.fullmatch(value) if isinstance(value, str) else None
    return found is not None and is_date(found[1])


def is_base64(value: object) -> bool:
    """Blanks are allowed between the letters, as the specification has it."""
    return isinstance(value, str) and decoded(value) is not None


def decoded(text: str) -> bytes | None:
    """The bytes behind base64, None when it is none."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def is_uri(value: object) -> bool:
    """No blanks; an OID or UUID must be a whole one."""
    if not isinstance(value, str) or not value or any(c.isspace() for c in value):
        return False
    for start, pattern in (("urn:oid:", OID), ("urn:uuid:", UUID)):
        if value.startswith(start):
            return pattern.fullmatch(value) is not None
    return True


# Type → (is it one, how it is written: for the message).
PRIMITIVES: dict[str, tuple[Callable[[object], bool], str]] = {
    "boolean": (lambda v: isinstance(v, bool), "true or false, without quotes"),
    "integer": (_integer(SMALLEST), "a whole number of 32 bits, without quotes"),
    "unsignedInt": (_integer(0), "a whole number from 0"),
    "positiveInt": (_integer(1), "a whole number from 1"),
    "decimal": (is_number, "a number, without quotes"),
    "string": (is_text, "a text that is not empty"),
    "markdown": (is_text, "a text that is not empty"),
    "code": (_matches(CODE), "a code without blanks at its ends"),
    "id": (_matches(ID), "1 to 64 letters, digits, dots and hyphens"),
    "uri": (is_uri, "an address without blanks"),
    "url": (is_uri, "an address without blanks"),
    "canonical": (is_uri, "an address without blanks, |version at its end where meant"),
    "date": (is_date, "a date such as 2026-11-27, 2026-11 or 2026"),
    "dateTime": (
        lambda v: is_date(v) or is_moment(v),
        "a date, or a date with time and zone such as 2026-11-27T09:30:00Z",
    ),
    "instant": (is_moment, "a date with time and zone such as 2026-11-27T09:30:00Z"),
    "time": (_matches(TIME), "a time such as 09:30:00"),
    "base64Binary": (is_base64, "base64"),
}


def number(value: object) -> Decimal | None:
    """The number exactly as it was written, None when it is none, or none to reckon with."""
    if not is_number(value):
        return None
    # An integer goes straight: Python refuses to write one of thousands of digits out.
    exact = Decimal(value) if isinstance(value, int) else Decimal(str(value))
    return exact if abs(exact.adjusted()) <= FURTHEST_POWER else None


Span = tuple[datetime, datetime]


def span(value: object) -> Span | None:
    """First moment and the moment after the last of a date or dateTime; None when it is none.

    Without a zone UTC is taken: two dates then compare as their writers meant.
    """
    if not isinstance(value, str):
        return None
    if is_moment(value):
        text = value.replace("Z", "+00:00").replace(":60", ":59")
        try:
            at = datetime.fromisoformat(re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", text))
            return at, at + timedelta(microseconds=1)
        except (ValueError, OverflowError):
            return None
    if not is_date(value):
        return None
    year, month, day = (int(p) if p else None for p in DATE.fullmatch(value).groups())  # type: ignore[union-attr]
    assert year is not None  # noqa: S101 - the pattern has it
    first = datetime(year, month or 1, day or 1, tzinfo=UTC)
    try:
        if day:
            return first, first + timedelta(days=1)
        if month:
            return first, first + timedelta(days=monthrange(year, month)[1])
        return first, first.replace(year=year + 1)
    except (OverflowError, ValueError):
        return first, datetime.max.replace(tzinfo=UTC)


def compare(left: object, right: object) -> int | None:
    """-1, 0, 1; None where the two cannot be put in order or neither is surely the larger."""
    one, other = number(left), number(right)
    if one is not None and other is not None:
        return (one > other) - (one < other)
    first, second = span(left), span(right)
    if first and second:
        return _compare_spans(first, second)
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    return None


def _compare_spans(left: Span, right: Span) -> int | None:
    if left == right:
        return 0
    if left[1] <= right[0]:
        return -1
    return 1 if right[1] <= left[0] else None
