"""Contract: payment in parts, promised before the treatment.

A Contract and not a Basic, nor an extension of the bills: it stands before there is any bill, and
each part has an element for its amount and its day, so that others can read what was agreed.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from enthesis.exchange.dossier import Arrangement, Json
from enthesis.exchange.fhir.element import concept, got, key_of, money, pointed, reference
from enthesis.exchange.fhir.extension import Resource, extend, extended
from enthesis.shape import ShapeError, read

_KEPT = ("currency", "parts", "at")


def contract_of(arrangement: Arrangement, patient: str, course: str) -> Resource:
    """The arrangement as a Contract; `patient` and `course` are keys."""
    items = [item for part in arrangement.parts if (item := _item(part, arrangement.currency))]
    term: Resource = {"offer": {"text": "Payment in parts"}}
    if items:
        term["asset"] = [{"valuedItem": items}]
    resource: Resource = {
        "resourceType": "Contract",
        "id": arrangement.key,
        "status": "executed",
        "issued": arrangement.agreed_on.isoformat(),
        "subject": [reference("Patient", patient)],
        "author": reference("Practitioner", arrangement.by),
        "topicReference": reference("Condition", course),
        "type": concept(text="Arrangement to pay in parts"),
        "term": [term],
    }
    return extend(resource, arrangement, _KEPT)


def arrangement_from(resource: Mapping[str, object]) -> Arrangement:
    """The arrangement that the resource was made of; raises ShapeError where it was of none."""
    found = {"key": key_of(resource, "Contract"), **extended(resource, Arrangement)}
    found |= got(resource, {"agreed_on": "issued"})
    if by := pointed(resource, "author", to="Practitioner"):
        found["by"] = by
    return read(Arrangement, found)


def _item(part: Json, currency: str) -> Resource | None:
    """A part for people and other systems; the extension has it as it was kept."""
    try:
        amount = read(Decimal, part.get("amount"))
        due_on = read(date, part.get("due_on"))
        return {"net": money(amount, currency), "paymentDate": due_on.isoformat()}
    except (ShapeError, ValueError):
        return None
