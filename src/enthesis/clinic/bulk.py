"""A folder of FHIR resources as bulk data: one NDJSON file for each type, and a manifest.

Written patient after patient, so each file has its lines in the order of Patient.ndjson. Reading
counts on that: it walks all files at once and holds one patient's resources at a time, together
with those that belong to nobody (practitioners, questionnaires). Sorting or an index would need
memory or disk by the size of the clinic.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from enthesis.clinic.disk import sync_names
from enthesis.exchange.strict_json import JsonError, read_json

FHIR_VERSION = "4.0.1"
FORMAT = "enthesis-bulk-1"
MANIFEST = "manifest.json"
# Of the clinic: each is written once, and read before the patients.
SHARED = ("Organization", "Practitioner", "Questionnaire", "PlanDefinition")
TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
# In the text of a line, which is much faster than walking the resource: within a string of JSON
# the marks before and after the word would stand behind a backslash.
REFERENCE = re.compile(rb'"reference"\s*:\s*"([^"\\]+)"')
# A document with its picture is one line.
MOST_LINE = 64_000_000
MOST_MANIFEST = 16_000_000

Resource = dict[str, Any]


class BulkError(Exception):
    """The folder cannot be written or read; says which file, what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder holds: resources by type, and what else was said with them (`about`)."""

    counts: Mapping[str, int]
    about: Mapping[str, Any]

    @property
    def resources(self) -> int:
        return sum(self.counts.values())


# --- out


@dataclass(slots=True)
class _File:
    out: BinaryIO
    count: int = 0
    sha256: Any = field(default_factory=hashlib.sha256)


def write(
    folder: Path,
    patients: Iterable[Iterable[Resource]],
    about: Mapping[str, Any],
    at: datetime,
    shared: Iterable[Resource] = (),
    before_end: Callable[[], None] = lambda: None,
) -> Manifest:
    """Write the resources of one patient after the other; the folder is there when all of them are.

    `about` goes into the manifest as it is; `before_end` is called when all is on the disk, and
    what it raises leaves no folder. Raises BulkError where the folder holds something already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BulkError(f"{folder} holds something already. Give the name of a new folder.")
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    try:
        counts = _write_files(unfinished, patients, about, at, shared)
        before_end()
        os.replace(unfinished, folder)
        sync_names(folder.parent)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return Manifest(counts, about)


def _write_files(
    folder: Path,
    patients: Iterable[Iterable[Resource]],
    about: Mapping[str, Any],
    at: datetime,
    shared: Iterable[Resource],
) -> dict[str, int]:
    files: dict[str, _File] = {}
    seen = set[tuple[str, str]]()
    with ExitStack() as stack:
        for resources in chain([shared], patients):
            for resource in resources:
                kind = resource["resourceType"]
                if kind in SHARED:
                    if (kind, resource["id"]) in seen:
                        continue
                    seen.add((kind, resource["id"]))
                if kind not in files:
                    out = stack.enter_context((folder / f"{kind}.ndjson").open("wb"))
                    files[kind] = _File(out)
                _write_line(files[kind], resource)
        for file in files.values():
            file.out.flush()
            os.fsync(file.out.fileno())
    manifest = {
        "transactionTime": at.isoformat(),
        "request": "enthesis fhir out",
        "requiresAccessToken": False,
        "output": [
            {
                "type": kind,
                "url": f"{kind}.ndjson",
                "count": file.count,
                "extension": {"sha256": file.sha256.hexdigest()},
            }
            for kind, file in files.items()
        ],
        "error": [],
        "extension": {"format": FORMAT, "fhirVersion": FHIR_VERSION, **about},
    }
    with (folder / MANIFEST).open("wb") as written:
        written.write(json.dumps(manifest, ensure_ascii=False, indent=1).encode())
        written.flush()
        os.fsync(written.fileno())
    sync_names(folder)
    return {kind: file.count for kind, file in files.items()}


