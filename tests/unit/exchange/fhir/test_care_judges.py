"""Resources of treatment and money before two judges, and their codes in required value sets."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from enthesis.exchange.fhir.plan_definition import plan_definitions
from tests.fhir.judges import library_problems, schema_problems
from tests.unit.exchange.fhir.test_care import EVERY, KNOWN, written

# Value sets with a required binding whose codes the schema leaves out: R4 4.0.1, valuesets.json.
EVENT = "preparation in-progress not-done on-hold stopped completed entered-in-error unknown"
REQUIRED = {
    "Procedure.status": EVENT,
    "MedicationAdministration.status": EVENT.replace("preparation ", ""),
    "ClinicalImpression.status": EVENT,
    "CarePlan.status": "draft active on-hold revoked completed entered-in-error unknown",
    "CarePlan.intent": "proposal plan order option",
    "CarePlan.activity.detail.kind": "Appointment CommunicationRequest DeviceRequest "
    "MedicationRequest NutritionOrder Task ServiceRequest VisionPrescription",
    "PaymentReconciliation.status": "active cancelled draft entered-in-error",
    "Contract.status": "amended appended cancelled disputed entered-in-error executable executed "
    "negotiable offered policy rejected renewed revoked resolved terminated",
    "AdverseEvent.severity.coding.code": "mild moderate severe",
    "AdverseEvent.outcome.coding.code": "resolved recovering ongoing resolvedWithSequelae fatal "
    "unknown",
}


def at(value: Any, path: list[str]) -> Iterator[Any]:
    """Everything at a path through objects and lists; of codings only the first, HL7's own."""
    if isinstance(value, list):
        for one in value:
            yield from at(one, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        inner = value[path[0]]
        yield from at(inner[:1] if path[0] == "coding" else inner, path[1:])


def problems(resource: dict[str, Any]) -> list[str]:
    type = resource["resourceType"]
    found = schema_problems(resource) + library_problems(resource)
    for one in resource.get("contained", []):
        found += schema_problems(one)
    for path, codes in REQUIRED.items():
        of, *way = path.split(".")
        if of == type:
            found += [f"{path}: {c}" for c in at(resource, way) if c not in codes.split()]
    return found


@given(EVERY)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_every_resource_passes_the_schema_the_models_and_the_required_codes(record: Any) -> None:
    for resource in written(record):
        assert problems(json.loads(json.dumps(resource, default=float))) == []


@pytest.mark.parametrize("one", list(plan_definitions(KNOWN)), ids=lambda one: one["id"])
def test_every_protocol_passes_as_a_plan_definition(one: dict[str, Any]) -> None:
    assert problems(one) == []


def test_the_judges_find_what_is_wrong() -> None:
    one = next(iter(plan_definitions(KNOWN)))
    assert problems({**one, "status": None})
    assert problems({"resourceType": "Procedure", "status": "done", "subject": {}})
