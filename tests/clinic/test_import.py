"""`enthesis import` against a database: all or nothing, and twice is once."""

import argparse
from pathlib import Path

import pytest

from enthesis.clinic import models
from enthesis.commands import import_file

SHEETS = Path(__file__).parents[1] / "sheets"
MAP = SHEETS / "back-pain.toml"
GOOD = (
    "patient;sex;born;visit;on;pain;side;ended\n"
    "A-1;f;03/02/1970;first;05/01/2026;7;left;02/03/2026\n"
    "A-1;f;03/02/1970;second;26/01/2026;5,5;left;02/03/2026\n"
    "B-2;m;;first;12/01/2026;6;both;\n"
)


@pytest.fixture
def sheet(tmp_path: Path, clinic: models.Clinic) -> Path:
    file = tmp_path / "visits.csv"
    file.write_text(GOOD, encoding="utf-8")
    return file


def enthesis_import(file: Path, *options: str, map_file: Path = MAP) -> int:
    parser = argparse.ArgumentParser()
    import_file.add(parser.add_subparsers())
    args = parser.parse_args(["import", str(file), "--map", str(map_file), *options])
    status: int = args.run(args)
    return status


def test_it_writes_patients_courses_and_answers_each_with_its_audit_row(sheet: Path) -> None:
    assert enthesis_import(sheet) == 0
    first = models.Patient.objects.get(source="old-sheet", source_key="A-1")
    course = first.courses.get()
    assert [a.answers["pain"] for a in course.assessments.all()] == [7, "5.5"]
    assert str(course.series_ended_on) == "2026-03-02"
    assert all(a.completed_at and a.read_at for a in course.assessments.all())
    events = models.AuditEvent.objects.filter(patient=first).values_list("action", "actor")
    assert list(events) == [("import_patient", "command line"), ("import_course", "command line")]
    numbers = models.Patient.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == [1001, 1002]


def test_importing_twice_adds_nothing(sheet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    enthesis_import(sheet)
    before = models.AuditEvent.objects.count()
    assert enthesis_import(sheet) == 0
    assert "0 patients added to Harbour Clinic, 2 already there." in capsys.readouterr().out
    assert (models.Patient.objects.count(), models.Assessment.objects.count()) == (2, 3)
    assert models.AuditEvent.objects.count() == before


def test_what_differs_the_second_time_is_told_and_the_clinics_is_kept(
    sheet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    enthesis_import(sheet)
    changed = GOOD.replace(";7;left", ";8;left").replace("B-2;m", "B-2;f")
    sheet.write_text(changed + "C-3;f;;first;12/01/2026;4;left;\n", encoding="utf-8")
    capsys.readouterr()
    assert enthesis_import(sheet) == 0
    out = capsys.readouterr().out
    assert "row 2, A-1, answers of 2026-01-05: here {'pain': 7}, in the sheet {'pain': 8}" in out
    assert "row 4, B-2, sex: here male, in the sheet female" in out
    assert "1 patient added to Harbour Clinic, 2 already there." in out
    first = models.Assessment.objects.get(course__patient__source_key="A-1", on="2026-01-05")
    assert first.answers == {"pain": 7}


def test_one_bad_row_keeps_everything_out_and_is_told(
    clinic: models.Clinic, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enthesis_import(SHEETS / "back-pain.csv") == 1
    out = capsys.readouterr().out
    assert "row 7, column pain, value “11”: outside 0 to 10 (pain)" in out
    assert "Nothing was imported" in out
    assert not models.Patient.objects.exists()
    assert not models.AuditEvent.objects.exists()


def test_the_good_rows_come_in_when_asked(clinic: models.Clinic) -> None:
    assert enthesis_import(SHEETS / "back-pain.csv", "--keep-good") == 1
    keys = set(models.Patient.objects.values_list("source_key", flat=True))
    assert keys == {"A-1", "B-2", "F-6"}


def test_a_dry_run_tells_the_same_and_writes_nothing(
    sheet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enthesis_import(sheet, "--dry-run") == 0
    assert "It would be: 2 patients added" in capsys.readouterr().out
    assert not models.Patient.objects.exists()


def test_a_text_that_no_column_can_hold_is_rejected_like_any_other(
    sheet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet.write_text(GOOD.replace("B-2", "B" * 101), encoding="utf-8")
    assert enthesis_import(sheet) == 1
    assert "row 4, column given" in capsys.readouterr().out
    assert not models.Patient.objects.exists()


def test_with_two_clinics_it_asks_which(
    sheet: Path, other_clinic: models.Clinic, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enthesis_import(sheet) == 1
    assert "--clinic NAME" in capsys.readouterr().err
    assert enthesis_import(sheet, "--clinic", other_clinic.name) == 0
    assert models.Patient.objects.filter(clinic=other_clinic).count() == 2


@pytest.mark.parametrize(
    ("file", "map_file"),
    [("nowhere.csv", MAP), ("visits.csv", SHEETS / "nowhere.toml"), ("visits.csv", SHEETS)],
)
def test_a_file_that_is_not_there_is_said_in_one_sentence(
    sheet: Path, file: str, map_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enthesis_import(sheet.parent / file, map_file=map_file) == 1
    assert "cannot be read" in capsys.readouterr().err