def _write_line(file: _File, resource: Resource) -> None:
    text = json.dumps(resource, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    line = text.encode() + b"\n"
    file.out.write(line)
    file.sha256.update(line)
    file.count += 1


# --- in


def check(folder: Path) -> Manifest:
    """The manifest, once every file was found to be the one that was written.

    Raises BulkError for a file that is missing, changed or not of the manifest, and for another
    version of FHIR.
    """
    data = _manifest(folder)
    about = data.get("extension")
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise BulkError(
            f"{MANIFEST} was not written by `enthesis fhir out`, so that nobody can say whether "
            "the folder is whole. Export with it."
        )
    if about.get("fhirVersion") != FHIR_VERSION:
        raise BulkError(
            f"{MANIFEST}: the resources are of FHIR {about.get('fhirVersion')}, and this Enthesis "
            f"reads {FHIR_VERSION}. Export again with a version of Enthesis that writes it."
        )
    output = data.get("output")
    if not isinstance(output, list):
        raise BulkError(f"{MANIFEST}: output is no list of files. Export again.")
    counts: dict[str, int] = {}
    for one in output:
        kind, count, sha256 = _listed(one)
        if kind in counts:
            raise BulkError(f"{MANIFEST} lists {kind}.ndjson twice. Export again.")
        counts[kind] = count
        _check_file(folder, kind, count, sha256)
    for path in folder.glob("*.ndjson"):
        if path.stem not in counts:
            raise BulkError(f"{path.name} is not in {MANIFEST}. Take it out of the folder.")
    if "Patient" not in counts:
        raise BulkError(f"{folder} holds no patient. Export again.")
    return Manifest(counts, about)


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        if path.stat().st_size > MOST_MANIFEST:
            raise BulkError(f"{path} is too large to be a manifest.")
        data = _json(path.read_bytes(), MANIFEST)
    except OSError as error:
        raise BulkError(
            f"{path} cannot be read ({error.strerror}). A folder without it was not written to its "
            "end: export again."
        ) from error
    if not isinstance(data, dict):
        raise BulkError(f"{MANIFEST} is no manifest. Export again.")
    return data


def _listed(one: Any) -> tuple[str, int, str]:
    more = one.get("extension") if isinstance(one, dict) else None
    if isinstance(one, dict) and isinstance(more, dict):
        kind, count, sha256 = one.get("type"), one.get("count"), more.get("sha256")
        if isinstance(kind, str) and isinstance(count, int) and isinstance(sha256, str):
            if TYPE.fullmatch(kind) and one.get("url") == f"{kind}.ndjson":
                return kind, count, sha256
    raise BulkError(f"{MANIFEST}: {str(one)[:80]} is no file with its count and sha256.")


def _check_file(folder: Path, kind: str, count: int, sha256: str) -> None:
    name = f"{kind}.ndjson"
    found, lines = hashlib.sha256(), 0
    try:
        with (folder / name).open("rb") as file:
            while block := file.read(1 << 20):
                found.update(block)
                lines += block.count(b"\n")
    except FileNotFoundError:
        raise BulkError(f"{name} is in {MANIFEST} and not in the folder. Copy it again.") from None
    except OSError as error:
        raise BulkError(f"{name} cannot be read: {error.strerror}.") from error
    if found.hexdigest() != sha256:
        raise BulkError(f"{name} was changed after the export. Copy the folder again.")
    if lines != count:
        raise BulkError(f"{name} has {lines} lines and {MANIFEST} says {count}. Export again.")


def read(folder: Path, manifest: Manifest) -> Iterator[list[Resource]]:
    """The resources of one patient after the other, each with those of the clinic it refers to.

    Raises BulkError for a line that is no resource, and for one whose patient is not there.
    """
    with ExitStack() as stack:
        files = {
            kind: _Lines(stack.enter_context((folder / f"{kind}.ndjson").open("rb")), kind)
            for kind in manifest.counts
        }
        shared = {
            f"{kind}/{one.get('id')}": one
            for kind in SHARED
            if kind in files
            for one, _ in files.pop(kind).rest()
        }
        patients = files.pop("Patient")
        conditions = files.pop("Condition", None)
        for patient, _ in patients.rest():
            names = {f"Patient/{patient.get('id')}"}
            own, named = [patient], dict[str, None]()
            for lines in (*([conditions] if conditions else []), *files.values()):
                for resource, references in lines.of(names):
                    own.append(resource)
                    named |= dict.fromkeys(references)
                if lines is conditions:
                    names |= {f"Condition/{one.get('id')}" for one in own[1:]}
            yield [*(shared[name] for name in named if name in shared), *own]
        for lines in (*files.values(), *([conditions] if conditions else [])):
            lines.refuse_rest()


class _Lines:
    """The resources of one file, each with what it refers to, and the one that comes next."""

    def __init__(self, file: BinaryIO, kind: str) -> None:
        self.file, self.kind, self.name = file, kind, f"{kind}.ndjson"
        self.number = 0
        self.next: tuple[Resource, list[str]] | None = None
        self._step()

    def of(self, names: set[str]) -> Iterator[tuple[Resource, list[str]]]:
        """Those that come next and refer to one of the names."""
        while self.next is not None and not names.isdisjoint(self.next[1]):
            yield self.next
            self._step()

    def rest(self) -> Iterator[tuple[Resource, list[str]]]:
        """All that are left."""
        while self.next is not None:
            yield self.next
            self._step()

    def refuse_rest(self) -> None:
        """Raise BulkError for the next one, whose turn never came."""
        if self.next is None:
            return
        owners = (one for one in self.next[1] if one.startswith(("Patient/", "Condition/")))
        raise BulkError(
            f"{self.name}, line {self.number}: this {self.kind} is of {next(owners, 'nobody')}, "
            "who is not in Patient.ndjson, or whose turn is over: lines come in the order of their "
            "patients there. Export again."
        )

    def _step(self) -> None:
        line = self.file.readline(MOST_LINE + 1)
        self.number += 1
        if not line:
            self.next = None
            return
        where = f"{self.name}, line {self.number}"
        if len(line) > MOST_LINE:
            raise BulkError(f"{where} is longer than {MOST_LINE // 1_000_000} MB.")
        resource = _json(line, where)
        if not isinstance(resource, dict) or resource.get("resourceType") != self.kind:
            raise BulkError(f"{where} is no {self.kind}. Export again.")
        self.next = resource, [one.decode() for one in REFERENCE.findall(line)]


def _json(text: bytes, where: str) -> Any:
    try:
        return read_json(text, MOST_LINE)
    except JsonError as error:
        raise BulkError(f"{where}: {error.words}. Export again.") from error
