"""Every request to the FHIR API comes in here, and every answer, good or bad, is a resource.

A token says which clinic it is and what may be done; the browser's sign-in counts for nothing, so
that no page elsewhere can use it. Whose records an answer holds is written down before it leaves.
"""

import logging
from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from enthesis.clinic import audit, errors
from enthesis.clinic.api import answers, export, trail
from enthesis.clinic.api.asking import (
    Asked,
    Asker,
    agree,
    asked_of,
    asker_of,
    form_of,
    resource_of,
)
from enthesis.clinic.api.matching import read_test
from enthesis.clinic.api.metadata import capability
from enthesis.clinic.api.narrow import patients
from enthesis.clinic.api.openapi import description
from enthesis.clinic.api.outcome import ApiError, answer, refused
from enthesis.clinic.api.search import everything, search
from enthesis.clinic.api.sources import Resource, Source
from enthesis.clinic.api.table import TYPES, Type
from enthesis.clinic.api.transaction import transact
from enthesis.clinic.permissions import public_page
from enthesis.clinic.snapshot import snapshot

log = logging.getLogger("enthesis.fhir")
Answer = HttpResponseBase


@csrf_exempt
def fhir(request: HttpRequest, rest: str = "") -> Answer:
    """One request. Whatever goes wrong in it is said in an OperationOutcome."""
    try:
        return _routed(request, [part for part in rest.split("/") if part])
    except ApiError as error:
        return refused(error)
    except UnreadablePostError:
        return refused(ApiError(408, "the body did not come whole; nothing was kept"))
    except Exception as error:
        if errors.is_refusal(error):
            return errors.busy(request, error)
        log.error("An API request failed: %s", errors.without_words(error))
        told = (
            "Enthesis made a mistake; nothing was half-written. If it happens twice, tell whoever "
            "runs it the time"
        )
        return refused(ApiError(500, told))


def _routed(request: HttpRequest, parts: list[str]) -> Answer:
    asked = asked_of(request)
    if export.is_file(parts):
        return export.file(request, asker_of(request), parts)
    agree(request, asked.one("_format"))
    pretty = asked.one("_pretty") == "true"
    base = base_of(request)
    if parts == ["metadata"]:
        _allow(request, "GET")
        asked.take("mode")
        asked.finish(("_format", "_pretty"))
        return answer(capability(base), pretty=pretty)
    if parts == ["openapi.json"]:
        _allow(request, "GET")
        asked.finish(("_format", "_pretty"))
        return JsonResponse(description(base), json_dumps_params={"indent": 2 if pretty else None})
    asker = asker_of(request)
    match parts:
        case []:
            _allow(request, "POST")
            asked.finish(("_format", "_pretty"))
            return answer(transact(asker, resource_of(request), base), pretty=pretty)
        case ["$export"]:
            _allow(request, "GET")
            return export.begin(request, asker, asked, base, patients_only=False)
        case ["Patient", "$export"]:
            _allow(request, "GET")
            return export.begin(request, asker, asked, base, patients_only=True)
        case ["$export-status", job]:
            _allow(request, "GET", "DELETE")
            asked.finish(("_format", "_pretty"))
            return export.status(request, asker, job, base)
        case ["Patient", id, "$everything"]:
            _allow(request, "GET")
            return _told(asker, lambda: _everything(asker, id, asked, base), "everything", pretty)
        case [("QuestionnaireResponse" | "Questionnaire") as name, "$validate"]:
            _allow(request, "POST")
            asked.finish(("_format", "_pretty"))
            # What is asked of a patient depends on what was answered before.
            asker.need(name, "c" if name == answers.KIND else "r")
            return answer(answers.validate(asker, name, resource_of(request), base), pretty=pretty)
        case [name] | [name, "_search"] if name in TYPES:
            if parts[1:]:
                _allow(request, "POST")
                asked.pairs += form_of(request)
            elif name == answers.KIND and request.method == "POST":
                asked.finish(("_format", "_pretty"))
                asker.need(name, "c")
                return answers.take(request, asker, resource_of(request), base, pretty)
            else:
                able = ("GET", "POST") if name == answers.KIND else ("GET",)
                _allow(request, *able, or_post=f"{base} with a transaction Bundle")
            kind = TYPES[name]
            return _told(asker, lambda: _search(asker, kind, asked, base), f"search {name}", pretty)
        case [name, id] if name in TYPES and not id.startswith(("$", "_")):
            _allow(request, "GET")
            asked.finish(("_format", "_pretty"))
            return _told(asker, lambda: _read(asker, TYPES[name], id), f"read {name}", pretty)
        case [name, *_] if name in TYPES:
            raise ApiError(
                404, f"{'/'.join(parts[1:])[:80]} is not served for {name}", "not-supported"
            )
    raise ApiError(
        404,
        f"“{'/'.join(parts)[:80]}” is not served here; types are {', '.join(TYPES)}; see "
        f"{base}metadata",
        "not-supported",
    )


