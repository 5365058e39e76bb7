"""`enthesis record PATIENT_NUMBER --to FILE.zip`: one patient's whole record, to hand over."""

import argparse
import os
import sys
from pathlib import Path


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "record",
        help="write one patient's whole record, to hand over",
        description="Everything recorded about one patient as a ZIP: a paper to read, the record "
        "for another program, and every file that was kept. It is their right to have it.",
    )
    parser.add_argument("number", metavar="PATIENT_NUMBER", type=int, help="as on their page")
    parser.add_argument("--to", metavar="FILE.zip", type=Path, required=True)
    parser.add_argument("--clinic", metavar="NAME", default="", help="needed if there are several")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the file, readable by its owner only; 1 where there is no such patient, where a letter
    cannot be printed, or where the file is there already or cannot be written."""
    from enthesis.clinic import server

    server.prepare_to_write()
    from enthesis.clinic.actions.record import bundle
    from enthesis.clinic.models import Patient
    from enthesis.commands.import_file import which_clinic
    from enthesis.exchange.sheet_rows import SheetError
    from enthesis.outcomes.errors import LettersError

    try:
        clinic = which_clinic(args.clinic)
        patient = Patient.objects.filter(clinic=clinic, number=args.number).first()
        if patient is None:
            return _fail(f"{clinic} has no patient number {args.number}.")
        if args.to.exists():
            return _fail(f"{args.to} is there already. Move it away, or name another file.")
        data = bundle(patient)
        _write(args.to, data)
    except LettersError as refused:
        return _fail(f"The record was not written: a part of it would be missing. {refused}")
    except SheetError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{error.filename} cannot be written: {error.strerror}.")
    print(f"{args.to}: the whole record of No. {args.number}, {len(data):,} bytes.")
    return 0


def _write(path: Path, data: bytes) -> None:
    """For its owner's eyes only, and never over something else."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "wb") as file:
        file.write(data)


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1
