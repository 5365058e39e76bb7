"""Money that came by card on the gateway's page: entered once, or kept for the desk to look at."""

import hashlib

from django.db import transaction
from django.utils import timezone

from enthesis.clinic import audit
from enthesis.clinic.actions import Refused, hold_clinic, save
from enthesis.clinic.actions.ledger import GATEWAY, take_card_payment
from enthesis.clinic.cards import Reference
from enthesis.clinic.models import CardProblem, Invoice, LedgerEntry, User
from enthesis.clinic.permissions import get_for
from enthesis.exchange.cards import Paid
from enthesis.units import money_words


@transaction.atomic
def keep_payment(paid: Paid, asked: Reference) -> LedgerEntry | CardProblem:
    """Enter a payment in the ledger. Told again, at once or later, it is the same entry.

    What is not the payment that was asked for, or is no longer open, is kept as a problem: money
    that came is never lost. Raises Invoice.DoesNotExist where this clinic has no such invoice.
    """
    invoices = Invoice.objects.select_related("course__patient")
    invoice = invoices.get(pk=asked.invoice, clinic=asked.clinic)
    # Whatever the desk and other messages do at this moment is done before or after.
    clinic = hold_clinic(invoice)
    if problem := CardProblem.objects.filter(payment=paid.payment).first():
        return problem
    if not paid.is_live and not clinic.invented:
        return _problem(paid, invoice, "This was a trial with a test card: no money came.")
    if paid.amount is None or paid.amount != asked.amount:
        return _problem(paid, invoice, f"{money_words(asked.amount)} was asked for.")
    # The gateway's own name of a payment is longer than a key may be.
    key = f"card-{hashlib.sha256(paid.payment.encode()).hexdigest()[:32]}"
    try:
        return take_card_payment(invoice, paid.amount, key)
    except Refused as refused:
        return _problem(paid, invoice, refused.message)


def _problem(paid: Paid, invoice: Invoice, why: str) -> CardProblem:
    row = save(
        CardProblem(
            clinic_id=invoice.clinic_id,
            invoice=invoice,
            payment=paid.payment,
            said=money_words(paid.amount) if paid.amount else paid.words[:60],
            why=why,
        )
    )
    audit.record(None, "keep_payment", row, detail={"invoice": invoice.number}, by=GATEWAY)
    return row


@transaction.atomic
def settle_problem(user: User, problem_id: int, note: str) -> CardProblem:
    """Somebody at the desk saw to it, and says what was done. The first word stands."""
    row = get_for(user, CardProblem, problem_id, lock=True)
    if row.settled_at:
        return row
    if not note.strip():
        raise Refused("Write what was done, so that nobody does it again.", "note")
    row.note, row.settled_by, row.settled_at = note, user, timezone.now()
    save(row)
    audit.record(user, "settle_problem", row)
    return row
