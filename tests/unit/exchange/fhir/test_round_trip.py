"""A dossier out as FHIR and in again is the same dossier, and its resources are R4 to others."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from enthesis.exchange.dossier import AuditRow, ClinicCard, CourseFile, Dossier
from enthesis.exchange.fhir.clinic import clinic_from, organization_of
from enthesis.exchange.fhir.out import resources
from enthesis.exchange.fhir.questionnaire import questionnaire_from, questionnaires
from enthesis.exchange.fhir.read import dossiers as read_dossiers
from enthesis.exchange.fhir.table import ROWS
from enthesis.exchange.fhir.trace import audit_event_of, audit_row_from
from tests.fhir.judges import library_problems, schema_problems
from tests.unit.exchange.fhir.dossiers import dossiers, known
from tests.unit.exchange.fhir.strategies import records

# A dossier is large: to shrink one takes minutes, and what differs is seen without.
QUICK = settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def again(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """As they come back from a file."""
    text = [json.dumps(one, allow_nan=False) for one in found]
    return [json.loads(one, parse_float=Decimal) for one in text]


def judged(found: Iterable[dict[str, Any]]) -> list[str]:
    """What the judges have against resources."""
    return [p for one in found for p in (*schema_problems(one), *library_problems(one))]


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Where two records differ: a whole dossier is too long to look for it."""
    if is_dataclass(one) and type(one) is type(other):
        for field in fields(one):
            name = f"{path}.{field.name}"
            yield from differences(getattr(one, field.name), getattr(other, field.name), name)
    elif isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        for n, (inner, there) in enumerate(zip(one, other, strict=True)):
            yield from differences(inner, there, f"{path}[{n}]")
    elif one != other:
        yield f"{path}: {one!r} is not {other!r}"


@given(dossiers())
@QUICK
def test_a_dossier_comes_back_the_same_from_resources_that_are_r4(dossier: Dossier) -> None:
    made = list(resources(dossier, known()))
    assert judged(made) == []
    [back] = read_dossiers(again(made))
    assert list(differences(back, dossier)) == []


def test_every_field_of_a_course_is_in_the_table() -> None:
    lists = {one.name for one in fields(CourseFile) if str(one.type).startswith("tuple")}
    assert {row.field for row in ROWS} == lists


@given(records(ClinicCard))
@settings(max_examples=30, deadline=None)
def test_the_clinic_comes_back_the_same(clinic: ClinicCard) -> None:
    [resource] = again([organization_of(clinic)])
    assert clinic_from(resource) == clinic


@given(records(AuditRow))
@settings(max_examples=30, deadline=None)
def test_a_row_of_the_audit_comes_back_the_same(row: AuditRow) -> None:
    [resource] = again([audit_event_of(row)])
    assert audit_row_from(resource) == row


def test_clinic_and_audit_are_r4() -> None:
    from datetime import UTC, datetime

    row = AuditRow("audit-1", datetime(2026, 11, 1, tzinfo=UTC), "A. Moss", "signed", "Session")
    clinic = ClinicCard("clinic-1", "Joint Clinic", "555 0100", "1 Main St")
    made = [audit_event_of(row), organization_of(clinic)]
    assert judged(made) == []


def test_every_questionnaire_comes_back_the_same_and_is_r4() -> None:
    made = list(questionnaires(known()))
    assert judged(made) == []
    back = {one.id: one for one in map(questionnaire_from, again(made))}
    safety = back.pop("safety")
    assert back == known().questionnaires
    assert [q.id for q in safety.questions] == ["danger"]


@pytest.mark.parametrize("id", ["evaluation", "six_signs"])
def test_what_hangs_on_an_answer_is_said_as_enable_when(id: str) -> None:
    asked = known().questionnaires[id]
    [resource] = [one for one in questionnaires(known()) if one["url"].endswith(f"/{id}")]
    items = {item["linkId"]: item for page in resource["item"] for item in page["item"]}
    hanging = [q for q in asked.questions if q.only_if]
    assert hanging
    for question in hanging:
        said = items[question.id]["enableWhen"]
        assert len(said) == sum(len(wanted) for wanted in question.only_if.values())
        assert {one["question"] for one in said} == set(question.only_if)
