"""The audit trails, bound row to row: the database itself refuses to change or delete one.

A row carries the hash of its own content (`content_of`), made in Python by `ContentHash`. When it
is added a trigger of the database gives it its `place` and a `digest`: SHA-256 of the digest before
it and its content. So whatever path a row comes by it is bound, and whoever can get past the
triggers (by dropping them) must write every later row anew and still differs from each digest that
was carried away (`enthesis verify-audit`, and every backup).

On PostgreSQL the binding waits until the transaction commits: the one lock that it needs is then
the last, so that two writers never wait for each other crosswise. On SQLite writers go one by one.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

TABLES = ("clinic_auditevent", "clinic_accessevent")
BOUND = ("id", "content_sha256", "place", "digest")
"""Of a row's columns those that its content does not hold."""
_LOCK = 7_462_001
_REFUSED = "An audit trail is never changed: rows are only added."


def content_of(row: models.Model) -> str:
    """The hash of what a row says. What is empty is left out: a column that comes later, and is
    empty in older rows, leaves their hashes as they are."""
    told = {
        field.attname: _written(getattr(row, field.attname))
        for field in row._meta.concrete_fields
        if field.attname not in BOUND
    }
    full = {name: value for name, value in told.items() if value not in (None, "", {})}
    text = json.dumps(full, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def bind(before: str, content: str) -> str:
    """The digest of a row: of the digest before it ("" for the first) and its content."""
    return hashlib.sha256((before + content).encode()).hexdigest()


def _written(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


class ContentHash(models.CharField):  # type: ignore[type-arg]
    """Made when the row is added, one by one or many at once."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{"max_length": 64, "editable": False, **given})

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        if add:
            setattr(model_instance, self.attname, content_of(model_instance))
        return super().pre_save(model_instance, add)


def teach_sqlite(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """SQLite knows no SHA-256: what its trigger calls (a receiver of connection_created)."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("enthesis_bind", 2, bind, deterministic=True)


def guard(connection: BaseDatabaseWrapper) -> None:
    """Make the triggers."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_PG_BIND)
            cursor.execute(_PG_REFUSE)
        for table in TABLES:
            for statement in _SQLITE if connection.vendor == "sqlite" else _POSTGRESQL:
                cursor.execute(statement.format(table=table, refused=_REFUSED))


def unguard(connection: BaseDatabaseWrapper) -> None:
    """Drop the triggers: for a migration that changes the tables, and tests that empty them."""
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        for table in TABLES:
            for name in ("bind", "update", "delete", "replace" if sqlite else "truncate"):
                on = "" if sqlite else f" ON {table}"
                cursor.execute(f"DROP TRIGGER IF EXISTS {table}_{name}{on}")


_SQLITE = (
    """CREATE TRIGGER {table}_bind AFTER INSERT ON {table} WHEN NEW.place IS NULL BEGIN
    UPDATE {table} SET
      place = 1 + coalesce((SELECT max(place) FROM {table}), 0),
      digest = enthesis_bind(coalesce(
        (SELECT digest FROM {table} WHERE place IS NOT NULL ORDER BY place DESC LIMIT 1), ''),
        NEW.content_sha256)
    WHERE id = NEW.id;
    END""",
    """CREATE TRIGGER {table}_update BEFORE UPDATE ON {table} WHEN OLD.place IS NOT NULL
    BEGIN SELECT RAISE(ABORT, '{refused}'); END""",
    """CREATE TRIGGER {table}_delete BEFORE DELETE ON {table}
    BEGIN SELECT RAISE(ABORT, '{refused}'); END""",
    # REPLACE deletes what is in its way without asking the trigger above.
    """CREATE TRIGGER {table}_replace BEFORE INSERT ON {table}
    WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id OR place = NEW.place)
    BEGIN SELECT RAISE(ABORT, '{refused}'); END""",
)
_PG_BIND = f"""CREATE OR REPLACE FUNCTION enthesis_bind() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE last_place bigint; last_digest text;
BEGIN
  PERFORM pg_advisory_xact_lock({_LOCK});
  EXECUTE format('SELECT place, digest FROM %I.%I WHERE place IS NOT NULL
    ORDER BY place DESC LIMIT 1', TG_TABLE_SCHEMA, TG_TABLE_NAME) INTO last_place, last_digest;
  EXECUTE format('UPDATE %I.%I SET place = $1, digest = $2 WHERE id = $3',
    TG_TABLE_SCHEMA, TG_TABLE_NAME) USING coalesce(last_place, 0) + 1,
    encode(sha256(convert_to(coalesce(last_digest, '') || NEW.content_sha256, 'UTF8')), 'hex'),
    NEW.id;
  RETURN NULL;
END $$"""  # noqa: S608 (a number of our own)
_PG_REFUSE = f"""CREATE OR REPLACE FUNCTION enthesis_refuse() RETURNS trigger
LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION '{_REFUSED}';
END $$"""
_POSTGRESQL = (
    """CREATE CONSTRAINT TRIGGER {table}_bind AFTER INSERT ON {table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.place IS NULL)
    EXECUTE FUNCTION enthesis_bind()""",
    """CREATE TRIGGER {table}_update BEFORE UPDATE ON {table} FOR EACH ROW
    WHEN (OLD.place IS NOT NULL OR OLD.content_sha256 <> NEW.content_sha256)
    EXECUTE FUNCTION enthesis_refuse()""",
    """CREATE TRIGGER {table}_delete BEFORE DELETE ON {table} FOR EACH ROW
    EXECUTE FUNCTION enthesis_refuse()""",
    """CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT
    EXECUTE FUNCTION enthesis_refuse()""",
)
