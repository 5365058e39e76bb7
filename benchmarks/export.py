"""A whole clinic out as files: rows per second and the most memory held, by format and size.

    PYTHONPATH=src python benchmarks/export.py [--sizes 100000 1000000]

An SQLite of its own holds an invented clinic and as many assessments as told, copies of one that
was answered; every table is written, through the same action as the page and the command. Each run
is a process of its own. Not in the time: its start. There is no peer: what counts is that memory
does not grow with the rows, and that what is read back has as many.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from measured import RESULTS, Run, run

FORMATS = ("csv", "parquet")


def fill_clinic(assessments: int) -> None:
    """An invented clinic of 100 patients, and copies of an assessment."""
    from refresh import fill

    from enthesis.clinic import server

    server.prepare()
    from django.core.management import call_command

    from enthesis.clinic.models import Assessment
    from enthesis.commands.demo import load_invented_clinic

    call_command("migrate", verbosity=0)
    load_invented_clinic(datetime.now(UTC).date(), 1, 100, lambda done, total: None)
    fill(Assessment, assessments - Assessment.objects.count(), link_id="NULL")


def write(form: str, target: Path) -> dict[str, float]:
    """The export, and how many assessments a reader finds in it."""
    from enthesis.clinic import server

    server.prepare()
    from enthesis.clinic.actions.export import export_clinic
    from enthesis.clinic.models import Clinic

    began = time.perf_counter()
    done = export_clinic(None, Clinic.objects.get(), target, form)
    seconds = time.perf_counter() - began
    size = sum(path.stat().st_size for path in target.rglob("*"))
    if form == "csv":
        # Answers have no line end in them, so that a line is a row.
        with (target / "assessment.csv").open("rb") as file:
            found = sum(1 for _ in file) - 1
    else:
        import pyarrow.parquet as pq

        found = pq.read_metadata(target / "assessment.parquet").num_rows
    return {"seconds": seconds, "rows": done.rows, "bytes": size, "found": found}


def page(runs: dict[tuple[int, str], Run]) -> str:
    """The table of results."""
    lines = [
        "# A whole clinic out as files",
        "",
        "Made by `benchmarks/export.py`, on SQLite, on a machine that others used too.",
        "",
        "| assessments | format | rows in all | seconds | rows per second | MB | peak memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for (size, form), one in runs.items():
        said = one.said
        rate = said["rows"] / said["seconds"]
        cells = [f"{size:,}", form, f"{said['rows']:,}", f"{said['seconds']:.1f}", f"{rate:,.0f}"]
        cells += [f"{said['bytes'] / 1e6:.0f}", f"{one.peak_gib * 1024:.0f} MiB"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def main() -> int:
    """Fill, write in both formats, and write the page."""
    parser = argparse.ArgumentParser(description="A whole clinic out as files.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--fill", type=int)
    parser.add_argument("--write", nargs=2, metavar=("FORMAT", "FOLDER"))
    args = parser.parse_args()
    if args.fill:
        fill_clinic(args.fill)
        return 0
    if args.write:
        sys.stdout.write(json.dumps(write(args.write[0], Path(args.write[1]))) + "\n")
        return 0
    os.environ.pop("DATABASE_URL", None)
    runs = {}
    for size in args.sizes:
        with tempfile.TemporaryDirectory() as scratch:
            os.environ["ENTHESIS_DATA"] = str(Path(scratch) / "data")
            again = [sys.executable, __file__]
            subprocess.run([*again, "--fill", str(size)], check=True)  # noqa: S603
            for form in FORMATS:
                one = run([*again, "--write", form, str(Path(scratch) / form)])
                if one.said["found"] != size:
                    sys.exit(f"{form}: {one.said['found']} of {size} assessments were read back.")
                runs[size, form] = one
        # After each size: the next may take long.
        (RESULTS / "export.md").write_text(page(runs), encoding="utf-8")
    sys.stdout.write(page(runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
