"""PaymentReconciliation: one entry of the ledger, which moves money or sets a bill right."""

from collections.abc import Mapping

from enthesis.exchange.dossier import Entry
from enthesis.exchange.fhir.element import (
    agree,
    code_at,
    coding,
    concept,
    got,
    is_code,
    key_of,
    money,
    money_at,
    number_at,
    numbered,
    pointed,
    pointer,
    put,
    reference,
    system,
    text_at,
)
from enthesis.exchange.fhir.extension import SITE, Resource, extend, extended, moment
from enthesis.journey.ledger import Kind
from enthesis.shape import read

_KINDS = system("ledger-kind")
_ENTRIES = f"{SITE}/identifier/entry"
_HL7 = "http://terminology.hl7.org/CodeSystem/payment-type"
# What R4 knows of payments; every other kind only sets an earlier one right.
_TYPES = {
    Kind.PAYMENT.value: "payment",
    Kind.DEPOSIT.value: "advance",
    Kind.SERIES.value: "advance",
}


def payment_reconciliation_of(entry: Entry, patient: str, course: str) -> Resource:
    """The entry as a PaymentReconciliation; `patient` and `course` are keys."""
    kept = ["paper", "method", "sessions"]
    codings = [coding(_HL7, _TYPES.get(entry.kind, "adjustment"))]
    if is_code(entry.kind):
        codings.append(coding(_KINDS, entry.kind))
    else:
        kept.append("kind")
    amount = money(entry.amount.amount, entry.amount.currency)
    detail: Resource = {
        "type": concept(*codings),
        "date": entry.on.isoformat(),
        "amount": amount,
    }
    if entry.invoice is not None:
        detail["request"] = reference("Invoice", entry.invoice)
    if entry.about is not None:
        detail["predecessor"] = {"system": _ENTRIES, "value": entry.about}
    resource: Resource = {
        "resourceType": "PaymentReconciliation",
        "id": entry.key,
        # R4 knows neither whose payment it is nor what was treated.
        "extension": [
            pointer("patient", "Patient", patient),
            pointer("course", "Condition", course),
        ],
        "status": "active",
        "created": moment(entry.at),
        "outcome": "complete",
        "paymentDate": entry.on.isoformat(),
        "paymentAmount": amount,
        "paymentIdentifier": numbered("paper", entry.number),
        "detail": [detail],
    }
    if entry.by is not None:
        resource["requestor"] = reference("Practitioner", entry.by)
    kept += put(resource, entry, {"reason": "disposition"})
    return extend(resource, entry, kept)


def entry_from(resource: Mapping[str, object]) -> Entry:
    """The entry that the resource was made of; raises ShapeError where it was made of none."""
    found = {"key": key_of(resource, "PaymentReconciliation"), **extended(resource, Entry)}
    found |= got(resource, {"on": "paymentDate", "at": "created", "reason": "disposition"})
    if kind := code_at(resource, "detail", 0, "type", of=_KINDS):
        found["kind"] = kind
    if (amount := money_at(resource, "paymentAmount")) is not None:
        found["amount"] = amount
    if (number := number_at(resource, "paymentIdentifier")) is not None:
        found["number"] = number
    found["by"] = pointed(resource, "requestor", to="Practitioner")
    found["invoice"] = pointed(resource, "detail", 0, "request", to="Invoice")
    found["about"] = text_at(resource, "detail", 0, "predecessor", "value")
    entry = read(Entry, found)
    agree(resource, payment_reconciliation_of(entry, "", ""), ("detail",))
    return entry
