"""A clinic out as FHIR bulk data and in again, and a million answers: rates and memory.

    python benchmarks/fhir_bulk.py [--patients 400] [--answers 10000 100000 1000000]

Each figure is of a process of its own, which prints what it did; the most memory that it held is
the operating system's word. Out: rows of an invented clinic → dossiers → NDJSON files on the disk.
In: the same files, checked, read, and written into an empty clinic with their audit rows. Beside
it the reading alone, NDJSON → dossiers, and fhir.resources (R4B, the nearest that it has), which
parses and validates the same lines and makes no record of them. Writes results/fhir.md.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from measured import RESULTS, Run, run

TODAY = date(2026, 11, 22)
ANSWERS_EACH, BATCH = 24, 2000


def _django(data: Path) -> None:
    os.environ["ENTHESIS_DATA"] = str(data)
    from enthesis.clinic import server

    server.prepare()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def out(data: Path, folder: Path) -> dict[str, Any]:
    """A whole clinic into a new folder."""
    _django(data)
    from enthesis.clinic.actions.hand_over import hand_over
    from enthesis.clinic.models import Clinic

    began = time.perf_counter()
    manifest = hand_over(Clinic.objects.get(), folder, actor="benchmark")
    return _said(manifest.resources, time.perf_counter() - began) | {"rows": _rows()}


def into(data: Path, folder: Path) -> dict[str, Any]:
    """The folder into an empty clinic."""
    _django(data)
    from tests.received import fill

    from enthesis.clinic.models import Clinic

    clinic = Clinic.objects.create(name="Hill Clinic", phone="(555) 0200")
    began = time.perf_counter()
    fill(clinic, folder)
    seconds = time.perf_counter() - began
    return _said(_lines(folder), seconds) | {"rows": _rows()}


def reading(_: Path, folder: Path) -> dict[str, Any]:
    """The folder as dossiers, no database."""
    from enthesis.clinic import bulk
    from enthesis.exchange.fhir.read import dossiers

    began = time.perf_counter()
    manifest = bulk.check(folder)
    for found in bulk.read(folder, manifest):
        dossiers(found)
    return _said(manifest.resources, time.perf_counter() - began)


def peer(_: Path, folder: Path) -> dict[str, Any]:
    """The same lines through fhir.resources."""
    from importlib.metadata import version

    from fhir.resources.R4B import get_fhir_model_class

    done = failed = 0
    seconds = 0.0
    for path in sorted(folder.glob("*.ndjson")):
        kind = get_fhir_model_class(path.stem)
        with path.open("rb") as lines:
            began = time.perf_counter()
            for line in lines:
                try:
                    kind.model_validate_json(line)
                except ValueError:
                    failed += 1
                done += 1
            seconds += time.perf_counter() - began
    return _said(done, seconds) | {"failed": failed, "version": version("fhir.resources")}


def answers(data: Path, folder: Path) -> dict[str, Any]:
    """Everything out of a clinic that `many` filled."""
    said = out(data, folder)
    counts = json.loads((data / "answers.json").read_text())
    return said | {"answers": counts}


def many(data: Path, wanted: int) -> None:
    """A clinic whose patients answered so much in all, questionnaire by questionnaire."""
    _django(data)
    from enthesis.clinic import models

    given = _six_signs()
    clinic = models.Clinic.objects.create(name="Harbour Clinic", phone="(555) 0100")
    patients = -(-wanted // (len(given) * ANSWERS_EACH))
    made = 0
    for start in range(0, patients, BATCH):
        numbers = range(1001 + start, 1001 + min(start + BATCH, patients))
        people = models.Patient.objects.bulk_create(
            models.Patient(clinic=clinic, number=n, family="Invented", given=str(n))
            for n in numbers
        )
        courses = models.Course.objects.bulk_create(
            models.Course(patient=one, condition="low_back", side="left", opened_on=TODAY - YEAR)
            for one in people
        )
        models.Assessment.objects.bulk_create(
            (
                models.Assessment(
                    course=course,
                    on=TODAY - YEAR + timedelta(days=n),
                    occasion="baseline" if n == 0 else "after_session",
                    questionnaire="six_signs",
                    answers=given,
                    completed_at=datetime(2026, 11, 22, 9, tzinfo=UTC),
                )
                for course in courses
                for n in range(ANSWERS_EACH)
            ),
            batch_size=BATCH,
        )
        made += len(people) * ANSWERS_EACH * len(given)
    (data / "answers.json").write_text(str(made))


YEAR = timedelta(days=365)


def _six_signs() -> dict[str, Any]:
    """The fullest answers of an invented patient."""
    from enthesis.invented.clinic import invent_clinic
    from enthesis.invented.truth import shipped_truth
    from enthesis.knowledge.load import knowledge
    from enthesis.shape import plain

    invented = invent_clinic(TODAY, 1, 12, knowledge(TODAY), shipped_truth())
    told = (one for story in invented.stories for one in story.course.assessments)
    signs = [one for one in told if one.questionnaire == "six_signs"]
    return dict(plain(max(signs, key=lambda one: len(one.answers)).answers))


def _said(resources: int, seconds: float) -> dict[str, Any]:
    return {"resources": resources, "seconds": seconds}


def _lines(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("*.ndjson"))


def _rows() -> int:
    """What a clinic holds of its patients; not who works there and not the audit trail."""
    from enthesis.clinic.actions.receive_rows import KINDS

    return sum(kind._default_manager.count() for kind in KINDS)


PARTS = {"out": out, "in": into, "reading": reading, "peer": peer, "answers": answers}


def _part(name: str, data: Path, folder: Path) -> Run:
    return run([sys.executable, __file__, "--part", name, str(data), str(folder)])


def main() -> int:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=400)
    parser.add_argument("--answers", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--part", nargs=3)
    parser.add_argument("--many", nargs=2)
    args = parser.parse_args()
    root = Path(__file__).parents[1]
    sys.path[:0] = [str(root), str(root / "src")]
    os.environ["PYTHONPATH"] = str(root / "src")
    if args.part:
        name, data, folder = args.part
        sys.stdout.write(json.dumps(PARTS[name](Path(data), Path(folder))) + "\n")
        return 0
    if args.many:
        many(Path(args.many[0]), int(args.many[1]))
        sys.stdout.write("{}\n")
        return 0
    with tempfile.TemporaryDirectory() as place:
        whole = _whole(Path(place), args.patients) if args.patients else []
        lines = [*whole, *_answers(Path(place), args.answers)]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "fhir.md").write_text("\n".join(lines) + "\n")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _whole(place: Path, patients: int) -> list[str]:
    harbour, hill, folder = place / "harbour", place / "hill", place / "out"
    os.environ["ENTHESIS_DATA"] = str(harbour)
    demo = [sys.executable, "-m", "enthesis.cli", "demo", "--today", str(TODAY)]
    run(["sh", "-c", f"{' '.join(demo)} --patients {patients} >/dev/null; echo '{{}}'"])
    out = _part("out", harbour, folder)
    read, whole, other = (_part(name, hill, folder) for name in ("reading", "in", "peer"))
    rates = {name: _rate(one.said) for name, one in (("read", read), ("peer", other))}
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    rows = (
        ("out: rows → NDJSON", out),
        ("in: NDJSON → rows, audited", whole),
        ("reading alone: NDJSON → dossiers", read),
        (f"fhir.resources {other.said['version']} (R4B) parsing the same", other),
    )
    return [
        "# FHIR bulk data, out and in",
        "",
        f"An invented clinic of {patients} patients: {out.said['rows']:,} rows, "
        f"{out.said['resources']:,} resources, {size:.0f} MB. Python {platform.python_version()}, "
        "SQLite, one process, on a machine of two processors that was busy with other work.",
        "",
        "| | resources a second | rows a second | seconds | most memory |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {name} | {_rate(one.said):,.0f} | {_row_rate(one.said)} "
            f"| {one.said['seconds']:.1f} | {one.peak_gib * 1024:.0f} MiB |"
            for name, one in rows
        ),
        "",
        f"Reading is {rates['read'] / rates['peer']:.2f}× as fast as fhir.resources, which "
        f"refused {other.said['failed']} of the lines.",
    ]


def _answers(place: Path, sizes: list[int]) -> list[str]:
    lines = [
        "",
        "## Answers out as NDJSON",
        "",
        f"Patients with {ANSWERS_EACH} questionnaires each.",
        "",
        "| answers | resources | seconds | resources a second | most memory |",
        "|---:|---:|---:|---:|---:|",
    ]
    for wanted in sizes:
        data = place / f"answers-{wanted}"
        data.mkdir()
        run([sys.executable, __file__, "--many", str(data), str(wanted)])
        one = _part("answers", data, place / f"out-{wanted}")
        lines.append(
            f"| {one.said['answers']:,} | {one.said['resources']:,} | {one.said['seconds']:.0f} "
            f"| {_rate(one.said):,.0f} | {one.peak_gib * 1024:.0f} MiB |"
        )
        sys.stderr.write(lines[-1] + "\n")
    return lines


def _rate(said: dict[str, Any]) -> float:
    return float(said["resources"] / said["seconds"])


def _row_rate(said: dict[str, Any]) -> str:
    return f"{said['rows'] / said['seconds']:,.0f}" if "rows" in said else ""


if __name__ == "__main__":
    sys.exit(main())
