"""Cells of a table that somebody opens in a spreadsheet."""

import re
from decimal import Decimal

BOM = "\ufeff"
"""The mark that makes a spreadsheet read names as they are written."""
_BEGINS = r"\s*[=+\-@＝＋－＠]|[\t\r\n]"
_FORMULA = re.compile(rf"'*(?:{_BEGINS})")
_GUARDED = re.compile(rf"'+(?:{_BEGINS})")
_QUOTED = re.compile(r'[",\r\n\x00]|^\s|\s$|^$')


def cell(value: object) -> str:
    """What a spreadsheet must not take for a formula begins with an apostrophe. Numbers are none.

    Text that has apostrophes before such a beginning gets one more, so that `uncell` is exact.
    """
    if isinstance(value, int | float | Decimal):
        return str(value)
    text = str(value)
    return f"'{text}" if _FORMULA.match(text) else text


def uncell(text: str) -> str:
    """The text that `cell` was given."""
    return text[1:] if _GUARDED.match(text) else text


def line(values: "list[object] | tuple[object, ...]") -> str:
    """One line of a CSV file, with its CR LF. Unknown (None) is nothing between two commas, empty
    text is "" in quotation marks, so that who reads it can tell them apart (the csv module
    writes both alike)."""
    return ",".join(_written(value) for value in values) + "\r\n"


def _written(value: object) -> str:
    if value is None:
        return ""
    text = cell(value)
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
