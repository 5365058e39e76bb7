"""From a blank evaluation to a signed session, as a clinician does it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from enthesis.clinic.models import Course, Patient, User
from tests.browser.conftest import DESKTOP, SMALL_PHONE, assert_accessible, sign_in
from tests.clinic.evaluated import consent, plan, typed
from tests.clinic.test_treat_pages import start
from tests.clinic.treated import say

pytestmark = pytest.mark.browser


def _answer(page: Page, **changed: Any) -> None:
    """Tick and type a whole evaluation."""
    for name, value in typed(**changed).items():
        for one in value if isinstance(value, list) else [value]:
            choice = page.locator(f'input[name="{name}"][value="{one}"]')
            if choice.count():
                choice.check()
            else:
                page.locator(f'[name="{name}"]').fill(one)


def before_the_needle(page: Page) -> None:
    """Every check is as it should be, and the time-out is held with the patient."""
    for box in page.locator(".confirm input").all():
        box.check()
    page.get_by_role("button", name="Time-out for two").click()
    expect(page.get_by_role("heading", name="Read aloud and agreed")).to_be_visible()
    page.get_by_role("button", name="With the patient").click()
    expect(page.get_by_text("with the patient").first).to_be_visible()


@pytest.fixture
def course(make_patient: Callable[..., Patient], make_course: Callable[..., Course]) -> Course:
    """Asked once already, so that the first session is the next thing after the agreement."""
    course = make_course(make_patient(allergies="latex", anticoagulant="Apixaban 5 mg"))
    say(course, course.opened_on, 6)
    return course


@pytest.mark.parametrize(("size", "dark"), [(DESKTOP, False), (SMALL_PHONE, True)])
def test_a_clinician_evaluates_plans_and_treats(
    open_page: Callable[..., Page],
    clinician: User,
    course: Course,
    size: tuple[int, int],
    dark: bool,
) -> None:
    page = open_page(size, dark)
    sign_in(page, clinician)

    page.goto(f"/courses/{course.pk}/evaluate/")
    assert_accessible(page)
    _answer(page, allergies=None, saddle_numbness="yes")
    page.get_by_role("button", name="Save evaluation").click()
    expect(page.get_by_role("heading", name="Refer first")).to_be_visible()
    page.get_by_text("Set aside").first.click()
    page.get_by_label("Set this finding aside because").fill("Unchanged since 2011")
    assert_accessible(page)
    page.get_by_role("button", name="Save evaluation").click()
    expect(page.get_by_text("Set aside: Unchanged since 2011")).to_be_visible()
    page.get_by_role("link", name="Make plan").click()

    expect(page.get_by_text("6 sessions at $280.")).to_be_visible()
    page.get_by_label("Sessions planned").fill("4")
    page.get_by_label("Sessions planned").blur()
    expect(page.get_by_text("4 sessions at $280.")).to_be_visible()  # worked out, not saved
    assert_accessible(page)
    page.get_by_role("button", name="Save plan").click()

    expect(page.get_by_role("heading", name="What you agree to")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("The patient’s name").fill("Marta Lindqvist")
    page.get_by_role("button", name="Record agreement").click()
    expect(page.get_by_role("link", name="Ask for consent")).to_be_visible()
    consent(course)
    page.reload()

    page.get_by_role("button", name="Start session 1").click()
    expect(page.get_by_role("heading", name="Session 1")).to_be_visible()
    expect(page.get_by_text("Allergy: latex")).to_be_visible()
    for number in (1, 2, 3):
        page.locator(f"#site-{number} input[type=checkbox]").check()
    more = page.get_by_role("button", name="More: Volume at 1, Iliolumbar ligament, left")
    more.click()
    expect(page.locator("#doses")).to_contain_text("3 of 9 places, 2.5\u00a0mL")
    expect(page.locator("#map .point.given:visible")).to_have_count(3)
    assert_accessible(page)
    page.get_by_role("button", name="Sign session").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("spinbutton", name="Weight").fill("68")
    for vial in ("dextrose 50", "lidocaine 1", "sterile water"):
        page.get_by_label(f"Lot of {vial}").fill("A-1")
    before_the_needle(page)
    expect(page.locator("#doses")).to_contain_text("of 300\u00a0mg allowed for 68\u00a0kg")
    page.get_by_role("button", name="Sign session").click()

    expect(page.get_by_text("Session 1 was signed.")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("link", name="Amend").click()
    page.get_by_label("What to add").fill("The patient called: sore for two days.")
    assert_accessible(page)
    page.get_by_role("button", name="Add amendment").click()
    expect(page.get_by_text("sore for two days")).to_be_visible()


def test_the_button_that_signs_stays_where_it_is_while_a_session_is_saved(
    desktop: Page,
    client_for: Callable[[User], Client],
    clinician: User,
    make_course: Callable[..., Course],
) -> None:
    client, course = client_for(clinician), make_course()
    plan(client, course, clinician, timezone.localdate())
    session = start(client, course)
    sign_in(desktop, clinician)
    desktop.goto(f"/sessions/{session.pk}/")
    sign = desktop.get_by_role("button", name="Sign session")
    before = sign.bounding_box()
    desktop.get_by_role("textbox", name="Note").fill("Sore")
    expect(desktop.locator("#saved")).to_contain_text(re.compile("Saved .+[.]"))
    assert sign.bounding_box() == before


def test_a_session_is_recorded_without_scripts(
    open_page: Callable[..., Page],
    clinician: User,
    course: Course,
) -> None:
    page = open_page(DESKTOP, scripts=False)
    sign_in(page, clinician)
    page.goto(f"/courses/{course.pk}/evaluate/")
    _answer(page, allergies=None)
    page.get_by_role("button", name="Save evaluation").click()
    page.get_by_role("link", name="Make plan").click()
    page.get_by_role("button", name="Save plan").click()
    page.get_by_label("The patient’s name").fill("Marta Lindqvist")
    page.get_by_role("button", name="Record agreement").click()
    expect(page.get_by_role("link", name="Ask for consent")).to_be_visible()
    consent(course)
    page.reload()
    page.get_by_role("button", name="Start session 1").click()
    page.get_by_role("spinbutton", name="Weight").fill("68")
    page.get_by_label("Add a place").select_option("Sacrotuberous ligament, left")
    page.get_by_role("button", name="Add place").click()
    page.get_by_role("spinbutton", name="Volume at 10, Sacrotuberous").fill("0.5")
    page.get_by_role("button", name="Tick all").click()
    expect(page.locator("#doses")).to_contain_text("10 of 10 places, 8.5\u00a0mL")
    for vial in ("dextrose 50", "lidocaine 1", "sterile water"):
        page.get_by_label(f"Lot of {vial}").fill("A-1")
    before_the_needle(page)
    page.get_by_role("button", name="Sign session").click()
    expect(page.get_by_text("Session 1 was signed.")).to_be_visible()
