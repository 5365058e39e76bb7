"""`enthesis outcomes`: the report of a registry folder, as pages, tables, JSON and PDF."""

import argparse
import hashlib
import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from enthesis.commands.complain import complain
from enthesis.commands.progress import progress_bar

if TYPE_CHECKING:
    from enthesis.knowledge.kinds import Benchmark
    from enthesis.outcomes.registry import Cut
    from enthesis.outcomes.report import Report

DESCRIPTION = """\
Report what a registry folder says: who came, began and answered, how much relief was reached, how
long it took, what it cost, who stopped, warning signs, the silent, and what none of this can tell.
DIR is the folder that `enthesis registry refresh` writes, or one of plain tables (courses, visits,
sessions, events, money and decisions as NAME.parquet), which is sealed: a manifest is put beside.
"""
EXAMPLES = """\
examples:
  a short summary:
    enthesis outcomes registry/
  pages, each table as CSV, and report.json:
    enthesis outcomes registry/ --report out/
  try it on invented courses whose true answer is known:
    enthesis outcomes trial/ --invented 1000 --report out/
  one condition, beside what happens anyway, on paper:
    enthesis outcomes registry/ --condition low_back --pdf quarter.pdf

exit status: 0 reported; 1 the folder cannot be reported, with every reason; 2 not understood
"""
SLOW = 2.0
VERSIONS = ("enthesis", "duckdb", "pyarrow", "numpy", "scipy")
PLAIN = "tables written elsewhere"
"""What the manifest says of the rules by which such rows were made."""


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "outcomes",
        help="report what a registry folder says",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="DIR", type=Path)
    parser.add_argument("--report", metavar="OUT", type=Path, help="write the report's files there")
    parser.add_argument("--pdf", metavar="FILE", type=Path, help="write the report on paper")
    parser.add_argument("--json", action="store_true", help="print JSON instead of sentences")
    parser.add_argument("--condition", metavar="ID", help="only courses about this")
    parser.add_argument(
        "--suppress-below", metavar="N", type=int, help="hide counts below N, as for publishing"
    )
    parser.add_argument("--title", default="Outcomes", help="heading of the report")
    parser.add_argument("--seed", type=int, default=1, help="kept with the report (default 1)")
    parser.add_argument(
        "--invented",
        metavar="COURSES",
        type=int,
        help="first invent so many courses into DIR, with their known answer beside them",
    )
    parser.add_argument(
        "--day", type=date.fromisoformat, default=None, help="the day of the cut, 2026-11-22"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Report the folder; 1 with every reason where that cannot be done."""
    from enthesis.outcomes.errors import FitError

    started = time.monotonic()
    waiting = threading.Timer(SLOW, sys.stderr.write, [f"Reporting {args.folder} …\n"])
    waiting.start()
    bar = progress_bar()
    try:
        if args.invented is not None:
            from enthesis.invented.registry_files import write_registry

            write_registry(args.folder, args.invented, args.seed)
        report = _report(args, bar)
        if args.report:
            _write_files(report, args.report)
        if args.pdf:
            from enthesis.outcomes.paper import report_pdf

            args.pdf.write_bytes(report_pdf(report))
    except FitError as error:
        return complain(f"{args.folder}: {problem}" for problem in error.problems)
    except ValueError as error:
        return complain([str(error)])
    except OSError as error:
        return complain([f"cannot use {error.filename or args.folder}: {error.strerror or error}"])
    finally:
        waiting.cancel()
    if args.json:
        sys.stdout.write(json.dumps(report.as_json(), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(_summary(report)) + "\n")
    if (took := time.monotonic() - started) > SLOW:
        sys.stderr.write(f"Reported in {took:.1f} s.\n")
    return 0


def _report(args: argparse.Namespace, bar: "Callable[[int, int], None]") -> "Report":
    from enthesis.outcomes.engine import open_registry
    from enthesis.outcomes.errors import FitError
    from enthesis.outcomes.report import Origin, report_of
    from enthesis.outcomes.sections.parts import versions

    day = args.day or date.today()  # noqa: DTZ011 - the day at the user's desk
    cut = _cut(args.folder)
    registry = open_registry(str(args.folder))
    try:
        conditions = registry.count(registry["courses"].select("condition").distinct())
        known = sorted(conditions["condition"].to_pylist())
        if args.condition and args.condition not in known:
            raise FitError(f"no course is about {args.condition!r}; there are {', '.join(known)}")
        about = [args.condition] if args.condition else known
        only = {"condition": args.condition} if args.condition else {}
        origin = Origin(cut.sha256, args.seed, versions(VERSIONS))
        return report_of(
            registry,
            args.title,
            day,
            origin,
            only=only,
            anyway=_benchmark(about, day),
            suppress_below=args.suppress_below,
            progress=bar,
        )
    finally:
        registry.close()


def _cut(folder: Path) -> "Cut":
    """The folder's cut, every file as it was written; a folder of plain tables is sealed first."""
    from enthesis.outcomes.engine import registries_in
    from enthesis.outcomes.registry import MANIFEST, RegistryError, seal, verify

    every = registries_in(folder)
    if every != [folder]:
        # A network's warehouse: one hash of the cuts of all its registries.
        cuts = [verify(one) for one in every]
        whole = hashlib.sha256("".join(cut.sha256 for cut in cuts).encode()).hexdigest()
        return replace(cuts[0], courses=sum(cut.courses for cut in cuts), sha256=whole)
    if not (folder / MANIFEST).exists():
        if not (folder / "courses.parquet").is_file():
            raise RegistryError(
                f"{folder} is no registry: it has neither {MANIFEST} nor courses.parquet. Name the "
                "folder that “enthesis registry refresh” writes, or one of plain tables."
            )
        seal(folder, PLAIN)
    return verify(folder)


def _benchmark(about: list[str], day: date) -> "Benchmark | None":
    """What happens anyway, where all courses are about one condition that has it."""
    from enthesis.knowledge.load import knowledge

    known = knowledge(day)
    condition = known.conditions.get(about[0]) if len(about) == 1 else None
    return known.benchmarks.get(condition.benchmark) if condition else None


def _write_files(report: "Report", out: Path) -> None:
    from enthesis.exchange.cells import cell
    from enthesis.outcomes.page import as_csv, page_html

    out.mkdir(parents=True, exist_ok=True)
    look = files("enthesis.clinic") / "static" / "clinic"
    css = "\n".join((look / name).read_text("utf-8") for name in ("enthesis.css", "charts.css"))
    (out / "index.html").write_text(page_html(report, css), encoding="utf-8")
    told = json.dumps(report.as_json(), indent=2, ensure_ascii=False)
    (out / "report.json").write_text(f"{told}\n", encoding="utf-8")
    for section in report.sections:
        if section.table:
            (out / f"{section.id}.csv").write_text(as_csv(report, section, cell), encoding="utf-8")


def _summary(report: "Report") -> list[str]:
    from enthesis.outcomes.report import READ_FIRST

    lines = [f"{report.title}, as of {report.day.isoformat()}"]
    lines += [f"Read this first: {READ_FIRST} What this cannot tell you stands at the end."]
    for section in report.sections:
        lines += [f"- {section.finding}.", *(f"  {note}" for note in section.notes)]
    return [*lines, "What this cannot tell you:", *(f"- {text}" for text in report.cannot)]
