"""`enthesis export`: everything taken out as files, or a de-identified cut for a researcher."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from enthesis.clinic.models import Clinic


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "export",
        help="take a whole clinic out as files",
        description="Write every table of a clinic, its images and signed papers, a data "
        "dictionary and checksums into a new folder, or into one file if the name ends in .zip "
        "(docs/how-to/take-everything-out.md). The clinic goes on working meanwhile, and all is "
        "of one moment. With --research: its courses without names, dates, free text and small "
        "groups, for a researcher.",
    )
    parser.add_argument("target", type=Path, metavar="FOLDER|FILE.zip", help="must not be there")
    parser.add_argument(
        "--format", choices=["csv", "parquet"], default="csv", help="of the tables (default csv)"
    )
    parser.add_argument("--clinic", metavar="NAME", help="which, where there are several")
    parser.add_argument(
        "--research", action="store_true", help="the de-identified cut instead of everything"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write it; 1 with one sentence where it was refused, or something of it is damaged."""
    from enthesis.clinic import server

    server.prepare()
    from django.db import DatabaseError

    from enthesis.clinic.actions import Refused
    from enthesis.clinic.actions.export import export_clinic
    from enthesis.clinic.package import Taken
    from enthesis.commands.complain import complain
    from enthesis.commands.progress import progress_bar

    server.bring_up_to_date()
    try:
        clinic = _clinic(args.clinic)
        if args.research:
            from enthesis.clinic.actions.research import export_research

            cut = export_research(None, clinic, args.target, args.format, progress_bar())
            print(f"{args.target}: {cut.words}")
            return 0
        done = export_clinic(None, clinic, args.target, args.format, progress_bar())
    except (Taken, Refused, ValueError) as problem:
        return complain([str(problem)])
    except (OSError, DatabaseError) as problem:
        why = getattr(problem, "strerror", None) or problem
        return complain([f"{args.target} was not written: {why}. Nothing was left there."])
    print(f"{args.target}: {done.tables} tables, {done.rows} rows, {done.files} files of {clinic}.")
    if done.problems:
        sys.stderr.write("All else was written, but these could not be taken out:\n")
        return complain(done.problems)
    return 0


def _clinic(name: str | None) -> "Clinic":
    """The clinic of a name, or the only one. Raises ValueError with the names there are."""
    from enthesis.clinic.models import Clinic

    found = list(Clinic.objects.order_by("pk"))
    named = [one for one in found if name is None or one.name == name]
    if len(named) == 1:
        return named[0]
    if not found:
        raise ValueError("There is no clinic yet: begin one with “enthesis clinic”.")
    names = "; ".join(f"“{one.name}”" for one in found)
    raise ValueError(f"Say which clinic, with --clinic NAME: there is {names}.")
