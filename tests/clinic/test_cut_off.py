"""A request of which only the beginning came, as over a connection that broke off."""

import io
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signals import request_started
from django.db import close_old_connections
from django.test import Client, RequestFactory
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from hypothesis import given
from hypothesis import strategies as st

from enthesis.clinic import models
from enthesis.clinic.wsgi import WholeBody, application
from tests.clinic.fhir import token_for
from tests.clinic.files import png
from tests.clinic.test_answer_pages import asked, link_to
from tests.clinic.treated import agree_plan, give_session

pytestmark = pytest.mark.usefixtures("on_a_fixed_day")
JSON = "application/fhir+json"
URLENCODED = "application/x-www-form-urlencoded"


class Stalled(io.BytesIO):
    """As a connection over which nothing comes any more."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise BlockingIOError(11, "Resource temporarily unavailable")


def send(
    client: Client, path: str, body: bytes, kind: str, came: io.BytesIO, **headers: str
) -> tuple[int, str]:
    """What the whole application answers, as a web server calls it: status and text."""
    environ: dict[str, Any] = RequestFactory().generic("POST", path, body, kind, **headers).environ
    environ["HTTP_COOKIE"] = "; ".join(f"{c.key}={c.value}" for c in client.cookies.values())
    environ["wsgi.input"] = came
    told = list[str]()
    request_started.disconnect(close_old_connections)  # the test's own transaction is in it
    try:
        response = application(environ, lambda status, _: told.append(status))
    finally:
        request_started.connect(close_old_connections)
    return int(told[0][:3]), b"".join(response).decode()


@pytest.fixture
def course(make_course: Callable[..., models.Course]) -> models.Course:
    course = make_course()
    agree_plan(course)
    return course


def test_answers_that_were_cut_off_anywhere_are_not_kept(
    course: models.Course, clinician: models.User
) -> None:
    client, address = Client(), link_to(course, clinician)
    page = client.get(address)
    ids = asked(page)
    fields = {"csrfmiddlewaretoken": str(page.context["csrf_token"]), "screen": ids[0]}
    fields |= {id: "none" if id == "danger" else "4" for id in ids}
    body = urlencode(fields).encode()
    for length in range(0, len(body), 9):
        for came in (io.BytesIO(body[:length]), Stalled()):
            status, told = send(client, address, body, URLENCODED, came)
            assert status == 408 and "did not arrive whole" in told and "no llegó" in told
    assert not course.assessments.exists()
    status, _ = send(client, address, body, URLENCODED, io.BytesIO(body))
    assert status == 302 and course.assessments.exists()


def test_an_upload_that_was_cut_off_is_not_kept(
    course: models.Course, clinician: models.User, client_for: Callable[[models.User], Client]
) -> None:
    session = give_session(course, 1, date(2026, 11, 23), clinician)
    session.signed_by = session.signed_at = None
    session.save()
    client, address = client_for(clinician), f"/sessions/{session.pk}/images/"
    token = str(client.get(address).context["csrf_token"])
    fields = {"csrfmiddlewaretoken": token, "file": SimpleUploadedFile("a.png", png()), "note": "n"}
    body = encode_multipart(BOUNDARY, fields)
    for length in range(0, len(body), len(body) // 9):
        status, told = send(client, address, body, MULTIPART_CONTENT, io.BytesIO(body[:length]))
        assert status == 408 and "Nothing of it was saved" in told
    assert not session.images.exists()
    status, _ = send(client, address, body, MULTIPART_CONTENT, io.BytesIO(body))
    assert status == 302 and session.images.count() == 1


def test_a_program_is_told_so_too(clinic: models.Clinic) -> None:
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": []}).encode()
    program = f"Bearer {token_for(clinic)[1]}"
    for came in (io.BytesIO(body[:-5]), Stalled()):
        status, told = send(Client(), "/fhir/", body, JSON, came, HTTP_AUTHORIZATION=program)
        assert status == 408 and json.loads(told)["issue"][0]["code"] == "timeout"


@given(
    st.text(alphabet="a\n").map(str.encode),
    st.integers(0, 40),
    st.lists(st.tuples(st.sampled_from(["read", "readline"]), st.integers(-1, 20))),
)
def test_no_more_than_the_body_is_read_and_no_less(
    sent: bytes, length: int, how: list[tuple[str, int]]
) -> None:
    body, read = WholeBody(io.BytesIO(sent), length), b""
    with suppress(ConnectionAbortedError):
        for name, size in [*how, ("read", -1)]:
            read += getattr(body, name)(size)
        assert read == sent[:length] and len(read) == length
        return
    assert len(sent) < length
