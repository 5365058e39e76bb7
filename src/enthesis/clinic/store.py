"""Rows to records: the only bridge from the tables to the pure core."""

import dataclasses
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import (
    Case,
    Model,
    Prefetch,
    QuerySet,
    TextField,
    When,
    prefetch_related_objects,
)
from django.db.models.functions import Cast
from django.utils import timezone

from enthesis import records
from enthesis.clinic import models
from enthesis.clinic.prepared import Prepared
from enthesis.knowledge.kinds import AnaestheticLimit, Knowledge
from enthesis.knowledge.load import knowledge, originals
from enthesis.knowledge.load_own import OwnQuestionnaire, read_own, with_own
from enthesis.knowledge.own_protocols import OwnProtocol, with_own_protocols
from enthesis.knowledge.series import Protocol
from enthesis.knowledge.translate import in_language
from enthesis.shape import ShapeError, read
from enthesis.units import Kg, Ml, Percent

T = TypeVar("T")
OWN_FOLDER = "questionnaires"


def today(clinic: models.Clinic) -> date:
    """Today's date where the clinic is."""
    return day_of(clinic, timezone.now())


def day_of(clinic: models.Clinic, at: datetime) -> date:
    """The date of a moment where the clinic is."""
    return at.astimezone(ZoneInfo(clinic.time_zone)).date()


Own = tuple[tuple[OwnQuestionnaire, ...], tuple[str, ...]]


def own_files(clinic: models.Clinic) -> Own:
    """The clinic's own questionnaires, and what is wrong with files that are left out: read once
    in a process, so that what is asked does not change under a patient's hands."""
    return _read_own(*own_folders(clinic))


def own_problems() -> list[str]:
    """What is wrong with the files of any clinic, and files that belong to none."""
    folder = settings.DATA / OWN_FOLDER
    if not folder.is_dir():
        return []
    clinics = list(models.Clinic.objects.order_by("pk"))
    numbers = ", ".join(f"{clinic.pk} is {clinic}" for clinic in clinics)
    lost = [
        f"{name}: whose is it? Move it into the folder of its clinic, questionnaires/NUMBER "
        f"({numbers})"
        for name in (_loose(folder) if len(clinics) > 1 else ())
    ]
    return lost + [
        f"{problem} ({clinic})" for clinic in clinics for problem in own_files(clinic)[1]
    ]


def own_folders(clinic: models.Clinic) -> tuple[Path, ...]:
    """A licence is one clinic's: a file beside the folders is asked only where there is one."""
    folder = settings.DATA / OWN_FOLDER
    loose = _loose(folder) and not models.Clinic.objects.exclude(pk=clinic.pk).exists()
    return (folder / str(clinic.pk), *((folder,) if loose else ()))


@cache
def _loose(folder: Path) -> tuple[str, ...]:
    return tuple(path.name for path in originals(folder))


@cache
def _read_own(*folders: Path) -> Own:
    first, *more = folders
    return read_own(first, knowledge(timezone.now().date()), *more)


@lru_cache(maxsize=256)
def _known(on: date, folders: tuple[Path, ...]) -> Knowledge:
    files, _ = _read_own(*folders)
    return with_own(knowledge(on), files) if files else knowledge(on)


def known_for(clinic: models.Clinic, on: date, language: str = "") -> Knowledge:
    """What is known as of a date, with the clinic's own finish level, choice of stop rule,
    questionnaires and protocols; its patients' texts in a `language`.

    A choice that did not exist yet on that date is not made for it.
    """
    ceilings = json.dumps(clinic.own_ceilings) if clinic.own_ceilings else ""
    own = clinic.finish_relief_percent, clinic.stop_choice, own_folders(clinic)
    return _known_for(on, *own, clinic.pk, clinic.protocols_stamp, ceilings, language)


@lru_cache(maxsize=256)
def _known_for(
    on: date,
    finish: Decimal | None,
    choice: str,
    folders: tuple[Path, ...],
    clinic: int,
    stamp: str,
    ceilings: str,
    language: str,
) -> Knowledge:
    if language:
        known = _known_for(on, finish, choice, folders, clinic, stamp, ceilings, "")
        return in_language(known, language)
    known, own = _known(on, folders), dict[str, Any]()
    if stamp:
        known = with_own_protocols(known, _own_protocols(clinic, stamp))
    if finish is not None:
        own["finish_relief_percent"] = Percent(finish)
    if choice in known.stop_choices:
        own["choice"] = choice
    if ceilings:
        known = _with_ceilings(known, json.loads(ceilings))
    if not own:
        return known
    return dataclasses.replace(known, stop_rule=dataclasses.replace(known.stop_rule, **own))


