"""The ledger of the clinic: four courses, numbers without gaps, two desks at once, closed days."""

import csv
import importlib
import io
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.test import Client

from enthesis.clinic import ledger, models
from enthesis.clinic.actions import AppendOnlyError, Refused, pay, save
from enthesis.clinic.actions import day_close as closing
from enthesis.clinic.actions import ledger as actions
from enthesis.clinic.models import LedgerEntry
from enthesis.journey.ledger import Method, balances
from tests.clinic.at_once import at_once
from tests.clinic.treated import treated
from tests.clinic_fixtures import patients_phone

TODAY = date(2026, 11, 23)
MakeCourse = Callable[..., models.Course]
ClientFor = Callable[[models.User], Client]
pytestmark = pytest.mark.usefixtures("on_a_fixed_day")


@pytest.fixture
def course(make_course: MakeCourse, clinician: models.User) -> models.Course:
    return treated(make_course(), [7, 6, 6, 6], clinician)


def sums(course: models.Course) -> dict[str, str]:
    found = balances(ledger.book_of(course), "USD")
    return {name.value: str(money.amount) for name, money in found.items() if money.amount}


def post(client: Client, address: str, **typed: Any) -> Any:
    """Fill in what the page left to fill in, and send it; the page's own key and day are kept."""
    form = client.get(address).context["form"]
    start = {name: form.get_initial_for_field(form.fields[name], name) for name in form.fields}
    sent = {name: value for name, value in (start | typed).items() if value is not None}
    return client.post(address, sent)


def stop(course: models.Course, by: models.User) -> None:
    models.Decision.objects.create(
        course=course, on=TODAY, suggested="stop", decided="stop", verdict={}, inputs={},
        inputs_sha256="0" * 64, by=by,
    )  # fmt: skip


def test_a_stopped_prepaid_course_is_offered_the_unused_sessions_back_in_one_action(
    course: models.Course, desk: models.User, clinician: models.User, client_for: ClientFor
) -> None:
    client, money = client_for(desk), f"/courses/{course.pk}/money/"
    assert post(client, f"{money}series/", sessions=6, amount="1000", method="card").url == money
    for session in course.sessions.all():
        page = client.get(f"/sessions/{session.pk}/invoice/").content.decode()
        assert "$166.66" in page and "prepaid sessions left" in page
        post(client, f"/sessions/{session.pk}/invoice/", prepaid="yes")
    assert sums(course) == {"revenue": "-499.98", "prepaid": "-500.02", "card": "1000.00"}
    assert "Give back $500.02" not in client.get(money).content.decode()
    assert "To give back" not in client.get("/money/").content.decode()
    stop(course, clinician)
    listed = client.get("/money/").content.decode().split("To give back")[1].split("Overdue")[0]
    assert money in listed and "$500.02" in listed
    for address in (money, f"/courses/{course.pk}/"):
        page = client.get(address).content.decode()
        assert "3 prepaid sessions were not used" in page and "Give back $500.02" in page
    series = LedgerEntry.objects.get(kind="series")
    assert f'href="/payments/{series.pk}/receipt/"' in client.get(money).content.decode()
    back = f"/money/series/{series.pk}/give-back/"
    for _ in "ab":  # a double click
        assert post(client, back, request_key="once").url == money
    assert sums(course) == {"revenue": "-499.98", "card": "499.98"}
    assert LedgerEntry.objects.filter(kind="unused_back").get().sessions == 3
    page = client.get(money).content.decode()
    assert "nothing open" in page and "The series has ended" not in page
    assert "To give back" not in client.get("/money/").content.decode()


