"""A disk that is really full, one that turned read-only, and a database that is locked: the real
server says so with 503, nothing is half-written, and it goes on by itself when it can."""

import argparse
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.urls import get_resolver

from enthesis.clinic import backup, models
from enthesis.commands import backup as backup_command
from enthesis.commands import export as export_command
from tests.clinic_fixtures import *  # noqa: F403
from tests.server_kills import Server, check_sqlite, synced
from tests.writers import KINDS, Answer, Browser, Desk, Write, found, send

MEGABYTES = 24
TO_STAFF = "disk of the clinic&#x27;s computer is full or cannot be written to"
TO_PATIENT = "This page cannot answer just now"


pytestmark = pytest.mark.skipif("DATABASE_URL" in os.environ, reason="it has a disk of its own")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with the tests' empty database on it."""
    image, disk = tmp_path / "image", tmp_path / "disk"
    disk.mkdir()
    with image.open("wb") as file:
        file.truncate(MEGABYTES << 20)
    try:
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, disk], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs to mount a file as a disk: {error}")
    try:
        yield disk
    finally:
        connection.close()
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture
def desk(disk: Path, settings: Any, transactional_db: None) -> Iterator[Desk]:
    """A clinic in a database on that disk, where commits wait for it. For the lock of another
    nobody waits long."""
    told = connection.settings_dict
    before, options = told["NAME"], told["OPTIONS"]
    connection.close()
    with sqlite3.connect(before) as ours, sqlite3.connect(disk / "enthesis.sqlite3") as theirs:
        ours.backup(theirs)
    ours.close()
    theirs.close()
    told["NAME"], told["OPTIONS"] = (
        str(disk / "enthesis.sqlite3"),
        synced(options) | {"timeout": 0.3},
    )
    settings.DATA = disk
    _ = get_resolver().url_patterns
    try:
        yield Desk()
    finally:
        connection.close()
        told["NAME"], told["OPTIONS"] = before, options


@contextmanager
def serving(log: Path) -> Iterator[Server]:
    server = Server(log)
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def held(disk: Path) -> Iterator[None]:
    """Somebody else holds the database."""
    other = sqlite3.connect(disk / "enthesis.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


def every_write(desk: Desk) -> list[Write]:
    """One of each kind."""
    return [make(desk) for make, *_ in KINDS.values()]


def sent(desk: Desk, server: Server, writes: list[Write]) -> list[Answer]:
    return [send(desk.browser(server.port, write), write) for write in writes]


def assert_refused(desk: Desk, server: Server, writes: list[Write], words: str) -> None:
    for write, answer in zip(writes, sent(desk, server, writes), strict=True):
        assert answer.status == 503, (write.kind, answer.body)
        assert (TO_PATIENT if write.kind == "answer" else words) in answer.body
        assert answer.headers["Retry-After"] == "60"


def assert_done(desk: Desk, server: Server, writes: list[Write]) -> None:
    assert [one.status for one in sent(desk, server, writes)] == [302] * len(writes)
    assert [found(write) for write in writes] == [(1, 1)] * len(writes)


def fill(disk: Path) -> Path:
    """Take every block; what must be deleted to make room again."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return ballast


def test_locked_or_on_a_full_disk_every_write_is_refused_whole_until_it_can_be_done(
    desk: Desk, disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert backup_command.backup(None, False) == 0
    (good,) = backup.kept(backup.folder())
    writes = every_write(desk)
    with serving(tmp_path / "log") as server:
        with held(disk):
            assert_refused(desk, server, writes, "The database is busy")
            assert Browser(server.port, desk.session).get("/evidence/").status == 200
        assert [found(write) for write in writes] == [(0, 0)] * len(writes)

        ballast = fill(disk)
        assert_refused(desk, server, writes, TO_STAFF)
        assert [found(write) for write in writes] == [(0, 0)] * len(writes)
        assert list((disk / "images").glob("*.new")) == []

        seen = Browser(server.port, desk.session)
        assert seen.get("/evidence/").status == 200, (
            "where no patient is shown, staff go on reading"
        )
        assert Browser(server.port).get(f"/a/{writes[1].key}/").status == 200
        unseen = seen.get(f"/patients/{models.Patient.objects.first().pk}/")
        assert unseen.status == 503 and TO_STAFF in unseen.body, "not written down, so not shown"

        assert backup_command.backup(None, False) == 1
        assert "No backup was made" in capsys.readouterr().err
        assert [one.file for one in backup.kept(backup.folder())] == [good.file]
        told = argparse.Namespace(target=disk / "all", format="csv", clinic=None, research=False)
        assert export_command.run(told) == 1
        assert "was not written" in capsys.readouterr().err
        assert {one.name for one in disk.iterdir() if "all" in one.name} == {"ballast"}

        ballast.unlink()
        assert_done(desk, server, writes)
        assert check_sqlite() == []
        assert backup_command.backup(None, False) == 0


@pytest.mark.skipif("ENTHESIS_EVERY" not in os.environ, reason="takes two servers")
def test_a_disk_that_turned_read_only_is_said_and_lost_nothing(
    desk: Desk, disk: Path, tmp_path: Path
) -> None:
    with serving(tmp_path / "log") as server:
        assert_done(desk, server, done := every_write(desk))
        writes = every_write(desk)
        subprocess.run(["mount", "-o", "remount,abort", disk], check=True)
        assert_refused(desk, server, writes, TO_STAFF)
    subprocess.run(["umount", "--lazy", disk], check=True)
    shutil.copyfile(tmp_path / "image", tmp_path / "copy")
    subprocess.run(["e2fsck", "-p", tmp_path / "copy"], check=False, capture_output=True)
    subprocess.run(["mount", "-o", "loop", tmp_path / "copy", disk], check=True)
    with serving(tmp_path / "log") as server:
        assert [found(write) for write in done] == [(1, 1)] * len(done)
        assert [found(write) for write in writes] == [(0, 0)] * len(writes)
        assert_done(desk, server, writes)
        assert check_sqlite() == []
