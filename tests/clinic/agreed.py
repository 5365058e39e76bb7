"""The usual start of a test about a session: noon, a clinician's client, an agreed course.

`from tests.clinic.agreed import *` brings all three; a test module that needs another course has
its own, which then counts.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client

from enthesis.clinic.models import Course, User
from tests.clinic.evaluated import plan

__all__ = ["client", "course", "noon"]


@pytest.fixture(autouse=True)
def noon(time_machine: Any) -> None:
    """Every test happens on 23 Nov 2026."""
    time_machine.move_to(datetime(2026, 11, 23, 17, tzinfo=UTC), tick=False)


@pytest.fixture
def client(client_for: Callable[[User], Client], clinician: User) -> Client:
    """Signed in as the clinician."""
    return client_for(clinician)


@pytest.fixture
def course(
    client: Client, clinician: User, make_course: Callable[..., Course], today: date
) -> Course:
    """Evaluated, planned and agreed today, weighed at 68 kg on 20 Oct."""
    course = make_course()
    plan(client, course, clinician, today)
    return course
