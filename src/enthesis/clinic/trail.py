"""Whether the audit trails are whole, and the heads that are carried away to compare with later.

A trail that was changed by somebody who can write to the database itself shows in one of three
ways: a row no longer has the content of its hash, a digest no longer follows from the one before,
or a head that was carried away earlier (`Head`, one line of the anchors) is no longer met. Without
an anchor from outside nobody can tell that the end of a trail was cut off.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from django.conf import settings
from django.db import models as db
from django.utils import timezone

from enthesis.clinic import chain
from enthesis.clinic.disk import sync_names
from enthesis.clinic.models import AccessEvent, AuditEvent, Chained
from enthesis.shape import read

TRAILS: tuple[type[Chained], ...] = (AuditEvent, AccessEvent)
ANCHORS = "audit-anchors.jsonl"
SHOWN = 20
"""Problems of one trail that are told one by one: after a cut every row is one."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last row of a trail on some day: an earlier trail ends so, a later one runs through."""

    trail: str
    place: int
    digest: str
    at: str


class AnchorError(ValueError):
    """The anchors cannot be read: which line, and what to do."""


def heads() -> list[Head]:
    """The last row of each trail, now; a trail without a row has none."""
    now = timezone.now().isoformat(timespec="seconds")
    found = []
    for kind in TRAILS:
        last = _rows(kind).order_by("-place").first()
        if last is not None:
            found.append(Head(str(kind._meta.model_name), _place(last), last.digest, now))
    return found


def problems(
    anchors: Iterable[Head] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
    kinds: Sequence[type[Chained]] = TRAILS,
) -> list[str]:
    """What is wrong with the trails; empty where every row and every anchor is as it was. `kinds`
    are the trails as they were in an older release."""
    kept: dict[str, dict[int, Head]] = {}
    found = []
    for head in anchors:
        known = kept.setdefault(head.trail, {}).setdefault(head.place, head)
        if known.digest != head.digest:
            found.append(f"anchors: two of {head.trail} {head.place} differ; one was changed")
    total, done = sum(kind._default_manager.count() for kind in kinds), 0
    for kind in kinds:
        own: list[str] = []
        for problem in _of(kind, kept.get(str(kind._meta.model_name), {})):
            if problem:
                own.append(problem)
            else:
                done += 1
                progress(done, total)
        more = len(own) - SHOWN
        found += own[:SHOWN] + ([f"and {more} more of this trail"] if more > 0 else [])
    return found


def _rows(kind: type[Chained]) -> "db.QuerySet[Chained]":
    return kind._default_manager.filter(place__isnull=False)


def _place(row: Chained) -> int:
    return cast(int, row.place)


def _of(kind: type[Chained], anchors: dict[int, Head]) -> Iterator[str]:
    """A sentence for each problem, and "" for each row that was looked at."""
    name = kind._meta.model_name
    for row in kind._default_manager.filter(place=None).order_by("pk"):
        yield f"{name} row {row.pk}: it is not bound to the trail; it was put in past the triggers"
        yield ""
    expected, before = 1, ""
    for row in _rows(kind).order_by("place").iterator(2000):
        place = _place(row)
        if place != expected:
            yield f"{name} {expected} to {place - 1}: missing; they were deleted"
        if row.content_sha256 != chain.content_of(row):
            yield f"{name} {place} (row {row.pk}): its content was changed"
        if place == expected and row.digest != chain.bind(before, row.content_sha256):
            yield f"{name} {place} (row {row.pk}): does not follow from the row before"
        head = anchors.get(place)
        if head and head.digest != row.digest:
            yield f"{name} {place}: not the row that stood here on {head.at}"
        expected, before = place + 1, row.digest
        yield ""
    cut = [place for place in anchors if place >= expected]
    if cut:
        yield (
            f"{name}: ends at {expected - 1}, but reached {max(cut)} on "
            f"{anchors[max(cut)].at}; the end was cut off"
        )


def anchors_file() -> Path:
    """Where the heads are kept beside the database; what counts is a copy elsewhere."""
    return Path(settings.DATA) / ANCHORS


def read_anchors(file: Path) -> list[Head]:
    """The heads that were carried away; none where there is no file. Raises AnchorError."""
    if not file.exists():
        return []
    found: list[Head] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append(read(Head, json.loads(line)))
        except ValueError as error:
            raise AnchorError(
                f"{file.name}, line {number} is no anchor; take the file from a backup"
            ) from error
    return found


def anchor(file: Path) -> list[Head]:
    """Add the heads as they are now to the file: whole or, on a full disk, not at all."""
    now = heads()
    before = file.read_bytes() if file.exists() else b""
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        with draft.open("wb") as out:
            out.write(before)
            out.writelines(json.dumps(asdict(head)).encode() + b"\n" for head in now)
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, file)
    finally:
        draft.unlink(missing_ok=True)
    sync_names(file.parent)
    return now
