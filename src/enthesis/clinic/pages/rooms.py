"""Rooms and opening hours, for administrators."""

from datetime import date
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from enthesis.clinic.actions import EditConflict
from enthesis.clinic.actions import rooms as actions
from enthesis.clinic.models import Clinic, Room
from enthesis.clinic.pages import attempt, made_from
from enthesis.clinic.permissions import StaffRequest, get_for, page, rows_for


class OpeningForm(forms.Form):
    closed = forms.CharField(
        label="Closed days",
        required=False,
        max_length=5000,
        widget=forms.Textarea({"rows": 4}),
        help_text="Holidays and leave, one day a line, such as 2026-12-25.",
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any, initial: dict[str, Any]) -> None:
        super().__init__(data, initial=initial)
        for day in actions.WEEKDAYS:
            self.fields[day] = forms.CharField(
                label=day.capitalize(), required=False, max_length=100
            )

    def clean_closed(self) -> list[date]:
        """One ISO date a line."""
        days = []
        for line in filter(None, map(str.strip, self.cleaned_data["closed"].splitlines())):
            try:
                days.append(date.fromisoformat(line))
            except ValueError:
                text = f"“{line}” is no day. Write it as 2026-12-25."
                raise forms.ValidationError(text) from None
        return days


class RoomForm(forms.Form):
    name = forms.CharField(label="Name of the room", max_length=60)


@require_http_methods(["GET", "POST"])
def rooms(request: StaffRequest) -> HttpResponse:
    """When the clinic is open, and its rooms."""
    data = request.POST if request.method == "POST" else None
    is_room = data is not None and "name" in data
    opening = OpeningForm(None if is_room else data, _opening(request.clinic))
    room = RoomForm(data if is_room else None)
    if is_room and room.is_valid():
        added = attempt(room, actions.add_room, request.user, room.cleaned_data["name"])
        if added:
            messages.success(request, f"{added} can be booked.")
            return redirect("rooms")
    both, status = None, 422
    if opening.is_bound and opening.is_valid():
        typed = opening.cleaned_data
        hours = [typed[day] for day in actions.WEEKDAYS]
        version = typed["version"] or 0
        try:
            if attempt(opening, actions.set_opening, request.user, hours, typed["closed"], version):
                messages.success(request, "The opening hours were saved.")
                return redirect("rooms")
        except EditConflict as conflict:
            theirs = cast(Clinic, conflict.theirs)
            both, status = made_from(opening, theirs, **_opening(theirs)), 409
    context = {
        "opening": opening,
        "both": both,
        "form": opening if not is_room else room,
        "days": [opening[day] for day in actions.WEEKDAYS],
        "room_form": room,
        "rooms": rows_for(request.user, Room).order_by("-is_active", "name"),
    }
    is_wrong = bool(both is not None or opening.errors or room.errors)
    return render(
        request, "clinic/settings/rooms.html", context, status=status if is_wrong else 200
    )


def _opening(clinic: Clinic) -> dict[str, Any]:
    hours = dict(zip(actions.WEEKDAYS, clinic.opening_hours, strict=False))
    return {**hours, "closed": "\n".join(clinic.closed_days), "version": clinic.version}


@require_POST
def use_room(request: StaffRequest, room_id: int) -> HttpResponse:
    """Whether a room can be booked from now on."""
    get_for(request.user, Room, room_id)
    room = actions.use_room(request.user, room_id, "use" in request.POST)
    words = "can be booked again" if room.is_active else "is not booked any more"
    messages.success(request, f"{room} {words}.")
    return redirect("rooms")


urlpatterns = [
    page("settings/rooms/", rooms, "rooms"),
    page("settings/rooms/<int:room_id>/", use_room, "use_room"),
]
