"""FHIR resources as dossiers: all of them or none.

What is read is what Enthesis wrote (`meta.tag` says which record a resource is). Anything else is
refused by name: to drop what is not understood would lose a part of somebody's record unseen. Every
problem is told, not just the first.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from enthesis.exchange.dossier import Dossier, Practitioner
from enthesis.exchange.fhir.course import course_from
from enthesis.exchange.fhir.extension import Resource
from enthesis.exchange.fhir.issue import FhirError, Issue
from enthesis.exchange.fhir.person import person_from, practitioner_from, weight_from
from enthesis.exchange.fhir.resource import DERIVED, at, course_of, kind_of, many, referred, the
from enthesis.exchange.fhir.table import ROWS
from enthesis.records import Decision
from enthesis.shape import ShapeError

VERSION = "4.0"
# Who is named by key in a record: the fields whose type is `Who`.
WHO = ("by", "signed_by", "entered_by", "read_by", "injected_by", "clinician")
# Of the clinic and not of one patient; read by themselves.
OF_CLINIC = ("ClinicCard", "Questionnaire", "AuditRow", "Protocol")
# Deeper than any resource of FHIR is nested, and far from the end of Python's stack.
DEEPEST = 100

_ROWS = {(row.type, row.kind.__name__): row for row in ROWS}
_WITHIN = {type for row in ROWS for type in row.within}
_OTHERS = {("Patient", "Person"), ("Condition", "CourseFile"), ("Observation", "Weight")} | {
    ("Practitioner", "Practitioner")
}


def dossiers(resources: Iterable[Any]) -> tuple[Dossier, ...]:
    """The dossiers in some resources, in the order of their Patients.

    Raises FhirError with all that is wrong: what is no resource of ours or of R4, what does not
    fit, what refers to something that is not among them.
    """
    found = _Found()
    for i, resource in enumerate(resources):
        found.add(resource, i)
    if found.issues:
        raise FhirError(found.issues)
    found.follow()
    if found.issues:
        raise FhirError(found.issues)
    made = [_dossier(found, key) for key in found.patients]
    found.left_over()
    if found.issues:
        raise FhirError(found.issues)
    return tuple(one for one in made if one is not None)


class _Given(dict[str, Resource]):
    """The resources by reference, and which of them another asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.taken.add(name)
        return super().get(name, default)


@dataclass
class _Found:
    """The resources by reference, and what is wrong with them."""

    given: _Given = field(default_factory=_Given)
    of: dict[str, str] = field(default_factory=dict)
    references: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    patients: list[str] = field(default_factory=list)
    weights: dict[str, list[Resource]] = field(default_factory=dict)
    courses: dict[str, list[Resource]] = field(default_factory=dict)
    parts: dict[tuple[str, str], list[Resource]] = field(default_factory=dict)
    practitioners: list[Practitioner] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)

    def add(self, resource: Any, place: int) -> None:
        """Take a resource in, or say why not."""
        name = f"[{place}]"
        try:
            if not isinstance(resource, dict):
                raise ShapeError("", "expected a resource, a JSON object")
            type, id = the(str, resource, "resourceType"), the(str, resource, "id")
            if not type or not id:
                missing = "id" if type else "resourceType"
                raise ShapeError(missing, "missing; every resource has a resourceType and an id")
            name = f"{type}/{id}"
            if problem := _unreadable(resource, type):
                self.issues.append(Issue("not-supported", name, problem))
                return
            _refuse_deep(resource, 0)
            if name in self.given:
                if self.given[name] != resource:
                    text = "is there twice, and differs; keep one"
                    self.issues.append(Issue("duplicate", name, text))
                return
            self.of[name] = course_of(resource) or ""
            self.references[name] = list(_references(resource, ""))
            self.given[name] = resource
            self._sort(resource, type, id)
        except ShapeError as error:
            self.wrong(name, error)

    def _sort(self, resource: Resource, type: str, id: str) -> None:
        kind = kind_of(resource)
        if type == "Patient":
            self.patients.append(id)
        elif type == "Practitioner":
            self.practitioners.append(practitioner_from(resource))
        elif kind == "Weight":
            self.weights.setdefault(_patient(resource), []).append(resource)
        elif type == "Condition":
            self.courses.setdefault(_patient(resource), []).append(resource)
        elif (type, kind) in _ROWS:
            if not (course := self.of[f"{type}/{id}"]):
                raise ShapeError("extension", "missing; it says which Condition it belongs to")
            row = _ROWS[type, kind]
            self.parts.setdefault((course, row.field), []).append(resource)

    def follow(self) -> None:
        """Say which references lead nowhere, and which to another patient than the course's."""
        whose = {one["id"]: key for key, some in self.courses.items() for one in some}
        for name, references in self.references.items():
            patient = whose.get(self.of[name])
            for path, target in references:
                if target not in self.given:
                    text = f"{target} is not among the resources; add it"
                    self.issues.append(Issue("not-found", f"{name}{path}", text))
                elif patient and target.startswith("Patient/") and target != f"Patient/{patient}":
                    text = f"{target} is not the patient of its course, Patient/{patient}; mend one"
                    self.issues.append(Issue("value", f"{name}{path}", text))

    def left_over(self) -> None:
        """Say which parts no record of those that were read has asked for."""
        for name, resource in self.given.items():
            if resource["resourceType"] in _WITHIN and name not in self.given.taken:
                text = "belongs to nothing among the resources; add that, or leave this out"
                self.issues.append(Issue("not-found", name, text))

    def read(self, resource: Resource, make: Callable[[], Any]) -> Any:
        """What is made, or None with an issue."""
        try:
            return make()
        except ShapeError as error:
            self.wrong(f"{resource['resourceType']}/{resource['id']}", error)
            return None

    def wrong(self, name: str, error: ShapeError) -> None:
        """Keep what does not fit as an issue."""
        place = f"{name}.{error.path}" if error.path else name
        self.issues.append(Issue("structure", place, error.problem))


