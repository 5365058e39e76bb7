"""Rows to records: the only bridge from the tables to the pure core."""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from django.db.models import Prefetch, prefetch_related_objects
from django.utils import timezone

from enthesis import records
from enthesis.clinic import models
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.load import knowledge
from enthesis.shape import read
from enthesis.units import Kg, Ml, Percent


def today(clinic: models.Clinic) -> date:
    """Today's date where the clinic is."""
    return timezone.now().astimezone(ZoneInfo(clinic.time_zone)).date()


def known_for(clinic: models.Clinic, on: date) -> Knowledge:
    """What is known as of a date, with the clinic's own finish level in place of the default."""
    known = knowledge(on)
    if clinic.finish_relief_percent is None:
        return known
    own = dataclasses.replace(
        known.stop_rule, finish_relief_percent=Percent(clinic.finish_relief_percent)
    )
    return dataclasses.replace(known, stop_rule=own)


def course_record(row: models.Course) -> records.Course:
    """One course with everything a decision about it depends on (a handful of queries)."""
    return course_records([row])[0]


def course_records(rows: Sequence[models.Course]) -> list[records.Course]:
    """Many courses at once: the number of queries does not grow with the number of rows."""
    prefetch_related_objects(
        rows,
        "patient",
        "evaluations",
        "plans",
        Prefetch(
            "sessions",
            models.Session.objects.filter(signed_at__isnull=False),
            to_attr="signed_sessions",
        ),
        Prefetch(
            "signed_sessions__sites",
            models.SessionSite.objects.filter(given=True),
            to_attr="given_sites",
        ),
        Prefetch(
            "assessments",
            models.Assessment.objects.filter(completed_at__isnull=False),
            to_attr="completed_assessments",
        ),
        Prefetch("decisions", models.Decision.objects.select_related("by"), to_attr="decided"),
    )
    return [_course(row) for row in rows]


def plan_record(row: models.Plan) -> records.Plan:
    """A plan row as a record, with the day it was agreed (None for a proposal)."""
    plan = read(records.Plan, row.content, f"plan {row.pk}")
    return dataclasses.replace(plan, agreed_on=row.agreed_on)


def _course(row: models.Course) -> records.Course:
    # The fields filled by Prefetch(to_attr=...) are unknown to the type checker.
    sessions: Iterable[models.Session] = row.signed_sessions  # type: ignore[attr-defined]
    assessments: Iterable[models.Assessment] = row.completed_assessments  # type: ignore[attr-defined]
    decisions: Iterable[models.Decision] = row.decided  # type: ignore[attr-defined]
    return records.Course(
        id=str(row.pk),
        condition=row.condition,
        side=records.Side(row.side),
        born_on=row.patient.born_on,
        opened_on=row.opened_on,
        evaluation=_evaluation(row),
        plan=_plan(row),
        sessions=tuple(_session(s) for s in sessions),
        assessments=tuple(assessment_record(a) for a in assessments),
        decisions=tuple(_decision(d) for d in decisions),
        series_ended_on=row.series_ended_on,
        closed_on=row.closed_on,
    )


def _evaluation(row: models.Course) -> records.Evaluation | None:
    """The latest one: an evaluation is repeated, never changed."""
    rows = list(row.evaluations.all())
    if not rows:
        return None
    last = rows[-1]
    plain = {"on": last.on, "answers": last.answers, "cleared": last.cleared}
    return read(records.Evaluation, plain, f"evaluation {last.pk}")


def _plan(row: models.Course) -> records.Plan | None:
    """The plan last agreed; before any agreement the last proposal."""
    rows = list(row.plans.all())
    agreed = [plan for plan in rows if plan.agreed_on is not None]
    return plan_record((agreed or rows)[-1]) if rows else None


def _session(row: models.Session) -> records.Session:
    sites: Iterable[models.SessionSite] = row.given_sites  # type: ignore[attr-defined]
    return records.Session(
        number=row.number,
        on=row.on,
        mixtures=read(tuple[records.Mixture, ...], row.mixtures, f"session {row.pk}"),
        sites=tuple(
            records.SiteDose(s.site, records.Side(s.side), s.mixture, Ml(s.volume_ml))
            for s in sites
        ),
        weight_kg=None if row.weight_kg is None else Kg(row.weight_kg),
    )


def assessment_record(row: models.Assessment) -> records.Assessment:
    """One set of answers as a record."""
    plain = {
        "on": row.on,
        "occasion": row.occasion,
        "questionnaire": row.questionnaire,
        "answers": row.answers,
        "source": row.source,
    }
    return read(records.Assessment, plain, f"assessment {row.pk}")


def _decision(row: models.Decision) -> records.Decision:
    return records.Decision(
        on=row.on,
        suggested=records.NextStep(row.suggested),
        decided=records.NextStep(row.decided),
        by=str(row.by),
        reason=row.reason,
    )
