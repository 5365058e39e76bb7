"""A transaction Bundle: whole patients with everything that hangs on them, all of it or nothing.

What is taken is what Enthesis wrote (exchange/fhir/read.py); another clinic's records come in this
way. Anything else is refused by name, with nothing written.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

from django.db import transaction

from enthesis.clinic import store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions.receive import Unfit, receive
from enthesis.clinic.api.asking import Asker
from enthesis.clinic.api.outcome import ApiError, issue, outcome, refusal
from enthesis.clinic.api.sources import Resource
from enthesis.clinic.api.table import TYPES
from enthesis.clinic.dossiers import dossiers
from enthesis.clinic.models import AuditEvent, Patient
from enthesis.exchange.dossier import Dossier
from enthesis.exchange.fhir.issue import FhirError
from enthesis.exchange.fhir.out import resources
from enthesis.exchange.fhir.person import NUMBER
from enthesis.exchange.fhir.read import dossiers as read_dossiers

MOST_ENTRIES = 20_000
MOST_ISSUES = 100
MOST_NUMBER = 2**31 - 1
_NAMED = re.compile(r"[A-Z][A-Za-z]{1,40}/[A-Za-z0-9.-]{1,64}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
Places = dict[str, str]
"""From what a resource was called in the Bundle to what it is called here: "Type/id"."""


def transact(asker: Asker, bundle: Resource, base: str) -> Resource:
    """The Bundle of answers, one for each entry. Raises ApiError; whatever it raises, nothing is
    written."""
    entries = _entries(bundle)
    for kind in sorted({str(one["resource"]["resourceType"]) for one in entries}):
        asker.need(kind, "c")
    _rename(entries)
    origin = origin_of(str(asker.token))
    with transaction.atomic():
        there = dict(_there(asker, entries))
        new = [one["resource"] for one in entries if _name(one) not in there]
        _refuse_more(new, there)
        found = _read(new)
        if new and not found:
            raise ApiError(
                422, "there is no Patient in the Bundle; send whole patients", "required"
            )
        made = _receive(asker, found, origin)
    return {
        "resourceType": "Bundle",
        "type": "transaction-response",
        "entry": [_answer(_name(one), there, made, base) for one in entries],
    }


def origin_of(program: str) -> str:
    """What a program's records are said to come from: its name in letters, digits and dashes."""
    plain = re.sub(r"[^a-z0-9]+", "-", program.lower()).strip("-")
    return f"api-{plain or 'program'}"[:40]


def _entries(bundle: Resource) -> list[dict[str, Any]]:
    if bundle["resourceType"] != "Bundle" or bundle.get("type") != "transaction":
        what = f"{bundle['resourceType']} {bundle.get('type', '')}".strip()[:60]
        raise ApiError(
            422, f"only a Bundle of type transaction is taken here, not {what}", "not-supported"
        )
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not 0 < len(entries) <= MOST_ENTRIES:
        raise ApiError(
            422, f"the Bundle must have 1 to {MOST_ENTRIES:,} entries", "structure", "Bundle.entry"
        )
    for i, one in enumerate(entries):
        _check(one, f"Bundle.entry[{i}]")
    return entries


def _check(entry: Any, place: str) -> None:
    if not isinstance(entry, dict):
        raise ApiError(422, "an entry is a table", "structure", place)
    resource, request = entry.get("resource"), entry.get("request")
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        raise ApiError(422, "missing; each entry creates one resource", "required",
                       f"{place}.resource")  # fmt: skip
    kind = resource["resourceType"]
    if kind not in TYPES or TYPES[kind].trail:
        raise ApiError(422, f"{kind[:60]} is not taken here; types are {', '.join(TYPES)}",
                       "not-supported", f"{place}.resource")  # fmt: skip
    asked = (request.get("method"), request.get("url")) if isinstance(request, dict) else None
    if asked != ("POST", kind):
        raise ApiError(
            422,
            f"only creates are taken: method POST and url {kind}; facts are never changed",
            "not-supported",
            f"{place}.request",
        )
    if "ifNoneExist" in entry["request"] and kind != "Patient":
        raise ApiError(422, "only a Patient is created conditionally", "not-supported",
                       f"{place}.request.ifNoneExist")  # fmt: skip
    full, id = entry.get("fullUrl", ""), resource.get("id")
    if id is None and isinstance(full, str):
        resource["id"] = full.removeprefix("urn:uuid:")
    if not isinstance(full, str) or not _ID.fullmatch(str(resource.get("id"))):
        raise ApiError(422, "missing; give each resource an id or a urn:uuid: as its fullUrl",
                       "required", f"{place}.fullUrl")  # fmt: skip


def _name(entry: dict[str, Any]) -> str:
    return f"{entry['resource']['resourceType']}/{entry['resource']['id']}"


