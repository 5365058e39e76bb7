"""Several files become one sheet: REDCap's boxes and repeats, OpenEMR's tables."""

import io
import zipfile
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from enthesis.exchange.sheet_files import read_files
from enthesis.exchange.sheet_map import read_map
from enthesis.exchange.sheet_rows import Most, SheetError, read_rows
from enthesis.exchange.spreadsheet import Sheet, read_sheet
from enthesis.knowledge.load import knowledge
from enthesis.knowledge.load_maps import shipped_maps
from enthesis.records import Occasion, Side

SHEETS = Path(__file__).parents[2] / "sheets"
TODAY = date(2026, 11, 23)
OPENEMR = {path.name: path.read_bytes() for path in (SHEETS / "openemr").glob("*.csv")}


def imported(files: Mapping[str, bytes], map_text: str) -> Sheet:
    sheet_map = read_map(map_text)
    return read_sheet(read_files(files, sheet_map), sheet_map, knowledge(TODAY), TODAY)


def redcap(kind: str) -> Sheet:
    name = f"redcap-knee-{kind}"
    return imported({"x.csv": (SHEETS / f"{name}.csv").read_bytes()}, shipped_maps()[name])


def zipped(files: Mapping[str, bytes]) -> bytes:
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in files.items():
            out.writestr(name, content)
    return box.getvalue()


def openemr(map_text: str = "", **changed: bytes) -> Sheet:
    files = OPENEMR | {f"{name}.csv": content for name, content in changed.items()}
    return imported(files, map_text or shipped_maps()["openemr-low-back"])


@pytest.mark.parametrize("name", sorted(shipped_maps()))
def test_every_map_that_ships_can_be_read(name: str) -> None:
    assert read_map(shipped_maps()[name]).title


def test_redcap_events_and_repeats_become_the_visits_of_one_course() -> None:
    sheet = redcap("raw")
    assert sheet.rejections == ()
    first, second, third = sheet.patients
    visits = [(a.on, a.occasion, a.answers["pain"]) for a in first.course.assessments]
    assert visits == [
        (date(2025, 3, 10), Occasion.BASELINE, Decimal(7)),
        (date(2025, 4, 7), Occasion.AFTER_SESSION, Decimal(6)),
        (date(2025, 5, 5), Occasion.AFTER_SESSION, Decimal("4.5")),
        (date(2025, 11, 10), Occasion.RECHECK, Decimal(3)),
    ]
    assert first.course.opened_on == date(2025, 3, 3)
    assert (first.sex, first.born_on) == ("female", date(1961, 4, 12))
    # A missing data code and an empty form are no answers.
    assert (len(second.course.assessments), sheet.unanswered) == (1, 2)
    assert list(sheet.left_out.values()) == [2]
    assert third.family == "Kivi, called “Okku”"


def test_redcap_tick_boxes_become_one_side() -> None:
    sides = [patient.course.side for patient in redcap("raw").patients]
    assert sides == [Side.LEFT, Side.BOTH, Side.RIGHT]


def test_a_redcap_export_with_labels_reads_as_the_raw_one() -> None:
    assert redcap("labels").patients == redcap("raw").patients


def test_a_tick_box_that_holds_something_else_is_a_problem_of_its_row() -> None:
    raw = (SHEETS / "redcap-knee-raw.csv").read_bytes().replace(b",1,1,0,", b",1,yes,0,")
    (rejection, *_) = imported({"x.csv": raw}, shipped_maps()["redcap-knee-raw"]).rejections
    assert rejection.row == 2
    assert "knee_side___1 holds “yes”" in rejection.reason


def test_openemr_tables_are_joined_to_the_visits() -> None:
    sheet = openemr()
    assert sheet.rejections == ()
    first, second = sheet.patients
    assert (first.family, first.born_on) == ("Vanterpool-Invented", date(1968, 2, 29))
    assert first.complaint.startswith("Low back pain since lifting a boat. Imported")
    pains = [(a.on, a.answers["pain"]) for a in first.course.assessments]
    # The form that was deleted said 99.
    assert pains == [
        (date(2024, 1, 8), Decimal(8)),
        (date(2024, 2, 5), Decimal(5)),
        (date(2024, 8, 12), Decimal("2.5")),
    ]
    assert first.course.opened_on == date(2024, 1, 5)
    assert second.course.assessments == ()
    assert list(sheet.left_out.values()) == [1]


