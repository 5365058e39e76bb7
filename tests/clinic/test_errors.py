"""The pages for when something is wrong."""

import logging
from collections.abc import Callable

import pytest
from django.db import OperationalError
from django.test import Client, override_settings

from enthesis.clinic import errors
from enthesis.clinic.models import User
from enthesis.clinic.pages import today


@pytest.fixture
def client(client_for: Callable[[User], Client], clinician: User) -> Client:
    client = client_for(clinician)
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (OperationalError("database is locked"), 503, "Wait a minute"),
        (OperationalError("database or disk is full"), 503, "was not saved"),
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
    assert response["Cache-Control"] == "no-store"


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


@override_settings(ALLOWED_HOSTS=["localhost"])
def test_a_wrong_host_is_refused() -> None:
    assert (
        Client(raise_request_exception=False).get("/", HTTP_HOST="evil.example").status_code == 400
    )


def test_the_secret_of_a_personal_link_stays_out_of_the_logs() -> None:
    record = logging.LogRecord(
        "django.request", logging.ERROR, "", 0, "Internal Server Error: %s", ("/a/s3cret/2/",), None
    )
    errors.HideLinks().filter(record)
    assert record.getMessage() == "Internal Server Error: /a/…/2/"
