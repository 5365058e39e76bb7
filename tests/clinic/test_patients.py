"""Finding, adding and correcting patients; weights, courses and appointments."""

import html
from collections.abc import Callable
from datetime import date
from functools import partial

import pytest
from django.test import Client

from enthesis.clinic.models import Appointment, AuditEvent, Clinic, Course, Patient, User
from tests.clinic.at_once import at_once

DETAILS = {
    "family": "Brandt",
    "given": "Tomas",
    "born_on": "1971-05-02",
    "sex": "male",
    "language": "es",
    "phone": "(555) 0143",
    "email": "",
    "allergies_asked": "none",
    "allergies": "",
    "anticoagulant": "",
}
SIGNED_IN = Callable[[User], Client]


def words(response) -> str:
    return html.unescape(response.content.decode())


@pytest.fixture
def at_desk(client_for: SIGNED_IN, desk: User, time_machine) -> Client:
    """The front desk on Monday 23 Nov 2026, 10:00 in New York."""
    time_machine.move_to("2026-11-23 15:00Z", tick=False)
    return client_for(desk)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("osei", {"Osei"}),
        ("OSEI ama", {"Osei"}),
        ("Osei, Amara", {"Osei"}),
        ("1002", {"Brandt"}),
        ("1968-03-14", {"Osei", "Brandt"}),
        ("14 Mar 1968", {"Osei", "Brandt"}),
        ("14 march 1968", {"Osei", "Brandt"}),
        ("100", set()),
        ("%", set()),
        ("", {"Osei", "Brandt"}),
    ],
)
def test_it_finds_by_name_number_or_birth_date(
    at_desk: Client, make_patient, typed: str, expected: set[str]
) -> None:
    make_patient(family="Osei", given="Amara")
    make_patient(family="Brandt", given="Tomas")
    table = words(at_desk.get("/patients/", {"find": typed})).partition("<tbody>")[2]
    assert {name for name in ("Osei", "Brandt") if f"{name}, " in table} == expected


def test_it_does_not_find_the_patients_next_door(
    at_desk: Client, make_patient, other_clinic: Clinic
) -> None:
    make_patient(family="Canary", clinic=other_clinic)
    assert "Canary," not in words(at_desk.get("/patients/", {"find": "Canary"}))


def test_who_finds_nobody_is_told_to_add_the_patient_only_where_they_may(
    at_desk: Client, client_for: SIGNED_IN, admin: User
) -> None:
    found = words(at_desk.get("/patients/?find=nobody"))
    assert "or add the patient." in found and found.count('href="/patients/add/"') == 2
    found = words(client_for(admin).get("/patients/?find=nobody"))
    assert "Nobody fits." in found and "add the patient" not in found
    assert "/patients/add/" not in found


def test_it_adds_a_patient_with_the_next_number(at_desk: Client, make_patient) -> None:
    make_patient(number=1041)
    response = at_desk.post("/patients/add/", DETAILS)
    patient = Patient.objects.get(family="Brandt")
    assert response["Location"] == f"/patients/{patient.pk}/"
    assert (patient.number, patient.allergies_asked_on) == (1042, date(2026, 11, 23))


def test_it_refuses_a_second_record_of_the_same_person_unless_told(at_desk: Client) -> None:
    at_desk.post("/patients/add/", DETAILS)
    refused = at_desk.post("/patients/add/", {**DETAILS, "family": "BRANDT"})
    assert "No. 1001 has the same name and birth date" in words(refused)
    there = f"/patients/{Patient.objects.get().pk}/"
    assert f'href="{there}"' in refused.content.decode()
    assert at_desk.post("/patients/add/", {**DETAILS, "is_another": "on"}).status_code == 302
    assert Patient.objects.count() == 2


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("family", "", "This field is required."),
        ("born_on", "2026-11-24", "The birth date lies in the future. Check the year."),
        ("born_on", "2026-02-30", "Enter a valid date."),
        ("email", "tomas@", "Enter a valid email address."),
        ("allergies_asked", "yes", "Write down which allergies, or choose “none known”."),
        ("allergies", "latex", "Allergies are written below: choose “Has allergies”."),
        ("given", "T\x00", "Null characters are not allowed."),
        ("family", "B" * 101, "at most 100 characters"),
    ],
)
def test_bad_input_is_said_at_the_field_and_kept(
    at_desk: Client, field: str, typed: str, said: str
) -> None:
    response = at_desk.post("/patients/add/", {**DETAILS, field: typed})
    assert response.status_code == 422
    page = words(response)
    assert page.count(said) >= 2, "in the summary and at the field"
    assert "Tomas" in page or field == "given"
    assert not Patient.objects.exists()


