"""Adverse events as staff read them: one in words, those of a clinic, those that wait for somebody.

Holds no rule: what stands is asked of `journey.adverse`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Prefetch, QuerySet

from enthesis.clinic import models, store
from enthesis.clinic.actions import adverse as actions
from enthesis.journey import adverse
from enthesis.journey.adverse import Standing
from enthesis.knowledge.kinds import Knowledge


@dataclass(frozen=True)
class Harm:
    """One adverse event with how it stands. `judging` says who judged, or why nobody did."""

    event: models.AdverseEvent
    kind: str
    now: Standing
    grade: str
    outcome: str
    judging: str
    judges: frozenset[int]

    @property
    def waits(self) -> bool:
        """Whether somebody still has to do something: follow it up, or judge it."""
        return self.now.goes_on or (not self.now.relatedness and bool(self.judges))


def harms_of(clinic: models.Clinic, known: Knowledge) -> list[Harm]:
    """Every adverse event of a clinic, the latest first, in a handful of queries."""
    rows = models.AdverseEvent.objects.filter(course__patient__clinic=clinic)
    return list(_harms(rows.select_related("course__patient"), clinic, known))


def waiting_harms(clinic: models.Clinic, today: date) -> list[Harm]:
    """Those that wait for somebody, for Today: of the others no record of a patient is read."""
    rows = models.AdverseEvent.objects.filter(course__patient__clinic=clinic)
    treats = Prefetch("course", models.Course.objects.only("clinician"))
    known = store.known_for(clinic, today)
    found = [h for h in _harms(rows.prefetch_related(treats), clinic, known) if h.waits]
    courses = models.Course.objects.select_related("patient")
    shown = courses.in_bulk([harm.event.course_id for harm in found])
    for harm in found:
        harm.event.course = shown[harm.event.course_id]
    return found


def harm_of(event: models.AdverseEvent, known: Knowledge) -> Harm:
    """One adverse event."""
    rows = models.AdverseEvent.objects.filter(pk=event.pk).select_related("course__patient")
    return next(_harms(rows, event.course.patient.clinic, known))


def harms_in(course: models.Course, known: Knowledge) -> list[Harm]:
    """Those of one course."""
    rows = course.adverse_events.select_related("course__patient")
    return list(_harms(rows, course.patient.clinic, known))


def _harms(
    rows: QuerySet[models.AdverseEvent], clinic: models.Clinic, known: Knowledge
) -> Iterator[Harm]:
    # Of the sessions and their sites, which are many, only what tells who injected.
    named = models.SessionSite.objects.exclude(injected_by=None).only("session", "injected_by")
    who = models.Session.objects.only("course", "on", "signed_at", "signed_by", "injected_by")
    rows = rows.select_related("session", "by").prefetch_related(
        "entries__by",
        Prefetch("session__sites", named),
        Prefetch("course__sessions", who),
        Prefetch("course__sessions__sites", named),
    )
    clinicians = actions.clinicians_of(clinic) if rows else []
    for row in rows:
        now = adverse.standing(actions.report_of(row), actions.added_to(row), known)
        injected = actions.injectors_of(row)
        may = adverse.judges(clinicians, injected)
        judged_by = [e.by for e in row.entries.all() if e.relatedness and e.by_id not in injected]
        kind = known.adverse_kinds.get(row.kind)
        grade = next(one for one in known.adverse_grades if one.grade == now.grade)
        yield Harm(
            event=row,
            kind=kind.name if kind else row.kind,
            now=now,
            grade=f"Grade {grade.grade}, {grade.name.lower()}",
            outcome=known.adverse_outcomes[now.outcome].name,
            judging=_judging(judged_by, now, bool(may), known),
            judges=may,
        )


def _judging(
    judged_by: Sequence[models.User], now: Standing, can_be: bool, known: Knowledge
) -> str:
    if not now.relatedness:
        only = "" if can_be else ": every clinician here injected"
        return f"Not judged by another person{only}"
    return f"{known.adverse_relations[now.relatedness].name}, judged by {judged_by[-1]}"
