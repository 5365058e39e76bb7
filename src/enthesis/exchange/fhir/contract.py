"""Arrangement ↔ Contract: payment in parts, promised before the treatment.

A Contract and not a Basic, nor an extension of the bills: it stands before there is any bill, and
each part has an element for its amount and its day (`term.asset.valuedItem`), so that others can
read what was agreed. The parts as they were kept are in the extension.
"""

from datetime import date
from decimal import Decimal

from enthesis.exchange.dossier import Arrangement, Json
from enthesis.exchange.fhir.element import money
from enthesis.exchange.fhir.extension import Resource, extend
from enthesis.exchange.fhir.resource import (
    Place,
    filled,
    listed,
    made,
    record,
    reference,
    referred,
    the,
)
from enthesis.shape import ShapeError, read


def contract_of(arrangement: Arrangement, place: Place) -> Resource:
    """The Contract of an arrangement."""
    items = listed(*(_item(part, arrangement.currency) for part in arrangement.parts))
    asset = [{"valuedItem": items}] if items else None
    resource = made(
        "Contract",
        "Arrangement",
        arrangement.key,
        place.course,
        status="executed",
        issued=arrangement.agreed_on.isoformat(),
        subject=[place.subject],
        author=reference("Practitioner", arrangement.by),
        type={"text": "Arrangement to pay in parts"},
        topicReference=reference("Condition", place.course),
        term=[filled(offer={"text": "Payment in parts"}, asset=asset)],
    )
    return extend(resource, arrangement, ["currency", "parts", "at"])


def arrangement_from(resource: Resource) -> Arrangement:
    """The arrangement of a Contract that `contract_of` made."""
    return record(
        Arrangement,
        resource,
        key=the(str, resource, "id"),
        agreed_on=the(date, resource, "issued"),
        by=referred(resource, "Practitioner", "author"),
    )


def _item(part: Json, currency: str) -> Resource | None:
    """A part for others to read; None where it is not as the ledger keeps it."""
    try:
        net = money(read(Decimal, part.get("amount")), currency)
        return {"net": net, "paymentDate": read(date, part.get("due_on")).isoformat()}
    except (ShapeError, ValueError):
        return None
