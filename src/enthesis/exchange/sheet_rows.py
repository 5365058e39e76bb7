"""The bytes of a CSV or XLSX file to a header and numbered rows; refuses what it cannot read.

Row numbers are those a spreadsheet program shows: the header is row 1.
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import openpyxl

Cell = str | date
"""A cell: text as written (numbers too, so that nothing is rounded), or a real date of XLSX."""

DELIMITERS = ",;\t"


class SheetError(ValueError):
    """The whole file or its map cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row below the header: its number, and its cells by column name."""

    number: int
    cells: dict[str, Cell]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """A sheet read whole."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]


def read_rows(content: bytes, encoding: str, delimiter: str, sheet: str) -> Rows:
    """Read CSV or XLSX bytes; XLSX is known by its first bytes, not by the file's name.

    `delimiter` empty is guessed from the header; `sheet` empty is the first sheet. Raises
    SheetError.
    """
    if content.startswith(b"PK\x03\x04"):
        lines = _xlsx_lines(content, sheet)
    elif content.startswith(b"\xd0\xcf\x11\xe0"):
        raise SheetError("This is an old .xls file. Save it as .xlsx or .csv and import that.")
    else:
        lines = _csv_lines(_decode(content, encoding), delimiter)
    return _with_header(lines)


def _decode(content: bytes, encoding: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SheetError("This file is UTF-16. Save it as “CSV UTF-8” and import that.")
    try:
        text = content.decode(encoding)
    except LookupError:
        raise SheetError(f"The map's encoding {encoding!r} is not known.") from None
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SheetError(
            f"Line {line} is not {encoding} text. Save the sheet as “CSV UTF-8”, or write "
            'encoding = "latin-1" under [file] in the map if it comes from an old Windows program.'
        ) from None
    return text.removeprefix("\ufeff")


def _csv_lines(text: str, delimiter: str) -> Iterator[list[Cell]]:
    first_line = text.split("\n", 1)[0]
    delimiter = delimiter or max(DELIMITERS, key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for line in reader:
            yield [cell.strip() for cell in line]
    except csv.Error as error:
        raise SheetError(f"Line {reader.line_num} cannot be read as CSV: {error}.") from None


def _xlsx_lines(content: bytes, sheet: str) -> Iterator[list[Cell]]:
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise SheetError(f"This file starts like XLSX but cannot be opened: {error}.") from None
    try:
        if sheet and sheet not in book.sheetnames:
            raise SheetError(
                f"There is no sheet {sheet!r}; there are {', '.join(book.sheetnames)}."
            )
        for line in book[sheet or book.sheetnames[0]].iter_rows(values_only=True):
            yield [_xlsx_cell(value) for value in line]
    finally:
        book.close()


def _xlsx_cell(value: object) -> Cell:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, float):
        # Excel keeps every number as a float: 12.0 was typed as 12.
        return format(Decimal(str(value)).normalize(), "f")
    return str(value).strip()


def _with_header(lines: Iterator[list[Cell]]) -> Rows:
    header = tuple(str(cell) for cell in next(lines, []))
    while header and not header[-1]:
        header = header[:-1]
    if not header:
        raise SheetError("The sheet is empty: its first row must name the columns.")
    twice = {name for name in header if header.count(name) > 1}
    if twice:
        raise SheetError(f"Columns named twice in the first row: {', '.join(sorted(twice))}.")
    return Rows(header, tuple(_rows(header, lines)))


def _rows(header: tuple[str, ...], lines: Iterator[list[Cell]]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=2):
        if not any(line):
            continue
        extra = [cell for cell in line[len(header) :] if cell]
        problem = ""
        if extra:
            problem = f"the row has more cells than the {len(header)} columns of the first row"
        padded = line + [""] * (len(header) - len(line))
        yield Row(number, dict(zip(header, padded, strict=False)), problem)
