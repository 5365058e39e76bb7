"""The pages for when something is wrong."""

import io
import logging
import socket
from collections.abc import Callable

import pytest
from django.db import OperationalError
from django.test import Client, override_settings

from enthesis.clinic import errors
from enthesis.clinic.models import User
from enthesis.clinic.pages import today
from enthesis.clinic.server import _Server
from tests.clinic.test_access import assert_safe


@pytest.fixture
def client(client_for: Callable[[User], Client], clinician: User) -> Client:
    client = client_for(clinician)
    client.raise_request_exception = False
    return client


def refused(**codes: str) -> OperationalError:
    """As the database's own module gives its reason."""
    error = OperationalError("refused")
    error.__cause__ = Exception()
    vars(error.__cause__).update(codes)
    return error


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (refused(sqlite_errorname="SQLITE_BUSY"), 503, "was not saved. Wait a minute"),
        (refused(sqlite_errorname="SQLITE_FULL"), 503, "was not saved"),
        (refused(sqlstate="57P01"), 503, "not certain whether what you sent was saved"),
        (OperationalError("server closed the connection"), 503, "look whether it is there"),
        (ZeroDivisionError("patient Lindqvist"), 500, "was not saved"),
    ],
)
def test_a_failure_says_what_to_do_and_nothing_of_the_inside(
    client: Client, monkeypatch, raised: Exception, status: int, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(today, "day", fail)
    response = client.get("/")
    page = response.content.decode()
    assert response.status_code == status
    assert said in page
    assert "Lindqvist" not in page and "Traceback" not in page and "locked" not in page
    assert_safe(response, "a failure")


def test_a_page_that_is_not_there_leads_back(client: Client) -> None:
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert 'href="/"' in response.content.decode()


def test_a_forged_form_is_refused_with_what_to_do(clinician: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(clinician)
    response = client.post("/patients/add/", {"family": "X"})
    assert response.status_code == 403
    assert "reload the page" in response.content.decode()
    assert_safe(response, "a forged form")


@override_settings(ALLOWED_HOSTS=["localhost"])
def test_a_wrong_host_is_refused() -> None:
    response = Client(raise_request_exception=False).get("/", HTTP_HOST="evil.example")
    assert response.status_code == 400
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_the_secret_of_a_personal_link_stays_out_of_the_logs() -> None:
    record = logging.LogRecord(
        "django.request", logging.ERROR, "", 0, "Internal Server Error: %s", ("/a/s3cret/2/",), None
    )
    errors.HideLinks().filter(record)
    assert record.getMessage() == "Internal Server Error: /a/…/2/"


def test_a_traceback_keeps_the_secret_out_of_the_logs_too() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(errors.HideLinks())
    log = logging.Logger("apart")
    log.addHandler(handler)
    words = f"{'Lind'}{'qvist'} /a/{'s3'}{'cret'}/2/"  # no line of code, which is shown, has them
    try:
        try:
            raise KeyError(words)
        except KeyError as cause:
            raise LookupError(words) from cause
    except LookupError:
        log.exception("Internal Server Error", stack_info=True)
    said = out.getvalue()
    assert "s3cret" not in said and "Lindqvist" not in said
    assert "LookupError" in said and "after KeyError" in said and "test_errors.py" in said
    assert "Traceback" in said


def test_the_web_servers_own_log_hides_links_too() -> None:
    with socket.socket() as taken:
        _Server(taken, 1, lambda: None)
    log = logging.getLogger("gunicorn.error")
    record = log.makeRecord(
        log.name, logging.ERROR, "", 0, "Error handling request %s", ("/a/s3cret/",), None
    )
    assert log.filter(record)
    assert record.getMessage() == "Error handling request /a/…/"
