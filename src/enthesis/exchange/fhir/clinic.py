"""ClinicCard ↔ Organization: the clinic, with the settings on which a verdict depends.

`name`, `telecom` and `address.text` are the clinic's. The settings (from how much relief on a
course is finished, which stop rule it offers, currency, time zone) are in the extension: a second
clinic that takes up its courses without them would judge by other rules.
"""

from enthesis.exchange.dossier import ClinicCard
from enthesis.exchange.fhir.extension import Resource, extend
from enthesis.exchange.fhir.resource import filled, inexact, listed, made, record, shown, the

SETTINGS = ("time_zone", "currency", "finish_relief_percent", "stop_choice")


def organization_of(clinic: ClinicCard) -> Resource:
    """The Organization of the clinic."""
    phone = shown(clinic.phone)
    resource = made(
        "Organization",
        "ClinicCard",
        clinic.key,
        active=True,
        name=shown(clinic.name),
        telecom=[{"system": "phone", "value": phone}] if phone else [],
        address=listed(filled(text=shown(clinic.address))),
    )
    return extend(resource, clinic, [*inexact(clinic, "name", "phone", "address"), *SETTINGS])


def clinic_from(resource: Resource) -> ClinicCard:
    """The clinic of a resource that `organization_of` made. Raises ShapeError."""
    return record(
        ClinicCard,
        resource,
        key=the(str, resource, "id"),
        name=the(str, resource, "name") or "",
        phone=the(str, resource, "telecom", 0, "value"),
        address=the(str, resource, "address", 0, "text"),
    )
