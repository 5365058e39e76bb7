"""Whether a resource matches a search parameter, by what stands in the resource itself.

What is found is decided here and only here, for every type alike; the tables are only asked to
leave out patients who cannot match (`narrow.py`).
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from enthesis.clinic.api.table import Param

Resource = Mapping[str, Any]
Span = tuple[datetime, datetime]
"""From the first moment up to the one after the last."""
FIRST, LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
MODIFIERS = {
    "token": ("not", "missing"),
    "string": ("exact", "contains", "missing"),
    "date": ("missing",),
    "uri": ("below", "missing"),
    "reference": ("missing",),
    "number": ("missing",),
}
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?"
    r"(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
_REFERENCE = re.compile(r"(?:([A-Z][A-Za-z]{1,40})/)?([A-Za-z0-9.-]{1,64})", re.ASCII)


class SearchError(ValueError):
    """A value or modifier that cannot be searched by: what is wrong and what to write."""


@dataclass(frozen=True, slots=True)
class Test:
    """One parameter as asked; any one of `values` will do."""

    param: Param
    modifier: str
    values: tuple[str, ...]
    zone: ZoneInfo

    def holds(self, resource: Resource) -> bool:
        """Whether the resource matches."""
        found = [one for path in self.param.paths for one in at(resource, path.split("."))]
        if self.modifier == "missing":
            return (not found) == (self.values[0] == "true")
        if self.param.kind == "token" and self.modifier == "not":
            return not any(_token(one, value) for one in found for value in self.values)
        return any(self._one(one, value) for one in found for value in self.values)

    def _one(self, found: Any, value: str) -> bool:
        match self.param.kind:
            case "token":
                return _token(found, value)
            case "string":
                return any(_string(text, value, self.modifier) for text in texts(found))
            case "date":
                return _dated(found, value, self.zone)
            case "reference":
                return _refers(found, value)
            case _:
                uri = str(found)
                return (
                    uri.startswith(value)
                    if self.modifier == "below"
                    else (uri == value or uri.partition("|")[0] == value)
                )


def read_test(param: Param, modifier: str, value: str, zone: ZoneInfo) -> Test:
    """One parameter as it stands in an address. Raises SearchError."""
    if param.kind == "reference" and modifier in param.targets:
        values = tuple(f"{modifier}/{one.rpartition('/')[2]}" for one in alternatives(value))
        return Test(param, "", values, zone)
    if modifier and modifier not in MODIFIERS[param.kind]:
        raise SearchError(
            f"“{param.name}:{modifier[:40]}” is not known; {param.name} takes "
            f"{', '.join(':' + one for one in MODIFIERS[param.kind])}"
        )
    values = alternatives(value)
    if modifier == "missing":
        if values not in (("true",), ("false",)):
            raise SearchError(f"{param.name}:missing is true or false")
    elif param.kind == "date":
        for one in values:
            read_date(one, zone)
    elif param.kind == "reference":
        for one in values:
            if not _REFERENCE.fullmatch(one):
                raise SearchError(
                    f"{param.name} takes an id or Type/id, not “{one[:80]}”; write such as "
                    "Patient/patient-12"
                )
    if not all(values):
        raise SearchError(f"{param.name} has no value; give one, or leave it out")
    return Test(param, modifier, values, zone)


def alternatives(value: str) -> tuple[str, ...]:
    r"""What is separated by commas; `\,` is a comma itself."""
    parts = re.split(r"(?<!\\)((?:\\\\)*),", value)
    joined = [a + b for a, b in zip(parts[::2], [*parts[1::2], ""], strict=True)]
    return tuple(re.sub(r"\\([,$|\\])", r"\1", one) for one in joined)


def at(value: Any, path: list[str]) -> Iterator[Any]:
    """What stands at a path; lists are looked through."""
    if isinstance(value, list):
        for one in value:
            yield from at(one, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from at(value[path[0]], path[1:])


def _token(found: Any, value: str) -> bool:
    """`code`, `system|code`, `|code` (no system) or `system|` (any code of it)."""
    system, bar, code = value.rpartition("|")
    return any(
        (not code or own_code.lower() == code.lower())
        and (not bar or own_system == system)
        for own_system, own_code in codes(found)
    )  # fmt: skip


def codes(found: Any) -> Iterator[tuple[str, str]]:
    if isinstance(found, bool):
        yield "", "true" if found else "false"
    elif isinstance(found, str):
        yield "", found
    elif isinstance(found, Mapping):
        if "coding" in found:
            for one in found["coding"]:
                yield str(one.get("system", "")), str(one.get("code", ""))
        elif "code" in found:
            yield str(found.get("system", "")), str(found["code"])
        elif "value" in found:
            yield str(found.get("system", "")), str(found["value"])


def texts(found: Any) -> Iterator[str]:
    """Every text in a part of a resource, as in a HumanName."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, list):
        for one in found:
            yield from texts(one)
    elif isinstance(found, Mapping):
        for name in ("text", "family", "given", "prefix", "suffix"):
            yield from texts(found.get(name))


