"""What a clinic's day holds: who worries, who comes, whose recheck is due, who is lost.

Asks `journey` about each open course by its outline, and reads the rows of those alone that the
page names, in a handful of queries however many are open; holds no rule of its own.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, Max, OuterRef, Subquery, TextField
from django.db.models.functions import Cast
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
    """Everything the Today page shows. Of the last two lists only the first rows may be there; how
    many there are in all is counted."""

    worries: list[Worry]
    moods: list[Row]
    visits: list[Row]
    rechecks: list[Row]
    number_of_rechecks: int
    lost: list[Row]
    number_lost: int
    lost_after_days: int


def day(
    clinic: models.Clinic,
    today: date,
    outlines: dict[int, records.Course] | None = None,
    *,
    clinical: bool,
    most_rechecks: int | None = None,
    most_lost: int | None = None,
) -> Day:
    """The day as staff may see it: what patients answered is for clinicians (`clinical`).

    `outlines`: those of the open courses, where somebody has read them already. `most_…` is how
    many of a list are shown: of the others no record is read.
    """
    known = store.known_for(clinic, today)
    outlines = store.open_outlines(clinic) if outlines is None else outlines
    due = {pk: one for pk, course in outlines.items() for one in follow.due(course, known, today)}
    lost = _longest_lost_last({pk: one for pk, one in due.items() if one.is_lost})
    first_lost = dict(islice(lost.items(), most_lost))
    found = {pk: course for pk, course in outlines.items() if pk not in lost}
    rechecks = _rechecks_due(found, known, today)
    first_rechecks = dict(islice(rechecks.items(), most_rechecks))
    waiting = _undecided(clinic)
    worries = _worrying(waiting, known)
    moods = _low(waiting, known) if clinical else []
    answered = (one.course for one in (*worries, *moods))
    shown = _courses([*answered, *first_rechecks, *first_lost])
    return Day(
        worries=_worries(worries, shown, known),
        moods=_moods(moods, shown, known),
        visits=_visits(clinic, known, today, clinical),
        rechecks=[
            _recheck(shown[pk], on, known, today)
            for pk, on in first_rechecks.items()
            if pk in shown
        ],
        number_of_rechecks=len(rechecks),
        lost=[
            Row(shown[pk], _calls(shown[pk]), _since_tag(one.due_on), days=one.late_days)
            for pk, one in first_lost.items()
            if pk in shown
        ],
        number_lost=len(lost),
        lost_after_days=known.stop_rule.lost_after_days,
    )


def _courses(shown: Collection[int]) -> dict[int, models.Course]:
    """The rows of those courses that the page names, with the calls made."""
    calls = models.CallAttempt.objects.filter(course=OuterRef("pk")).order_by().values("course")
    rows = models.Course.objects.filter(pk__in=set(shown)).select_related("patient")
    rows = rows.annotate(
        calls_made=Subquery(calls.annotate(n=Count("pk")).values("n")),
        called_at=Subquery(calls.annotate(last=Max("at")).values("last")),
    )
    return {row.pk: row for row in rows}


def _appointments(clinic: models.Clinic, today: date) -> list[models.Appointment]:
    begins = datetime.combine(today, time(), ZoneInfo(clinic.time_zone))
    ends = datetime.combine(today + timedelta(days=1), time(), ZoneInfo(clinic.time_zone))
    rows = models.Appointment.objects.filter(
        course__patient__clinic=clinic, starts_at__gte=begins, starts_at__lt=ends
    ).exclude(state=models.Appointment.State.CANCELLED)
    return list(rows.select_related("course__patient", "clinician"))


class _Said(NamedTuple):
    """Answers that no decision followed: whose, what, and whether somebody has read them."""

    id: int
    course: int
    on: date
    completed_at: datetime
    read_at: datetime | None
    read_by: int | None
    answers: Mapping[str, records.Answer]


def _undecided(clinic: models.Clinic) -> list[_Said]:
    """The answers of open courses that no decision followed, newest first."""
    decided = models.Decision.objects.filter(
        course=OuterRef("course"), at__gte=OuterRef("completed_at")
    )
    waiting = (
        models.Assessment.objects.filter(
            course__patient__clinic=clinic, course__closed_on=None, completed_at__isnull=False
        )
        .filter(~Exists(decided))
        .order_by("-completed_at")
        .values_list(
            *("id", "course", "on", "completed_at", "read_at", "read_by"),
            Cast("answers", TextField()),
        )
    )
    return [_Said(*row)._replace(answers=store.read_answers(row[-1])) for row in waiting]


def _worrying(waiting: list[_Said], known: Knowledge) -> list[_Said]:
    """Those with a danger sign. Only a decision takes one away: reading alone helps nobody."""
    return [said for said in waiting if follow.dangers(said.answers, known)]


def _low(waiting: list[_Said], known: Knowledge) -> list[_Said]:
    """Unread answers at which somebody should ask about mood. Reading them takes one away."""
    return [
        said
        for said in waiting
        if said.read_at is None
        and screened(said.answers, known)
        and not follow.dangers(said.answers, known)
    ]


def _moods(found: list[_Said], rows: dict[int, models.Course], known: Knowledge) -> list[Row]:
    return [
        Row(
            rows[said.course],
            "; ".join(map(words, screened(said.answers, known))),
            Tag(f"{said.on.day} {said.on:%b}", "halt", "pen"),
            answers=said.id,
        )
        for said in found
        if said.course in rows
    ]


def _worries(found: list[_Said], rows: dict[int, models.Course], known: Knowledge) -> list[Worry]:
    sent = models.Message.objects.filter(course__in=rows, is_alert=True) if found else ()
    alerts = {message.key: message.get_state_display().lower() for message in sent}
    readers = models.User.objects.in_bulk([said.read_by for said in found if said.read_by])
    return [
        Worry(
            rows[said.course],
            said.id,
            said.completed_at,
            "; ".join(rule.text for rule in follow.dangers(said.answers, known)),
            readers.get(said.read_by or 0),
            alerts.get(alert_key(said.id), ""),
        )
        for said in found
        if said.course in rows
    ]


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
        # What was given today is this visit's.
        given = [s for s in journey_course.series_sessions(course) if s.on < today]
        line += _of_series(len(given) + 1, course.plan)
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


def _longest_lost_last(due: dict[int, follow.Due]) -> dict[int, follow.Due]:
    """Courses silent for so long that nobody is told to call; they stay counted, latest first."""
    return dict(sorted(due.items(), key=lambda found: found[1].late_days))


def _since_tag(on: date) -> Tag:
    return Tag(f"since {on.day} {on:%b %Y}", "halt", "clock")


def _calls(row: models.Course) -> str:
    made, called_at = row.calls_made or 0, row.called_at  # type: ignore[attr-defined]
    if not made:
        return "Not called yet"
    at = timezone.localtime(called_at)
    return f"{made} call{'' if made == 1 else 's'}, last {at.day} {at:%b}"


def _rechecks_due(
    courses: dict[int, records.Course], known: Knowledge, today: date
) -> dict[int, date]:
    """Courses whose recheck is due by the end of the coming week, longest due first."""
    found = {pk: journey_course.next_recheck_on(course, known) for pk, course in courses.items()}
    soon = {pk: on for pk, on in found.items() if on and on <= today + SOON}
    return dict(sorted(soon.items(), key=lambda due: due[1]))


def _recheck(row: models.Course, due_on: date, known: Knowledge, today: date) -> Row:
    days = (today - due_on).days
    line = f"{known.conditions[row.condition].name}, {row.side}"
    return Row(row, line, _recheck_tag(due_on, days), days=days)


def _recheck_tag(due_on: date, days: int) -> Tag:
    when = f"{due_on.day} {due_on:%b}"
    return Tag(f"since {when}" if days > 0 else f"on {when}", "later", "clock")