@lru_cache(maxsize=64)
def _own_protocols(clinic: int, stamp: str) -> tuple[OwnProtocol, ...]:
    """All versions, oldest first; by the stamp, which every change renews."""
    rows = models.OwnProtocol.objects.filter(clinic=clinic)
    return tuple(
        OwnProtocol(read(Protocol, row.content, f"own protocol {row.pk}"), row.retired)
        for row in rows
    )


def shipped_on(on: date) -> Knowledge:
    """What the knowledge files say as of a date, without anything of a clinic's own."""
    return knowledge(on)


def _with_ceilings(known: Knowledge, entered: list[dict[str, Any]]) -> Knowledge:
    """With the ceilings that the clinic entered by that day; a sourced one is never replaced."""
    shipped = {(x.substance, x.with_adrenaline) for x in known.anaesthetic_limits}
    own = {}
    for one in entered:
        told = {k: v for k, v in one.items() if k not in ("by", "at")}
        limit = read(AnaestheticLimit, told, "own_ceilings")
        key = (limit.substance, limit.with_adrenaline)
        if limit.starts_on <= known.as_of and key not in shipped:
            own[key] = limit
    return dataclasses.replace(known, anaesthetic_limits=(*known.anaesthetic_limits, *own.values()))


def course_record(row: models.Course) -> records.Course:
    """One course with everything a decision about it depends on (a handful of queries)."""
    return course_records([row])[0]


def course_records(rows: Sequence[models.Course]) -> list[records.Course]:
    """Many courses at once: the number of queries does not grow with the number of rows."""
    # Left out is what no record holds: a decision's verdict and inputs are 12 kB of JSON each.
    signed = models.Session.objects.filter(signed_at__isnull=False)
    signed = signed.defer("recipe", "lots", "site_scores")
    decided = models.Decision.objects.select_related("by").defer("verdict", "inputs")
    given = models.SessionSite.objects.filter(given=True)
    completed = models.Assessment.objects.filter(completed_at__isnull=False)
    prefetch_related_objects(
        rows,
        "patient",
        "evaluations",
        "plans",
        Prefetch("sessions", signed, to_attr="signed_sessions"),
        Prefetch("signed_sessions__sites", given, to_attr="given_sites"),
        Prefetch("assessments", completed, to_attr="completed_assessments"),
        Prefetch("decisions", decided, to_attr="decided"),
    )
    return [
        _course(
            row,
            evaluation=_evaluation(row),
            sessions=tuple(_session(s) for s in _filled(row, "signed_sessions")),
            assessments=tuple(
                dataclasses.replace(assessment_record(a), came_late=_came_late(a, row))
                for a in _filled(row, "completed_assessments")
            ),
        )
        for row in rows
    ]


def whole_course(row: models.Course) -> records.Course:
    """One course for a page that shows everything of it: each row is read once, with who wrote it,
    and stays with `row` for whoever tells of it (`timeline`)."""
    prefetch_related_objects(
        [row],
        Prefetch("evaluations", models.Evaluation.objects.select_related("by")),
        Prefetch("plans", models.Plan.objects.select_related("by")),
        Prefetch("sessions", models.Session.objects.select_related("signed_by").defer("recipe")),
        "sessions__sites",
        Prefetch("assessments", models.Assessment.objects.select_related("read_by", "entered_by")),
        Prefetch(
            "decisions",
            models.Decision.objects.select_related("by").defer("verdict", "inputs"),
        ),
        "invoices__lines",
        "invoices__entries",
    )
    sessions = list(row.sessions.all())
    for session in sessions:
        _fill(session, "given_sites", [site for site in session.sites.all() if site.given])
    _fill(row, "signed_sessions", [one for one in sessions if one.signed_at])
    answered = [one for one in row.assessments.all() if one.completed_at]
    _fill(row, "completed_assessments", answered)
    _fill(row, "decided", list(row.decisions.all()))
    return course_record(row)


def _fill(row: Model, name: str, rows: list[Any]) -> None:
    """As Prefetch(to_attr=...) does, which then asks no more."""
    setattr(row, name, rows)


