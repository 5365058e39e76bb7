"""Entry ↔ PaymentReconciliation: one entry of the ledger, which moves money or sets a bill right.

`detail` says what kind of entry it is, the Invoice it belongs to (`request`), and the earlier entry
it is about (`predecessor`); `paymentIdentifier` is the number on its paper, `disposition` the
reason. R4 does not say whose payment it is: an extension points to the patient.
"""

from datetime import date, datetime

from enthesis.exchange.dossier import Entry
from enthesis.exchange.fhir.element import (
    agree,
    code_at,
    money,
    money_at,
    number_at,
    numbered,
    point,
    system,
)
from enthesis.exchange.fhir.extension import SITE, Resource, extend, is_code, moment
from enthesis.exchange.fhir.resource import (
    Place,
    coding,
    filled,
    inexact,
    listed,
    made,
    record,
    reference,
    referred,
    shown,
    the,
)
from enthesis.journey.ledger import Kind

KINDS = system("ledger-kind")
ENTRIES = f"{SITE}/ledger-entry"
PAYMENT_TYPE = "http://terminology.hl7.org/CodeSystem/payment-type"
# What R4 knows of payments; every other kind sets an earlier one right.
_TYPES = {
    Kind.PAYMENT.value: "payment",
    Kind.DEPOSIT.value: "advance",
    Kind.SERIES.value: "advance",
}


def payment_reconciliation_of(entry: Entry, place: Place) -> Resource:
    """The PaymentReconciliation of an entry."""
    resource = made(
        "PaymentReconciliation",
        "Entry",
        entry.key,
        place.course,
        status="active",
        created=moment(entry.at),
        requestor=reference("Practitioner", entry.by),
        outcome="complete",
        disposition=shown(entry.reason),
        paymentDate=entry.on.isoformat(),
        paymentIdentifier=numbered("paper", entry.number),
        **_amounts(entry),
    )
    point(resource, "patient", "Patient", place.patient)
    kept = ["paper", "method", "sessions", *inexact(entry, "reason")]
    kept += [] if is_code(entry.kind) else ["kind"]
    kept += [] if "value" in resource["paymentAmount"] else ["amount"]
    return extend(resource, entry, kept)


def entry_from(resource: Resource) -> Entry:
    """The entry of a PaymentReconciliation that `payment_reconciliation_of` made."""
    entry = record(
        Entry,
        resource,
        key=the(str, resource, "id"),
        kind=code_at(resource, "detail", 0, "type", of=KINDS),
        on=the(date, resource, "paymentDate"),
        number=number_at(resource, "paymentIdentifier"),
        amount=money_at(resource, "paymentAmount"),
        at=the(datetime, resource, "created"),
        invoice=referred(resource, "Invoice", "detail", 0, "request"),
        about=the(str, resource, "detail", 0, "predecessor", "value"),
        reason=the(str, resource, "disposition"),
        by=referred(resource, "Practitioner", "requestor"),
    )
    amounts = _amounts(entry)
    agree(resource, amounts, amounts)
    return entry


def _amounts(entry: Entry) -> Resource:
    currency = entry.amount.currency
    amount = money(entry.amount.amount, currency) or {"currency": currency}
    own = coding(KINDS, entry.kind) if is_code(entry.kind) else None
    theirs = coding(PAYMENT_TYPE, _TYPES.get(entry.kind, "adjustment"))
    detail = filled(
        type={"coding": listed(theirs, own)},
        request=reference("Invoice", entry.invoice),
        predecessor=entry.about and {"system": ENTRIES, "value": entry.about},
        date=entry.on.isoformat(),
        amount=amount,
    )
    return {"paymentAmount": amount, "detail": [detail]}
