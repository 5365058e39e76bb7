"""`enthesis import FILE... --map MAP.toml`: the spreadsheet a clinic has kept until now."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from enthesis.commands.progress import progress_bar
from enthesis.exchange.sheet_files import read_files
from enthesis.exchange.sheet_map import SheetMap, read_map
from enthesis.exchange.sheet_rows import SheetError
from enthesis.exchange.spreadsheet import Rejection, Sheet, read_sheet
from enthesis.knowledge.load_maps import shipped_maps

if TYPE_CHECKING:
    from enthesis.clinic.actions.imports import ImportResult
    from enthesis.clinic.models import Clinic

SHOWN_REJECTIONS = 200


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "import",
        help="bring in a spreadsheet of patients and courses",
        description="Bring a CSV or XLSX sheet, or several files that belong together, into the "
        "clinic, all or nothing. Importing the same sheet twice adds nothing.",
    )
    parser.add_argument(
        "files", metavar="FILE", type=Path, nargs="+", help=".csv or .xlsx, or a .zip of them"
    )
    parser.add_argument(
        "--map", metavar="MAP.toml", required=True, help="its map, or the name of a shipped one"
    )
    parser.add_argument("--sheet", default="", help="name of the sheet in an .xlsx file")
    parser.add_argument("--dry-run", action="store_true", help="report only, write nothing")
    parser.add_argument(
        "--keep-good", action="store_true", help="import the good rows though others are rejected"
    )
    parser.add_argument("--clinic", metavar="NAME", default="", help="needed if there are several")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Import and report; 0 if everything fits, 1 if anything was rejected or cannot be used."""
    from django.db import OperationalError

    from enthesis.clinic import server

    server.prepare_to_write()
    try:
        return _import(args)
    except SheetError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{error.filename} cannot be read: {error.strerror}.")
    except OperationalError as error:
        return _fail(f"The clinic's database is not ready ({error}). Run `enthesis start` first.")


def _import(args: argparse.Namespace) -> int:
    from enthesis.clinic import store
    from enthesis.clinic.actions.imports import import_sheet

    clinic = which_clinic(args.clinic)
    today = store.today(clinic)
    sheet_map = read_map(_map_text(args.map))
    files = {path.name: path.read_bytes() for path in args.files}
    rows = read_files(files, sheet_map, args.sheet)
    sheet = read_sheet(rows, sheet_map, store.known_for(clinic, today), today)
    result = import_sheet(
        clinic,
        sheet_map.source,
        sheet,
        actor="command line",
        keep_good=args.keep_good,
        dry_run=args.dry_run,
        progress=progress_bar(),
    )
    print(report(", ".join(files), clinic.name, sheet_map, sheet, result))
    return 1 if result.rejections else 0


def _map_text(name: str) -> str:
    """A file, or what ships under that name."""
    shipped, path = shipped_maps(), Path(name)
    if name in shipped and not path.exists():
        return shipped[name]
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SheetError(f"The map {path} is not UTF-8 text.") from None


def which_clinic(name: str) -> "Clinic":
    """The clinic of that name, or the only one; SheetError says which there are."""
    from enthesis.clinic.models import Clinic

    clinics = list(Clinic.objects.filter(name=name) if name else Clinic.objects.all())
    if len(clinics) == 1:
        return clinics[0]
    names = ", ".join(Clinic.objects.order_by("name").values_list("name", flat=True))
    if not names:
        raise SheetError("There is no clinic yet. Run `enthesis start` or `enthesis demo` first.")
    raise SheetError(f"Say which clinic with --clinic NAME; there are: {names}.")


def report(
    file: str, clinic: str, sheet_map: SheetMap, sheet: Sheet, result: "ImportResult"
) -> str:
    """What came of an import, in plain words, one fact a line."""
    lines = [f"{file}: {sheet_map.title}", f"  {sheet.rows} rows below the header"]
    lines += [f"  {n} rows left out: {why}" for why, n in sheet.left_out.items() if n]
    if sheet.unanswered:
        lines.append(f"  {sheet.unanswered} visits without any answer: none was made up")
    rejected = len({rejection.row for rejection in result.rejections})
    if rejected:
        lines.append(f"  {rejected} rows rejected:")
        lines += [_rejection(r) for r in result.rejections[:SHOWN_REJECTIONS]]
        if len(result.rejections) > SHOWN_REJECTIONS:
            lines.append(f"    … and {len(result.rejections) - SHOWN_REJECTIONS} more")
    if result.differences:
        lines.append("  Different from what was imported before; the clinic's was kept:")
        lines += [
            f"    row {d.row}, {d.key}, {d.what}: here {d.here}, in the sheet {d.in_sheet}"
            for d in result.differences
        ]
    return "\n".join([*lines, _outcome(clinic, result)])


def _rejection(rejection: Rejection) -> str:
    column = f", column {rejection.column}" if rejection.column else ""
    value = f", value “{rejection.value}”" if rejection.value else ""
    return f"    row {rejection.row}{column}{value}: {rejection.reason}. {rejection.mend}"


def _outcome(clinic: str, result: "ImportResult") -> str:
    patients = "patient" if result.added == 1 else "patients"
    counts = f"{result.added} {patients} added to {clinic}, {result.already} already there."
    if result.written:
        return counts
    if result.rejections:
        return (
            f"Nothing was imported. Mend the rows above, or keep the good ones with --keep-good "
            f"({result.added} {patients} would be added, {result.already} already there)."
        )
    return f"Nothing was imported (dry run). It would be: {counts}"


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1
