"""The shell in a real browser: signing in, Today, finding and correcting patients, settings."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from enthesis.clinic.models import Course, User
from tests.browser.conftest import (
    DESKTOP,
    PHONE,
    SMALL_PHONE,
    assert_accessible,
    assert_accessible_in_every_look,
    sign_in,
)
from tests.clinic.treated import treated

pytestmark = pytest.mark.browser
LONG_AGO = date(2025, 1, 1)


def test_every_page_is_accessible_at_every_size(
    desktop: Page, clinician: User, admin: User, make_course, make_appointment
) -> None:
    course: Course = make_course()
    appointment = make_appointment(course, datetime.now(UTC) + timedelta(days=1))
    make_appointment(course, datetime.now(UTC))
    page = desktop
    page.goto("/sign-in/")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    assert_accessible_in_every_look(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    sign_in(page, clinician)
    assert_accessible_in_every_look(page)
    patient = f"/patients/{course.patient_id}/"
    for address in [
        "/patients/", "/patients/?find=nobody", "/patients/add/", patient, f"{patient}edit/",
        f"{patient}weights/add/", f"{patient}courses/add/",
        f"/courses/{course.pk}/appointments/add/", f"/appointments/{appointment.pk}/",
        "/settings/", "/patients/0/",
    ]:  # fmt: skip
        page.goto(address)
        assert_accessible_in_every_look(page)
    page.context.clear_cookies()
    sign_in(page, admin)
    for address in ["/settings/", "/settings/users/add/", f"/settings/users/{clinician.pk}/"]:
        page.goto(address)
        assert_accessible_in_every_look(page)


@pytest.mark.parametrize(("size", "dark"), [(DESKTOP, False), (SMALL_PHONE, True)])
def test_those_lost_from_sight_are_found_from_today(
    open_page: Callable[..., Page], clinician: User, make_course, make_patient,
    size: tuple[int, int], dark: bool,
) -> None:  # fmt: skip
    course = treated(make_course(make_patient(born_on=None)), [7, None])
    course.plans.update(agreed_on=LONG_AGO)
    course.sessions.update(on=LONG_AGO + timedelta(days=7))
    course.assessments.update(on=LONG_AGO)
    page = open_page(size, dark=dark)
    sign_in(page, clinician)
    page.get_by_role("link", name="1 silent for more than 120 days").click()
    expect(page.get_by_role("heading", name="Silent for more than 120 days")).to_be_visible()
    assert_accessible(page)
    page.locator("#lost").get_by_role("link", name="Lindqvist, Marta").click()
    expect(page.get_by_text("Lost from sight")).to_be_visible()
    expect(page.get_by_text("The answers due on 15 Jan 2025 never came.")).to_be_visible()
    assert_accessible(page)


def test_typing_a_name_finds_without_leaving_the_page(
    desktop: Page, desk: User, make_patient
) -> None:
    make_patient(family="Osei")
    make_patient(family="Brandt")
    sign_in(desktop, desk)
    desktop.get_by_role("link", name="Patients").click()
    expect(desktop.get_by_role("link", name="Brandt, Marta")).to_be_visible()
    desktop.get_by_label("Name, number or birth date").press_sequentially("ose")
    found = desktop.locator("#found")
    expect(found.get_by_text("1 patient found for “ose”")).to_be_visible()
    expect(desktop.get_by_role("link", name="Brandt, Marta")).to_have_count(0)
    assert desktop.url.endswith("/patients/"), "a name must not stay in the address"


@pytest.mark.parametrize("scripts", [True, False])
def test_a_patient_is_added_weighed_and_booked(
    open_page: Callable[..., Page], desk: User, clinician: User, scripts: bool
) -> None:
    page = open_page(PHONE, scripts=scripts)
    sign_in(page, desk)
    page.get_by_role("link", name="Add patient").click()
    page.get_by_label("Family name").fill("Brandt")
    page.get_by_role("button", name="Add patient").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    expect(page.get_by_label("Family name")).to_have_value("Brandt")
    page.get_by_label("Given name").fill("Tomas")
    page.get_by_label("Birth date").fill("1971-05-02")
    page.get_by_label("Asked: none known").check()
    page.get_by_role("button", name="Add patient").click()
    expect(page.get_by_text("Brandt, Tomas was added as No. 1001.")).to_be_visible()
    page.get_by_role("link", name="Record weight").click()
    page.get_by_label("Weight").fill("72.5")
    page.get_by_role("button", name="Record weight").click()
    expect(page.get_by_role("region", name="Patient").get_by_text("72.5 kg")).to_be_visible()
    page.get_by_role("link", name="Add complaint").click()
    page.get_by_label("Knee osteoarthritis").check()
    page.get_by_label("Right").check()
    page.get_by_label("Clinician").select_option(str(clinician))
    page.get_by_role("button", name="Open course").click()
    page.get_by_label("Day").fill((datetime.now(UTC) + timedelta(days=7)).date().isoformat())
    page.get_by_label("Time").fill("09:15")
    page.get_by_role("button", name="Book").click()
    expect(page.get_by_text("Booked for")).to_be_visible()
    expect(page.get_by_text("Knee osteoarthritis, right").first).to_be_visible()


def test_two_people_editing_see_both_versions(
    open_page: Callable[..., Page], desk: User, clinician: User, make_patient
) -> None:
    patient = make_patient()
    mine, theirs = open_page(DESKTOP), open_page(DESKTOP)
    sign_in(mine, desk)
    sign_in(theirs, clinician)
    for page, phone in [(mine, "(555) 0001"), (theirs, "(555) 0002")]:
        page.goto(f"/patients/{patient.pk}/edit/")
        page.get_by_label("Phone").fill(phone)
    theirs.get_by_role("button", name="Save details").click()
    expect(theirs.get_by_text("The details were saved.")).to_be_visible()
    mine.get_by_role("button", name="Save details").click()
    expect(mine.get_by_role("cell", name="(555) 0002")).to_be_visible()
    expect(mine.get_by_label("Phone")).to_have_value("(555) 0001")
    assert_accessible(mine)
    mine.get_by_role("button", name="Save details").click()
    expect(mine.get_by_text("The details were saved.")).to_be_visible()


def test_a_page_that_fails_says_what_to_do_and_nothing_of_the_patient(
    desktop: Page, desk: User, make_patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = make_patient()

    def fail(*_: object) -> None:
        raise ValueError(f"{patient} of 1968 cannot be shown")

    sign_in(desktop, desk)
    monkeypatch.setattr("enthesis.clinic.pages.patients.patient_banner", fail)
    response = desktop.goto(f"/patients/{patient.pk}/")
    assert response and response.status == 500
    expect(desktop.get_by_role("heading", name="Something went wrong here")).to_be_visible()
    for secret in ("Lindqvist", "1968", "Traceback", "ValueError", ".py"):
        assert secret not in desktop.content(), secret


def test_nothing_is_left_to_see_after_signing_out(desktop: Page, desk: User, make_patient) -> None:
    patient = make_patient()
    sign_in(desktop, desk)
    desktop.goto(f"/patients/{patient.pk}/")
    desktop.get_by_role("button", name="Sign out").click()
    expect(desktop.get_by_role("heading", name="Sign in")).to_be_visible()
    desktop.go_back()
    expect(desktop.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(desktop.get_by_text("Lindqvist")).to_have_count(0)
