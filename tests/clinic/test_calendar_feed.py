"""A user's own calendar feed: what it shows, how it follows changes, how it is taken back."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from enthesis.clinic.actions.appointments import cancel_appointment, move_appointment
from enthesis.clinic.errors import HideLinks
from enthesis.clinic.models import Appointment, AuditEvent, CalendarFeed, User
from tests.unit.exchange.test_calendar import parsed

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
# 9:30 in New York, on the last day before the clocks go forward and the first after.
BEFORE, AFTER = datetime(2027, 3, 13, 14, 30, tzinfo=UTC), datetime(2027, 3, 14, 13, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon(time_machine: Any) -> None:
    time_machine.move_to(NOON, tick=False)


@pytest.fixture
def client(client_for: Callable[[User], Client], clinician: User) -> Client:
    return client_for(clinician)


def subscribe(client: Client, **typed: str) -> str:
    page = client.post("/calendar/feed/", {"shows": "nothing", "of_everybody": "", **typed})
    assert page.status_code == 200
    found = re.search(
        r"http://testserver(/feed/[\w-]{43}/appointments\.ics)", page.content.decode()
    )
    assert found
    return found[1]


def read(address: str) -> list[dict[str, str]]:
    answer = Client().get(address)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    text = answer.content.decode()
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT15M\r\n" in text
    return parsed(text)


def test_it_shows_ones_own_appointments_in_utc_and_of_the_patient_what_was_chosen(
    client: Client, desk: User, make_course: Any, make_appointment: Any, make_patient: Any
) -> None:
    patient = make_patient(family="Öst", given="Ñusta", phone="5550142")
    course = make_course(patient, complaint="after a fall")
    make_appointment(course, BEFORE)
    make_appointment(course, AFTER, kind="recheck")
    make_appointment(course, AFTER, clinician=desk)
    make_appointment(course, NOON - timedelta(days=31))
    for shows, who in (
        ("nothing", ""),
        ("number", f", No. {patient.number}"),
        ("initials", ", Ñ. Ö."),
    ):
        first, second = read(subscribe(client, shows=shows))
        assert (first["SUMMARY"], second["SUMMARY"]) == (f"Session{who}", f"Recheck{who}")
        assert (first["DTSTART"], second["DTSTART"]) == ("20270313T143000Z", "20270314T133000Z")
        told = str(first) + str(second)
        assert not re.search("Öst|Ñusta|5550142|fall|low.back", told)
    everybody = read(subscribe(client, of_everybody="yes"))
    assert [one["SUMMARY"] for one in everybody] == [
        "Session, Dr Amara Osei",
        "Recheck, Dr Amara Osei",
        "Session, Sam Desk",
    ]


def test_moves_and_cancellations_reach_the_calendar(
    client: Client, clinician: User, make_course: Any, make_appointment: Any
) -> None:
    row = make_appointment(make_course(), BEFORE)
    address = subscribe(client)
    (before,) = read(address)
    move_appointment(clinician, row.pk, AFTER, 30, clinician.pk, row.version)
    (moved,) = read(address)
    assert moved["UID"] == before["UID"] and moved["DTSTART"] == "20270314T133000Z"
    assert int(moved["SEQUENCE"]) == int(before["SEQUENCE"]) + 1
    cancel_appointment(clinician, row.pk, row.version + 1)
    (gone,) = read(address)
    assert (gone["UID"], gone["STATUS"]) == (before["UID"], "CANCELLED")
    assert int(gone["SEQUENCE"]) > int(moved["SEQUENCE"])


def test_an_address_works_until_it_is_taken_back_or_another_is_made(
    client: Client, clinician: User, client_for: Callable[[User], Client], desk: User
) -> None:
    first = subscribe(client)
    second = subscribe(client, shows="number")
    others = subscribe(client_for(desk))
    assert [Client().get(a).status_code for a in (first, second, others)] == [404, 200, 200]
    assert "the patient’s number" in client.get("/calendar/feed/").content.decode()
    client.post("/calendar/feed/revoke/")
    client.post("/calendar/feed/revoke/")
    assert [Client().get(a).status_code for a in (second, others)] == [404, 200]
    User.objects.filter(pk=desk.pk).update(is_active=False)
    assert Client().get(others).status_code == 404
    made = AuditEvent.objects.filter(user=clinician).values_list("action", flat=True)
    assert list(made) == ["make_calendar_feed"] * 2 + ["revoke_calendar_feed"]


def test_the_secret_is_kept_nowhere(client: Client) -> None:
    secret = subscribe(client).split("/")[2]
    assert secret not in str(
        list(CalendarFeed.objects.values()) + list(AuditEvent.objects.values())
    )
    assert secret not in client.get("/calendar/feed/").content.decode()
    assert HideLinks.LINK.sub(r"/\1/…", f"GET /feed/{secret}/x") == "GET /feed/…/x"


def test_another_clinics_appointments_are_not_in_it(
    client: Client, stranger: User, other_clinic: Any, make_course: Any, make_patient: Any
) -> None:
    theirs = make_course(make_patient(clinic=other_clinic), clinician=stranger)
    Appointment.objects.create(course=theirs, clinician=stranger, starts_at=BEFORE, kind="session")
    assert read(subscribe(client, of_everybody="yes")) == []


@pytest.mark.alike
@pytest.mark.parametrize(
    "typed", [{"shows": "name"}, {"shows": ""}, {"shows": "number", "of_everybody": "x"}]
)
def test_something_else_is_refused(client: Client, typed: dict[str, str]) -> None:
    assert client.post("/calendar/feed/", typed).status_code == 422
    assert not CalendarFeed.objects.exists()


def test_the_desk_is_offered_everybodys_and_a_clinician_their_own(
    client: Client, client_for: Callable[[User], Client], desk: User
) -> None:
    def chosen(who: Client) -> str:
        page = who.get("/calendar/feed/").content.decode()
        found = re.search(r'name="of_everybody" value="(\w*)"[^>]*checked', page)
        assert found
        return found[1]

    assert chosen(client) == ""
    assert chosen(client_for(desk)) == "yes"