def test_two_people_editing_never_lose_a_change(at_desk: Client, make_patient) -> None:
    patient = make_patient(**{k: DETAILS[k] for k in ("family", "given", "born_on")})
    address = f"/patients/{patient.pk}/edit/"
    mine = {**DETAILS, "phone": "(555) 0001", "version": 1}
    theirs = {**DETAILS, "phone": "(555) 0002", "version": 1}
    assert at_desk.post(address, theirs).status_code == 302
    conflict = at_desk.post(address, mine)
    page = words(conflict)
    assert conflict.status_code == 409
    assert "(555) 0001" in page and "(555) 0002" in page
    assert Patient.objects.get().phone == "(555) 0002"
    # The form now carries their version: saving again is a choice made with both in view.
    assert 'name="version" value="2"' in page
    assert at_desk.post(address, {**mine, "version": 2}).status_code == 302
    assert Patient.objects.get().phone == "(555) 0001"


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_edit_one_patient_at_once_one_wins_and_the_others_see_both(
    client_for, desk: User, make_patient
) -> None:
    patient = make_patient(**{k: DETAILS[k] for k in ("family", "given", "born_on")})
    clients = [client_for(desk) for _ in range(20)]

    def save(number: int) -> tuple[int, str]:
        mine = {**DETAILS, "phone": f"(555) 00{number + 10}", "version": 1}
        answer = clients[number].post(f"/patients/{patient.pk}/edit/", mine)
        return answer.status_code, words(answer)

    said = at_once([partial(save, number) for number in range(20)])
    patient.refresh_from_db()
    statuses = [status for status, _ in said]
    # Who waits too long for the lock of a busy machine is told so, and wrote nothing.
    assert statuses.count(302) == 1 and set(statuses) - {503} == {302, 409}
    assert patient.version == 2
    for number, (status, page) in enumerate(said):
        mine = f"(555) 00{number + 10}"
        assert (patient.phone == mine) == (status == 302)
        assert status != 409 or (mine in page and patient.phone in page)


def test_an_edit_without_a_version_is_a_conflict(at_desk: Client, make_patient) -> None:
    patient = make_patient()
    assert at_desk.post(f"/patients/{patient.pk}/edit/", DETAILS).status_code == 409


def test_a_change_is_audited_by_field_without_its_content(at_desk: Client, make_patient) -> None:
    patient = make_patient(allergies_asked_on=date(2026, 9, 1))
    at_desk.post(f"/patients/{patient.pk}/edit/", {**DETAILS, "version": 1})
    event = AuditEvent.objects.get(action="change_patient")
    assert event.patient == patient
    assert set(event.detail["changed"]) >= {"family", "given", "phone"}
    assert "Brandt" not in str(event.detail)


@pytest.mark.parametrize(
    ("kg", "day", "said"),
    [
        ("72.5", "2026-11-24", "The day of weighing lies in the future."),
        ("7250", "2026-11-23", "A weight must be from"),
        ("0.5", "2026-11-23", "A weight must be from"),
        ("heavy", "2026-11-23", "Enter a number."),
    ],
)
def test_it_refuses_an_impossible_weight(
    at_desk: Client, make_patient, kg: str, day: str, said: str
) -> None:
    patient = make_patient()
    data = {"kg": kg, "measured_on": day}
    assert said in words(at_desk.post(f"/patients/{patient.pk}/weights/add/", data))
    assert not patient.weights.exists()


def test_a_weight_in_pounds_is_kept_and_shown_in_kg(at_desk: Client, make_patient) -> None:
    patient = make_patient()
    data = {"kg": "150", "unit": "lb", "measured_on": "2026-11-23"}
    said = at_desk.post(f"/patients/{patient.pk}/weights/add/", data, follow=True)
    assert "The weight was recorded: 68\u00a0kg." in words(said)
    assert patient.weights.get().kg == 68
    heavy = at_desk.post(f"/patients/{patient.pk}/weights/add/", data | {"kg": "600"})
    page = heavy.content.decode()
    assert "A weight must be from" in page and 'value="600"' in page
    assert '<option value="lb" selected>' in page, "600 is never taken for kg by a second try"


def test_the_latest_weight_stands_in_the_banner(at_desk: Client, make_patient) -> None:
    patient = make_patient()
    for kg, day in [("72.5", "2026-11-20"), ("70", "2026-11-01")]:
        at_desk.post(f"/patients/{patient.pk}/weights/add/", {"kg": kg, "measured_on": day})
    assert "72.5\u00a0kg, 20 Nov 2026" in words(at_desk.get(f"/patients/{patient.pk}/"))


def test_the_banner_is_never_blank_about_allergies(at_desk: Client, make_patient) -> None:
    for fields, said in [
        ({}, "Allergies not recorded"),
        ({"allergies_asked_on": date(2026, 9, 3)}, "No known allergies, asked 3 Sep 2026"),
        ({"allergies": "latex"}, "Allergy: latex"),
    ]:
        assert said in words(at_desk.get(f"/patients/{make_patient(**fields).pk}/"))


