"""A series booked, re-anchored and cancelled; rooms; nobody booked twice; the calendar file."""

import html
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from enthesis.clinic import booking, models
from enthesis.clinic.actions import Refused, appointments, series
from enthesis.clinic.actions import rooms as room_actions
from enthesis.clinic.actions.answer import make_link, make_sheet_link, revoke_link
from enthesis.clinic.models import Appointment
from tests.clinic.at_once import at_once
from tests.clinic.treated import agree_plan, give_session

pytestmark = pytest.mark.usefixtures("on_a_fixed_day")
HOURS = ["08:00-12:00, 13:00-17:00"] * 5 + ["", ""]
FORM = {"on": "2026-12-07", "at": "09:00", "minutes": 30, "reach": 3}


def words(response: Any) -> str:
    return html.unescape(response.content.decode())


def starts(course: models.Course, state: str = "booked") -> list[str]:
    rows = course.appointments.filter(state=state)
    return [f"{row.starts_at:%m-%d %H:%M}" for row in rows]


@pytest.fixture
def at_desk(client_for: Callable[..., Client], desk: models.User) -> Client:
    return client_for(desk)


@pytest.fixture
def room(clinic: models.Clinic) -> models.Room:
    return models.Room.objects.create(clinic=clinic, name="Room 1")


@pytest.fixture
def course(make_course: Any, clinic: models.Clinic, admin: models.User) -> models.Course:
    """Agreed: four sessions, two weeks apart, in a clinic that is open on weekdays."""
    room_actions.set_opening(admin, HOURS, [date(2026, 12, 21)], None)
    made = make_course()
    agree_plan(made, sessions_planned=4, interval_days=14)
    return made


def book(client: Client, course: models.Course, **changed: Any) -> Any:
    """Look at the proposal, then book what is shown."""
    form = {**FORM, "clinician": course.clinician_id, **changed}
    page = client.post(f"/courses/{course.pk}/series/", {**form, "look": ""})
    shown = re.findall(r'name="start" value="([^"]+)"', words(page))
    data = {**form, "book": "", "start": shown}
    return page, client.post(f"/courses/{course.pk}/series/", data)


def test_a_series_is_shown_and_then_booked_around_what_is_closed_or_taken(
    at_desk: Client, course: models.Course, make_course: Any, make_appointment: Any, room: Any
) -> None:
    make_appointment(make_course(), datetime(2027, 1, 4, 14, tzinfo=UTC), room=room, clinician=None)
    page, _ = book(at_desk, course, room=room.pk)
    text = words(page)
    assert "Nothing is booked yet." in text and "1 day later: 21 Dec is closed." in text
    assert "09:00 is not free." in text
    # Nine in New York is two in London time, and the taken room moves one by half an hour.
    assert starts(course) == ["12-07 14:00", "12-22 14:00", "01-04 13:30", "01-18 14:00"]
    assert set(course.appointments.values_list("room", "clinician")) == {
        (room.pk, course.clinician_id)
    }
    again = words(at_desk.get(f"/courses/{course.pk}/series/"))
    assert "Every session of the plan is given or booked." in again


def test_a_visit_on_a_holiday_or_a_closed_day_is_booked_with_a_question(
    at_desk: Client, course: models.Course
) -> None:
    page, _ = book(at_desk, course, on="2026-12-11")
    assert words(page).count("25 Dec is Christmas Day: is the clinic open?") == 1
    assert "12-25 14:00" in starts(course) and "12-11 14:00" in starts(course)
    single = {"at": "10:00", "minutes": 30, "clinician": course.clinician_id, "kind": "session"}
    address = f"/courses/{course.pk}/appointments/add/"
    for on, said in (("2027-01-01", "1 Jan is New Year’s Day"), ("2026-12-21", "is closed on 21")):
        told = at_desk.post(address, {**single, "on": on}, follow=True)
        assert "Booked for" in words(told) and said in words(told)


def test_what_cannot_be_placed_is_said_before_and_after(
    at_desk: Client, course: models.Course, admin: models.User
) -> None:
    off = [date(2026, 12, 18) + timedelta(n) for n in range(7)]
    room_actions.set_opening(admin, HOURS, off, None)
    page, done = book(at_desk, course)
    assert "3 of 4 sessions can be booked" in words(page)
    assert len(starts(course)) == 3
    assert "Not booked: 1 session" in words(at_desk.get(done["Location"]))


def test_a_series_whose_time_was_taken_meanwhile_is_not_half_booked(
    course: models.Course, desk: models.User, make_course: Any, make_appointment: Any
) -> None:
    at = datetime(2026, 12, 7, 14, tzinfo=UTC)
    make_appointment(make_course(), at + timedelta(14))
    times = [at, at + timedelta(14)]
    with pytest.raises(Refused, match="is booked at"):
        series.book_series(desk, course.pk, times, 30, course.clinician_id, None)
    assert not starts(course)


