"""A backup is sealed, read again, and fills an empty installation on either database."""

import gzip
import io
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from hypothesis import given
from hypothesis import strategies as st

from enthesis.clinic import (
    archive,
    audit,
    backup,
    image_files,
    models,
    move,
    sealing,
    secret,
    trail,
)
from enthesis.commands import backup as backup_command
from enthesis.commands import restore as restore_command
from tests.clinic.files import pdf, png

KEY = bytes(range(32))
SIGNING = "".join(f"{n:x}" for n in range(60))
SPOOL = tempfile.SpooledTemporaryFile


def sealed(data: bytes, key: bytes = KEY) -> bytes:
    out = io.BytesIO()
    seal = sealing.Sealed(out, key)
    seal.write(data)
    seal.close()
    return out.getvalue()


def opened(data: bytes, key: bytes = KEY) -> bytes:
    return b"".join(sealing.opened(io.BytesIO(data), key))


@pytest.mark.alike
@given(st.integers(0, 40), st.data())
def test_what_was_sealed_is_opened_and_no_byte_can_be_changed(size: int, data: Any) -> None:
    small = pytest.MonkeyPatch()
    small.setattr(sealing, "PIECE", 8)
    try:
        told = bytes(range(size))
        whole = sealed(told)
        assert opened(whole) == told
        assert told not in whole or size < 2
        at = data.draw(st.integers(0, len(whole) - 1))
        changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        with pytest.raises(sealing.SealError):
            opened(changed)
        with pytest.raises(sealing.SealError):
            opened(whole[:at])
    finally:
        small.undo()


@pytest.mark.alike
def test_pieces_cannot_be_swapped_and_another_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "PIECE", 8)
    whole, head, piece = sealed(bytes(24)), len(sealing.MAGIC) + 15, 8 + 16
    first, second = whole[head : head + piece], whole[head + piece : head + 2 * piece]
    with pytest.raises(sealing.SealError, match="changed or cut off"):
        opened(whole[:head] + second + first + whole[head + 2 * piece :])
    with pytest.raises(sealing.SealError, match="another key"):
        opened(whole, bytes(32))
    with pytest.raises(sealing.SealError, match="no sealed file"):
        opened(b"PK\x03\x04")


@pytest.mark.alike
def test_of_many_backups_the_days_and_the_months_are_kept(tmp_path: Path) -> None:
    for month in range(1, 13):
        for day in (3, 17):
            for hour in (1, 13):
                (tmp_path / f"2025{month:02}{day:02}T{hour:02}0000Z.enthesis").touch()
    (tmp_path / "notes.txt").touch()
    # A clock that was wrong once: more days than are kept, all after today.
    ahead = [tmp_path / f"209901{day:02}T010000Z.enthesis" for day in range(1, 6)]
    for one in ahead:
        one.touch()
    backup.rotate(tmp_path, days=3, months=2, now=datetime(2025, 12, 17, 14, tzinfo=UTC))
    assert [one.file for one in backup.kept(tmp_path)[-5:]] == ahead
    for one in ahead:
        one.unlink()
    assert [one.made_at for one in backup.kept(tmp_path)] == [
        datetime(2025, 11, 17, 13, tzinfo=UTC),
        datetime(2025, 12, 3, 13, tzinfo=UTC),
        datetime(2025, 12, 17, 1, tzinfo=UTC),
        datetime(2025, 12, 17, 13, tzinfo=UTC),
    ]
    assert (tmp_path / "notes.txt").exists()
    backup.rotate(tmp_path, days=1, months=0, now=datetime(2025, 12, 19, tzinfo=UTC))
    assert [one.made_at.day for one in backup.kept(tmp_path)] == [17, 17], "no month, one day"


