"""The main job, walked in a real browser from the first question to the recheck.

Given a clinic with nobody in it, one patient weighs the choice on her phone and asks; she is found,
evaluated, planned, treated, asked, judged, billed and rechecked, each on its own day; every screen
is checked for accessibility on the way.
`ENTHESIS_PICTURES=docs/pictures` also saves the pictures that the docs show.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine
from django.db import connection
from playwright.sync_api import Page, expect

from enthesis.clinic import models
from tests.browser.conftest import DESKTOP, PHONE, look, sign_in, tell_birth_date
from tests.browser.test_choose import choose_on_the_phone

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
OpenPage = Callable[..., Page]

# Noon today: later days lie ahead, so that the browser, whose clock we cannot move, keeps cookies.
START = datetime.combine(datetime.now(UTC).date(), time(17), UTC)


def on_day(number: int) -> time_machine.travel:
    """The clinic's clock, so many days after the start."""
    return time_machine.travel(START + timedelta(days=number), tick=True)


def answer_the_evaluation(page: Page) -> None:
    """Nothing stands against treatment, and exercise was tried."""
    for box in page.locator("input[type=checkbox]").all():
        if box.get_attribute("value") in ("none", "exercise"):
            box.check()
    for radio in page.locator("input[type=radio][value=no]:visible").all():
        radio.check()
    for name in ("never", "none"):
        for radio in page.locator(f"input[type=radio][value={name}]").all():
            radio.check()
    for box in page.locator("input[type=number][required]").all():
        box.fill(box.input_value() or "30")


def answer_on_the_phone(phone: Page, address: str, pain: int, picture: str = "") -> None:
    """Open the personal link and answer screen by screen, thumb only; `pain` goes for every scale
    where higher is worse, its mirror for activities."""
    phone.goto(address)
    for _ in range(20):
        if phone.get_by_role("heading", name="Your answers were received").is_visible():
            look(phone, f"{picture}-received") if picture else None
            return
        heading = phone.locator("h1").first.inner_text()
        if picture and "describes your pain" in heading:
            look(phone, f"{picture}-pain")
        if phone.locator("input[type=checkbox]").count():
            phone.locator(".row", has_text="None of these").click()
        for box in phone.locator("input[type=text]").all():
            box.fill("put on my socks" if heading.startswith("Name one thing") else "")
        for rows in phone.locator(".rows:has(input[type=radio])").all():
            count = rows.locator(".row").count()
            wanted = pain if count == 11 else 0
            if "put on my socks" in phone.locator("main").inner_text():
                wanted = 10 - pain
            if heading.startswith("How much of your pain"):
                wanted = 0 if pain else 10
            rows.locator(".row").nth(min(wanted, count - 1)).click()
        phone.get_by_role("button", name="Save and go on").click()
    raise AssertionError(f"The questions did not end: {phone.locator('main').inner_text()}")


def sign_on_the_phone(phone: Page, page: Page, course_url: str) -> None:
    """The consent, made from the course page, read and signed on the patient's phone."""
    page.goto(course_url)
    page.get_by_role("link", name="Ask for consent").click()
    page.get_by_role("button", name="Make link").click()
    look(page, "consent-link")
    phone.goto(page.get_by_label("Personal link").input_value())
    look(phone, "second-fact-phone")
    tell_birth_date(phone, date(1974, 3, 14))
    expect(phone.get_by_text("How sure is this?").first).to_be_visible()
    look(phone, "consent-phone")
    phone.get_by_label("in place of a signature").fill("Marta Lindqvist")
    phone.get_by_role("button", name="Sign").click()
    expect(phone.get_by_text("Tick this to sign.").first).to_be_visible()
    look(phone)
    for box in phone.locator("input[type=checkbox]").all():
        box.check()
    phone.get_by_role("button", name="Sign").click()
    expect(phone.get_by_role("heading", name="You have signed")).to_be_visible()
    look(phone, "consent-signed")


