"""Bulk export, as HL7's Bulk Data Access asks for it: begun, asked after, fetched, taken away.

The files are made in the data folder by a thread, patient after patient, each line written as it
is made; the folder gets its name when it is whole. A server that is stopped midway leaves a job
whose maker is silent: whoever asks after it makes it begin anew. After a day the files are gone.
"""

import json
import logging
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import connections, transaction
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from enthesis.clinic import audit, errors
from enthesis.clinic.api import trail
from enthesis.clinic.api.asking import Asked, Asker
from enthesis.clinic.api.outcome import ApiError, answer, issue, outcome
from enthesis.clinic.api.sources import CHUNK, Source
from enthesis.clinic.api.table import TYPES
from enthesis.clinic.dossiers import DossierError
from enthesis.clinic.models import ApiToken, AuditEvent, Patient
from enthesis.clinic.snapshot import snapshot

log = logging.getLogger("enthesis.fhir")
FOLDER = "exports"
NDJSON = "application/fhir+ndjson"
FORMATS = (NDJSON, "application/ndjson", "ndjson", "application/fhir ndjson")
KEPT = timedelta(hours=24)
MOST_JOBS = 5
"""Of one token at a time."""
SILENT_SECONDS = 60
SHOW_SECONDS = 2
SEEN_LATE = timedelta(hours=1)
"""A row says when it was begun and is seen once its transaction ends: whoever asks for what was
written since the last export gets this much of before it again, and misses nothing."""
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_NAME = re.compile(r"[0-9a-f]{32}", re.ASCII)
Job = dict[str, Any]


def types_of(asked: Asked) -> list[str]:
    """The types that `_type` names; empty where it is not there. Raises ApiError."""
    found = [one for value in asked.take("_type") for one in value.split(",") if one]
    for one in found:
        if one not in TYPES:
            raise ApiError(
                400, f"“{one[:60]}” is no type that is served: {', '.join(TYPES)}", "value"
            )
    return found


def begin(
    request: HttpRequest, asker: Asker, asked: Asked, base: str, patients_only: bool
) -> HttpResponse:
    """202 and where to ask after it."""
    if "respond-async" not in request.headers.get("Prefer", ""):
        raise ApiError(400, "an export takes time: send “Prefer: respond-async”", "required")
    only = types_of(asked)
    since = asked.one("_since")
    kind = asked.one("_outputFormat", NDJSON)
    if kind not in FORMATS:
        raise ApiError(400, f"_outputFormat is {NDJSON}, not “{kind[:60]}”", "not-supported")
    if since:
        _moment(since)
    asked.finish(("_type", "_since", "_outputFormat"))
    able = [
        one.name for one in TYPES.values()
        if asker.scopes.allow_bulk(one.name) and not (patients_only and one.shared)
    ]  # fmt: skip
    if refused := [one for one in only if one not in able]:
        raise ApiError(
            403,
            f"the token “{asker.token}” may not export {', '.join(refused)} here; it needs the "
            f"scope system/{refused[0]}.rs",
        )
    if not able:
        raise ApiError(403, f"the token “{asker.token}” may not export; it needs system/*.rs")
    clean()
    if len(list(_own(asker))) >= MOST_JOBS:
        raise ApiError(
            429,
            f"{MOST_JOBS} exports of this token are kept; delete one first",
            headers={"Retry-After": "3600"},
        )
    job: Job = {
        "token": asker.token.pk,
        "request": request.build_absolute_uri(),
        "types": [one for one in able if not only or one in only],
        "since": since,
        "patients_only": patients_only,
        "at": timezone.now().isoformat(),
    }
    name = secrets.token_hex(16)
    detail = {"types": job["types"], "since": since, "program": str(asker.token), "export": name}
    with transaction.atomic():
        AuditEvent.objects.create(
            clinic=asker.clinic, actor=str(asker.token), action="export", record="apitoken",
            record_id=asker.token.pk, detail={**detail, "address": asker.address},
        )  # fmt: skip
    folder = _folder() / name
    folder.mkdir(parents=True)
    _write(folder / "job.json", job)
    start(folder, asker.token)
    told = issue("informational", "begun; ask at Content-Location", severity="information")
    return answer(outcome([told]), 202, Content_Location=f"{base}$export-status/{name}")


