"""Records of every kind, made from their types: any text that a row can hold, any day."""

import dataclasses
import types
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from enthesis.records import Answer
from enthesis.units import MINOR_DIGITS, Money

# What PostgreSQL stores as text: no NUL, no surrogates. Blank, odd and empty ones come often.
ODD = st.sampled_from(["", " ", "\n", "\u00a0", "\u2028", "a\u00a0b", "\x1f", " a ", "5", "null"])
TEXT = ODD | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)
DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1))
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-8)), timezone(timedelta(minutes=754))])
EARLIEST = datetime(1990, 1, 1)  # noqa: DTZ001 - Hypothesis puts the zones on itself
MOMENTS = st.datetimes(EARLIEST, timezones=ZONES)
NUMBERS = st.decimals(-1000, 1000, places=3) | st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=12
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
MONEY = st.builds(Money, st.decimals(-9999, 9999, places=2), st.sampled_from(list(MINOR_DIGITS)))
# A mapping of answers is JSON text like every mapping, and a text of digits would come back as a
# number; the mapping of questionnaires tells them apart (test_questionnaire_response.py).
ANSWERS = NUMBERS | st.booleans() | st.none() | st.sampled_from(["yes", "knee", "a\u00a0b"])

Special = Mapping[Any, Callable[[], st.SearchStrategy[Any]]]
NONE: Special = {}
_PLAIN = {
    str: TEXT,
    bool: st.booleans(),
    int: st.integers(-9, 999) | st.integers(2**31, 2**40),
    date: DAYS,
    datetime: MOMENTS,
    Decimal: NUMBERS,
    bytes: st.binary(max_size=9),
    object: JSON,
    Money: MONEY,
    Answer: ANSWERS,
}


def of(kind: Any, special: Special = NONE) -> st.SearchStrategy[Any]:
    """Any value of a type as the records have them; `special` says how some types are made."""
    if kind in special:
        return special[kind]()
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, NewType):
        return of(kind.__supertype__, special)
    return _built(kind, special)


def _built(kind: Any, special: Special) -> st.SearchStrategy[Any]:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return st.one_of([st.none() if one is type(None) else of(one, special) for one in inner])
    if origin is tuple:
        return st.lists(of(inner[0], special), max_size=2).map(tuple)
    if origin is not None and issubclass(origin, Mapping):
        return st.dictionaries(TEXT, of(inner[1], special), max_size=2)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    return records(kind, special)


def records(kind: Any, special: Special = NONE) -> st.SearchStrategy[Any]:
    """Any record of a dataclass; fields with a default are often at it."""
    hints = get_type_hints(kind)
    needed, other = {}, {}
    for one in dataclasses.fields(kind):
        has_default = (
            one.default is not dataclasses.MISSING or one.default_factory is not dataclasses.MISSING
        )
        (other if has_default else needed)[one.name] = of(hints[one.name], special)
    return st.fixed_dictionaries(needed, optional=other).map(lambda values: kind(**values))
