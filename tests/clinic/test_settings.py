"""The clinic's own settings and its users."""

import html
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, time
from decimal import Decimal

import pytest
from django.contrib.auth import authenticate
from django.test import Client

from enthesis.clinic import store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions.settings import Newcomer, begin_clinic
from enthesis.clinic.models import AuditEvent, Clinic, User
from enthesis.journey.plan import propose
from enthesis.records import Side
from tests.clinic_fixtures import PASSWORD

SETTINGS = {
    "name": "Harbour Clinic",
    "phone": "(555) 0100",
    "emergency_text": "Call 911",
    "time_zone": "America/New_York",
    "finish_relief_percent": "",
    "stop_choice": "series",
    "version": "1",
}


def words(response) -> str:
    return html.unescape(response.content.decode())


ADMIN = Newcomer("ines", "Ines Varga", "administrator", PASSWORD)
CLINIC = {
    "name": "Valley Clinic",
    "phone": "(555) 0300",
    "time_zone": "Europe/Vienna",
    "currency": "EUR",
    "price_per_session": Decimal(250),
    "first": ADMIN,
}


def test_a_clinic_begins_with_its_administrator_and_both_are_audited(db: None) -> None:
    clinic = begin_clinic(**CLINIC, actor="command line")
    user = authenticate(username="ines", password=PASSWORD)
    assert isinstance(user, User) and user.clinic == clinic and not clinic.invented
    assert (user.role, user.display_name, user.is_superuser) == (
        "administrator",
        "Ines Varga",
        False,
    )
    events = AuditEvent.objects.filter(clinic=clinic).values_list("actor", "action", "record_id")
    assert list(events) == [
        ("command line", "begin_clinic", clinic.pk),
        ("command line", "add_user", user.pk),
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "harbour clinic "}, "a clinic called harbour clinic already"),
        ({"name": " "}, "cannot be blank"),
        ({"phone": ""}, "cannot be blank"),
        ({"time_zone": "Vienna"}, "Choose a time zone"),
        ({"currency": "DOL"}, "Choose a currency that Enthesis knows"),
        ({"price_per_session": None}, "The default price is $280; a clinic that charges in EUR"),
        ({"price_per_session": Decimal("2.505")}, "EUR has no amount as small"),
        ({"price_per_session": Decimal(-1)}, "below zero"),
        ({"first": replace(ADMIN, password="short")}, "too short"),
        ({"first": replace(ADMIN, password="harbour12345", username="harbour1234")}, "similar"),
        ({"first": replace(ADMIN, username="not a name")}, "valid username"),
    ],
)
def test_a_clinic_that_cannot_be_is_refused_and_nothing_is_left_behind(
    clinic: Clinic, changed: dict[str, object], said: str
) -> None:
    with pytest.raises(Refused, match=re.escape(said)):
        begin_clinic(**{**CLINIC, **changed}, actor="command line")
    assert list(Clinic.objects.all()) == [clinic]
    assert not AuditEvent.objects.exists() and not User.objects.exists()


def test_a_real_clinic_never_begins_beside_the_invented_one(clinic: Clinic) -> None:
    Clinic.objects.update(invented=True)
    with pytest.raises(Refused, match="never stand beside it"):
        begin_clinic(**CLINIC, actor="command line")


@pytest.fixture
def office(client_for: Callable[[User], Client], admin: User) -> Client:
    return client_for(admin)


def test_empty_means_the_default_which_stands_there_with_its_source(
    office: Client, clinic: Clinic
) -> None:
    known = store.known_for(clinic, store.today(clinic))
    page = words(office.get("/settings/"))
    assert f"the default, {known.estimate_rules.line}." in page
    assert f"the default, {known.stop_rule.finish_relief_percent} percent" in page
    source = known.stop_rule.sources["finish_relief_percent"]
    assert source.partition(" http")[0] in page


def test_the_clinics_own_finish_level_goes_before_the_default(
    office: Client, clinic: Clinic
) -> None:
    office.post("/settings/", {**SETTINGS, "finish_relief_percent": "75"})
    clinic.refresh_from_db()
    known = store.known_for(clinic, date(2026, 11, 23))
    assert known.stop_rule.finish_relief_percent == Decimal(75)


def test_the_clinics_choice_of_stop_rule_is_that_of_new_plans(
    office: Client, clinic: Clinic
) -> None:
    office.post("/settings/", {**SETTINGS, "stop_choice": "graded"})
    clinic.refresh_from_db()
    plan = propose("low_back_ligaments", Side.BOTH, store.known_for(clinic, date(2026, 11, 26)))
    assert [step.below_percent for step in plan.stop_rule.later_steps] == [50, 60]
    # The choice did not exist yet on an earlier day, whose verdicts are worked out as they were.
    earlier = store.known_for(clinic, date(2026, 11, 23))
    assert earlier.stop_rule.choice == "series"
    assert propose("low_back_ligaments", Side.BOTH, earlier).stop_rule.later_steps == ()


def test_each_stop_rule_stands_with_what_it_was_simulated_to_do(
    office: Client, clinic: Clinic
) -> None:
    known = store.known_for(clinic, date(2026, 11, 26))
    page = words(office.get("/settings/"))
    for choice in known.stop_choices.values():
        usual = known.judge_study(choice.id)["usual"]
        assert choice.name in page and f"{usual.false_stops} are stopped too early" in page
    assert words(office.post("/settings/", {**SETTINGS, "stop_choice": "never"})).count(
        "Select a valid choice."
    )


