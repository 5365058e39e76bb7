"""The extension holds any record exactly, and says where it was spoilt."""

import dataclasses
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings

from enthesis.exchange import dossier
from enthesis.exchange.dossier import GivenSite, Person, SignedSession
from enthesis.exchange.fhir.extension import SITE, extend, extended
from enthesis.records import Side, SiteDose
from enthesis.shape import ShapeError, read
from enthesis.units import Ml
from tests.unit.exchange.fhir.strategies import records

KINDS = [
    kind
    for kind in vars(dossier).values()
    if dataclasses.is_dataclass(kind) and kind.__module__ == dossier.__name__
]


def names(kind: Any) -> list[str]:
    return [one.name for one in dataclasses.fields(kind)]


def again(resource: dict[str, Any]) -> dict[str, Any]:
    """As it comes back from a file."""
    return json.loads(json.dumps(resource, allow_nan=False), parse_float=Decimal)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_record_comes_back_the_same(kind: Any) -> None:
    @given(records(kind))
    @settings(max_examples=25, deadline=None)
    def comes_back(record: Any) -> None:
        resource = again(extend({}, record, names(kind)))
        assert_valid(resource)
        assert read(kind, extended(resource, kind)) == record

    comes_back()


def assert_valid(part: dict[str, Any]) -> None:
    """R4's ext-1 and ele-1: a value or parts, never both, never empty."""
    for one in part.get("extension", []):
        values = [name for name in one if name.startswith("value")]
        assert ("extension" in one) != bool(values), one
        assert one["url"] and (one.get("extension", True)) and one.get(*values or ["url"]) != ""
        assert_valid(one)


def test_what_is_at_its_default_is_left_out() -> None:
    dose = SiteDose("medial_joint", Side.LEFT, "joint", Ml(Decimal("1.5")))
    assert extend({}, GivenSite(dose, needle="25G"), names(GivenSite)) == {
        "extension": [
            {
                "url": f"{SITE}/StructureDefinition/GivenSite",
                "extension": [
                    {
                        "url": "dose",
                        "extension": [
                            {"url": "site", "valueString": "medial_joint"},
                            {"url": "side", "valueCode": "left"},
                            {"url": "mixture", "valueString": "joint"},
                            {"url": "volume_ml", "valueDecimal": 1.5},
                        ],
                    },
                    {"url": "needle", "valueString": "25G"},
                ],
            }
        ]
    }
    assert extend({}, GivenSite(dose), ["given", "needle"]) == {}


PARTS = [
    ([{"url": "number", "valueInteger": "5"}], r"extension\('number'\).valueInteger"),
    ([{"url": "number", "valueInteger": True}], r"extension\('number'\).valueInteger"),
    ([{"url": "number"}], r"extension\('number'\).value"),
    ([{"url": "number", "valueInteger": 1}] * 2, r"more than once"),
    ([{"url": "nobody", "valueInteger": 1}], r"unknown field"),
    ([{"url": ["number"]}], r"name of a field"),
    ([{"url": "sites", "valueString": "knee"}], r"extension\('sites'\)"),
    ([{"url": "recipe", "valueString": "{"}], r"JSON"),
    ([{"url": "recipe", "valueString": "[]"}], r"expected a table"),
    ([{"url": "note", "valueBase64Binary": "%"}], r"UTF-8"),
    ([{"url": "note", "valueQuantity": {}}], r"valueQuantity"),
    ([], "a list of parts"),
    ("number", "a list of parts"),
    ([None], "name of a field"),
]


@pytest.mark.parametrize(("parts", "problem"), PARTS)
def test_a_spoilt_extension_is_refused_with_its_place(parts: object, problem: str) -> None:
    url = f"{SITE}/StructureDefinition/SignedSession"
    with pytest.raises(ShapeError, match=problem):
        extended({"extension": [{"url": url, "extension": parts}]}, SignedSession)


def test_extensions_of_others_are_left_alone_and_ours_stands_once() -> None:
    assert extended({"extension": [{"url": "http://other", "valueString": "x"}, 5]}, Person) == {}
    url = f"{SITE}/StructureDefinition/Person"
    with pytest.raises(ShapeError, match="twice"):
        extended({"extension": [{"url": url}, {"url": url}]}, Person)
    with pytest.raises(ShapeError, match="expected a list"):
        extended({"extension": "x"}, Person)
