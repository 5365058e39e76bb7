"""A sheet and its map become patients with courses; what cannot is told by row and column."""

import csv
import io
import statistics
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from enthesis.exchange.sheet_files import read_files
from enthesis.exchange.sheet_map import read_map
from enthesis.exchange.sheet_rows import SheetError, read_rows
from enthesis.exchange.spreadsheet import Sheet, SheetPatient, read_sheet
from enthesis.knowledge.load import knowledge
from enthesis.records import Occasion, Side

SHEETS = Path(__file__).parents[2] / "sheets"
TODAY = date(2026, 11, 23)
MAP = (SHEETS / "back-pain.toml").read_text(encoding="utf-8")
SHEET = (SHEETS / "back-pain.csv").read_bytes()


def imported(content: bytes = SHEET, map_text: str = MAP) -> Sheet:
    sheet_map = read_map(map_text)
    rows = read_files({"sheet": content}, sheet_map)
    return read_sheet(rows, sheet_map, knowledge(TODAY), TODAY)


def lines(*rows: str) -> bytes:
    return "\n".join(("patient;sex;born;visit;on;pain;side;ended", *rows)).encode()


def test_a_patient_is_read_from_several_rows_that_fill_each_others_gaps() -> None:
    first = imported().patients[0]
    assert (first.key, first.given, first.sex, first.rows) == ("A-1", "A-1", "female", (2, 3, 4))
    assert first.born_on == date(1970, 2, 3)
    assert first.complaint == "Back pain, left. From the old sheet."
    course = first.course
    assert (course.side, course.condition) == (Side.LEFT, "low_back")
    assert (course.opened_on, course.series_ended_on) == (date(2026, 1, 5), date(2026, 3, 2))
    answers = [(a.on, a.occasion, a.answers["pain"], a.source) for a in course.assessments]
    assert answers == [
        (date(2026, 1, 5), Occasion.BASELINE, Decimal(7), "import"),
        (date(2026, 1, 26), Occasion.AFTER_SESSION, Decimal("5.5"), "import"),
        (date(2026, 6, 1), Occasion.RECHECK, Decimal(2), "import"),
    ]


def test_a_visit_without_an_answer_is_counted_and_never_made_up() -> None:
    sheet = imported()
    second = next(patient for patient in sheet.patients if patient.key == "B-2")
    assert len(second.course.assessments) == 1
    assert sheet.unanswered == 1


def test_every_rejected_row_is_told_with_row_column_value_and_reason() -> None:
    told = {(r.row, r.column, r.value) for r in imported().rejections}
    assert told == {
        (7, "pain", "11"),
        (8, "visit", "secnd"),
        (9, "sex", "x"),
        (10, "patient", ""),
        (11, "on", "31/02/2026"),
        (13, "born", "02/01/1980"),
        (14, "on", "2026-01-12"),
    }
    reasons = {r.row: r.reason for r in imported().rejections}
    assert reasons[7] == "outside 0 to 10 (pain)"
    assert "first, second, recheck" in reasons[8]
    assert "row 12" in reasons[13]


def test_rows_that_the_map_leaves_out_are_counted_with_the_reason() -> None:
    assert imported().left_out == {"rows for trying the sheet out": 1}


def test_a_sheet_of_old_courses_can_be_closed_on_a_day_of_the_map() -> None:
    ends = 'source = "old-sheet"\nday_zero = 2026-01-05\nclosed_day = 200'
    sheet = imported(map_text=MAP.replace('source = "old-sheet"', ends))
    assert {patient.course.closed_on for patient in sheet.patients} == {date(2026, 7, 24)}


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    assert read_rows(SHEET, "utf-8", "", "").header[0] == "patient"


@pytest.mark.parametrize("cell", ["", "n/a"])
def test_each_spelling_of_not_known_means_not_known(cell: str) -> None:
    sheet = imported(lines(f"A;f;;first;05/01/2026;{cell};left;"))
    assert (sheet.unanswered, sheet.rejections) == (1, ())


