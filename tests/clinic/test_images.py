"""Images of a session: attached, fetched as files by clinicians, removed from drafts only."""

import hashlib
import html
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from enthesis.clinic import image_files
from enthesis.clinic.actions import Refused, kept_files
from enthesis.clinic.actions import images as actions
from enthesis.clinic.actions.course_files import attach_course_file
from enthesis.clinic.actions.session_note import write_note
from enthesis.clinic.actions.treat import discard_session
from enthesis.clinic.models import Amendment, AuditEvent, Course, Session, SessionImage, User
from enthesis.clinic.pages.images import SHUT_IN
from enthesis.clinic.store import known_for
from tests.clinic.files import PAGE, chunk, jpeg, pdf, png, segment
from tests.clinic.test_treat_pages import shown
from tests.clinic.treated import agree_plan, give_session

pytestmark = pytest.mark.usefixtures("on_a_fixed_day")


@pytest.fixture
def client(client_for: Callable[[User], Client], clinician: User) -> Client:
    return client_for(clinician)


@pytest.fixture
def draft(make_course: Callable[..., Course], clinician: User) -> Session:
    course = make_course()
    agree_plan(course)
    session = give_session(course, 1, date(2026, 11, 23), clinician)
    session.signed_by = session.signed_at = None
    session.save()
    return session


@pytest.fixture
def signed(draft: Session, clinician: User) -> Session:
    draft.signed_by, draft.signed_at = clinician, timezone.now()
    draft.save()
    return draft


def send(client: Client, session: Session, name: str, data: bytes, **typed: str) -> Any:
    """The form as a browser sends it: what it calls the file's kind is not believed."""
    file = SimpleUploadedFile(name, data, content_type="text/html")
    return client.post(f"/sessions/{session.pk}/images/", {"file": file} | typed)


def words(response: Any) -> str:
    return html.unescape(response.content.decode())


def events(action: str) -> int:
    return AuditEvent.objects.filter(action=action).count()


def kept(data_folder: Path) -> list[str]:
    return sorted(path.name for path in (data_folder / "images").glob("*"))


def test_an_image_is_attached_to_a_draft_and_listed_with_its_place(
    client: Client, clinician: User, draft: Session, tmp_path: Path
) -> None:
    site = draft.sites.get()
    response = send(client, draft, "sij.png", png(), place=f"{site.site}:{site.side}")
    assert response.status_code == 302, words(response)
    row = draft.images.get()
    assert (row.site, row.side) == (site.site, site.side)
    assert (row.content_type, row.size_bytes, row.by) == ("image/png", len(png()), clinician)
    assert row.sha256 == hashlib.sha256(png()).hexdigest()
    assert kept(tmp_path) == [row.sha256]
    assert (tmp_path / "images").stat().st_mode & 0o077 == 0
    assert (tmp_path / "images" / row.sha256).stat().st_mode & 0o077 == 0
    place = known_for(draft.course.patient.clinic, draft.on).sites[site.site].name
    for page in (f"/sessions/{draft.pk}/images/", f"/sessions/{draft.pk}/"):
        text = words(client.get(page))
        assert "sij.png" in text and f"{place}, {site.side} · {clinician}" in text
    assert events("attach_image") == 1


@pytest.mark.parametrize("data", [png(), jpeg(), pdf()], ids=["png", "jpeg", "pdf"])
def test_it_is_fetched_as_a_file_that_nothing_runs_in_and_each_reading_is_kept(
    client: Client, draft: Session, data: bytes
) -> None:
    send(client, draft, "Knie “links”.html", data)
    row = draft.images.get()
    assert events("read_image") == 0
    response = client.get(f"/images/{row.pk}/")
    assert response.content == data
    assert response["Content-Type"] == row.content_type != "text/html"
    assert response["Content-Disposition"].startswith("attachment; filename")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert response["Cache-Control"] == "no-store"
    client.get(f"/images/{row.pk}/")
    event = AuditEvent.objects.filter(action="read_image").last()
    assert event and (event.record_id, event.patient) == (row.pk, draft.course.patient)
    assert events("read_image") == 2


def test_a_file_of_a_course_is_fetched_as_one_that_nothing_runs_in_too(
    client: Client, draft: Session, clinician: User
) -> None:
    on = date(2026, 11, 2)
    row = attach_course_file(clinician, draft.course_id, "Knie.html", pdf(), on)
    response = client.get(f"/files/{row.pk}/")
    assert response.content == pdf() and response["Content-Type"] == "application/pdf"
    assert response["Content-Disposition"].startswith("attachment; filename")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == SHUT_IN


