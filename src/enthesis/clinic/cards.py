"""Payment by card on the page of a gateway: off until a clinic sets its keys (settings.py)."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import signing

from enthesis.clinic import ledger, network
from enthesis.clinic.ledger import Bill
from enthesis.clinic.models import Clinic, Invoice
from enthesis.exchange.cards import Gateway, Paid, UnreadableError, Wanted
from enthesis.exchange.stripe import Stripe
from enthesis.journey.instalments import due_next
from enthesis.units import Money

log = logging.getLogger("enthesis.cards")
SALT = "enthesis.card"


class NotNow(Exception):  # noqa: N818 (an answer, not a fault)
    """No payment page for now. `again`: asked again the same, it may be there; else ask anew."""

    def __init__(self, again: bool) -> None:
        super().__init__("No payment page.")
        self.again = again


@dataclass(frozen=True)
class Reference:
    """What goes to the gateway and comes back: which invoice, and how much was asked."""

    clinic: int
    invoice: int
    amount: Money


def gateway() -> Gateway | None:
    """The gateway that is set up; None where card payment is off or a key is missing."""
    secrets = tuple(text.strip() for text in settings.CARD_SECRETS if text.strip())
    if settings.CARD != "stripe" or not (settings.CARD_KEY and secrets):
        return None
    given = {"address": settings.CARD_ADDRESS, "pages": settings.CARD_PAGES}
    return Stripe(
        settings.CARD_KEY,
        secrets,
        **{name: value.rstrip("/") for name, value in given.items() if value},
    )


def problem() -> str:
    """What is wrong with the settings, in one sentence; empty: nothing."""
    if not settings.CARD or gateway():
        return ""
    return (
        "Card payment is off: ENTHESIS_CARD must be stripe, and ENTHESIS_CARD_KEY and "
        "ENTHESIS_CARD_SECRETS must be set."
    )


def to_pay(bills: list[Bill], clinic: Clinic, today: date) -> list[tuple[Invoice, Money]]:
    """The open invoices with what is asked for now: what is due next, the longest due first."""
    own = [bill for bill in bills if bill.is_open and bill.total.currency == clinic.currency]
    return [
        (bill.invoice, due_next(bill.parts, bill.total, bill.balance, today))
        for bill in sorted(own, key=lambda bill: bill.invoice.due_on)
    ]


def page_for(
    card: Gateway,
    invoice: Invoice,
    amount: Money,
    today: date,
    attempt: int,
    addresses: tuple[str, str],
    language: str,
) -> str:
    """The address of the payment page; the same as before, if the same was asked for today and
    nothing was paid since: a double click or a second tab is one page. Raises NotNow.

    `addresses`: where the patient comes back, having paid and not. A page is open for 24 hours, so
    that the day in the key never leads to one that is closed.
    """
    clinic = invoice.clinic
    wanted = Wanted(
        amount=amount,
        what=f"{clinic.name}, {invoice.number}",
        reference=_reference(invoice, amount),
        attempt=f"{today} {invoice.entries.count()} {attempt}",
        paid_address=addresses[0],
        back_address=addresses[1],
        language=language,
    )
    call = card.begin(wanted)
    try:
        status, answer = network.post_form(card.address + call.path, call.fields, call.headers)
    except network.Later as error:
        log.error("The card gateway cannot be reached: %s", error)
        raise NotNow(again=True) from error
    if status != 200:
        log.error("The card gateway said no: %s %s", status, card.refusal(answer))
        # What it did is kept by its key, a failure too; what it did not begin is not.
        raise NotNow(again=status in (409, 429))
    try:
        return _own_page(card, card.begun(answer))
    except (UnreadableError, ValueError) as error:
        log.error("The card gateway's answer cannot be used: %s", error)
        raise NotNow(again=False) from error


def _own_page(card: Gateway, url: str) -> str:
    """Browsers may be sent to the gateway's pages and nowhere else."""
    where = urlsplit(url)
    if f"{where.scheme}://{where.netloc}" != card.pages:
        raise UnreadableError(
            f"It leads to {where.netloc}. If that is a domain of your own, set it as "
            "ENTHESIS_CARD_PAGES."
        )
    return url


def _reference(invoice: Invoice, amount: Money) -> str:
    """Signed, so that nothing but what this installation asked for is entered here."""
    told = [invoice.clinic_id, invoice.pk, str(amount.amount), amount.currency]
    return signing.Signer(salt=SALT).sign_object(told)


def read_reference(text: str) -> Reference | None:
    """What was asked for; None where another installation asked."""
    try:
        clinic, invoice, amount, currency = signing.Signer(salt=SALT).unsign_object(text)
    except signing.BadSignature:
        return None
    return Reference(clinic, invoice, ledger.money_of(amount, currency))


def paid(card: Gateway, headers: Mapping[str, Any], body: bytes) -> Paid | None:
    """What the gateway says now. Raises ForgedError and UnreadableError."""
    return card.paid(headers, body, int(time.time()))
