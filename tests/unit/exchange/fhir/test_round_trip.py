"""A dossier out as FHIR and in again is the same dossier."""

import json
from collections.abc import Iterable
from dataclasses import fields
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings

from enthesis.exchange.dossier import CourseFile, Dossier
from enthesis.exchange.fhir.out import resources
from enthesis.exchange.fhir.read import dossiers as read_dossiers
from enthesis.exchange.fhir.table import ROWS
from tests.unit.exchange.fhir.dossiers import dossiers, known

SLOW = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def again(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """As they come back from a file."""
    text = [json.dumps(one, allow_nan=False) for one in found]
    return [json.loads(one, parse_float=Decimal) for one in text]


@given(dossiers())
@SLOW
def test_a_dossier_comes_back_the_same(dossier: Dossier) -> None:
    assert read_dossiers(again(resources(dossier, known()))) == (dossier,)


def test_every_field_of_a_course_is_in_the_table() -> None:
    lists = {one.name for one in fields(CourseFile) if str(one.type).startswith("tuple")}
    assert {row.field for row in ROWS} == lists
