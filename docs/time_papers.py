"""How long a paper about money takes to print: python -m docs.time_papers [--times N].

Invents the clinic of the README, makes an estimate and a superbill for one of its courses, prints
each paper N times, and writes docs/reference/paper-times.md. With `pdftoppm` on the machine it also
writes the first page of each as a picture, `docs/pictures/paper-….png`.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import time_machine
from PIL import Image

from docs.make_reference import REFERENCE, table
from docs.take_pictures import COLOURS, DAY, FOLDER, SEED

PATIENTS = 60
DOTS_PER_INCH = 80


def main() -> int:
    """Print, and write the page and the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10, help="how often each (default 10)")
    times = parser.parse_args().times
    measured_on = datetime.now(UTC).date().isoformat()
    with tempfile.TemporaryDirectory() as folder, time_machine.travel(DAY):
        papers = _papers(Path(folder))
        first = _seconds(next(iter(papers.values())))
        rows = []
        for name, make in papers.items():
            seconds = statistics.median(_seconds(make) for _ in range(times))
            pdf = make()
            rows.append((name, f"{seconds:.2f}", f"{len(pdf) / 1000:.0f}"))
            _picture(Path(folder), name, pdf)
    page = (
        "# Seconds for a paper, measured\n\n"
        f"{table(['paper', 'seconds', 'kB'], rows)}\n"
        f"\nThe median of {times} printings on {measured_on}, on a shared "
        f"machine of {os.cpu_count()} processors; the first paper after a start took {first:.1f} "
        "seconds, for it also loads the printer and the font.\n"
        "\nWritten by `python -m docs.time_papers`.\n"
    )
    (REFERENCE / "paper-times.md").write_text(page, encoding="utf-8")
    return 0


def _seconds(make: Callable[[], bytes]) -> float:
    began = time.perf_counter()
    make()
    return time.perf_counter() - began


def _papers(folder: Path) -> Mapping[str, Callable[[], bytes]]:
    """Each paper by its name; printing one again works it all out anew."""
    os.environ["ENTHESIS_DATA"] = str(folder)
    from enthesis.clinic import server

    server.prepare()
    from django.core.management import call_command

    from enthesis.clinic import documents, models
    from enthesis.clinic.actions import estimate, superbill
    from enthesis.clinic.estimates import Choice
    from enthesis.clinic.ledger import bill_of
    from enthesis.commands.demo import load_invented_clinic

    call_command("migrate", verbosity=0)
    load_invented_clinic(DAY.date(), SEED, PATIENTS, lambda done, of: None)
    models.Clinic.objects.update(
        address="12 Quay Street\nPortland, ME 04101", tax_id="12-3456789", npi="1234567893"
    )
    desk = models.User.objects.get(username="frontdesk")
    course = models.Course.objects.filter(
        invoices__entries__isnull=False, condition="low_back", closed_on=None
    ).first()
    if course is None:
        raise SystemExit("The invented clinic has no paid low-back course: change SEED.")
    invoice = course.invoices.filter(entries__isnull=False).order_by("number")[0]
    payment = invoice.entries.all()[0]
    back = (("M54.50", "Low back pain, unspecified"),)
    row = estimate.make_estimate(desk, course.pk, Choice(diagnoses=back))
    claim = superbill.make_superbill(desk, course.pk, back)
    sums = {"bill": bill_of(invoice, DAY.date())}
    return {
        "estimate": lambda: documents.estimate_paper(row, "en"),
        "estimate in Spanish": lambda: documents.estimate_paper(row, "es"),
        "invoice": lambda: documents.printed(
            "invoice", sums | documents.invoice_context(invoice), "en"
        ),
        "receipt": lambda: documents.printed(
            "receipt", documents.receipt_context(payment, "en"), "en"
        ),
        "superbill": lambda: documents.printed(
            "superbill", documents.superbill_context(claim), "en"
        ),
    }


def _picture(folder: Path, name: str, pdf: bytes) -> None:
    """The first page, as the other pictures of the docs are kept."""
    if not (program := shutil.which("pdftoppm")):
        return
    (folder / "paper.pdf").write_bytes(pdf)
    size, out = str(DOTS_PER_INCH), str(folder / "page")
    command = [program, "-png", "-r", size, "-singlefile", str(folder / "paper.pdf"), out]
    subprocess.run(command, check=True)  # noqa: S603
    page = Image.open(folder / "page.png").convert("RGB")
    small = page.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small.save(FOLDER / f"paper-{name.replace(' ', '-').lower()}.png", "PNG", optimize=True)


if __name__ == "__main__":
    sys.exit(main())
