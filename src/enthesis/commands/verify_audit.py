"""`enthesis verify-audit`: whether the audit trails are as they were written."""

import argparse
import os
import sys
from pathlib import Path

from enthesis.commands.progress import progress_bar


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "verify-audit",
        help="see whether the audit trails are whole",
        description="Read both audit trails (what was written, what was read) from the first row, "
        "work every hash out anew, and compare them with the heads that were noted before. Each "
        "time all is well the heads of now are noted in audit-anchors.jsonl beside the database. "
        "Keep copies of that file elsewhere (every backup has one): only they tell whether the end "
        "of a trail was cut off.",
    )
    parser.add_argument(
        "--anchors", type=Path, metavar="FILE", help="compare with this copy, and note nothing"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Verify; 1 with every problem that was found."""
    from enthesis.clinic import server
    from enthesis.clinic.secret import data_directory

    data = data_directory()
    kept = data if "DATABASE_URL" in os.environ else data / "enthesis.sqlite3"
    if not kept.exists():
        # Not made here: an empty folder in the wrong place would look like a lost clinic.
        print(
            f"There is no clinic in {data}. Set ENTHESIS_DATA as the server has it.",
            file=sys.stderr,
        )
        return 1
    server.prepare()
    return verify(args.anchors)


def verify(copy: Path | None) -> int:
    """With the anchors beside the database, or a copy of them."""
    from enthesis.clinic import trail

    file = copy or trail.anchors_file()
    if copy and not copy.exists():
        print(f"{copy}: there is no such file.", file=sys.stderr)
        return 1
    try:
        anchors = trail.read_anchors(file)
    except (trail.AnchorError, OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 1
    found = trail.problems(anchors, progress_bar())
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        print("The trails were changed. Nothing was noted. See docs/how-to/see-who-looked.md.")
        return 1
    now = trail.heads() if copy else trail.anchor(file)
    for head in now:
        print(f"{head.trail}: {head.place} rows, whole, up to {head.digest[:12]}.")
    print(f"Compared with {len(anchors)} anchor{'' if len(anchors) == 1 else 's'} kept before.")
    return 0
