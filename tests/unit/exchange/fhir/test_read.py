"""What cannot be read is refused with its place, whatever was done to it; nothing else comes."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from enthesis.exchange.dossier import CourseFile, Document, Dossier, Person, Practitioner
from enthesis.exchange.fhir.issue import FhirError, outcome
from enthesis.exchange.fhir.out import resources
from enthesis.exchange.fhir.read import dossiers as read_dossiers
from enthesis.records import Side
from tests.fhir.judges import schema_problems
from tests.unit.exchange.fhir.dossiers import dossiers, known
from tests.unit.exchange.fhir.test_round_trip import again

REAL = Path(__file__).parents[5] / "shared" / "real" / "fhir"
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
REPORT = Document("document-1", "knee.pdf", "application/pdf", 3, "ab", "user-1", NOON)
COURSE = CourseFile("course-1", "knee_oa", Side.LEFT, date(2026, 10, 1), documents=(REPORT,))
PERSON = Person("patient-1", 7, "Moss", "Ada", date(1960, 5, 1), "female", NOON)
DOSSIER = Dossier(PERSON, (COURSE,), (Practitioner("user-1", "A. Reed", "clinician"),))

# What JSON can hold in the place of anything.
WRONG: list[Any] = [None, "", "x", 5, -1, Decimal("1E+999999"), True, [], {}, [None], ["x"]]
WRONG += [[{}], {"reference": 5}, {"reference": "Patient/nobody"}, "\ud800", [[[]]], float("nan")]


def written() -> list[dict[str, Any]]:
    return again(resources(DOSSIER, known()))


def one_of(found: list[dict[str, Any]], type: str) -> dict[str, Any]:
    return next(one for one in found if one["resourceType"] == type)


def refused(found: list[Any]) -> list[tuple[str, str, str]]:
    with pytest.raises(FhirError) as caught:
        read_dossiers(found)
    assert schema_problems(outcome(caught.value.issues)) == []
    return [(one.code, one.expression, one.text) for one in caught.value.issues]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a resource: what holds it, and its name or number there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for name, part in inner:
        found.append((value, name))
        if isinstance(part, dict | list):
            found += places(part)
    return found


@given(dossiers(), st.integers(0, 2**32))
@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_done_to_an_element_only_a_fhir_error_comes(made: Dossier, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - which element is spoilt is no secret
    whole = [json.dumps(one) for one in resources(made, known())]
    for n in range(len(whole)):
        spoilt = [json.loads(one, parse_float=Decimal) for one in whole]
        for holder, name in random.sample(found := places(spoilt[n]), min(2, len(found))):
            if random.random() < 0.3 and isinstance(holder, dict):
                holder.pop(name, None)
            elif isinstance(holder, dict) or name < len(holder):
                holder[name] = random.choice(WRONG)
        try:
            read_dossiers(spoilt)
        except FhirError as error:
            assert error.issues


def test_every_wrong_value_in_every_place_of_a_small_dossier() -> None:
    found = written()
    reads, refusals = 0, 0
    for holder, name in [place for one in found for place in places(one)]:
        kept = holder[name]
        for wrong in WRONG:
            holder[name] = wrong
            reads += 1
            try:
                read_dossiers(found)
            except FhirError:
                refusals += 1
        holder[name] = kept
    assert read_dossiers(found) == (DOSSIER,)
    assert reads > refusals > reads / 2


@pytest.mark.parametrize("resource", [None, "x", 5, [], {}, {"resourceType": "Patient"}, {"id": 5}])
def test_what_is_no_resource_is_refused_by_its_number(resource: Any) -> None:
    [(code, place, _)] = refused([*written(), resource])
    assert code == "structure"
    assert place.startswith(f"[{len(written())}]")


def test_what_others_wrote_is_refused_by_name_and_nothing_is_taken() -> None:
    other = {"resourceType": "Immunization", "id": "i1", "status": "completed"}
    [(code, place, text)] = refused([*written(), other])
    assert (code, place) == ("not-supported", "Immunization/i1")
    assert "not written by Enthesis" in text


@pytest.mark.parametrize(
    "of_version",
    [
        {"fhirVersion": "5.0.0"},
        {"meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/Patient|3.0.2"]}},
    ],
)
def test_another_version_of_fhir_is_refused(of_version: dict[str, Any]) -> None:
    [(code, place, text)] = refused([{"resourceType": "Patient", "id": "p1", **of_version}])
    assert (code, place) == ("not-supported", "Patient/p1")
    assert "write it as R4 (4.0.1)" in text


def test_a_modifier_extension_is_refused() -> None:
    found = written()
    one_of(found, "Condition")["modifierExtension"] = [{"url": "http://x", "valueBoolean": True}]
    assert refused(found)[0][:2] == ("not-supported", "Condition/course-1")


def test_a_reference_that_leads_nowhere_is_named_with_its_place() -> None:
    found = [one for one in written() if one["resourceType"] != "Practitioner"]
    issues = refused(found)
    where = "DocumentReference/document-1.author[0].reference"
    text = "Practitioner/user-1 is not among the resources; add it"
    assert ("not-found", where, text) in issues


def test_a_record_of_another_patient_than_its_course_is_refused() -> None:
    found = written()
    other = again(resources(Dossier(Person("patient-2", 8, "", "", None, "", NOON)), known()))
    one_of(found, "DocumentReference")["subject"] = {"reference": "Patient/patient-2"}
    [(code, place, _)] = refused([*found, *other])
    assert (code, place) == ("value", "DocumentReference/document-1.subject.reference")


def test_one_resource_twice_is_one_and_two_that_differ_are_refused() -> None:
    found = written()
    assert read_dossiers([*found, *written()]) == (DOSSIER,)
    patient = {**one_of(found, "Patient"), "gender": "male"}
    [(code, place, _)] = refused([*found, patient])
    assert (code, place) == ("duplicate", "Patient/patient-1")


def test_a_part_that_no_record_asked_for_is_refused() -> None:
    found = written()
    dose = {**one_of(found, "DocumentReference"), "resourceType": "MedicationAdministration"}
    dose["meta"] = {"tag": [{**dose["meta"]["tag"][0], "code": "Mixture"}]}
    [(code, place, _)] = refused([*found, dose])
    assert (code, place) == ("not-found", "MedicationAdministration/document-1")


def test_what_is_nested_deeper_than_any_resource_is_refused() -> None:
    found = written()
    deep: Any = "x"
    for _ in range(500):
        deep = {"extension": [deep]}
    one_of(found, "Patient")["extension"].append(deep)
    [(code, place, text)] = refused(found)
    assert (code, place) == ("structure", "Patient/patient-1")
    assert "nested" in text


def test_real_resources_of_others_are_read_to_an_outcome() -> None:
    if not REAL.exists():
        pytest.skip("the real FHIR files are not beside the project")
    files = [*(REAL / "r4-examples").rglob("*.json"), *(REAL / "synthea").glob("*.json")]
    assert len(files) > 6
    for file in files:
        data = json.loads(file.read_text(), parse_float=Decimal)
        entries = data.get("entry", []) if data.get("resourceType") == "Bundle" else []
        assert refused([one.get("resource") for one in entries] or [data])
