"""Invoice: a bill. Each of its lines is a ChargeItem of its own."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from enthesis.exchange.dossier import Invoice
from enthesis.exchange.fhir.charge_item import line_from
from enthesis.exchange.fhir.element import (
    agree,
    every,
    got,
    key_of,
    money,
    number_at,
    numbered,
    pointed,
    pointer,
    pointer_at,
    put,
    reference,
    text_at,
)
from enthesis.exchange.fhir.extension import Resource, extend, extended
from enthesis.shape import ShapeError, read

_KEPT = ("due_on", "currency", "parts")


def invoice_of(invoice: Invoice, patient: str, course: str) -> Resource:
    """The bill as an Invoice; `patient` and `course` are keys.

    What R4 has no element for is pointed to: the course, the session it is for, the arrangement
    that it falls under.
    """
    total = money(sum((line.amount for line in invoice.lines), Decimal(0)), invoice.currency)
    points = [pointer("course", "Condition", course)]
    if invoice.session is not None:
        points.append(pointer("session", "Procedure", invoice.session))
    if invoice.arranged is not None:
        points.append(pointer("arranged", "Contract", invoice.arranged))
    resource: Resource = {
        "resourceType": "Invoice",
        "id": invoice.key,
        "extension": points,
        "identifier": [numbered("invoice", invoice.number)],
        "status": "issued",
        "subject": reference("Patient", patient),
        "recipient": reference("Patient", patient),
        "date": invoice.issued_on.isoformat(),
        "totalNet": total,
        "totalGross": total,
    }
    if invoice.by is not None:
        resource["participant"] = [{"actor": reference("Practitioner", invoice.by)}]
    if invoice.lines:
        resource["lineItem"] = [
            {
                "sequence": place,
                "chargeItemReference": reference("ChargeItem", line.key),
                "priceComponent": [
                    {"type": "base", "amount": money(line.amount, invoice.currency)}
                ],
            }
            for place, line in enumerate(invoice.lines, start=1)
        ]
    refused = put(resource, invoice, {"arrangement": "paymentTerms"})
    return extend(resource, invoice, (*_KEPT, *refused))


def invoice_from(
    resource: Mapping[str, object], charge_items: Sequence[Mapping[str, object]]
) -> Invoice:
    """The bill that the resources were made of; raises ShapeError where they were made of none.

    `charge_items` may hold those of other bills too. Amounts must be the same in both.
    """
    found = {"key": key_of(resource, "Invoice"), **extended(resource, Invoice)}
    found |= got(resource, {"issued_on": "date", "arrangement": "paymentTerms"})
    found["by"] = pointed(resource, "participant", 0, "actor", to="Practitioner")
    if (number := number_at(resource, "identifier", 0)) is not None:
        found["number"] = number
    for field, kind in {"session": "Procedure", "arranged": "Contract"}.items():
        found[field] = next(iter(pointer_at(resource, field, to=kind)), None)
    by_key = {text_at(one, "id"): one for one in charge_items}
    lines = []
    for place, _ in enumerate(every(resource, "lineItem")):
        where = ("lineItem", place, "chargeItemReference")
        key = pointed(resource, *where, to="ChargeItem")
        if key is None or key not in by_key:
            raise ShapeError(f"lineItem[{place}]", f"there is no ChargeItem/{key}; add it")
        lines.append(line_from(by_key[key]))
    invoice = read(Invoice, found | {"lines": tuple(lines)})
    agree(resource, invoice_of(invoice, "", ""), ("lineItem", "totalNet", "totalGross"))
    return invoice
