"""Scores → Observation: worked out from answers (derived), and typed in from paper.

A score of a completed assessment is an Observation `derivedFrom` its response, so that others need
not know how it is scored: `code` the measure of the knowledge with its LOINC code where the table
of codes has one, `valueQuantity` on the measure's own scale, `referenceRange` from the lowest to
the highest. Where the answers give no score, none is written. Reading passes them over: the answers
are the record.

A TypedScore is the result of a questionnaire that is not shipped. `code.text` is the name of the
instrument, `referenceRange` its ends; which way is better, and when who typed it, is in the
extension.
"""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

from enthesis.exchange.dossier import CompletedAssessment, TypedScore
from enthesis.exchange.fhir.extension import SITE, Resource, extend, moment, number
from enthesis.exchange.fhir.resource import (
    DERIVED,
    LOINC,
    Given,
    Place,
    coding,
    filled,
    inexact,
    listed,
    made,
    record,
    reference,
    referred,
    shown,
    the,
)
from enthesis.journey.follow import score
from enthesis.knowledge.kinds import Measure

MEASURE = f"{SITE}/CodeSystem/measure"
CATEGORY = {
    "coding": [coding("http://terminology.hl7.org/CodeSystem/observation-category", "survey")]
}


def scores_of(one: CompletedAssessment, place: Place) -> Iterator[Resource]:
    """What the answers come to, a resource for each measure that they give a score of."""
    for n, measure in enumerate(place.known.measures.values(), 1):
        value = score(measure, one.assessment.answers)
        if value is not None:
            yield _score(one, measure, value, f"{one.key}-{n}", place)


def _score(
    one: CompletedAssessment, measure: Measure, value: Decimal, key: str, place: Place
) -> Resource:
    public = coding(LOINC, measure.code) if measure.code else None
    return made(
        "Observation",
        DERIVED,
        key,
        place.course,
        status="final",
        category=[CATEGORY],
        code={
            "coding": listed(coding(MEASURE, measure.id, measure.name), public),
            "text": measure.name,
        },
        subject=place.subject,
        focus=[reference("Condition", place.course)],
        effectiveDateTime=one.assessment.on.isoformat(),
        # A mean of three has no end; what is for others is shown with as many digits as hold.
        valueQuantity=filled(value=_short(value), unit=shown(measure.unit)),
        referenceRange=[_range(measure.minimum, measure.maximum)],
        derivedFrom=[reference("QuestionnaireResponse", one.key)],
    )


def typed_score_of(one: TypedScore, place: Place) -> Resource:
    """The Observation of a score that was typed in."""
    numbers = ("score", "lowest", "highest")
    resource = made(
        "Observation",
        "TypedScore",
        one.key,
        place.course,
        status="final",
        category=[CATEGORY],
        code={"text": shown(one.instrument) or "?"},
        subject=place.subject,
        focus=[reference("Condition", place.course)],
        effectiveDateTime=one.on.isoformat(),
        issued=moment(one.at),
        performer=[reference("Practitioner", one.by)],
        valueQuantity=filled(value=number(one.score), unit="{score}"),
        referenceRange=listed(_range(one.lowest, one.highest)),
    )
    long = [name for name in numbers if number(getattr(one, name)) is None]
    blank = ["instrument"] if shown(one.instrument) is None else inexact(one, "instrument")
    return extend(resource, one, [*blank, *long, "better"])


def typed_score_from(resource: Resource, given: Given) -> TypedScore:
    """The typed score of a resource that `typed_score_of` made. Raises ShapeError."""
    return record(
        TypedScore,
        resource,
        key=the(str, resource, "id"),
        on=the(date, resource, "effectiveDateTime"),
        instrument=the(str, resource, "code", "text"),
        score=the(Decimal, resource, "valueQuantity", "value"),
        lowest=the(Decimal, resource, "referenceRange", 0, "low", "value"),
        highest=the(Decimal, resource, "referenceRange", 0, "high", "value"),
        by=referred(resource, "Practitioner", "performer", 0),
        at=the(datetime, resource, "issued"),
    )


def _range(low: Decimal, high: Decimal) -> Resource:
    return filled(low=filled(value=number(low)), high=filled(value=number(high)))


def _short(value: Decimal) -> int | float:
    found = number(value)
    return float(round(value, 6)) if found is None else found
