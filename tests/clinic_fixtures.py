"""A small clinic in the database, shared by the tests of pages and of journeys in the browser.

`clinician`, `desk` and `admin` work at `clinic`; `make_patient()` and `make_course()` fill it;
`client_for(user)` is a signed-in test client. `other_clinic` and `stranger` are next door.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.utils import timezone

from enthesis.clinic import models

PASSWORD = "a quiet harbour at noon"  # noqa: S105 (of tests only)
TODAY = date(2026, 11, 23)


@cache
def _hashed() -> str:
    # Argon2 is slow on purpose: one hash serves all users of a run.
    return make_password(PASSWORD)


def make_user(clinic: models.Clinic, username: str, role: models.Role) -> models.User:
    return models.User.objects.create(
        clinic=clinic,
        username=username,
        role=role,
        display_name=username.replace("_", " ").title(),
        password=_hashed(),
    )


def patients_phone(address: str, born_on: date = date(1968, 3, 14)) -> Client:
    """A browser in which the birth date was told at a personal link; as made by `make_patient`."""
    phone = Client()
    told = {"month": born_on.month, "day": born_on.day, "year": born_on.year}
    assert phone.post(address, told).status_code == 302
    return phone


@pytest.fixture
def on_a_fixed_day() -> Iterator[None]:
    """TODAY, in the morning at the clinic; a file asks for it once for all of its tests."""
    with time_machine.travel("2026-11-23 15:00Z", tick=False):
        yield


@pytest.fixture(autouse=True)
def own_data(settings: Any, tmp_path: Path) -> None:
    """Each test keeps its registry to itself, and signs in with the password alone: the second
    step has tests of its own."""
    settings.DATA = tmp_path
    settings.SECOND_FACTOR = False


@pytest.fixture
def clinic(db: None) -> models.Clinic:
    return models.Clinic.objects.create(
        name="Harbour Clinic", phone="(555) 0100", time_zone="America/New_York"
    )


@pytest.fixture
def clinician(clinic: models.Clinic) -> models.User:
    return make_user(clinic, "dr_amara_osei", models.Role.CLINICIAN)


@pytest.fixture
def desk(clinic: models.Clinic) -> models.User:
    return make_user(clinic, "sam_desk", models.Role.FRONT_DESK)


@pytest.fixture
def admin(clinic: models.Clinic) -> models.User:
    return make_user(clinic, "ada_admin", models.Role.ADMINISTRATOR)


@pytest.fixture
def other_clinic(db: None) -> models.Clinic:
    return models.Clinic.objects.create(name="Hill Clinic", phone="(555) 0200")


@pytest.fixture
def stranger(other_clinic: models.Clinic) -> models.User:
    """A clinician of the clinic next door."""
    return make_user(other_clinic, "dr_next_door", models.Role.CLINICIAN)


@pytest.fixture
def client_for() -> Callable[[models.User], Client]:
    """`client_for(user)`: a client that is signed in as that user."""

    def signed_in(user: models.User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def make_patient(clinic: models.Clinic) -> Callable[..., models.Patient]:
    """`make_patient(**fields)`: a patient of `clinic`, numbered on from 1001."""

    def make(**fields: Any) -> models.Patient:
        number = 1001 + models.Patient.objects.count()
        defaults = {
            "clinic": clinic,
            "number": number,
            "family": "Lindqvist",
            "given": "Marta",
            "born_on": date(1968, 3, 14),
            "sex": "female",
            "phone": "(555) 0142",
        }
        return models.Patient.objects.create(**{**defaults, **fields})

    return make


@pytest.fixture
def make_course(
    make_patient: Callable[..., models.Patient], clinician: models.User
) -> Callable[..., models.Course]:
    """`make_course(patient=None, **fields)`: a low-back course opened 1 Sep 2026."""

    def make(patient: models.Patient | None = None, **fields: Any) -> models.Course:
        defaults = {
            "patient": patient or make_patient(),
            "condition": "low_back",
            "side": "left",
            "opened_on": date(2026, 9, 1),
            "clinician": clinician,
        }
        return models.Course.objects.create(**{**defaults, **fields})

    return make


@pytest.fixture
def make_appointment() -> Callable[..., models.Appointment]:
    """`make_appointment(course, at, **fields)`: booked with the course's clinician."""

    def make(course: models.Course, at: datetime, **fields: Any) -> models.Appointment:
        defaults = {
            "course": course,
            "clinician": course.clinician,
            "starts_at": at,
            "kind": "session",
        }
        return models.Appointment.objects.create(**{**defaults, **fields})

    return make


def session_days_ago(course: models.Course, days: int) -> models.Course:
    """One signed session so many days before today; the start is not asked any more."""
    on = timezone.localdate() - timedelta(days=days)
    models.Session.objects.create(
        course=course, number=1, on=on, mixtures=[], signed_at=timezone.now()
    )
    return course


def writing_clinic(**fields: Any) -> models.Clinic:
    """A clinic that writes to its patients, at any hour and day."""
    given = {
        "name": "Harbour Clinic",
        "phone": "(555) 0100",
        "reminders_on": True,
        "sender_email": "care@harbour.example",
        "quiet_from": time(0),
        "quiet_to": time(0),
    }
    return models.Clinic.objects.create(**{**given, **fields})
