"""JSON from outside, read strictly: what two readers could take for two things is refused.

The standard library's reader takes NaN, a field that is there twice (the last one wins), half a
surrogate pair and a NUL, and none of the tables of a database takes the last two. Everything that
is wrong here is one `JsonError`, with line, column and what to do.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

MOST_BYTES = 10 * 1024 * 1024
"""The usual limit. What is read takes about ten times as much memory."""
MOST_DEPTH = 64
"""Tables and lists within each other; no FHIR resource of ours passes a dozen."""
MOST_DIGITS = 100
MOST_EXPONENT = 400
"""Beyond, whoever writes a number out in full would fill the memory."""

# A string runs to the end of the text where it is never closed, so that each is passed once.
_TOKEN = re.compile(r'"[^"\\]*(?:\\(?:.|\Z)[^"\\]*)*(?:"|\Z)|[\[\]{}]|[^\s,:\[\]{}"]+', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_COLON = re.compile(r"[ \t\r\n]*:")


class JsonError(ValueError):
    """A text that is not taken: `words` say what is wrong and what to do; line and column from 1,
    both 0 where the fault has no place. `too_long` where its length alone is the fault."""

    def __init__(self, words: str, line: int = 0, column: int = 0, too_long: bool = False) -> None:
        super().__init__(f"line {line}, column {column}: {words}" if line else words)
        self.words = words
        self.line = line
        self.column = column
        self.too_long = too_long


class _RefusedError(Exception):
    """Found while reading, where no place is known: `_placed` looks for it."""


def read_json(data: bytes | str, most_bytes: int = MOST_BYTES, most_depth: int = MOST_DEPTH) -> Any:
    """What the JSON says: whole numbers as int, others as Decimal. Raises JsonError only."""
    text = _text(data, most_bytes)
    _refuse_escapes(text)
    _refuse_depth(text, most_depth)
    try:
        return json.loads(
            text,
            parse_float=_number,
            parse_int=_number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_once,
        )
    except json.JSONDecodeError as error:
        raise JsonError(
            f"this is not JSON ({error.msg}); mend the text there", error.lineno, error.colno
        ) from None
    except _RefusedError as error:
        raise _placed(text, str(error)) from None


def _text(data: bytes | str, most_bytes: int) -> str:
    if len(data) > most_bytes:
        raise JsonError(
            f"the text is longer than {most_bytes:,} bytes; send it in smaller parts",
            too_long=True,
        )
    if isinstance(data, str):
        try:
            data.encode()
        except UnicodeEncodeError as error:
            raise _at(data, error.start, _HALF) from None
        return data
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        raise _at(before, len(before), "this is not UTF-8; save the text as UTF-8") from None


_HALF = "half of a surrogate pair is no character; write both halves, or the character itself"


def _refuse_escapes(text: str) -> None:
    """A NUL or half a surrogate pair, written as an escape. Outside of strings a backslash is no
    JSON, which the reader says itself."""
    if "\\u" not in text:
        return
    high = -1
    for found in _ESCAPE.finditer(text):
        code = int(found[1], 16) if found[1] else -1
        is_low = 0xDC00 <= code < 0xE000
        if high >= 0 and not (is_low and found.start() == high + 6):
            raise _at(text, high, _HALF)
        if is_low and high < 0:
            raise _at(text, found.start(), _HALF)
        if code == 0:
            raise _at(text, found.start(), "NUL is no character of a text; leave it out")
        high = found.start() if 0xD800 <= code < 0xDC00 else -1
    if high >= 0:
        raise _at(text, high, _HALF)


def _refuse_depth(text: str, most: int) -> None:
    if text.count("[") + text.count("{") <= most:
        return
    depth = 0
    for found in _TOKEN.finditer(text):
        sign = found[0]
        if sign in "[{":
            depth += 1
            if depth > most:
                raise _at(
                    text,
                    found.start(),
                    f"nested too deeply: more than {most} tables and lists within each other; "
                    "write it flatter",
                )
        elif sign in "]}":
            depth -= 1


def _number(text: str) -> int | Decimal:
    if len(text) <= MOST_DIGITS:
        try:
            value = int(text) if text.lstrip("-").isdigit() else Decimal(text)
            if isinstance(value, int) or abs(value.adjusted()) <= MOST_EXPONENT:
                return value
        except (ValueError, InvalidOperation):
            pass
    raise _RefusedError(f"{text[:20]}… is no number of a sensible size; mend it")


def _refuse_constant(name: str) -> None:
    raise _RefusedError(f"{name} is no number in JSON; write null where nothing is known")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _RefusedError(_twice(name))
            seen.add(name)
    return found


def _twice(name: str) -> str:
    return f"the field {name[:60]!r} is there twice in one table; keep one"


def _placed(text: str, words: str) -> JsonError:
    """The error at the first token with this fault. The text is JSON up to there."""
    for start, told in _faults(text):
        if told == words:
            return _at(text, start, words)
    return JsonError(words)


def _faults(text: str) -> Iterator[tuple[int, str]]:
    tables: list[set[str]] = [set()]
    for found in _TOKEN.finditer(text):
        sign = found[0]
        if sign in "[{":
            tables.append(set())
        elif sign in "]}":
            tables.pop()
        elif sign[0] == '"':
            if _COLON.match(text, found.end()):
                name = json.loads(sign)
                if name in tables[-1]:
                    yield found.start(), _twice(name)
                tables[-1].add(name)
        elif sign[0] in "-0123456789NI":
            try:
                (_refuse_constant if sign[-1] in "Ny" else _number)(sign)
            except _RefusedError as error:
                yield found.start(), str(error)


def _at(text: str, start: int, words: str) -> JsonError:
    line = text.count("\n", 0, start) + 1
    return JsonError(words, line, start - text.rfind("\n", 0, start))
