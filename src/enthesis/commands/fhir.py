"""`enthesis fhir out|in FOLDER`: a whole clinic as FHIR bulk data, and a clinic filled from it."""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from enthesis.commands.progress import progress_bar

if TYPE_CHECKING:
    from enthesis.clinic.actions.receive import Received
    from enthesis.clinic.models import Clinic

ACTOR = "command line"
SHOWN = 50


def add(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "fhir",
        help="take a whole clinic out as FHIR, or fill one from it",
        description="out: write every patient of a clinic into a new FOLDER as FHIR R4 (4.0.1) "
        "bulk data, one NDJSON file for each type, with a manifest. in: check such a folder "
        "against its manifest and write its patients into a clinic, all or nothing; a patient who "
        "is there already is compared and left as it is. "
        "See docs/how-to/move-to-another-clinic.md.",
    )
    parser.add_argument("what", choices=["out", "in"])
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("--clinic", metavar="NAME", default="", help="needed if there are several")
    parser.add_argument(
        "--patient",
        metavar="NUMBER",
        type=int,
        action="append",
        help="out: only this patient; may be given several times",
    )
    parser.add_argument(
        "--origin",
        metavar="NAME",
        default="",
        help="in: what to call where the patients come from, the same each time, such as "
        "harbour-clinic",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write or receive; 1 with what is wrong and what to do."""
    from django.db import OperationalError

    from enthesis.clinic import server

    server.prepare_to_write()
    from enthesis.clinic.actions import Refused
    from enthesis.clinic.actions.receive import Unfit
    from enthesis.clinic.bulk import BulkError
    from enthesis.clinic.dossiers import DossierError
    from enthesis.exchange.fhir.issue import FhirError

    try:
        clinic = _clinic(args.clinic)
        return _out(args, clinic) if args.what == "out" else _in(args, clinic)
    except FhirError as error:
        return _fail(_lines([f"{one.expression}: {one.text}" for one in error.issues]))
    except Unfit as error:
        return _fail(_lines([str(problem) for problem in error.problems]))
    except (BulkError, DossierError, Refused) as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{error.filename or args.folder}: {error.strerror}.")
    except OperationalError as error:
        return _fail(f"The clinic's database is not ready ({error}). Run `enthesis start` first.")


def _clinic(name: str) -> "Clinic":
    from enthesis.clinic.actions import Refused
    from enthesis.clinic.models import Clinic

    clinics = list(Clinic.objects.filter(name=name) if name else Clinic.objects.all())
    if len(clinics) == 1:
        return clinics[0]
    names = ", ".join(Clinic.objects.order_by("name").values_list("name", flat=True))
    if not names:
        raise Refused("There is no clinic yet. Begin one with `enthesis clinic`.")
    raise Refused(f"Say which clinic with --clinic NAME; there are: {names}.")


def _out(args: argparse.Namespace, clinic: "Clinic") -> int:
    from enthesis.clinic.actions import Refused
    from enthesis.clinic.actions.hand_over import hand_over
    from enthesis.clinic.models import Patient

    rows = Patient.objects.filter(clinic=clinic)
    if args.patient:
        rows = rows.filter(number__in=args.patient)
        lost = sorted(set(args.patient) - set(rows.values_list("number", flat=True)))
        if lost:
            raise Refused(f"{clinic} has no patient {', '.join(map(str, lost))}.")
    ids = list(rows.values_list("pk", flat=True)) if args.patient else None
    started, bar, total = time.perf_counter(), progress_bar(), rows.count()
    manifest = hand_over(
        clinic, args.folder, ids, actor=ACTOR, progress=lambda done: bar(done, total)
    )
    width = max(map(len, manifest.counts))
    for kind, count in sorted(manifest.counts.items()):
        print(f"  {kind:<{width}} {count:>9,}")
    seconds = time.perf_counter() - started
    print(
        f"{clinic}: {_many(total, 'patient')} as {manifest.resources:,} resources in "
        f"{args.folder}, {manifest.resources / seconds:,.0f} a second. Whoever has this folder "
        "has the records: keep it safe, and delete it when it was received."
    )
    return 0


def _in(args: argparse.Namespace, clinic: "Clinic") -> int:
    from enthesis.clinic import bulk
    from enthesis.clinic.actions import Refused
    from enthesis.clinic.actions.receive import receive
    from enthesis.exchange.clinic_rules import ClinicRules
    from enthesis.exchange.fhir.read import dossiers
    from enthesis.shape import ShapeError, read

    if not args.origin:
        raise Refused("Say with --origin NAME where the patients come from.")
    started, bar = time.perf_counter(), progress_bar()
    manifest = bulk.check(args.folder)
    try:
        rules = read(ClinicRules, manifest.about.get("clinic"), "clinic")
    except ShapeError as error:
        raise bulk.BulkError(f"{bulk.MANIFEST}: {error}. Export again.") from error

    def read_all() -> Iterator[Any]:
        for resources in bulk.read(args.folder, manifest):
            yield from dossiers(resources)

    total = manifest.counts["Patient"]
    result = receive(
        clinic,
        read_all(),
        args.origin,
        actor=ACTOR,
        rules=rules,
        progress=lambda done: bar(done, total),
    )
    seconds = time.perf_counter() - started
    print(report(clinic.name, rules.name, result))
    print(f"  {manifest.resources / seconds:,.0f} resources a second")
    return 0


def report(here: str, there: str, result: "Received") -> str:
    """What came of it, in plain words, one fact a line."""
    lines = [
        f"{here}: {_many(result.patients, 'patient')} of {there} added with {result.records:,} "
        f"records, {result.already:,} already there."
    ]
    for kind, count in sorted(result.renumbered.items()):
        lines.append(f"  {_many(count, f'{kind} number')} given anew: those of there were taken")
    lines += [f"  Otherwise here: {one}" for one in result.told]
    if result.differences:
        lines.append("  Different from what is here; the clinic's was kept:")
        lines += [
            f"    patient {one.number}, {one.where}: here {one.here}, there {one.there}"
            for one in result.differences[:SHOWN]
        ]
        if len(result.differences) > SHOWN:
            lines.append(f"    … and {len(result.differences) - SHOWN} more")
    return "\n".join(lines)


def _lines(problems: list[str]) -> str:
    more = [f"… and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
    return "\n".join([*problems[:SHOWN], *more, "Nothing was written."])


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1