def _rename(entries: list[dict[str, Any]]) -> None:
    """References by fullUrl become references by type and id, as they stand within the Bundle."""
    called = {one["fullUrl"]: _name(one) for one in entries if one.get("fullUrl")}

    def follow(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("reference"), str):
                value["reference"] = called.get(value["reference"], value["reference"])
            for one in value.values():
                follow(one)
        elif isinstance(value, list):
            for one in value:
                follow(one)

    for one in entries:
        follow(one["resource"])


def _there(asker: Asker, entries: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Patients that were to be created only if there was none of their number."""
    for i, one in enumerate(entries):
        asked = one["request"].get("ifNoneExist")
        if asked is None:
            continue
        system, bar, value = _identifier(asked)
        if not bar or system != NUMBER or not (value.isascii() and value.isdigit()):
            raise ApiError(
                422,
                f"a Patient is found by identifier={NUMBER}|NUMBER and by nothing else",
                "not-supported",
                f"Bundle.entry[{i}].request.ifNoneExist",
            )
        number = int(value[:11])
        rows = Patient.objects.filter(clinic=asker.clinic, number=min(number, MOST_NUMBER))
        for row in rows:
            yield _name(one), f"Patient/patient-{row.pk}"


def _identifier(asked: Any) -> tuple[str, str, str]:
    pairs = parse_qsl(asked.rpartition("?")[2]) if isinstance(asked, str) else []
    return (
        pairs[0][1].partition("|") if [name for name, _ in pairs] == ["identifier"] else ("",) * 3
    )


def _refuse_more(new: list[Resource], there: Places) -> None:
    """What hangs on a patient who is here already is not added: facts of a course are entered."""

    def names(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("reference"), str):
                yield value["reference"]
            value = list(value.values())
        if isinstance(value, list):
            for one in value:
                yield from names(one)

    for one in new:
        for name in names(one):
            if name in there:
                raise ApiError(
                    409,
                    f"{name} is here already as {there[name]}; nothing is added to a record from "
                    "outside: send the patient alone, or without ifNoneExist",
                    where=f"{one['resourceType']}/{one['id']}",
                )


def _read(new: list[Resource]) -> tuple[Dossier, ...]:
    try:
        return read_dossiers(new)
    except FhirError as error:
        told = [issue(one.code, one.text, one.expression) for one in error.issues[:MOST_ISSUES]]
        raise refusal(422, told) from None


def _receive(asker: Asker, found: tuple[Dossier, ...], origin: str) -> Places:
    try:
        result = receive(asker.clinic, found, origin, actor=str(asker.token))
    except Unfit as error:
        told = [
            issue("business-rule", f"{one.field}: {one.what}", one.record)
            for one in error.problems[:MOST_ISSUES]
        ]
        raise refusal(422, told) from None
    except Refused as error:
        raise ApiError(422, error.message) from None
    if result.differences:
        # Only where: what stands here may be more than this token may read.
        told = [
            issue("conflict", f"patient {one.number}, {one.where}: it is otherwise here")
            for one in result.differences[:MOST_ISSUES]
        ]
        raise refusal(409, told)
    return dict(_places(asker, found, origin))


def _places(asker: Asker, found: tuple[Dossier, ...], origin: str) -> Iterator[tuple[str, str]]:
    """What each resource is called here: both dossiers give the same resources in one order."""
    known = store.known_for(asker.clinic, store.today(asker.clinic))
    rows = Patient.objects.filter(clinic=asker.clinic, source=f"received:{origin}")
    keys = dict(rows.values_list("pk", "source_key"))
    sent = {one.person.key: one for one in found}
    able = [pk for pk, key in keys.items() if key in sent]
    for here in dossiers(asker.clinic, able):
        theirs = sent[keys[int(here.person.key.rpartition("-")[2])]]
        both = zip(_own(theirs, known), _own(here, known), strict=False)
        yield from ((_named(one), _named(other)) for one, other in both)
    people = AuditEvent.objects.filter(
        clinic=asker.clinic, action="receive", record="user", detail__from=origin
    )
    for key, pk in people.values_list("detail__key", "record_id"):
        yield f"Practitioner/{key}", f"Practitioner/user-{pk}"


def _own(dossier: Dossier, known: Any) -> Iterator[Resource]:
    return (one for one in resources(dossier, known) if one["resourceType"] != "Practitioner")


def _named(one: Resource) -> str:
    return f"{one['resourceType']}/{one['id']}"


def _answer(name: str, there: Places, made: Places, base: str) -> dict[str, Any]:
    if name in there:
        return {"response": {"status": "200 OK", "location": base + there[name]}}
    if name in made:
        return {"response": {"status": "201 Created", "location": base + made[name]}}
    told = issue(
        "informational", f"{name} is worked out here from the others", severity="information"
    )
    return {"response": {"status": "200 OK", "outcome": outcome([told])}}
