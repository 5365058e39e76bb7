"""Images attached to a session: freely to a draft, with an amendment once it is signed."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import transaction

from enthesis.clinic import audit, store
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.actions.kept_files import kept, mark_removed, read_kept
from enthesis.clinic.actions.session_draft import refuse_signed
from enthesis.clinic.actions.treat import amend_session
from enthesis.clinic.models import Session, SessionImage, User
from enthesis.clinic.permissions import get_for
from enthesis.knowledge.uploads import UploadRules


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

    Refused where the file is none of the kinds, too large or hides something (kept_files.kept).
    """
    session = get_for(user, Session, session_id)
    rules = store.known_for(session.course.patient.clinic, today).upload_rules
    _refuse_more(session, rules, because)
    return _attach(user, session_id, kept(name, data, rules), rules, place, because)


@transaction.atomic
def _attach(
    user: User,
    session_id: int,
    file: Mapping[str, Any],
    rules: UploadRules,
    place: tuple[str, str],
    because: str,
) -> SessionImage:
    session = get_for(user, Session, session_id, lock=True)
    _refuse_more(session, rules, because)
    image = save(SessionImage(session=session, site=place[0], side=place[1], by=user, **file))
    audit.record(user, "attach_image", image, detail={"sha256": image.sha256})
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
    mark_removed(image, user, because)
    save(image)
    audit.record(user, "remove_image", image, detail={"because": because})
    return image


def read_image(user: User, image_id: int) -> tuple[SessionImage, bytes]:
    """An image to look at (kept_files.read_kept)."""
    return read_kept(user, SessionImage, image_id, "read_image")