def status(request: HttpRequest, asker: Asker, name: str, base: str) -> HttpResponse:
    """How far it is (202), what there is to fetch (200), or why there is nothing."""
    folder, job = _job(asker, name)
    if request.method == "DELETE":
        shutil.rmtree(folder, ignore_errors=True)
        return HttpResponse(status=202)
    if (folder / "failed.json").exists():
        told = _read(folder / "failed.json")
        raise ApiError(422, told["why"])
    if not (folder / "files").exists():
        told = _read(folder / "progress.json")
        if time.time() - told.get("at", 0) > SILENT_SECONDS:
            start(folder, asker.token)
        response = HttpResponse(status=202)
        response.headers["X-Progress"] = f"{told.get('done', 0)} of {told.get('all', '?')} patients"
        response.headers["Retry-After"] = "2"
        return response
    counts = _read(folder / "files" / "counts.json")
    files = [
        {"type": kind, "url": f"{base}$export-file/{name}/{kind}.ndjson", "count": count}
        for kind, count in counts.items()
    ]
    manifest = {
        "transactionTime": job["at"],
        "request": job["request"],
        "requiresAccessToken": True,
        "output": files,
        "deleted": [],
        "error": [],
    }
    response = JsonResponse(manifest)
    response.headers["Expires"] = format_datetime(_expires(job).astimezone(UTC), usegmt=True)
    return response


def is_file(parts: list[str]) -> bool:
    """Whether an address is that of a file of an export."""
    return len(parts) == 3 and parts[0] == "$export-file"


def file(request: HttpRequest, asker: Asker, parts: list[str]) -> FileResponse:
    """One file, sent as it lies there."""
    if request.method not in ("GET", "HEAD"):
        raise ApiError(405, "a file is only fetched", headers={"Allow": "GET, HEAD"})
    folder, _ = _job(asker, parts[1])
    kind = parts[2].removesuffix(".ndjson")
    path = folder / "files" / f"{kind}.ndjson"
    if kind not in TYPES or not path.exists():
        raise ApiError(404, "there is no such file in this export; ask after the export again")
    with transaction.atomic():
        AuditEvent.objects.create(
            clinic=asker.clinic, actor=str(asker.token), action="fetch_export",
            record="apitoken", record_id=asker.token.pk,
            detail={"type": kind, "export": parts[1], "address": asker.address},
        )  # fmt: skip
    return FileResponse(path.open("rb"), content_type=NDJSON)


# --- the jobs in their folder


def _folder() -> Path:
    return Path(settings.DATA) / FOLDER


def _job(asker: Asker, name: str) -> tuple[Path, Job]:
    """An export of this token that is still kept. Raises ApiError 404."""
    folder = _folder() / name
    job = _read(folder / "job.json") if _NAME.fullmatch(name) else {}
    if job.get("token") != asker.token.pk:
        raise ApiError(404, "there is no such export; it may have been deleted or have expired")
    if _expires(job) <= timezone.now():
        shutil.rmtree(folder, ignore_errors=True)
        raise ApiError(404, "this export has expired and is gone; begin it anew")
    return folder, job


def _own(asker: Asker) -> Iterator[Path]:
    for folder in _folder().glob("*/"):
        if _read(folder / "job.json").get("token") == asker.token.pk:
            yield folder


def clean() -> None:
    """Take away what has expired: with each pass of the sender, and before another is begun."""
    for folder in _folder().glob("*/"):
        job = _read(folder / "job.json")
        with suppress(FileNotFoundError):  # another process was quicker
            # Without it: one that is being begun, or the rest of one that was being taken away.
            begun = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
            if (_expires(job) if job else begun + KEPT) <= timezone.now():
                shutil.rmtree(folder, ignore_errors=True)


