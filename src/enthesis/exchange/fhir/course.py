"""CourseFile ↔ Condition: the complaint that one course of treatment is about.

`code` is the clinic's condition and the public codes that the knowledge has for it; the codes of
ICD-10-CM are of one side where they have one, and no knowledge says which condition's code is of
which side, so they are not given. `bodySite` says the side in words beside the code of ours.
`recordedDate` is the day it was opened, `asserter` the clinician, `note` the complaint in words.
`clinicalStatus` is active while the course is open. A closed course says none: that nobody watches
any more is not *inactive*, which is a statement about the patient. When the series ended and the
course was closed is in the extension. What was recorded of the course names this Condition.
"""

from datetime import date

from enthesis.exchange.dossier import CourseFile
from enthesis.exchange.fhir.extension import SITE, Resource, extend
from enthesis.exchange.fhir.resource import (
    SYSTEMS,
    Place,
    code,
    coding,
    inexact,
    listed,
    made,
    many,
    of_system,
    record,
    reference,
    referred,
    shown,
    the,
)
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Side

CONDITION = f"{SITE}/CodeSystem/condition"
SIDE = f"{SITE}/CodeSystem/side"
STATUS = "http://terminology.hl7.org/CodeSystem/condition-clinical"


def condition_of(course: CourseFile, place: Place) -> Resource:
    """The Condition of a course; everything else of the course is resources of its own."""
    status = {"coding": [coding(STATUS, "active")]} if course.closed_on is None else None
    resource = made(
        "Condition",
        "CourseFile",
        course.key,
        clinicalStatus=status,
        code=condition_concept(course.condition, place.known),
        bodySite=[{"coding": [coding(SIDE, course.side.value, course.side.value.capitalize())]}],
        subject=place.subject,
        recordedDate=course.opened_on.isoformat(),
        asserter=reference("Practitioner", course.clinician),
        note=[{"text": text} for text in listed(shown(course.complaint))],
    )
    more = ["condition"] * (code(course.condition) is None) + inexact(course, "complaint")
    return extend(resource, course, [*more, "series_ended_on", "closed_on"])


def condition_concept(condition: str, known: Knowledge) -> Resource:
    """A condition of the knowledge with its public codes that hold for either side."""
    about = known.conditions.get(condition)
    if about is None:
        return {"coding": [coding(CONDITION, condition)]}
    public = [
        coding(SYSTEMS[system], value)
        for system, value in about.codes
        if system in SYSTEMS and not system.startswith("ICD")
    ]
    return {"coding": [coding(CONDITION, condition, about.name), *public], "text": about.name}


def course_from(resource: Resource, **fields: tuple[object, ...]) -> CourseFile:
    """The course of a Condition, with what was recorded of it. Raises ShapeError."""
    side = of_system(many(resource, "bodySite", 0, "coding"), SIDE)
    return record(
        CourseFile,
        resource,
        key=the(str, resource, "id"),
        condition=the(str, of_system(many(resource, "code", "coding"), CONDITION), "code"),
        side=the(Side, side, "code"),
        opened_on=the(date, resource, "recordedDate"),
        complaint=the(str, resource, "note", 0, "text"),
        clinician=referred(resource, "Practitioner", "asserter"),
        **fields,
    )
