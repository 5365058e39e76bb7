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
from enthesis.clinic.actions import answer, outbox
from enthesis.clinic.calls import CallList, call_list
from enthesis.journey import follow
from tests.clinic_fixtures import session_days_ago

ClientFor = Callable[[models.User], Client]
MakeCourse = Callable[..., models.Course]


@pytest.fixture(autouse=True)
def noon(time_machine: Any) -> None:
    """At the clinic it is the same day as in Greenwich, at whatever hour the tests run."""
    time_machine.move_to(datetime(2026, 11, 23, 17, tzinfo=UTC))


@pytest.fixture
def silent(make_course: MakeCourse) -> models.Course:
    """Safety was to be answered four days ago, and was asked."""
    return asked_about_safety(session_days_ago(make_course(), 6))


def asked_about_safety(course: models.Course) -> models.Course:
    key = f"course/{course.pk}/safety/1"
    models.Message.objects.create(
        course=course, key=f"{key}/0", ask=key, occasion="after_session", questionnaire="safety",
        due_on=timezone.localdate(), message_id=key, state="sent", not_before=timezone.now(),
    )  # fmt: skip
    return course


def now_list(course: models.Course) -> CallList:
    return call_list(course.patient.clinic, timezone.now())


def test_a_silent_patient_stands_there_with_what_is_wanted_and_the_number(
    silent: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    text = client_for(desk).get("/calls/").content.decode()
    assert "Lindqvist, Marta" in text and "Safety, days after a session" in text
    assert "Silent for 4 days" in text and "(555) 0142" in text and "Not called yet" in text


def test_who_was_asked_today_is_not_called_yet(make_course: MakeCourse) -> None:
    course = asked_about_safety(session_days_ago(make_course(), 2))
    assert now_list(course) == CallList([], [], [])


@pytest.mark.parametrize(("days", "reasons"), [
    (1, []), (2, []), (3, ["No link was sent: ask by telephone"]),
    (6, ["No link was sent: ask by telephone"]),
])  # fmt: skip
def test_safety_is_asked_by_telephone_from_the_third_day_where_no_link_was_sent(
    make_course: MakeCourse, days: int, reasons: list[str]
) -> None:
    course = session_days_ago(make_course(), days)
    assert [line.reason for line in now_list(course).now] == reasons


@pytest.mark.parametrize("days", [20, 100])
@pytest.mark.parametrize("reminders_on", [False, True])
def test_who_was_never_asked_about_the_months_after_is_not_silent(
    make_course: MakeCourse, make_patient: Callable[..., models.Patient], days: int,
    reminders_on: bool,
) -> None:  # fmt: skip
    course = session_days_ago(make_course(make_patient(email="m@harbour.example")), days)
    course.series_ended_on = timezone.localdate() - timedelta(days=days)
    course.save()
    models.Clinic.objects.update(reminders_on=reminders_on)
    assert now_list(course) == CallList([], [], [])


def test_a_link_that_staff_made_counts_as_asked(make_course: MakeCourse, desk: models.User) -> None:
    course = session_days_ago(make_course(), 6)
    answer.make_link(desk, course.pk, "after_session", timezone.localdate())
    assert [line.reason for line in now_list(course).now] == ["Silent for 4 days"]


def test_today_shows_the_number_of_the_call_list_and_its_most_urgent_first(
    silent: models.Course, make_course: MakeCourse, make_patient: Callable[..., models.Patient],
    desk: models.User, client_for: ClientFor,
) -> None:  # fmt: skip
    for _ in range(9):
        session_days_ago(make_course(make_patient(family="Later")), 60)
    client = client_for(desk)
    page, whole = client.get("/"), client.get("/calls/").context["list"].now
    text = page.content.decode()
    assert len(whole) == 10 and "10 to call" in text and "Call list: all 10</a>" in text
    assert [line.course for line in page.context["to_call"]] == [one.course for one in whole[:8]]
    assert page.context["to_call"][0].course == silent and "Safety, days after a session" in text


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
    ({"result": "no_answer"}, "later", "/calls/"),
    ({"result": "wrong_number", "outcome": "A bakery"}, "later", "/calls/"),
    ({"result": "will_answer", "next_try_on": 2}, "later", "/calls/"),
    ({"result": "no_calls"}, "not_called", "/calls/"),
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


def test_without_a_date_the_next_try_is_by_the_rules(
    silent: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    client_for(desk).post(f"/calls/{silent.pk}/", {"result": "no_answer"})
    today = store.today(silent.patient.clinic)
    days = store.known_for(silent.patient.clinic, today).reminder_rules.call_again_after_days
    assert silent.calls.get().next_try_on == today + timedelta(days=days)
    silent.calls.update(next_try_on=today)
    assert [line.course for line in now_list(silent).now] == [silent]


def test_a_call_counts_as_answered_only_once_the_one_question_is_answered(
    silent: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    client = client_for(desk)
    form = client.post(f"/calls/{silent.pk}/", {"result": "answered"})["Location"]
    call = silent.calls.get()
    assert form == f"/courses/{silent.pk}/answers/add/?call={call.pk}&for=after_session&safety=1"
    assert call.result == "will_answer" and "not there yet" in call.outcome
    assert [line.course for line in now_list(silent).later] == [silent]
    page = client.get(form)
    assert [question.id for question in page.context["form"].questions] == ["danger"]
    on = timezone.localdate().isoformat()
    client.post(form, {"occasion": "after_session", "on": on, "danger": ["none"]})
    given = silent.assessments.get()
    assert (given.questionnaire, given.answers) == ("safety", {"danger": ["none"]})
    call.refresh_from_db()
    assert (call.result, call.outcome) == ("answered", "Reached, and answered")
    assert now_list(silent) == CallList([], [], [])


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


def test_safety_is_counted_of_those_who_were_asked(
    silent: models.Course, make_course: MakeCourse, desk: models.User, client_for: ClientFor
) -> None:
    session_days_ago(make_course(), 6)
    answered = session_days_ago(make_course(), 6)
    answer.make_link(desk, answered.pk, "after_session", timezone.localdate())
    on = timezone.localdate()
    answer.record_answers(
        desk, answered.pk, "after_session", on, {"danger": ["none"]}, follow.SAFETY
    )
    shown = client_for(desk).get("/calls/").context["completion"]
    assert [(one.answered, one.due) for one in shown if one.words.startswith("Safety")] == [(1, 2)]


def test_the_list_takes_as_many_queries_for_ten_patients_as_for_one(
    make_course: MakeCourse, clinic: models.Clinic
) -> None:
    asked_about_safety(session_days_ago(make_course(), 6))
    with CaptureQueriesContext(connection) as one:
        call_list(clinic, timezone.now())
    for _ in range(9):
        asked_about_safety(session_days_ago(make_course(), 6))
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
