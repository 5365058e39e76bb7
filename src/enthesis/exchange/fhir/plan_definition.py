"""PlanDefinition: a protocol of the knowledge or the clinic's own, with its stop rule. Out only.

Actions: the sessions, then how they end (finish, stop, the most that is given), then the rechecks.
The conditions are FHIRPath over variables that R4 has no name for: `%reliefs`, the relief in
percent at each answer since treatment began, the last one last; `%sessions`, how many were given;
`%changed`, whether the measure, or one that confirms it, changed beyond its error. What decides is
`journey/judge.py`; the words beside each condition are those that the patient is told.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from enthesis.exchange.fhir.element import HCPCS, quantity
from enthesis.exchange.fhir.extension import SITE, Resource, extend, fits
from enthesis.exchange.fhir.resource import LOINC, coding, filled, made, shown
from enthesis.journey.lines import Lines, short
from enthesis.journey.plan import propose, stop_rule_sentences
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.series import Protocol
from enthesis.records import Plan, StopRule

_TYPE = "http://terminology.hl7.org/CodeSystem/plan-definition-type"


def canonical(protocol: str, version: str) -> str:
    """What a plan says it instantiates: this version of the protocol."""
    return f"{SITE}/PlanDefinition/{protocol}|{version}"


def is_uri(text: str) -> bool:
    """Whether R4 takes the text as a uri."""
    return fits(text) and not re.search(r"\s", text)


def session_concept(known: Knowledge) -> Resource:
    """A session of prolotherapy, with the code that the tariff has for it."""
    item = known.tariff.get("session")
    codings = [coding(HCPCS, item.code, "Prolotherapy")] if item and item.code else []
    return filled(coding=codings, text="Prolotherapy session")


def plan_definitions(known: Knowledge) -> Iterator[Resource]:
    """Every version of every protocol, those of the clinic too where `known` has them."""
    for protocol in {**known.protocol_versions, **_current(known)}.values():
        yield plan_definition_of(protocol, known)


def plan_definition_of(protocol: Protocol, known: Knowledge) -> Resource:
    """One version of a protocol as a PlanDefinition; retired where it is no longer offered."""
    plan = _proposed(protocol, known)
    offered = known.protocols.get(protocol.id) == protocol
    about = known.conditions[protocol.condition]
    sources = sorted(protocol.sources.items())
    told = [text for text in (protocol.summary, protocol.note) if text]
    resource = made(
        "PlanDefinition",
        "Protocol",
        _id(protocol),
        url=f"{SITE}/PlanDefinition/{protocol.id}",
        version=protocol.version,
        name=_name(protocol),
        title=shown(protocol.name),
        type={"coding": [coding(_TYPE, "clinical-protocol")]},
        status="active" if offered else "retired",
        date=protocol.starts_on.isoformat(),
        description=shown("\n\n".join(told)),
        topic=[{"text": shown(about.name)}],
        effectivePeriod={"start": protocol.starts_on.isoformat()},
        relatedArtifact=[
            filled(type="citation", label=field, citation=shown(source))
            for field, source in sources
        ],
        goal=[_goal(plan.stop_rule, known)],
        action=[_sessions(protocol, plan, known), *_ends(plan, known), *_rechecks(plan)],
    )
    extend(resource, plan.stop_rule, StopRule.__dataclass_fields__)
    return extend(resource, protocol, ("condition", "mixtures", "sites", "measure"))


def _current(known: Knowledge) -> dict[tuple[str, str], Protocol]:
    return {(one.id, one.version): one for one in known.protocols.values()}


def _proposed(protocol: Protocol, known: Knowledge) -> Plan:
    """What the protocol comes to where nothing is changed, though it be retired."""
    among = replace(known, protocols={**known.protocols, protocol.id: protocol})
    return propose(protocol.id, known.conditions[protocol.condition].sides[0], among)


def _id(protocol: Protocol) -> str:
    """R4 has no underscore in an id, and no more than 64 characters."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", f"{protocol.id}-{protocol.version}")[:64]


