"""What a clinic's day holds: who worries, who comes, whose recheck is due, who is lost.

Reads the rows in a handful of queries and asks `journey` about each open course; holds no rule
of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, Max, OuterRef, Subquery
from django.utils import timezone

from enthesis import records
from enthesis.clinic import models, store
from enthesis.clinic.actions.alert import alert_key
from enthesis.journey import course as journey_course
from enthesis.journey import follow, judge
from enthesis.journey.screens import screened, screened_last, words
from enthesis.knowledge.kinds import Knowledge

SOON = timedelta(days=7)


@dataclass(frozen=True)
class Tag:
    """A word in a tone with its shape; `next_step` instead for one of the five answers."""

    text: str
    tone: str = "care"
    icon: str = ""
    next_step: str = ""


@dataclass(frozen=True)
class Row:
    """One line of a list: whose course, what about it, one tag, and the `answers` it is about."""

    course: models.Course
    line: str
    tag: Tag
    at: datetime | None = None
    days: int = 0
    answers: int = 0


@dataclass(frozen=True)
class Worry:
    """An answer that must reach a clinician at once. `words` are for clinicians' eyes."""

    course: models.Course
    assessment_id: int
    answered_at: datetime
    words: str
    read_by: models.User | None
    alert: str


@dataclass(frozen=True)
class Day:
    """Everything the Today page shows."""

    worries: list[Worry]
    moods: list[Row]
    visits: list[Row]
    rechecks: list[Row]
    lost: list[Row]
    lost_after_days: int


def day(
    clinic: models.Clinic,
    today: date,
    outlines: dict[int, records.Course] | None = None,
    *,
    clinical: bool,
) -> Day:
    """The day as staff may see it: what patients answered is for clinicians (`clinical`).
    `outlines`: those of the open courses, where somebody has read them already."""
    known = store.known_for(clinic, today)
    outlines = store.open_outlines(clinic) if outlines is None else outlines
    # A course that was opened or closed between the two looks is left out.
    rows = {row.pk: row for row in _open_courses(clinic) if row.pk in outlines}
    outlines = {pk: outlines[pk] for pk in rows}
    due = {pk: one for pk, course in outlines.items() for one in follow.due(course, known, today)}
    found = {pk: course for pk, course in outlines.items() if pk not in due or not due[pk].is_lost}
    waiting = _undecided(rows)
    return Day(
        worries=_worries(rows, waiting, known),
        moods=_moods(rows, waiting, known),
        visits=_visits(clinic, known, today, clinical),
        rechecks=_rechecks(rows, found, known, today),
        lost=_lost(rows, due),
        lost_after_days=known.stop_rule.lost_after_days,
    )


def _open_courses(clinic: models.Clinic) -> Iterable[models.Course]:
    calls = models.CallAttempt.objects.filter(course=OuterRef("pk")).order_by().values("course")
    return (
        models.Course.objects.filter(patient__clinic=clinic, closed_on=None)
        .select_related("patient")
        .annotate(
            calls_made=Subquery(calls.annotate(n=Count("pk")).values("n")),
            called_at=Subquery(calls.annotate(last=Max("at")).values("last")),
        )
    )


def _appointments(clinic: models.Clinic, today: date) -> list[models.Appointment]:
    begins = datetime.combine(today, time(), ZoneInfo(clinic.time_zone))
    ends = datetime.combine(today + timedelta(days=1), time(), ZoneInfo(clinic.time_zone))
    rows = models.Appointment.objects.filter(
        course__patient__clinic=clinic, starts_at__gte=begins, starts_at__lt=ends
    ).exclude(state=models.Appointment.State.CANCELLED)
    return list(rows.select_related("course__patient", "clinician"))


Said = tuple[models.Assessment, records.Assessment]


def _undecided(rows: dict[int, models.Course]) -> list[Said]:
    """The answers that no decision followed, newest first."""
    decided = models.Decision.objects.filter(
        course=OuterRef("course"), at__gte=OuterRef("completed_at")
    )
    waiting = (
        models.Assessment.objects.filter(course__in=rows, completed_at__isnull=False)
        .filter(~Exists(decided))
        .select_related("read_by")
        .order_by("-completed_at")
    )
    return [(row, store.assessment_record(row)) for row in waiting]


def _moods(rows: dict[int, models.Course], waiting: list[Said], known: Knowledge) -> list[Row]:
    """Unread answers at which somebody should ask about mood. Reading them takes one away."""
    found = []
    for row, said in waiting:
        screens = screened(said.answers, known) if row.read_at is None else ()
        if screens and not follow.dangers(said.answers, known):
            on, line = said.on, "; ".join(map(words, screens))
            tag = Tag(f"{on.day} {on:%b}", "halt", "pen")
            found.append(Row(rows[row.course_id], line, tag, answers=row.pk))
    return found


