"""The bytes of a CSV or XLSX file to a header and numbered rows; refuses what it cannot read.

Row numbers are those a spreadsheet program shows: the header is row 1.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from xml.parsers import expat

if TYPE_CHECKING:
    from openpyxl import Workbook

Cell = str | date
"""A cell: text as written (numbers too, so that nothing is rounded), or a real date of XLSX."""

DELIMITERS = ",;\t"
XLSX, OLD_XLS = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
PARTS_MOST = 1_000
COLUMNS_MOST = 16_384  # as Excel has
RATIO_MOST, SMALL = 100, 1_000_000
"""A part of a workbook shrinks to a tenth or a twentieth; where one above SMALL bytes shrank to
less than a hundredth, it was made to unfold."""
READ_WHOLE_MOST = 1_000_000
"""Bytes of what openpyxl makes objects of before it reads a row: styles, names, relations."""
ROWS_OF_XLSX = ("xl/worksheets/", "xl/sharedStrings")
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
WORKBOOK = "[Content_Types].xml"
# What openpyxl raises for a workbook that is broken or made to break it.
BROKEN = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, SyntaxError, NotImplementedError),
    *(KeyError, ValueError, IndexError, TypeError, AttributeError, RuntimeError),
)


@dataclass(frozen=True, slots=True)
class Most:
    """What is read of one file at most. More is a mistake or an attack: what is in a file may be a
    thousand times as large as the file."""

    unpacked_bytes: int = 200_000_000
    rows: int = 200_000
    cells: int = 20_000_000


class SheetError(ValueError):
    """The whole file or its map cannot be used; the message says what to do."""


class TooLargeError(SheetError):
    """More than is read at once; `what` is the message without what to do."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} Import it in parts.")
        self.what = what


