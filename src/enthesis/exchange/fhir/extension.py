"""What FHIR has no element for, kept exactly: one extension per record, a part for each field.

`{"url": SITE/StructureDefinition/<Kind>, "extension": [{"url": field, "value…": …}, …]}`. The
dataclass is the schema, as in `shape`. A field at its default is left out. A tuple is its parts
repeated under one url; a record within a record is an extension within; a mapping is JSON text.

FHIR allows neither an empty value nor an empty extension, so that what is not the default and
yet nothing is said: a part within is true, `none` for None and for a tuple without parts,
`empty` for empty text, bytes and a record whose fields are all at their default. Text that R4's
pattern for strings refuses (a no-break space is enough) goes as base64, a number with more than
15 digits as text: it is ours to read, and must come back the same.
"""

import base64
import binascii
import dataclasses
import json
import re
import types
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, NewType, Union, cast, get_args, get_origin, get_type_hints

from enthesis.shape import ShapeError, plain, read

SITE = "https://enthesis.example/fhir"
"""The beginning of every url and system of ours: a name, nothing lies there."""
Resource = dict[str, Any]
"""A resource, or a part of one, as JSON says it."""

# R4's patterns, which its JSON schema holds every text and code to.
_TEXT = re.compile(r"[ \r\n\t\S]+")
# A code's pattern takes any blank; its text says "no whitespace other than single spaces".
_CODE = re.compile(r"[^\s]+( [^\s]+)*")
# The pattern takes them, though strings "SHOULD NOT" hold them, and other programs refuse them.
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b]")
# "Strings SHALL NOT exceed 1MB in size" (R4, data types).
MOST_TEXT = 1024 * 1024
# What a binary double, as JavaScript reads numbers, holds exactly.
MOST_DIGITS = 15
# The furthest from UTC that R4's pattern for moments knows.
FURTHEST_ZONE = timedelta(hours=14)


def url_of(kind: type) -> str:
    """The url of the extension that holds the fields of a kind of record."""
    return f"{SITE}/StructureDefinition/{kind.__name__}"


def extend(resource: Resource, record: Any, fields: Iterable[str]) -> Resource:
    """Add the extension with these fields of `record` to the resource, which is returned.

    Nothing is added where every field is at its default.
    """
    if parts := _parts(record, fields):
        one = {"url": url_of(type(record)), "extension": parts}
        resource.setdefault("extension", []).append(one)
    return resource


