"""What could be booked or moved: reads the rows and asks `journey.booking`; writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.utils import timezone

from enthesis import records
from enthesis.clinic import store
from enthesis.clinic.models import Appointment, Clinic, Course
from enthesis.journey.booking import Busy, Opening, Proposal, Wanted, day_note, place, read_spans
from enthesis.journey.course import Phase, phase, series_sessions
from enthesis.journey.plan import series_dates


@dataclass(frozen=True)
class Moved:
    """A booked session and where it would go."""

    appointment: Appointment
    to: Proposal


@dataclass(frozen=True)
class Moves:
    """The later sessions at the plan's interval from a day; `lost` found no free time."""

    after: date
    interval_days: int
    moves: list[Moved]
    lost: list[Moved]


def opening_of(clinic: Clinic) -> Opening | None:
    """The clinic's hours; None while nobody has set them."""
    if not any(clinic.opening_hours):
        return None
    closed = frozenset(date.fromisoformat(day) for day in clinic.closed_days)
    return Opening(tuple(read_spans(text) for text in clinic.opening_hours), closed)


def open_sessions(course: Course, after: datetime) -> QuerySet[Appointment]:
    """The booked sessions of a course that begin after a moment, in the order of the clock."""
    return course.appointments.filter(
        kind=Appointment.Kind.SESSION, state=Appointment.State.BOOKED, starts_at__gt=after
    ).select_related("clinician", "room")


def sessions_to_book(course: Course, record: records.Course | None = None) -> int:
    """How many sessions of the agreed plan are neither given nor booked. `record`: that of the
    course, where somebody has read it already."""
    record = record or store.course_record(course)
    if record.plan is None or record.plan.agreed_on is None:
        return 0
    if phase(record) not in (Phase.PLANNED, Phase.TREATING):
        return 0
    coming = open_sessions(course, timezone.now()).count()
    return max(0, record.plan.sessions_planned - len(series_sessions(record)) - coming)


def next_wanted(course: Course) -> date:
    """The day on which the first session that is not booked would fall."""
    record = store.course_record(course)
    today = store.today(course.patient.clinic)
    days = [session.on for session in series_sessions(record)]
    days += [_day(row) for row in open_sessions(course, timezone.now())]
    if not days or record.plan is None:
        return today
    return max(max(days) + timedelta(record.plan.interval_days), today)


def proposed_series(
    course: Course,
    first: Wanted,
    minutes: int,
    clinician_id: int,
    room_id: int | None,
    reach_days: int,
    opening: Opening,
) -> tuple[Proposal, ...]:
    """Every session still to be booked, from the first day on at the plan's interval."""
    plan = store.course_record(course).plan
    if plan is None:
        return ()
    days = series_dates(plan, first.on)[: sessions_to_book(course)]
    wanted = [Wanted(day, first.at) for day in days]
    whose = Q(clinician=clinician_id) | (Q(room=room_id) if room_id else Q())
    busy = _busy(course, whose, days, [])
    return _placed(course, wanted, minutes, busy, opening, reach_days, plan)


def proposed_moves(
    course: Course, after: Appointment | None = None, record: records.Course | None = None
) -> Moves | None:
    """The booked sessions after the last one given, or after an appointment, at the plan's
    interval from it; None where there is nothing to move. `record` as above."""
    now, clinic = timezone.now(), course.patient.clinic
    record = record or store.course_record(course)
    opening, given = opening_of(clinic), series_sessions(record)
    if record.plan is None or opening is None or not (after or given):
        return None
    if phase(record) not in (Phase.PLANNED, Phase.TREATING):
        return None
    rows = list(open_sessions(course, max(now, after.starts_at) if after else now))
    rows = [row for row in rows if row.clinician_id is not None]
    day = _day(after) if after else max(session.on for session in given)
    moves, today, zone = list[Moved](), store.today(clinic), _zone(course)
    reach = store.known_for(clinic, today).booking_rules.reach_days
    base, interval = day, timedelta(record.plan.interval_days)
    for row in rows:
        if base + interval < today:  # long due: where it stands is as early as it will be
            base = _day(row)
            continue
        base += interval
        wanted = Wanted(base, row.starts_at.astimezone(zone).time())
        whose = Q(clinician=row.clinician_id) | (Q(room=row.room_id) if row.room_id else Q())
        busy = _busy(course, whose, [base], rows)
        (to,) = _placed(course, [wanted], row.minutes, busy, opening, reach, record.plan)
        moves.append(Moved(row, to))
    changed = [m for m in moves if m.to.starts_at and m.to.starts_at != m.appointment.starts_at]
    lost = [m for m in moves if m.to.starts_at is None]
    return Moves(day, record.plan.interval_days, changed, lost) if changed or lost else None


def to_cancel(course: Course, record: records.Course) -> list[Appointment]:
    """The sessions still booked for a series that has ended."""
    if phase(record) not in (Phase.FOLLOWING, Phase.CLOSED):
        return []
    return list(open_sessions(course, timezone.now()))


def _placed(
    course: Course,
    wanted: Sequence[Wanted],
    minutes: int,
    busy: Sequence[Busy],
    opening: Opening,
    reach_days: int,
    plan: records.Plan,
) -> tuple[Proposal, ...]:
    zone = _zone(course)
    # Two sessions never meet half way.
    reach = min(reach_days, (plan.interval_days - 1) // 2)
    found = place(wanted, minutes, busy, opening, zone, timezone.now(), reach)
    clinic = course.patient.clinic
    return tuple(
        replace(one, note=note_on(clinic, one.starts_at)) if one.starts_at else one for one in found
    )


def note_on(clinic: Clinic, at: datetime) -> str:
    """Why somebody should look at the day of a moment again: closed, or a holiday."""
    rules = store.known_for(clinic, store.today(clinic)).booking_rules
    return day_note(store.day_of(clinic, at), opening_of(clinic), rules.holidays)


def _busy(
    course: Course, whose: Q, days: Sequence[date], except_for: Sequence[Appointment]
) -> list[Busy]:
    """What the clinician, the room and the patient have already around these days."""
    if not days:
        return []
    zone, week = _zone(course), timedelta(8)
    rows = Appointment.objects.filter(
        whose | Q(course__patient=course.patient_id),
        state=Appointment.State.BOOKED,
        starts_at__gte=_midnight(min(days) - week, zone),
        starts_at__lt=_midnight(max(days) + week, zone),
    ).exclude(pk__in=[row.pk for row in except_for])
    return [
        Busy(row.starts_at, row.starts_at + timedelta(minutes=row.minutes))
        for row in rows.only("starts_at", "minutes")
    ]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _day(row: Appointment) -> date:
    return store.day_of(row.course.patient.clinic, row.starts_at)


def _zone(course: Course) -> ZoneInfo:
    return ZoneInfo(course.patient.clinic.time_zone)
