"""The CapabilityStatement: what the table says, in FHIR's own words."""

from typing import Any

from enthesis.clinic.api.operations import codes_of, operations_of
from enthesis.clinic.api.table import TYPES, Type, include_params
from enthesis.exchange.fhir.extension import SITE

# Since when the API answers as it does; moves on with the table.
MADE_ON = "2026-11-27"


def capability(base: str) -> dict[str, Any]:
    """For the API at an address that ends in a slash."""
    return {
        "resourceType": "CapabilityStatement",
        "url": f"{SITE}/CapabilityStatement/enthesis",
        "status": "active",
        "date": MADE_ON,
        "kind": "instance",
        "software": {"name": "Enthesis"},
        "implementation": {"description": "FHIR API of a clinic", "url": base.rstrip("/")},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "instantiates": ["http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "cors": False,
                    "description": "A token as “Authorization: Bearer …”, with SMART scopes. An "
                    "administrator of the clinic makes it under Settings.",
                },
                "resource": [_resource(one) for one in TYPES.values()],
                "interaction": [{"code": one} for one in codes_of("")],
                "operation": list(operations_of("")),
            }
        ],
    }


def _resource(kind: Type) -> dict[str, Any]:
    references = include_params(kind)
    back = [
        f"{other.name}:{param.name}"
        for other in TYPES.values()
        for param in include_params(other)
        if kind.name in param.targets
    ]
    told: dict[str, Any] = {
        "type": kind.name,
        "documentation": kind.about,
        "interaction": [{"code": one} for one in ("read", "search-type", *codes_of(kind.name))],
        "versioning": "no-version",
        "conditionalCreate": kind.name in ("Patient", "QuestionnaireResponse"),
        "searchParam": [
            {"name": one.name, "type": one.kind, "documentation": one.about}
            for one in kind.params
        ],
    }  # fmt: skip
    if operations := list(operations_of(kind.name)):
        told["operation"] = operations
    if references:
        told["searchInclude"] = [f"{kind.name}:{one.name}" for one in references]
    if back:
        told["searchRevInclude"] = back
    return told
