"""Payment by card: to the gateway's page and back, its message, and what the desk sees."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from enthesis.clinic import ledger, models
from enthesis.clinic.actions import pay
from enthesis.clinic.actions.answer import make_statement_link
from enthesis.clinic.apps import cards_are_set_up
from enthesis.clinic.models import CardProblem, LedgerEntry
from tests.card_stand_in import KEY, SECRET, CardServer, card_server
from tests.clinic.at_once import at_once
from tests.clinic.test_ledger import TODAY, post
from tests.clinic.treated import treated
from tests.clinic_fixtures import patients_phone

MakeCourse = Callable[..., models.Course]
ClientFor = Callable[[models.User], Client]
pytestmark = pytest.mark.usefixtures("on_a_fixed_day")


@pytest.fixture
def card(settings: Any) -> Iterator[CardServer]:
    with card_server() as server:
        settings.CARD, settings.CARD_KEY, settings.CARD_SECRETS = "stripe", KEY, [SECRET]
        settings.CARD_ADDRESS = settings.CARD_PAGES = server.url
        yield server


@pytest.fixture
def invoice(make_course: MakeCourse, clinician: models.User) -> models.Invoice:
    course = treated(make_course(), [7, 6], clinician)
    return pay.make_invoice(clinician, course.sessions.all()[0].pk, TODAY)


@pytest.fixture
def statement(invoice: models.Invoice, desk: models.User) -> str:
    """The address of the patient's statement."""
    return f"/a/{make_statement_link(desk, invoice.course_id)[1]}/"


def begin(statement: str, attempt: str = "0") -> Any:
    return patients_phone(statement).post(f"{statement}card/1/", {"attempt": attempt})


def tell(card: CardServer, id: str, *args: Any, **changed: Any) -> int:
    body, signature = card.message(id, *args, **changed)
    return send(body, signature)


def send(body: bytes, signature: str) -> int:
    return Client().post(
        "/card/message/", body, content_type="application/json",
        headers={"Stripe-Signature": signature},
    ).status_code  # fmt: skip


@pytest.mark.alike
def test_nothing_is_offered_asked_or_taken_until_the_clinic_sets_its_keys(
    statement: str, card: CardServer, settings: Any, desk: models.User, client_for: ClientFor
) -> None:
    begin(statement)
    body, signature = card.message(next(iter(card.sessions)))
    assert not cards_are_set_up()
    settings.CARD_KEY = ""
    assert "ENTHESIS_CARD_KEY" in cards_are_set_up()[0].msg
    assert "by card" not in patients_phone(statement).get(statement).content.decode()
    assert begin(statement).status_code == 404 and len(card.calls) == 1
    settings.CARD = ""
    assert send(body, signature) == 404 and not LedgerEntry.objects.exists()
    paying = client_for(desk).get(f"/invoices/{models.Invoice.objects.get().pk}/").content.decode()
    assert "Card terminal" in paying and "Card online" not in paying


def test_a_patient_pays_on_the_gateways_page_and_one_payment_is_entered(
    statement: str, card: CardServer, invoice: models.Invoice, desk: models.User,
    client_for: ClientFor,
) -> None:  # fmt: skip
    page = patients_phone(statement).get(statement)
    assert "Pay $280 by card, invoice 1" in page.content.decode()
    assert f"form-action 'self' {card.url}" in page["Content-Security-Policy"]
    assert (
        "Pagar $280 con tarjeta"
        in patients_phone(statement).get(f"{statement}es/").content.decode()
    )
    stranger = Client().post(f"{statement}card/1/", {"attempt": "0"})
    assert stranger["Location"] == statement and not card.calls, "the birth date comes first"
    phone = patients_phone(statement)
    gone = phone.post(f"{statement}card/1/", {"attempt": "0"})
    assert gone["Location"] == f"{card.url}/c/pay/{next(iter(card.sessions))}"
    told = card.calls[0]
    token = statement.split("/")[2]
    assert token not in str(told) and "Lindqvist" not in str(told) and "back" not in str(told)
    # A page that nobody pays on leaves nothing.
    assert not LedgerEntry.objects.exists() and not CardProblem.objects.exists()
    back = phone.get("/card/paid/en/").content.decode()
    assert "confirms it" in back and statement in back and not LedgerEntry.objects.exists()
    assert statement not in Client().get("/card/not-paid/es/").content.decode()
    session = next(iter(card.sessions))
    assert [tell(card, session) for _ in "abc"] == [200] * 3
    entry = LedgerEntry.objects.get()
    assert (entry.kind, entry.method, entry.amount, entry.by) == ("payment", "online", 280, None)
    assert ledger.bill_of(invoice, TODAY).balance.amount == 0
    event = models.AuditEvent.objects.get(record="ledgerentry")
    assert (event.actor, event.patient) == ("card gateway", invoice.course.patient)
    assert "You owe nothing" in patients_phone(statement).get(statement).content.decode()
    assert begin(statement)["Location"] == statement and len(card.calls) == 1
    assert "by the patient" in client_for(desk).get("/money/").content.decode()
    counted = {"on": "2026-11-23", "cash": "0", "card": "0", "transfer": "0", "online": "280"}
    assert client_for(desk).post("/money/close/", counted).status_code == 302
    assert 'data-label="Card online">$280' in client_for(desk).get("/money/days/").content.decode()