@pytest.mark.alike
@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("finish_relief_percent", "0", "above 0 and at most 100 percent"),
        ("finish_relief_percent", "100.01", "above 0 and at most 100 percent"),
        ("estimate_line", "0", "above zero"),
        ("estimate_line", "399.999", "no more than 2 decimal places"),
        ("npi", "1234567890", "A digit of this provider number"),
        ("npi", "12345", "has ten digits"),
        ("time_zone", "Mars/Olympus", "Select a valid choice."),
        ("name", "", "This field is required."),
    ],
)
def test_it_refuses_a_setting_that_cannot_be(
    office: Client, clinic: Clinic, field: str, typed: str, said: str
) -> None:
    response = office.post("/settings/", {**SETTINGS, field: typed})
    assert response.status_code == 422
    assert said in words(response)
    clinic.refresh_from_db()
    assert clinic.version == 1


@pytest.mark.alike
def test_the_time_zones_are_places_and_the_clinics_own(office: Client, clinic: Clinic) -> None:
    def offered() -> set[str]:
        form = office.get("/settings/").context["form"]
        return {zone for zone, _ in form.fields["time_zone"].choices}

    assert {"America/New_York", "Europe/Madrid", "UTC"} <= offered()
    assert {zone for zone in offered() if "/" not in zone} == {"UTC"}
    assert not [zone for zone in offered() if zone.startswith(("Etc/", "posix/", "right/"))]
    Clinic.objects.update(time_zone="EST")
    assert {zone for zone in offered() if "/" not in zone} == {"UTC", "EST"}


def test_two_administrators_never_lose_a_change(office: Client, clinic: Clinic) -> None:
    assert office.post("/settings/", {**SETTINGS, "phone": "(555) 0001"}).status_code == 302
    conflict = office.post("/settings/", {**SETTINGS, "phone": "(555) 0002"})
    assert conflict.status_code == 409
    assert "(555) 0001" in words(conflict) and "(555) 0002" in words(conflict)
    clinic.refresh_from_db()
    assert clinic.phone == "(555) 0001"


def test_a_changed_setting_is_audited_with_before_and_after(office: Client, admin: User) -> None:
    office.post("/settings/", {**SETTINGS, "estimate_line": "180"})
    event = AuditEvent.objects.get(action="change_settings")
    assert event.user == admin
    assert event.detail["estimate_line"] == ["None", "180"]


def test_a_new_user_signs_in_with_the_first_password(office: Client) -> None:
    new = {"display_name": "Rosa Kim", "username": "rosa", "role": "front_desk"}
    office.post("/settings/users/add/", {**new, "password": PASSWORD})
    client = Client()
    client.post("/sign-in/", {"username": "rosa", "password": PASSWORD})
    assert client.get("/")["Location"] == "/sign-in/own/"


@pytest.mark.parametrize(
    ("username", "password", "said"),
    [
        ("rosa", "short", "at least 12 characters"),
        ("rosa", "qwerty123456", "too common"),
        ("rosa kim", PASSWORD, "Enter a valid username."),
        ("sam_desk", PASSWORD, "already exists"),
    ],
)
def test_it_refuses_a_weak_password_or_a_taken_name(
    office: Client, desk: User, username: str, password: str, said: str
) -> None:
    new = {"display_name": "Rosa Kim", "username": username, "role": "front_desk"}
    response = office.post("/settings/users/add/", {**new, "password": password})
    assert said in words(response)
    assert password not in words(response)
    assert User.objects.count() == 2


def test_a_user_without_access_is_out_at_once(
    office: Client, desk: User, client_for: Callable[[User], Client]
) -> None:
    at_desk = client_for(desk)
    office.post(f"/settings/users/{desk.pk}/", {"role": "front_desk", "version": "1"})
    assert at_desk.get("/")["Location"].startswith("/sign-in/")


@pytest.mark.parametrize(
    "data", [{"role": "clinician", "is_active": "on"}, {"role": "administrator"}]
)
def test_the_last_administrator_stays(office: Client, admin: User, data: dict[str, str]) -> None:
    response = office.post(f"/settings/users/{admin.pk}/", data | {"version": "1"})
    assert "the last administrator" in words(response)
    admin.refresh_from_db()
    assert (admin.role, admin.is_active) == ("administrator", True)


@pytest.mark.alike
@pytest.mark.parametrize(("sent", "said"), [
    ({"reminders_on": "on"}, "Give the address that messages come from"),
    ({"alert_email": "oncall@harbour.example"}, "Give the address that messages come from"),
    ({"alert_email": "nowhere"}, "valid email address"),
    ({"pain_pill_choice": "opium"}, "Select a valid choice"),
    ({"sender_email": "nowhere"}, "valid email address"),
    ({"quiet_from": "25:00"}, "valid time"),
])  # fmt: skip
def test_reminders_need_a_sender_and_hours_that_exist(
    admin: User, client_for: Callable[[User], Client], sent: dict[str, str], said: str
) -> None:
    response = client_for(admin).post("/settings/", SETTINGS | sent)
    assert response.status_code == 422 and said in words(response)


def test_reminders_are_switched_on_with_the_clinics_own_quiet_hours(
    admin: User, client_for: Callable[[User], Client]
) -> None:
    sent = {"reminders_on": "on", "sender_email": "care@harbour.example"}
    sent |= {"quiet_from": "19:30", "quiet_to": "08:00"}
    sent |= {"alert_email": "oncall@harbour.example", "pain_pill_choice": "week"}
    client_for(admin).post("/settings/", SETTINGS | sent)
    clinic = Clinic.objects.get()
    assert (clinic.alert_email, clinic.pain_pill_choice) == ("oncall@harbour.example", "week")
    assert clinic.reminders_on and clinic.sender_email == "care@harbour.example"
    assert (clinic.quiet_from, clinic.quiet_to) == (time(19, 30), time(8))
    changed = AuditEvent.objects.get(action="change_settings").detail
    assert changed["quiet_from"] == ["None", "19:30:00"]
