"""Who comes when. A clinician is never booked twice at the same time."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from enthesis.clinic import audit
from enthesis.clinic.actions import Refused, open_for_edit, save
from enthesis.clinic.actions.patients import clinician_of
from enthesis.clinic.models import Appointment, Course, User
from enthesis.clinic.permissions import get_for

# The longest appointment that the form offers; bounds the search for overlaps.
LONGEST = timedelta(hours=8)


@transaction.atomic
def book_appointment(
    user: User, course_id: int, starts_at: datetime, minutes: int, kind: str, clinician_id: int
) -> Appointment:
    """A new appointment; Refused if it is past or the clinician is taken."""
    course = get_for(user, Course, course_id)
    appointment = Appointment(course=course, kind=kind)
    _place(user, appointment, starts_at, minutes, clinician_id)
    save(appointment)
    audit.record(user, "book_appointment", appointment, detail=_when(appointment))
    return appointment


@transaction.atomic
def move_appointment(
    user: User,
    appointment_id: int,
    starts_at: datetime,
    minutes: int,
    clinician_id: int,
    expected_version: int | None,
) -> Appointment:
    """Another time or clinician for a booked appointment."""
    appointment = _booked(user, appointment_id, expected_version)
    before = _when(appointment)
    _place(user, appointment, starts_at, minutes, clinician_id)
    save(appointment)
    detail = {"from": before, "to": _when(appointment)}
    audit.record(user, "move_appointment", appointment, detail=detail)
    return appointment


@transaction.atomic
def cancel_appointment(
    user: User, appointment_id: int, expected_version: int | None
) -> Appointment:
    """The patient will not come; the time is free again."""
    appointment = _booked(user, appointment_id, expected_version)
    appointment.state = Appointment.State.CANCELLED
    save(appointment)
    audit.record(user, "cancel_appointment", appointment, detail=_when(appointment))
    return appointment


@transaction.atomic
def miss_appointment(user: User, appointment_id: int, expected_version: int | None) -> Appointment:
    """The patient did not come; only known once the time has passed."""
    appointment = _booked(user, appointment_id, expected_version)
    if appointment.starts_at > timezone.now():
        raise Refused("This appointment is still to come. Cancel it instead.")
    appointment.state = Appointment.State.MISSED
    save(appointment)
    audit.record(user, "miss_appointment", appointment, detail=_when(appointment))
    return appointment


@transaction.atomic
def mark_done(user: User, course: Course, kind: str, on: date) -> None:
    """The patient came: what was booked of that kind on that day of the clinic is done.

    Part of the action that records the visit, and of its transaction.
    """
    zone = ZoneInfo(course.patient.clinic.time_zone)
    midnight = datetime.combine(on, time(), tzinfo=zone)
    for appointment in course.appointments.filter(
        kind=kind,
        state=Appointment.State.BOOKED,
        starts_at__gte=midnight,
        starts_at__lt=datetime.combine(on + timedelta(days=1), time(), tzinfo=zone),
    ):
        appointment.state = Appointment.State.DONE
        save(appointment)
        audit.record(user, "mark_done", appointment)


def _booked(user: User, appointment_id: int, expected_version: int | None) -> Appointment:
    appointment = open_for_edit(user, Appointment, appointment_id, expected_version)
    if appointment.state != Appointment.State.BOOKED:
        raise Refused(f"This appointment is no longer booked: {appointment.get_state_display()}.")
    return appointment


def _place(
    user: User, appointment: Appointment, starts_at: datetime, minutes: int, clinician_id: int
) -> None:
    if starts_at < timezone.now():
        raise Refused("That time has passed. Choose a later one.", "at")
    if not 0 < minutes <= LONGEST.total_seconds() / 60:
        raise Refused("An appointment lasts from 1 minute to 8 hours.", "minutes")
    clinician = clinician_of(user, clinician_id)
    # Two desks booking the same clinician wait for each other here.
    User.objects.select_for_update().get(pk=clinician_id)
    ends_at = starts_at + timedelta(minutes=minutes)
    near = Appointment.objects.filter(
        clinician=clinician,
        state=Appointment.State.BOOKED,
        starts_at__gt=starts_at - LONGEST,
        starts_at__lt=ends_at,
    ).exclude(pk=appointment.pk)
    for other in near:
        if other.starts_at + timedelta(minutes=other.minutes) > starts_at:
            at = timezone.localtime(other.starts_at)
            raise Refused(
                f"{clinician} is booked at {at:%H:%M} for {other.minutes} minutes. "
                "Choose another time.",
                "at",
            )
    appointment.starts_at, appointment.minutes = starts_at, minutes
    appointment.clinician = clinician


def _when(appointment: Appointment) -> dict[str, str]:
    return {"starts_at": appointment.starts_at.isoformat(), "clinician": str(appointment.clinician)}
