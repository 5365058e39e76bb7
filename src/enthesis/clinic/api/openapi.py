"""The API as OpenAPI 3.1 describes it, made from the tables that the CapabilityStatement is made
from: what can be asked, what is answered, and with which status.
"""

from collections.abc import Mapping
from typing import Any

from enthesis.clinic.api import operations as ours
from enthesis.clinic.api.export import FORMATS, NDJSON
from enthesis.clinic.api.matching import MODIFIERS, PREFIXES
from enthesis.clinic.api.outcome import CODES, FHIR_JSON
from enthesis.clinic.api.search import MOST_COUNT
from enthesis.clinic.api.table import TYPES, Param, Type

EACH = (400, 406, 429, 503)
"""What every address may answer: 429 is for whoever came with too many wrong tokens."""
WITH_TOKEN = (401, 403)
Told = dict[str, Any]
_TEXT: Told = {"type": "string", "minLength": 1}
_TIME = "T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?"
_DAY = f"[0-9]{{4}}(-[0-9]{{2}}(-[0-9]{{2}}({_TIME})?)?)?"
VALUES: dict[str, Told] = {
    "text": _TEXT,
    "date": {"type": "string", "pattern": f"^({'|'.join(PREFIXES)})?{_DAY}$"},
    "reference": {"type": "string", "pattern": r"^([A-Z][A-Za-z]+/)?[A-Za-z0-9.-]{1,64}$"},
}
RESULTS: dict[str, Told] = {
    "_count": {"type": "integer", "minimum": 0, "maximum": MOST_COUNT},
    "_sort": _TEXT,
    "_total": {"enum": ["none", "estimate", "accurate"]},
    "_summary": {"enum": ["false", "count"]},
    "_include": _TEXT,
    "_revinclude": _TEXT,
    "_page": _TEXT,
}
OTHERS: dict[str, Told] = {
    "_format": {"enum": [FHIR_JSON, "application/json", "json"]},
    "_pretty": {"enum": ["true", "false"]},
    "_type": {"type": "string", "pattern": f"^({'|'.join(TYPES)})(,({'|'.join(TYPES)}))*$"},
    "_since": {"type": "string", "format": "date-time"},
    "_outputFormat": {"enum": list(FORMATS)},
    "mode": {"type": "string"},
}
HEADERS: dict[str, Told] = {"Prefer": {"const": "respond-async"}, "If-None-Exist": _TEXT}
WITHIN: dict[str, Told] = {
    "id": {"type": "string", "pattern": "^[A-Za-z0-9.-]{1,64}$"},
    "job": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "file": {"enum": [f"{name}.ndjson" for name in TYPES]},
}


def description(base: str) -> Told:
    """For the API at an address that ends in a slash."""
    paths: dict[str, Told] = {}
    for kind in TYPES.values():
        _search(paths, kind)
        shown = [_parameter(name) for name in ours.SHOWN]
        _put(
            paths, "GET", f"{kind.name}/{{id}}", f"{kind.name}: read one", {200: kind.name}, (404,),
            shown,
        )  # fmt: skip
    for one in ours.OPERATIONS:
        parameters = [_parameter(name) for name in (*one.parameters, *one.headers)]
        body = _content(FHIR_JSON, {"oneOf": [_ref(name) for name in one.sent]})
        _put(paths, one.method, one.path, one.about, one.answers, one.refusals, parameters,
             body if one.sent else None, one.is_open)  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {"title": "Enthesis: the FHIR API of a clinic", "version": "4.0.1"},
        "servers": [{"url": base.rstrip("/")}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "parameters": _parameters(),
            "schemas": VALUES | RESULTS | _schemas(),
            "responses": {str(status): _refusal(status) for status in sorted(CODES)},
        },
    }


def _search(paths: dict[str, Told], kind: Type) -> None:
    names = [name for name in RESULTS if name != "_revinclude" or not (kind.shared or kind.trail)]
    asked = [_parameter(name) for name in names]
    shown = [_parameter(name) for name in ours.SHOWN]
    about = f"{kind.name}, {kind.about}: search"
    own = [_of(one) for one in kind.params]
    _put(paths, "GET", kind.name, about, {200: "Bundle"}, (422,), own + asked + shown)
    fields = {one["name"]: one["schema"] for one in own} | {name: _ref(name) for name in names}
    whole = {"type": "object", "properties": fields, "additionalProperties": False}
    form = _content("application/x-www-form-urlencoded", whole)
    _put(paths, "POST", f"{kind.name}/_search", f"{about} by a form", {200: "Bundle"},
         (408, 413, 415, 422), shown, form)  # fmt: skip


