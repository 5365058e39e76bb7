"""`enthesis registry`: the clinic's courses as de-identified tables, refreshed and verified."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from enthesis.outcomes.registry import Cut

SETTING = "ENTHESIS_REGISTRY"


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "registry",
        help="keep the clinic's courses as de-identified tables",
        description="Keep what happened to the clinic's courses as de-identified Parquet tables "
        "(docs/explanation/registry.md). refresh: write the next cut, of what changed since the "
        "last; verify: compare every file with its hash; publish: write the cut into a "
        "PostgreSQL database.",
    )
    parser.add_argument("what", choices=["refresh", "verify", "publish"])
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="the registry (default: registry/ in the data)"
    )
    parser.add_argument("--whole", action="store_true", help="refresh: look at every course")
    parser.add_argument(
        "--to", metavar="URL", help=f"publish: postgres://user@host/database (default: {SETTING})"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do it; 1 with what is wrong and what to do."""
    from enthesis.clinic.secret import data_directory
    from enthesis.outcomes.registry import RegistryError, verify

    folder = args.folder or data_directory() / "registry"
    try:
        if args.what == "refresh":
            print(_refreshed(folder, args.whole))
        elif args.what == "verify":
            print(f"{_words(verify(folder))}: every file is as it was written.")
        else:
            print(_published(folder, args.to or os.environ.get(SETTING, "")))
    except (RegistryError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _refreshed(folder: Path, whole: bool) -> str:
    from enthesis.clinic import server

    server.prepare()

    from enthesis.clinic.actions.forecast import refresh

    server.bring_up_to_date()
    done, found = refresh(folder, whole=whole)
    fits = [
        f"{one.start.removesuffix('_trials')} ({one.courses} courses)"
        for own in found.values()
        for one in own
    ]
    learnt = f"fitted anew: {', '.join(fits)}" if fits else "no condition has enough courses yet"
    looked = (
        "every course" if done.whole else f"{done.written} course{'' if done.written == 1 else 's'}"
    )
    out = f", {done.withdrawn} taken out" if done.withdrawn else ""
    return f"{_words(done.cut)}: looked at {looked}{out}. It lies in {folder}. Forecasts: {learnt}."


def _published(folder: Path, url: str) -> str:
    from enthesis.outcomes.engine import POSTGRES, publish
    from enthesis.outcomes.registry import RegistryError, read_cut

    if not url.startswith(POSTGRES):
        raise RegistryError(f"Say where: --to postgres://user@host/database, or {SETTING}.")
    cut = read_cut(folder)
    publish(folder, url)
    return f"{_words(cut)}: published."


def _words(cut: "Cut") -> str:
    return f"Cut {cut.number} of {cut.courses} courses, {cut.sha256[:12]}"
