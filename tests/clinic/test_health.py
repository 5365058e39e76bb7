"""`enthesis check`, the page Health and `/health`: what is unsafe, and what to do about it."""

import os
import shutil
import sqlite3
from collections import namedtuple
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from enthesis.clinic import backup, health, models, trail
from enthesis.clinic.health import Level
from enthesis.commands.check import check
from tests.clinic.test_trail import settle
from tests.conftest import SHIPPED

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def sound(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation in which nothing is unsafe: each test breaks one thing."""
    tmp_path.chmod(0o700)
    settings.SECRET_KEY_FILE = tmp_path / "secret_key"
    settings.SECOND_FACTOR = True
    for name in ("secret_key", "backup_key"):
        (tmp_path / name).write_text("k" * 64)
        (tmp_path / name).chmod(0o600)
    folder = tmp_path / "backups"
    folder.mkdir(mode=0o700)
    (folder / f"{timezone.now():%Y%m%dT%H%M%SZ}.enthesis").write_bytes(b"sealed")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    # No database of the tests syncs anything, which is unsafe indeed (see below).
    monkeypatch.setattr(health, "_syncs", lambda ask: True)
    return tmp_path


SYNCS = health._syncs


def test_a_database_that_does_not_wait_for_the_disk_is_unsafe(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_syncs", SYNCS)
    assert "may be lost" in said(Level.UNSAFE, "database")[0]


@pytest.mark.alike
def test_sqlite_as_it_ships_waits_for_the_disk(tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PRAGMA is SQLite's own")
    with closing(sqlite3.connect(tmp_path / "clinic.sqlite3")) as shipped:
        shipped.executescript(SHIPPED)
        assert SYNCS(lambda question: shipped.execute(question).fetchone()[0])
        shipped.execute("PRAGMA synchronous=NORMAL")
        assert not SYNCS(lambda question: shipped.execute(question).fetchone()[0])


def said(level: Level, about: str) -> list[str]:
    return [
        f"{one.text} {one.mend}".strip()
        for one in health.findings(timezone.now())
        if (one.level, one.about) == (level, about)
    ]


def unsafe() -> list[str]:
    return [one.about for one in health.findings(timezone.now()) if one.level is Level.UNSAFE]


def test_a_sound_installation_passes_and_says_what_only_people_can_know(
    clinic: models.Clinic, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check() == 0
    out = capsys.readouterr().out
    assert "Nothing unsafe was found." in out
    assert "note    backup key: Nobody can see from here" in out
    assert "Read from end to end: whole" in out or connection.vendor != "sqlite"


def test_every_finding_is_one_line_and_the_status_is_1(
    clinic: models.Clinic, sound: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound.chmod(0o755)
    assert check() == 1
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first == (
        f"unsafe  files: Others on this machine may read {sound}. -> chmod 700 {sound}"
    )
    assert last == "1 unsafe."


def test_a_key_that_others_can_read_is_unsafe(db: None, sound: Path) -> None:
    (sound / "backup_key").chmod(0o644)
    assert said(Level.UNSAFE, "files") == [
        f"Others on this machine may read {sound / 'backup_key'}. chmod 600 {sound / 'backup_key'}"
    ]


def test_a_missing_signing_key_is_unsafe(db: None, sound: Path) -> None:
    (sound / "secret_key").unlink()
    assert "each start would end all links" in said(Level.UNSAFE, "signing key")[0]


def test_a_signing_key_that_no_backup_holds_is_told(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said(Level.NOTE, "signing key") == []
    monkeypatch.setenv("ENTHESIS_SECRET_KEY", "k" * 64)
    assert "is in no backup" in said(Level.NOTE, "signing key")[0]


def test_an_account_that_may_do_everything_is_unsafe(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert unsafe() == ["account"]


@pytest.mark.parametrize(("free", "level"), [(10**6, Level.UNSAFE), (10**9, Level.CARE)])
def test_a_disk_that_fills_up_is_told_and_at_last_unsafe(
    db: None, monkeypatch: pytest.MonkeyPatch, free: int, level: Level
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 10**12 - free, free))
    assert len(said(level, "disk")) == 2
    assert health.is_well() is (level is not Level.UNSAFE)


def test_no_backup_and_an_old_backup_are_unsafe(db: None, sound: Path) -> None:
    (one,) = backup.kept(backup.folder())
    one.file.rename(one.file.with_name("20261101T000000Z.enthesis"))
    assert "days old" in said(Level.UNSAFE, "backup")[0]
    shutil.rmtree(sound / "backups")
    assert "There is none" in said(Level.UNSAFE, "backup")[0]


def test_a_backup_of_a_day_to_come_is_told_and_counts_for_none(db: None, sound: Path) -> None:
    (one,) = backup.kept(backup.folder())
    one.file.rename(one.file.with_name("20990101T000000Z.enthesis"))
    (told, *_) = said(Level.CARE, "backup")
    assert "20990101T000000Z.enthesis" in told and "timedatectl" in told
    assert "There is none" in said(Level.UNSAFE, "backup")[0]


def test_a_key_among_its_backups_is_unsafe(db: None, settings: Any, sound: Path) -> None:
    settings.BACKUP_KEY = str(sound / "backups" / "key")
    assert "can open them" in said(Level.UNSAFE, "backup key")[0]


def test_of_a_damaged_database_the_whole_folder_is_moved_away(db: None) -> None:
    """A log that stayed behind would be played into the restored one."""
    if connection.vendor != "sqlite":
        pytest.skip("PRAGMA is SQLite's own")

    def damaged(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        return execute("SELECT 'row 3 missing'" if "quick_check" in sql else sql, *rest)

    with connection.execute_wrapper(damaged):
        (found,) = [
            o for o in health.findings(timezone.now(), deep=True) if "is damaged:" in o.text
        ]
    assert found.level is Level.UNSAFE and "move the whole data folder away" in found.mend


def test_backups_on_the_same_disk_are_told_but_do_not_fail(db: None) -> None:
    assert "one broken disk takes both" in said(Level.CARE, "backup")[0]
    assert unsafe() == []


def test_a_clock_that_went_back_is_unsafe(clinic: models.Clinic) -> None:
    models.AuditEvent.objects.create(
        clinic=clinic, actor="x", action="x", record="x", at=timezone.now() + timedelta(days=2)
    )
    assert "ahead of the clock" in said(Level.UNSAFE, "clock")[0]


def test_heads_that_were_never_noted_are_told(clinic: models.Clinic) -> None:
    models.AuditEvent.objects.create(clinic=clinic, actor="x", action="x", record="x")
    settle()
    assert "never noted" in said(Level.CARE, "audit trail")[0]
    trail.anchor(trail.anchors_file())
    assert said(Level.CARE, "audit trail") == []


def test_messages_that_are_wanted_and_cannot_go_out_are_unsafe(clinic: models.Clinic) -> None:
    clinic.reminders_on = True
    clinic.save()
    assert "none can be" in said(Level.UNSAFE, "mail")[0]


def test_a_card_gateway_without_its_keys_is_unsafe(db: None, settings: Any) -> None:
    settings.CARD = "stripe"
    assert said(Level.UNSAFE, "cards")


def test_an_invented_clinic_that_is_reached_from_outside_is_unsafe(
    clinic: models.Clinic, settings: Any
) -> None:
    clinic.invented = True
    clinic.save()
    assert said(Level.UNSAFE, "demonstration") == []
    settings.HTTPS = True
    assert "everybody knows its passwords" in said(Level.UNSAFE, "demonstration")[0]


def test_an_address_without_tls_is_unsafe(db: None, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["clinic.example"]
    settings.PUBLIC_ADDRESS = "http://clinic.example"
    assert "not encrypted" in said(Level.UNSAFE, "network")[0]
    assert "X-Forwarded-Proto" in said(Level.NOTE, "network")[0]


def test_a_password_alone_is_unsafe_where_it_is_asked_from_outside(db: None, settings: Any) -> None:
    settings.SECOND_FACTOR, settings.ALLOWED_HOSTS = False, ["localhost"]
    assert said(Level.UNSAFE, "network") == []
    settings.ALLOWED_HOSTS = ["clinic.example"]
    assert "password alone" in said(Level.UNSAFE, "network")[0]
    settings.SECOND_FACTOR = True
    assert said(Level.UNSAFE, "network") == []


def test_tables_that_wait_for_a_change_are_unsafe(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "pending", lambda: ["clinic.0099_next"])
    assert "clinic.0099_next" in said(Level.UNSAFE, "tables")[0]


def test_versions_that_get_no_fixes_any_more_are_unsafe() -> None:
    late = health._versions(datetime(2040, 1, 1, tzinfo=UTC))
    assert [one.level for one in late].count(Level.UNSAFE) >= 1


def test_the_page_says_the_same_and_only_of_ones_own_messages(
    admin: models.User, client_for: Callable[[models.User], Client], sound: Path
) -> None:
    sound.chmod(0o755)
    page = client_for(admin).get("/settings/health/").content.decode()
    assert "1 unsafe" in page and f"chmod 700 {sound}" in page
    assert "0 wait, 0 could not be delivered" in page


def test_a_monitor_is_told_one_word(db: None, client: Client) -> None:
    assert (client.get("/health").status_code, client.get("/health").content) == (200, b"ok\n")
    assert client.post("/health").status_code == 405

    def away() -> None:
        raise OperationalError("could not connect to 10.0.0.5 as enthesis")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "cursor", away)
        answer = client.get("/health")
    assert (answer.status_code, answer.content) == (503, b"not ok\n")


def test_a_monitor_needs_no_tls(db: None, client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/health").status_code == 200
    assert client.get("/sign-in/").status_code == 301
