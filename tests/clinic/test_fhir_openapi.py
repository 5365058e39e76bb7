"""What the API says of itself to tools is what it does: docs/measure_api.py asks it at random."""

import inspect
import json
import re
from typing import Any

import pytest
from django.test import Client

from enthesis.clinic import models
from enthesis.clinic.api import views
from enthesis.clinic.api.table import TYPES
from tests.clinic.fhir import EVERY, program

pytestmark = pytest.mark.alike
# Those that are read and searched and nothing else, of which one will do by default.
ALIKE = TYPES.keys() - {"Patient", "Organization", "Questionnaire", "QuestionnaireResponse"}
WITHIN = {"id": "x", "job": "0" * 32, "file": "Patient.ndjson"}


@pytest.fixture
def told(db: None) -> Any:
    response = Client().get("/fhir/openapi.json")
    assert response.status_code == 200 and response["Content-Type"] == "application/json"
    return response.json()


def test_every_address_and_type_is_described_and_what_is_referred_to_is_there(told: Any) -> None:
    routed = set(re.findall(r'"([$_][\w-]+)"', inspect.getsource(views._routed)))
    routed -= {"_format", "_pretty"}
    described = {part for path in told["paths"] for part in path.split("/")}
    assert routed | set(TYPES) | {"metadata", "openapi.json"} <= described
    assert "/$export-file/{job}/{file}" in told["paths"]
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(told))):
        found = told
        for part in reference.split("/"):
            found = found[part]


def test_each_method_that_is_described_is_answered_as_described_and_no_other_is(
    told: Any, clinic: models.Clinic
) -> None:
    asking = program(clinic, "user/Organization.r")
    for path, operations in told["paths"].items():
        if EVERY != 1 and path[1:].partition("/")[0] in ALIKE:
            continue
        address = "/fhir" + path.format(**WITHIN)
        for method in ("get", "post", "delete", "put"):
            response = asking.generic(method.upper(), address, b"{}", "application/fhir+json")
            if method not in operations:
                assert response.status_code == 405, (method, path)
                able = {one.lower() for one in response["Allow"].split(", ")} - {"head"}
                assert able == set(operations), (method, path)
            else:
                answers = operations[method]["responses"]
                assert str(response.status_code) in answers, (method, path, response.status_code)
                assert "not served" not in response.content.decode(), (method, path)
