"""`enthesis backup`: everything that the clinic holds, sealed in one file."""

import argparse
import sys
from pathlib import Path


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "backup",
        help="make a sealed backup, or see what there is",
        description="Write all rows, images, questionnaires and the signing key into one sealed "
        "file, while the clinic works, and read it again before it counts. `serve` and `start` do "
        "so once a day by themselves. See docs/how-to/back-up-and-restore.md.",
    )
    parser.add_argument("--to", type=Path, metavar="FOLDER", help="default: ENTHESIS_BACKUPS")
    parser.add_argument("--list", action="store_true", help="only say what there is")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make one; 1 with what is wrong and what to do."""
    from enthesis.clinic import server

    server.prepare()
    return backup(args.to, args.list)


def backup(to: Path | None, only_list: bool) -> int:
    """Into the folder, or the one of the settings."""
    from django.conf import settings
    from django.db import DatabaseError
    from django.utils import timezone

    from enthesis.clinic import archive, sealing
    from enthesis.clinic import backup as backups

    where = to or backups.folder()
    if only_list:
        for one in backups.kept(where):
            print(f"{one.made_at:%Y-%m-%d %H:%M} UTC  {one.file.stat().st_size:>12,}  {one.file}")
        print(f"{len(backups.kept(where))} in {where}.")
        return 0
    try:
        made, manifest = backups.make(where)
        gone = backups.rotate(
            where, settings.BACKUP_DAYS or 1, settings.BACKUP_MONTHS, timezone.now()
        )
    except (OSError, sealing.SealError, archive.ArchiveError, DatabaseError) as error:
        print(f"No backup was made: {error}", file=sys.stderr)
        return 1
    rows = sum(table["rows"] for table in manifest["tables"].values())
    print(f"{made.file}: {rows} rows, {len(manifest['files'])} files, read again and whole.")
    if gone:
        print(f"Deleted, being no longer wanted: {', '.join(file.name for file in gone)}.")
    print(f"Sealed with the key in {backups.key_file()}. Keep a copy of the key elsewhere: without")
    print("it nobody can open the backup. Keep copies of the backup on another machine.")
    return 0
