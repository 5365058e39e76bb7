"""Which records of a course become which resources, and back: the one table of the assembly."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from enthesis.exchange.dossier import (
    CompletedAssessment,
    ConsentFact,
    Document,
    KeptEvaluation,
    TypedScore,
)
from enthesis.exchange.fhir.extension import Resource
from enthesis.exchange.fhir.paper import consent_from, consent_of, document_from, document_of
from enthesis.exchange.fhir.resource import Given, Place
from enthesis.exchange.fhir.response import (
    assessment_from,
    assessment_of,
    evaluation_from,
    evaluation_of,
)
from enthesis.exchange.fhir.score import scores_of, typed_score_from, typed_score_of


@dataclass(frozen=True, slots=True)
class Row:
    """One field of CourseFile. `write` gives the resources of one record, that of the record itself
    first; `read` the record of that resource, which may look up the others in what was given.
    `within` are types that only such a reading reads."""

    field: str
    kind: type
    type: str
    write: Callable[[Any, Place], Iterable[Resource]]
    read: Callable[[Resource, Given], Any]
    within: tuple[str, ...] = ()


def _one(write: Callable[[Any, Place], Resource]) -> Callable[[Any, Place], Iterable[Resource]]:
    return lambda record, place: [write(record, place)]


def _with_scores(record: CompletedAssessment, place: Place) -> Iterable[Resource]:
    return [assessment_of(record, place), *scores_of(record, place)]


ROWS: tuple[Row, ...] = (
    Row(
        "evaluations",
        KeptEvaluation,
        "QuestionnaireResponse",
        _one(evaluation_of),
        evaluation_from,
    ),
    Row("consents", ConsentFact, "Consent", _one(consent_of), consent_from),
    Row(
        "assessments",
        CompletedAssessment,
        "QuestionnaireResponse",
        _with_scores,
        assessment_from,
    ),
    Row("typed_scores", TypedScore, "Observation", _one(typed_score_of), typed_score_from),
    Row("documents", Document, "DocumentReference", _one(document_of), document_from),
)
