"""The walk of a card payment, with the stand-in of the tests in the place of the gateway."""

from datetime import date, timedelta
from urllib.parse import urljoin

from docs.picture_walks import OpenPage, Visits, sign_in


def cards(open_page: OpenPage) -> Visits:
    """A patient pays one of two invoices, leaves the other, and something does not fit."""
    from django.test import override_settings
    from tests.browser.conftest import tell_birth_date
    from tests.card_stand_in import KEY, SECRET, card_server

    with card_server() as server:
        given = {"CARD": "stripe", "CARD_KEY": KEY, "CARD_SECRETS": [SECRET]}
        given |= dict.fromkeys(("CARD_ADDRESS", "CARD_PAGES"), server.url)
        # Not where the walks say that patients come: they are to come back to this machine.
        with override_settings(**given, PUBLIC_ADDRESS=""):
            phone, desk = open_page(), open_page()
            phone.goto(_statement())
            tell_birth_date(phone)
            server.tell = urljoin(phone.url, "/card/message/")
            yield "statement-card-phone", phone
            phone.get_by_role("button", name="Pay $280 by card").first.click()
            phone.get_by_role("button", name="Pay").click()
            phone.get_by_role("heading", name="Thank you").wait_for()
            yield "card-paid-phone", phone
            phone.get_by_role("link", name="Back to your statement").click()
            phone.get_by_role("heading", name="You owe $280").wait_for()
            phone.get_by_role("button", name="Español").click()
            phone.get_by_role("button", name="Pagar").click()
            phone.get_by_role("button", name="Cancel").click()
            phone.get_by_role("heading", name="Usted no pagó").wait_for()
            yield "card-not-paid-phone-es", phone
            phone.get_by_role("link", name="Volver").click()
            server.fail = 500
            server.kept.clear()
            phone.get_by_role("button", name="Pagar").click()
            phone.get_by_text("no responde en este momento").wait_for()
            yield "card-failed-phone-es", phone
            server.say_paid(list(server.sessions)[-1], amount_total=27000)
            sign_in(desk, "frontdesk")
            desk.goto("/money/")
            yield "money-card", desk
            desk.locator("section:has(#problems)").get_by_role("link").click()
            yield "card-problem", desk
            yield "card-problem-phone", desk
            desk.get_by_label("What was done").fill("Given back at the gateway.")
            desk.get_by_role("button", name="Record what was done").click()
            desk.get_by_text("Settled.").wait_for()


def _statement() -> str:
    """The personal link of a patient who owes two sessions."""
    from tests.clinic.treated import agree_plan, give_session, say

    from enthesis.clinic import store
    from enthesis.clinic.actions import pay
    from enthesis.clinic.actions.answer import make_statement_link
    from enthesis.clinic.models import Course, Patient, User

    clinician = User.objects.get(username="clinician")
    today = store.today(clinician.clinic)
    patient = Patient.objects.create(
        clinic=clinician.clinic, number=9002, family="Osborne", given="Ruth",
        born_on=date(1968, 3, 14),
    )  # fmt: skip
    opened_on = today - timedelta(days=40)
    course = Course.objects.create(
        patient=patient, condition="low_back", side="left", opened_on=opened_on,
        clinician=clinician,
    )  # fmt: skip
    agree_plan(course)
    say(course, opened_on, 7)
    for number, days in ((1, 14), (2, 0)):
        session = give_session(course, number, today - timedelta(days=days), clinician)
        pay.make_invoice(clinician, session.pk, today)
    return f"/a/{make_statement_link(clinician, course.pk)[1]}/"
