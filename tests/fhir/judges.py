"""Two judges of a resource that nobody here wrote: HL7's JSON schema of R4, and fhir.resources."""

import gzip
import importlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft6Validator

SCHEMA = Path(__file__).parent / "r4.schema.json.gz"
# fhir.resources keeps R4B, which differs from R4 in none of the types that Enthesis writes.
PACKAGE = "fhir.resources.R4B"


@cache
def schema() -> dict[str, Any]:
    """The schema, read once."""
    with gzip.open(SCHEMA) as file:
        return json.load(file)


@cache
def _validator(type: str) -> Draft6Validator:
    # The whole schema tries 148 types for each resource; the type is known.
    whole = schema()
    definitions = {**whole["definitions"], "ResourceList": {}}
    return Draft6Validator({"$ref": f"#/definitions/{type}", "definitions": definitions})


def schema_problems(resource: dict[str, Any]) -> list[str]:
    """What HL7's JSON schema has against a resource; empty for nothing."""
    type = resource["resourceType"]
    if type not in schema()["definitions"]:
        return [f"there is no {type} in R4"]
    found = _validator(type).iter_errors(resource)
    return [f"{type}{one.json_path[1:]}: {one.message[:200]}" for one in found]


def library_problems(resource: dict[str, Any]) -> list[str]:
    """What fhir.resources has against a resource; empty for nothing."""
    type = resource["resourceType"]
    model = getattr(importlib.import_module(f"{PACKAGE}.{type.lower()}"), type)
    try:
        model.model_validate(resource)
    except ValueError as error:
        return [f"{type}: {str(error)[:600]}"]
    return []
