"""Plans, sessions, harms, decisions and money go out as FHIR and come back the same."""

import dataclasses
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enthesis.exchange.dossier import (
    AdverseEvent,
    Arrangement,
    Entry,
    Invoice,
    KeptDecision,
    KeptPlan,
    SignedSession,
)
from enthesis.exchange.fhir.resource import Place
from enthesis.exchange.fhir.table import ROWS
from enthesis.records import Decision, Mixture
from enthesis.shape import ShapeError
from tests.unit.exchange.fhir.strategies import records
from tests.unit.journey.courses import KNOWN

PLACE = Place("patient-1", "course-1", KNOWN)
OURS = (KeptPlan, SignedSession, AdverseEvent, KeptDecision, Arrangement, Invoice, Entry)
ROW = {row.kind: row for row in ROWS}
KEYS = ("by", "signed_by", "injected_by", "session", "assessment", "invoice", "about", "arranged")


def written(record: Any) -> list[dict[str, Any]]:
    """The resources of a record as they come back from a file."""
    found = ROW[type(record)].write(record, PLACE)
    return [json.loads(json.dumps(one, allow_nan=False), parse_float=Decimal) for one in found]


def read_back(kind: type, resources: list[Any]) -> Any:
    given = {f"{one.get('resourceType')}/{one.get('id')}": one for one in resources}
    return ROW[kind].read(resources[0], given)


def keyed(record: Any, names: Any = None) -> Any:
    """The record with keys that can be ids; a Mixture's key is its name."""
    names = names or iter(range(1, 1000))
    changed: dict[str, Any] = {}
    for one in dataclasses.fields(record):
        value = getattr(record, one.name)
        if one.name == "key" and not isinstance(record, Mixture):
            changed["key"] = f"{type(record).__name__.lower()}-{next(names)}"
        elif one.name in KEYS and isinstance(value, str) and not isinstance(record, Decision):
            changed[one.name] = f"{one.name.replace('_', '-')}-{len(value)}"
        elif dataclasses.is_dataclass(value):
            changed[one.name] = keyed(value, names)
        elif isinstance(value, tuple):
            changed[one.name] = tuple(
                keyed(part, names) if dataclasses.is_dataclass(part) else part for part in value
            )
    return dataclasses.replace(record, **changed)


EVERY = st.one_of([records(kind) for kind in OURS]).map(keyed)
MANY = settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("kind", OURS)
@given(st.data())
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
def test_a_record_comes_back_the_same(kind: type, data: Any) -> None:
    record = data.draw(records(kind).map(keyed))
    assert read_back(type(record), written(record)) == record


def places_in(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything in a resource, itself not."""
    found = [path] if path else []
    if isinstance(value, dict):
        for name, inner in value.items():
            found += places_in(inner, (*path, name))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            found += places_in(inner, (*path, i))
    return found


WRONG = [None, True, 7, Decimal("0.5"), "", "x", "Patient/", [], {}, [None], [[]], ["x"], {"x": 1}]


@given(EVERY, st.data())
@MANY
def test_a_changed_resource_is_read_or_refused_and_nothing_else(record: Any, data: Any) -> None:
    resources = written(record)
    one = data.draw(st.sampled_from(resources))
    *way, last = data.draw(st.sampled_from(places_in(one)))
    within = one
    for step in way:
        within = within[step]
    if data.draw(st.booleans()):
        del within[last]
    else:
        within[last] = data.draw(st.sampled_from(WRONG))
    try:
        read_back(type(record), resources)
    except ShapeError:
        pass
