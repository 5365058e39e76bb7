"""Images attached to a session: freely to a draft, with an amendment once it is signed."""

import logging
from datetime import date

from django.db import transaction
from django.utils import timezone

from enthesis.clinic import audit, image_files, store
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.actions.session_draft import refuse_signed
from enthesis.clinic.actions.treat import amend_session
from enthesis.clinic.models import Session, SessionImage, User
from enthesis.clinic.permissions import get_for
from enthesis.clinic.uploads import Checked, WrongFile, checked, shown_name
from enthesis.knowledge.uploads import UploadRules

log = logging.getLogger("enthesis.images")


def attach_image(
    user: User,
    session_id: int,
    name: str,
    data: bytes,
    today: date,
    place: tuple[str, str] = ("", ""),
    because: str = "",
) -> SessionImage:
    """Keep a file and attach it; `place` is (site, side), `because` the amendment of a signed one.

    Refused where the file is none of the kinds, too large or hides something. The file is on the
    disk before its row: whoever is killed between leaves a file that no row names, never a row
    without its file. Writing it takes no lock on the database.
    """
    session = get_for(user, Session, session_id)
    rules = store.known_for(session.course.patient.clinic, today).upload_rules
    _refuse_more(session, rules, because)
    try:
        found = checked(data, rules)
    except WrongFile as wrong:
        raise Refused(str(wrong), "file") from wrong
    try:
        sha256 = image_files.keep(found.data)
    except OSError as error:
        log.error("An image could not be kept: %s", error.strerror)
        raise Refused(
            "The image was not kept: the disk of the clinic's computer is full or cannot be "
            "written to. Tell whoever runs Enthesis, and keep the file until then."
        ) from error
    return _attach(user, session_id, name, found, sha256, rules, place, because)


@transaction.atomic
def _attach(
    user: User,
    session_id: int,
    name: str,
    found: Checked,
    sha256: str,
    rules: UploadRules,
    place: tuple[str, str],
    because: str,
) -> SessionImage:
    session = get_for(user, Session, session_id, lock=True)
    _refuse_more(session, rules, because)
    image = save(
        SessionImage(
            session=session,
            site=place[0],
            side=place[1],
            name=shown_name(name, found.kind),
            content_type=found.kind.value,
            size_bytes=len(found.data),
            sha256=sha256,
            by=user,
        )
    )
    audit.record(user, "attach_image", image, detail={"sha256": sha256})
    if session.signed_at is not None:
        amend_session(user, session.pk, f"Image added: {image.name}. {because}")
    return image


def _refuse_more(session: Session, rules: UploadRules, because: str) -> None:
    if session.images.filter(removed_at=None).count() >= rules.files_most:
        raise Refused(f"A session holds at most {rules.files_most} images, and so many are there.")
    if session.signed_at is not None and not because:
        raise Refused("The session is signed: write why the image is added now.", "because")


@transaction.atomic
def remove_image(user: User, image_id: int, because: str) -> SessionImage:
    """Take an image off a draft. The row stays, with who did it and why; so does the file."""
    image = get_for(user, SessionImage, image_id)
    session = get_for(user, Session, image.session_id, lock=True)
    image.refresh_from_db()
    refuse_signed(session)
    if image.removed_at is not None:
        raise Refused(f"{image.removed_by} removed this image already.")
    if not because:
        raise Refused("Write why the image is removed.", "because")
    image.removed_by, image.removed_at, image.removed_because = user, timezone.now(), because
    save(image)
    audit.record(user, "remove_image", image, detail={"because": because})
    return image


def read_image(user: User, image_id: int) -> tuple[SessionImage, bytes]:
    """An image to look at; that it was looked at is kept too.

    Refused where it was removed, is gone from the folder, or is not the one that was attached.
    """
    image = get_for(user, SessionImage, image_id)
    if image.removed_at is not None:
        raise Refused(f"{image.removed_by} removed this image: {image.removed_because}")
    try:
        data = image_files.fetch(image.sha256)
    except image_files.DamagedImage as damaged:
        raise Refused(
            "This image is not in the data folder as it was attached: its file is missing or its "
            "bytes have changed. Bring the folder images back from a backup."
        ) from damaged
    _note_reading(user, image)
    return image, data


@transaction.atomic
def _note_reading(user: User, image: SessionImage) -> None:
    audit.record(user, "read_image", image)