@pytest.fixture
def filled(
    clinician: models.User, make_course: Callable[..., models.Course], settings: Any
) -> models.Course:
    """A clinic with a course, an odd name, a picture, and the files beside the database."""
    course = make_course()
    models.Patient.objects.create(
        clinic=course.patient.clinic, number=7, family="O'Brien -- ﬁ 🦴", given="=1+1"
    )
    (Path(settings.DATA) / "secret_key").write_text(SIGNING)
    image_files.keep(png())
    models.Consent.objects.create(
        course=course, fact="signed", name="M", pdf=pdf(), pdf_sha256="0" * 64
    )
    with transaction.atomic():
        audit.record(clinician, "tested", course)
    return course


# What the restored machine holds: the hash of each table, what is wrong with the trails against
# the anchors that came along, and a signed paper.
LOOK = """
import json
from io import BytesIO
from pathlib import Path
from enthesis.clinic import archive, models, trail
tables = archive.write(BytesIO(), Path("none"))["tables"]
anchors = trail.read_anchors(trail.anchors_file())
assert anchors
paper = bytes(models.Consent.objects.get().pdf).hex()
print(json.dumps([{n: t["sha256"] for n, t in tables.items()}, trail.problems(anchors), paper]))
"""


@contextmanager
def others_writing(course: models.Course) -> Iterator[None]:
    """Somebody goes on writing meanwhile, each time with its audit."""
    stop = threading.Event()

    def write() -> None:
        try:
            while not stop.is_set():
                with transaction.atomic():
                    row = models.Weight.objects.create(
                        patient=course.patient, kg=68, measured_on=course.opened_on
                    )
                    audit.record(course.clinician, "add_weight", row)
        finally:
            connection.close()

    threads = [threading.Thread(target=write) for _ in range(2)]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        stop.set()
        for one in threads:
            one.join()
    assert models.Weight.objects.count() > 1


def restored_elsewhere(file: Path, key: Path, data: Path) -> str:
    """In a process of its own, as on a machine that has nothing; what it says."""
    return elsewhere(data, "restore", file, "--key", key)