@pytest.mark.parametrize(
    "cell", ["-1", "10,1", "NaN", "Infinity", "1_0", "٥", "seven", "5.5.5", "1e400", "+-1", "½"]
)
def test_what_is_no_number_of_the_scale_is_rejected(cell: str) -> None:
    rejections = imported(lines(f"A;f;;first;05/01/2026;{cell};left;")).rejections
    assert [(r.row, r.column) for r in rejections] == [(2, "pain")]


@pytest.mark.parametrize(
    ("on", "reason"),
    [("24/11/2026", "between"), ("05/01/1899", "between"), ("2026-01-05", "written like")],
)
def test_a_date_that_cannot_be_is_rejected(on: str, reason: str) -> None:
    (rejection,) = imported(lines(f"A;f;;first;{on};5;left;")).rejections
    assert reason in rejection.reason


def test_an_answer_before_the_birth_is_rejected() -> None:
    (rejection,) = imported(lines("A;f;01/01/2026;first;31/12/2025;5;left;")).rejections
    assert "before the birth date" in rejection.reason


def test_a_side_that_the_condition_does_not_have_is_rejected() -> None:
    (rejection,) = imported(lines("A;f;;first;05/01/2026;5;upper;")).rejections
    assert (rejection.column, rejection.value) == ("side", "upper")


def test_a_row_with_more_cells_than_columns_is_rejected() -> None:
    (rejection,) = imported(lines("A;f;;first;05/01/2026;5;left;;more")).rejections
    assert "more cells" in rejection.reason


def test_a_rejected_row_leaves_nothing_of_itself_behind() -> None:
    sheet = imported(lines("A;f;;first;05/01/2026;50;left;"))
    assert sheet.patients == ()


def xlsx(*rows: tuple[object, ...], name: str = "Visits") -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = name
    for row in rows:
        page.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


HEADER = ("patient", "sex", "born", "visit", "on", "pain", "side", "ended")


def test_an_xlsx_sheet_reads_as_the_same_sheet_does_in_csv() -> None:
    content = xlsx(
        HEADER,
        (17, "f", date(1970, 2, 3), "first", date(2026, 1, 5), 7.0, "left", None),
        (17, "f", None, "second", date(2026, 1, 26), 5.5, "left", None),
    )
    text = MAP.replace('decimal = ","', 'decimal = "."')
    as_csv = lines("17;f;03/02/1970;first;05/01/2026;7;left;", "17;f;;second;26/01/2026;5,5;left;")
    assert imported(content, text).patients == imported(as_csv).patients


def test_a_sheet_of_that_name_must_be_there() -> None:
    with pytest.raises(SheetError, match="there are Visits"):
        read_rows(xlsx(HEADER), "utf-8", "", "Visit")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        ("patient;pain\nJosé;5".encode("latin-1"), "latin-1"),
        ("patient;pain\nA;5".encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04 not a workbook", "cannot be opened"),
        (b"\xd0\xcf\x11\xe0 old", "old .xls"),
        (b'patient;pain\n"A;5\n', "cannot be read as CSV"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_what_to_do(content: bytes, says: str) -> None:
    with pytest.raises(SheetError, match=says):
        read_rows(content, "utf-8", "", "")


def test_a_heading_that_stands_twice_is_refused_only_where_the_map_names_it() -> None:
    assert imported(SHEET.replace(b"ended", b"ended;note;note", 1)).patients
    with pytest.raises(SheetError, match="named twice in the first row: sex"):
        imported(SHEET.replace(b"ended", b"ended;sex", 1))


def test_titles_above_the_headings_are_passed_over_and_rows_keep_their_numbers() -> None:
    titled = MAP.replace("[file]", "[file]\nheader_row = 3")
    sheet = imported(b"Old sheet\n\n" + SHEET.replace(b"\xef\xbb\xbf", b""), titled)
    assert next((r.row, r.column) for r in sheet.rejections) == (9, "pain")


def test_a_column_on_another_scale_is_brought_to_the_questions() -> None:
    text = MAP.replace('source = "old-sheet"', 'source = "old-sheet"\ntimes = { pain = 10 }')
    sheet = imported(lines("A;f;;first;05/01/2026;0,55;left;"), text)
    assert sheet.patients[0].course.assessments[0].answers["pain"] == Decimal("5.5")
    (rejection,) = imported(lines("A;f;;first;05/01/2026;1,1;left;"), text).rejections
    assert rejection.reason == "outside 0 to 10 (pain)" and "[times]" in rejection.mend


def test_every_rejection_says_what_to_do() -> None:
    assert all(rejection.mend.endswith(".") for rejection in imported().rejections)


def test_old_windows_text_is_read_when_the_map_says_so() -> None:
    rows = read_rows("patient;pain\nJosé;5".encode("latin-1"), "latin-1", "", "")
    assert rows.rows[0].cells["patient"] == "José"


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ('pain = "pain"', 'pain = "pian"', "does not have: pian"),
        ('"low_back"', '"lowback"', "condition is not known"),
        ('"six_signs"', '"six"', "questionnaire is not known"),
        ("{ pain =", "{ agony =", "'agony'"),
        ('date_column = "on"', 'date_column = "on"\nday = 3', "exactly one of"),
        ('date_column = "on"', "day = 3", "day_zero"),
        ('named = "first"', "", "named"),
        ('source = "old-sheet"', 'source = ""', "source"),
        ('source = "old-sheet"', 'sauce = "old-sheet"', "sauce"),
        ('source = "old-sheet"', "source = ", "TOML"),
    ],
)
def test_a_wrong_map_is_refused_with_where_it_is_wrong(was: str, now: str, says: str) -> None:
    assert was in MAP
    with pytest.raises(SheetError, match=says):
        imported(map_text=MAP.replace(was, now, 1))


