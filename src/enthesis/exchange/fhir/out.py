"""A dossier as FHIR resources, one after the other: nothing is held but the one that is made."""

from collections.abc import Iterator

from enthesis.exchange.dossier import CourseFile, Dossier
from enthesis.exchange.fhir.course import condition_of
from enthesis.exchange.fhir.extension import Resource
from enthesis.exchange.fhir.person import patient_of, practitioner_of, weight_of
from enthesis.exchange.fhir.resource import Place
from enthesis.exchange.fhir.table import ROWS
from enthesis.exchange.fhir.trace import provenances_of
from enthesis.knowledge.kinds import Knowledge


def resources(dossier: Dossier, known: Knowledge) -> Iterator[Resource]:
    """Every resource of one patient's record, what is referred to before what refers to it.

    The records of one kind come in their order, which reading keeps.
    """
    for one in dossier.practitioners:
        yield practitioner_of(one)
    yield patient_of(dossier.person)
    for weight in dossier.person.weights:
        yield weight_of(weight, dossier.person.key)
    for course in dossier.courses:
        yield from course_resources(course, Place(dossier.person.key, course.key, known))


def course_resources(course: CourseFile, place: Place) -> Iterator[Resource]:
    """Every resource of one course."""
    yield condition_of(course, place)
    for row in ROWS:
        for one in getattr(course, row.field):
            yield from row.write(one, place)
    yield from provenances_of(course, place)
