"""AdverseEvent: something bad that happened, with everything that was added to it.

The elements say how it stands now, because others read only them: the last outcome, the worst
grade, each judgement of relatedness. The extension holds the first report and what was added.
"""

from collections.abc import Mapping

from enthesis.exchange import dossier
from enthesis.exchange.fhir.element import (
    code_at,
    coding,
    concept,
    got,
    is_code,
    key_of,
    pointed,
    reference,
    system,
)
from enthesis.exchange.fhir.extension import Resource, extend, extended, fits, moment
from enthesis.journey.adverse import Added, Report, standing
from enthesis.knowledge.kinds import Knowledge
from enthesis.shape import read

_HL7 = "http://terminology.hl7.org/CodeSystem"
# R4's required severities are three; which of our five grades it was is a coding beside it.
_SEVERITY = {1: "mild", 2: "moderate", 3: "severe", 4: "severe", 5: "severe"}
_OUTCOME = {
    "goes_on": "ongoing",
    "unknown": "unknown",
    "recovered": "resolved",
    "after_effects": "resolvedWithSequelae",
    "died": "fatal",
}
_CAUSALITY = {
    "caused": "Certain",
    "probable": "Probably-Likely",
    "possible": "Possible",
    "unlikely": "Unlikely",
    "cannot_say": "Unassessable-Unclassifiable",
}
_KEPT = ("grade", "serious", "outcome", "what_happened", "what_was_done", "assessment", "entries")


def adverse_event_of(
    event: dossier.AdverseEvent, patient: str, course: str, known: Knowledge
) -> Resource:
    """The event as an AdverseEvent; `patient` and `course` are keys."""
    kept = list(_KEPT)
    resource: Resource = {
        "resourceType": "AdverseEvent",
        "id": event.key,
        "actuality": "actual",
        "event": _event(event, known),
        "subject": reference("Patient", patient),
        "date": event.onset_on.isoformat(),
        "recordedDate": moment(event.at),
        "recorder": reference("Practitioner", event.by),
        # R4 has no element for the condition under treatment but the medical history.
        "subjectMedicalHistory": [reference("Condition", course)],
        **_standing(event, known),
    }
    if event.session is not None:
        suspected: Resource = {"instance": reference("Procedure", event.session)}
        if judged := [_judged(one, known) for one in event.entries if one.relatedness]:
            suspected["causality"] = judged
        resource["suspectEntity"] = [suspected]
    if not is_code(event.kind):
        kept.append("kind")
    return extend(resource, event, kept)


def adverse_event_from(resource: Mapping[str, object]) -> dossier.AdverseEvent:
    """The event that the resource was made of; raises ShapeError where it was made of none."""
    found = {"key": key_of(resource, "AdverseEvent"), **extended(resource, dossier.AdverseEvent)}
    found |= got(resource, {"onset_on": "date", "at": "recordedDate"})
    if kind := code_at(resource, "event", of=system("adverse-kind")):
        found["kind"] = kind
    if by := pointed(resource, "recorder", to="Practitioner"):
        found["by"] = by
    found["session"] = pointed(resource, "suspectEntity", 0, "instance", to="Procedure")
    return read(dossier.AdverseEvent, found)


def _event(event: dossier.AdverseEvent, known: Knowledge) -> Resource:
    name = known.adverse_kinds[event.kind].name if event.kind in known.adverse_kinds else ""
    codings = [coding(system("adverse-kind"), event.kind, name)] if is_code(event.kind) else []
    return concept(*codings, text=event.what_happened if fits(event.what_happened) else name)


def _standing(event: dossier.AdverseEvent, known: Knowledge) -> Resource:
    """How it stands now, where the knowledge has its outcomes."""
    outcomes = {event.outcome, *(one.outcome for one in event.entries if one.outcome)}
    if not outcomes <= known.adverse_outcomes.keys():
        return {}
    report = Report(
        event.kind, event.onset_on, event.grade, event.serious, event.outcome, event.what_happened
    )
    added = [Added(one.relatedness, one.outcome, one.grade) for one in event.entries]
    now = standing(report, added, known)
    serious = "Serious" if now.serious else "Non-serious"
    told: Resource = {
        "seriousness": concept(coding(f"{_HL7}/adverse-event-seriousness", serious)),
    }
    if now.worst in _SEVERITY:
        own = coding(system("adverse-grade"), str(now.worst), _grade_name(now.worst, known))
        theirs = coding(f"{_HL7}/adverse-event-severity", _SEVERITY[now.worst])
        told["severity"] = concept(theirs, own)
    if now.outcome in _OUTCOME:
        name = known.adverse_outcomes[now.outcome].name
        told["outcome"] = concept(
            coding(f"{_HL7}/adverse-event-outcome", _OUTCOME[now.outcome]),
            coding(system("adverse-outcome"), now.outcome, name),
        )
    return told


def _judged(entry: dossier.AdverseEventEntry, known: Knowledge) -> Resource:
    relation = known.adverse_relations.get(entry.relatedness)
    codings = []
    if entry.relatedness in _CAUSALITY:
        theirs = f"{_HL7}/adverse-event-causality-assess"
        codings.append(coding(theirs, _CAUSALITY[entry.relatedness]))
    if is_code(entry.relatedness):
        name = relation.name if relation else ""
        codings.append(coding(system("adverse-relation"), entry.relatedness, name))
    author = {"author": reference("Practitioner", entry.by)}
    return {"assessment": concept(*codings), **author} if codings else author


def _grade_name(grade: int, known: Knowledge) -> str:
    return next((one.name for one in known.adverse_grades if one.grade == grade), "")
