"""How every resource of ours is made and read: what it is a record of, its texts, its references.

Each carries a tag with the name of its record (`meta.tag`, system SITE/CodeSystem/record), because
one type of resource serves several: an Observation may be a weight, a typed score, or a score
worked out from answers (`DERIVED`, which reading passes over). Each that belongs to a course names
its Condition in one extension, whatever the type: FHIR has no such element for most of them.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_type_hints

from enthesis.exchange.fhir.extension import SITE, Resource, extended, fits, is_code
from enthesis.knowledge.kinds import Knowledge
from enthesis.shape import ShapeError, read

T = TypeVar("T")
RECORD = f"{SITE}/CodeSystem/record"
COURSE = f"{SITE}/StructureDefinition/course"
DERIVED = "derived"
"""The tag of what is worked out from other resources: written for others, not read back."""
LONGEST_SHOWN = 100_000

Given = Mapping[str, Resource]
"""The resources that were given together, by reference ("Procedure/session-9")."""

# The codings of knowledge/tables/codes.csv, as FHIR names them.
SYSTEMS = {
    "LOINC": "http://loinc.org",
    "SNOMED CT": "http://snomed.info/sct",
    "ICD-10-CM": "http://hl7.org/fhir/sid/icd-10-cm",
}
LOINC = SYSTEMS["LOINC"]


@dataclass(frozen=True, slots=True)
class Place:
    """Whose record it is: the keys of patient and course, and what is known."""

    patient: str
    course: str
    known: Knowledge

    @property
    def subject(self) -> Resource:
        """The reference to the patient."""
        return {"reference": f"Patient/{self.patient}"}


def made(type: str, kind: str, key: str, course: str = "", /, **elements: Any) -> Resource:
    """A resource of the record `kind`. Elements that are None or empty are left out."""
    resource: Resource = {"resourceType": type, "id": key}
    resource["meta"] = {"tag": [{"system": RECORD, "code": kind}]}
    if course:
        of = {"url": COURSE, "valueReference": {"reference": f"Condition/{course}"}}
        resource["extension"] = [of]
    return resource | filled(**elements)


def filled(**elements: Any) -> Resource:
    """The elements that hold something: FHIR knows no empty value. False and 0 hold something."""
    return {
        name: value
        for name, value in elements.items()
        if value is not None and value not in ("", [], {})
    }


def listed(*found: Any) -> list[Any]:
    """Those that hold something."""
    return [one for one in found if one]


def kind_of(resource: Resource) -> str:
    """The name of the record it says it is of; "" where it says none of ours."""
    for one in many(resource, "meta", "tag"):
        if at(one, "system") == RECORD:
            return the(str, one, "code") or ""
    return ""


def course_of(resource: Resource) -> str | None:
    """The key of the course it belongs to."""
    for one in many(resource, "extension"):
        if at(one, "url") == COURSE:
            return referred(one, "Condition", "valueReference")
    return None


# --- texts and codes


def shown(text: str) -> str | None:
    """A text as R4's pattern for strings takes it: what it refuses, such as no-break spaces, as
    blanks. None where nothing is left."""
    if not fits(text):
        text = "".join(c if c in "\r\n\t" or fits(c) else " " for c in text[:LONGEST_SHOWN])
    return text.strip() or None


def code(text: str) -> str | None:
    """A text as a code, or None where it is none."""
    return text if is_code(text) else None


def inexact(record: Any, *names: str) -> list[str]:
    """Those text fields that an element shows otherwise than they are: they go to the extension."""
    return [name for name in names if (v := getattr(record, name)) and shown(v) != v]


def coding(system: str, value: str, display: str = "") -> Resource:
    """A Coding; without a code where the value is none."""
    return filled(system=system, code=code(value), display=shown(display))


def concept(system: str, value: str, text: str = "") -> Resource:
    """A CodeableConcept with one coding of our own, and words."""
    return filled(coding=[coding(system, value)], text=shown(text))


# --- references


def reference(type: str, key: str | None) -> Resource | None:
    """A relative reference, or None for nobody."""
    return None if key is None else {"reference": f"{type}/{key}"}


def referred(data: Any, type: str, *path: str | int) -> str | None:
    """The key in the reference at `path`; None where there is none, ShapeError if it is another."""
    target = the(str, data, *path, "reference")
    if target is None:
        return None
    found, _, key = target.partition("/")
    if found != type or not key:
        raise ShapeError(_path(*path, "reference"), f"expected {type}/<id>, not {target!r}")
    return key


# --- reading


def at(data: Any, *path: str | int) -> Any:
    """What is at the path, None where nothing is; ShapeError where it is no object or no list."""
    for i, step in enumerate(path):
        if data is None:
            return None
        if isinstance(step, int):
            if not isinstance(data, list):
                raise ShapeError(_path(*path[:i]), "expected a list")
            data = data[step] if step < len(data) else None
        else:
            if not isinstance(data, Mapping):
                raise ShapeError(_path(*path[:i]), "expected an object")
            data = data.get(step)
    return data


def many(data: Any, *path: str | int) -> list[Any]:
    """The objects of the list at the path; empty where there is none."""
    found = at(data, *path)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise ShapeError(_path(*path), "expected a list of objects")
    return found


def the(kind: type[T], data: Any, *path: str | int) -> T | None:
    """What is at the path, as a `kind`; None where nothing is. A number is no text, nor the other
    way about: JSON says which it is."""
    found = at(data, *path)
    if found is None:
        return None
    if cast(Any, kind) is not bool and isinstance(found, str) == (kind in (int, Decimal)):
        raise ShapeError(_path(*path), f"{found!r} does not fit here")
    return read(kind, found, _path(*path))


def record(kind: type[T], resource: Resource, /, **fields: Any) -> T:
    """The record of a resource: `fields` from its elements, and over them what its extension has.

    None is taken as not there, but for a field that must be told and may be None. Raises
    ShapeError, also for a field that is missing.
    """
    told = _told_as_none(cast(Any, kind))
    values = {name: v for name, v in fields.items() if v is not None or name in told}
    return read(kind, values | extended(resource, cast(Any, kind)))


@cache
def _told_as_none(kind: Any) -> frozenset[str]:
    hints = get_type_hints(kind)
    return frozenset(
        one.name
        for one in dataclasses.fields(kind)
        if one.default is dataclasses.MISSING and type(None) in get_args(hints[one.name])
    )


def of_system(found: list[Any], system: str) -> Any:
    """The one of a system among codings, identifiers or contact points; None for none."""
    return next((one for one in found if at(one, "system") == system), None)


def _path(*path: str | int) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