def course_outlines(rows: Sequence[models.Course]) -> list[records.Course]:
    """Many courses with what happened when, but not what was injected or answered since.

    Much faster than `course_records`, and enough for `phase`, `due` and `next_recheck_on`, which
    look at days and at whether the start is known. Never judge one: its later answers are empty.
    """
    prefetch_related_objects(rows, "patient")
    found = _outlines(
        [(row.pk, row.condition, row.side, row.patient.born_on, row.opened_on, row.series_ended_on,
          row.closed_on) for row in rows],
        [row.pk for row in rows],
    )  # fmt: skip
    return [found[row.pk] for row in rows]


def outlines_of(courses: "QuerySet[models.Course]") -> dict[int, records.Course]:
    """The outlines of all these courses, by row and in their order.

    No row of a course or a patient is made: to look through a clinic for those about whom there is
    something to say shows nobody, and is not written down as a reading of their records (`access`).
    Whoever then names one reads the row.
    """
    heads = courses.values_list(
        *("pk", "condition", "side", "patient__born_on", "opened_on", "series_ended_on"),
        "closed_on",
    )
    return _outlines(list(heads), courses)


def open_outlines(clinic: models.Clinic) -> dict[int, records.Course]:
    """The outlines of all open courses, by row."""
    return outlines_of(models.Course.objects.filter(patient__clinic=clinic, closed_on=None))


Head = tuple[int, str, str, date | None, date, date | None, date | None]


def _outlines(
    heads: Sequence[Head], of: "QuerySet[models.Course] | Sequence[int]"
) -> dict[int, records.Course]:
    # Tuples, not rows: a clinic has thousands, and Today waits for all of them.
    signed, answered, decided = defaultdict(list), defaultdict(list), defaultdict(list)
    sessions = models.Session.objects.filter(course__in=of, signed_at__isnull=False)
    for pk, number, on in sessions.values_list("course", "number", "on"):
        signed[pk].append(records.Session(number, on, (), ()))
    completed = models.Assessment.objects.filter(course__in=of, completed_at__isnull=False)
    start = When(occasion=records.Occasion.BASELINE, then=Cast("answers", TextField()))
    told = completed.values_list("course", "on", "occasion", "questionnaire", "source", Case(start))
    for pk, on, occasion, questionnaire, source, text in told:
        answers = read_answers(text) if text else {}
        why = records.Occasion(occasion)
        answered[pk].append(records.Assessment(on, why, questionnaire, answers, source))
    made = models.Decision.objects.filter(course__in=of).values_list(
        *("course", "on", "suggested", "decided", "by__display_name", "by__username", "reason")
    )
    for pk, on, suggested, step, name, username, reason in made:
        decision = records.Decision(
            on, records.NextStep(suggested), records.NextStep(step), name or username, reason
        )
        decided[pk].append(decision)
    evaluated = dict[int, records.Evaluation]()
    for pk, on in models.Evaluation.objects.filter(course__in=of).values_list("course", "on"):
        evaluated.setdefault(pk, records.Evaluation(on, {}))
    proposed = defaultdict[int, list[tuple[date | None, str]]](list)
    made_plans = models.Plan.objects.filter(course__in=of)
    for pk, agreed_on, text in made_plans.values_list(
        "course", "agreed_on", Cast("content", TextField())
    ):
        proposed[pk].append((agreed_on, text))
    plans = dict[int, records.Plan]()
    for pk, found in proposed.items():
        agreed_on, text = _last_agreed(found)
        plans[pk] = dataclasses.replace(_read_plan(text), agreed_on=agreed_on)
    return {
        pk: records.Course(
            id=str(pk),
            condition=condition,
            side=records.Side(side),
            born_on=born_on,
            opened_on=opened_on,
            evaluation=evaluated.get(pk),
            plan=plans.get(pk),
            sessions=tuple(signed[pk]),
            assessments=tuple(answered[pk]),
            decisions=tuple(decided[pk]),
            series_ended_on=ended_on,
            closed_on=closed_on,
        )
        for pk, condition, side, born_on, opened_on, ended_on, closed_on in heads
    }


@lru_cache(maxsize=5000)
def read_answers(text: str) -> Mapping[str, records.Answer]:
    """Answers from their JSON, kept by content: they are read with each look at the clinic."""
    return dict(read(dict[str, records.Answer], json.loads(text), "answers"))


_SIGNED = Prepared(
    lambda: models.Session.objects.filter(course_id=0, signed_at__isnull=False).values_list(
        "number", "on"
    )
)
_COMPLETED = Prepared(
    lambda: models.Assessment.objects.filter(course_id=0, completed_at__isnull=False).values_list(
        "pk", "on", "occasion", "questionnaire", "answers", "source"
    )
)


