"""ClinicalImpression: what the clinician decided beside what was suggested, and what it rested on."""

from collections.abc import Mapping

from enthesis.exchange.dossier import KeptDecision
from enthesis.exchange.fhir.element import (
    code_at,
    coding,
    concept,
    every,
    got,
    key_of,
    pointed,
    reference,
    system,
    text_at,
)
from enthesis.exchange.fhir.extension import Resource, extend, extended, fits, moment
from enthesis.records import Decision, NextStep
from enthesis.shape import read

_STEPS = system("next-step")
_NAMES = {
    NextStep.GO_ON: "Go on",
    NextStep.FINISH: "Finish",
    NextStep.STOP: "Stop",
    NextStep.RECHECK: "Recheck",
    NextStep.REFER: "Refer",
}
_KEPT = ("verdict", "inputs", "inputs_sha256", "recheck_on")


def clinical_impression_of(kept: KeptDecision, patient: str, course: str) -> Resource:
    """The decision as a ClinicalImpression; `patient` and `course` are keys.

    What was decided is its finding, with the reason as its basis. What was suggested stands beside
    it in the extension of the decision: R4 would show a second finding as one that was made.
    """
    decision, beside = kept.decision, ["suggested", "by"]
    finding: Resource = {
        "itemCodeableConcept": concept(
            coding(_STEPS, decision.decided.value, _NAMES[decision.decided])
        )
    }
    if fits(decision.reason):
        finding["basis"] = decision.reason
    else:
        beside.append("reason")
    resource: Resource = {
        "resourceType": "ClinicalImpression",
        "id": kept.key,
        "status": "completed",
        "code": concept(text="Decision on the next step of the course"),
        "subject": reference("Patient", patient),
        "effectiveDateTime": decision.on.isoformat(),
        "date": moment(kept.at),
        "assessor": reference("Practitioner", kept.by),
        "problem": [reference("Condition", course)],
        "finding": [finding],
    }
    # For people: the extension holds the whole verdict.
    headline = kept.verdict.get("headline")
    if isinstance(headline, str) and fits(headline):
        resource["summary"] = f"Suggested: {_NAMES[decision.suggested].lower()} ({headline})"
    return extend(extend(resource, decision, beside), kept, _KEPT)


def decision_from(resource: Mapping[str, object]) -> KeptDecision:
    """The decision that the resource was made of; raises ShapeError where it was made of none."""
    key = key_of(resource, "ClinicalImpression")
    decision = extended(resource, Decision) | got(resource, {"on": "effectiveDateTime"})
    if every(resource, "finding"):
        decision["decided"] = code_at(resource, "finding", 0, "itemCodeableConcept", of=_STEPS)
        if (basis := text_at(resource, "finding", 0, "basis")) is not None:
            decision["reason"] = basis
    found = {"key": key, **extended(resource, KeptDecision), "decision": read(Decision, decision)}
    found |= got(resource, {"at": "date"})
    if by := pointed(resource, "assessor", to="Practitioner"):
        found["by"] = by
    return read(KeptDecision, found)
