"""Images attached to a session: freely to a draft, with an amendment once it is signed."""

from datetime import date

from django.db import transaction

from enthesis.clinic import audit, store
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.actions.kept_files import bytes_of, kept, mark_removed
from enthesis.clinic.actions.session_draft import refuse_signed
from enthesis.clinic.actions.treat import amend_session
from enthesis.clinic.models import Session, SessionImage, User
from enthesis.clinic.permissions import get_for
from enthesis.clinic.uploads import Checked, shown_name
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
    found, sha256 = kept(data, rules)
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
    mark_removed(image, user, because)
    save(image)
    audit.record(user, "remove_image", image, detail={"because": because})
    return image


def read_image(user: User, image_id: int) -> tuple[SessionImage, bytes]:
    """An image to look at; that it was looked at is kept too. Refused as by kept_files.bytes_of."""
    image = get_for(user, SessionImage, image_id)
    data = bytes_of(image)
    _note_reading(user, image)
    return image, data


@transaction.atomic
def _note_reading(user: User, image: SessionImage) -> None:
    audit.record(user, "read_image", image)