def extended(resource: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """The fields of `kind` that the resource's extension holds, each of its type.

    Raises ShapeError with the place of what is not as `extend` writes it.
    """
    found = resource.get("extension", [])
    if not isinstance(found, list):
        raise ShapeError("extension", "expected a list")
    ours = [one for one in found if isinstance(one, Mapping) and one.get("url") == url_of(kind)]
    if not ours:
        return {}
    if len(ours) > 1:
        raise ShapeError("extension", f"{url_of(kind)} is there twice; keep one")
    try:
        return _fields(ours[0].get("extension"), kind)
    except ShapeError as error:
        raise error.within(f"extension('{url_of(kind)}')") from error


def number(value: Decimal) -> int | float | None:
    """A number as JSON has it, or None where a binary double would not hold it exactly."""
    if len(value.normalize().as_tuple().digits) > MOST_DIGITS or (
        value and abs(value.adjusted()) > MOST_DIGITS
    ):
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def moment(value: datetime) -> str:
    """A moment as R4's dateTime and instant; in UTC where its zone is none that R4 can write."""
    zone = value.utcoffset()
    if zone is None or abs(zone) > FURTHEST_ZONE or zone.total_seconds() % 60:
        value = value.astimezone(UTC)
    return value.isoformat()


def is_code(text: str) -> bool:
    """Whether R4 takes the text as a code: no blank at either end, none twice."""
    return bool(_CODE.fullmatch(text)) and not _CONTROLS.search(text)


def fits(text: str) -> bool:
    """Whether R4, and who is stricter, takes the text as a string as it stands."""
    if not _TEXT.fullmatch(text) or text.isspace() or _CONTROLS.search(text):
        return False
    return len(text.encode()) <= MOST_TEXT


@cache
def _known(kind: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """The type of each field without its None, and the default of those that have one."""
    hints = get_type_hints(kind)
    defaults = {}
    for one in dataclasses.fields(kind):
        if one.default is not dataclasses.MISSING:
            defaults[one.name] = one.default
        elif one.default_factory is not dataclasses.MISSING:
            defaults[one.name] = one.default_factory()
    names = [one.name for one in dataclasses.fields(kind)]
    return {name: _bare(hints[name]) for name in names}, defaults


def _bare(hint: Any) -> Any:
    """A type without NewType and without None; a union of several stays what it is."""
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    if get_origin(hint) in (Union, types.UnionType):
        kinds = [one for one in get_args(hint) if one is not type(None)]
        return _bare(kinds[0]) if len(kinds) == 1 else hint
    return hint


def _parts(record: Any, fields: Iterable[str]) -> list[Resource]:
    hints, defaults = _known(cast(Any, type(record)))
    parts: list[Resource] = []
    for name in fields:
        value = getattr(record, name)
        if name in defaults and value == defaults[name]:
            continue
        many = _every(hints[name])
        if value is None or (many and not value):
            parts.append(_said(name, "none"))
        elif many:
            parts += [_part(name, one, many) for one in value]
        else:
            parts.append(_part(name, value, hints[name]))
    return parts


def _every(hint: Any) -> Any:
    """What a tuple of any length is made of; None where it is no such tuple."""
    kinds = get_args(hint)
    return _bare(kinds[0]) if get_origin(hint) is tuple and kinds[-1] is Ellipsis else None


def _said(name: str, state: str) -> Resource:
    return {"url": name, "extension": [{"url": state, "valueBoolean": True}]}


def _part(name: str, value: Any, hint: Any) -> Resource:
    if dataclasses.is_dataclass(hint):
        parts = _parts(value, _known(cast(Any, type(value)))[0])
        return {"url": name, "extension": parts} if parts else _said(name, "empty")
    if isinstance(value, str | bytes) and not value:
        return _said(name, "empty")
    choice, told = _value(value, hint)
    return {"url": name, choice: told}


def _value(value: Any, hint: Any) -> tuple[str, Any]:
    """The value[x] of one that is neither empty nor a record."""
    if not isinstance(hint, type) or hint is object:
        return _text(_json(plain(value)))
    if issubclass(hint, Enum):
        return "valueCode", value.value
    if issubclass(hint, bool):
        return "valueBoolean", value
    if issubclass(hint, int):
        return ("valueInteger" if -(2**31) <= value < 2**31 else "valueDecimal"), value
    if issubclass(hint, Decimal):
        short = number(value)
        return ("valueString", str(value)) if short is None else ("valueDecimal", short)
    if issubclass(hint, datetime):
        return "valueDateTime", moment(value)
    if issubclass(hint, date):
        return "valueDate", value.isoformat()
    if issubclass(hint, bytes):
        return "valueBase64Binary", base64.b64encode(value).decode("ascii")
    return _text(value)


def _text(value: str) -> tuple[str, str]:
    if fits(value):
        return "valueString", value
    return "valueBase64Binary", base64.b64encode(value.encode()).decode("ascii")


def _json(value: Any) -> str:
    """JSON text that people can read, unless it holds what only escapes can say."""
    text = json.dumps(value, ensure_ascii=False)
    return text if fits(text) else json.dumps(value)


def _fields(parts: object, kind: type) -> dict[str, Any]:
    if not isinstance(parts, list) or not parts:
        raise ShapeError("extension", "expected a list of parts, one for each field")
    hints, _ = _known(kind)
    found: dict[str, list[Resource]] = {}
    for part in parts:
        if not isinstance(part, dict) or not isinstance(part.get("url"), str):
            raise ShapeError("extension", "expected a part with the name of a field as its url")
        found.setdefault(part["url"], []).append(part)
    values = {}
    for name, of in found.items():
        if name not in hints:
            raise ShapeError(f"extension('{name}')", f"unknown field; known are {', '.join(hints)}")
        try:
            values[name] = _field(of, hints[name])
        except ShapeError as error:
            raise error.within(f"extension('{name}')") from error
    return values


def _field(parts: list[Resource], hint: Any) -> Any:
    many = _every(hint)
    if len(parts) == 1 and _state(parts[0]) == "none":
        return () if many else None
    if many:
        return tuple(_one(part, many) for part in parts)
    if len(parts) > 1:
        raise ShapeError("", "is there more than once; keep one")
    return _one(parts[0], hint)


def _state(part: Resource) -> str:
    """`none` or `empty` where the part says so of itself, else ""."""
    within = part.get("extension")
    if isinstance(within, list) and len(within) == 1 and isinstance(within[0], dict):
        url = within[0].get("url")
        if url in ("none", "empty") and within[0].get("valueBoolean") is True:
            return str(url)
    return ""


def _one(part: Resource, hint: Any) -> Any:
    empty = _state(part) == "empty"
    if dataclasses.is_dataclass(hint):
        return read(hint, {} if empty else _fields(part.get("extension"), hint))  # type: ignore[arg-type]
    if empty:
        return read(hint, b"" if hint is bytes else "")
    choices = [name for name in part if name.startswith("value")]
    if len(choices) != 1:
        raise ShapeError("value", "expected one value")
    return _back(choices[0], part[choices[0]], hint)


def _back(choice: str, value: Any, hint: Any) -> Any:
    is_plain = isinstance(hint, type) and hint is not object
    if choice == "valueBase64Binary" and hint is not bytes:
        choice, value = "valueString", _decoded(value)
    if choice not in _CHOICES:
        raise ShapeError(choice, f"expected one of {', '.join(_CHOICES)}")
    if not isinstance(value, _CHOICES[choice]) or (
        isinstance(value, bool) and choice != "valueBoolean"
    ):
        raise ShapeError(choice, f"{value!r} is no such value")
    if not is_plain:
        value = _parsed(value)
    elif hint is int and isinstance(value, Decimal) and _is_whole(value):
        value = int(value)
    try:
        return read(hint, value)
    except ShapeError as error:
        raise error.within(choice) from error


def _is_whole(value: Decimal) -> bool:
    # As an int, a number like 1e999999 would fill the memory.
    return value.is_finite() and value.adjusted() < 2 * MOST_DIGITS and value % 1 == 0


_CHOICES: dict[str, Any] = {
    "valueString": str,
    "valueCode": str,
    "valueInteger": (int, Decimal),
    "valueDecimal": (int, float, Decimal),
    "valueBoolean": bool,
    "valueDate": str,
    "valueDateTime": str,
    "valueBase64Binary": str,
}


def _decoded(value: object) -> str:
    try:
        return base64.b64decode(read(str, value), validate=True).decode()
    except (binascii.Error, ValueError):
        raise ShapeError("valueBase64Binary", "expected a text in UTF-8 as base64") from None


def _parsed(value: object) -> Any:
    try:
        return json.loads(read(str, value))
    except (ValueError, RecursionError):
        raise ShapeError("valueString", "expected JSON text") from None
