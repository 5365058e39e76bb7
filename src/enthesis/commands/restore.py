"""`enthesis restore`: a sealed backup back into an empty installation."""

import argparse
import sys
from pathlib import Path

from enthesis.commands.progress import progress_bar


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "restore",
        help="fill an empty installation from a backup",
        description="Open a sealed backup, compare every hash, and fill an empty ENTHESIS_DATA "
        "(and the empty DATABASE_URL, if one is set) from it: all or nothing. The backup may be "
        "of SQLite or PostgreSQL, of this release or an older one.",
    )
    parser.add_argument("file", type=Path, metavar="BACKUP")
    parser.add_argument("--key", type=Path, metavar="FILE", help="the key it was sealed with")
    parser.add_argument("--check", action="store_true", help="only open it and compare every hash")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Restore; 1 with what is wrong and what to do."""
    from enthesis.clinic import server
    from enthesis.clinic.secret import data_directory

    server.load()
    data = data_directory()
    key = args.key or data / "backup_key"
    if not args.check:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return restore(args.file, key, data, only_check=args.check)


def restore(file: Path, key: Path, data: Path, *, only_check: bool = False) -> int:
    """From the file, with the key in a file, into the folder."""
    from django.db import DatabaseError

    from enthesis.clinic import archive, backup, sealing, trail

    try:
        secret = sealing.read_key(key)
        if only_check:
            manifest = backup.verified(file, secret)
        else:
            manifest = backup.restore(file, secret, data, progress_bar())
    except (sealing.SealError, archive.ArchiveError, trail.AnchorError) as error:
        print(f"{file}: {error} Nothing was restored.", file=sys.stderr)
        return 1
    except (OSError, DatabaseError) as error:
        print(f"{file}: {error}. Nothing was restored.", file=sys.stderr)
        return 1
    rows = sum(table["rows"] for table in manifest["tables"].values())
    done = "Whole" if only_check else f"Restored into {data}"
    print(f"{done}: {rows} rows, {len(manifest['files'])} files, made {manifest['made_at'][:16]}.")
    if not only_check:
        if "secret_key" not in manifest["files"]:
            print("The signing key is not in this backup: set ENTHESIS_SECRET_KEY to what it was.")
        print(key_kept(backup.key_file(), secret))
        print("Everybody signs in anew. Start it with `enthesis start` or `enthesis serve`.")
    return 0


def key_kept(file: Path, secret: bytes) -> str:
    """Keep the key: else the next backup makes another, which nobody has a copy of."""
    from enthesis.clinic import sealing

    try:
        kept = sealing.keep_backup_key(file, secret)
    except (OSError, sealing.SealError) as error:
        return f"Its key could not be kept ({error}): put it into {file} before the next backup."
    if kept != secret:
        return f"The next backups are sealed with another key, which was in {file}: keep both."
    return f"The next backups are sealed with the same key, kept in {file}."