def _expires(job: Job) -> datetime:
    return datetime.fromisoformat(job["at"]) + KEPT


def _read(path: Path) -> Job:
    try:
        found: Job = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found


def _write(path: Path, told: Job) -> None:
    """Whole or not at all: another thread may read it meanwhile."""
    draft = path.with_name(f"{path.name}-{secrets.token_hex(4)}")
    draft.write_text(json.dumps(told))
    draft.replace(path)


# --- making the files


def start(folder: Path, token: ApiToken) -> None:
    """Make the files, while the program goes on asking."""
    _write(folder / "progress.json", {"at": time.time(), "done": 0})
    threading.Thread(target=_work, args=(folder, token), daemon=True).start()


def _work(folder: Path, token: ApiToken) -> None:
    try:
        make(folder, token)
    except DossierError as error:
        _write(folder / "failed.json", {"why": str(error)})
    except Exception as error:
        if folder.exists():
            log.error("An export failed: %s", errors.without_words(error))
            why = "Enthesis made a mistake while it wrote the files; begin the export anew"
            _write(folder / "failed.json", {"why": why})
    finally:
        connections.close_all()


def make(folder: Path, token: ApiToken) -> None:
    """Write a file for each type, patient after patient, then give the folder its name. Whose
    records are in it is written down before it can be fetched."""
    job = _read(folder / "job.json")
    work = folder / f"work-{secrets.token_hex(4)}"
    work.mkdir()
    source = Source(token.clinic, files=True)
    able = _patients(token, job["since"])
    counts: dict[str, int] = {}
    files: dict[str, BinaryIO] = {}
    shown = 0.0

    def write(one: dict[str, Any]) -> None:
        kind = one["resourceType"]
        if kind not in job["types"]:
            return
        if kind not in files:
            files[kind] = (work / f"{kind}.ndjson").open("wb")
        files[kind].write(json.dumps(one, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        counts[kind] = counts.get(kind, 0) + 1

    try:
        for start in range(0, len(able), CHUNK):
            chunk = able[start : start + CHUNK]
            # Each patient as of one moment; all of them would keep the database from tidying up.
            with snapshot():
                for record in source.records(chunk):
                    for one in record.resources.values():
                        write(one)
            audit.record_reads(token.clinic, None, chunk, "fhir export", by=str(token))
            if time.monotonic() - shown > SHOW_SECONDS:
                told = {"at": time.time(), "done": start + len(chunk), "all": len(able)}
                _write(folder / "progress.json", told)
                shown = time.monotonic()
        for one in source.shared.values():
            write(one)
        if trail.KIND.name in job["types"]:
            since = _moment(job["since"]) if job["since"] else None
            about: set[int] = set()
            until = datetime.fromisoformat(job["at"])
            for event in trail.events(token.clinic, since, until, job["patients_only"]):
                if event.patient is not None:
                    about.add(event.patient)
                write(event.resource)
            new = about.difference(able)
            audit.record_reads(token.clinic, None, new, "fhir export", by=str(token))
    finally:
        for sink in files.values():
            sink.close()
    _write(work / "counts.json", counts)
    if not (folder / "files").exists():
        work.rename(folder / "files")


def _patients(token: ApiToken, since: str) -> list[int]:
    """Everybody of the clinic; with `since`, whose record was written to after it."""
    rows = Patient.objects.filter(clinic=token.clinic).order_by("number")
    if since:
        after = max(_moment(since), EARLIEST) - SEEN_LATE
        events = AuditEvent.objects.filter(clinic=token.clinic, at__gte=after)
        rows = rows.filter(pk__in=events.values("patient"))
    return list(rows.values_list("pk", flat=True))


def _moment(text: str) -> datetime:
    try:
        if "T" in text:
            return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ApiError(
        400, f"_since is a moment such as 2026-11-23T15:00:00Z, not “{text[:60]}”", "value"
    )
