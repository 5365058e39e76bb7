"""Where the consent of a course stands: what would be signed today, what was, what has changed."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from enthesis.clinic import store
from enthesis.clinic.models import Consent, Course, Patient, Plan
from enthesis.clinic.told import evidence_on
from enthesis.journey import consent as text
from enthesis.journey.lines import ENGLISH


class State(StrEnum):
    """None signed, in force, in force but something in it has changed, taken back."""

    NONE = "none"
    IN_FORCE = "in_force"
    OUT_OF_DATE = "out_of_date"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Standing:
    """The last fact, and the headings of the sections that say something else by now."""

    state: State
    fact: Consent | None = None
    changed: tuple[str, ...] = ()


def consent_in_force(course: Course) -> bool:
    """Whether the last word of the patient is a signed consent, though numbers may have changed
    since."""
    last = _last(course)
    return last is not None and last.fact == Consent.Fact.SIGNED


def last_word(course: Course) -> str:
    """Who signed or withdrew and when; empty before any consent."""
    last = _last(course)
    if last is None:
        return ""
    day = store.day_of(course.patient.clinic, last.at)
    who = f" by {last.name}" if last.name else ""
    return f"Consent {last.fact}{who}, {day.day} {day:%b %Y}"


def standing(course: Course, today: date) -> Standing:
    """Where the consent stands today."""
    last = _last(course)
    if last is None:
        return Standing(State.NONE)
    if last.fact == Consent.Fact.WITHDRAWN:
        return Standing(State.WITHDRAWN, last)
    now = text_for(course, today, ENGLISH)
    if now is None:
        return Standing(State.IN_FORCE, last)
    then = {one["id"]: one["made_from"] for one in last.content["sections"]}
    differing = set(text.changed(then, now.versions))
    headings = tuple(one.title for one in now.sections if one.id in differing)
    return Standing(State.OUT_OF_DATE if headings else State.IN_FORCE, last, headings)


def withdrawn_by(patient: Patient) -> bool:
    """Whether the last word on any open course of a patient is a withdrawal."""
    said = Consent.objects.filter(course__patient=patient, course__closed_on=None).order_by("id")
    last = dict(said.values_list("course", "fact"))
    return Consent.Fact.WITHDRAWN in last.values()


def why_no_needle(course: Course, on: date, began_at: datetime | None = None) -> str:
    """Why nothing may be injected on a day for want of consent; empty where nothing is wrong.

    What was withdrawn later does not keep an earlier session from being written down: later than
    that day, or than the moment at which it began. Before the first needle a plan that was agreed
    since there is a consent to sign needs one of its own.
    """
    clinic = course.patient.clinic
    facts = [f for f in course.consents.defer("pdf", "content") if store.day_of(clinic, f.at) <= on]
    facts = [f for f in facts if began_at is None or f.at <= began_at]
    last = facts[-1] if facts else None
    if last is not None and last.fact == Consent.Fact.WITHDRAWN:
        day = store.day_of(clinic, last.at)
        return (
            f"Consent was withdrawn on {day.day} {day:%b %Y}. Nothing is injected until the "
            "patient has signed a new one: see Consent on the page of the course."
        )
    plan = agreed_plan(course)
    if plan is None or not plan.needs_consent or course.sessions.exclude(signed_at=None).exists():
        return ""
    if last is None:
        return (
            "No consent is signed yet. Before the first needle the patient reads and signs it: see "
            "Consent on the page of the course."
        )
    if last.plan_id != plan.pk:
        return (
            "The consent that was signed is of another plan. The patient reads and signs the new "
            "one first: see Consent on the page of the course."
        )
    return ""


def withdrawn_since(course: Course, moment: datetime) -> Consent | None:
    """The first withdrawal after a moment."""
    later = course.consents.defer("pdf", "content").filter(at__gt=moment)
    return later.filter(fact=Consent.Fact.WITHDRAWN).first()


def agreed_plan(course: Course) -> Plan | None:
    """The plan last agreed, which is the one to consent to."""
    return course.plans.exclude(agreed_on=None).last()


def text_for(course: Course, today: date, language: str) -> text.Consent | None:
    """The text as it would be signed today; None without an agreed plan."""
    plan = agreed_plan(course)
    if plan is None:
        return None
    patient, clinic = course.patient, course.patient.clinic
    known = store.known_for(clinic, today)
    if course.condition not in known.conditions:
        return None
    return text.consent(
        store.course_record(course),
        store.plan_record(plan),
        known,
        evidence_on(course.condition, known),
        {
            "patient": f"{patient.given} {patient.family}",
            "clinic": clinic.name,
            "phone": clinic.phone,
        },
        language,
    )


def _last(course: Course) -> Consent | None:
    return course.consents.defer("pdf").last()