def _worries(rows: dict[int, models.Course], waiting: list[Said], known: Knowledge) -> list[Worry]:
    """Answers with a danger sign, newest first. Only a decision takes one away: reading alone
    helps nobody."""
    alerts = {
        message.key: message.get_state_display().lower()
        for message in models.Message.objects.filter(course__in=rows, is_alert=True)
    }
    found = []
    for assessment, said in waiting:
        dangers = follow.dangers(said.answers, known)
        if dangers:
            answered_at = cast(datetime, assessment.completed_at)
            words = "; ".join(rule.text for rule in dangers)
            alert = alerts.get(alert_key(assessment.pk), "")
            found.append(
                Worry(
                    rows[assessment.course_id],
                    assessment.pk,
                    answered_at,
                    words,
                    assessment.read_by,
                    alert,
                )
            )
    return found


def _visits(clinic: models.Clinic, known: Knowledge, today: date, clinical: bool) -> list[Row]:
    """Who is booked today, in the order of the clock; only these few courses are judged."""
    appointments = _appointments(clinic, today)
    courses = store.course_records([a.course for a in appointments])
    patients = [a.course.patient_id for a in appointments]
    weighed = set(
        models.Weight.objects.filter(patient__in=patients).values_list("patient", flat=True)
    )
    return [
        _visit(a, course, known, today, a.course.patient_id in weighed, clinical)
        for a, course in zip(appointments, courses, strict=True)
    ]


def _visit(
    appointment: models.Appointment,
    course: records.Course,
    known: Knowledge,
    today: date,
    is_weighed: bool,
    clinical: bool,
) -> Row:
    condition = known.conditions[course.condition].name
    line = f"{condition}, {course.side}. {appointment.get_kind_display()}"
    tag = Tag("Booked", "halt", "clock")
    verdict = judge.judge(course, known, today) if course.sessions else None
    if appointment.kind == models.Appointment.Kind.SESSION and course.plan:
        line += _of_series(len(journey_course.series_sessions(course)) + 1, course.plan)
    if appointment.state != models.Appointment.State.BOOKED:
        tag = _past_tag(appointment)
    elif course.evaluation is None:
        tag = Tag("Evaluate", "accent", "pen")
    elif course.plan is None or course.plan.agreed_on is None:
        tag = Tag("Agreement missing")
    elif not is_weighed:
        line += ". Weight not recorded"
        tag = Tag("Weigh first")
    elif verdict and verdict.ask_first:
        tag = Tag("Ask today", "care", "phone")
    elif verdict and clinical:
        tag = Tag("", next_step=verdict.next_step.value)
    if verdict and clinical and verdict.baseline is not None and verdict.latest is not None:
        line += f". Pain {_number(verdict.baseline)} to {_number(verdict.latest)}"
    if clinical and screened_last(course, known):
        line += ". Ask about mood"
    return Row(appointment.course, line, tag, at=appointment.starts_at)


def _of_series(number: int, plan: records.Plan) -> str:
    """Which session it is: of those planned, then of those agreed at most."""
    if number <= plan.sessions_planned:
        return f" {number} of {plan.sessions_planned}"
    if number <= plan.sessions_max:
        return f" {number} of at most {plan.sessions_max}"
    return f" {number}; at most {plan.sessions_max} were agreed"


def _past_tag(appointment: models.Appointment) -> Tag:
    if appointment.state == models.Appointment.State.DONE:
        return Tag("Done", "good", "check")
    return Tag("Did not come", "care")


def _number(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _lost(rows: dict[int, models.Course], due: dict[int, follow.Due]) -> list[Row]:
    """Courses silent for so long that nobody is told to call; they stay counted, latest first."""
    found = [
        Row(rows[pk], _calls(rows[pk]), _since_tag(one.due_on), days=one.late_days)
        for pk, one in due.items()
        if one.is_lost
    ]
    return sorted(found, key=lambda row: row.days)


def _since_tag(on: date) -> Tag:
    return Tag(f"since {on.day} {on:%b %Y}", "halt", "clock")


def _calls(row: models.Course) -> str:
    made, called_at = row.calls_made or 0, row.called_at  # type: ignore[attr-defined]
    if not made:
        return "Not called yet"
    at = timezone.localtime(called_at)
    return f"{made} call{'' if made == 1 else 's'}, last {at.day} {at:%b}"


def _rechecks(
    rows: dict[int, models.Course],
    courses: dict[int, records.Course],
    known: Knowledge,
    today: date,
) -> list[Row]:
    """Courses whose recheck is due by the end of the coming week, longest due first."""
    found = []
    for pk, course in courses.items():
        due_on = journey_course.next_recheck_on(course, known)
        if due_on and due_on <= today + SOON:
            days = (today - due_on).days
            line = f"{known.conditions[course.condition].name}, {course.side}"
            found.append(Row(rows[pk], line, _recheck_tag(due_on, days), days=days))
    return sorted(found, key=lambda row: -row.days)


def _recheck_tag(due_on: date, days: int) -> Tag:
    when = f"{due_on.day} {due_on:%b}"
    return Tag(f"since {when}" if days > 0 else f"on {when}", "later", "clock")
