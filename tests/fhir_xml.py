"""FHIR's XML as the JSON it stands for, for HL7's cases: only tests read XML.

A document type is refused before anything is parsed: without one there are no entities to expand.
"""

import re
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

from enthesis.exchange.fhir.elements import TABLES

FHIR = "{http://hl7.org/fhir}"
# What repeats in types that have no table in the validator.
LISTS = {"concept", "contains", "include", "exclude", "valueSet", "filter", "extension",
         "contained", "coding", "telecom", "line", "given", "name", "parameter"}  # fmt: skip


def read_xml(text: str) -> dict[str, Any]:
    """The resource. Raises ValueError where the text has a document type or is no XML."""
    if "<!DOCTYPE" in text.upper():
        raise ValueError("XML with a document type is not read")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - no document type, so no entities
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from error
    return _resource(root)


def _resource(element: ElementTree.Element) -> dict[str, Any]:
    kind = element.tag.removeprefix(FHIR)
    return {"resourceType": kind, **_members(element, kind)}


def _members(element: ElementTree.Element, kind: str) -> dict[str, Any]:
    members: dict[str, Any] = {k: v for k, v in element.attrib.items() if k in ("id", "url")}
    rules = TABLES.get(kind, {})
    for child in element:
        name = child.tag.removeprefix(FHIR)
        type_, _, many = rules.get(name, (_guessed(name), (), "*" if name in LISTS else ""))
        if name == "div" or child.tag.endswith("}div"):
            members["div"] = "<div>…</div>"
            continue
        value = _value(child, name, type_)
        if many in ("*", "+"):
            members.setdefault(name, []).append(value)
        elif name in members:
            members[name] = [members[name], value]
        else:
            members[name] = value
        parts = [c for c in child if c.tag == f"{FHIR}extension"]
        if "value" in child.attrib and parts:
            members[f"_{name}"] = {"extension": [_members(p, "Extension") for p in parts]}
    return members


def _value(child: ElementTree.Element, name: str, type_: str) -> Any:
    if name == "contained":
        return _resource(child[0])
    text = child.attrib.get("value")
    if text is None:
        return _members(child, type_)
    if type_ == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if type_ in ("integer", "positiveInt", "unsignedInt"):
        return int(text) if re.fullmatch(r"-?[0-9]+", text) else text
    if type_ == "decimal":
        return Decimal(text) if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) else text
    return text


def _guessed(name: str) -> str:
    """valueInteger → integer, valueCoding → Coding; elsewhere nothing is known."""
    found = re.fullmatch(r"value([A-Z]\w+)", name)
    if not found:
        return "Extension" if name == "extension" else ""
    kind = found[1]
    return kind if kind in TABLES else kind[0].lower() + kind[1:]
