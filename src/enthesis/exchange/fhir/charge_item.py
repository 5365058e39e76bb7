"""ChargeItem: one line of an invoice."""

from collections.abc import Mapping

from enthesis.exchange.dossier import Invoice, InvoiceLine
from enthesis.exchange.fhir.element import (
    HCPCS,
    at,
    code_at,
    coding,
    concept,
    every,
    is_code,
    key_of,
    money,
    reference,
    system,
    text_at,
)
from enthesis.exchange.fhir.extension import Resource, extend, extended, fits
from enthesis.knowledge.kinds import Knowledge
from enthesis.shape import read

_ITEMS = system("tariff-item")


def charge_item_of(line: InvoiceLine, invoice: Invoice, patient: str, known: Knowledge) -> Resource:
    """The line as a ChargeItem; `patient` is a key. Its price is for all of its units."""
    kept, codings = [], []
    if is_code(line.code):
        session = known.tariff.get("session")
        ours = session is not None and session.code == line.code
        codings.append(coding(HCPCS, line.code) if ours else {"code": line.code})
    else:
        kept.append("code")
    if is_code(line.item):
        codings.append(coding(_ITEMS, line.item))
    else:
        kept.append("item")
    if not fits(line.text):
        kept.append("text")
    resource: Resource = {
        "resourceType": "ChargeItem",
        "id": line.key,
        "status": "billed",
        # Required, though neither code nor words may be there that R4 takes.
        "code": concept(*codings, text=line.text) or {"text": "Charge"},
        "subject": reference("Patient", patient),
        "occurrenceDateTime": invoice.issued_on.isoformat(),
        "quantity": {"value": line.units},
        "priceOverride": money(line.amount, invoice.currency),
    }
    if invoice.session is not None:
        resource["service"] = [reference("Procedure", invoice.session)]
    return extend(resource, line, kept)


def line_from(resource: Mapping[str, object]) -> InvoiceLine:
    """The line that the resource was made of; raises ShapeError where it was made of none."""
    found: dict[str, object] = {"key": key_of(resource, "ChargeItem")}
    for one in every(resource, "code", "coding"):
        if text_at(one, "system") != _ITEMS:
            found["code"] = text_at(one, "code")
    if item := code_at(resource, "code", of=_ITEMS):
        found["item"] = item
    for field, path in {
        "text": ("code", "text"),
        "units": ("quantity", "value"),
        "amount": ("priceOverride", "value"),
    }.items():
        if (told := at(resource, *path)) is not None:
            found[field] = told
    return read(InvoiceLine, found | extended(resource, InvoiceLine))