def test_a_plan_not_agreed_or_hours_not_set_are_named(
    at_desk: Client, make_course: Any, clinic: models.Clinic
) -> None:
    bare = make_course()
    assert "not agreed yet" in words(at_desk.get(f"/courses/{bare.pk}/series/"))
    agree_plan(bare)
    assert "opening hours are not set" in words(at_desk.get(f"/courses/{bare.pk}/series/"))


def moves_in(page: str) -> list[str]:
    return re.findall(r'name="move" value="([^"]+)"', page)


def test_later_sessions_follow_a_session_given_on_another_day_by_one_button(
    at_desk: Client, course: models.Course, clinician: models.User, client_for: Any
) -> None:
    book(at_desk, course)
    first = course.appointments.first()
    first.state = "done"
    first.save()
    session = give_session(course, 1, date(2026, 11, 23), clinician)
    page = words(client_for(clinician).get(f"/sessions/{session.pk}/"))
    assert "Move the later sessions?" in page and starts(course)[0] == "12-22 14:00"
    shown = moves_in(page)
    assert shown == moves_in(words(at_desk.get(f"/courses/{course.pk}/")))
    at_desk.post(f"/courses/{course.pk}/series/move/", {"move": shown})
    assert starts(course) == ["12-07 14:00", "12-22 14:00", "01-04 14:00"]
    assert "Move the later" not in words(at_desk.get(f"/courses/{course.pk}/"))
    late = at_desk.post(f"/courses/{course.pk}/series/move/", {"move": shown})
    assert "Somebody else changed one of these. Nothing was changed." in words(late)


def test_moving_one_appointment_offers_to_move_the_later_ones(
    at_desk: Client, course: models.Course
) -> None:
    book(at_desk, course)
    first = course.appointments.first()
    form = {"on": "2026-12-10", "at": "09:00", "minutes": 30, "clinician": course.clinician_id}
    done = at_desk.post(f"/appointments/{first.pk}/", {**form, "version": first.version})
    assert done["Location"] == f"/courses/{course.pk}/series/move/?after={first.pk}"
    page = words(at_desk.get(done["Location"]))
    assert "counted from 10 Dec 2026" in page and starts(course)[1] == "12-22 14:00"
    at_desk.post(f"/courses/{course.pk}/series/move/", {"move": moves_in(page)})
    assert starts(course) == ["12-10 14:00", "12-24 14:00", "01-07 14:00", "01-21 14:00"]


def test_sessions_may_move_into_the_times_that_their_own_neighbours_leave(
    at_desk: Client, course: models.Course, desk: models.User
) -> None:
    book(at_desk, course)
    for days in (14, -14):
        rows = list(course.appointments.all())
        shown = [series.Shown(r.pk, r.version, r.starts_at + timedelta(days)) for r in rows]
        series.move_series(desk, course.pk, shown)
        assert [r.starts_at for r in course.appointments.all()] == [s.starts_at for s in shown]


def test_the_rest_of_a_series_that_has_ended_is_cancelled_by_one_button(
    at_desk: Client, course: models.Course
) -> None:
    book(at_desk, course)
    assert "Still booked" not in words(at_desk.get(f"/courses/{course.pk}/"))
    course.closed_on = date(2026, 11, 23)
    course.save()
    page = words(at_desk.get(f"/courses/{course.pk}/"))
    assert "4 sessions are still booked" in page
    shown = re.findall(r'name="cancel" value="([^"]+)"', page)
    at_desk.post(f"/courses/{course.pk}/series/cancel/", {"cancel": shown})
    assert len(starts(course, "cancelled")) == 4 and not starts(course)
    assert models.AuditEvent.objects.filter(action="cancel_series").count() == 4


def test_a_room_is_never_booked_twice_at_once_and_a_closed_one_not_at_all(
    desk: models.User, admin: models.User, make_course: Any, make_appointment: Any, room: Any
) -> None:
    at = datetime(2026, 12, 7, 14, tzinfo=UTC)
    first, second = make_course(), make_course()
    make_appointment(first, at, room=room, clinician=None)
    who = second.clinician_id
    book_one = (desk, second.pk, at + timedelta(minutes=15), 30, "session", who)
    with pytest.raises(Refused, match=r"Room 1 is booked at .* another time or room"):
        appointments.book_appointment(*book_one, room.pk)
    room_actions.use_room(admin, room.pk, False)
    with pytest.raises(Refused, match="Choose one of the clinic's rooms"):
        appointments.book_appointment(
            desk, second.pk, at + timedelta(1), 30, "session", who, room.pk
        )
    assert Appointment.objects.count() == 1


