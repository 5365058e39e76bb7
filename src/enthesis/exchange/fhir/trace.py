"""Who did what, when: Provenance of each record (derived), and AuditRow ↔ AuditEvent.

Provenance: one for each record that somebody answers for: `target` the resource, `recorded` the
moment, `agent.who` the practitioner, or the patient who answered or signed by a personal link. It
says nothing that the resources do not say, so reading passes it over.

AuditEvent: one row of the audit table. `recorded` the moment, `agent.name` who, `subtype` the
action, `entity` the patient and the record; what the row says besides is in the extension.
`source.observer` is this program.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from enthesis.exchange.dossier import AuditRow, CourseFile
from enthesis.exchange.fhir.extension import SITE, Resource, extend, moment
from enthesis.exchange.fhir.resource import (
    DERIVED,
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

AGENT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
ACTION = f"{SITE}/CodeSystem/action"
AUDIT = f"{SITE}/CodeSystem/audit"
# Field of the course → (type of its resource, fields of who did it and when).
DONE: dict[str, tuple[str, str, str]] = {
    "evaluations": ("QuestionnaireResponse", "by", "at"),
    "plans": ("CarePlan", "by", "at"),
    "consents": ("Consent", "by", "at"),
    "sessions": ("Procedure", "signed_by", "signed_at"),
    "assessments": ("QuestionnaireResponse", "entered_by", "completed_at"),
    "typed_scores": ("Observation", "by", "at"),
    "adverse_events": ("AdverseEvent", "by", "at"),
    "decisions": ("ClinicalImpression", "by", "at"),
    "documents": ("DocumentReference", "by", "at"),
}
# Where nobody of the clinic did it, the patient did.
BY_PATIENT = ("consents", "assessments")


def provenances_of(course: CourseFile, place: Place) -> Iterator[Resource]:
    """Who answers for each record of the course."""
    for field, (type, by, when) in DONE.items():
        for one in getattr(course, field):
            who = reference("Practitioner", getattr(one, by))
            if who is None and field in BY_PATIENT:
                who = place.subject
            if who is not None:
                yield _provenance(type, one, who, getattr(one, when), place)


def _provenance(type: str, one: Any, who: Resource, when: datetime, place: Place) -> Resource:
    return made(
        "Provenance",
        DERIVED,
        f"{one.key}-provenance",
        place.course,
        target=[reference(type, one.key)],
        recorded=moment(when),
        agent=[{"type": {"coding": [coding(AGENT, "author")]}, "who": who}],
    )


def audit_event_of(row: AuditRow) -> Resource:
    """The AuditEvent of one row."""
    patient = reference("Patient", row.patient)
    what = {"name": f"{row.record} {row.record_id or ''}".strip()} if shown(row.record) else None
    resource = made(
        "AuditEvent",
        "AuditRow",
        row.key,
        type=coding(AUDIT, "record"),
        subtype=[filled(system=ACTION, display=shown(row.action))],
        recorded=moment(row.at),
        outcome="0",
        agent=[filled(name=shown(row.actor), requestor=True)],
        source={"observer": {"display": "Enthesis"}},
        entity=listed(patient and {"what": patient}, what),
    )
    kept = ["record", "record_id", "detail"]
    return extend(resource, row, [*inexact(row, "action", "actor"), *kept])


def audit_row_from(resource: Resource) -> AuditRow:
    """The row of a resource that `audit_event_of` made. Raises ShapeError."""
    return record(
        AuditRow,
        resource,
        key=the(str, resource, "id"),
        at=the(datetime, resource, "recorded"),
        actor=the(str, resource, "agent", 0, "name") or "",
        action=the(str, resource, "subtype", 0, "display") or "",
        patient=_patient(resource),
    )


def _patient(resource: Resource) -> str | None:
    return referred(resource, "Patient", "entity", 0, "what")
