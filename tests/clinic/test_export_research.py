"""The de-identified cut as files, attacked with what somebody might know."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import time_machine
from pytest_django import DjangoDbBlocker

from enthesis.cli import main
from enthesis.clinic import models
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import registry as registry_action
from enthesis.clinic.actions.research import export_research
from enthesis.outcomes.registry import read_table
from tests.clinic.invented import TODAY, load, loaded_once
from tests.clinic.test_export import everything_in

CANARY = "canary-5d20"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def loaded(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[models.Clinic]:
    with time_machine.travel(NOON), loaded_once(django_db_blocker, lambda: load(TODAY)) as clinic:
        yield clinic


@pytest.fixture
def clinic(loaded: models.Clinic, db: None) -> models.Clinic:
    """An invented clinic in which every text that names, describes or reaches somebody is known."""
    models.Clinic.objects.filter(pk=loaded.pk).update(
        name=f"Clinic {CANARY}", phone=CANARY, address=CANARY
    )
    models.Patient.objects.update(
        family=CANARY,
        given=CANARY,
        phone=CANARY,
        email=f"{CANARY}@x.example",
        allergies=CANARY,
        anticoagulant=CANARY,
        source_key=CANARY,
    )
    models.User.objects.update(display_name=CANARY)
    models.Course.objects.update(complaint=CANARY)
    models.Session.objects.update(note=CANARY, written=CANARY)
    models.Decision.objects.update(reason=CANARY)
    models.AdverseEvent.objects.update(what_happened=CANARY, what_was_done=CANARY)
    models.InvoiceLine.objects.update(text=CANARY)
    models.LedgerEntry.objects.update(reason=CANARY)
    loaded.refresh_from_db()
    return loaded


@pytest.mark.alike
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_no_name_number_note_or_true_date_is_anywhere_in_it(
    clinic: models.Clinic, tmp_path: Path, form: str
) -> None:
    with time_machine.travel(NOON):
        made = export_research(None, clinic, tmp_path / "out", form)
    said = everything_in(tmp_path / "out")
    assert made.courses > 20
    assert CANARY.encode() not in said
    days = re.findall(rb"\d{4}-\d\d-\d\d|datetime\.date\(\d+, \d+, \d+\)", said)
    assert len(days) >= made.courses
    assert all(re.match(rb"200\d-|datetime.date\(20(0\d|10), ", day) for day in days)
    assert b"2026" not in b"".join(days) and b"Q4" not in said
    for born in models.Patient.objects.values_list("born_on", flat=True):
        assert str(born).encode() not in said


@pytest.mark.alike
def test_it_cannot_be_laid_beside_the_registry_or_another_cut(
    clinic: models.Clinic, tmp_path: Path
) -> None:
    with time_machine.travel(NOON):
        for name in ("one", "two"):
            export_research(None, clinic, tmp_path / name, "parquet")
        registry_action.refresh(tmp_path / "registry", tmp_path / "private")
    import pyarrow.parquet as pq

    numbers = [
        {*t["course"].to_pylist(), *t["patient"].to_pylist(), *t["clinician"].to_pylist()} - {None}
        for t in (pq.read_table(tmp_path / name / "courses.parquet") for name in ("one", "two"))
    ]
    registry = read_table(tmp_path / "registry", "courses")
    known = {*registry["course"].to_pylist(), *registry["clinician"].to_pylist()}
    keys = {*models.Course.objects.values_list("pk", flat=True)}
    assert not numbers[0] & numbers[1] and not (numbers[0] | numbers[1]) & (known | keys)


@pytest.mark.alike
def test_the_manifest_says_what_was_hidden_and_no_count_below_the_threshold(
    clinic: models.Clinic, tmp_path: Path
) -> None:
    with time_machine.travel(NOON):
        export_research(None, clinic, tmp_path / "out", "csv")
    told = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert told["k"] == 11 and told["quasi_identifiers"][0] == "age_band"
    counts = [
        *told["courses_made_coarser"].values(),
        *told["rare_values_hidden"].values(),
        told["courses_left_out_in_small_groups"],
        told["patients_taken_apart"],
    ]
    assert told["courses_made_coarser"]["clinician hidden"] != "0"
    assert all(n in ("0", "1 to 10") or int(n) >= 11 for n in counts)
    assert len(told["not_protected_against"]) == 4


@pytest.mark.alike
def test_a_withdrawn_course_is_not_in_it(clinic: models.Clinic, tmp_path: Path) -> None:
    user = models.User.objects.filter(clinic=clinic).latest("pk")
    with time_machine.travel(NOON):
        before = export_research(None, clinic, tmp_path / "one", "csv").courses
        for course in models.Course.objects.order_by("pk")[:3]:
            registry_action.withdraw(user, course.pk, "asked")
        after = export_research(None, clinic, tmp_path / "two", "csv").courses
    assert after <= before - 3


@pytest.mark.alike
def test_a_clinic_with_too_few_patients_gives_nothing(
    loaded: models.Clinic, db: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = models.Clinic.objects.create(name="Small", phone="1")
    for n in range(10):
        patient = models.Patient.objects.create(clinic=small, number=n, family="F", given="G")
        models.Course.objects.create(
            patient=patient, condition="low_back", side="left", opened_on=date(2026, 9, 1)
        )
    with pytest.raises(Refused, match="No group of 11 patients is alike"):
        export_research(None, small, tmp_path / "out", "csv")
    assert main(["export", str(tmp_path / "o.zip"), "--research", "--clinic", "Small"]) == 1
    assert "Nothing was written." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
