"""The CapabilityStatement: what the table says, in FHIR's own words."""

from typing import Any

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
                "interaction": [{"code": "transaction"}],
                "operation": [
                    {
                        "name": "export",
                        "definition": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export",
                    }
                ],
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
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "conditionalCreate": kind.name == "Patient",
        "searchParam": [
            {"name": one.name, "type": one.kind, "documentation": one.about}
            for one in kind.params
        ],
    }  # fmt: skip
    if kind.name == "QuestionnaireResponse":
        told["interaction"].append({"code": "create"})
        told["conditionalCreate"] = True
    if kind.name in ("Questionnaire", "QuestionnaireResponse"):
        definition = "http://hl7.org/fhir/OperationDefinition/Resource-validate"
        told["operation"] = [{"name": "validate", "definition": definition}]
    if references:
        told["searchInclude"] = [f"{kind.name}:{one.name}" for one in references]
    if back:
        told["searchRevInclude"] = back
    if kind.name == "Patient":
        told["operation"] = [
            {
                "name": "everything",
                "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything",
            },
            {
                "name": "export",
                "definition": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export",
            },
        ]
    return told
