"""Which records of a course become which resources, and back: the one table of the assembly."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from enthesis.exchange.dossier import (
    AdverseEvent,
    Arrangement,
    CompletedAssessment,
    ConsentFact,
    Document,
    Entry,
    Invoice,
    KeptDecision,
    KeptEvaluation,
    KeptPlan,
    SignedSession,
    TypedScore,
)
from enthesis.exchange.fhir.adverse_event import adverse_event_from, adverse_event_of
from enthesis.exchange.fhir.care_plan import care_plan_of, plan_from
from enthesis.exchange.fhir.charge_item import charge_item_of
from enthesis.exchange.fhir.clinical_impression import clinical_impression_of, decision_from
from enthesis.exchange.fhir.contract import arrangement_from, contract_of
from enthesis.exchange.fhir.extension import Resource
from enthesis.exchange.fhir.invoice import invoice_from, invoice_of
from enthesis.exchange.fhir.medication_administration import administrations_of
from enthesis.exchange.fhir.paper import consent_from, consent_of, document_from, document_of
from enthesis.exchange.fhir.payment_reconciliation import entry_from, payment_reconciliation_of
from enthesis.exchange.fhir.procedure import procedure_of, session_from
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


def _with_administrations(record: SignedSession, place: Place) -> Iterable[Resource]:
    return [procedure_of(record, place), *administrations_of(record, place)]


def _with_lines(record: Invoice, place: Place) -> Iterable[Resource]:
    lines = [charge_item_of(line, record, place) for line in record.lines]
    return [invoice_of(record, place), *lines]


def _alone(read: Callable[[Resource], Any]) -> Callable[[Resource, Given], Any]:
    return lambda resource, given: read(resource)


ROWS: tuple[Row, ...] = (
    Row(
        "evaluations",
        KeptEvaluation,
        "QuestionnaireResponse",
        _one(evaluation_of),
        evaluation_from,
    ),
    Row("plans", KeptPlan, "CarePlan", _one(care_plan_of), _alone(plan_from)),
    Row("consents", ConsentFact, "Consent", _one(consent_of), consent_from),
    Row(
        "sessions",
        SignedSession,
        "Procedure",
        _with_administrations,
        session_from,
        within=("MedicationAdministration",),
    ),
    Row(
        "assessments",
        CompletedAssessment,
        "QuestionnaireResponse",
        _with_scores,
        assessment_from,
    ),
    Row("typed_scores", TypedScore, "Observation", _one(typed_score_of), typed_score_from),
    Row(
        "adverse_events",
        AdverseEvent,
        "AdverseEvent",
        _one(adverse_event_of),
        _alone(adverse_event_from),
    ),
    Row(
        "decisions",
        KeptDecision,
        "ClinicalImpression",
        _one(clinical_impression_of),
        _alone(decision_from),
    ),
    Row("documents", Document, "DocumentReference", _one(document_of), document_from),
    Row("arrangements", Arrangement, "Contract", _one(contract_of), _alone(arrangement_from)),
    Row("invoices", Invoice, "Invoice", _with_lines, invoice_from, within=("ChargeItem",)),
    Row(
        "entries",
        Entry,
        "PaymentReconciliation",
        _one(payment_reconciliation_of),
        _alone(entry_from),
    ),
)
