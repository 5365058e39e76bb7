"""The whole clinic as files: nothing forgotten, nothing of others, no secrets, read back."""

import csv
import hashlib
import io
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from django.apps import apps
from django.db.models import Model
from pytest_django import DjangoDbBlocker

from enthesis.cli import main
from enthesis.clinic import image_files, models, tables
from enthesis.clinic.actions import export
from enthesis.clinic.package import Taken, package
from enthesis.exchange.cells import uncell
from tests.clinic.files import png
from tests.clinic.invented import load, loaded_once
from tests.unit.exchange.test_cells import NAUGHTY

NOT_SECRET = re.compile(
    r"(source|request|lot)_key$|^key$|sha256$|^(code|pdf|payment)$|^message_id$|^token_free$"
    r"|^must_change_password$"
)
CANARY = "canary-7f31"


@pytest.fixture(scope="module")
def loaded(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[models.Clinic]:
    with loaded_once(django_db_blocker, lambda: load(patients=10)) as clinic:
        yield clinic


@pytest.fixture
def clinic(loaded: models.Clinic, db: None) -> models.Clinic:
    """An invented clinic with naughty notes, an image, a signed paper and an answered question;
    next door one whose every text is a canary."""
    course = models.Course.objects.filter(patient__clinic=loaded).latest("pk")
    user = models.User.objects.filter(clinic=loaded).latest("pk")
    for text in NAUGHTY:
        models.CallAttempt.objects.create(course=course, outcome=text, by=user)
    session = models.Session.objects.filter(course__patient__clinic=loaded).latest("pk")
    image = png()
    models.SessionImage.objects.create(
        session=session,
        name="=1.png",
        content_type="image/png",
        size_bytes=len(image),
        sha256=image_files.keep(image),
        by=user,
    )
    models.Consent.objects.create(
        course=course,
        fact="signed",
        name="Ñandú, José",
        pdf=b"%PDF-1.4 signed",
        pdf_sha256=hashlib.sha256(b"%PDF-1.4 signed").hexdigest(),
        content={"b": [1, None, "–"], "a": "x"},
    )
    question = models.Enquiry.objects.create(
        clinic=loaded, language="en", question="How\r\nlong?", proof=f"proof-{CANARY}"
    )
    answer = models.Message.objects.create(
        enquiry=question,
        key="answer 1",
        ask="",
        occasion="answer",
        questionnaire="",
        due_on=date(2026, 11, 22),
        message_id="<1@x>",
        not_before=datetime(2026, 11, 22, tzinfo=UTC),
    )
    models.Attempt.objects.create(message=answer, way="mail")
    models.AnswerLink.objects.create(
        course=course,
        questionnaire="q",
        occasion="baseline",
        token_hash=f"token-{CANARY}",
        due_on=date(2026, 11, 22),
        expires_at=datetime(2026, 12, 22, tzinfo=UTC),
    )
    models.User.objects.filter(pk=user.pk).update(password=f"argon2-{CANARY}")
    next_door(CANARY)
    return loaded


def next_door(word: str) -> None:
    other = models.Clinic.objects.create(name=f"Next {word}", phone=word)
    user = models.User.objects.create(clinic=other, username=word, display_name=word)
    patient = models.Patient.objects.create(clinic=other, number=1, family=word, given=word)
    course = models.Course.objects.create(
        patient=patient, condition=word, side="left", opened_on=date(2026, 9, 1)
    )
    models.CallAttempt.objects.create(course=course, outcome=word, by=user)
    models.AuditEvent.objects.create(clinic=other, actor=word, action="x", record="x")
    question = models.Enquiry.objects.create(clinic=other, language="en", question=word, proof=word)
    models.EnquiryFact.objects.create(enquiry=question, fact="answered", answer=word)


def test_every_table_goes_out_or_somebody_said_why_not() -> None:
    for kind in apps.get_models(include_auto_created=True):
        label = kind._meta.label
        if label in tables.NOT_EXPORTED:
            assert len(tables.NOT_EXPORTED[label]) > 20
            continue
        assert kind is models.Clinic or kind in tables.TO_CLINIC, (
            f"{label} is new: say in permissions.TO_CLINIC how its clinic is found, or in "
            "tables.NOT_EXPORTED why it is never taken out."
        )
        assert all(column.meaning for column in tables.table_of(kind).columns)


def test_every_column_that_sounds_like_a_secret_is_withheld_or_known_not_to_be_one() -> None:
    for kind in tables.exported():
        for column in tables.columns_of(kind):
            sounds = re.search(r"passw|token|secret|hash|key|proof|sha|pin|code", column.name)
            assert not sounds or NOT_SECRET.search(column.name), f"{kind.__name__}.{column.name}"


def rows_in_database(clinic: models.Clinic, kind: type[Model]) -> list[dict[str, Any]]:
    """By way of whole objects, not by the way the export goes."""
    found = []
    for one in tables.rows_of(clinic, kind):
        row = {}
        for column in tables.columns_of(kind):
            value = getattr(one, column.attname)
            kind_of = next(
                c.kind for c in tables.table_of(kind).columns if c.name == column.attname
            )
            if kind_of == "json":
                value = json.dumps(value, ensure_ascii=False, sort_keys=True)
            if kind_of == "file":
                sha256 = getattr(one, f"{column.name}_sha256")
                value = f"files/{sha256}.pdf" if sha256 else None
            row[column.attname] = str(value) if column.name == "uid" else value
        found.append(row)
    return found


def read_csv(path: Path, kind: type[Model]) -> list[dict[str, Any]]:
    """By DuckDB, every column as text, then each turned back by what the dictionary says."""
    quoted = str(path).replace("'", "''")
    columns = tables.table_of(kind).columns
    told = ", ".join(f"'{column.name}': 'VARCHAR'" for column in columns)
    rows = duckdb.sql(
        f"SELECT * FROM read_csv('{quoted}', header=true, columns={{{told}}}, nullstr='', "  # noqa: S608
        "allow_quoted_nulls=false, auto_detect=false, delim=',', quote='\"', escape='\"', "
        "new_line='\\r\\n', strict_mode=false, parallel=false, max_line_size=100000000)"
    ).fetchall()
    back: dict[str, Callable[[str], Any]] = {
        "integer": int,
        "decimal": Decimal,
        "yes_no": lambda text: {"true": True, "false": False}[text],
        "date": date.fromisoformat,
        "time": lambda text: datetime.strptime(text, "%H:%M:%S").time(),  # noqa: DTZ007
        "moment": datetime.fromisoformat,
    }
    return [
        {
            column.name: None if value is None else back.get(column.kind, uncell)(value)
            for column, value in zip(columns, row, strict=True)
        }
        for row in rows
    ]


def test_csv_and_parquet_read_back_are_the_tables(clinic: models.Clinic, tmp_path: Path) -> None:
    folder = {form: tmp_path / form for form in ("csv", "parquet")}
    done = {form: export.export_clinic(None, clinic, folder[form], form) for form in folder}
    assert done["csv"].problems == ()
    filled = 0
    for kind in tables.exported():
        name = tables.name_of(kind)
        wanted = rows_in_database(clinic, kind)
        filled += bool(wanted)
        if kind is models.AuditEvent:
            # The second export wrote a row too.
            assert wanted[-1]["action"] == "export_clinic"
            assert len(read_csv(folder["csv"] / f"{name}.csv", kind)) == len(wanted) - 1
            continue
        assert read_csv(folder["csv"] / f"{name}.csv", kind) == wanted, name
        frame = pd.read_parquet(folder["parquet"] / f"{name}.parquet", dtype_backend="pyarrow")
        read = [
            {k: None if pd.isna(v) else v for k, v in row.items()}
            for row in frame.to_dict("records")
        ]
        assert read == wanted, name
    assert filled > 20


def test_the_python_csv_module_reads_every_naughty_string_back(
    clinic: models.Clinic, tmp_path: Path
) -> None:
    export.export_clinic(None, clinic, tmp_path / "out", "csv")
    text = (tmp_path / "out" / "call_attempt.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [uncell(row["outcome"]) for row in rows][-len(NAUGHTY) :] == NAUGHTY
    assert not any(row["outcome"].lstrip()[:1] in tuple("=+-@") for row in rows)


@pytest.mark.alike
def test_images_and_signed_papers_lie_beside_the_tables_by_their_hash(
    clinic: models.Clinic, tmp_path: Path
) -> None:
    done = export.export_clinic(None, clinic, tmp_path / "out", "csv")
    found = {path.name: path.read_bytes() for path in (tmp_path / "out" / "files").iterdir()}
    assert sorted(found.values()) == sorted([png(), b"%PDF-1.4 signed"])
    assert done.files == 2
    for name, data in found.items():
        assert name.partition(".")[0] == hashlib.sha256(data).hexdigest()
    check = subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"],
        cwd=tmp_path / "out",
        check=True,
        capture_output=True,
    )
    assert check.stdout == b""


@pytest.mark.alike
def test_a_missing_image_is_told_and_all_else_is_written(
    clinic: models.Clinic, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = models.SessionImage.objects.get()
    (image_files.folder() / image.sha256).write_bytes(b"other bytes")
    models.Consent.objects.update(pdf=b"forged")
    words = ["export", str(tmp_path / "out"), "--clinic", clinic.name]
    assert main(words) == 1
    told = capsys.readouterr()
    assert f"session_image {image.pk}: files/{image.sha256}.png is missing" in told.err
    assert "consent" in told.err and "was changed" in told.err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert len(manifest["missing_or_damaged"]) == 2
    assert not (tmp_path / "out" / "files").exists()


def everything_in(folder: Path) -> bytes:
    """All that any file says, Parquet read as text too."""
    parts = []
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            table = pq.read_table(path)
            parts += [repr(table.to_pylist()).encode(), repr(table.schema).encode()]
        elif path.is_file():
            parts.append(path.read_bytes())
    return b"\n".join(parts)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_nothing_of_the_clinic_next_door_and_no_secret_goes_out(
    clinic: models.Clinic, tmp_path: Path, form: str
) -> None:
    export.export_clinic(None, clinic, tmp_path / "out", form)
    said = everything_in(tmp_path / "out")
    assert CANARY.encode() not in said
    assert b"argon2" not in said
    # The way by which they would have been found: the clinic next door has them all.
    other = models.Clinic.objects.get(phone=CANARY)
    export.export_clinic(None, other, tmp_path / "other", form)
    assert everything_in(tmp_path / "other").count(CANARY.encode()) > 8


@pytest.mark.alike
def test_one_zip_holds_the_same_files(clinic: models.Clinic, tmp_path: Path) -> None:
    export.export_clinic(None, clinic, tmp_path / "out", "csv")
    export.export_clinic(None, clinic, tmp_path / "out.zip", "csv")
    folder = {str(p.relative_to(tmp_path / "out")): p for p in (tmp_path / "out").rglob("*")}
    with ZipFile(tmp_path / "out.zip") as zipped:
        assert zipped.testzip() is None
        names = {name for name, path in folder.items() if path.is_file()}
        assert set(zipped.namelist()) == names
        changed = {name for name in names if zipped.read(name) != folder[name].read_bytes()}
    assert changed == {"audit_event.csv", "manifest.json", "README.txt", "SHA256SUMS"}


@pytest.mark.alike
@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_an_export_that_breaks_off_leaves_nothing_but_its_audit_row(
    clinic: models.Clinic, tmp_path: Path, name: str
) -> None:
    def breaks(done: int, total: int) -> None:
        raise KeyboardInterrupt

    (tmp_path / "there").mkdir()
    with pytest.raises(KeyboardInterrupt):
        export.export_clinic(None, clinic, tmp_path / "there" / name, "csv", breaks)
    assert list((tmp_path / "there").iterdir()) == []
    event = models.AuditEvent.objects.get(action="export_clinic")
    assert (event.clinic, event.actor, event.detail) == (clinic, "command line", {"format": "csv"})


@pytest.mark.alike
def test_what_is_there_already_is_never_written_over(clinic: models.Clinic, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    (tmp_path / "out.zip").write_text("mine")
    for name in ("out", "out.zip"):
        with pytest.raises(Taken, match="is there already"):
            export.export_clinic(None, clinic, tmp_path / name, "csv")
    assert not models.AuditEvent.objects.filter(action="export_clinic").exists()


@pytest.mark.alike
def test_the_command_asks_which_of_several_clinics(
    clinic: models.Clinic, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(tmp_path / "out")]) == 1
    assert f"there is “{clinic.name}”; “Next {CANARY}”." in capsys.readouterr().err
    assert main(["export", str(tmp_path / "out"), "--clinic", clinic.name]) == 0
    assert "files of Harbour Clinic" in capsys.readouterr().out


@pytest.mark.alike
@pytest.mark.parametrize("name", ["all", "all.zip"])
def test_what_a_killed_export_left_goes_with_the_next_and_a_living_one_is_left_alone(
    tmp_path: Path, name: str
) -> None:
    target = tmp_path / name
    child = os.fork()
    if not child:
        try:
            with package(target) as into:
                into.write("patient.csv", b"Lindqvist")
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    assert len(list(tmp_path.iterdir())) == 1 and not target.exists()
    with package(target) as living:
        (own,) = tmp_path.iterdir()
        with package(target.with_name(name.replace("all", "other"))):
            pass
        with pytest.raises(OSError), package(target):
            assert own.exists()
            raise OSError
        living.write("patient.csv", b"Lindqvist")
    assert {one.name for one in tmp_path.iterdir()} == {name, name.replace("all", "other")}