def test_it_opens_a_course_and_a_clinician_goes_on_to_evaluate(
    client_for: SIGNED_IN, clinician: User, make_patient
) -> None:
    patient = make_patient()
    data = {"condition": "knee_oa", "side": "left", "complaint": "", "clinician": clinician.pk}
    response = client_for(clinician).post(f"/patients/{patient.pk}/courses/add/", data)
    course = Course.objects.get(patient=patient)
    assert response["Location"] == f"/courses/{course.pk}/evaluate/"
    assert (course.clinician, course.condition) == (clinician, "knee_oa")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"side": "midline"}, "Knee osteoarthritis is recorded as: left, right, both."),
        ({"condition": "headache"}, "Select a valid choice."),
        ({"clinician": "999999"}, "Select a valid choice."),
    ],
)
def test_it_refuses_a_course_that_does_not_fit(
    at_desk: Client, make_patient, clinician: User, change: dict[str, str], said: str
) -> None:
    patient = make_patient()
    data = {"condition": "knee_oa", "side": "left", "clinician": clinician.pk, **change}
    assert said in words(at_desk.post(f"/patients/{patient.pk}/courses/add/", data))
    assert not Course.objects.exists()


def test_it_refuses_a_second_open_course_of_the_same_complaint(
    at_desk: Client, make_course
) -> None:
    course = make_course()
    data = {"condition": "low_back", "side": "left", "clinician": course.clinician_id}
    response = at_desk.post(f"/patients/{course.patient_id}/courses/add/", data)
    assert "has an open course" in words(response)


def _book(client: Client, course: Course, at: str, minutes: int = 30, on: str = "2026-11-24"):
    data = {
        "kind": "session",
        "on": on,
        "at": at,
        "minutes": minutes,
        "clinician": course.clinician_id,
    }
    return client.post(f"/courses/{course.pk}/appointments/add/", data)


def test_an_appointment_is_kept_in_the_clinics_time(at_desk: Client, make_course) -> None:
    assert _book(at_desk, make_course(), "09:15").status_code == 302
    assert Appointment.objects.get().starts_at.isoformat() == "2026-11-24T14:15:00+00:00"


@pytest.mark.parametrize(
    ("at", "minutes", "free"),
    [
        ("09:00", 30, False),
        ("08:45", 30, False),
        ("09:15", 15, False),
        ("08:00", 120, False),
        ("08:30", 30, True),
        ("09:30", 30, True),
    ],
)
def test_a_clinician_is_never_booked_twice_at_once(
    at_desk: Client, make_course, at: str, minutes: int, free: bool
) -> None:
    first = make_course()
    assert _book(at_desk, first, "09:00").status_code == 302
    response = _book(at_desk, make_course(), at, minutes)
    assert response.status_code == (302 if free else 422)
    if not free:
        assert "is booked at 09:00 for 30 minutes" in words(response)


@pytest.mark.parametrize(
    ("on", "at", "said"),
    [
        ("2026-11-20", "09:00", "That time has passed."),
        ("2027-03-14", "02:30", "The clocks change at that time."),
    ],
)
def test_it_refuses_a_time_that_cannot_be(
    at_desk: Client, make_course, on: str, at: str, said: str
) -> None:
    assert said in words(_book(at_desk, make_course(), at, on=on))
    assert not Appointment.objects.exists()


def test_an_appointment_is_moved_and_cancelled_once(at_desk: Client, make_course) -> None:
    course = make_course()
    _book(at_desk, course, "09:00")
    row = Appointment.objects.get()
    move = {
        "on": "2026-11-25",
        "at": "11:00",
        "minutes": 30,
        "clinician": course.clinician_id,
        "version": 1,
    }
    assert at_desk.post(f"/appointments/{row.pk}/", move).status_code == 302
    late = at_desk.post(f"/appointments/{row.pk}/", {**move, "at": "12:00"})
    assert late.status_code == 409 and "Somebody else changed this" in words(late)
    at_desk.post(f"/appointments/{row.pk}/cancel/", {"version": 1})
    row.refresh_from_db()
    assert (row.state, row.starts_at.hour) == ("booked", 16)
    at_desk.post(f"/appointments/{row.pk}/cancel/", {"version": 2})
    row.refresh_from_db()
    assert row.state == "cancelled"
    assert _book(at_desk, course, "11:00", on="2026-11-25").status_code == 302


def test_only_a_past_appointment_can_be_missed(at_desk: Client, make_course, time_machine) -> None:
    _book(at_desk, make_course(), "09:00")
    row = Appointment.objects.get()
    page = at_desk.post(f"/appointments/{row.pk}/missed/", {"version": 1}, follow=True)
    assert "Cancel it instead" in words(page)
    time_machine.move_to("2026-11-24 16:00Z", tick=False)
    client = Client()
    client.force_login(User.objects.get(username="sam_desk"))
    client.post(f"/appointments/{row.pk}/missed/", {"version": 1})
    row.refresh_from_db()
    assert row.state == "missed"


def test_a_birth_date_that_nobody_recorded_is_said_to_be_missing(
    client_for: SIGNED_IN, clinician: User, make_course, make_patient
) -> None:
    course = make_course(make_patient(born_on=None))
    text = words(client_for(clinician).get(f"/courses/{course.pk}/"))
    assert "<dt>Birth date</dt><dd>not recorded</dd>" in text
    assert "birth date not recorded, No." in text  # the line at the foot of the paper
    assert "None" not in text
