"""Invoices and payments: numbers without gaps, one payment per click, never above the balance."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from enthesis.clinic import models
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import ledger as entries
from enthesis.clinic.actions import pay as actions
from enthesis.clinic.ledger import bill_of
from tests.clinic.at_once import at_once
from tests.clinic.treated import agree_plan, treated

TODAY = date(2026, 11, 23)
MakeCourse = Callable[..., models.Course]
ClientFor = Callable[[models.User], Client]
pytestmark = pytest.mark.usefixtures("on_a_fixed_day")


@pytest.fixture
def course(make_course: MakeCourse, clinician: models.User) -> models.Course:
    return treated(make_course(), [7, 6, 5], clinician)


@pytest.fixture
def invoice(course: models.Course, desk: models.User) -> models.Invoice:
    return actions.make_invoice(desk, course.sessions.all()[0].pk, TODAY)


def test_a_signed_session_is_charged_at_the_agreed_price_due_on_its_day(
    course: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    client, session = client_for(desk), course.sessions.all()[0]
    address = f"/sessions/{session.pk}/invoice/"
    assert "$280" in client.get(address).content.decode()
    response = client.post(address)
    invoice = models.Invoice.objects.get()
    assert response["Location"] == f"/invoices/{invoice.pk}/"
    assert (invoice.number, invoice.due_on, invoice.currency) == (1, session.on, "USD")
    assert [line.amount for line in invoice.lines.all()] == [Decimal("280.00")]
    page = client.get(f"/invoices/{invoice.pk}/").content.decode()
    assert "Marta Lindqvist" in page and "Harbour Clinic" in page and "Overdue" in page
    assert client.post(address)["Location"] == f"/invoices/{invoice.pk}/"
    assert models.Invoice.objects.count() == 1


def test_a_price_agreed_later_does_not_change_what_was_given_before(
    course: models.Course, desk: models.User
) -> None:
    agree_plan(course, price="400", agreed_on=TODAY)
    assert actions.make_invoice(desk, course.sessions.all()[0].pk, TODAY).lines.get().amount == 280


@pytest.mark.parametrize(
    ("due_on", "arrangement", "said"),
    [
        ("2026-12-01", "", "write what was arranged"),
        ("2026-09-01", "In two parts", "cannot be due before the treatment"),
        ("tomorrow", "In two parts", "Enter a valid date"),
    ],
)
def test_a_later_day_needs_an_arrangement_in_words(
    due_on: str,
    arrangement: str,
    said: str,
    course: models.Course,
    desk: models.User,
    client_for: ClientFor,
) -> None:
    address = f"/sessions/{course.sessions.all()[0].pk}/invoice/"
    typed = {"due_on": due_on, "arrangement": arrangement}
    response = client_for(desk).post(address, typed)
    page = response.content.decode()
    assert response.status_code == 422 and said in page
    assert due_on in page and not models.Invoice.objects.exists()


def test_an_arrangement_moves_the_due_day_and_keeps_it_from_being_overdue(
    course: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    client = client_for(desk)
    address = f"/sessions/{course.sessions.all()[0].pk}/invoice/"
    client.post(address, {"due_on": "2026-12-01", "arrangement": "Half now, half in December"})
    page = client.get("/money/").content.decode()
    assert "by arrangement" in page and "Nobody is late with a payment." in page
    with time_machine.travel("2026-12-02 15:00Z", tick=False):
        late = client_for(desk).get("/money/").content.decode()
    assert "Nobody is late with a payment." not in late


def test_a_draft_session_is_not_charged(course: models.Course, desk: models.User) -> None:
    draft = models.Session.objects.create(course=course, number=9, on=TODAY, mixtures=[])
    with pytest.raises(Refused, match="Sign the session first"):
        actions.make_invoice(desk, draft.pk, TODAY)


def test_payments_bring_the_balance_to_zero_and_never_below(
    invoice: models.Invoice, desk: models.User, client_for: ClientFor
) -> None:
    client = client_for(desk)
    address = f"/invoices/{invoice.pk}/pay/"
    typed = {"method": "cash", "on": "2026-11-23"}
    assert client.post(address, typed | {"amount": "80.01", "request_key": "a"}).status_code == 302
    response = client.post(address, typed | {"amount": "200", "request_key": "b"})
    page = response.content.decode()
    assert response.status_code == 422
    assert "Only $199.99 of this invoice is open" in page and 'value="200"' in page
    client.post(address, typed | {"amount": "199.99", "request_key": "b"})
    assert bill_of(invoice, TODAY).balance.amount == 0
    assert "Paid in full" in client.get(f"/invoices/{invoice.pk}/").content.decode()
    assert "$280" in client.get("/money/").content.decode()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"amount": "0"}, "above zero"),
        ({"amount": "-5"}, "above zero"),
        ({"amount": "1.005"}, "2 decimal places"),
        ({"amount": "NaN"}, "no comma: 1500"),
        ({"amount": "280.01"}, "Only $280 of"),
        ({"amount": ""}, "required"),
        ({"method": "shells"}, "valid choice"),
        ({"on": "2026-11-24"}, "lies in the future"),
    ],
)
def test_a_wrong_payment_is_refused_in_words(
    changed: dict[str, str],
    said: str,
    invoice: models.Invoice,
    desk: models.User,
    client_for: ClientFor,
) -> None:
    typed = {"amount": "5", "method": "card", "on": "2026-11-23", "request_key": "k"}
    response = client_for(desk).post(f"/invoices/{invoice.pk}/pay/", typed | changed)
    assert response.status_code == 422 and said in response.content.decode()
    assert not models.LedgerEntry.objects.exists()


def test_a_double_click_is_one_payment(invoice: models.Invoice, desk: models.User) -> None:
    first = entries.record_payment(desk, invoice.pk, Decimal("280"), "card", TODAY, "one-form")
    again = entries.record_payment(desk, invoice.pk, Decimal("280"), "card", TODAY, "one-form")
    assert first == again and models.LedgerEntry.objects.count() == 1
    assert models.AuditEvent.objects.filter(action="record_payment").count() == 1


def test_a_currency_without_cents_takes_none(
    course: models.Course, desk: models.User, invoice: models.Invoice
) -> None:
    models.Invoice.objects.update(currency="JPY")
    with pytest.raises(Refused, match="no amount as small"):
        entries.record_payment(desk, invoice.pk, Decimal("10.50"), "cash", TODAY, "k")


def test_the_administrator_sees_money_and_records_none(
    invoice: models.Invoice, admin: models.User, client_for: ClientFor
) -> None:
    client = client_for(admin)
    assert "Record payment" not in client.get(f"/invoices/{invoice.pk}/").content.decode()
    assert client.post(f"/invoices/{invoice.pk}/pay/").status_code == 403


def test_what_is_signed_and_not_charged_is_listed(
    course: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    page = client_for(desk).get("/money/").content.decode()
    assert "Signed, not yet charged" in page
    for session in course.sessions.all():
        assert f"/sessions/{session.pk}/invoice/" in page


@pytest.mark.django_db(transaction=True)
def test_invoices_made_at_the_same_moment_are_numbered_without_gaps(
    make_course: MakeCourse, clinician: models.User
) -> None:
    course = treated(make_course(), [7, 6, 6, 5, 5, 4, 4], clinician)
    ids = list(course.sessions.values_list("pk", flat=True))
    at_once([lambda id=id: actions.make_invoice(clinician, id, TODAY) for id in ids])
    numbers = models.Invoice.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == list(range(1, len(ids) + 1))


@pytest.mark.django_db(transaction=True)
def test_payments_at_the_same_moment_never_pass_the_balance(
    make_course: MakeCourse, clinician: models.User
) -> None:
    course = treated(make_course(), [7, 6], clinician)
    invoice = actions.make_invoice(clinician, course.sessions.get().pk, TODAY)

    def pay(key: str) -> models.LedgerEntry:
        return entries.record_payment(clinician, invoice.pk, Decimal(100), "cash", TODAY, key)

    keys = ["a", "a", "b", "c", "d"]
    results = at_once([lambda key=key: pay(key) for key in keys])
    assert models.LedgerEntry.objects.count() == 2
    assert bill_of(invoice, TODAY).balance.amount == 80
    assert all(isinstance(r, models.LedgerEntry | Refused) for r in results), results
