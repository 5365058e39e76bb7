"""What attaching, taking off and reading have in common, whatever a file is attached to."""

from typing import Any, TypeVar

from django.db import transaction
from django.utils import timezone

from enthesis.clinic import audit, image_files
from enthesis.clinic.actions import Refused
from enthesis.clinic.models import KeptFile, User
from enthesis.clinic.permissions import get_for
from enthesis.clinic.uploads import WrongFile, checked, shown_name
from enthesis.knowledge.uploads import UploadRules

F = TypeVar("F", bound=KeptFile)


def kept(name: str, data: bytes, rules: UploadRules) -> dict[str, Any]:
    """Keep a file on the disk: the columns of its row that tell which it is.

    Refused where it is none of the kinds, too large or hides something; OSError where the disk is
    full or cannot be written to. The file is on the disk before its row: whoever is killed between
    leaves a file that no row names, never a row without its file. Writing it takes no lock on the
    database; but the form of a page holds one around all that it does (`sending.once`).
    """
    try:
        found = checked(data, rules)
    except WrongFile as wrong:
        raise Refused(str(wrong), "file") from wrong
    sha256 = image_files.keep(found.data)
    return {
        "name": shown_name(name, found.kind),
        "content_type": found.kind.value,
        "size_bytes": len(found.data),
        "sha256": sha256,
    }


def mark_removed(row: KeptFile, user: User, because: str) -> None:
    """Note on an unsaved row who takes it off and why. Refused twice, and without a reason."""
    if row.removed_at is not None:
        raise Refused(f"{row.removed_by} removed this file already.")
    if not because:
        raise Refused("Write why the file is removed.", "because")
    row.removed_by, row.removed_at, row.removed_because = user, timezone.now(), because


def read_kept(user: User, kind: type[F], id: int, action: str) -> tuple[F, bytes]:
    """A file to look at; that it was looked at is kept too, as `action`. Refused where it was
    removed, is gone from the folder, or is not the one that was attached."""
    row = get_for(user, kind, id)
    data = _bytes_of(row)
    with transaction.atomic():
        audit.record(user, action, row)
    return row, data


def _bytes_of(row: KeptFile) -> bytes:
    if row.removed_at is not None:
        raise Refused(f"{row.removed_by} removed this file: {row.removed_because}")
    try:
        return image_files.fetch(row.sha256)
    except image_files.DamagedImage as damaged:
        raise Refused(
            "This file is not in the data folder as it was attached: it is missing or its bytes "
            "have changed. Bring the folder images back from a backup."
        ) from damaged