def test_a_patient_is_never_booked_twice_at_once_for_one_complaint_or_two(
    desk: models.User, clinic: models.Clinic, make_course: Any, make_appointment: Any
) -> None:
    at = datetime(2026, 12, 7, 14, tzinfo=UTC)
    first = make_course()
    second = models.Course.objects.create(
        patient=first.patient, condition="knee_oa", side="left", opened_on=first.opened_on
    )
    make_appointment(first, at, clinician=None)
    who = first.clinician_id
    with pytest.raises(Refused, match=r"Lindqvist, Marta is booked at .* for 30 minutes"):
        appointments.book_appointment(desk, second.pk, at, 30, "session", who)
    after = at + timedelta(minutes=30)
    made = appointments.book_appointment(desk, second.pk, after, 30, "session", who)
    # Its own time is no reason against moving it a little.
    later = after + timedelta(minutes=10)
    appointments.move_appointment(desk, made.pk, later, 30, who, made.version)
    with pytest.raises(Refused, match="Lindqvist, Marta is booked"):
        appointments.move_appointment(desk, made.pk, at, 30, who, None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("shared", ["clinician", "room", "patient"])
def test_of_twenty_desks_booking_one_time_exactly_one_succeeds(
    shared: str, make_course: Any, clinic: models.Clinic, desk: models.User, room: Any
) -> None:
    courses = [make_course().pk for _ in range(20)]
    doctors = [
        models.User.objects.create(
            clinic=clinic, username=f"dr_{n}", role=models.Role.CLINICIAN, display_name=f"Dr {n}"
        ).pk
        for n in range(20)
    ]
    at = datetime(2026, 12, 7, 14, tzinfo=UTC)

    def task(n: int) -> Callable[[], Any]:
        who = doctors[0] if shared == "clinician" else doctors[n]
        where = room.pk if shared == "room" else None
        # Not the same minute: the unique constraints alone would not refuse these.
        when = at + timedelta(minutes=n)
        return lambda: appointments.book_appointment(
            desk, courses[0 if shared == "patient" else n], when, 30, "session", who, where
        )

    results = at_once([task(n) for n in range(20)])
    assert sorted(type(r).__name__ for r in results) == ["Appointment"] + ["Refused"] * 19
    assert Appointment.objects.count() == 1


def test_the_patients_calendar_file_needs_no_sign_in_and_tells_only_times(
    at_desk: Client, course: models.Course, clinician: models.User, client_for: Any
) -> None:
    book(at_desk, course)
    give_session(course, 1, date(2026, 11, 23), clinician)
    made, token = make_sheet_link(clinician, course.pk)
    (link,) = re.findall(r'href="(/c/[^"]+)"', words(Client().get(f"/a/{token}/")))
    last = course.appointments.last()
    at_desk.post(f"/appointments/{last.pk}/cancel/", {"version": last.version})
    response = Client().get(link)
    assert response["Content-Type"].startswith("text/calendar")
    text = response.content.decode()
    assert text.count("SUMMARY:Appointment at Harbour Clinic") == 4
    assert text.count("STATUS:CANCELLED") == 1 and "SEQUENCE:1" in text
    assert f"UID:{last.uid}" in text and "DTSTART:20261207T140000Z" in text
    assert not re.search("session|prolo|inject|back|Lindqvist", text, re.IGNORECASE)
    assert Client().get(link.replace("/c/", "/c/9")).status_code == 404
    assert at_desk.get(f"/courses/{course.pk}/appointments.ics").content == response.content
    asking = make_link(clinician, course.pk, "after_session", date(2026, 11, 24))[1]
    assert Client().get(link.replace(token, asking)).status_code == 404
    assert Client().get(link).status_code == 200
    models.Course.objects.update(closed_on=date(2026, 11, 24))
    assert Client().get(link).status_code == 404, "a closed course has no link any more"
    models.Course.objects.update(closed_on=None)
    revoke_link(clinician, made.pk)
    assert Client().get(link).status_code == 404, "a link that was withdrawn tells no times"


@pytest.mark.parametrize("view", ["clinician", "room", "week"])
def test_the_calendar_shows_who_comes_when_where(
    view: str, at_desk: Client, course: models.Course, room: models.Room
) -> None:
    book(at_desk, course, room=room.pk)
    page = words(at_desk.get("/calendar/", {"view": view, "day": "2026-12-07"}))
    assert "09:00–09:30" in page and "Lindqvist, Marta" in page
    assert ("Room 1" in page) and ("Dr Amara Osei" in page)
    assert "Lindqvist" not in words(at_desk.get("/calendar/", {"view": view, "day": "2026-12-15"}))


def test_hours_that_cannot_be_read_stay_typed_with_the_reason(
    client_for: Any, admin: models.User
) -> None:
    page = client_for(admin).post("/settings/rooms/", {"monday": "9 to 5", "version": 1})
    assert page.status_code == 422
    assert "Write “9 to 5” as from-to" in words(page) and 'value="9 to 5"' in words(page)
    added = client_for(admin).post("/settings/rooms/", {"name": "Room 7"}, follow=True)
    assert "Room 7 can be booked." in words(added)
    twice = client_for(admin).post("/settings/rooms/", {"name": "Room 7"})
    assert twice.status_code == 422


def test_nothing_is_offered_where_nothing_was_given(course: models.Course) -> None:
    assert booking.proposed_moves(course) is None