def course_for_questions(row: models.Course) -> records.Course:
    """One course with what was answered and whether a session was given: all that says what a
    patient is asked next (`actions.answer.questions_of`). Two queries: patients wait for them."""
    return records.Course(
        id=str(row.pk),
        condition=row.condition,
        side=records.Side(row.side),
        born_on=row.patient.born_on,
        opened_on=row.opened_on,
        sessions=tuple(
            records.Session(number, on, (), ()) for number, on in _SIGNED.tuples(row.pk)
        ),
        assessments=tuple(_assessment(*columns) for columns in _COMPLETED.tuples(row.pk)),
    )


def _filled(row: Model, name: str) -> list[Any]:
    """What Prefetch(to_attr=...) put on a row, of which the type checker cannot know."""
    return cast("list[Any]", getattr(row, name))


def plan_record(row: models.Plan) -> records.Plan:
    """A plan row as a record, with the day it was agreed (None for a proposal)."""
    plan = _read_plan(json.dumps(row.content, sort_keys=True))
    return dataclasses.replace(plan, agreed_on=row.agreed_on)


@lru_cache(maxsize=1000)
def _read_plan(content: str) -> records.Plan:
    # By content, not by row: most courses follow one of a few protocols on one of two sides.
    return read(records.Plan, json.loads(content), "plan")


def _course(row: models.Course, **facts: Any) -> records.Course:
    return records.Course(
        id=str(row.pk),
        condition=row.condition,
        side=records.Side(row.side),
        born_on=row.patient.born_on,
        opened_on=row.opened_on,
        plan=_plan(row),
        decisions=tuple(_decision(d) for d in _filled(row, "decided")),
        series_ended_on=row.series_ended_on,
        closed_on=row.closed_on,
        **facts,
    )


def _evaluation(row: models.Course) -> records.Evaluation | None:
    """The latest one: an evaluation is repeated, never changed."""
    rows = list(row.evaluations.all())
    if not rows:
        return None
    last = rows[-1]
    plain = {"on": last.on, "answers": last.answers, "cleared": last.cleared, "rows": last.rows}
    return read(records.Evaluation, plain, f"evaluation {last.pk}")


def _plan(row: models.Course) -> records.Plan | None:
    rows = [(plan.agreed_on, plan) for plan in row.plans.all()]
    return plan_record(_last_agreed(rows)[1]) if rows else None


def _last_agreed(plans: Sequence[tuple[date | None, T]]) -> tuple[date | None, T]:
    """Of a course's plans, each with the day it was agreed, the one last agreed; before any
    agreement the last proposal."""
    agreed = [one for one in plans if one[0] is not None]
    return (agreed or plans)[-1]


def _session(row: models.Session) -> records.Session:
    return records.Session(
        number=row.number,
        on=row.on,
        mixtures=read(tuple[records.Mixture, ...], row.mixtures, f"session {row.pk}"),
        sites=tuple(
            records.SiteDose(s.site, records.Side(s.side), s.mixture, Ml(s.volume_ml))
            for s in _filled(row, "given_sites")
        ),
        weight_kg=None if row.weight_kg is None else Kg(row.weight_kg),
    )


def _came_late(row: models.Assessment, course: models.Course) -> bool:
    """Whether by their days a decision knew these answers, while by the clock none did."""
    could = [d.at for d in _filled(course, "decided") if d.on >= row.on]
    return bool(could) and row.completed_at is not None and row.completed_at > max(could)


def assessment_record(row: models.Assessment) -> records.Assessment:
    """One set of answers as a record. Raises ShapeError where they are none."""
    return _assessment(row.pk, row.on, row.occasion, row.questionnaire, row.answers, row.source)


def _assessment(
    id: int, on: date, occasion: str, questionnaire: str, given: Any, source: str
) -> records.Assessment:
    try:
        answers = read_answers(json.dumps(given))
    except ShapeError as wrong:
        raise wrong.within(f"assessment {id}") from wrong
    return records.Assessment(on, records.Occasion(occasion), questionnaire, answers, source)


def _decision(row: models.Decision) -> records.Decision:
    return records.Decision(
        on=row.on,
        suggested=records.NextStep(row.suggested),
        decided=records.NextStep(row.decided),
        by=str(row.by),
        reason=row.reason,
    )