def test_where_a_photograph_was_taken_is_not_kept(client: Client, draft: Session) -> None:
    send(client, draft, "a.jpg", jpeg(segment(0xE1, b"Exif\0\0 GPS 47.05")))
    assert client.get(f"/images/{draft.images.get().pk}/").content == jpeg()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "The file is empty"),
        (PAGE, "web page or an SVG, whatever its name says"),
        (png(after=PAGE), "hidden in this PNG"),
        (png(width=50_000, height=50_000), "50000 × 50000 pixels"),
        (png()[:-1], "cut off"),
    ],
    ids=["empty", "page", "polyglot", "bomb", "truncated"],
)
def test_a_wrong_file_is_refused_with_what_to_do_and_nothing_else_is_lost(
    client: Client, draft: Session, tmp_path: Path, data: bytes, told: str
) -> None:
    site = draft.sites.get()
    place = f"{site.site}:{site.side}"
    response = send(client, draft, "scan.png", data, place=place)
    assert response.status_code == 422
    assert told in words(response) and f'<option value="{place}" selected>' in words(response)
    assert not SessionImage.objects.exists() and not kept(tmp_path)


def test_a_file_above_the_limit_is_refused_and_never_held_whole(
    client: Client, draft: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = known_for(draft.course.patient.clinic, draft.on).upload_rules.bytes_most
    seen: list[int] = []
    ours = kept_files.checked
    monkeypatch.setattr(kept_files, "checked", lambda d, r: seen.append(len(d)) or ours(d, r))
    response = send(client, draft, "scan.png", png() + bytes(most + 300_000))
    assert response.status_code == 422
    assert "larger than 20\u00a0MB" in words(response)
    assert seen == [most + 1]


def test_two_files_at_once_are_no_form_of_ours(client: Client, draft: Session) -> None:
    files = [SimpleUploadedFile(name, png()) for name in ("a.png", "b.png")]
    response = client.post(f"/sessions/{draft.pk}/images/", {"file": files})
    assert response.status_code == 400 and not SessionImage.objects.exists()


def test_no_file_at_all_is_said(client: Client, draft: Session) -> None:
    response = client.post(f"/sessions/{draft.pk}/images/", {})
    assert response.status_code == 422 and "Choose a file." in words(response)


def test_the_same_image_is_attached_once(client: Client, draft: Session, tmp_path: Path) -> None:
    assert send(client, draft, "a.png", png()).status_code == 302
    again = send(client, draft, "b.png", png())
    assert again.status_code == 422 and "attached to the session already" in words(again)
    assert draft.images.count() == 1 and len(kept(tmp_path)) == 1


def test_a_session_holds_so_many_and_no_more(
    client: Client, clinician: User, draft: Session
) -> None:
    most = known_for(draft.course.patient.clinic, draft.on).upload_rules.files_most
    for number in range(most):
        SessionImage.objects.create(
            session=draft, name="a.png", content_type="image/png", size_bytes=1,
            sha256=f"{number:064}", by=clinician,
        )  # fmt: skip
    response = send(client, draft, "a.png", png())
    assert response.status_code == 422 and f"at most {most} images" in words(response)


def test_a_draft_saves_what_was_typed_on_the_way_to_its_images(
    client: Client, draft: Session
) -> None:
    typed = shown(draft) | {"note": "seen on the screen", "do": "images"}
    response = client.post(f"/sessions/{draft.pk}/", typed)
    assert response["Location"] == f"/sessions/{draft.pk}/images/"
    draft.refresh_from_db()
    assert draft.note == "seen on the screen"


def test_an_image_is_removed_from_a_draft_with_a_reason_and_its_row_stays(
    client: Client, clinician: User, draft: Session, tmp_path: Path
) -> None:
    send(client, draft, "a.png", png())
    row = draft.images.get()
    address = f"/images/{row.pk}/remove/"
    assert "Write why" in words(client.post(address, {"because": " "}, follow=True))
    assert client.get(f"/images/{row.pk}/").status_code == 200
    text = words(client.post(address, {"because": "another patient's"}, follow=True))
    row.refresh_from_db()
    assert (row.removed_by, row.removed_because) == (clinician, "another patient's")
    assert "another patient's" in text and f"/images/{row.pk}/" not in text
    assert client.get(f"/images/{row.pk}/").status_code == 409
    assert kept(tmp_path) == [row.sha256] and events("remove_image") == 1
    assert "removed this file already" in words(
        client.post(address, {"because": "twice"}, follow=True)
    )
    assert send(client, draft, "a.png", png()).status_code == 302


def test_a_signed_session_keeps_its_images_and_takes_more_with_an_amendment(
    client: Client, clinician: User, draft: Session
) -> None:
    send(client, draft, "a.png", png())
    draft.signed_by, draft.signed_at = clinician, timezone.now()
    draft.save()
    first = draft.images.get()
    refused = client.post(f"/images/{first.pk}/remove/", {"because": "no"}, follow=True)
    assert "It is only amended now" in words(refused)
    assert draft.images.filter(removed_at=None).count() == 1
    assert send(client, draft, "b.jpg", jpeg()).status_code == 422
    assert draft.images.count() == 1 and not Amendment.objects.exists()
    assert send(client, draft, "b.jpg", jpeg(), because="Sent later.").status_code == 302
    amendment = draft.amendments.get()
    assert (amendment.text, amendment.by) == ("Image added: b.jpg. Sent later.", clinician)
    text = words(client.get(f"/sessions/{draft.pk}/"))
    assert "b.jpg" in text and "Image added: b.jpg" in text


def test_a_draft_that_was_signed_meanwhile_takes_no_image_without_a_reason(
    clinician: User, signed: Session, today: date
) -> None:
    with pytest.raises(Refused, match="The session is signed"):
        actions.attach_image(clinician, signed.pk, "a.png", png(), today)
    assert not SessionImage.objects.exists()


def test_the_note_names_what_is_attached(client: Client, draft: Session) -> None:
    known = known_for(draft.course.patient.clinic, draft.on)
    assert "Attached" not in write_note(draft, known)
    send(client, draft, "a.png", png())
    send(client, draft, "b.jpg", jpeg())
    client.post(f"/images/{draft.images.all()[0].pk}/remove/", {"because": "blurred"})
    assert "Attached: b.jpg." in write_note(draft, known)


def test_another_clinic_and_the_front_desk_see_none(
    client: Client, draft: Session, stranger: User, desk: User, client_for: Callable[..., Client]
) -> None:
    send(client, draft, "a.png", png())
    row = draft.images.get()
    for user, status in ((stranger, 404), (desk, 403)):
        other = client_for(user)
        assert other.get(f"/images/{row.pk}/").status_code == status
        assert other.post(f"/images/{row.pk}/remove/", {"because": "x"}).status_code == status
        assert send(other, draft, "b.png", png()).status_code == status
    assert events("read_image") == 0 and draft.images.get() == row


def test_whoever_is_killed_between_file_and_row_leaves_a_file_and_no_row(
    clinician: User, draft: Session, today: date, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(actions, "_attach", killed)
    with pytest.raises(KeyboardInterrupt):
        actions.attach_image(clinician, draft.pk, "a.png", png(), today)
    assert not SessionImage.objects.exists() and not AuditEvent.objects.exists()
    assert kept(tmp_path) == [hashlib.sha256(png()).hexdigest()]
    monkeypatch.undo()
    assert actions.attach_image(clinician, draft.pk, "a.png", png(), today).pk


def test_a_full_disk_leaves_neither_half_a_file_nor_a_row(
    client: Client, draft: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(image_files.os, "fsync", full)
    response = send(client, draft, "a.png", png())
    assert response.status_code == 503 and "disk of the clinic's computer" in words(response)
    assert not SessionImage.objects.exists() and not kept(tmp_path)


@pytest.mark.parametrize("spoilt", [None, png(chunk(b"tRNS", b"\0\0"))], ids=["gone", "changed"])
def test_a_file_that_is_not_the_one_attached_is_not_shown(
    client: Client, draft: Session, tmp_path: Path, spoilt: bytes | None
) -> None:
    send(client, draft, "a.png", png())
    row = draft.images.get()
    file = tmp_path / "images" / row.sha256
    file.unlink() if spoilt is None else file.write_bytes(spoilt)
    response = client.get(f"/images/{row.pk}/")
    assert response.status_code == 409 and "from a backup" in words(response)
    assert events("read_image") == 0


def test_a_discarded_draft_leaves_the_hashes_of_its_images_in_the_trail(
    client: Client, clinician: User, draft: Session, tmp_path: Path
) -> None:
    send(client, draft, "a.png", png())
    sha256 = draft.images.get().sha256
    discard_session(clinician, draft.pk, None)
    event = AuditEvent.objects.get(action="discard_session")
    assert event.detail["images"] == [sha256] and kept(tmp_path) == [sha256]


def test_the_database_holds_no_other_kind_and_no_removal_without_a_reason(
    clinician: User, draft: Session
) -> None:
    given = {"session": draft, "name": "a", "size_bytes": 1, "sha256": "0" * 64, "by": clinician}
    for wrong in (
        {"content_type": "image/svg+xml"},
        {"content_type": "image/png", "removed_at": timezone.now(), "removed_by": clinician},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            SessionImage.objects.create(**given, **wrong)