def _put(
    paths: dict[str, Told],
    method: str,
    path: str,
    about: str,
    answers: Mapping[int, str],
    refusals: tuple[int, ...],
    parameters: list[Told],
    body: Told | None = None,
    is_open: bool = False,
) -> None:
    within = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    statuses = sorted({*EACH, *refusals, *(() if is_open else WITH_TOKEN)} - set(answers))
    told: Told = {
        "summary": about,
        "parameters": [_parameter(name) for name in within] + parameters,
        "responses": {str(status): _done(what) for status, what in answers.items()}
        | {str(status): {"$ref": f"#/components/responses/{status}"} for status in statuses},
    }
    if body:
        told["requestBody"] = {"required": True, "content": body}
    if is_open:
        told["security"] = []
    paths.setdefault(f"/{path}", {})[method.lower()] = told


def _parameter(name: str) -> Told:
    return {"$ref": f"#/components/parameters/{name}"}


def _parameters() -> dict[str, Told]:
    """Those that several addresses have."""
    found: dict[str, Told] = {}
    where = (("query", dict.fromkeys(RESULTS) | OTHERS), ("header", HEADERS), ("path", WITHIN))
    for within, named in where:
        for name, schema in named.items():
            found[name] = {"name": name, "in": within, "schema": schema or _ref(name)}
            if within == "path" or name == "Prefer":
                found[name]["required"] = True
    return found


def _of(param: Param) -> Told:
    """A search parameter; given several times, all must hold."""
    able = ", ".join(f":{one}" for one in MODIFIERS[param.kind])
    return {
        "name": param.name,
        "in": "query",
        "schema": {"type": "array", "items": _ref(param.kind if param.kind in VALUES else "text")},
        "description": f"{param.about} ({param.kind}; also {able}, and alternatives after commas)",
    }


def _content(kind: str, schema: Told) -> Told:
    return {kind: {"schema": schema}}


def _ref(name: str) -> Told:
    return {"$ref": f"#/components/schemas/{name}"}


def _done(what: str) -> Told:
    if what == ours.NOTHING:
        return {"description": "Under way, or done; nothing more is said"}
    content = {
        ours.LINES: _content(NDJSON, {"type": "string"}),
        ours.MANIFEST: _content("application/json", {"type": "object", "required": ["output"]}),
        ours.DESCRIPTION: _content("application/json", {"type": "object", "required": ["paths"]}),
        ours.CAPABILITY: _content(FHIR_JSON, _ref("CapabilityStatement")),
    }
    return {"description": "Done", "content": content.get(what) or _content(FHIR_JSON, _ref(what))}


def _refusal(status: int) -> Told:
    told = {"description": CODES[status], "content": _content(FHIR_JSON, _ref("OperationOutcome"))}
    if status in (429, 503):
        told["headers"] = {"Retry-After": {"schema": {"type": "string"}, "required": True}}
    return told


def _schemas() -> dict[str, Told]:
    """What is said of a resource beyond its type: FHIR's own definitions say the rest."""
    names = (*TYPES, "Parameters", "CapabilityStatement")
    found = {name: _resource(name) for name in names}
    issue = {
        "type": "object",
        "required": ["severity", "code", "diagnostics"],
        "properties": {
            "severity": {"enum": ["error", "warning", "information"]},
            "code": _TEXT,
            "diagnostics": _TEXT,
            "expression": {"type": "array", "items": _TEXT, "minItems": 1},
        },
        "additionalProperties": False,
    }
    issues = {"type": "array", "items": issue, "minItems": 1}
    found["OperationOutcome"] = _resource("OperationOutcome", issue=issues)
    entry = {"type": "array", "items": {"type": "object"}, "minItems": 1}
    kinds = {"enum": ["searchset", "transaction", "transaction-response"]}
    found["Bundle"] = _resource("Bundle", type=kinds, entry=entry)
    found["Bundle"]["required"].append("type")
    return found


def _resource(name: str, **parts: Told) -> Told:
    needed = [part for part in parts if part == "issue"]
    return {
        "type": "object",
        "required": ["resourceType", *needed],
        "properties": {"resourceType": {"const": name}, **parts},
    }