def folded(text: str) -> str:
    """As strings are compared: without case and without accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in parts if not unicodedata.combining(one))


def _string(text: str, value: str, modifier: str) -> bool:
    if modifier == "exact":
        return text == value
    own, asked = folded(text), folded(value)
    if modifier == "contains":
        return asked in own
    return own.startswith(asked) or any(word.startswith(asked) for word in own.split())


def _refers(found: Any, value: str) -> bool:
    reference = str(found.get("reference", "")) if isinstance(found, Mapping) else ""
    return reference == value if "/" in value else reference.rpartition("/")[2] == value


# --- dates


def read_date(value: str, zone: ZoneInfo) -> tuple[str, Span]:
    """The prefix and the span of time that a date of a search stands for. Raises SearchError."""
    prefix, rest = (value[:2], value[2:]) if value[:2] in PREFIXES else ("eq", value)
    span = span_of(rest, zone)
    if span is None:
        raise SearchError(
            f"“{value[:60]}” is no date; write it as 2026-11-23, with one of "
            f"{', '.join(PREFIXES)} before it, or as 2026-11-23T15:00:00Z"
        )
    return prefix, span


def span_of(text: str, zone: ZoneInfo) -> Span | None:
    """The span that a year, month, day or moment covers; None where it is none of them."""
    found = _DATE.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    try:
        first = date(int(year), int(month or 1), int(day or 1))
        if not 1 < first.year < 9999:
            return None
        if hour is None:
            after = (
                first + timedelta(1) if day
                else date(first.year + first.month // 12, first.month % 12 + 1, 1) if month
                else date(first.year + 1, 1, 1)
            )  # fmt: skip
            start, end = (datetime(d.year, d.month, d.day, tzinfo=zone) for d in (first, after))
            return start, end
        moment = datetime.fromisoformat(
            f"{first}T{hour}:{minute}:{second or '00'}"
            f"{'.' + fraction[:6].ljust(6, '0') if fraction else ''}{offset or ''}"
        )
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    step = timedelta(microseconds=1) if fraction else timedelta(seconds=1 if second else 60)
    return moment.astimezone(UTC), (moment + step).astimezone(UTC)


def _dated(found: Any, value: str, zone: ZoneInfo) -> bool:
    own = _own_span(found, zone)
    if own is None:
        return False
    prefix, asked = read_date(value, zone)
    match prefix:
        case "eq":
            return asked[0] <= own[0] and own[1] <= asked[1]
        case "ne":
            return not (asked[0] <= own[0] and own[1] <= asked[1])
        case "gt":
            return own[1] > asked[1]
        case "lt":
            return own[0] < asked[0]
        case "ge":
            return own[1] > asked[1] or (asked[0] <= own[0] and own[1] <= asked[1])
        case "le":
            return own[0] < asked[0] or (asked[0] <= own[0] and own[1] <= asked[1])
        case "sa":
            return own[0] >= asked[1]
        case "eb":
            return own[1] <= asked[0]
        case _:  # ap: within a tenth of the time up to it would need the clock; overlapping will do
            return own[0] < asked[1] and asked[0] < own[1]


def _own_span(found: Any, zone: ZoneInfo) -> Span | None:
    if isinstance(found, str):
        return span_of(found, zone)
    if not isinstance(found, Mapping):
        return None
    start = span_of(str(found["start"]), zone) if "start" in found else None
    end = span_of(str(found["end"]), zone) if "end" in found else None
    if start is None and end is None:
        return None
    return start[0] if start else FIRST, end[1] if end else LAST
