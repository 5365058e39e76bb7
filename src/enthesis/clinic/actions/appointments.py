"""Who comes when. Neither clinician, patient nor room is ever booked twice at the same time.

`place` is the one way in which an appointment gets its time: it holds all three while it looks for
overlaps. An exclusion constraint would hold on PostgreSQL only.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from enthesis.clinic import audit
from enthesis.clinic.actions import Refused, open_for_edit, save
from enthesis.clinic.actions.patients import clinician_of
from enthesis.clinic.models import Appointment, Course, Patient, Room, User
from enthesis.clinic.permissions import get_for, rows_for

# The longest appointment that the form offers; bounds the search for overlaps.
LONGEST = timedelta(hours=8)


@transaction.atomic
def book_appointment(
    user: User,
    course_id: int,
    starts_at: datetime,
    minutes: int,
    kind: str,
    clinician_id: int,
    room_id: int | None = None,
) -> Appointment:
    """A new appointment; Refused if it is past or the clinician, the patient or the room is taken
    at that time."""
    course = get_for(user, Course, course_id)
    appointment = Appointment(course=course, kind=kind)
    hold(user, [clinician_id], [room_id])
    place(user, appointment, starts_at, minutes, clinician_id, room_id)
    save(appointment)
    audit.record(user, "book_appointment", appointment, detail=when(appointment))
    return appointment


@transaction.atomic
def move_appointment(
    user: User,
    appointment_id: int,
    starts_at: datetime,
    minutes: int,
    clinician_id: int,
    expected_version: int | None,
    room_id: int | None = None,
) -> Appointment:
    """Another time, clinician or room for a booked appointment."""
    hold(user, [clinician_id], [room_id])
    appointment = booked(user, appointment_id, expected_version)
    before = when(appointment)
    place(user, appointment, starts_at, minutes, clinician_id, room_id)
    save(appointment)
    detail = {"from": before, "to": when(appointment)}
    audit.record(user, "move_appointment", appointment, detail=detail)
    return appointment


@transaction.atomic
def cancel_appointment(
    user: User, appointment_id: int, expected_version: int | None
) -> Appointment:
    """The patient will not come; the time is free again."""
    appointment = booked(user, appointment_id, expected_version)
    appointment.state = Appointment.State.CANCELLED
    save(appointment)
    audit.record(user, "cancel_appointment", appointment, detail=when(appointment))
    return appointment


@transaction.atomic
def miss_appointment(user: User, appointment_id: int, expected_version: int | None) -> Appointment:
    """The patient did not come; only known once the time has passed."""
    appointment = booked(user, appointment_id, expected_version)
    if appointment.starts_at > timezone.now():
        raise Refused("This appointment is still to come. Cancel it instead.")
    appointment.state = Appointment.State.MISSED
    save(appointment)
    audit.record(user, "miss_appointment", appointment, detail=when(appointment))
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


def booked(user: User, appointment_id: int, expected_version: int | None) -> Appointment:
    """An appointment that is still booked, held; Refused for any other."""
    appointment = open_for_edit(user, Appointment, appointment_id, expected_version)
    if appointment.state != Appointment.State.BOOKED:
        raise Refused(f"This appointment is no longer booked: {appointment.get_state_display()}.")
    return appointment


def hold(user: User, clinicians: Iterable[int | None], rooms: Iterable[int | None]) -> None:
    """Two desks booking the same clinician or room wait for each other here, until the
    transaction ends. Always clinicians first and by number, so that no two wait crosswise."""
    for kind, ids in ((User, clinicians), (Room, rooms)):
        held: Any = rows_for(user, kind).filter(pk__in={pk for pk in ids if pk is not None})
        list(held.order_by("pk").select_for_update().values_list("pk"))


def place(
    user: User,
    appointment: Appointment,
    starts_at: datetime,
    minutes: int,
    clinician_id: int,
    room_id: int | None,
) -> None:
    """Give an unsaved change of time, clinician and room, all of them free. `hold` them before."""
    if starts_at < timezone.now():
        raise Refused("That time has passed. Choose a later one.", "at")
    if not 0 < minutes <= LONGEST.total_seconds() / 60:
        raise Refused("An appointment lasts from 1 minute to 8 hours.", "minutes")
    appointment.starts_at, appointment.minutes = starts_at, minutes
    appointment.clinician = clinician_of(user, clinician_id)
    _refuse_taken(appointment, {"clinician": appointment.clinician}, "at")
    # After clinicians and rooms, which are held before: desks of two clinicians wait here too.
    patient = get_for(user, Patient, appointment.course.patient_id, lock=True)
    _refuse_taken(appointment, {"course__patient": patient}, "at")
    appointment.room = _room_of(user, room_id, appointment.room_id)
    if appointment.room is not None:
        _refuse_taken(appointment, {"room": appointment.room}, "room")


def _room_of(user: User, room_id: int | None, present_id: int | None) -> Room | None:
    """A room in use, or the one the appointment has already; Refused for any other."""
    if room_id is None:
        return None
    room = rows_for(user, Room).filter(pk=room_id).first()
    if room is None or not (room.is_active or room.pk == present_id):
        raise Refused("Choose one of the clinic's rooms.", "room")
    return room


def _refuse_taken(appointment: Appointment, taken: dict[str, Any], field: str) -> None:
    """Refused where another booked appointment of the clinician, patient or room overlaps it."""
    starts_at = appointment.starts_at
    near = Appointment.objects.filter(
        **taken,
        state=Appointment.State.BOOKED,
        starts_at__gt=starts_at - LONGEST,
        starts_at__lt=starts_at + timedelta(minutes=appointment.minutes),
    ).exclude(pk=appointment.pk)
    for other in near:
        if other.starts_at + timedelta(minutes=other.minutes) > starts_at:
            at = timezone.localtime(other.starts_at)
            (who,) = taken.values()
            raise Refused(
                f"{who} is booked at {at:%H:%M} for {other.minutes} minutes. Choose another time"
                f"{' or room' if field == 'room' else ''}.",
                field,
            )


def when(appointment: Appointment) -> dict[str, str]:
    """When, with whom and where, for the audit."""
    return {
        "starts_at": appointment.starts_at.isoformat(),
        "clinician": str(appointment.clinician),
        **({"room": str(appointment.room)} if appointment.room else {}),
    }
