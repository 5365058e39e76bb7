"""KeptPlan ↔ CarePlan: a plan as proposed or agreed, of the PlanDefinition of its protocol.

How many sessions and how far apart is the timing of its activity, the day of the agreement the
start of its period, and who made it the author. Mixtures, places, price and the agreed stop rule in
full are in the extension of the plan; `note` has the rule in the words that the patient was told.
"""

from datetime import date, datetime

from enthesis.exchange.dossier import KeptPlan
from enthesis.exchange.fhir.extension import Resource, extend, moment
from enthesis.exchange.fhir.plan_definition import canonical, is_uri, session_concept
from enthesis.exchange.fhir.resource import (
    Place,
    at,
    listed,
    made,
    record,
    reference,
    referred,
    shown,
    the,
)
from enthesis.journey.plan import stop_rule_sentences
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Plan

_KEPT = ["protocol", "protocol_version", "mixtures", "sites", "stop_rule", "price_per_session"]
# What R4 counts with (positiveInt) goes from 1 to this.
MOST = 2**31 - 1
_TIMED = {"sessions_planned": "count", "sessions_max": "countMax", "interval_days": "period"}


def care_plan_of(kept: KeptPlan, place: Place) -> Resource:
    """The CarePlan of a plan; active once it is agreed."""
    plan, agreed_on = kept.plan, kept.plan.agreed_on
    protocol = place.known.protocol_of(plan)
    of_protocol = canonical(plan.protocol, plan.protocol_version)
    words = shown(_stop_rule_words(plan, place.known))
    detail: Resource = {
        "kind": "ServiceRequest",
        "code": session_concept(place.known),
        "status": "scheduled" if agreed_on else "not-started",
    }
    # A plan with other numbers is none that could be agreed, but it was recorded.
    numbers = [getattr(plan, field) for field in _TIMED]
    counted = min(numbers) >= 1 and max(numbers) <= MOST
    if counted:
        repeat = {name: getattr(plan, field) for field, name in _TIMED.items()}
        detail["scheduledTiming"] = {"repeat": {**repeat, "frequency": 1, "periodUnit": "d"}}
    resource = made(
        "CarePlan",
        "KeptPlan",
        kept.key,
        place.course,
        instantiatesCanonical=[of_protocol] if is_uri(of_protocol) else None,
        status="active" if agreed_on else "draft",
        intent="plan" if agreed_on else "proposal",
        title=shown(protocol.name) if protocol else None,
        subject=place.subject,
        period=agreed_on and {"start": agreed_on.isoformat()},
        created=moment(kept.at),
        author=reference("Practitioner", kept.by),
        addresses=[reference("Condition", place.course)],
        activity=[{"detail": detail}],
        note=[{"text": text} for text in listed(words)],
    )
    extend(resource, plan, [*_KEPT, *([] if counted else _TIMED)])
    return extend(resource, kept, ["agreed_name", "needs_consent"])


def plan_from(resource: Resource) -> KeptPlan:
    """The plan of a CarePlan that `care_plan_of` made."""
    repeat = at(resource, "activity", 0, "detail", "scheduledTiming", "repeat")
    timed = {field: the(int, repeat, name) for field, name in _TIMED.items()}
    plan = record(Plan, resource, agreed_on=the(date, resource, "period", "start"), **timed)
    return record(
        KeptPlan,
        resource,
        key=the(str, resource, "id"),
        plan=plan,
        at=the(datetime, resource, "created"),
        by=referred(resource, "Practitioner", "author"),
    )


def _stop_rule_words(plan: Plan, known: Knowledge) -> str:
    """The agreed rule as the patient was told it; nothing where the knowledge has no words."""
    if plan.stop_rule.measure not in known.measures or not plan.stop_rule.recheck_months:
        return ""
    return "\n".join(stop_rule_sentences(plan.stop_rule, plan, known))
