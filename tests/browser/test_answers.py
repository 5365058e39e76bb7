"""A patient answers on a phone without JavaScript; the clinician reads, decides, and is paid."""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
import time_machine
from django.utils import timezone
from playwright.sync_api import Page, expect

from enthesis.clinic import models
from enthesis.clinic.actions import answer, pay
from tests.browser.conftest import DESKTOP, PHONE, assert_accessible_in_every_look, sign_in
from tests.clinic.treated import treated

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
OpenPage = Callable[..., Page]


@pytest.fixture(autouse=True)
def in_november() -> Iterator[None]:
    """The sessions of `treated` are weeks ago, not years: what is due depends on the day. The
    browser keeps cookies by their age, so the clinic's clock may stand anywhere."""
    with time_machine.travel("2026-11-23 15:00Z", tick=True):
        yield


def choose_any(page: Page) -> None:
    """Answer the screen with its first row, or a few words; an optional text stays empty."""
    for box in page.locator("input[type=text]").all():
        box.fill("put on socks" if box.get_attribute("name") == "activity_1_name" else "")
    for rows in page.locator(".rows").all():
        rows.locator(".row").first.click()
    page.locator(".bottom-bar button").click()


def test_a_patient_answers_on_a_phone_without_javascript(
    open_page: OpenPage, make_course: Callable[..., models.Course], clinician: models.User
) -> None:
    course = treated(make_course(), [7, 6, 5, 4], clinician)
    _, token = answer.make_link(clinician, course.pk, "after_session", date(2026, 11, 23))
    page = open_page(PHONE, scripts=False)
    page.goto(f"/a/{token}/")
    for _ in range(15):
        if page.get_by_role("heading", name="Your answers were received").is_visible():
            break
        expect(page.locator(".emergency")).to_contain_text("Call (555) 0100")
        choose_any(page)
    expect(page.get_by_role("heading", name="Your answers were received")).to_be_visible()
    assert course.assessments.last().answers["pain"] == 0


def test_one_tap_brings_spanish_and_nothing_sticks_out_of_the_smallest_phone(
    open_page: OpenPage, make_course: Callable[..., models.Course], clinician: models.User
) -> None:
    course = treated(make_course(), [7, 6], clinician)
    _, token = answer.make_link(clinician, course.pk, "recheck", date(2026, 11, 23))
    page = open_page((320, 568), scripts=False)
    page.goto(f"/a/{token}/")
    page.get_by_role("button", name="Español").click()
    for _ in range(16):
        assert page.locator("html").get_attribute("lang") == "es"
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        if page.get_by_role("heading", name="Recibimos sus respuestas").is_visible():
            break
        choose_any(page)
    expect(page.get_by_role("heading", name="Recibimos sus respuestas")).to_be_visible()
    assert course.assessments.last().answers["rmdq"] == ["none"]


def test_all_eleven_rows_and_the_button_fit_a_phone(
    open_page: OpenPage, make_course: Callable[..., models.Course], clinician: models.User
) -> None:
    course = treated(make_course(), [7, 6], clinician)
    _, token = answer.make_link(clinician, course.pk, "after_session", date(2026, 11, 23))
    page = open_page((390, 664))
    page.goto(f"/a/{token}/")
    choose_any(page)
    rows = page.locator(".row")
    expect(rows).to_have_count(11)
    for row in (rows.first, rows.last):
        box = row.bounding_box()
        assert box and box["height"] >= 40
    bar, last = page.locator(".bottom-bar").bounding_box(), rows.last.bounding_box()
    assert bar and last and last["y"] + last["height"] <= bar["y"]


@pytest.mark.parametrize("speak", ["English", "Español"])
def test_the_number_to_call_is_not_cut_on_any_question(
    open_page: OpenPage,
    make_course: Callable[..., models.Course],
    clinician: models.User,
    speak: str,
) -> None:
    course = treated(make_course(), [7, 6], clinician)
    _, token = answer.make_link(clinician, course.pk, "after_session", date(2026, 11, 23))
    page = open_page(PHONE, scripts=False)
    page.goto(f"/a/{token}/")
    if speak != "English":
        page.get_by_role("button", name=speak).click()
    while page.get_by_role("button", name=re.compile("Save|Guardar")).is_visible():
        bar, call = page.locator(".bottom-bar"), page.locator(".emergency a").last
        top, box = bar.bounding_box(), call.bounding_box()
        title = page.locator("h1").inner_text()
        assert top and box and box["y"] + box["height"] <= top["y"], title
        choose_any(page)


