"""The walk of the money: a deposit and a prepaid series, three sessions, a stop, what goes back,
and the end of the day. The sessions themselves are walked in docs/picture_walks.py."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import time_machine
from playwright.sync_api import Page

from docs.picture_walks import ADDRESS, OpenPage, Visits, sign_in

FIRST = date(2026, 10, 12)
DAYS = (FIRST, date(2026, 10, 26), date(2026, 11, 9))
STOP = date(2026, 11, 23)


def money(open_page: OpenPage) -> Visits:
    """Everything that the front desk enters for one course that is stopped after three sessions."""
    from tests.clinic.treated import agree_plan, give_session, say

    from enthesis.clinic.models import Course, Patient, User

    clinician = User.objects.get(username="clinician")
    patient = Patient.objects.create(
        clinic=clinician.clinic, number=9001, family="Lindqvist", given="Ana", language="es",
        born_on=date(1968, 3, 14),
    )  # fmt: skip
    course = Course.objects.create(
        patient=patient, condition="low_back", side="left", opened_on=date(2026, 9, 3),
        clinician=clinician,
    )  # fmt: skip
    agree_plan(course)
    say(course, date(2026, 10, 9), 7)
    front, phone = open_page(), open_page()
    with _on(FIRST):
        sign_in(front, "frontdesk")
        _pay_ahead(front, course.pk)
        yield "series-sold", front
    for number, day in enumerate(DAYS, start=1):
        session = give_session(course, number, day, clinician)
        with _on(day):
            sign_in(front, "frontdesk")
            front.goto(f"/sessions/{session.pk}/invoice/")
            if number == 1:
                yield "invoice-prepaid", front
            front.get_by_role("button", name="Make invoice").click()
            front.get_by_text("Paid in full").wait_for()
    say(course, date(2026, 11, 20), 7)
    with _on(STOP):
        _stop(open_page(), course.pk)
        sign_in(front, "frontdesk")
        yield from _give_back(front, phone, course.pk)
        yield from _close(front)


def _on(day: date) -> time_machine.travel:
    return time_machine.travel(datetime(day.year, day.month, day.day, 16, tzinfo=UTC))


def _pay_ahead(page: Page, course: int) -> None:
    page.goto(f"/courses/{course}/money/")
    page.get_by_role("link", name="Take a deposit").click()
    page.get_by_label("Amount").fill("50")
    page.get_by_label("Cash").check()
    page.get_by_role("button", name="Record deposit").click()
    page.get_by_role("link", name="Sell a prepaid series").click()
    page.get_by_label("Sessions").fill("6")
    page.get_by_label("Price of all").fill("1500")
    page.get_by_label("Card terminal").check()
    page.get_by_role("button", name="Record series").click()
    page.get_by_text("6 of 6 prepaid sessions left").wait_for()


def _stop(page: Page, course: int) -> None:
    sign_in(page, "clinician")
    page.goto(f"/courses/{course}/")
    page.locator(".verdict").get_by_label("Stop").check()
    page.get_by_label("Reason").fill("Three sessions, no change")
    page.get_by_role("button", name="Record decision").click()
    page.get_by_text("3 prepaid sessions were not used").wait_for()


def _give_back(page: Page, phone: Page, course: int) -> Iterator[tuple[str, Page]]:
    from tests.browser.conftest import tell_birth_date

    page.goto("/money/")
    yield "money-back", page
    page.locator("section:has(#give-back)").get_by_role("link", name="Lindqvist, Ana").click()
    page.get_by_text("The series has ended").wait_for()
    yield "money-stopped", page
    yield "money-stopped-phone", page
    page.get_by_role("link", name="Give back $750").click()
    yield "give-back", page
    page.get_by_role("button", name="Give back $750").click()
    page.get_by_role("link", name="Give it back").click()
    page.get_by_label("Cash").check()
    page.get_by_label("Why").fill("Nothing is left to pay")
    page.get_by_role("button", name="Record refund").click()
    page.get_by_text("Refund recorded.").wait_for()
    page.get_by_role("button", name="Make a link").click()
    address = page.get_by_label("Personal link").input_value().removeprefix(ADDRESS)
    yield "money-course", page
    phone.goto(address)
    tell_birth_date(phone)
    yield "statement-phone-es", phone
    phone.get_by_role("button", name="English").click()
    phone.get_by_text("You owe nothing").wait_for()
    yield "statement-phone", phone


def _close(page: Page) -> Visits:
    page.goto("/money/")
    yield "money", page
    page.get_by_role("link", name="Close the day").click()
    for label, counted in (
        ("Cash counted", "-50"),
        ("Total of the card", "-475"),
        ("Transfers", "280"),
    ):
        page.get_by_label(label).fill(counted)
    page.get_by_role("button", name="Close the day").click()
    page.get_by_text("Count again, or write").first.wait_for()
    yield "close-day", page
    yield "close-day-phone", page
    page.get_by_label("About the difference").fill("Counted twice; the difference is not found.")
    page.get_by_role("button", name="Close the day").click()
    page.get_by_role("heading", name="Revenue by day").wait_for()
    yield "days", page
    yield "days-phone", page
