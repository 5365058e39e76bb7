"""The tables are those of the code, however old the database is that comes up to today.

`tests/clinic/upgrades/` holds one for the end of each issue, and how they are made. By default the
oldest goes through every step; all of them with ENTHESIS_EVERY=1.
"""

import contextlib
import gzip
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import Client

from enthesis.clinic import models, trail
from enthesis.clinic.permissions import rows_for
from tests.clinic.upgrades.make import HERE

KEPT = sorted(HERE.glob("*.sql.gz"))
NOW_CALLED = {"clinic_payment": "clinic_ledgerentry", "paid_on": "on"}
OF_DJANGO = {"clinic_user_groups", "clinic_user_user_permissions"}
"""Tables that we do not use; every other has rows in each kept database."""
Rows = dict[str, list[dict[str, Any]]]


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.fixture
def fresh(django_db_setup: None, django_db_blocker: Any) -> dict[str, object]:
    """The shape of a database that was made today."""
    with django_db_blocker.unblock():
        return shape()


@pytest.fixture
def elsewhere(fresh: object, django_db_blocker: Any, tmp_path: Path) -> Iterator[None]:
    """The connection, on a database of its own in which nothing is yet."""
    kept, on_file = connection.settings_dict["NAME"], connection.vendor == "sqlite"
    name = str(tmp_path / "old.sqlite3") if on_file else f"{kept}_old"
    with django_db_blocker.unblock():
        if not on_file:
            on_the_server(f'CREATE DATABASE "{name}"')
        connection.close()
        connection.settings_dict["NAME"] = name
        yield
        connection.close()
        connection.settings_dict["NAME"] = kept
        if not on_file:
            on_the_server(f'DROP DATABASE "{name}"')


def on_the_server(statement: str) -> None:
    with connection._nodb_cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(statement)


def shape() -> dict[str, object]:
    """Columns, constraints and triggers of our tables; names only where they were given."""
    told: dict[str, object] = {}
    ask = connection.introspection
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tbl_name, name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY 2"
            if connection.vendor == "sqlite"
            else "SELECT tgrelid::regclass::text, tgname, pg_get_functiondef(tgfoid) "
            "FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"
        )
        told["triggers"] = cursor.fetchall()
        for table in ask.table_names(cursor):
            if table.startswith("clinic_"):
                columns = ask.get_table_description(cursor, table)
                limits = ask.get_constraints(cursor, table).items()
                told[table] = (
                    sorted((c.name, str(c.type_code), c.null_ok, c.internal_size) for c in columns),
                    sorted(
                        (name if one["check"] else "", str(sorted(one.items(), key=str)))
                        for name, one in limits
                    ),
                )
    return told


def rows_of(old: sqlite3.Connection) -> Rows:
    """Every row of ours as it was kept."""
    asked = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'clinic_%'"
    old.row_factory = sqlite3.Row
    return {
        name: [dict(row) for row in old.execute(f'SELECT * FROM "{name}" ORDER BY id')]  # noqa: S608
        for (name,) in old.execute(asked).fetchall()
    }


def put_back(sql: str, last: str, rows: Rows) -> None:
    """The old database: on SQLite as it was, on PostgreSQL its rows in tables of that day."""
    if connection.vendor == "sqlite":
        with contextlib.closing(sqlite3.connect(connection.settings_dict["NAME"])) as file:
            file.executescript(sql)
        return
    steps = MigrationExecutor(connection)
    steps.loader.replace_migrations = False
    steps.loader.build_graph()
    steps.migrate([("clinic", last)])
    with transaction.atomic(), connection.cursor() as cursor:
        for table, found in rows.items():
            about = connection.introspection.get_table_description(cursor, table)
            truth = {c.name for c in about if c.type_code == 16}  # PostgreSQL's boolean
            for row in found:
                given = [bool(v) if k in truth and v is not None else v for k, v in row.items()]
                names = ", ".join(f'"{name}"' for name in row)
                marks = ", ".join("%s" for _ in row)
                cursor.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', given)  # noqa: S608
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('\"{table}\"', 'id'), "  # noqa: S608
                f'(SELECT coalesce(max(id), 1) FROM "{table}"))'
            )


def rows_now(rows: Rows) -> Rows:
    """What became of the kept rows' columns. SQLite's are read as they were: past Django, which
    makes days and numbers of them."""
    with contextlib.ExitStack() as stack:
        if connection.vendor == "sqlite":
            file = sqlite3.connect(connection.settings_dict["NAME"])
            cursor: Any = stack.enter_context(contextlib.closing(file)).cursor()
        else:
            cursor = stack.enter_context(connection.cursor())
        now: Rows = {}
        for table, kept in rows.items():
            columns = list(kept[0]) if kept else ["id"]
            asked = ", ".join(f'"{NOW_CALLED.get(name, name)}"' for name in columns)
            cursor.execute(f'SELECT {asked} FROM "{NOW_CALLED.get(table, table)}" ORDER BY id')  # noqa: S608
            now[table] = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        return now


def only_ids(rows: Rows) -> dict[str, list[int]]:
    return {table: [row["id"] for row in found] for table, found in rows.items()}


@pytest.mark.parametrize(
    "kept", KEPT if "ENTHESIS_EVERY" in os.environ else KEPT[:1], ids=lambda p: p.name
)
def test_an_old_database_comes_up_to_today_with_every_row(
    kept: Path, fresh: dict[str, object], elsewhere: None
) -> None:
    sql, last = gzip.decompress(kept.read_bytes()).decode(), kept.name.removesuffix(".sql.gz")
    with contextlib.closing(sqlite3.connect(":memory:")) as old:
        old.executescript(sql)
        rows = rows_of(old)
    assert len(rows["clinic_patient"]) == 10
    assert {table for table, found in rows.items() if not found} == OF_DJANGO
    put_back(sql, last, rows)
    call_command("migrate", verbosity=0)
    call_command("migrate", check_unapplied=True, verbosity=0)
    assert shape() == fresh
    now = rows_now(rows)
    assert only_ids(now) == only_ids(rows)
    if connection.vendor == "sqlite":  # PostgreSQL tells some values otherwise
        assert now == rows
    assert trail.problems() == []
    assert trail.heads()[0].place == len(rows["clinic_auditevent"])
    client = Client()
    client.force_login(user := models.User.objects.get(username="clinician"))
    pages = ["/", "/patients/", "/money/"]
    pages += [f"/courses/{course.pk}/" for course in rows_for(user, models.Course)]
    for entry in rows_for(user, models.LedgerEntry).exclude(invoice=None):
        assert entry.course == entry.invoice.course  # type: ignore[union-attr]
        pages.append(f"/invoices/{entry.invoice_id}/")
    for page in dict.fromkeys(pages):
        assert client.get(page).status_code == 200, page
