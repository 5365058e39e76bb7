"""The files of an import and their map → one sheet: joined by their keys, tick boxes one column.

REDCap writes one column for each box that can be ticked, OpenEMR keeps a patient, the problems,
the visits and what was written into forms in files of their own.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from enthesis.exchange.sheet_map import Checkboxes, Join, SheetMap
from enthesis.exchange.sheet_rows import Cell, Most, Row, Rows, SheetError, read_rows, unzip

_Cells = dict[str, Cell]


def read_files(
    files: Mapping[str, bytes],
    sheet_map: SheetMap,
    sheet: str = "",
    most: Most = Most(),  # noqa: B008 (frozen)
) -> Rows:
    """One sheet of files by name; a ZIP counts as the files in it. `sheet` is of an XLSX file.

    Raises SheetError, naming the file that is not there, too many, or cannot be read.
    """
    found = _unpacked(files, most)
    file = sheet_map.file
    if not sheet_map.join:
        if len(found) != 1:
            names = ", ".join(found) or "none"
            raise SheetError(f"The map reads one file; there are {len(found)}: {names}.")
        (name,) = found
        named = [name]
    else:
        named = [sheet_map.main, *(one.file for one in sheet_map.join)]
        absent = sorted(set(named) - set(found))
        if absent:
            raise SheetError(
                f"The map also reads {', '.join(absent)}. Give all its files, by these names "
                f"(with any ending), or a ZIP of them. There are: {', '.join(found) or 'none'}."
            )
    read = {}
    for name in dict.fromkeys(named):
        try:
            read[name] = read_rows(
                found[name], file.encoding, file.delimiter, sheet or file.sheet,
                file.header_row, most,
            )  # fmt: skip
        except SheetError as error:
            if len(found) == 1:
                raise
            raise SheetError(f"{name}: {error}") from None
    rows = read[named[0]]
    for join in sheet_map.join:
        rows = _joined(rows, join, read[join.file])
    for boxes in sheet_map.checkboxes:
        rows = _with_boxes(rows, boxes)
    return rows


def _unpacked(files: Mapping[str, bytes], most: Most) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, content in files.items():
        inside = unzip(content, most)
        parts = {name.rpartition(".")[0] or name: content} if inside is None else inside
        for part, data in parts.items():
            if part in found:
                raise SheetError(f"Two of the files are called {part}. Give one of them.")
            found[part] = data
    return found


def _joined(rows: Rows, join: Join, other: Rows) -> Rows:
    """Each row with the columns of the other file's row; a row too many is its problem."""
    _need(rows, {join.on}, "The map joins by")
    wanted = {join.to, *join.only, join.name_column, join.value_column} - {""}
    _need(other, wanted, f"The map reads in {join.file}")
    by_key: dict[Cell, list[Row]] = defaultdict(list)
    for row in other.rows:
        if all(str(row.cells[column]) in cells for column, cells in join.only.items()):
            by_key[row.cells[join.to]].append(row)
    names, read = _columns(join, other, by_key)
    header = tuple(f"{join.file}.{name}" for name in names)
    empty: _Cells = dict.fromkeys(header, "")
    twice = rows.twice | {f"{join.file}.{name}" for name in other.twice}
    return Rows(
        (*rows.header, *header),
        tuple(_with(row, join, by_key, read, empty) for row in rows.rows),
        twice,
    )


def _columns(
    join: Join, other: Rows, by_key: Mapping[Cell, list[Row]]
) -> tuple[tuple[str, ...], Mapping[Cell, _Cells]]:
    """The names of the columns that are brought in, and what they hold for each key."""
    if not join.name_column:
        return other.header, {
            key: {f"{join.file}.{name}": cell for name, cell in rows[0].cells.items()}
            for key, rows in by_key.items()
        }
    told = {
        key: {
            f"{join.file}.{row.cells[join.name_column]}": row.cells[join.value_column]
            for row in rows
        }
        for key, rows in by_key.items()
    }
    names = dict.fromkeys(str(row.cells[join.name_column]) for row in other.rows)
    return tuple(names), told


def _with(
    row: Row,
    join: Join,
    by_key: Mapping[Cell, list[Row]],
    read: Mapping[Cell, _Cells],
    empty: _Cells,
) -> Row:
    key = row.cells[join.on]
    same = by_key.get(key, []) if key else []
    problem = row.problem
    for other in same:
        problem = problem or (
            f"row {other.number} of {join.file}: {other.problem}" if other.problem else ""
        )
    names = [other.cells[join.name_column] if join.name_column else "" for other in same]
    if not problem and len(set(names)) < len(names):
        numbers = ", ".join(str(other.number) for other in same)
        problem = f"{join.file} has several rows for {join.to} {key} (rows {numbers})"
    return Row(row.number, row.cells | empty | (read[key] if same else {}), problem)


def _with_boxes(rows: Rows, boxes: Checkboxes) -> Rows:
    _need(rows, set(boxes.of), "The map reads tick boxes from")
    if boxes.column in rows.header:
        raise SheetError(f"The map makes a column {boxes.column}, which the sheet has already.")
    return Rows(
        (*rows.header, boxes.column), tuple(_ticked(row, boxes) for row in rows.rows), rows.twice
    )


def _ticked(row: Row, boxes: Checkboxes) -> Row:
    problem = row.problem
    allowed = (*boxes.ticked, *boxes.not_ticked, "")
    for column in boxes.of:
        if not problem and str(row.cells[column]) not in allowed:
            problem = f"{column} holds “{row.cells[column]}”, which is neither ticked nor not"
    cell = ";".join(_stand_for(row, boxes))
    return Row(row.number, row.cells | {boxes.column: cell}, problem)


def _stand_for(row: Row, boxes: Checkboxes) -> Iterator[str]:
    for column, meaning in boxes.of.items():
        if str(row.cells[column]) in boxes.ticked:
            yield meaning


def _need(rows: Rows, columns: set[str], what: str) -> None:
    absent = sorted(columns - set(rows.header))
    if absent:
        raise SheetError(
            f"{what} columns that are not there: {', '.join(absent)}. There are: "
            f"{', '.join(rows.header)}."
        )