def base_of(request: HttpRequest) -> str:
    """The address of the API as the program reaches it, ending in a slash."""
    host = settings.PUBLIC_ADDRESS or request.build_absolute_uri("/").rstrip("/")
    return f"{host}/fhir/"


def _allow(request: HttpRequest, *methods: str, or_post: str = "") -> None:
    method = "GET" if request.method == "HEAD" else request.method
    if method in methods:
        return
    hint = f"; to write, POST to {or_post}" if or_post else ""
    raise ApiError(
        405,
        f"{request.method} is not done here, only {', '.join(methods)}{hint}",
        headers={"Allow": ", ".join((*methods, *(("HEAD",) if "GET" in methods else ())))},
    )


def _told(
    asker: Asker, find: Callable[[], tuple[Resource, set[int]]], what: str, pretty: bool
) -> HttpResponse:
    """The answer as of one moment, once it is written down whose record is in it."""
    with snapshot():
        body, of = find()
    response = answer(body, pretty=pretty)
    audit.record_reads(asker.clinic, None, of, f"fhir {what}", asker.address, by=str(asker.token))
    return response


def _search(asker: Asker, kind: Type, asked: Asked, base: str) -> tuple[Resource, set[int]]:
    return (
        trail.search_trail(asker, asked, base) if kind.trail else search(asker, kind, asked, base)
    )


def _read(asker: Asker, kind: Type, id: str) -> tuple[Resource, set[int]]:
    asker.need(kind.name, "r")
    source = Source(asker.clinic)
    name = f"{kind.name}/{id}"
    if kind.trail:
        return trail.read_event(asker, id)
    if kind.shared:
        if name in source.shared:
            return source.shared[name], set()
    else:
        for record in source.records(_of_id(asker, kind, id)):
            if name in record.resources:
                return record.resources[name], {record.patient}
    raise ApiError(404, f"there is no {kind.name} “{id[:80]}”; search for it by other parameters")


def _of_id(asker: Asker, kind: Type, id: str) -> list[int]:
    test = read_test(
        kind.by_name["_id"], "", id.replace(",", "\\,"), ZoneInfo(asker.clinic.time_zone)
    )
    return [pk for _, pk in patients(asker.clinic, kind, [test])]


def _everything(asker: Asker, id: str, asked: Asked, base: str) -> tuple[Resource, set[int]]:
    asker.need("Patient", "r")
    only = export.types_of(asked)
    asked.finish(("_type", "_format", "_pretty"))
    source = Source(asker.clinic)
    for record in source.records(_of_id(asker, TYPES["Patient"], id)):
        if f"Patient/{id}" in record.resources:
            entries = [
                {
                    "fullUrl": f"{base}{one['resourceType']}/{one['id']}",
                    "resource": one,
                    "search": {"mode": "match"},
                }
                for one in everything(record, source)
                if (not only or one["resourceType"] in only)
                and asker.scopes.allow(one["resourceType"], "r")
            ]
            bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
            return bundle | ({"entry": entries} if entries else {}), {record.patient}
    raise ApiError(404, f"there is no Patient “{id[:80]}”; search for one by name or number")


urlpatterns = [
    public_page("fhir", fhir, "fhir_base"),
    public_page("fhir/", fhir, "fhir_root"),
    public_page("fhir/<path:rest>", fhir, "fhir"),
]
