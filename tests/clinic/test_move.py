"""`enthesis move`: a small clinic goes from SQLite into PostgreSQL, whole or not at all."""

import csv
import hashlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from tests.clinic.files import png

pytestmark = pytest.mark.skipif(
    "ENTHESIS_EVERY" not in os.environ or "DATABASE_URL" not in os.environ,
    reason="takes half a minute and a PostgreSQL: ENTHESIS_EVERY=1 pytest -p tests.postgres",
)
OF_EXPORTING = {"audit_event.csv", "manifest.json", "README.txt", "SHA256SUMS"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The invented clinic, small, in SQLite, with a picture."""
    data = tmp_path_factory.mktemp("source")
    made = run(data, "demo", "--patients", "12")
    assert made.returncode == 0, made.stderr
    (data / "images").mkdir(exist_ok=True)
    (data / "images" / hashlib.sha256(png()).hexdigest()).write_bytes(png())
    assert run(data, "verify-audit").returncode == 0
    return data


@pytest.fixture
def target() -> Iterator[str]:
    """The address of an empty database on the tests' server."""
    host = parse_qs(urlsplit(os.environ["DATABASE_URL"]).query)["host"][0]
    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as server:
        server.execute("CREATE DATABASE moved")
        yield f"postgres://postgres@/moved?host={host}"
        server.execute("DROP DATABASE moved WITH (FORCE)")


def environment(data: Path, database: str = "") -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    return {**kept, "ENTHESIS_DATA": str(data), **({"DATABASE_URL": database} if database else {})}


def run(data: Path, *arguments: Any, database: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "enthesis.cli", *arguments],
        env=environment(data, database),
        capture_output=True,
        text=True,
        check=False,
    )


def connected(address: str) -> "psycopg.Connection[Any]":
    host = parse_qs(urlsplit(address).query)["host"][0]
    return psycopg.connect(host=host, user="postgres", dbname="moved")


def tables_of(address: str) -> int:
    with connected(address) as there:
        counted = there.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        return int(counted.fetchall()[0][0])


def test_what_was_moved_is_exported_the_same_byte_by_byte(
    source: Path, target: str, tmp_path: Path
) -> None:
    moved = run(source, "move", target)
    assert moved.returncode == 0, moved.stderr
    assert "read back and equal; the audit trails are whole" in moved.stdout
    again = run(source, "move", target)
    assert again.returncode == 1 and "is not empty" in again.stderr
    for name, database in (("old", ""), ("new", target)):
        assert run(source, "export", tmp_path / name, database=database).returncode == 0
    names = {one.relative_to(tmp_path / "old") for one in (tmp_path / "old").rglob("*.*")}
    assert len(names) > 50
    for name in names:
        old, new = ((tmp_path / side / name).read_bytes() for side in ("old", "new"))
        assert old == new or name.name in OF_EXPORTING, name
    rows = [
        list(csv.reader(io.StringIO((tmp_path / side / "audit_event.csv").read_text("utf-8-sig"))))
        for side in ("old", "new")
    ]
    # Each export wrote down itself as the last.
    assert rows[0][:-1] == rows[1][:-1] and len(rows[0]) > 100
    checked = run(source, "verify-audit", database=target)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("at", ["CREATE TABLE%", "INSERT INTO%", "FETCH%"])
def test_killed_on_its_way_it_leaves_the_target_empty(source: Path, target: str, at: str) -> None:
    """While it makes the tables, fills them, and reads them back."""
    begun = subprocess.Popen(
        [sys.executable, "-m", "enthesis.cli", "move", target], env=environment(source)
    )
    with connected(target) as there:
        asked = (
            "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE %s"
        )
        while not there.execute(asked, [at]).fetchall()[0][0]:
            assert begun.poll() is None, "it was done before"
            there.rollback()
            time.sleep(0.001)
        begun.send_signal(signal.SIGKILL)
        begun.wait()
    assert tables_of(target) == 0


def test_it_refuses_while_a_server_works_with_it_and_what_is_no_empty_postgresql(
    source: Path, target: str
) -> None:
    import sqlite3

    with sqlite3.connect(source / "enthesis.sqlite3") as other:
        other.execute("SELECT count(*) FROM clinic_clinic").fetchall()
        refused = run(source, "move", target)
        assert refused.returncode == 1 and "stop the server" in refused.stderr
    other.close()
    assert "must begin with postgres://" in run(source, "move", "nonsense").stderr
    told = run(source, "move", "postgres://a:open sesame@localhost/b")
    assert told.returncode == 1 and "PGPASSWORD" in told.stderr and "sesame" not in told.stderr
    assert "must begin with postgres://" in run(source, "move", "sqlite:////tmp/x").stderr
    gone = run(source, "move", target.replace("/moved", "/nobody"))
    assert gone.returncode == 1 and "does not exist" in gone.stderr
    assert "in PostgreSQL already" in run(source, "move", target, database=target).stderr
