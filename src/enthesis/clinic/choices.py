"""The decision aid of a clinic as it stands today, and who was told something else."""

from dataclasses import dataclass
from datetime import date

from enthesis.clinic import consents, store
from enthesis.clinic.models import AidGiven, Clinic, Consent, Course
from enthesis.clinic.told import evidence_on
from enthesis.journey.consent import changed
from enthesis.journey.decide import DecisionAid, choosable, decision_aid
from enthesis.journey.lines import ENGLISH
from enthesis.knowledge.load_papers import papers


def aid_for(
    clinic: Clinic, condition: str, today: date, language: str = ENGLISH
) -> DecisionAid | None:
    """The aid for a condition that the clinic treats; None for any other."""
    known = store.known_for(clinic, today)
    if condition not in {one.id for one in choosable(known)}:
        return None
    named = {"clinic": clinic.name, "phone": clinic.phone}
    return decision_aid(condition, known, evidence_on(condition, known), papers(), named, language)


@dataclass(frozen=True, slots=True)
class ToldBefore:
    """A course whose patient read something else than stands there today, by headings."""

    course: Course
    consent: Consent | None
    consent_changed: tuple[str, ...]
    given: AidGiven | None
    aid_changed: tuple[str, ...]


def told_before(clinic: Clinic, today: date) -> list[ToldBefore]:
    """The open courses that were told something else: by the last consent, if it is in force, or
    by the last summary that was handed out."""
    rows = Course.objects.filter(patient__clinic=clinic, closed_on=None)
    rows = rows.select_related("patient__clinic").order_by("patient__family", "id")
    given = {
        row.course_id: row
        for row in AidGiven.objects.filter(course__in=rows).select_related("by").order_by("id")
    }
    signed = set(Consent.objects.filter(course__in=rows).values_list("course", flat=True))
    today_by_condition: dict[str, DecisionAid | None] = {}
    found = []
    for course in rows.filter(pk__in=signed | given.keys()):
        standing = consents.standing(course, today)
        row = given.get(course.pk)
        headings: tuple[str, ...] = ()
        if row:
            if row.condition not in today_by_condition:
                today_by_condition[row.condition] = aid_for(clinic, row.condition, today)
            headings = _headings(row, today_by_condition[row.condition])
        if standing.changed or headings:
            found.append(ToldBefore(course, standing.fact, standing.changed, row, headings))
    return found


def _headings(given: AidGiven, now: DecisionAid | None) -> tuple[str, ...]:
    if now is None:
        return ()
    differing = set(changed(given.versions, now.versions))
    return tuple(one.title for one in now.sections if one.id in differing)
