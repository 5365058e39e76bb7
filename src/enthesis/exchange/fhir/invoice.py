"""Invoice ↔ Invoice: a bill. Each of its lines is a ChargeItem of its own.

`identifier` (system SITE/invoice-number) is its number, `paymentTerms` the arrangement in words,
`participant` who wrote it. The session it is for and the Contract it falls under are extensions
that only point; when it is due, and the parts as arranged, are in the extension.
"""

from datetime import date
from decimal import Decimal

from enthesis.exchange.dossier import Invoice, InvoiceLine
from enthesis.exchange.fhir.charge_item import line_from
from enthesis.exchange.fhir.element import agree, money, number_at, numbered, point, pointed
from enthesis.exchange.fhir.extension import Resource, extend
from enthesis.exchange.fhir.resource import (
    Given,
    Place,
    filled,
    inexact,
    made,
    many,
    record,
    reference,
    referred,
    shown,
    the,
)
from enthesis.shape import ShapeError


def invoice_of(invoice: Invoice, place: Place) -> Resource:
    """The Invoice; its lines are resources of their own."""
    resource = made(
        "Invoice",
        "Invoice",
        invoice.key,
        place.course,
        identifier=[numbered("invoice", invoice.number)],
        status="issued",
        subject=place.subject,
        recipient=place.subject,
        date=invoice.issued_on.isoformat(),
        participant=invoice.by and [{"actor": reference("Practitioner", invoice.by)}],
        paymentTerms=shown(invoice.arrangement),
        **_amounts(invoice),
    )
    point(resource, "session", "Procedure", invoice.session)
    point(resource, "arranged", "Contract", invoice.arranged)
    kept = ["due_on", "currency", "parts", *inexact(invoice, "arrangement")]
    return extend(resource, invoice, kept)


def invoice_from(resource: Resource, given: Given) -> Invoice:
    """The bill of an Invoice and its ChargeItems, which are among those `given`.

    Raises ShapeError where one is missing, or the amounts are not the same in both.
    """
    invoice = record(
        Invoice,
        resource,
        key=the(str, resource, "id"),
        number=number_at(resource, "identifier", 0),
        issued_on=the(date, resource, "date"),
        lines=tuple(_lines(resource, given)),
        session=next(iter(pointed(resource, "session", "Procedure")), None),
        arrangement=the(str, resource, "paymentTerms"),
        arranged=next(iter(pointed(resource, "arranged", "Contract")), None),
        by=referred(resource, "Practitioner", "participant", 0, "actor"),
    )
    amounts = _amounts(invoice)
    agree(resource, amounts, amounts)
    return invoice


def _amounts(invoice: Invoice) -> Resource:
    total = money(sum((line.amount for line in invoice.lines), Decimal(0)), invoice.currency)
    lines = [
        {
            "sequence": place,
            "chargeItemReference": reference("ChargeItem", line.key),
            "priceComponent": [filled(type="base", amount=money(line.amount, invoice.currency))],
        }
        for place, line in enumerate(invoice.lines, start=1)
    ]
    return {"lineItem": lines, "totalNet": total, "totalGross": total}


def _lines(resource: Resource, given: Given) -> list[InvoiceLine]:
    lines = []
    for place, one in enumerate(many(resource, "lineItem")):
        key = referred(one, "ChargeItem", "chargeItemReference")
        if (item := given.get(f"ChargeItem/{key}")) is None:
            raise ShapeError(f"lineItem[{place}]", f"there is no ChargeItem/{key}; add it")
        lines.append(line_from(item))
    return lines
