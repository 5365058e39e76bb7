"""The call list: who is on it and why, what came of each call, and how many have answered."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from enthesis.clinic import models, store
from enthesis.clinic.actions import outbox
from enthesis.clinic.calls import CallList, call_list
from tests.clinic_fixtures import session_days_ago

ClientFor = Callable[[models.User], Client]
MakeCourse = Callable[..., models.Course]


@pytest.fixture
def silent(make_course: MakeCourse) -> models.Course:
    """Safety was to be answered four days ago."""
    return session_days_ago(make_course(), 6)


def now_list(course: models.Course) -> CallList:
    return call_list(course.patient.clinic, timezone.now())


def test_a_silent_patient_stands_there_with_what_is_wanted_and_the_number(
    silent: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    text = client_for(desk).get("/calls/").content.decode()
    assert "Lindqvist, Marta" in text and "Safety, days after a session" in text
    assert "Silent for 4 days" in text and "(555) 0142" in text and "Not called yet" in text


def test_who_was_asked_yesterday_is_not_called_yet(make_course: MakeCourse) -> None:
    course = session_days_ago(make_course(), 3)
    assert now_list(course) == CallList([], [], [])


def test_who_cannot_be_written_to_is_called_at_once(make_course: MakeCourse) -> None:
    course = session_days_ago(make_course(), 2)
    models.Clinic.objects.update(reminders_on=True)
    course.refresh_from_db()
    assert [line.reason for line in now_list(course).now] == ["No address to write to"]


def test_an_answer_takes_a_patient_off_the_list(silent: models.Course) -> None:
    models.Assessment.objects.create(
        course=silent, on=timezone.localdate(), occasion="after_session",
        questionnaire="six_signs", answers={}, completed_at=timezone.now(),
    )  # fmt: skip
    assert not now_list(silent).now


@pytest.mark.parametrize(("sent", "stands", "goes_to"), [
    ({"result": "no_answer"}, "now", "/calls/"),
    ({"result": "wrong_number", "outcome": "A bakery"}, "now", "/calls/"),
    ({"result": "will_answer", "next_try_on": 2}, "later", "/calls/"),
    ({"result": "no_calls"}, "not_called", "/calls/"),
    ({"result": "answered"}, "now", "/courses/{}/answers/add/"),
])  # fmt: skip
def test_what_came_of_a_call_decides_where_the_patient_stands(
    silent: models.Course, desk: models.User, client_for: ClientFor, sent: dict[str, Any],
    stands: str, goes_to: str,
) -> None:  # fmt: skip
    if "next_try_on" in sent:
        day = store.today(silent.patient.clinic) + timedelta(sent["next_try_on"])
        sent = {**sent, "next_try_on": day.isoformat()}
    response = client_for(desk).post(f"/calls/{silent.pk}/", sent)
    assert response["Location"] == goes_to.format(silent.pk)
    call = silent.calls.get()
    assert (call.result, call.by) == (sent["result"], desk)
    assert call.outcome == sent.get("outcome", call.get_result_display())
    assert [line.course for line in getattr(now_list(silent), stands)] == [silent]
    assert models.AuditEvent.objects.filter(action="add_call", user=desk).exists()


@pytest.mark.parametrize(("sent", "said"), [
    ({}, "This field is required"), ({"result": "sang"}, "Select a valid choice"),
    ({"result": "no_answer", "next_try_on": "2020-01-01"}, "must be after today"),
])  # fmt: skip
def test_a_call_without_a_result_is_refused(
    silent: models.Course, desk: models.User, client_for: ClientFor, sent: dict[str, str], said: str
) -> None:
    response = client_for(desk).post(f"/calls/{silent.pk}/", sent)
    assert response.status_code == 422 and said in response.content.decode()
    assert not silent.calls.exists()


def test_who_wants_neither_messages_nor_calls_is_asked_at_the_next_visit(
    silent: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    for way in ("messages", "calls"):
        outbox.choose_contact(silent.patient, way, False)
    text = client_for(desk).get("/calls/").content.decode()
    assert "Asked not to be called" in text and "Ask at the next visit" in text
    assert "tel:" not in text
    silent.sessions.update(on=timezone.localdate() - timedelta(days=40))
    assert "0 to call" in client_for(desk).get("/").content.decode()


def test_completion_stands_there_with_its_denominator(
    silent: models.Course, desk: models.User, client_for: ClientFor, make_course: MakeCourse
) -> None:
    for answered in (True, False):
        course = session_days_ago(make_course(), 20)
        if answered:
            models.Assessment.objects.create(
                course=course, on=timezone.localdate(), occasion="after_session",
                questionnaire="six_signs", answers={}, completed_at=timezone.now(),
            )  # fmt: skip
    text = client_for(desk).get("/calls/").content.decode()
    assert "1 of 2 (50 %)" in text and "none asked yet" in text


def test_the_list_takes_as_many_queries_for_ten_patients_as_for_one(
    make_course: MakeCourse, clinic: models.Clinic
) -> None:
    session_days_ago(make_course(), 6)
    with CaptureQueriesContext(connection) as one:
        call_list(clinic, timezone.now())
    for _ in range(9):
        session_days_ago(make_course(), 6)
    with CaptureQueriesContext(connection) as ten:
        assert len(call_list(clinic, timezone.now()).now) == 10
    assert len(ten) == len(one)


def test_a_call_counts_by_the_clinics_own_day(silent: models.Course, desk: models.User) -> None:
    """At ten in the evening of the day before it was due: in UTC that is the same day."""
    (line,) = now_list(silent).now
    models.Clinic.objects.update(time_zone="America/New_York")
    evening = datetime.combine(line.ask.due_on, time(2), UTC)
    models.CallAttempt.objects.create(course=silent, at=evening, by=desk, result="no_answer")
    assert not now_list(silent).now[0].tries
    models.Clinic.objects.update(time_zone="UTC")
    again = models.Course.objects.get()
    assert len(now_list(again).now[0].tries) == 1