def ask_the_clinic(phone: Page) -> None:
    """A question on the public page, from the page of the choices."""
    phone.get_by_role("link", name="All about these choices").click()
    phone.get_by_role("link", name="Ask the clinic a question").click()
    look(phone)
    phone.get_by_label("Your name").fill("Marta")
    phone.get_by_label("Your e-mail").fill("marta@example.org")
    phone.get_by_label("Your question").fill("How long does a visit take?")
    # Nobody writes so fast: who does is asked to press again. Not by a clock that runs: on a busy
    # machine filling the form alone takes longer.
    with time_machine.travel(START, tick=True):
        phone.get_by_role("button", name="Send question").click()
        expect(phone.get_by_text("That was very fast")).to_be_visible()
    look(phone)
    with time_machine.travel(START + timedelta(minutes=1), tick=True):
        phone.get_by_role("button", name="Send question").click()
        expect(phone.get_by_role("heading", name="Your question is sent")).to_be_visible()
    look(phone)


def ask(page: Page, course_url: str) -> str:
    """Make a personal link from the course page; its address."""
    page.goto(course_url)
    page.get_by_role("link", name="Ask for answers").click()
    page.get_by_role("button", name="Make link").click()
    return page.get_by_label("Personal link").input_value()


def treat(page: Page, course_url: str, number: int, picture: str = "") -> None:
    """Record and sign one session that follows the plan."""
    page.goto(course_url)
    page.get_by_role("button", name=f"Start session {number}").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Session {number}")
    page.get_by_role("button", name="Tick all").click()
    for label, lot in (("Dextrose", "D-2231"), ("Lidocaine", "L-0870"), ("water", "W-114")):
        page.get_by_label(label).last.fill(lot)
    if picture:
        look(page, picture)
    for box in page.locator(".confirm input").all():
        box.check()
    page.get_by_role("button", name="Time-out for two").click()
    page.locator("button[name=with]").first.click()
    page.get_by_role("button", name="Sign session").click()
    expect(page.get_by_role("heading", name="Amendments")).to_be_visible()


