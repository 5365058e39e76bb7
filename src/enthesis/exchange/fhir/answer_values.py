"""The value of an answer, an option or a condition: its type, and whether two are the same."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from enthesis.exchange.fhir.elements import text_of
from enthesis.exchange.fhir.primitives import number, span

UCUM = "http://unitsofmeasure.org"
# Type of question → the types of answer that R4 allows.
ANSWER_TYPES: dict[str, tuple[str, ...]] = {
    "boolean": ("Boolean",),
    "decimal": ("Decimal",),
    "integer": ("Integer",),
    "date": ("Date",),
    "dateTime": ("DateTime",),
    "time": ("Time",),
    "string": ("String",),
    "text": ("String",),
    "url": ("Uri",),
    "choice": ("Coding",),
    "open-choice": ("Coding", "String"),
    "attachment": ("Attachment",),
    "reference": ("Reference",),
    "quantity": ("Quantity",),
}


@dataclass(frozen=True, slots=True)
class Value:
    """`type` as in the name of the element: "Coding" of valueCoding."""

    type: str
    value: Any


def value_of(holder: dict[str, Any], start: str = "value") -> Value | None:
    """The value[x] (or answer[x]) of an answer, option, condition or extension."""
    for name, value in holder.items():
        if re.match(rf"{start}[A-Z]", name):
            return Value(name.removeprefix(start), value)
    return None


def extensions(holder: dict[str, Any], url: str) -> list[Value]:
    """The values of all extensions with this url."""
    parts = holder.get("extension")
    if not isinstance(parts, list):
        return []
    wanted = (p for p in parts if isinstance(p, dict) and p.get("url") == url)
    return [value for part in wanted if (value := value_of(part)) is not None]


def extension(holder: dict[str, Any], url: str) -> Value | None:
    """The value of the first extension with this url."""
    return next(iter(extensions(holder, url)), None)


def same(left: Value, right: Value) -> bool:
    """Equal as FHIR counts: codings by system and code, quantities in the same unit, and so on."""
    one, other = left.value, right.value
    if isinstance(one, dict) and isinstance(other, dict):
        if "Coding" in (left.type, right.type):
            return same_code(one, other)
        if "Quantity" in (left.type, right.type):
            pair = amounts(one, other)
            return pair is not None and pair[0] == pair[1]
        if "Reference" in (left.type, right.type):
            return one.get("reference") == other.get("reference")
        return one == other
    first, second = number(one), number(other)
    if first is not None and second is not None:
        return first == second
    begun, ended = span(one), span(other)
    if begun and ended and left.type in ("Date", "DateTime"):
        return begun == ended
    return type(one) is type(other) and bool(one == other)


def same_code(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """The same code of the same system; where neither has a code, the same words."""
    if one.get("code") is None and other.get("code") is None:
        return text_of(one.get("display")) == text_of(other.get("display")) != ""
    return one.get("code") == other.get("code") and one.get("system") == other.get("system")


# UCUM's metric units that its prefixes go before, and what is a multiple by definition. A full
# UCUM would be a library of its own; any other pair of units is said not to be comparable.
_PREFIXES = {
    "n": -9, "u": -6, "m": -3, "c": -2, "d": -1, "": 0, "da": 1, "h": 2, "k": 3, "M": 6, "G": 9,
}  # fmt: skip
_METRIC = ("g", "m", "L", "l", "s", "mol", "Pa", "J", "Hz", "K", "V", "W", "N")
_TIMES = {"s": 1, "min": 60, "h": 3600, "d": 86400, "wk": 604800}


def _factor(code: str) -> tuple[str, Decimal] | None:
    if code in _TIMES:
        return "s", Decimal(_TIMES[code])
    for unit in _METRIC:
        if code.endswith(unit) and code.removesuffix(unit) in _PREFIXES:
            power = _PREFIXES[code.removesuffix(unit)]
            return unit.lower() if unit == "L" else unit, Decimal(10) ** power
    return None


def amounts(one: dict[str, Any], other: dict[str, Any]) -> tuple[Decimal, Decimal] | None:
    """Both amounts in one unit, None where the units cannot be turned into each other here."""
    first, second = number(one.get("value")), number(other.get("value"))
    if first is None or second is None:
        return None
    units = [q.get("code") or q.get("unit") or "" for q in (one, other)]
    systems = [q.get("system") for q in (one, other)]
    if units[0] == units[1] and (systems[0] == systems[1] or None in systems):
        return first, second
    left, right = (_factor(u) if isinstance(u, str) else None for u in units)
    if systems != [UCUM, UCUM] or left is None or right is None or left[0] != right[0]:
        return None
    return first * left[1], second * right[1]