def _name(protocol: Protocol) -> str:
    """A name as R4 wants it for programs (pdf-0): a capital, then letters, digits, underscores."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", protocol.id).strip("_")
    return f"P{words}"[:255] if not words[:1].isalpha() else words[0].upper() + words[1:255]


def _goal(rule: StopRule, known: Knowledge) -> Resource:
    measure = known.measures[rule.measure]
    codings = [coding(LOINC, measure.code)] if measure.code else []
    relief = short(rule.finish_relief_percent)
    return {
        "id": "target",
        "description": {"text": f"{measure.name} down by {relief} % or more from the start"},
        "target": [
            {
                "measure": filled(coding=codings, text=shown(f"Relief of {measure.name.lower()}")),
                "detailQuantity": {
                    **quantity(rule.finish_relief_percent, "%", "%"),
                    "comparator": ">=",
                },
            }
        ],
    }


def _sessions(protocol: Protocol, plan: Plan, known: Knowledge) -> Resource:
    return {
        "id": "sessions",
        "title": "Sessions",
        "description": shown(protocol.summary or protocol.name),
        "code": [session_concept(known)],
        "goalId": ["target"],
        "timingTiming": {
            "repeat": {
                "count": plan.sessions_planned,
                "countMax": plan.sessions_max,
                "frequency": 1,
                "period": plan.interval_days,
                "periodUnit": "d",
            }
        },
        "cardinalityBehavior": "multiple",
    }


def _ends(plan: Plan, known: Knowledge) -> Iterator[Resource]:
    """How the sessions end, in the order in which the rules win."""
    rule, said = plan.stop_rule, stop_rule_sentences(plan.stop_rule, plan, known)
    last = f"%reliefs.skip(%reliefs.count() - {rule.finish_readings})"
    target = f"{last}.all($this >= {short(rule.finish_relief_percent)})"
    finish = f"%reliefs.count() >= {rule.finish_readings} and {target}"
    yield _end("finish", "Finish: the target is reached", finish, said[0])
    none = f"%reliefs.last() < {short(rule.stop_below_percent)} and %better.not()"
    stop = f"%sessions >= {rule.stop_after_sessions} and {none}"
    yield _end("stop", "Stop: no response", stop, said[1])
    until = [step.after_sessions for step in rule.later_steps[1:]]
    for place, step in enumerate(rule.later_steps):
        after = f"%sessions >= {step.after_sessions}"
        if place < len(until):
            after += f" and %sessions < {until[place]}"
        late = f"{after} and %reliefs.last() < {short(step.below_percent)}"
        title = "Stop: not far enough on the way"
        yield _end(f"stop-later-{place + 1}", title, late, said[2 + place])
    most = Lines(known).line("stop-most", sessions=Lines(known).count(plan.sessions_max, "session"))
    yield _end("most", "No more sessions than agreed", f"%sessions >= {plan.sessions_max}", most)


def _end(id: str, title: str, expression: str, words: str) -> Resource:
    return {
        "id": id,
        "title": title,
        "description": shown(words),
        "condition": [
            {
                "kind": "start",
                "expression": {
                    "description": shown(words),
                    "language": "text/fhirpath",
                    "expression": expression,
                },
            }
        ],
        "relatedAction": [{"actionId": "sessions", "relationship": "concurrent-with-end"}],
    }


def _rechecks(plan: Plan) -> Iterator[Resource]:
    for months in plan.stop_rule.recheck_months:
        yield {
            "id": f"recheck-{months}",
            "title": f"Recheck {months} months after the last session",
            "relatedAction": [
                {
                    "actionId": "sessions",
                    "relationship": "after-end",
                    "offsetDuration": quantity(Decimal(months), "months", "mo"),
                }
            ],
        }
