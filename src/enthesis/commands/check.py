"""`enthesis check`: what is unsafe in this installation, and how to mend it."""

import argparse
import os
import sys


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "check",
        help="see what is unsafe in this installation",
        description="Look at keys, rights of files, disk, backups, database, audit trails, "
        "messages, clock and versions. One line for each finding, the worst first, and what to do; "
        "nothing is changed. The status is 1 where something is unsafe. Run it under the account "
        "and with the settings of the server. See docs/how-to/deploy.md.",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Look, tell, and judge."""
    from enthesis.clinic import server
    from enthesis.clinic.secret import data_directory

    data = data_directory()
    if not data.is_dir():
        # Not made here: an empty folder in the wrong place would look like a lost clinic.
        print(f"There is no data folder {data}. Set ENTHESIS_DATA as the server has it.")
        return 1
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "enthesis.clinic.settings")
    server.load()
    return check()


def check() -> int:
    """Print every finding; 1 where one is unsafe."""
    from django.utils import timezone

    from enthesis.clinic import health

    found = health.findings(timezone.now(), deep=True)
    for one in found:
        mend = f" -> {one.mend}" if one.mend else ""
        print(f"{one.level:<7} {one.about}: {' '.join(one.text.split())}{mend}")
    unsafe = sum(one.level is health.Level.UNSAFE for one in found)
    print(f"{unsafe} unsafe." if unsafe else "Nothing unsafe was found.")
    sys.stdout.flush()
    return 1 if unsafe else 0
