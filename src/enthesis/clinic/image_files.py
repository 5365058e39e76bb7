"""The bytes of attached images: how they come in, where they lie, and how they are read again."""

import hashlib
import os
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.utils import timezone

from enthesis.clinic.disk import sync_names
from enthesis.knowledge.load import knowledge


class DamagedImage(Exception):  # noqa: N818 (an answer, not a fault)
    """The file is gone or is not the one that was attached."""


class WithinLimit(FileUploadHandler):
    """Keeps a file in memory up to one byte more than may be attached; the rest is thrown away.

    The one byte more is how it is known to be too large (uploads.checked), and is then said.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """One begins to come in."""
        super().new_file(*args, **kwargs)
        self.held = BytesIO()
        self.most = knowledge(timezone.localdate()).upload_rules.bytes_most + 1

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """As much of it as is still wanted."""
        self.held.write(raw_data[: max(0, self.most - start)])

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        """It is in, or as much of it as is looked at."""
        size = self.held.tell()
        self.held.seek(0)
        return InMemoryUploadedFile(
            self.held,
            self.field_name,
            self.file_name,
            self.content_type,
            size,
            self.charset,
            self.content_type_extra,
        )


def folder() -> Path:
    """Beside the database, outside whatever is served: one file for each content, by its hash."""
    return Path(settings.DATA) / "images"


def keep(data: bytes) -> str:
    """Write a file whole or not at all, to the disk; its SHA-256, which is its name. OSError."""
    sha256 = hashlib.sha256(data).hexdigest()
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder(), suffix=".new", delete=False) as draft:
        try:
            draft.write(data)
            draft.flush()
            os.fsync(draft.fileno())
            os.replace(draft.name, folder() / sha256)
        except BaseException:
            os.unlink(draft.name)
            raise
    # Its name is on the disk too before a row names it.
    sync_names(folder())
    return sha256


def fetch(sha256: str) -> bytes:
    """The bytes as they were attached; DamagedImage where they are not there or are others."""
    try:
        data = (folder() / sha256).read_bytes()
    except OSError as error:
        raise DamagedImage from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DamagedImage
    return data


def forget(sha256: str) -> None:
    """Take a file off the disk; one that is gone already is as good."""
    (folder() / sha256).unlink(missing_ok=True)