def test_a_course_from_the_first_question_to_the_recheck(
    open_page: OpenPage, clinic: models.Clinic, clinician: models.User, desk: models.User
) -> None:
    page, front, phone = open_page(DESKTOP), open_page(DESKTOP), open_page(PHONE)

    clinic.takes_questions = True
    clinic.save()
    with on_day(0):
        # Given somebody who weighs the choice before there is a record
        if connection.vendor == "sqlite":  # no record is written: once is enough
            choose_on_the_phone(phone, clinic)
            ask_the_clinic(phone)

        # and becomes a patient whom the front desk adds and books
        sign_in(front, desk)
        front.get_by_role("link", name="Add patient").click()
        front.get_by_label("Family name").fill("Lindqvist")
        front.get_by_label("Given name").fill("Marta")
        front.get_by_label("Birth date").fill("1974-03-14")
        front.get_by_label("Phone").fill("(555) 0142")
        front.get_by_label("Asked: none known").check()
        front.get_by_role("button", name="Add patient").click()
        look(front, "patient")
        front.get_by_role("link", name="Record weight").first.click()
        front.get_by_label("Weight").fill("68")
        front.get_by_role("button", name="Record weight").click()
        # the front desk cannot open a course's clinical pages
        patient = models.Patient.objects.get()

        # When the clinician finds her and opens a course
        sign_in(page, clinician)
        page.get_by_role("link", name="Patients").click()
        page.get_by_label("Name").fill("lindq")
        page.get_by_role("button", name="Find").click()
        page.get_by_role("link", name="Lindqvist, Marta").click()
        page.get_by_role("link", name="Add complaint").click()
        page.get_by_label("Low back and sacroiliac pain").check()
        page.get_by_label("Left", exact=True).check()
        page.get_by_label("Complaint").fill("Aches on the left since a lift at work")
        page.get_by_role("button", name="Open course").click()
        course = models.Course.objects.get()
        course_url = f"/courses/{course.pk}/"
        assert course.patient == patient

        # and evaluates her: unanswered questions stand in the way, then the answer is given
        page.goto(course_url)
        page.get_by_role("link", name="Evaluate").first.click()
        look(page)
        page.get_by_label("For how many months has it hurt?").fill("30")
        page.get_by_role("button", name="Save evaluation").click()
        expect(page.get_by_text("missing").first).to_be_visible()
        answer_the_evaluation(page)
        page.get_by_role("button", name="Save evaluation").click()
        expect(page.get_by_text("Suitable").first).to_be_visible()
        look(page, "evaluation")

        # and proposes a plan, which she reads and agrees to
        page.get_by_role("link", name="Make plan").click()
        look(page, "plan")
        page.get_by_role("button", name="Save plan").click()
        expect(page.get_by_role("heading", name="When we finish, when we stop")).to_be_visible()
        page.get_by_label("Name").fill("Marta Lindqvist")
        look(page, "agreement")
        page.get_by_role("button", name="Record agreement").click()
        expect(page.get_by_text("Agreed").first).to_be_visible()

        # and has her sign on her phone, which the course says is next
        page.goto(course_url)
        answer_on_the_phone(phone, ask(page, course_url), pain=7, picture="phone")
        sign_on_the_phone(phone, page, course_url)
        treat(page, course_url, 1, picture="session")

        # Then the session is charged and paid the same day
        page.get_by_role("link", name="Make invoice").click()
        page.get_by_role("button", name="Make invoice").click()
        invoice_url = page.url
        front.goto(invoice_url)
        front.get_by_label("Card terminal").check()
        front.get_by_role("button", name="Record payment").click()
        expect(front.get_by_text("Paid in full")).to_be_visible()
        look(front, "invoice")

    # When little changed after the first session, the suggestion is to go on
    with on_day(12):
        sign_in(page, clinician)
        answer_on_the_phone(phone, ask(page, course_url), pain=6)
        page.goto(course_url)
        expect(page.get_by_role("heading", name="Go on")).to_be_visible()
        page.get_by_role("button", name="Record decision").click()
        expect(page.get_by_text("Decision recorded: go on.")).to_be_visible()
        treat(page, course_url, 2)

    # and once the target is reached, she is asked again before another needle
    with on_day(26):
        sign_in(page, clinician)
        answer_on_the_phone(phone, ask(page, course_url), pain=0)
        page.goto(course_url)
        expect(page.get_by_text("before the next needle").first).to_be_visible()
        look(page, "course-go-on")

    with on_day(36):
        sign_in(page, clinician)
        answer_on_the_phone(phone, ask(page, course_url), pain=0)
        page.goto(course_url)
        expect(page.get_by_role("heading", name="Finish")).to_be_visible()
        look(page, "course-finish")
        # an override needs a reason
        page.get_by_role("radio", name="Go on").check()
        page.get_by_role("button", name="Record decision").click()
        expect(page.get_by_text("There is a problem")).to_be_visible()
        page.get_by_role("radio", name="Finish").check()
        page.get_by_role("button", name="Record decision").click()
        expect(page.get_by_text("Decision recorded: finish.")).to_be_visible()

    # Months later the finished course comes up as due, and is closed
    with on_day(36 + 95):
        sign_in(page, clinician)
        due = page.locator("section", has=page.get_by_role("heading", name="Recheck due"))
        expect(due.get_by_role("link", name="Lindqvist, Marta")).to_be_visible()
        answer_on_the_phone(phone, ask(page, course_url), pain=1)
        page.goto(course_url)
        look(page, "course-recheck")
        page.get_by_role("button", name="Record decision").click()
        page.get_by_role("button", name="Close course").click()
        expect(page.get_by_text("Closed").first).to_be_visible()

    course.refresh_from_db()
    assert course.closed_on is not None
    assert [d.decided for d in course.decisions.all()][:2] == ["go_on", "finish"]
    assert models.AuditEvent.objects.filter(patient=patient).count() >= 15
