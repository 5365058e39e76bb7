"""From the SQLite of the settings into an empty PostgreSQL: everything, compared, or nothing.

Made of the parts of a backup and its restoring. Images, questionnaires and keys stay where they
are: only the rows move.
"""

from io import BytesIO
from pathlib import Path
from typing import IO, Any, cast

import environ
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import OperationalError, connection, connections, transaction

from enthesis.clinic import archive, trail
from enthesis.clinic.archive import ArchiveError
from enthesis.clinic.backup import unpacking

WAIT_MS = 2000


def move(address: str, progress: archive.Progress = lambda done, total: None) -> dict[str, Any]:
    """Move every row; the manifest of what was moved. Afterwards this process is on the new one.

    The old database is held from the first row read to the end, so that nothing is written to it
    meanwhile, and stays as it is. Raises ArchiveError with what is in the way and what to do.
    """
    _hold_alone()
    # The old connection is kept until then: with it ends the hold.
    held, data = connections["default"], Path(settings.DATA)
    with unpacking(data) as into:
        with (into / "archive").open("w+b") as file:
            archive.write(file, into / "no files")
            file.seek(0)
            manifest = archive.unpack(file, into)
        _turn_to(address)
        # One transaction, the making of the tables too: whoever is killed leaves none of them.
        with transaction.atomic():
            archive.load(
                into,
                manifest,
                lambda: _refuse_different(manifest),
                trail.read_anchors(trail.anchors_file()),
                progress,
            )
    held.close()
    return manifest


def _hold_alone() -> None:
    if connection.vendor != "sqlite":
        raise ArchiveError("DATABASE_URL is set: this clinic is in PostgreSQL already.")
    if not Path(str(connection.settings_dict["NAME"])).exists():
        raise ArchiveError(f"There is no database in {settings.DATA}: set ENTHESIS_DATA.")
    call_command("migrate", verbosity=0)
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout={WAIT_MS}")
            cursor.execute("PRAGMA locking_mode=EXCLUSIVE")
            # The lock comes with the first transaction that may write, and stays.
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("COMMIT")
    except OperationalError as error:
        raise ArchiveError(
            "Something still works with this database: stop the server, then move again."
        ) from error


def _turn_to(address: str) -> None:
    """Every query of this process goes to the other database from now on; which must be empty."""
    try:
        told = environ.Env.db_url_config(address)
        made = connections.configure_settings({"default": told})["default"]
        connections.databases["default"] = made
        connections["default"] = connections.create_connection("default")
    except (ImproperlyConfigured, ValueError, KeyError) as error:
        # Not the address itself: it holds a password.
        raise ArchiveError("That is no address of a database.") from error
    if connection.vendor != "postgresql":
        raise ArchiveError("The address must begin with postgres:// (see use-postgresql.md).")
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_encoding")
        if cursor.fetchone()[0] != "UTF8":
            raise ArchiveError("That database is not in UTF8. Create it with ENCODING 'UTF8'.")
        if connection.introspection.table_names(cursor):
            raise ArchiveError("That database is not empty. Create a new one, and move into it.")


def _refuse_different(manifest: dict[str, Any]) -> None:
    """Read everything back and compare it table by table."""
    there = archive.write(cast(IO[bytes], _Nowhere()), Path("no files"))["tables"]
    if other := [name for name, told in manifest["tables"].items() if there[name] != told]:
        raise ArchiveError(
            f"These tables came out different, so nothing was moved: {', '.join(other)}."
        )


class _Nowhere(BytesIO):
    """Takes all and keeps nothing."""

    def write(self, data: Any) -> int:
        return len(data)
