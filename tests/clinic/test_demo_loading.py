"""Loading an invented clinic: on any day, of any size, and never beside real records."""

from datetime import UTC, date, datetime

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from enthesis.clinic import models
from enthesis.clinic.actions import Refused
from enthesis.clinic.calls import call_list
from enthesis.clinic.day import day
from enthesis.journey.remind import Purpose
from tests.clinic.invented import TODAY, assert_alive, load

# What is invented does not depend on the database: writing it is tried on both by test_demo.
once = pytest.mark.skipif(connection.vendor != "sqlite", reason="invented alike for any database")


@once
@pytest.mark.parametrize("today", [date(2028, 2, 29), date(2027, 1, 2)])
def test_today_is_alive_on_any_day(db: None, today: date) -> None:
    assert_alive(load(today), today)


@once
def test_some_are_silent_and_some_are_due_for_a_recheck(db: None) -> None:
    clinic = load(patients=120)
    with time_machine.travel(datetime(TODAY.year, TODAY.month, TODAY.day, 17, tzinfo=UTC)):
        to_call = call_list(clinic, timezone.now()).now
    assert to_call and day(clinic, TODAY, clinical=True).rechecks
    # Nothing was ever sent, so nobody is silent about the months after; safety is asked by voice.
    assert not [one for one in to_call if one.ask.purpose is Purpose.MONTHS]
    safety = [one.reason for one in to_call if one.ask.purpose is Purpose.SAFETY]
    assert set(safety) <= {"No link was sent: ask by telephone"}


def test_it_is_never_loaded_beside_a_clinic_that_is_there(clinic: models.Clinic) -> None:
    with pytest.raises(Refused, match="already holds a clinic"):
        load()
    assert not models.Patient.objects.exists()


def test_too_few_patients_are_refused_with_the_least_number(db: None) -> None:
    with pytest.raises(ValueError, match="at least 9"):
        load(patients=3)