def test_a_course_with_deposit_credit_and_refund_comes_out_even(
    course: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    client, money = client_for(desk), f"/courses/{course.pk}/money/"
    typed = post(client, f"{money}deposit/", amount="1,500").content.decode()
    assert "no comma: 1500" in typed and 'value="1,500"' in typed and "Choose how" in typed
    post(client, f"{money}deposit/", amount="100", method="cash")
    invoice = pay.make_invoice(desk, course.sessions.all()[0].pk, TODAY)
    page = f"/invoices/{invoice.pk}/"
    post(client, f"{page}use-deposit/", amount="60")
    assert "$40 is held" in client.get(page).content.decode()
    too_much = post(client, f"{page}use-deposit/", amount="40.01")
    assert too_much.status_code == 422
    assert "The deposit held is $40." in too_much.content.decode()
    assert 'value="40.01"' in too_much.content.decode()
    client.post(f"{page}pay/", {"amount": "220", "method": "card", "on": "2026-11-23",
                                "request_key": "p"})  # fmt: skip
    mistaken = LedgerEntry.objects.get(kind="payment")
    post(client, f"/money/entries/{mistaken.pk}/take-back/", reason="It was in cash")
    assert ledger.bill_of(invoice, TODAY).balance.amount == 220
    client.post(f"{page}pay/", {"amount": "220", "method": "card", "on": "2026-11-23",
                                "request_key": "q", "send_again": "1"})  # fmt: skip
    assert "Write a credit note first" in post(
        client, f"{page}refund/", amount="80", method="card", reason="One place less"
    ).content.decode()  # fmt: skip
    post(client, f"{page}credit/", amount="80", reason="One place less")
    told = client.get(page).content.decode()
    assert "Refund $80" in told and "We owe you $80" in told and "Paid in full" not in told
    assert "$80 to give back" in client.get(f"/courses/{course.pk}/").content.decode()
    # The deposit that is left ($40) stays: this series goes on.
    assert "$80" in client.get("/money/").content.decode().split("To give back")[1]
    pay.make_invoice(desk, course.sessions.all()[1].pk, TODAY)
    told = client.get(money).content.decode()
    assert "$280 open, $280 overdue" in told and "<dd>$80</dd>" in told
    post(client, f"{page}refund/", amount="80", method="card", reason="One place less")
    post(client, f"{money}give-back/", amount="40", method="cash", reason="Not needed")
    assert sums(course) == {
        "receivable": "280.00", "revenue": "-480.00", "cash": "60.00", "card": "140.00",
    }  # fmt: skip
    papers = LedgerEntry.objects.values_list("paper", "number")
    assert sorted(papers) == [
        ("correction", 1), ("credit_note", 1), ("receipt", 1), ("receipt", 2), ("receipt", 3),
        ("refund", 1), ("refund", 2), ("transfer", 1),
    ]  # fmt: skip
    assert "Taken off invoice 1, credit note 1 (23 Nov 2026)" in client.get(page).content.decode()
    actions_done = models.AuditEvent.objects.filter(record="ledgerentry")
    assert actions_done.count() == LedgerEntry.objects.count()


@pytest.mark.alike
def test_instalments_arranged_before_move_the_due_days_of_what_is_given_after(
    course: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    client, money = client_for(desk), f"/courses/{course.pk}/money/"
    typed = {"amount": "560", "parts": 2, "first_on": "2026-11-23", "every_days": 30}
    refused = post(client, f"{money}instalments/", **typed | {"first_on": "2026-11-22"})
    assert "cannot be due before today" in refused.content.decode()
    for _ in "ab":  # a double click
        assert post(client, f"{money}instalments/", **typed, request_key="i").url == money
    other = post(client, f"{money}instalments/", **typed | {"parts": 3}, request_key="i")
    assert other.status_code == 409 and "not saved" in other.content.decode()
    before = course.sessions.all()[0]
    assert pay.make_invoice(desk, before.pk, TODAY).due_on == before.on
    later = course.sessions.all()[1]
    models.Session.objects.filter(pk=later.pk).update(
        on=TODAY, signed_at=models.Arrangement.objects.get().at + timedelta(hours=1)
    )
    invoice = pay.make_invoice(desk, later.pk, TODAY)
    assert invoice.parts == [{"due_on": "2026-11-23", "amount": "280.00"}]
    assert "next $280 by 23 Nov 2026" in client.get(money).content.decode()
    assert "In parts, as arranged on 23 Nov 2026" in client.get(money).content.decode()
    with time_machine.travel("2026-11-24 15:00Z", tick=False):
        assert ledger.bill_of(invoice, date(2026, 11, 24)).is_overdue


@pytest.mark.alike
def test_the_books_are_never_changed(course: models.Course, desk: models.User) -> None:
    """Nor is any row changed past `save`: test_audit lists where that is done."""
    entry = actions.take_deposit(desk, course.pk, Decimal(50), "cash", TODAY, "d")
    entry.amount = Decimal(5)
    invoice = pay.make_invoice(desk, course.sessions.all()[0].pk, TODAY)
    for row in (entry, invoice, invoice.lines.get()):
        with pytest.raises(AppendOnlyError, match="Add a row that sets it right"):
            save(row)
    assert LedgerEntry.objects.get().amount == 50


@pytest.mark.alike
def test_a_closed_day_takes_no_more_entries_and_the_next_one_does(
    course: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    client = client_for(desk)
    actions.take_deposit(desk, course.pk, Decimal("50.10"), "cash", TODAY, "d")
    counted = {"on": "2026-11-23", "cash": "50", "card": "0", "transfer": "0"}
    page = client.post("/money/close/", counted)
    assert page.status_code == 422 and "Count again, or write" in page.content.decode()
    assert "$50.10" in page.content.decode() and not models.DayClose.objects.exists()
    for _ in "ab":
        assert client.post("/money/close/", counted | {"note": "A dime fell"}).status_code == 302
    closed = models.DayClose.objects.get()
    assert (closed.expected["cash"], closed.counted["cash"]) == ("50.10", "50.00")
    again = client.post("/money/close/", counted | {"note": "Another"}).content.decode()
    assert "closed already" in again
    with pytest.raises(Refused, match="until 23 Nov 2026 are closed"):
        actions.take_deposit(desk, course.pk, Decimal(9), "cash", TODAY, "e")
    tomorrow = TODAY + timedelta(days=1)
    assert actions.take_deposit(desk, course.pk, Decimal(9), "cash", tomorrow, "e").on == tomorrow
    assert actions.take_deposit(desk, course.pk, Decimal("50.10"), "cash", TODAY, "d").on == TODAY
    assert pay.make_invoice(desk, course.sessions.all()[0].pk, TODAY).issued_on == tomorrow
    days = client.get("/money/days/").content.decode()
    assert "$280" in days and "Cash short $0.10" in days and "A dime fell" in days
    with time_machine.travel("2026-11-24 15:00Z", tick=False):
        assert closing.expected_of(desk.clinic, tomorrow)[Method.CASH].amount == 9


@pytest.mark.alike
def test_the_bookkeeper_gets_every_entry_with_debit_and_credit_and_no_formula(
    course: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    invoice = pay.make_invoice(desk, course.sessions.all()[0].pk, TODAY)
    reason = '=HYPERLINK("http://x")'
    actions.credit_invoice(desk, invoice.pk, Decimal("30.50"), reason, TODAY, "c")
    closing.close_day(desk, TODAY, dict.fromkeys(Method, Decimal(1)), "+1 found")
    text = client_for(desk).get("/money/ledger.csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    told = [(r["Paper"], r["Debit"], r["Credit"], r["Amount"]) for r in rows]
    assert told == [
        ("close", "cash", "over_and_short", "1.00"),
        ("close", "card", "over_and_short", "1.00"),
        ("close", "transfer", "over_and_short", "1.00"),
        ("close", "online", "over_and_short", "1.00"),
        ("credit_note", "revenue", "receivable", "30.50"),
        ("invoice", "receivable", "revenue", "280.00"),
    ]
    assert rows[4]["Why"] == f"'{reason}" and rows[0]["Why"] == "'+1 found"
    huge = dict.fromkeys(("cash", "card", "transfer"), "1e30") | {"on": "2026-11-23"}
    assert client_for(desk).post("/money/close/", huge).status_code == 422
    wrong = client_for(desk).get("/money/days/?first=2026-12-01&last=2026-11-01")
    assert "Choose a later one" in wrong.content.decode()


@pytest.mark.alike
@pytest.mark.parametrize(("language", "said"), [("en", "You owe $280"), ("es", "Usted debe $280")])
def test_the_patient_reads_the_statement_by_a_link_and_nobody_by_another(
    language: str, said: str, course: models.Course, desk: models.User, client_for: ClientFor
) -> None:
    actions.take_deposit(desk, course.pk, Decimal(50), "cash", TODAY, "d")
    pay.make_invoice(desk, course.sessions.all()[0].pk, TODAY)
    made = client_for(desk).post(f"/courses/{course.pk}/money/link/")
    address = made.context["address"]
    phone = patients_phone(address.removeprefix("http://testserver"))
    page = phone.get(f"{address}{language}/" if language == "es" else address)
    text = page.content.decode()
    assert said in text and f'<html lang="{language}">' in text and "$50" in text
    assert ("Deposit, receipt 1" if language == "en" else "Depósito, recibo 1") in text
    assert Client().get(f"{address[:-2]}x/").status_code == 404
    with time_machine.travel(TODAY + timedelta(days=400)):
        assert Client().get(address).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_two_desks_that_take_the_last_prepaid_session_one_is_told_that_it_is_gone(
    make_course: MakeCourse, clinician: models.User
) -> None:
    course = treated(make_course(), [7, 6, 6], clinician)
    actions.sell_series(clinician, course.pk, 1, Decimal(250), "card", TODAY, "s")
    ids = list(course.sessions.values_list("pk", flat=True))
    results = at_once(
        [lambda id=id: pay.make_invoice(clinician, id, TODAY, prepaid=True) for id in ids]
    )
    won, lost = sorted(results, key=lambda one: isinstance(one, Refused))
    assert isinstance(won, models.Invoice) and ledger.bill_of(won, TODAY).balance.amount == 0
    assert isinstance(lost, Refused) and "the last one was used" in lost.message
    assert models.Invoice.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_twenty_payments_at_once_are_numbered_without_gaps(
    make_course: MakeCourse, clinician: models.User
) -> None:
    course = treated(make_course(), [7, 6], clinician)
    keys = [f"key-{n % 18}" for n in range(20)]
    results = at_once(
        [
            lambda key=key: actions.take_deposit(
                clinician, course.pk, Decimal(5), "cash", TODAY, key
            )
            for key in keys
        ]
    )
    assert all(isinstance(one, LedgerEntry) for one in results), results
    numbers = LedgerEntry.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == list(range(1, 19))


def test_payments_recorded_before_the_ledger_get_their_course_and_their_receipt_number(
    course: models.Course, desk: models.User
) -> None:
    invoice = pay.make_invoice(desk, course.sessions.all()[0].pk, TODAY)
    models.Invoice.objects.filter(pk=invoice.pk).update(currency="CAD")
    wrong = treated_elsewhere(course)
    rows = [
        LedgerEntry(
            clinic=desk.clinic, course=wrong, invoice=invoice, kind="payment", on=TODAY,
            paper="receipt", number=90 + n, amount=10, currency="USD", method="cash",
            request_key=f"old-{n}",
        )
        for n in range(3)
    ]  # fmt: skip
    LedgerEntry.objects.bulk_create(rows)
    migration = importlib.import_module("enthesis.clinic.migrations.0021_ledger")
    apps = (
        MigrationLoader(connection, replace_migrations=False)
        .project_state([("clinic", "0021_ledger")])
        .apps
    )
    migration.to_entries(apps, SimpleNamespace(connection=connection))
    found = LedgerEntry.objects.order_by("id").values_list("course", "number", "currency", "amount")
    assert list(found) == [(course.pk, n, "CAD", Decimal(10)) for n in (1, 2, 3)]


def treated_elsewhere(course: models.Course) -> models.Course:
    return models.Course.objects.create(
        patient=course.patient, condition="knee_oa", side="left", opened_on=TODAY
    )