@pytest.mark.alike
def test_the_same_asked_again_is_the_same_page_and_a_failure_that_is_kept_is_asked_anew(
    statement: str, card: CardServer
) -> None:
    assert begin(statement)["Location"] == begin(statement)["Location"]
    assert len(card.sessions) == 1
    for fail, status, attempt in ((500, 503, "2"), (402, 503, "3"), (429, 503, "3")):
        card.fail = fail
        page = begin(statement, str(int(attempt) - (fail != 429)))
        assert page.status_code == status and "does not answer just now" in page.content.decode()
        assert f'name="attempt" value="{attempt}"' in page.content.decode()
    # The line broke after the page was made: asked again, it is that page and not a second one.
    card.fail = "hang up"
    broken = begin(statement, "7")
    assert 'name="attempt" value="7"' in broken.content.decode() and len(card.sessions) == 2
    assert begin(statement, "7")["Location"].endswith(list(card.sessions)[1])
    assert len(card.sessions) == 2
    assert begin(statement, "٣").status_code == 302 and begin(statement, "-1").status_code == 302


@pytest.mark.alike
def test_no_key_and_no_word_of_the_gateway_reach_the_log_or_the_page(
    statement: str, card: CardServer, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("enthesis").propagate = True
    try:
        card.fail = 402
        pages = [begin(statement)]
        settings.CARD_KEY = "sk_live_wrong"
        pages.append(begin(statement, "5"))
        settings.CARD_KEY = "sk_live_wrong\nX: y"
        pages.append(begin(statement, "6"))
        settings.CARD_KEY, settings.CARD_PAGES = KEY, "https://checkout.stripe.com"
        pages.append(begin(statement, "7"))
        settings.CARD_ADDRESS = "http://127.0.0.1:1"
        pages.append(begin(statement, "8"))
    finally:
        logging.getLogger("enthesis").propagate = False
    said = caplog.text + "".join(page.content.decode() for page in pages)
    assert [page.status_code for page in pages] == [503] * 5
    assert "402 card_error" in said and "401 invalid_request_error" in said
    assert "ENTHESIS_CARD_PAGES" in said and "ConnectionRefusedError" in said
    assert "sk_" not in said and "Marta" not in caplog.text


@pytest.mark.alike
def test_a_message_that_is_forged_too_long_or_not_ours_enters_nothing(
    statement: str, card: CardServer, settings: Any
) -> None:
    begin(statement)
    session = next(iter(card.sessions))
    body, signature = card.message(session)
    assert send(body + b" ", signature) == send(body, "") == 400
    assert send(b"x" * (256 * 1024 + 1), signature) == send(b"", signature) == 413
    assert tell(card, session, metadata={"enthesis": "[1,1]:forged"}) == 422
    assert tell(card, session, amount_total="280") == 422
    assert tell(card, session, metadata={"shop": "1"}) == 200
    assert tell(card, session, "checkout.session.expired") == 200
    settings.SECRET_KEY = "of another installation"  # noqa: S105 (of a test only)
    assert tell(card, session) == 422
    assert Client().get("/card/message/").status_code == 404
    assert not LedgerEntry.objects.exists() and not CardProblem.objects.exists()


@pytest.mark.alike
def test_a_payment_that_was_promised_counts_when_it_came_in_whatever_order(
    statement: str, card: CardServer
) -> None:
    begin(statement)
    session = next(iter(card.sessions))
    assert tell(card, session, payment_status="unpaid") == 200
    assert not LedgerEntry.objects.exists()
    assert tell(card, session, "checkout.session.async_payment_succeeded") == 200
    assert tell(card, session, payment_status="unpaid") == 200
    assert LedgerEntry.objects.get().amount == 280


@pytest.mark.alike
@pytest.mark.parametrize(("changed", "said", "why"), [
    ({"amount_total": 27999}, "$279.99", "$280 was asked for"),
    ({"currency": "cad"}, "$280\u00a0CAD", "$280 was asked for"),
    ({"currency": "pln"}, "28000 pln (smallest)", "$280 was asked for"),
    ({"livemode": False}, "$280", "a test card: no money came"),
])  # fmt: skip
def test_what_was_not_asked_for_is_kept_for_the_desk(
    changed: dict[str, Any], said: str, why: str, statement: str, card: CardServer,
    desk: models.User, client_for: ClientFor,
) -> None:  # fmt: skip
    begin(statement)
    session = next(iter(card.sessions))
    assert tell(card, session, **changed) == tell(card, session, **changed) == 200
    # The problem stands, whatever is said of the same payment afterwards.
    assert tell(card, session) == 200
    assert not LedgerEntry.objects.exists()
    problem = CardProblem.objects.get()
    money = client_for(desk).get("/money/").content.decode()
    assert said in money and why in money and f"/money/card/{problem.pk}/" in money


@pytest.mark.alike
def test_what_is_no_longer_open_is_kept_and_the_desk_says_once_what_it_did(
    statement: str, card: CardServer, invoice: models.Invoice, desk: models.User,
    client_for: ClientFor,
) -> None:  # fmt: skip
    begin(statement)
    client = client_for(desk)
    cash = {"amount": "80", "method": "cash", "on": "2026-11-23", "request_key": "a"}
    client.post(f"/invoices/{invoice.pk}/pay/", cash)
    session = next(iter(card.sessions))
    assert tell(card, session) == 200
    address = f"/money/card/{CardProblem.objects.get().pk}/"
    page = client.get(address).content.decode()
    assert "Only $200 of this invoice is open" in page and session in page
    assert client.post(address, {"note": " "}).status_code == 422
    assert post(client, address, note="Given back at Stripe").url == "/money/"
    client.post(address, {"note": "Another"})
    assert "Given back at Stripe" in client.get(address).content.decode()
    assert "to look at" not in client.get("/money/").content.decode()
    assert tell(card, session) == 200 and LedgerEntry.objects.get().method == "cash"


def test_an_invented_clinic_may_try_it_with_test_cards_and_a_closed_day_takes_none(
    statement: str, card: CardServer, desk: models.User, client_for: ClientFor
) -> None:
    models.Clinic.objects.update(invented=True)
    begin(statement)
    counted = dict.fromkeys(("cash", "card", "transfer", "online"), "0")
    assert client_for(desk).post("/money/close/", counted | {"on": "2026-11-23"}).status_code == 302
    assert tell(card, next(iter(card.sessions)), livemode=False) == 200
    assert str(LedgerEntry.objects.get().on) == "2026-11-24"


@pytest.mark.django_db(transaction=True)
def test_of_twenty_messages_at_once_about_two_pages_for_one_invoice_one_is_entered(
    statement: str, card: CardServer
) -> None:
    begin(statement, "0")
    begin(statement, "1")
    messages = [card.message(id) for id in card.sessions for _ in range(10)]
    results = at_once([lambda told=told: send(*told) for told in messages])
    assert results == [200] * 20
    assert LedgerEntry.objects.count() == CardProblem.objects.count() == 1
    assert "Only $0 of this invoice is open" in CardProblem.objects.get().why
