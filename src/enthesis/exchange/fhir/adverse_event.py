"""AdverseEvent ↔ AdverseEvent: something bad that happened, with everything that was added to it.

`event`, `date`, `recordedDate` and `recorder` are of the first report; `suspectEntity` is the
session, with each judgement of relatedness as a causality. `seriousness`, `severity` and `outcome`
say how it stands now (journey/adverse.py: the last outcome, the worst grade), since others read
only them: R4 has three severities, and which of our five grades it was is a coding beside it. What
was first reported and what was added are in the extension.
"""

from datetime import date, datetime

from enthesis.exchange import dossier
from enthesis.exchange.fhir.element import code_at, system
from enthesis.exchange.fhir.extension import Resource, extend, is_code, moment
from enthesis.exchange.fhir.resource import (
    Place,
    coding,
    filled,
    listed,
    made,
    record,
    reference,
    referred,
    shown,
    the,
)
from enthesis.journey.adverse import Added, Report, standing
from enthesis.knowledge.kinds import Knowledge

KINDS = system("adverse-kind")
_HL7 = "http://terminology.hl7.org/CodeSystem"
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
_KEPT = ["grade", "serious", "outcome", "what_happened", "what_was_done", "assessment", "entries"]


def adverse_event_of(event: dossier.AdverseEvent, place: Place) -> Resource:
    """The AdverseEvent as it stands by now."""
    known = place.known
    resource = made(
        "AdverseEvent",
        "AdverseEvent",
        event.key,
        place.course,
        actuality="actual",
        event=_event(event, known),
        subject=place.subject,
        date=event.onset_on.isoformat(),
        recordedDate=moment(event.at),
        recorder=reference("Practitioner", event.by),
        # The nearest that R4 has to the condition under treatment.
        subjectMedicalHistory=[reference("Condition", place.course)],
        suspectEntity=_suspected(event, known),
        **_standing(event, known),
    )
    return extend(resource, event, _KEPT if is_code(event.kind) else [*_KEPT, "kind"])


def adverse_event_from(resource: Resource) -> dossier.AdverseEvent:
    """The event of an AdverseEvent that `adverse_event_of` made."""
    return record(
        dossier.AdverseEvent,
        resource,
        key=the(str, resource, "id"),
        kind=code_at(resource, "event", of=KINDS),
        onset_on=the(date, resource, "date"),
        by=referred(resource, "Practitioner", "recorder"),
        at=the(datetime, resource, "recordedDate"),
        session=referred(resource, "Procedure", "suspectEntity", 0, "instance"),
    )


def _event(event: dossier.AdverseEvent, known: Knowledge) -> Resource:
    """Its kind as a code, what happened in words."""
    kind = known.adverse_kinds.get(event.kind)
    name = kind.name if kind else ""
    own = coding(KINDS, event.kind, name) if is_code(event.kind) else None
    return filled(coding=listed(own), text=shown(event.what_happened) or shown(name))


def _suspected(event: dossier.AdverseEvent, known: Knowledge) -> list[Resource]:
    if event.session is None:
        return []
    judged = [_judged(one, known) for one in event.entries if one.relatedness]
    return [filled(instance=reference("Procedure", event.session), causality=judged)]


def _judged(entry: dossier.AdverseEventEntry, known: Knowledge) -> Resource:
    told, relation = entry.relatedness, known.adverse_relations.get(entry.relatedness)
    theirs = told in _CAUSALITY and coding(
        f"{_HL7}/adverse-event-causality-assess", _CAUSALITY[told]
    )
    own = is_code(told) and coding(
        system("adverse-relation"), told, relation.name if relation else ""
    )
    assessment = filled(coding=listed(theirs, own))
    return filled(assessment=assessment, author=reference("Practitioner", entry.by))


def _standing(event: dossier.AdverseEvent, known: Knowledge) -> Resource:
    """How it stands now; nothing where the knowledge has not all of its outcomes."""
    outcomes = {event.outcome, *(one.outcome for one in event.entries if one.outcome)}
    if not outcomes <= known.adverse_outcomes.keys():
        return {}
    report = Report(
        event.kind, event.onset_on, event.grade, event.serious, event.outcome, event.what_happened
    )
    added = [Added(one.relatedness, one.outcome, one.grade) for one in event.entries]
    now = standing(report, added, known)
    serious = coding(
        f"{_HL7}/adverse-event-seriousness", "Serious" if now.serious else "Non-serious"
    )
    return filled(
        seriousness={"coding": [serious]},
        severity=_severity(now.worst, known),
        outcome=_outcome(now.outcome, known),
    )


def _severity(grade: int, known: Knowledge) -> Resource | None:
    if grade not in _SEVERITY:
        return None
    name = next((one.name for one in known.adverse_grades if one.grade == grade), "")
    theirs = coding(f"{_HL7}/adverse-event-severity", _SEVERITY[grade])
    return {"coding": [theirs, coding(system("adverse-grade"), str(grade), name)]}


def _outcome(outcome: str, known: Knowledge) -> Resource | None:
    if outcome not in _OUTCOME:
        return None
    theirs = coding(f"{_HL7}/adverse-event-outcome", _OUTCOME[outcome])
    name = known.adverse_outcomes[outcome].name
    return {"coding": [theirs, coding(system("adverse-outcome"), outcome, name)]}