def test_a_zip_of_the_tables_is_the_same_as_the_tables() -> None:
    together = {"export.zip": zipped({f"openemr/{name}": data for name, data in OPENEMR.items()})}
    assert imported(together, shipped_maps()["openemr-low-back"]) == openemr()


def test_two_rows_where_one_can_be_meant_are_told_with_their_numbers() -> None:
    twice = OPENEMR["lists.csv"].replace(b"ICD10:I10", b"ICD10:M54.5")
    reasons = {r.row: r.reason for r in openemr(lists=twice).rejections}
    assert reasons[2] == "lists has several rows for pid 1 (rows 2, 4)"


def test_a_file_that_the_map_needs_is_asked_for_by_its_name() -> None:
    files = {name: data for name, data in OPENEMR.items() if name != "forms.csv"}
    with pytest.raises(SheetError, match="also reads forms"):
        imported(files, shipped_maps()["openemr-low-back"])


def test_a_column_that_a_join_needs_is_asked_for_with_its_file() -> None:
    with pytest.raises(SheetError, match="The map reads in forms columns that are not there: form"):
        openemr(forms=OPENEMR["forms.csv"].replace(b'"formdir"', b'"dir"'))


def test_one_file_too_many_is_refused() -> None:
    with pytest.raises(SheetError, match="reads one file; there are 5"):
        imported(OPENEMR, shipped_maps()["redcap-knee-raw"])


def test_a_broken_file_among_several_is_named() -> None:
    with pytest.raises(SheetError, match=r"^lists: The sheet is empty"):
        openemr(lists=b"")


# --- files made to break the reader


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def workbook(sheet: bytes) -> bytes:
    import openpyxl

    book, file = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["patient"])  # type: ignore[union-attr]
    book.save(file)
    with zipfile.ZipFile(file) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    return zipped(parts | {"xl/worksheets/sheet1.xml": sheet or parts["xl/worksheets/sheet1.xml"]})


def test_a_zip_that_unfolds_to_more_than_may_be_is_not_unfolded() -> None:
    most = Most(unpacked_bytes=1_000_000)
    bomb = zipped({"a.csv": b"0" * 1_000_001})
    with pytest.raises(SheetError, match=r"larger than 1.MB"):
        read_files({"a.zip": bomb}, read_map(shipped_maps()["redcap-knee-raw"]), most=most)
    with pytest.raises(SheetError, match=r"larger than 1.MB"):
        read_rows(workbook(b"<x>" + b" " * 1_000_000), "utf-8", "", "", most=most)


@pytest.mark.parametrize("sheet", [b"<worksheet><sheetData><row", b"<worksheet>&a;</worksheet>"])
def test_a_workbook_that_breaks_off_is_refused(sheet: bytes) -> None:
    with pytest.raises(SheetError, match="cannot be"):
        read_rows(workbook(sheet), "utf-8", "", "")


ENTITY = '<!DOCTYPE x [<!ENTITY a "b">]><worksheet/>'


@pytest.mark.parametrize(
    "evil",
    [
        ENTITY.encode(),
        b" " * 100_000 + ENTITY.encode(),
        b"<?x " + b"y" * 5000 + b"?>" + ENTITY.encode(),
        ENTITY.encode("utf-16"),
    ],
)
def test_a_workbook_with_entities_is_refused_before_they_unfold(evil: bytes) -> None:
    with pytest.raises(SheetError, match="not as Excel writes it"):
        read_rows(workbook(evil), "utf-8", "", "")


def test_more_rows_or_cells_than_may_be_are_refused() -> None:
    most = Most(rows=3, cells=200)
    assert len(read_rows(b"a\n1\r\n2\r3\n", "utf-8", "", "", most=most).rows) == 3
    with pytest.raises(SheetError, match="more than 3 rows"):
        read_rows(b"a\n1\n2\n3\n4\n", "utf-8", "", "", most=most)
    for place in ("XFD2", "A1048576"):
        row = place.strip("ADFX")
        far = f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="A1"><v>1</v></c></row>'
        far += f'<row r="{row}"><c r="{place}"><v>1</v></c>'
        with pytest.raises(SheetError, match="more than 200 cells"):
            whole = far.encode() + b"</row></sheetData></worksheet>"
            read_rows(workbook(whole), "utf-8", "", "", most=most)
