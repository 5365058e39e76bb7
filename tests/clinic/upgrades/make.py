"""Old databases with data, made by the code of their own day.

    .venv/bin/python -m tests.clinic.upgrades.make COMMIT ...

takes the source of each commit out of git, invents a small clinic with it, puts a row into each
table that is left empty (`fill.py`) and keeps all rows as `<last migration>.sql.gz`. At the end of
each issue that came with a migration one more is made; none is ever made anew.
"""

import contextlib
import gzip
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
PATIENTS, DAY = "9", "2026-11-22"
LEFT_OUT = ("django_session", "auth_permission", "django_content_type", "sqlite_sequence")
"""Tables that say nothing of patients, and which Django fills by itself."""


def rows_of_old_code(commit: str, place: Path) -> tuple[str, str]:
    """(its last migration, its database as SQL)."""
    packed = subprocess.run(["git", "archive", commit, "src"], check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", place], input=packed.stdout, check=True)
    told = {
        "PYTHONPATH": str(place / "src"),
        "ENTHESIS_DATA": str(place / "data"),
        "DJANGO_SETTINGS_MODULE": "enthesis.clinic.settings",
    }
    demo = ["-m", "enthesis.cli", "demo", "--patients", PATIENTS, "--today", DAY]
    for command in (demo, [str(HERE / "fill.py")]):
        subprocess.run([sys.executable, *command], env={**os.environ, **told}, check=True)
    with contextlib.closing(sqlite3.connect(place / "data" / "enthesis.sqlite3")) as made:
        asked = "SELECT max(name) FROM django_migrations WHERE app = 'clinic'"
        (last,) = made.execute(asked).fetchone()
        return last, "\n".join(_statements(made))


def _statements(made: sqlite3.Connection) -> Iterator[str]:
    for line in made.iterdump():
        if not line.startswith(tuple(f'INSERT INTO "{name}"' for name in LEFT_OUT)):
            yield line


if __name__ == "__main__":
    for commit in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as place:
            last, sql = rows_of_old_code(commit, Path(place))
        # Without a time in it, so that the same rows are the same bytes.
        (HERE / f"{last}.sql.gz").write_bytes(gzip.compress(sql.encode(), 9, mtime=0))
