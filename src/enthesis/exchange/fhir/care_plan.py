"""CarePlan: a plan as proposed or agreed, which instantiates the PlanDefinition of its protocol.

How many sessions and how far apart is its timing, the day of the agreement the start of its
period. Mixtures, sites, price and the agreed stop rule in full are in the extension of the plan.
"""

from collections.abc import Mapping

from enthesis.exchange.dossier import KeptPlan
from enthesis.exchange.fhir.element import (
    at,
    got,
    key_of,
    pointed,
    reference,
    text_at,
    tidy,
)
from enthesis.exchange.fhir.extension import Resource, extend, extended, fits, moment
from enthesis.exchange.fhir.plan_definition import canonical, is_uri, session_concept
from enthesis.journey.plan import stop_rule_sentences
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Plan
from enthesis.shape import read

_PLAN = (
    "protocol",
    "protocol_version",
    "mixtures",
    "sites",
    "stop_rule",
    "price_per_session",
)
_TIMED = {"sessions_planned": "count", "sessions_max": "countMax", "interval_days": "period"}


def care_plan_of(kept: KeptPlan, patient: str, course: str, known: Knowledge) -> Resource:
    """The plan as a CarePlan; `patient` and `course` are keys."""
    plan, in_plan = kept.plan, list(_PLAN)
    agreed = plan.agreed_on is not None
    resource: Resource = {
        "resourceType": "CarePlan",
        "id": kept.key,
        "status": "active" if agreed else "draft",
        "intent": "plan" if agreed else "proposal",
        "subject": reference("Patient", patient),
        "created": moment(kept.at),
        "addresses": [reference("Condition", course)],
    }
    protocol = known.protocol_of(plan)
    if protocol is not None:
        resource["title"] = tidy(protocol.name)
    if is_uri(told := canonical(plan.protocol, plan.protocol_version)):
        resource["instantiatesCanonical"] = [told]
    if plan.agreed_on is not None:
        resource["period"] = {"start": plan.agreed_on.isoformat()}
    if kept.by is not None:
        resource["author"] = reference("Practitioner", kept.by)
    detail: Resource = {
        "kind": "ServiceRequest",
        "code": session_concept(known),
        "status": "scheduled" if agreed else "not-started",
    }
    # R4 counts from 1; a plan that does not is none that could be agreed, but it was recorded.
    if min(plan.sessions_planned, plan.sessions_max, plan.interval_days) >= 1:
        repeat = {name: getattr(plan, field) for field, name in _TIMED.items()}
        detail["scheduledTiming"] = {"repeat": {**repeat, "frequency": 1, "periodUnit": "d"}}
    else:
        in_plan += _TIMED
    resource["activity"] = [{"detail": detail}]
    if words := _stop_rule_words(plan, known):
        resource["note"] = [{"text": words}]
    return extend(extend(resource, plan, in_plan), kept, ("agreed_name", "needs_consent"))


def plan_from(resource: Mapping[str, object]) -> KeptPlan:
    """The plan that the resource was made of; raises ShapeError where it was made of none."""
    key = key_of(resource, "CarePlan")
    plan = extended(resource, Plan)
    repeat = at(resource, "activity", 0, "detail", "scheduledTiming", "repeat")
    for field, name in _TIMED.items():
        if (told := at(repeat or {}, name)) is not None:
            plan[field] = told
    if (agreed_on := text_at(resource, "period", "start")) is not None:
        plan["agreed_on"] = agreed_on
    found = {"key": key, **extended(resource, KeptPlan), "plan": read(Plan, plan)}
    found |= got(resource, {"at": "created"})
    found["by"] = pointed(resource, "author", to="Practitioner")
    return read(KeptPlan, found)


def _stop_rule_words(plan: Plan, known: Knowledge) -> str:
    """The agreed rule as the patient was told it, for those who read only words."""
    if plan.stop_rule.measure not in known.measures or not plan.stop_rule.recheck_months:
        return ""
    words = tidy("\n".join(stop_rule_sentences(plan.stop_rule, plan, known)))
    return words if fits(words) else ""
