"""One clinic with a record of every kind and a link of every kind, and the clinic next door: built
once for the tests that go to every address.

`from tests.clinic.everywhere import *` brings `site` and what each test of it needs around it. What
a test changes is undone after it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import pytest
import time_machine
from django.conf import settings as configured
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Concat
from django.test import Client
from django.urls import URLPattern
from pytest_django import DjangoDbBlocker

from enthesis.clinic import enquiries, models
from enthesis.clinic.actions import answer, calendar_feed, consent, outbox
from enthesis.clinic.actions.estimate import make_estimate_link
from enthesis.clinic.models import Role
from enthesis.clinic.permissions import every_url
from tests.clinic import evaluated, test_access
from tests.clinic.test_access import PAGES, address
from tests.clinic_fixtures import make_user

__all__ = ["EVERY", "PAGES", "Site", "address", "every_url", "on_this_day", "share", "site"]

T = TypeVar("T")
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
# How much of a long sweep one run does: every 40th, another 40th each day; ENTHESIS_EVERY=1: all.
EVERY = int(os.environ.get("ENTHESIS_EVERY", "40"))
TURN = date.today().toordinal()  # noqa: DTZ011 (which day it is does not matter, only that it moves)


def share(many: list[T], every: int = EVERY) -> list[T]:
    """What of a long list is today's turn; a sweep names in its failure what it was at."""
    return many[TURN % every :: every] if every > 1 else many


@dataclass(frozen=True)
class Site:
    """`ids` by the name that an address gives them, of the clinic and of the one next door;
    `links` the secrets of the personal links, by what they open."""

    clinic: models.Clinic
    other: models.Clinic
    ids: dict[str, Any]
    others: dict[str, Any]
    links: dict[str, str]
    users: dict[str, models.User]
    sessions: dict[str, str]
    data: Path

    def client(self, role: str, **given: Any) -> Client:
        """Signed in at the clinic with the role."""
        client = Client(**given)
        client.cookies[configured.SESSION_COOKIE_NAME] = self.sessions[role]
        return client

    def best(self, page: URLPattern, **given: Any) -> Client:
        """Somebody who may open the page; for a public one nobody in particular."""
        roles = PAGES[str(page.name)].roles
        return self.client(sorted(roles)[0], **given) if roles else Client(**given)


def _fill(clinic: models.Clinic, word: str) -> tuple[dict[str, models.User], dict[str, Any]]:
    """Its staff, and a record of every kind that an address names."""
    users = {role.value: make_user(clinic, f"{word}_{role.value}", role) for role in Role}
    clinician, desk = users[Role.CLINICIAN], users[Role.FRONT_DESK]

    def make_course(**fields: Any) -> models.Course:
        patient = models.Patient.objects.create(
            clinic=clinic, number=1001 + models.Patient.objects.count(), family="Lindqvist",
            given="Marta", born_on=date(1968, 3, 14), sex="female", phone="(555) 0142",
            email="marta@example.org",
        )  # fmt: skip
        given = {"condition": "low_back", "side": "left", "opened_on": date(2026, 9, 1)}
        return models.Course.objects.create(
            patient=patient, clinician=clinician, **{**given, **fields}
        )

    def make_appointment(course: models.Course, at: datetime, **fields: Any) -> models.Appointment:
        return models.Appointment.objects.create(
            course=course, clinician=clinician, starts_at=at, kind="session", **fields
        )

    ids = test_access.ids.__wrapped__(make_course, make_appointment, clinician, desk)
    # A course before its first session, with a draft of one.
    course = make_course()
    client = Client()
    client.force_login(clinician)
    evaluated.plan(client, course, clinician, NOW.date())
    client.post(f"/courses/{course.pk}/sessions/start/")
    draft = course.sessions.first()
    return users, ids | {"planned_id": course.pk, "draft_id": draft.pk if draft else 0}


def _session(user: models.User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies[configured.SESSION_COOKIE_NAME].value


def _make_room() -> None:
    """What may be there once only, of the first clinic: the second gets the same."""
    models.ApiToken.objects.update(token_hash="1" * 64)
    for kind, name in (
        (models.LedgerEntry, "request_key"),
        (models.AdverseEvent, "request_key"),
        (models.CardProblem, "payment"),
        (models.Enquiry, "proof"),
    ):
        kind.objects.update(**{name: Concat(name, Value(" own"))})


def _links(ids: dict[str, Any], users: dict[str, models.User]) -> dict[str, str]:
    by = users[Role.CLINICIAN]
    course, planned = ids["course_id"], ids["planned_id"]
    patient = models.Patient.objects.get(pk=ids["patient_id"])
    return {
        "answers": answer.make_link(by, course, "recheck", NOW.date())[1],
        "sheet": answer.make_sheet_link(by, course)[1],
        "statement": answer.make_statement_link(by, course)[1],
        "consent": consent.make_consent_link(by, planned)[1],
        "estimate": make_estimate_link(by, ids["estimate_id"])[1],
        "feed": calendar_feed.make_feed(by, "initials", True)[1],
        "stop": outbox.stop_token(patient),
        "asked": enquiries.own_token(models.Enquiry.objects.get(pk=ids["enquiry_id"])),
    }


# Where the secret of each kind of link stands.
OPENS = {
    "answers": "answer",
    "sheet": "answer",
    "statement": "answer",
    "consent": "sign_consent",
    "estimate": "read_estimate",
    "feed": "read_calendar_feed",
    "stop": "stop",
    "asked": "asked",
}


@pytest.fixture(scope="module")
def site(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """Both clinics in a transaction around all tests of a file."""
    data = tmp_path_factory.mktemp("site")
    with (
        django_db_blocker.unblock(),
        time_machine.travel(NOW, tick=False),
        mock.patch.multiple(configured, DATA=data, SECOND_FACTOR=False),
        transaction.atomic(),
    ):
        clinic, other = (
            models.Clinic.objects.create(name=name, phone=phone, takes_questions=True)
            for name, phone in (("Harbour Clinic", "(555) 0100"), ("Hill Clinic", "(555) 0200"))
        )
        users, ids = _fill(clinic, "own")
        _make_room()
        _others, others = _fill(other, "next")
        sessions = {role: _session(user) for role, user in users.items()}
        yield Site(clinic, other, ids, others, _links(ids, users), users, sessions, data)
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def on_this_day(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch, site: Site) -> Any:
    """Noon, the data of the site, and paper that is not printed but can be read."""
    settings.DATA = site.data
    for place in ("enthesis.outcomes.paper", "enthesis.clinic.actions.consent"):
        monkeypatch.setattr(f"{place}.pdf_of", lambda page, *_: b"%PDF" + page.encode())
    with time_machine.travel(NOW, tick=False):
        yield


@contextmanager
def undone() -> Iterator[None]:
    """What is written within is not kept."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
