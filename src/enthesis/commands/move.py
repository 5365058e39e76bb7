"""`enthesis move`: a clinic that began in SQLite goes on in PostgreSQL."""

import argparse
import sys

from enthesis.commands.complain import complain


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "move",
        help="move the clinic from SQLite into an empty PostgreSQL",
        description="Read every row of the SQLite in ENTHESIS_DATA, fill an empty PostgreSQL, "
        "verify the audit trails there, read all of it back and compare it: all or nothing. Stop "
        "the server first. Images and keys stay where they are. A password is given in PGPASSWORD: "
        "others on the machine can read a command line. See docs/how-to/use-postgresql.md.",
    )
    parser.add_argument("to", metavar="ADDRESS", help="postgres://user@host/name")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Move; 1 with what is in the way and what to do."""
    if "@" in args.to and ":" in args.to.partition("://")[2].rpartition("@")[0]:
        return complain(["Leave the password out of the address, and set PGPASSWORD to it."])
    from enthesis.clinic import server

    server.prepare()
    from django.db import DatabaseError

    from enthesis.clinic import archive, trail
    from enthesis.clinic.move import move
    from enthesis.commands.progress import progress_bar

    try:
        manifest = move(args.to, progress_bar())
    except (archive.ArchiveError, trail.AnchorError) as error:
        return complain([f"{error} Nothing was moved."])
    except (OSError, DatabaseError) as error:
        return complain([f"{str(error).strip()}. Nothing was moved."])
    tables = manifest["tables"]
    rows = sum(table["rows"] for table in tables.values())
    sys.stdout.write(
        f"{rows} rows of {len(tables)} tables moved, read back and equal; the audit trails are "
        "whole.\nNow set DATABASE_URL to that address for the server and every command, and start "
        "it. Everybody\nsigns in anew. The SQLite file stays as it was: put it away, so that "
        "nobody starts on it again.\n"
    )
    return 0
