"""KeptDecision ↔ ClinicalImpression: what was decided beside what was suggested.

What was decided is the finding, with the clinician's reason as its basis. What was suggested stands
in the extension of the decision: R4 would show a second finding as one that was made. The verdict
that was shown (`summary` for people) and the course as it stood are in the extension, exactly.
"""

from datetime import date, datetime

from enthesis.exchange.dossier import KeptDecision
from enthesis.exchange.fhir.element import code_at, system
from enthesis.exchange.fhir.extension import Resource, extend, moment
from enthesis.exchange.fhir.resource import (
    Place,
    coding,
    filled,
    inexact,
    made,
    record,
    reference,
    referred,
    shown,
    the,
)
from enthesis.records import Decision, NextStep

STEPS = system("next-step")
_NAMES = {
    NextStep.GO_ON: "Go on",
    NextStep.FINISH: "Finish",
    NextStep.STOP: "Stop",
    NextStep.RECHECK: "Recheck",
    NextStep.REFER: "Refer",
}


def clinical_impression_of(kept: KeptDecision, place: Place) -> Resource:
    """The ClinicalImpression of a decision."""
    decision, headline = kept.decision, kept.verdict.get("headline")
    step = coding(STEPS, decision.decided.value, _NAMES[decision.decided])
    resource = made(
        "ClinicalImpression",
        "KeptDecision",
        kept.key,
        place.course,
        status="completed",
        code={"text": "Decision on the next step of the course"},
        subject=place.subject,
        effectiveDateTime=decision.on.isoformat(),
        date=moment(kept.at),
        assessor=reference("Practitioner", kept.by),
        problem=[reference("Condition", place.course)],
        finding=[filled(itemCodeableConcept={"coding": [step]}, basis=shown(decision.reason))],
        summary=shown(headline) if isinstance(headline, str) else None,
    )
    extend(resource, decision, ["suggested", "by", *inexact(decision, "reason")])
    return extend(resource, kept, ["verdict", "inputs", "inputs_sha256", "recheck_on"])


def decision_from(resource: Resource) -> KeptDecision:
    """The decision of a ClinicalImpression that `clinical_impression_of` made."""
    finding = "finding", 0
    decision = record(
        Decision,
        resource,
        on=the(date, resource, "effectiveDateTime"),
        decided=code_at(resource, *finding, "itemCodeableConcept", of=STEPS),
        reason=the(str, resource, *finding, "basis"),
    )
    return record(
        KeptDecision,
        resource,
        key=the(str, resource, "id"),
        decision=decision,
        by=referred(resource, "Practitioner", "assessor"),
        at=the(datetime, resource, "date"),
    )
