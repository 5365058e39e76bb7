"""What money must not cross: a course, a clinic, a link of another kind, a later price."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from enthesis.clinic import estimates, ledger, models
from enthesis.clinic.actions import Refused, estimate, pay, prices, superbill
from enthesis.clinic.actions import day_close as closing
from enthesis.clinic.actions import ledger as actions
from enthesis.clinic.actions.answer import make_sheet_link
from enthesis.clinic.estimates import Choice
from enthesis.journey.ledger import Method
from tests.clinic.treated import give_session, treated
from tests.clinic_fixtures import TODAY

MakeCourse = Callable[..., models.Course]
pytestmark = [pytest.mark.usefixtures("on_a_fixed_day"), pytest.mark.alike]


@pytest.fixture
def course(make_course: MakeCourse, clinician: models.User) -> models.Course:
    return treated(make_course(), [7, 6], clinician)


def test_a_form_of_one_course_enters_nothing_in_another(
    course: models.Course, make_course: MakeCourse, desk: models.User
) -> None:
    actions.take_deposit(desk, course.pk, Decimal(50), "cash", TODAY, "d")
    with pytest.raises(Refused, match="something else"):
        actions.take_deposit(desk, make_course().pk, Decimal(50), "cash", TODAY, "d")


def test_what_another_clinic_took_and_closed_is_not_in_this_ones_day(
    course: models.Course, desk: models.User, stranger: models.User
) -> None:
    actions.take_deposit(desk, course.pk, Decimal(50), "cash", TODAY, "d")
    assert stranger.clinic and desk.clinic
    assert closing.expected_of(stranger.clinic, TODAY)[Method.CASH].amount == 0
    closing.close_day(stranger, TODAY, dict.fromkeys(Method, Decimal(0)), "")
    assert ledger.closed_until(desk.clinic) is None
    assert closing.expected_of(desk.clinic, TODAY)[Method.CASH].amount == 50


def test_only_the_link_to_a_statement_leads_to_payment(
    course: models.Course, desk: models.User, settings: Any
) -> None:
    pay.make_invoice(desk, course.sessions.get().pk, TODAY)
    settings.CARD, settings.CARD_KEY, settings.CARD_SECRETS = "stripe", "k", ["s"]
    settings.CARD_ADDRESS = "http://127.0.0.1:1"
    token = make_sheet_link(desk, course.pk)[1]
    assert Client().post(f"/a/{token}/card/1/", {"attempt": "0"}).status_code == 404


def test_a_price_set_after_the_plan_was_agreed_is_not_in_its_bills(
    course: models.Course, admin: models.User, desk: models.User, clinician: models.User
) -> None:
    for item, amount in (("session", 300), ("ultrasound", 60), ("tax", 5)):
        prices.set_price(admin, item, Decimal(amount), TODAY)
    given = give_session(course, 2, TODAY, clinician)
    models.Session.objects.filter(pk=given.pk).update(guidance="ultrasound")
    bill = pay.make_invoice(desk, given.pk, TODAY)
    assert list(bill.lines.values_list("item", "amount")) == [("session", 280)]


def test_what_was_credited_counts_neither_against_the_estimate_nor_to_an_insurer(
    course: models.Course, desk: models.User
) -> None:
    row = estimate.make_estimate(desk, course.pk, Choice())
    bill = pay.make_invoice(desk, course.sessions.get().pk, TODAY)
    actions.credit_invoice(desk, bill.pk, Decimal(80), "One place less", TODAY, "c")
    assert estimates.standing(row, TODAY).billed.amount == 200
    made = superbill.make_superbill(desk, course.pk, (("M54.50", ""),))
    assert made.content["superbill"]["charged"] == {"amount": 200, "currency": "USD"}


def test_a_link_to_an_estimate_that_nobody_used_expires_and_a_used_one_stays(
    course: models.Course, desk: models.User
) -> None:
    row = estimate.make_estimate(desk, course.pk, Choice())
    link, token = estimate.make_estimate_link(desk, row.pk)
    later = link.expires_at + timedelta(seconds=1)
    assert estimate.find_estimate_link(token, later - timedelta(seconds=2)) == link
    assert estimate.find_estimate_link(token, later) is None
    models.EstimateReceived.objects.create(estimate=row, link=link, name="Marta", pdf=b"")
    assert estimate.find_estimate_link(token, later) == link


def test_an_arrangement_made_after_the_session_of_the_same_day_does_not_move_its_due_day(
    course: models.Course, desk: models.User, clinician: models.User
) -> None:
    given = give_session(course, 2, TODAY, clinician)
    with time_machine.travel("2026-11-23 17:00Z", tick=False):  # signed an hour before
        actions.arrange(desk, course.pk, Decimal(560), 2, date(2026, 12, 23), 30, "i")
        bill = pay.make_invoice(desk, given.pk, TODAY)
    assert (bill.due_on, bill.arranged) == (TODAY, None)
