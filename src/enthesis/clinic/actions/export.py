"""The whole clinic taken out as files: every table, every paper and image, and what they mean.

It reads one state of the database and holds up nobody who writes. That it was taken out is
written down first, by itself: an export that breaks off was read all the same.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import BinaryField, JSONField, Model, UUIDField
from django.utils import timezone

from enthesis.clinic import audit, image_files, tables
from enthesis.clinic.models import Clinic, KeptFile, User
from enthesis.clinic.package import Package, moment, package, write_dictionary, write_table
from enthesis.clinic.snapshot import snapshot
from enthesis.clinic.uploads import Kind

ACTION, RESEARCH = "export_clinic", "export_research"
"""How both are called in the audit trail."""
BATCH = 2000
"""Rows that are held at once: few, because one may hold a whole estimate."""
MANIFEST = "manifest.json"
README = """\
This folder holds everything that {clinic} has in Enthesis, as of {at}.

{tables} tables with {rows} rows in all, one file each ({form}); files/ has {files} images,
reports and signed papers, each named by the SHA-256 of its bytes. dictionary.csv says what every
column means, manifest.json what is here and what is not, and why.

Whether every byte is as it was written:   sha256sum --check SHA256SUMS

CSV is UTF-8 with CR LF. Nothing between two commas is unknown, "" is empty text. A cell that a
spreadsheet would take for a formula begins with an apostrophe: whoever reads the files with a
program takes one apostrophe away where it stands before = + - @, a tab or a line end (or before
further apostrophes and then one of these). Moments are UTC. What is marked json is JSON text.

It names patients. Keep it as you keep their records.
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written. `problems` name images or papers that are missing or damaged here."""

    tables: int
    rows: int
    files: int
    problems: tuple[str, ...]


def export_clinic(
    user: User | None,
    clinic: Clinic,
    target: Path,
    form: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Exported:
    """Write a clinic into a new folder or .zip as "csv" or "parquet"; `user` None is the command
    line.

    Raises package.Taken where the target is there already, OSError where the disk does not take
    it. `progress` is called with how many rows are written and how many there are.
    """
    with package(target) as into:
        # Only once the target is known to be free, so that a slip leaves no trace of an export.
        with transaction.atomic():
            audit.record(user, ACTION, clinic, detail={"format": form}, by="command line")
        with snapshot():
            return _write(into, clinic, form, progress)


def _write(
    into: Package, clinic: Clinic, form: str, progress: Callable[[int, int], None]
) -> Exported:
    kinds = tables.exported()
    total = sum(tables.rows_of(clinic, kind).count() for kind in kinds)
    counts: dict[str, int] = {}

    def told(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        counts["all"] = counts.get("all", 0) + len(rows)
        progress(counts["all"], total)
        return rows

    written = {
        kind: write_table(into, tables.table_of(kind), map(told, _rows(clinic, kind)), form)
        for kind in kinds
    }
    problems = [*_keep_images(into, clinic), *_keep_papers(into, clinic)]
    files = sum(name.startswith("files/") for name in into.files)
    write_dictionary(into, map(tables.table_of, kinds))
    manifest = {
        "what": "the whole clinic",
        "clinic": clinic.name,
        "at": moment(timezone.now()),
        "software": software(),
        "format": form,
        "tables": {
            tables.name_of(kind): {"rows": rows, **_file_of(into, kind, form)}
            for kind, rows in written.items()
        },
        "files": {k: asdict(v) for k, v in into.files.items() if k.startswith("files/")},
        "missing_or_damaged": problems,
        "tables_left_out": tables.NOT_EXPORTED,
        "columns_left_out": tables.WITHHELD,
    }
    into.write(MANIFEST, as_json(manifest))
    rows = sum(written.values())
    words = {"clinic": clinic.name, "at": manifest["at"], "form": form.upper(), "rows": rows}
    into.write("README.txt", README.format(**words, tables=len(kinds), files=files).encode())
    return Exported(len(kinds), rows, files, tuple(problems))


def as_json(manifest: dict[str, Any]) -> bytes:
    """A manifest as it is written."""
    return json.dumps(manifest, ensure_ascii=False, indent=1).encode() + b"\n"


def software() -> str:
    """Which Enthesis wrote it."""
    try:
        return f"enthesis {version('enthesis')}"
    except PackageNotFoundError:  # run from its source, without being installed
        return "enthesis"


def _file_of(into: Package, kind: type[Model], form: str) -> dict[str, Any]:
    return asdict(into.files[f"{tables.name_of(kind)}.{form}"])


def _rows(clinic: Clinic, kind: type[Model]) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a table in batches, as files have them."""
    columns = tables.columns_of(kind)
    # Of a paper its name among the files, which is its hash: the bytes would be read for nothing.
    names = [f"{f.name}_sha256" if isinstance(f, BinaryField) else f.attname for f in columns]
    plain = {at: _PLAIN[type(f)] for at, f in enumerate(columns) if type(f) in _PLAIN}
    batch: list[tuple[Any, ...]] = []
    for row in tables.rows_of(clinic, kind).values_list(*names).iterator(chunk_size=BATCH):
        cells = list(row)
        for at, say in plain.items():
            cells[at] = say(cells[at])
        batch.append(tuple(cells))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _json(value: Any) -> str:
    # Sorted: PostgreSQL keeps the keys in an order of its own, and both write the same file.
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


_PLAIN: dict[type, Callable[[Any], Any]] = {
    JSONField: _json,
    UUIDField: str,
    BinaryField: lambda sha256: f"files/{sha256}.pdf" if sha256 else None,
}


def _keep_images(into: Package, clinic: Clinic) -> Iterator[str]:
    """The bytes of images and reports beside the tables; says which are not as they were kept."""
    for kind in tables.exported():
        if not issubclass(kind, KeptFile):
            continue
        rows = tables.rows_of(clinic, kind).values_list("pk", "sha256", "content_type")
        for pk, sha256, content_type in rows.iterator(chunk_size=BATCH):
            name = f"files/{sha256}.{Kind(content_type).endings[0]}"
            if name in into.files:
                continue
            try:
                into.write(name, image_files.fetch(sha256))
            except image_files.DamagedImage:
                yield f"{tables.name_of(kind)} {pk}: {name} is missing or was changed"


def _keep_papers(into: Package, clinic: Clinic) -> Iterator[str]:
    """The papers that the database holds, as files; says which are not as they were signed."""
    for kind in tables.exported():
        for paper in (f.name for f in tables.columns_of(kind) if isinstance(f, BinaryField)):
            rows = tables.rows_of(clinic, kind).exclude(**{f"{paper}_sha256": ""})
            found = rows.values_list("pk", f"{paper}_sha256", paper)
            # One at a time: a paper has hundreds of kilobytes.
            for pk, sha256, data in found.iterator(chunk_size=1):
                name = f"files/{sha256}.pdf"
                if hashlib.sha256(data).hexdigest() != sha256:
                    yield f"{tables.name_of(kind)} {pk}: {name} was changed"
                elif name not in into.files:
                    into.write(name, bytes(data))
