"""The page of the FHIR mapping: made by writing one full record of each kind and looking at it."""

import dataclasses
import importlib
import pkgutil
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

from enthesis.exchange import fhir
from enthesis.exchange.dossier import AuditRow, ClinicCard, CourseFile, Person, Practitioner, Weight
from enthesis.exchange.fhir.clinic import organization_of
from enthesis.exchange.fhir.course import condition_of
from enthesis.exchange.fhir.extension import SITE, Resource
from enthesis.exchange.fhir.person import patient_of, practitioner_of, weight_of
from enthesis.exchange.fhir.plan_definition import plan_definitions
from enthesis.exchange.fhir.questionnaire import questionnaires
from enthesis.exchange.fhir.resource import Place, kind_of
from enthesis.exchange.fhir.table import ROWS
from enthesis.exchange.fhir.trace import audit_event_of, provenances_of
from enthesis.knowledge.kinds import Knowledge
from enthesis.units import Money

Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]
OURS = f"{SITE}/StructureDefinition/"
# Of these, elements say nothing of the record.
COMMON = ("resourceType", "id", "meta", "extension")
VALUES: dict[Any, Any] = {
    str: "x",
    int: 1,
    bool: True,
    bytes: b"x",
    date: date(2026, 11, 2),
    datetime: datetime(2026, 11, 2, 9, tzinfo=UTC),
    Decimal: Decimal(5),
    Money: Money(Decimal(5), "USD"),
    object: "x",
}
# Where any text would not show what is written.
NAMED = {
    "fact": "signed",
    "currency": "EUR",
    "questionnaire": "six_signs",
    "condition": "knee_oa",
    "content_type": "application/pdf",
    "sex": "female",
    "language": "en",
    "site": "iliolumbar",
}
ABOUT = """What Enthesis writes as FHIR R4 (4.0.1) and reads again, record for record. A resource says
by `meta.tag` (system `{site}/CodeSystem/record`) which record it is of; `derived` is worked out
from others, and passed over in reading. What FHIR has no element for is in one extension of the
record's name, a part for each field; a field at its default is left out. Every resource of a course
names its Condition in the extension `course`. The names under `{site}` are names: nothing lies
there. Text that R4 refuses as a string (a no-break space is enough) is shown without that in the
element, and kept exactly in the extension.
"""


def page(known: Knowledge, table: Table, notice: str) -> str:
    """Resource by resource: of which record, in which elements, and what is in the extension."""
    seen: dict[tuple[str, str], tuple[dict[str, None], dict[str, None]]] = {}
    for resource in _written(known):
        elements, parts = seen.setdefault((resource["resourceType"], kind_of(resource)), ({}, {}))
        elements.update(dict.fromkeys(name for name in resource if name not in COMMON))
        parts.update(dict.fromkeys(_parts(resource)))
    rows = (
        (type, kind, ", ".join(elements), "; ".join(parts))
        for (type, kind), (elements, parts) in sorted(seen.items())
    )
    lines = table(["resource", "record", "elements", "extensions"], rows)
    return (
        f"# FHIR\n\n{notice}\n\n{ABOUT.format(site=SITE)}\n{lines}\n\n"
        f"## What holds what, and why\n\n{_reasons()}\n"
    )


def _written(known: Knowledge) -> Iterator[Resource]:
    place = Place("patient-1", "course-1", known)
    yield practitioner_of(_example(Practitioner))
    yield patient_of(_example(Person))
    yield weight_of(_example(Weight), place.patient)
    course = _example(CourseFile)
    yield condition_of(course, place)
    for row in ROWS:
        for one in getattr(course, row.field):
            yield from row.write(one, place)
    yield from provenances_of(course, place)
    yield from questionnaires(known)
    yield from plan_definitions(known)
    yield organization_of(_example(ClinicCard))
    yield audit_event_of(_example(AuditRow))


def _parts(resource: Resource) -> Iterator[str]:
    for one in resource.get("extension", []):
        name = one["url"].removeprefix(OURS)
        fields = dict.fromkeys(part["url"] for part in one.get("extension", []))
        yield f"{name}: {', '.join(fields)}" if fields else name


def _reasons() -> str:
    """The words at the head of each module that maps a record."""
    names = sorted(one.name for one in pkgutil.iter_modules(fhir.__path__))
    heads = [importlib.import_module(f"{fhir.__name__}.{name}").__doc__ or "" for name in names]
    return "\n\n".join(head.strip() for head in heads if "↔" in head or "→" in head)


def _example(hint: Any, name: str = "") -> Any:
    """A value of a type with every field told, none at its default."""
    if name in NAMED:
        return NAMED[name]
    if isinstance(hint, NewType):
        return _example(hint.__supertype__)
    if hint in VALUES:
        return VALUES[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _example(inner[0], name)
    if origin is tuple:
        return (_example(inner[0]),)
    if origin is not None and issubclass(origin, Mapping):
        return {"pain": _example(inner[1])}
    if issubclass(hint, Enum):
        return next(iter(hint))
    hints = get_type_hints(hint)
    return hint(
        **{one.name: _example(hints[one.name], one.name) for one in dataclasses.fields(hint)}
    )
