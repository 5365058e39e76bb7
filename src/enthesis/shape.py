"""Plain data (from TOML or JSON) to frozen dataclasses and back, saying where it is wrong.

One reader serves the knowledge files and the course files: the dataclass is the schema. Exact
where it matters: numbers become Decimal, never float; unknown and missing keys are errors.

A reader is made once for each kind and kept: a million courses are read by the same few. Where
something is wrong is worked out on the way back, so that what is right pays nothing for it.
"""

import base64
import dataclasses
import types
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache, lru_cache
from typing import Any, NewType, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Reader = Callable[[Any], Any]

MOST_DIGITS = 30


class ShapeError(ValueError):
    """Data that does not fit: `path` says where ("sessions[2].on"), `problem` what to mend."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path or 'top level'}: {problem}")
        self.path = path
        self.problem = problem

    def within(self, place: str) -> "ShapeError":
        """The same problem, seen from further out."""
        if not place or not self.path:
            return ShapeError(place or self.path, self.problem)
        dot = "" if self.path.startswith("[") else "."
        return ShapeError(f"{place}{dot}{self.path}", self.problem)


def read(kind: type[T], data: object, path: str = "") -> T:
    """Build a `kind` from plain `data`; raises ShapeError with the path of the first problem."""
    try:
        return cast(T, _reader(cast(Any, kind))(data))
    except ShapeError as error:
        raise error.within(path) from error


def plain(value: Any) -> Any:
    """The plain form of a record: dicts, lists, strings, ISO dates, bytes as base64; decimals
    as strings stay exact.

    `read(type(value), plain(value)) == value` for every record. A field that a record got later
    (metadata "later") is not written while it holds its default: older records keep their form.
    """
    return _writer(cast(Any, type(value)))(value)


@cache
def _writer(kind: type) -> Callable[[Any], Any]:
    if dataclasses.is_dataclass(kind):
        return _record_writer(kind)
    if issubclass(kind, Enum):
        return lambda value: value.value
    if issubclass(kind, Mapping):
        return _plain_mapping
    if issubclass(kind, tuple | list):
        return lambda value: [plain(one) for one in value]
    if issubclass(kind, Decimal):
        return _plain_number
    if issubclass(kind, date):
        return lambda value: value.isoformat()
    if issubclass(kind, bytes):
        return lambda value: base64.b64encode(value).decode("ascii")
    return lambda value: value


def _record_writer(kind: Any) -> Callable[[Any], Any]:
    fields = dataclasses.fields(kind)
    names = tuple(f.name for f in fields if "later" not in f.metadata)
    later = {f.name: f.default for f in fields if "later" in f.metadata}

    def written(value: Any) -> dict[str, Any]:
        told = {name: plain(getattr(value, name)) for name in names}
        for name, default in later.items():
            if (now := getattr(value, name)) != default:
                told[name] = plain(now)
        return told

    return written


def _plain_mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(k.value if isinstance(k, Enum) else k): plain(v) for k, v in value.items()}


def _plain_number(value: Decimal) -> int | str:
    return int(value) if value == value.to_integral_value() else str(value.normalize())


@cache
def _reader(kind: Any) -> Reader:
    if isinstance(kind, NewType):
        return _reader(kind.__supertype__)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _union_reader(get_args(kind))
    if origin is tuple:
        return _tuple_reader(get_args(kind))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping_reader(*get_args(kind))
    if kind is object:
        return lambda data: data
    if dataclasses.is_dataclass(kind):
        return _record_reader(kind)
    if kind in _READERS:
        return _READERS[kind]
    return _enum_reader(kind) if issubclass(kind, Enum) else _exact_reader(kind)


def _record_reader(kind: Any) -> Reader:
    fields, hints = dataclasses.fields(kind), get_type_hints(kind)
    readers = {f.name: _reader(hints[f.name]) for f in fields}
    needed = {
        f.name
        for f in fields
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }

    def record(data: Any) -> Any:
        if isinstance(data, kind):
            return data
        if type(data) is not dict and not isinstance(data, Mapping):
            raise ShapeError("", f"expected a table with the fields of {kind.__name__}")
        if not data.keys() <= readers.keys():
            unknown = next(k for k in data if k not in readers)
            raise ShapeError(str(unknown), f"unknown field; known are {', '.join(readers)}")
        values, name = {}, ""
        try:
            for name, reader in readers.items():
                if name in data:
                    values[name] = reader(data[name])
                elif name in needed:
                    raise ShapeError("", "missing; add this field")
        except ShapeError as error:
            raise error.within(name) from error
        try:
            return kind(**values)
        except ValueError as error:
            raise ShapeError("", str(error)) from error

    return record


def _union_reader(kinds: tuple[Any, ...]) -> Reader:
    optional = type(None) in kinds
    # bool before Decimal before str: a union takes the narrowest type that fits.
    order = {bool: 0, Decimal: 1, str: 2}
    wanted = sorted((k for k in kinds if k is not type(None)), key=lambda k: order.get(k, 3))
    readers = [(_reader(kind), kind) for kind in wanted]
    only = readers[0][0] if len(readers) == 1 else None

    def union(data: Any) -> Any:
        if data is None and optional:
            return None
        if only is not None:
            return only(data)
        for reader, kind in readers:
            # Two kinds that mostly do not fit are seen at a glance: failing takes longer.
            if kind is bool and not isinstance(data, bool):
                continue
            if kind is Decimal and isinstance(data, str) and data[:1].isalpha():
                continue
            try:
                return reader(data)
            except ShapeError:
                continue
        raise ShapeError("", f"{data!r} does not fit here")

    return union


def _tuple_reader(kinds: tuple[Any, ...]) -> Reader:
    readers = [_reader(kind) for kind in kinds if kind is not Ellipsis]
    every = readers[0] if kinds[-1] is Ellipsis else None

    def many(data: Any) -> tuple[Any, ...]:
        if not isinstance(data, list | tuple):
            raise ShapeError("", f"expected a list, not {data!r}")
        if every is None and len(data) != len(readers):
            raise ShapeError("", f"expected {len(readers)} values, not {len(data)}")
        values: list[Any] = []
        try:
            if every is not None:
                for value in data:
                    values.append(every(value))
            else:
                for reader, value in zip(readers, data, strict=True):
                    values.append(reader(value))
        except ShapeError as error:
            raise error.within(f"[{len(values)}]") from error
        return tuple(values)

    return many


def _mapping_reader(key_kind: Any, value_kind: Any) -> Reader:
    read_key, read_value = _reader(key_kind), _reader(value_kind)

    def mapping(data: Any) -> dict[Any, Any]:
        if type(data) is not dict and not isinstance(data, Mapping):
            raise ShapeError("", f"expected a table, not {data!r}")
        values, key = {}, None
        try:
            for key, value in data.items():
                values[read_key(key)] = read_value(value)
        except ShapeError as error:
            raise error.within(str(key)) from error
        return values

    return mapping


def _enum_reader(kind: type[Enum]) -> Reader:
    members: dict[Any, Enum] = {member.value: member for member in kind}

    def member(data: Any) -> Enum:
        try:
            return members[data]
        except (KeyError, TypeError):
            allowed = ", ".join(str(value) for value in members)
            raise ShapeError("", f"{data!r} is not one of {allowed}") from None

    return member


def _exact_reader(kind: type) -> Reader:
    names = {str: "text", int: "a whole number", bool: "true or false"}

    def exact(data: Any) -> Any:
        # A bool is an int to Python and "5" is no number to us: refuse both ways of guessing.
        if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
            raise ShapeError("", f"expected {names.get(kind, kind.__name__)}, not {data!r}")
        return data

    return exact


def _read_decimal(data: Any) -> Decimal:
    if isinstance(data, bool) or not isinstance(data, Decimal | int | float | str):
        raise ShapeError("", f"expected a number, not {data!r}")
    # str() of a float is its shortest exact spelling, so 0.2 stays 0.2.
    return _number_of(str(data))


@lru_cache(maxsize=10_000)
def _number_of(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ShapeError("", f"expected a number, not {text!r}") from None
    if not number.is_finite():
        raise ShapeError("", f"expected a finite number, not {text!r}")
    # Written out, a number like 1e999999 would fill the memory.
    if number and abs(number.adjusted()) > MOST_DIGITS:
        raise ShapeError("", "expected a number of a sensible size")
    return number


def _read_date(data: Any) -> date:
    if isinstance(data, date):
        if isinstance(data, datetime):
            raise ShapeError("", f"expected a date without a time, not {data.isoformat()}")
        return data
    return _date_of(str(data))


@lru_cache(maxsize=10_000)
def _date_of(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ShapeError("", f"expected a date like 2026-11-22, not {text!r}") from None


def _read_moment(data: Any) -> datetime:
    """A moment with its zone: without one nobody knows when it was."""
    try:
        moment = data if isinstance(data, datetime) else datetime.fromisoformat(str(data))
    except ValueError:
        raise ShapeError("", f"expected a moment like 2026-11-22T09:30:00Z, not {data!r}") from None
    if moment.utcoffset() is None:
        raise ShapeError("", f"expected a moment with its zone, such as {moment.isoformat()}Z")
    return moment


def _read_bytes(data: Any) -> bytes:
    if isinstance(data, bytes):
        return data
    if not isinstance(data, str):
        raise ShapeError("", f"expected base64 text, not {type(data).__name__}")
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        raise ShapeError("", "expected base64 text, and this is none") from None


_READERS: dict[Any, Reader] = {
    Decimal: _read_decimal,
    date: _read_date,
    datetime: _read_moment,
    bytes: _read_bytes,
}