def elsewhere(data: Path, *arguments: Any) -> str:
    """What a command says of another machine's data."""
    told = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "enthesis.cli", *arguments],
        env={**told, "ENTHESIS_DATA": str(data)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.django_db(transaction=True)
def test_a_backup_fills_an_empty_machine_with_the_same_rows(
    filled: models.Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the other database: its process goes through every migration, which takes a while."""
    if connection.vendor == "sqlite" and "ENTHESIS_EVERY" not in os.environ:
        pytest.skip("in the run on PostgreSQL, from there into SQLite")
    with others_writing(filled):
        assert backup_command.backup(tmp_path / "safe", False) == 0
    assert "read again and whole" in capsys.readouterr().out
    (one,) = backup.kept(tmp_path / "safe")
    data, spoilt, wrong = tmp_path / "machine", tmp_path / "spoilt", tmp_path / "wrong"
    whole = one.file.read_bytes()
    spoilt.write_bytes(whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:])
    wrong.write_text("ab" * 32)
    for file, key in ((spoilt, backup.key_file()), (one.file, wrong)):
        assert "Nothing was restored" in restored_elsewhere(file, key, data)
    assert not (data / "enthesis.sqlite3").exists()
    said = restored_elsewhere(one.file, backup.key_file(), data)
    assert "Restored into" in said
    assert sealing.read_key(data / "backup_key") == sealing.read_key(backup.key_file())
    there = sqlite3.connect(data / "enthesis.sqlite3")
    assert there.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with backup.unpacked(one.file, sealing.read_key(backup.key_file()), tmp_path) as (_, told):
        tables = told["tables"]
    for kind in archive.kinds_of(apps):
        (count,) = there.execute(f"SELECT count(*) FROM {kind._meta.db_table}").fetchone()  # noqa: S608
        assert count == tables[kind._meta.model_name]["rows"], kind
    names = there.execute("SELECT family, given FROM clinic_patient WHERE number = 7").fetchone()
    assert names == ("O'Brien -- ﬁ 🦴", "=1+1")
    with pytest.raises(sqlite3.IntegrityError, match="never changed"):
        there.execute("DELETE FROM clinic_auditevent")
    there.close()
    seen = elsewhere(data, "manage", "shell", "-c", LOOK)
    assert json.loads(seen.splitlines()[-1]) == [
        {name: table["sha256"] for name, table in tables.items()},
        [],
        pdf().hex(),
    ]
    assert (data / "secret_key").read_text() == SIGNING
    assert [f.name for f in (data / "images").iterdir()] == [
        f.name for f in image_files.folder().iterdir()
    ]
    again = restored_elsewhere(one.file, backup.key_file(), data)
    assert "is in use already: audit-anchors.jsonl, enthesis.sqlite3" in again
    assert not [one for one in data.iterdir() if "restoring" in one.name or "unpacked" in one.name]


@pytest.mark.django_db(transaction=True)
def test_a_restored_archive_written_again_is_the_same_table_by_table(
    filled: models.Course, tmp_path: Path, settings: Any
) -> None:
    first = io.BytesIO()
    before = archive.write(first, Path(settings.DATA))
    again = tmp_path / "again"
    again.mkdir()
    first.seek(0)
    manifest = archive.unpack(first, again)
    tables = [kind._meta.db_table for kind in archive.kinds_of(apps)]
    connection.ops.execute_sql_flush(
        connection.ops.sql_flush(no_style(), tables, allow_cascade=True)
    )

    def full() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        archive.load(again, manifest, full)
    assert not models.Clinic.objects.exists(), "so that it can be begun again"
    events = again / "rows" / "auditevent.ndjson"
    kept = events.read_text()
    events.write_text(kept.replace('"tested"', '"tasted"'))
    with pytest.raises(archive.ArchiveError, match="trails are not whole"):
        archive.load(again, manifest)
    assert not models.Clinic.objects.exists(), "verified before it counts"
    events.write_text(kept)
    assert archive.load(again, manifest) == sum(t["rows"] for t in before["tables"].values())
    assert archive.write(io.BytesIO(), Path(settings.DATA))["tables"] == before["tables"]
    assert trail.problems() == []


@pytest.mark.django_db(transaction=True)
def test_a_move_whose_rows_came_out_different_is_refused(
    filled: models.Course, tmp_path: Path
) -> None:
    with (tmp_path / "archive").open("wb") as file:
        manifest = archive.write(file, tmp_path / "no files")
    move._refuse_different(manifest)
    manifest["tables"]["patient"]["sha256"] = "0" * 64
    with pytest.raises(
        archive.ArchiveError, match="came out different, so nothing was moved: patient"
    ):
        move._refuse_different(manifest)


def test_it_refuses_to_restore_over_a_clinic(filled: models.Course, tmp_path: Path) -> None:
    out = io.BytesIO()
    archive.write(out, tmp_path)
    out.seek(0)
    manifest = archive.unpack(out, tmp_path / "u")
    with pytest.raises(archive.ArchiveError, match="a clinic in this database already"):
        archive.load(tmp_path / "u", manifest)
    manifest["migration"] = "9999_of_tomorrow"
    with pytest.raises(archive.ArchiveError, match="newer Enthesis"):
        archive.load(tmp_path / "u", manifest)


@pytest.mark.parametrize(
    "left",
    [
        *("enthesis.sqlite3-wal", "enthesis.sqlite3-shm", "enthesis.sqlite3", "secret_key"),
        *("audit-anchors.jsonl", "images/0a", "questionnaires/ours.toml", "registry/cut.parquet"),
    ],
)
@pytest.mark.django_db
def test_nothing_is_restored_into_a_folder_that_another_clinic_left(
    left: str, settings: Any, tmp_path: Path
) -> None:
    """SQLite would play the log of the old database into the new one."""
    settings.DATA = data = tmp_path / "machine"
    file = backup.folder() / "20261127T020000Z.enthesis"
    for one in (backup.key_file(), file, data / ".profile"):
        one.parent.mkdir(parents=True, exist_ok=True)
        one.write_text("brought")
    (data / "lost+found").mkdir()
    (data / left).parent.mkdir(exist_ok=True)
    (data / left).write_text("of before")
    there = sorted(data.rglob("*"))
    with pytest.raises(archive.ArchiveError, match=f"in use already: .*{left.split('/')[0]}[,.]"):
        backup.restore(file, KEY, data)
    assert sorted(data.rglob("*")) == there and (data / left).read_text() == "of before"


def test_a_restore_that_was_killed_among_its_files_can_be_begun_again(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA = data = tmp_path / "machine"
    file = backup.folder() / "20261127T020000Z.enthesis"
    for one in (file, backup.key_file(), data / ".enthesis-unpacked-x" / "files" / "secret_key"):
        one.parent.mkdir(parents=True, exist_ok=True)
        one.write_text("x")
    into = tmp_path / "into"
    manifest = {"files": {"images/0a": "", "images/0b": "", "secret_key": ""}}
    for name in manifest["files"]:
        (into / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (into / "files" / name).write_text(name)

    def killed(source: Path, target: Path) -> None:
        target.write_text("half")
        if source.name == "0b":
            raise KeyboardInterrupt

    backup._refuse_used(data, file, None)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shutil, "copyfile", killed)
        backup._put(into, manifest, data)
    assert (data / "images" / "0b").read_text() == "half"
    backup._refuse_used(data, file, None)
    backup._put(into, manifest, data)
    assert (data / "images" / "0b").read_text() == "images/0b"
    # Of a backup in whose place another is restored, nothing is left.
    del manifest["files"]["images/0a"], manifest["files"]["secret_key"]
    backup._put(into, manifest, data)
    assert not (data / "images" / "0a").exists() and not (data / "secret_key").exists()
    (data / "images" / "0c").write_text("another's")
    with pytest.raises(archive.ArchiveError, match="in use already: images\\."):
        backup._refuse_used(data, file, None)


def test_a_restored_clinic_goes_on_with_the_key_of_its_backup_or_is_told(tmp_path: Path) -> None:
    mine, theirs = bytes(32), bytes([1]) * 32
    assert "the same key" in restore_command.key_kept(tmp_path / "key", mine)
    assert sealing.read_key(tmp_path / "key") == mine
    assert "another key" in restore_command.key_kept(tmp_path / "key", theirs)
    assert sealing.read_key(tmp_path / "key") == mine
    assert "could not be kept" in restore_command.key_kept(tmp_path / "none" / "key", mine)


def test_a_release_that_is_older_than_the_database_makes_no_backup_of_it(
    db: None, tmp_path: Path
) -> None:
    """It knows nothing of the tables and columns that it would leave out."""
    MigrationRecorder.Migration.objects.create(app="clinic", name="0999_of_tomorrow")
    with pytest.raises(archive.ArchiveError, match="which alone knows 0999_of_tomorrow"):
        backup.make(tmp_path)
    assert backup.kept(tmp_path) == []


@pytest.mark.parametrize("name", ["files/../../x", "files/../x", "/x", "../x"])
def test_an_archive_that_leads_out_of_its_folder_is_refused(name: str, tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w|gz") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    out.seek(0)
    with pytest.raises(archive.ArchiveError, match="which is not ours"):
        archive.unpack(out, tmp_path / "u")


@pytest.mark.django_db(transaction=True)
def test_a_changed_archive_is_refused_by_the_name_of_what_was_changed(
    filled: models.Course, tmp_path: Path
) -> None:
    out = io.BytesIO()
    archive.write(out, tmp_path)
    whole = gzip.decompress(out.getvalue())
    at = whole.index(b"O'Brien")
    changed = gzip.compress(whole[:at] + b"P" + whole[at + 1 :])
    with pytest.raises(archive.ArchiveError, match=r"rows/patient\.ndjson is not as it was"):
        archive.unpack(io.BytesIO(changed), tmp_path / "u")
    with pytest.raises(archive.ArchiveError, match=r"rows/patient\.ndjson is not as it was"):
        archive.verify(io.BytesIO(changed))
    for read in (lambda source: archive.unpack(source, tmp_path / "v"), archive.verify):
        with pytest.raises(archive.ArchiveError, match="no whole archive"):
            read(io.BytesIO(out.getvalue()[:-500]))
    followed = io.BytesIO(out.getvalue() + bytes(100_000))
    archive.verify(followed)
    assert followed.read() == b"", "the seal of the end is looked at too"


@pytest.mark.django_db(transaction=True)
def test_what_was_killed_long_ago_leaves_no_record_unsealed(filled: models.Course) -> None:
    where = backup.folder()
    left = [where / f"a{backup.SUFFIX}.7.new", image_files.folder() / "a.new"]
    left += [Path(settings.DATA) / "export-a", where / "a.new"]
    where.mkdir(parents=True)
    for one in left:
        one.write_text("Lindqvist")
    backup.make(where)
    assert all(one.exists() for one in left), "another process may be at it"
    for one in left:
        os.utime(one, (1_000_000_000, 1_000_000_000))
    backup.make(where)
    assert [one.exists() for one in left] == [False, False, False, True]


@pytest.mark.django_db(transaction=True)
def test_what_lies_unpacked_goes_however_young_unless_somebody_works_with_it(
    filled: models.Course,
) -> None:
    where, data = backup.folder(), Path(settings.DATA)
    by_older_releases, by_a_kill = where / f"{backup.UNPACKED}x", data / f"{backup.UNPACKED}y"
    for one in (by_older_releases, by_a_kill):
        (one / "rows").mkdir(parents=True)
    backup.make(where)
    assert not by_older_releases.exists() and not by_a_kill.exists()
    with backup.unpacking(data) as into:
        assert stat.S_IMODE(into.stat().st_mode) == 0o700
        with pytest.raises(archive.ArchiveError, match="at work"), backup.unpacking(data):
            pass
        backup.make_if_due(datetime.now(UTC))
        assert into.exists()


@pytest.mark.django_db(transaction=True)
def test_a_backup_is_made_and_checked_without_a_record_written_unsealed(
    filled: models.Course,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Neither among the backups nor in the temporary folder of the machine."""
    spools: list[Any] = []

    def spool(*args: Any, **kwargs: Any) -> Any:
        spools.append(kwargs.get("dir"))
        return SPOOL(*args, **kwargs)

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a folder to unpack into")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", spool)
    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    made, _ = backup.make(tmp_path / "safe")
    assert restore_command.restore(made.file, backup.key_file(), tmp_path, only_check=True) == 0
    assert "Whole" in capsys.readouterr().out
    assert set(spools) == {str(settings.DATA)}
    assert [one.name for one in (tmp_path / "safe").iterdir()] == [made.file.name]


@pytest.mark.django_db(transaction=True)
def test_a_signing_key_that_is_not_in_use_is_not_backed_up(
    filled: models.Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "secret_key" in archive.write(io.BytesIO(), Path(settings.DATA))["files"]
    monkeypatch.setenv("ENTHESIS_SECRET_KEY", SIGNING)
    assert "secret_key" not in archive.write(io.BytesIO(), Path(settings.DATA))["files"]
    secret.keep_key(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_the_days_backup_is_made_once(filled: models.Course) -> None:
    now = datetime.now(UTC)
    backup.folder().mkdir()
    (backup.folder() / "20990101T000000Z.enthesis").touch()
    assert backup.make_if_due(now) is not None, "whatever a clock once said"
    assert backup.make_if_due(now) is None
