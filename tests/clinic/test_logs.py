"""Log lines: one for each thing that happened, nothing of patients, none that a name can forge."""

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st

from enthesis.clinic import errors, logs, models
from enthesis.clinic.pages import patients

pytestmark = pytest.mark.alike
FORGED = "Lindqvist\r\n2026-11-23T15:00:00.000Z INFO enthesis: signed in\x1b[2J\u2028x\x85y\ud800"


@pytest.fixture
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What the handler of the settings would write, as JSON, of all our loggers."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(errors.HideLinks())
    handler.setFormatter(logs.Json())
    ours = [logging.getLogger(name) for name in ("django", "enthesis")]
    level = logs.log.level
    logs.log.setLevel(logging.INFO)
    for one in ours:
        one.addHandler(handler)
    yield out
    for one in ours:
        one.removeHandler(handler)
    logs.log.setLevel(level)


def line_of(text: str, formatter: logging.Formatter) -> str:
    record = logging.LogRecord("enthesis", logging.INFO, "", 0, "Kept: %s", (text,), None)
    errors.HideLinks().filter(record)
    return formatter.format(record)


@example(FORGED)
@given(st.text(st.characters(exclude_categories=())))
def test_no_text_can_end_a_line_or_hide_in_it(text: str) -> None:
    for formatter in (logs.Line(), logs.Json()):
        line = line_of(text, formatter)
        assert len(line.splitlines()) == 1
        assert not logs.UNSEEN.search(line) and "\x1b" not in line
        line.encode()
    assert json.loads(line)["message"].startswith("Kept:")


@given(st.text(), st.text())
def test_two_different_texts_never_look_the_same(one: str, other: str) -> None:
    assert (logs.one_line(one) == logs.one_line(other)) is (one == other)


def test_a_fault_is_told_with_its_place_and_without_a_word_of_the_patient(
    client_for: Callable[[models.User], Client],
    clinician: models.User,
    make_patient: Callable[..., models.Patient],
    written: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patient = make_patient(family="Quistgaard", given="Ottilie")

    def fail(*_: object, **__: object) -> None:
        raise LookupError(f"{patient.family}, {patient.given}: {FORGED}")

    monkeypatch.setattr(patients, "get_for", fail)
    client = client_for(clinician)
    client.raise_request_exception = False
    answer = client.get(f"/patients/{patient.pk}/?q=Quistgaard", headers={"X-Request-Id": "a" * 32})
    assert answer.status_code == 500 and answer[logs.HEADER] == "a" * 32
    told = [json.loads(line) for line in written.getvalue().splitlines()]
    assert {one["request"] for one in told} == {"a" * 32}
    fault, asked = told
    assert "LookupError" in fault["message"] and "pages/patients.py" in fault["message"]
    assert asked["page"] == "patient" and asked["status"] == 500 and asked["user"] == clinician.pk
    for shown in (written.getvalue(), answer.content.decode()):
        assert "Quistgaard" not in shown and "Ottilie" not in shown and "Lindqvist" not in shown


def test_a_request_with_a_forged_name_gets_one_of_ours(client: Client, db: None) -> None:
    for given_ in ("short", "a" * 65, "ab cd efgh", "abcdefgh\n"):
        name = client.get("/health", headers={"X-Request-Id": given_})[logs.HEADER]
        assert name != given_ and len(name) == 16


def test_a_request_is_told_by_its_page_not_by_its_address(
    client: Client, db: None, written: io.StringIO
) -> None:
    client.get("/a/s3cret-of-a-patient/?family=Quistgaard")
    (told,) = [json.loads(line) for line in written.getvalue().splitlines()]
    assert (told["method"], told["page"], told["status"]) == ("GET", "answer", 404)
    assert "s3cret" not in written.getvalue() and "Quistgaard" not in written.getvalue()


def test_what_is_typed_stays_out_of_the_logs_even_where_its_page_fails(
    client: Client, db: None, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = {"username": "Quistgaard", "password": "pass-w0rd-typed"}
    client.raise_request_exception = False
    assert client.post("/sign-in/", typed).status_code == 422

    def fail(*_: object, **given: object) -> None:
        raise LookupError(given)

    monkeypatch.setattr("enthesis.clinic.pages.sign_in.authenticate", fail)
    answer = client.post("/sign-in/", typed | {"password": "pass-w0rd-failed"})
    assert answer.status_code == 500 and "LookupError" in written.getvalue()
    for shown in (written.getvalue(), answer.content.decode()):
        assert "pass-w0rd" not in shown and "Quistgaard" not in shown
