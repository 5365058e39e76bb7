"""What attaching, taking off and reading have in common, whatever a file is attached to."""

import logging

from django.utils import timezone

from enthesis.clinic import image_files
from enthesis.clinic.actions import Refused
from enthesis.clinic.models import KeptFile, User
from enthesis.clinic.uploads import Checked, WrongFile, checked
from enthesis.knowledge.uploads import UploadRules

log = logging.getLogger("enthesis.images")


def kept(data: bytes, rules: UploadRules) -> tuple[Checked, str]:
    """The file as it was let in, on the disk, with its SHA-256.

    Refused where it is none of the kinds, too large or hides something. The file is on the disk
    before its row: whoever is killed between leaves a file that no row names, never a row without
    its file. Writing it takes no lock on the database.
    """
    try:
        found = checked(data, rules)
    except WrongFile as wrong:
        raise Refused(str(wrong), "file") from wrong
    try:
        return found, image_files.keep(found.data)
    except OSError as error:
        log.error("A file could not be kept: %s", error.strerror)
        raise Refused(
            "The file was not kept: the disk of the clinic's computer is full or cannot be "
            "written to. Tell whoever runs Enthesis, and keep the file until then."
        ) from error


def mark_removed(row: KeptFile, user: User, because: str) -> None:
    """Note on an unsaved row who takes it off and why. Refused twice, and without a reason."""
    if row.removed_at is not None:
        raise Refused(f"{row.removed_by} removed this file already.")
    if not because:
        raise Refused("Write why the file is removed.", "because")
    row.removed_by, row.removed_at, row.removed_because = user, timezone.now(), because


def bytes_of(row: KeptFile) -> bytes:
    """The bytes of a file. Refused where it was removed, is gone from the folder, or is not the
    one that was attached."""
    if row.removed_at is not None:
        raise Refused(f"{row.removed_by} removed this file: {row.removed_because}")
    try:
        return image_files.fetch(row.sha256)
    except image_files.DamagedImage as damaged:
        raise Refused(
            "This file is not in the data folder as it was attached: it is missing or its bytes "
            "have changed. Bring the folder images back from a backup."
        ) from damaged