@given(st.lists(st.lists(st.text(max_size=8), min_size=8, max_size=8), max_size=6))
def test_no_content_of_a_cell_makes_the_import_fall_over(table: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([list(HEADER), *table])
    try:
        sheet = imported(text.getvalue().encode("utf-8", "surrogatepass"))
    except SheetError:
        return
    taken = {row for patient in sheet.patients for row in patient.rows}
    rejected = {rejection.row for rejection in sheet.rejections}
    assert taken.isdisjoint(rejected)
    assert len(taken) + len(rejected) + sum(sheet.left_out.values()) == sheet.rows


# --- the real sheets, which may not be shipped

ROOT = Path(__file__).parents[3]
REAL = ROOT.parent / "shared" / "real"
MAPS = ROOT / "src/enthesis/knowledge/maps"
real = pytest.mark.skipif(not REAL.is_dir(), reason="../shared/real is not on this machine")


def real_sheet(file: str, map_name: str) -> Sheet:
    sheet = imported((REAL / file).read_bytes(), (MAPS / f"{map_name}.toml").read_text("utf-8"))
    assert sheet.rejections == ()
    return sheet


def values(patients: Iterable[SheetPatient], question: str, day: date) -> list[Decimal]:
    """The answers to a question on a day, of those who answered."""
    found = [a.answers.get(question) for p in patients for a in p.course.assessments if a.on == day]
    return [value for value in found if isinstance(value, Decimal)]


def arm(sheet: Sheet, name: str) -> list[SheetPatient]:
    return [p for p in sheet.patients if f"Arm of the trial: {name}." in p.complaint]


AFTER_TREATMENT = date(2020, 2, 10)


@real
@pytest.mark.parametrize(
    ("name", "mean", "sd"),
    [
        ("psychological treatment", "1.18", "1.24"),
        ("saline injection", "2.84", "1.64"),
        ("usual care", "3.13", "1.45"),
    ],
)
def test_the_back_pain_trial_gives_the_means_that_were_published(
    name: str, mean: str, sd: str
) -> None:
    sheet = real_sheet(
        "back-pain-ashar2022/Ashar2022_outcomes_demographics.csv", "back-pain-ashar2022-outcomes"
    )
    after = values(arm(sheet, name), "pain", AFTER_TREATMENT)
    assert f"{statistics.mean(after):.2f}" == mean
    assert f"{statistics.stdev(after):.2f}" == sd


@real
def test_the_back_pain_trial_leaves_out_controls_and_reads_undefined_as_not_known() -> None:
    sheet = real_sheet(
        "back-pain-ashar2022/Ashar2022_outcomes_demographics.csv", "back-pain-ashar2022-outcomes"
    )
    assert len(sheet.patients) == 151
    assert list(sheet.left_out.values()) == [54, 1]


@real
@pytest.mark.parametrize(
    ("name", "nearly_free", "of"),
    [("psychological treatment", 33, 50), ("saline injection", 10, 51), ("usual care", 5, 50)],
)
def test_the_follow_up_gives_the_published_number_with_pain_0_or_1(
    name: str, nearly_free: int, of: int
) -> None:
    sheet = real_sheet("back-pain-ashar2022/followup_long.csv", "back-pain-ashar2022-followup")
    patients = arm(sheet, name)
    after = values(patients, "pain", AFTER_TREATMENT)
    assert (sum(pain <= 1 for pain in after), len(patients)) == (nearly_free, of)


@real
def test_the_follow_up_keeps_both_baselines_and_fractions_of_a_point() -> None:
    sheet = real_sheet("back-pain-ashar2022/followup_long.csv", "back-pain-ashar2022-followup")
    first = sheet.patients[0].course
    baselines = [a for a in first.assessments if a.occasion is Occasion.BASELINE]
    assert [a.answers["pain"] for a in baselines] == [3, 2]
    assert baselines[0].answers["bpi_interference"] == Decimal("1.28571428571429")
    assert first.series_ended_on is not None and first.series_ended_on < AFTER_TREATMENT


@real
def test_the_neck_trial_gives_the_means_of_its_arms_on_the_scale_of_the_question() -> None:
    sheet = real_sheet("neck-pain-laser/neck_pain.csv", "neck-pain-laser2006")
    means = {
        name: [
            round(statistics.mean(values(arm(sheet, name), "pain", date(2020, 1, 6) + after)), 2)
            for after in (timedelta(0), timedelta(days=84))
        ]
        for name in ("laser", "sham laser")
    }
    told = {name: [f"{mean:.2f}" for mean in row] for name, row in means.items()}
    assert told == {"laser": ["5.92", "3.24"], "sham laser": ["4.04", "4.29"]}


@real
def test_of_a_messy_sheet_every_cell_that_cannot_be_is_named() -> None:
    """Its subject is no complaint of ours; what is tried is that nothing slips through."""
    messy = MAP.replace('visit_column = "visit"\n', "").split("[[leave_out]]")[0]
    text = f"""{
        messy.replace('series_ended_column = "ended"', "")
        .replace('answers = { pain = "pain" }', "")
        .replace('decimal = ","', "header_row = 5")
    }
[patient]
key = "{{study_id}}"
family = "Messy"
given = "{{study_id}}"
sex = "{{Sex}}"
born_on = "{{dob}}"
[values.Sex]
Male = "male"
Female = "female"
[course]
condition = "low_back"
opened_on = "{{dob}}"
"""
    sheet = imported((REAL / "messy-sheets/messy_aki.xlsx").read_bytes(), text)
    told = {(r.row, r.column, r.value) for r in sheet.rejections}
    assert {(8, "dob", "may 5 1970"), (13, "Sex", "F")} <= told


@real
def test_the_headache_trial_gives_the_published_difference_at_twelve_months() -> None:
    sheet = real_sheet("headache-vickers2004/acupuncture_full.csv", "headache-vickers2004")
    assert len(sheet.patients) == 401
    groups = [(arm(sheet, "acupuncture"), 1.0), (arm(sheet, "no acupuncture"), 0.0)]
    rows = [
        (1.0, treated, float(scores[date(2020, 1, 6)]), float(scores[date(2021, 1, 5)]))
        for patients, treated in groups
        for patient in patients
        if len(scores := {a.on: a.answers["headache_score"] for a in patient.course.assessments})
        and date(2021, 1, 5) in scores
    ]
    table = np.array(rows)
    fitted, *_ = np.linalg.lstsq(table[:, :3], table[:, 3], rcond=None)
    # Published, adjusted for more than the baseline: -4.6 (95 % CI -7.0 to -2.2).
    assert fitted[1] == pytest.approx(-4.6, abs=0.3)
