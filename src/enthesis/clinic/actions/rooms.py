"""The clinic's rooms, and when it is open."""

from collections.abc import Sequence
from datetime import date

from django.db import transaction

from enthesis.clinic import audit
from enthesis.clinic.actions import EditConflict, Refused, hold_clinic, save
from enthesis.clinic.models import Clinic, Room, User
from enthesis.clinic.permissions import get_for
from enthesis.journey.booking import read_spans

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@transaction.atomic
def set_opening(
    user: User, hours: Sequence[str], closed: Sequence[date], expected_version: int | None
) -> Clinic:
    """When the clinic is open, Monday to Sunday ("" is closed), and its days off. What is booked
    already stays."""
    clinic = hold_clinic(user)
    if expected_version is not None and clinic.version != expected_version:
        raise EditConflict(clinic)
    for day, text in zip(WEEKDAYS, hours, strict=True):
        try:
            read_spans(text)
        except ValueError as error:
            raise Refused(str(error), day) from error
    before = {"hours": clinic.opening_hours, "closed": clinic.closed_days}
    clinic.opening_hours = [text.strip() for text in hours]
    clinic.closed_days = [day.isoformat() for day in sorted(set(closed))]
    save(clinic)
    after = {"hours": clinic.opening_hours, "closed": clinic.closed_days}
    audit.record(user, "set_opening", clinic, detail={"from": before, "to": after})
    return clinic


@transaction.atomic
def add_room(user: User, name: str) -> Room:
    """A new room; Refused if there is one of the name."""
    room = save(Room(clinic=hold_clinic(user), name=name.strip()))
    audit.record(user, "add_room", room, detail={"name": room.name})
    return room


@transaction.atomic
def use_room(user: User, room_id: int, is_active: bool) -> Room:
    """Whether a room can be booked from now on; what is booked in it stays."""
    room = get_for(user, Room, room_id, lock=True)
    room.is_active = is_active
    save(room)
    audit.record(user, "use_room", room, detail={"is_active": is_active})
    return room