def test_what_can_be_ticked_shows_an_empty_box(
    phone: Page, make_course: Callable[..., models.Course], clinician: models.User
) -> None:
    course = treated(make_course(), [7, 6], clinician)
    _, token = answer.make_link(clinician, course.pk, "after_session", date(2026, 11, 23))
    phone.goto(f"/a/{token}/")
    box, mark = (phone.locator(f".row .icon{part}").first for part in ("", " path"))
    expect(box).to_be_visible()
    expect(mark).to_be_hidden()
    phone.locator(".row").first.click()
    expect(mark).to_be_visible()
    phone.get_by_role("button", name="Save and go on").click()
    expect(phone.locator(".row")).to_have_count(11)  # of which one is chosen: no box
    expect(phone.locator(".row .icon").first).to_be_hidden()


def test_a_link_that_was_made_is_copied_by_a_button(
    desktop: Page, make_course: Callable[..., models.Course], clinician: models.User
) -> None:
    course = treated(make_course(), [7, 6], clinician)
    desktop.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(desktop, clinician)
    desktop.goto(f"/courses/{course.pk}/ask/")
    desktop.get_by_role("button", name="Make link").click()
    desktop.get_by_role("button", name="Copy").click()
    expect(desktop.get_by_role("button", name="Copied")).to_be_visible()
    made = desktop.get_by_label("Personal link").input_value()
    assert desktop.evaluate("navigator.clipboard.readText()") == made


def test_every_patient_page_is_accessible(
    desktop: Page,
    make_course: Callable[..., models.Course],
    clinician: models.User,
) -> None:
    course = treated(make_course(), [7, 6], clinician)
    _, token = answer.make_link(clinician, course.pk, "baseline", date(2026, 11, 23))
    page = desktop
    page.goto(f"/a/{token}/")
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    assert_accessible_in_every_look(page)
    for _ in range(20):
        assert_accessible_in_every_look(page)
        if page.get_by_role("heading", name="Your answers were received").is_visible():
            break
        choose_any(page)
    _, token = answer.make_link(clinician, course.pk, "recheck", date(2026, 11, 23))
    page.goto(f"/a/{token}/")
    page.get_by_label("New trouble passing urine").check()
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_role("heading", name="Call the emergency number now")).to_be_visible()
    assert_accessible_in_every_look(page)
    page.goto("/a/not-a-link/")
    assert_accessible_in_every_look(page)


def test_every_staff_page_of_a_course_is_accessible(
    desktop: Page,
    make_course: Callable[..., models.Course],
    clinician: models.User,
) -> None:
    course = treated(make_course(), [7, 6, 5, 4], clinician)
    invoice = pay.make_invoice(clinician, course.sessions.all()[0].pk, date(2026, 11, 23))
    page = desktop
    sign_in(page, clinician)
    answers = course.assessments.last()
    for address in (
        f"/courses/{course.pk}/",
        f"/courses/{course.pk}/summary/",
        f"/courses/{course.pk}/after/",
        f"/courses/{course.pk}/ask/",
        f"/courses/{course.pk}/answers/add/",
        f"/answers/{answers.pk}/",
        f"/sessions/{course.sessions.last().pk}/invoice/",
        f"/invoices/{invoice.pk}/",
        "/money/",
        "/rules/F1/",
        "/limits/",
    ):
        page.goto(address)
        for details in page.locator("details.more").all():
            details.locator("summary").first.click()
        assert_accessible_in_every_look(page)
    page.goto(f"/courses/{course.pk}/")
    page.get_by_label("Stop", exact=True).check()
    page.get_by_role("button", name="Record decision").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    expect(page.get_by_role("radio", name="Stop")).to_be_checked()
    assert_accessible_in_every_look(page)


def test_from_a_link_to_a_decision_and_a_payment(
    open_page: OpenPage, make_course: Callable[..., models.Course], clinician: models.User
) -> None:
    course = treated(make_course(), [8, 5, 1, 0, None], clinician)
    desk = open_page(DESKTOP)
    sign_in(desk, clinician)
    desk.goto(f"/courses/{course.pk}/")
    desk.get_by_role("link", name="Ask for answers").click()
    desk.get_by_role("button", name="Make link").click()
    address = desk.get_by_label("Personal link").input_value()
    phone = open_page(PHONE, scripts=False)
    phone.goto(address)
    for _ in range(15):
        if phone.get_by_role("heading", name="Your answers were received").is_visible():
            break
        choose_any(phone)
    desk.goto(f"/courses/{course.pk}/")
    expect(desk.get_by_role("heading", name="Finish")).to_be_visible()
    desk.get_by_role("button", name="Record decision").click()
    expect(desk.get_by_text("Decision recorded: finish.")).to_be_visible()
    decision = course.decisions.get()
    assert decision.recheck_on and decision.recheck_on > timezone.now().date() + timedelta(14)
    desk.get_by_role("link", name="Make the invoice for session 4").click()
    desk.get_by_role("button", name="Make invoice").click()
    desk.get_by_label("Cash").check()
    desk.get_by_role("button", name="Record payment").click()
    expect(desk.get_by_text("Paid in full")).to_be_visible()
