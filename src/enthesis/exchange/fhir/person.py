"""Person ↔ Patient, Weight ↔ Observation, Practitioner ↔ Practitioner.

Patient: `identifier` (system SITE/patient-number) is the clinic's number, `name` family and given,
`birthDate`, `gender` the sex as registered, `telecom` phone and mail, `communication` the language
of questions and messages. Allergies and blood thinners as one line of words each, and when they
were asked, have no element: an AllergyIntolerance would make a statement of a substance out of
words. They, the choices of contact and the moment of registration are in the extension.

A weight is an Observation of LOINC 29463-7 in kg (UCUM, as FHIR's own profile of vital signs has
it), `performer` who measured. A Practitioner's `role` at the clinic is in the extension.
"""

from datetime import date
from decimal import Decimal

from enthesis.exchange.dossier import Person, Practitioner, Weight
from enthesis.exchange.fhir.extension import SITE, Resource, extend, number
from enthesis.exchange.fhir.resource import (
    LOINC,
    code,
    coding,
    filled,
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
from enthesis.shape import ShapeError

NUMBER = f"{SITE}/patient-number"
VITAL_SIGNS = "http://terminology.hl7.org/CodeSystem/observation-category"
UCUM = "http://unitsofmeasure.org"
LANGUAGES = "urn:ietf:bcp:47"
BODY_WEIGHT = "29463-7"
SEXES = ("male", "female", "other", "unknown")


def patient_of(person: Person) -> Resource:
    """The Patient; weights are resources of their own."""
    name = filled(family=shown(person.family), given=listed(shown(person.given)))
    telecom = [
        filled(system=system, value=shown(value))
        for system, value in (("phone", person.phone), ("email", person.email))
        if shown(value)
    ]
    language = code(person.language) and filled(
        language={"coding": [coding(LANGUAGES, person.language)]}
    )
    resource = made(
        "Patient",
        "Person",
        person.key,
        identifier=[{"system": NUMBER, "value": str(person.number)}],
        name=listed(name),
        telecom=telecom,
        gender=person.sex if person.sex in SEXES else None,
        birthDate=person.born_on and person.born_on.isoformat(),
        communication=listed(language),
    )
    more = inexact(person, "family", "given", "phone", "email")
    more += ["sex"] * (person.sex not in SEXES) + ["language"] * (not language)
    kept = ["created_at", "allergies", "allergies_asked_on", "anticoagulant", "contact_choices"]
    return extend(resource, person, [*more, *kept])


def person_from(resource: Resource, weights: tuple[Weight, ...] = ()) -> Person:
    """The person of a Patient, with the weights that were measured. Raises ShapeError."""
    telecom = many(resource, "telecom")
    registered = of_system(many(resource, "identifier"), NUMBER)
    return record(
        Person,
        resource,
        key=the(str, resource, "id"),
        number=_whole(the(str, registered, "value")),
        family=the(str, resource, "name", 0, "family") or "",
        given=the(str, resource, "name", 0, "given", 0) or "",
        sex=the(str, resource, "gender"),
        phone=the(str, of_system(telecom, "phone"), "value"),
        email=the(str, of_system(telecom, "email"), "value"),
        language=the(str, resource, "communication", 0, "language", "coding", 0, "code"),
        born_on=the(date, resource, "birthDate"),
        weights=weights,
    )


def _whole(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise ShapeError("identifier", f"expected a whole number, not {text[:20]!r}") from None


def weight_of(weight: Weight, patient: str) -> Resource:
    """The weight as a vital sign."""
    kg = number(weight.kg)
    resource = made(
        "Observation",
        "Weight",
        weight.key,
        status="final",
        category=[{"coding": [coding(VITAL_SIGNS, "vital-signs")]}],
        code={"coding": [coding(LOINC, BODY_WEIGHT, "Body weight")]},
        subject=reference("Patient", patient),
        effectiveDateTime=weight.measured_on.isoformat(),
        performer=listed(reference("Practitioner", weight.by)),
        valueQuantity=filled(value=kg, unit="kg", system=UCUM, code="kg"),
    )
    return extend(resource, weight, ["kg"] if kg is None else [])


def weight_from(resource: Resource) -> Weight:
    """The weight of an Observation that `weight_of` made."""
    return record(
        Weight,
        resource,
        key=the(str, resource, "id"),
        kg=the(Decimal, resource, "valueQuantity", "value"),
        measured_on=the(date, resource, "effectiveDateTime"),
        by=referred(resource, "Practitioner", "performer", 0),
    )


def practitioner_of(one: Practitioner) -> Resource:
    """The Practitioner; what somebody is called is one text, in `name.text`."""
    name = filled(text=shown(one.name))
    resource = made("Practitioner", "Practitioner", one.key, active=one.active, name=listed(name))
    return extend(resource, one, [*inexact(one, "name"), "role"])


def practitioner_from(resource: Resource) -> Practitioner:
    """The practitioner of a resource that `practitioner_of` made."""
    return record(
        Practitioner,
        resource,
        key=the(str, resource, "id"),
        name=the(str, resource, "name", 0, "text") or "",
        active=the(bool, resource, "active"),
    )
