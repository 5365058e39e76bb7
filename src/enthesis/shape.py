"""Plain data (from TOML or JSON) to frozen dataclasses and back, saying where it is wrong.

One reader serves the knowledge files and the course files: the dataclass is the schema. Exact
where it matters: numbers become Decimal, never float; unknown and missing keys are errors.
"""

import dataclasses
import types
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from typing import Any, NewType, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")

MOST_DIGITS = 30
_PLAIN_ALREADY = (str, int, bool, type(None))


class ShapeError(ValueError):
    """Data that does not fit: `path` says where ("sessions[2].on"), `problem` what to mend."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path or 'top level'}: {problem}")
        self.path = path
        self.problem = problem


def read(kind: type[T], data: object, path: str = "") -> T:
    """Build a `kind` from plain `data`; raises ShapeError with the path of the first problem."""
    return cast(T, _read(kind, data, path))


def plain(value: Any) -> Any:
    """The plain form of a record: dicts, lists, strings, ISO dates; decimals as strings stay exact.

    `read(type(value), plain(value)) == value` for every record.
    """
    # Most values are plain already; an enum member is no exact str, so it is not caught here.
    if type(value) in _PLAIN_ALREADY:
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(k.value if isinstance(k, Enum) else k): plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    if isinstance(value, Decimal):
        return _plain_number(value)
    if isinstance(value, date):
        return value.isoformat()
    return value


def _plain_number(value: Decimal) -> int | str:
    return int(value) if value == value.to_integral_value() else str(value.normalize())


def _read(kind: Any, data: object, path: str) -> Any:
    if isinstance(kind, NewType):
        return _read(kind.__supertype__, data, path)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _read_union(get_args(kind), data, path)
    if origin is tuple:
        return _read_tuple(get_args(kind), data, path)
    if origin is not None and issubclass(origin, Mapping):
        return _read_mapping(get_args(kind), data, path)
    if kind is object:
        return data
    if dataclasses.is_dataclass(kind):
        return _read_record(kind, data, path)
    return _read_single(kind, data, path)


def _read_record(kind: Any, data: object, path: str) -> Any:
    if isinstance(data, kind):
        return data
    if not isinstance(data, Mapping):
        raise ShapeError(path, f"expected a table with the fields of {kind.__name__}")
    fields, hints = _fields_of(kind)
    unknown = [k for k in data if k not in fields]
    if unknown:
        raise ShapeError(_at(path, unknown[0]), f"unknown field; known are {', '.join(fields)}")
    values = {}
    for name, spec in fields.items():
        if name in data:
            values[name] = _read(hints[name], data[name], _at(path, name))
        elif spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING:
            raise ShapeError(_at(path, name), "missing; add this field")
    try:
        return kind(**values)
    except ValueError as error:
        raise ShapeError(path, str(error)) from error


@cache
def _fields_of(kind: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of a record and their types; worked out once, as lists of courses are long."""
    return {f.name: f for f in dataclasses.fields(kind)}, get_type_hints(kind)


def _read_union(kinds: tuple[Any, ...], data: object, path: str) -> Any:
    if data is None and type(None) in kinds:
        return None
    problems = []
    # bool before Decimal before str: a union takes the narrowest type that fits.
    order = {bool: 0, Decimal: 1, str: 2}
    for kind in sorted((k for k in kinds if k is not type(None)), key=lambda k: order.get(k, 3)):
        try:
            return _read(kind, data, path)
        except ShapeError as error:
            problems.append(error)
    raise problems[-1] if len(problems) == 1 else ShapeError(path, f"{data!r} does not fit here")


def _read_tuple(kinds: tuple[Any, ...], data: object, path: str) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        raise ShapeError(path, f"expected a list, not {data!r}")
    if kinds[-1] is Ellipsis:
        return tuple(_read(kinds[0], v, f"{path}[{i}]") for i, v in enumerate(data))
    if len(data) != len(kinds):
        raise ShapeError(path, f"expected {len(kinds)} values, not {len(data)}")
    return tuple(
        _read(k, v, f"{path}[{i}]") for i, (k, v) in enumerate(zip(kinds, data, strict=True))
    )


def _read_mapping(kinds: tuple[Any, ...], data: object, path: str) -> dict[Any, Any]:
    if not isinstance(data, Mapping):
        raise ShapeError(path, f"expected a table, not {data!r}")
    key_kind, value_kind = kinds
    return {
        _read(key_kind, k, _at(path, k)): _read(value_kind, v, _at(path, k))
        for k, v in data.items()
    }


def _read_single(kind: Any, data: object, path: str) -> Any:
    if kind is Decimal:
        return _read_decimal(data, path)
    if kind is date:
        return _read_date(data, path)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(data)
        except ValueError:
            allowed = ", ".join(str(m.value) for m in kind)
            raise ShapeError(path, f"{data!r} is not one of {allowed}") from None
    # A bool is an int to Python and "5" is no number to us: refuse both ways of guessing.
    if kind is int and isinstance(data, bool):
        raise ShapeError(path, f"expected a whole number, not {data!r}")
    if not isinstance(data, kind):
        names = {str: "text", int: "a whole number", bool: "true or false"}
        raise ShapeError(path, f"expected {names.get(kind, kind.__name__)}, not {data!r}")
    return data


def _read_decimal(data: object, path: str) -> Decimal:
    if isinstance(data, bool) or not isinstance(data, Decimal | int | float | str):
        raise ShapeError(path, f"expected a number, not {data!r}")
    try:
        # str() of a float is its shortest exact spelling, so 0.2 stays 0.2.
        number = Decimal(str(data))
    except InvalidOperation:
        raise ShapeError(path, f"expected a number, not {data!r}") from None
    if not number.is_finite():
        raise ShapeError(path, f"expected a finite number, not {data!r}")
    # Written out, a number like 1e999999 would fill the memory.
    if number and abs(number.adjusted()) > MOST_DIGITS:
        raise ShapeError(path, "expected a number of a sensible size")
    return number


def _read_date(data: object, path: str) -> date:
    if isinstance(data, datetime):
        raise ShapeError(path, f"expected a date without a time, not {data.isoformat()}")
    if isinstance(data, date):
        return data
    try:
        return date.fromisoformat(str(data))
    except ValueError:
        raise ShapeError(path, f"expected a date like 2026-11-22, not {data!r}") from None


def _at(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)
