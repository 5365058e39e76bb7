"""A record opened in an emergency: with a reason, to read, for a time, and told to others."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from enthesis.clinic.access_table import table
from enthesis.clinic.models import AccessEvent, AuditEvent, Clinic, Course, Emergency, Role, User
from tests.clinic_fixtures import make_user

REASON = {"reason": "Collapsed at the desk, the ambulance asks"}
For = Callable[[User], Client]


@pytest.fixture
def course(make_course: Callable[..., Course]) -> Course:
    return make_course()


def opened(client: Client, course: Course, reason: dict[str, str] = REASON) -> Any:
    return client.post(f"/patients/{course.patient_id}/emergency/", reason)


def record(course: Course) -> str:
    return f"/patients/{course.patient_id}/record/read/"


def test_the_desk_and_an_administrator_read_the_record_with_a_reason_and_each_reading_carries_it(
    course: Course, desk: User, admin: User, client_for: For
) -> None:
    for user in (desk, admin):
        client = client_for(user)
        assert client.get(record(course)).status_code == 403
        assert opened(client, course)["Location"] == record(course)
        shown = client.get(record(course))
        assert shown.status_code == 200 and REASON["reason"] in shown.content.decode()
        event = AccessEvent.objects.filter(what="read_record", user=user).get()
        assert event.emergency is not None and event.emergency.reason == REASON["reason"]
        assert event.patient_id == course.patient_id
    assert AuditEvent.objects.filter(action="open_in_emergency").count() == 2
    told = client_for(desk).get(f"/patients/{course.patient_id}/who-looked").content.decode()
    assert f"read record, in an emergency: {REASON['reason']}" in told


def test_only_the_rows_of_the_table_that_say_so_open_and_only_to_read(
    course: Course, desk: User, client_for: For, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enthesis.clinic.actions.record.record_pdf", lambda patient: b"%PDF")
    client = client_for(desk)
    opened(client, course)
    named = {"patient_id": course.patient_id, "course_id": course.pk}
    for row in table().pages.values():
        if row.roles is None or desk.role in row.roles:
            continue
        try:
            address = reverse(row.name, kwargs={"patient_id": named["patient_id"]})
        except Exception:
            assert not row.emergency, row.name
            continue
        assert client.get(address).status_code == (200 if row.emergency else 403), row.name
        assert client.post(address).status_code == 403, row.name
    assert client.get(f"/courses/{course.pk}/evaluate/").status_code == 403


def test_it_is_that_patient_that_user_and_that_time_alone(
    course: Course, make_course: Any, desk: User, admin: User, client_for: For, time_machine: Any
) -> None:
    time_machine.move_to("2026-11-23 15:00Z", tick=False)
    client = client_for(desk)
    opened(client, course)
    assert client.get(record(make_course())).status_code == 403
    assert client_for(admin).get(record(course)).status_code == 403
    time_machine.move_to("2026-11-23 15:59:59Z", tick=False)
    assert client_for(desk).get(record(course)).status_code == 200
    time_machine.move_to("2026-11-23 16:00Z", tick=False)
    assert client_for(desk).get(record(course)).status_code == 403


def test_the_clinic_sets_for_how_long(
    course: Course, desk: User, clinic: Clinic, client_for: For
) -> None:
    clinic.emergency_minutes = 7
    clinic.save()
    opened(client_for(desk), course)
    row = Emergency.objects.get()
    assert (row.until - row.at).total_seconds() == 7 * 60


@pytest.mark.parametrize("reason", ["", "  help   ", "\n\n"])
def test_no_reason_no_record(course: Course, desk: User, client_for: For, reason: str) -> None:
    response = opened(client_for(desk), course, {"reason": reason})
    assert response.status_code == 422
    assert not Emergency.objects.exists()


@pytest.mark.parametrize("role", [Role.RESEARCHER, Role.AUDITOR, Role.CLINICIAN])
def test_other_roles_have_no_such_door(
    role: Role, course: Course, clinic: Clinic, client_for: For
) -> None:
    assert opened(client_for(make_user(clinic, "other", role)), course).status_code == 403
    assert not Emergency.objects.exists()


def test_who_loses_the_role_loses_the_opening(course: Course, desk: User, client_for: For) -> None:
    opened(client_for(desk), course)
    desk.role = Role.RESEARCHER
    desk.save()
    assert client_for(desk).get(record(course)).status_code == 403


def test_another_clinics_patient_has_no_door(
    course: Course, stranger: User, client_for: For
) -> None:
    stranger.role = Role.FRONT_DESK
    stranger.save()
    assert opened(client_for(stranger), course).status_code == 404


def test_it_stands_on_today_until_somebody_else_has_taken_note(
    course: Course, clinician: User, desk: User, admin: User, client_for: For
) -> None:
    opened(client_for(admin), course)
    row = Emergency.objects.get()
    assert REASON["reason"] not in client_for(desk).get("/").content.decode()
    own = client_for(admin)
    seen = f"/audit/emergencies/{row.pk}/seen/"
    assert REASON["reason"] in own.get("/").content.decode()
    own.post(seen)
    assert "somebody else takes note" in own.get("/").content.decode()
    colleague = client_for(clinician)
    assert REASON["reason"] in colleague.get("/").content.decode()
    colleague.post(seen)
    assert REASON["reason"] not in colleague.get("/").content.decode()
    row.refresh_from_db()
    assert row.seen_by == clinician and row.seen_at is not None
    listed = colleague.get("/audit/emergencies/").content.decode()
    assert "took note of it" in listed and REASON["reason"] in listed


def test_an_opening_that_is_over_still_waits_to_be_noted(
    course: Course, clinician: User, desk: User, client_for: For
) -> None:
    Emergency.objects.create(
        user=desk, patient=course.patient, reason="Long ago", until=timezone.now()
    )
    assert "Long ago" in client_for(clinician).get("/").content.decode()