@dataclass(frozen=True, slots=True)
class Row:
    """One row below the header: its number, and its cells by column name."""

    number: int
    cells: dict[str, Cell]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """A sheet read whole. `twice` are headings that stand over several columns: which one is meant
    cannot be told, so no map may name them."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]
    twice: frozenset[str] = frozenset()


def read_rows(
    content: bytes,
    encoding: str,
    delimiter: str,
    sheet: str,
    header_row: int = 1,
    most: Most = Most(),
) -> Rows:
    """Read CSV or XLSX bytes; XLSX is known by its first bytes, not by the file's name.

    `delimiter` empty is guessed from the header; `sheet` empty is the first sheet; the headings
    stand in `header_row`, titles above it are passed over. Raises SheetError.
    """
    if content.startswith(XLSX):
        lines = _xlsx_lines(content, sheet, most)
    elif content.startswith(OLD_XLS):
        raise SheetError("This is an old .xls file. Save it as .xlsx or .csv and import that.")
    else:
        lines = _csv_lines(_decode(content, encoding), delimiter, header_row)
    return _with_header(_within(lines, most), header_row, most)


def _within(lines: Iterator[list[Cell]], most: Most) -> Iterator[list[Cell]]:
    """One cell far to the right or below makes openpyxl fill up all that lies between."""
    cells = 0
    for line in lines:
        cells += max(1, len(line))
        if cells > most.cells:
            raise TooLargeError(f"The sheet has more than {most.cells:,} cells.")
        yield line


def unzip(content: bytes, most: Most) -> dict[str, bytes] | None:
    """The files of a ZIP by name without folder and ending; None for what is no ZIP of files: a
    workbook or anything else. Raises SheetError for a broken one, and one too large unpacked."""
    if not content.startswith(XLSX):
        return None
    with _opened(content, most) as box:
        if WORKBOOK in box.namelist():
            return None
        files: dict[str, bytes] = {}
        for part in box.infolist():
            name = part.filename.rpartition("/")[2].rpartition(".")[0]
            if part.is_dir() or not name or part.filename.startswith("__MACOSX"):
                continue
            if name in files:
                raise SheetError(f"The ZIP holds two files called {name}. Put in one of them.")
            files[name] = _part(box, part)
    return files


def _opened(content: bytes, most: Most) -> zipfile.ZipFile:
    """A ZIP whose parts together are not too large: the sizes it states bound what is read."""
    if content.count(b"PK\x01\x02") > PARTS_MOST:
        raise TooLargeError(f"This file packs more than {PARTS_MOST:,} files.")
    try:
        box = zipfile.ZipFile(io.BytesIO(content))
    except BROKEN as error:
        raise SheetError(f"This file starts like a ZIP but cannot be opened: {error}.") from None
    if sum(part.file_size for part in box.infolist()) > most.unpacked_bytes:
        raise TooLargeError(
            f"Unpacked, this file is larger than {most.unpacked_bytes // 1_000_000}\u00a0MB."
        )
    return box


def _part(box: zipfile.ZipFile, part: zipfile.ZipInfo) -> bytes:
    try:
        return box.read(part)
    except BROKEN as error:
        raise SheetError(f"{part.filename} in the ZIP cannot be read: {error}.") from None


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


def _csv_lines(text: str, delimiter: str, header_row: int) -> Iterator[list[Cell]]:
    headings = (text.split("\n", header_row) + [""] * header_row)[header_row - 1]
    delimiter = delimiter or max(DELIMITERS, key=headings.count)
    # Not StringIO, which keeps four bytes of each character.
    lines = (found[0] for found in _LINE.finditer(text))
    reader = csv.reader(_of_columns(lines, delimiter), delimiter=delimiter, strict=True)
    try:
        for line in reader:
            yield [cell.strip() for cell in line]
    except csv.Error as error:
        raise SheetError(f"Line {reader.line_num} cannot be read as CSV: {error}.") from None


def _of_columns(lines: Iterator[str], delimiter: str) -> Iterator[str]:
    """Each cell takes fifty bytes: a line of millions is refused before it is split."""
    for number, line in enumerate(lines, start=1):
        if line.count(delimiter) >= COLUMNS_MOST:
            raise SheetError(f"Line {number} has more than {COLUMNS_MOST:,} cells.")
        yield line


def _xlsx_lines(content: bytes, sheet: str, most: Most) -> Iterator[list[Cell]]:
    import openpyxl  # slow: not while a web server starts

    with _opened(content, most) as box:
        for part in box.infolist():
            _refuse_unfolding(box, part)
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except BROKEN as error:
        raise SheetError(f"This file starts like XLSX but cannot be opened: {error}.") from None
    try:
        if sheet and sheet not in book.sheetnames:
            raise SheetError(
                f"There is no sheet {sheet!r}; there are {', '.join(book.sheetnames)}."
            )
        yield from _sheet_lines(book, sheet)
    finally:
        book.close()


def _sheet_lines(book: "Workbook", sheet: str) -> Iterator[list[Cell]]:
    try:
        for line in book[sheet or book.sheetnames[0]].iter_rows(values_only=True):
            yield [_xlsx_cell(value) for value in line]
    except BROKEN as error:
        raise SheetError(f"This XLSX file cannot be read to its end: {error}.") from None


class _RootError(Exception):
    """The first element of an XML text begins: no document type can follow."""


def _refuse_unfolding(box: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """A workbook declares no document type: one that does could unfold without end. It stands
    before the first element, however far and in whatever encoding: only the parser that reads it
    later knows."""
    size, is_rows = part.file_size, part.filename.startswith(ROWS_OF_XLSX)
    is_read_whole = part.filename.endswith((".xml", ".rels")) and not is_rows
    if (is_read_whole and size > READ_WHOLE_MOST) or (
        size > SMALL and size > RATIO_MOST * part.compress_size
    ):
        raise SheetError(
            f"{part.filename} in this XLSX file unpacks to {size // 1_000_000}\u00a0MB. Save only "
            "the sheet, as CSV."
        )

    def begin(*_: object) -> None:
        raise _RootError

    def refuse(*_: object) -> None:
        raise SheetError(f"{part.filename} in this XLSX file is not as Excel writes it.")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler, parser.StartElementHandler = refuse, begin
    text = _part(box, part)
    try:
        parser.Parse(text, True)
    except (_RootError, expat.ExpatError):
        pass


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


def _with_header(lines: Iterator[list[Cell]], header_row: int, most: Most) -> Rows:
    for _ in range(header_row - 1):
        next(lines, None)
    named = [str(cell) for cell in next(lines, [])]
    while named and not named[-1]:
        named.pop()
    if not named:
        raise SheetError(f"The sheet is empty: row {header_row} must name the columns.")
    counts = dict.fromkeys(named, 0)
    header = []
    for name in named:
        counts[name] += 1
        header.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    twice = frozenset(name for name, count in counts.items() if name and count > 1)
    return Rows(tuple(header), tuple(_rows(tuple(header), lines, header_row, most)), twice)


def _rows(
    header: tuple[str, ...], lines: Iterator[list[Cell]], header_row: int, most: Most
) -> Iterator[Row]:
    for number, line in enumerate(lines, start=header_row + 1):
        if not any(line):
            continue
        if number > header_row + most.rows:
            raise TooLargeError(f"The sheet has more than {most.rows} rows.")
        extra = [cell for cell in line[len(header) :] if cell]
        problem = ""
        if extra:
            problem = f"the row has more cells than the {len(header)} columns of the headings"
        padded = line + [""] * (len(header) - len(line))
        yield Row(number, dict(zip(header, padded, strict=False)), problem)
