"""Cells of a table that somebody opens in a spreadsheet."""

BOM = "\ufeff"
"""The mark that makes a spreadsheet read names as they are written."""


def cell(value: object) -> str:
    """What a spreadsheet must not take for a formula begins with an apostrophe."""
    text = str(value)
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@")) else text
