"""InvoiceLine ↔ ChargeItem: one thing charged.

`code` has the code on the bill, the item of the tariff, and the words; `quantity` the units, and
`priceOverride` the amount for all of them.
"""

from decimal import Decimal

from enthesis.exchange.dossier import Invoice, InvoiceLine
from enthesis.exchange.fhir.element import HCPCS, code_at, money, system
from enthesis.exchange.fhir.extension import Resource, extend, is_code
from enthesis.exchange.fhir.resource import (
    Place,
    coding,
    filled,
    listed,
    made,
    many,
    record,
    reference,
    shown,
    the,
)
from enthesis.knowledge.kinds import Knowledge

ITEMS = system("tariff-item")


def charge_item_of(line: InvoiceLine, invoice: Invoice, place: Place) -> Resource:
    """The ChargeItem of a line; the bill says when it was charged and for what session."""
    item = coding(ITEMS, line.item) if is_code(line.item) else None
    price = money(line.amount, invoice.currency)
    concept = filled(coding=listed(_billed(line, place.known), item), text=shown(line.text))
    resource = made(
        "ChargeItem",
        "InvoiceLine",
        line.key,
        place.course,
        status="billed",
        # Required, though there may be neither codes nor words that R4 takes.
        code=concept or {"text": "Charge"},
        subject=place.subject,
        occurrenceDateTime=invoice.issued_on.isoformat(),
        quantity={"value": line.units},
        priceOverride=price,
        service=listed(reference("Procedure", invoice.session)),
    )
    kept = [name for name in ("code", "item") if not is_code(getattr(line, name))]
    kept += ["text"] if shown(line.text) != line.text else []
    kept += ["amount"] if price is None else []
    return extend(resource, line, kept)


def line_from(resource: Resource) -> InvoiceLine:
    """The line of a ChargeItem that `charge_item_of` made."""
    billed = [one for one in many(resource, "code", "coding") if the(str, one, "system") != ITEMS]
    return record(
        InvoiceLine,
        resource,
        key=the(str, resource, "id"),
        text=the(str, resource, "code", "text"),
        amount=the(Decimal, resource, "priceOverride", "value"),
        code=the(str, billed, 0, "code"),
        item=code_at(resource, "code", of=ITEMS),
        units=the(int, resource, "quantity", "value"),
    )


def _billed(line: InvoiceLine, known: Knowledge) -> Resource | None:
    """The code on the bill; its system is known of the one that the tariff gives a session."""
    if not is_code(line.code):
        return None
    session = known.tariff.get("session")
    ours = session is not None and session.code == line.code
    return coding(HCPCS, line.code) if ours else {"code": line.code}
