"""A whole series booked, moved or cancelled in one step: all of it or nothing.

What is written is exactly what was shown before (see clinic/booking.py, which proposes): if a
time was taken meanwhile, the whole step is refused and proposed anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from enthesis.clinic import audit
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.actions.appointments import booked, hold, place, when
from enthesis.clinic.booking import open_sessions, sessions_to_book
from enthesis.clinic.models import Appointment, Course, User
from enthesis.clinic.permissions import get_for


@dataclass(frozen=True, slots=True)
class Shown:
    """A booked appointment as its user saw it, and where it is to go."""

    appointment_id: int
    version: int
    starts_at: datetime | None = None


@transaction.atomic
def book_series(
    user: User,
    course_id: int,
    starts: Sequence[datetime],
    minutes: int,
    clinician_id: int,
    room_id: int | None,
) -> list[Appointment]:
    """Book every time that was shown; Refused, with nothing booked, if one is taken or too many."""
    hold(user, [clinician_id], [room_id])
    course = get_for(user, Course, course_id, lock=True)
    if not starts:
        raise Refused("No time is left to book. Choose another first day.")
    if len(starts) > sessions_to_book(course):
        raise Refused("Some of these sessions were booked meanwhile. Look at the course again.")
    made = []
    for starts_at in sorted(starts):
        appointment = Appointment(course=course, kind=Appointment.Kind.SESSION)
        place(user, appointment, starts_at, minutes, clinician_id, room_id)
        made.append(save(appointment))
        audit.record(user, "book_series", appointment, detail=when(appointment))
    return made


@transaction.atomic
def move_series(user: User, course_id: int, moves: Sequence[Shown]) -> list[Appointment]:
    """Move booked sessions of a course to the times that were shown, or none of them.

    EditConflict if one was changed since; Refused if a time is taken.
    """
    course = get_for(user, Course, course_id)
    mine = course.appointments.filter(pk__in=[move.appointment_id for move in moves])
    hold(user, mine.values_list("clinician", flat=True), mine.values_list("room", flat=True))
    course = get_for(user, Course, course_id, lock=True)
    rows = []
    for move in moves:
        row = booked(user, move.appointment_id, move.version)
        if row.course_id != course.pk or move.starts_at is None or row.clinician_id is None:
            raise Refused("These appointments are not a series. Move them one by one.")
        rows.append((row, move.starts_at))
    # Each into what the one before has left: later ones from the last, earlier ones from the first.
    later = sorted((r for r in rows if r[1] > r[0].starts_at), key=lambda r: r[1], reverse=True)
    earlier = sorted((r for r in rows if r[1] <= r[0].starts_at), key=lambda r: r[1])
    for row, starts_at in (*later, *earlier):
        before = when(row)
        place(user, row, starts_at, row.minutes, row.clinician_id, row.room_id)  # type: ignore[arg-type]
        save(row)
        audit.record(user, "move_series", row, detail={"from": before, "to": when(row)})
    return sorted((row for row, _ in rows), key=lambda row: row.starts_at)


@transaction.atomic
def cancel_series(user: User, course_id: int, shown: Sequence[Shown]) -> int:
    """Cancel the sessions still to come that were shown, or none of them; says how many."""
    course = get_for(user, Course, course_id, lock=True)
    coming = set(open_sessions(course, timezone.now()).values_list("pk", flat=True))
    for one in shown:
        row = booked(user, one.appointment_id, one.version)
        if row.pk not in coming:
            raise Refused("One of these is not to come any more. Look at the course again.")
        row.state = Appointment.State.CANCELLED
        save(row)
        audit.record(user, "cancel_series", row, detail=when(row))
    return len(shown)