def _unreadable(resource: Resource, type: str) -> str:
    """Why a resource is none that can be read; "" if it is one."""
    version = the(str, resource, "fhirVersion")
    profiles = at(resource, "meta", "profile")
    versions = [version] if version else []
    for one in profiles if isinstance(profiles, list) else []:
        versions += [str(one).partition("|")[2]] if _of_hl7(one) else []
    if any(v and not v.startswith(VERSION) for v in versions):
        return f"is of FHIR {', '.join(versions)}; write it as R4 (4.0.1)"
    if many(resource, "modifierExtension"):
        return "has a modifierExtension, which changes what it means; leave it out"
    kind = kind_of(resource)
    if kind in OF_CLINIC or kind == DERIVED or type in _WITHIN or (type, kind) in _OTHERS:
        return ""
    if (type, kind) in _ROWS:
        return ""
    if kind:
        return f"says that it is a {kind}, which no {type} is; write it out anew with this version"
    return (
        "was not written by Enthesis (it has no tag of ours), so that nobody can say what record "
        "it is; leave it out, and enter what matters in the clinic"
    )


def _of_hl7(profile: Any) -> bool:
    return isinstance(profile, str) and profile.startswith("http://hl7.org/fhir/Structure")


def _patient(resource: Resource) -> str:
    key = referred(resource, "Patient", "subject")
    if key is None:
        raise ShapeError("subject", "missing; it says whose it is")
    return key


def _references(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        target = value.get("reference")
        # What begins so is contained in the resource itself.
        if isinstance(target, str) and not target.startswith("#"):
            yield f"{path}.reference", target
        for name, inner in value.items():
            if isinstance(inner, dict | list):
                yield from _references(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _references(inner, f"{path}[{i}]")


def _refuse_deep(value: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise ShapeError("", f"is nested deeper than {DEEPEST} levels, which no resource is")
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _refuse_deep(inner, depth + 1)


def _dossier(found: _Found, key: str) -> Dossier | None:
    resource = found.given[f"Patient/{key}"]
    weights = [found.read(one, partial(weight_from, one)) for one in found.weights.get(key, [])]
    courses = [_course(found, one) for one in found.courses.get(key, [])]
    person = found.read(resource, partial(person_from, resource, _those(weights)))
    if found.issues:
        return None
    named = set(_who([person, *courses]))
    if lost := sorted(named - {one.key for one in found.practitioners}):
        text = f"names Practitioner/{', Practitioner/'.join(lost)}, not among the resources; add it"
        found.issues.append(Issue("not-found", f"Patient/{key}", text))
        return None
    known = tuple(one for one in found.practitioners if one.key in named)
    return Dossier(person, tuple(courses), known)


def _course(found: _Found, resource: Resource) -> Any:
    fields = {}
    for row in ROWS:
        records = [
            found.read(one, partial(row.read, one, found.given))
            for one in found.parts.get((resource["id"], row.field), [])
        ]
        fields[row.field] = _those(records)
    return found.read(resource, partial(course_from, resource, **fields))


def _those(records: list[Any]) -> tuple[Any, ...]:
    return tuple(one for one in records if one is not None)


def _who(value: Any) -> Iterator[str]:
    """The keys of everybody who is named in records. A Decision says by name who decided."""
    if isinstance(value, list | tuple):
        for one in value:
            yield from _who(one)
    elif dataclasses.is_dataclass(value) and not isinstance(value, Decision):
        for one in dataclasses.fields(value):
            inner = getattr(value, one.name)
            if one.name in WHO and isinstance(inner, str):
                yield inner
            elif isinstance(inner, tuple) or dataclasses.is_dataclass(inner):
                yield from _who(inner)
