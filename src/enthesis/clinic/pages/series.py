"""A whole series at once: shown first, then booked, moved or cancelled with one button."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_POST

from enthesis import records
from enthesis.clinic import booking, store
from enthesis.clinic.actions import EditConflict, Refused
from enthesis.clinic.actions import series as actions
from enthesis.clinic.models import Appointment, Course
from enthesis.clinic.pages import attempt
from enthesis.clinic.pages.appointments import FIRST_MINUTES, TimeForm, usual_room
from enthesis.clinic.permissions import StaffRequest, get_for, page
from enthesis.journey.booking import Proposal, Wanted
from enthesis.knowledge.booking import BookingRules


class SeriesForm(TimeForm):
    def __init__(self, rules: BookingRules, *args: Any) -> None:
        super().__init__(*args)
        self.fields["reach"] = forms.IntegerField(
            label="Where a day is full or closed, look around it",
            min_value=0,
            max_value=rules.reach_days_max,
            initial=rules.reach_days,
            help_text="So many days later or earlier, at most.",
        )


@require_http_methods(["GET", "POST"])
def book_series(request: StaffRequest, course_id: int) -> HttpResponse:
    """First day and time, clinician, room: all sessions that are left, shown and then booked."""
    course = get_for(request.user, Course, course_id)
    opening, left = booking.opening_of(request.clinic), booking.sessions_to_book(course)
    last = course.appointments.filter(kind="session").last()
    initial = {
        "on": booking.next_wanted(course),
        "at": timezone.localtime(last.starts_at).time() if last else None,
        "minutes": last.minutes if last else FIRST_MINUTES,
        "clinician": last.clinician_id if last else course.clinician_id,
        "room": usual_room(course),
    }
    rules = store.known_for(request.clinic, store.today(request.clinic)).booking_rules
    form = SeriesForm(rules, request.user, request.POST or None, initial)
    proposals: Sequence[Proposal] = ()
    if form.is_bound and opening and left and form.is_valid():
        data = form.cleaned_data
        proposals = booking.proposed_series(
            course,
            Wanted(data["on"], data["at"]),
            data["minutes"],
            data["clinician"],
            data["room"],
            data["reach"],
            opening,
        )
        starts = [one.starts_at for one in proposals if one.starts_at]
        seen = [_moment(text) for text in _texts(request, "start")]
        if "book" in request.POST and seen == starts:
            where = (data["minutes"], data["clinician"], data["room"])
            booked = attempt(form, actions.book_series, request.user, course.pk, starts, *where)
            if booked:
                _tell_booked(request, booked, left)
                return redirect("course", course.pk)
        elif "book" in request.POST:
            form.add_error(None, "The times below are not those shown before. Look, then book.")
    record = store.course_record(course)
    context = {
        "course": course,
        "form": form,
        "left": left,
        "opening": opening,
        "plan": record.plan,
        "agreed": record.plan and record.plan.agreed_on,
        "proposals": proposals,
        "placed": sum(1 for one in proposals if one.starts_at),
        "lost": sum(1 for one in proposals if not one.starts_at),
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/appointments/series.html", context, status=status)


def _tell_booked(request: StaffRequest, booked: list[Appointment], wanted: int) -> None:
    days = ", ".join(_day(row.starts_at) for row in booked)
    messages.success(request, f"Booked {_sessions(len(booked))}: {days}.")
    if missing := wanted - len(booked):
        messages.warning(request, f"Not booked: {_sessions(missing)}. Nothing was free.")


@require_http_methods(["GET", "POST"])
def move_series(request: StaffRequest, course_id: int) -> HttpResponse:
    """The later sessions at the plan's interval from the last one given, or from `?after=` an
    appointment: shown, and moved only by the button."""
    course = get_for(request.user, Course, course_id)
    if request.method == "POST":
        words = "Moved {}: {}."
        moved = _do(request, course, actions.move_series, "move")
        if moved is not None:
            days = ", ".join(_day(row.starts_at) for row in moved)
            messages.success(request, words.format(_sessions(len(moved)), days))
            return redirect("course", course.pk)
    after = request.GET.get("after", "")
    own = course.appointments.filter(pk=int(after)).first() if _is_id(after) else None
    context = {"row": course, "later": booking.proposed_moves(course, own)}
    return render(request, "clinic/appointments/move_series.html", context)


@require_POST
def cancel_series(request: StaffRequest, course_id: int) -> HttpResponse:
    """The sessions still booked for a course that has ended."""
    course = get_for(request.user, Course, course_id)
    if number := _do(request, course, actions.cancel_series, "cancel"):
        messages.success(request, f"Cancelled {_sessions(number)}.")
    return redirect("course", course.pk)


def _do(request: StaffRequest, course: Course, action: Any, name: str) -> Any:
    """Run an action on what was shown; None where it was refused, and said why."""
    try:
        return action(request.user, course.pk, [_shown(text) for text in _texts(request, name)])
    except Refused as refused:
        messages.error(request, f"{refused.message} Nothing was changed.")
    except EditConflict:
        messages.error(request, "Somebody else changed one of these. Nothing was changed.")
    return None


def _shown(text: str) -> actions.Shown:
    """ "12 3 2026-12-19T14:00:00+00:00": which appointment, its version, and where it is to go."""
    number, version, at = (*text.split(" "), "", "")[:3]
    if not (_is_id(number) and _is_id(version)):
        raise Refused("The form was cut on its way. Try again.")
    return actions.Shown(int(number), int(version), _moment(at))


def _moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found and found.tzinfo else None


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _texts(request: StaffRequest, name: str) -> list[str]:
    return [text for text in request.POST.getlist(name) if text]


def _sessions(number: int) -> str:
    return f"{number} session{'' if number == 1 else 's'}"


def _day(at: datetime) -> str:
    local = timezone.localtime(at)
    return f"{local.day} {local:%b} at {local:%H:%M}"


def series_offers(course: Course, record: records.Course) -> dict[str, Any]:
    """What a page of the course offers: the later sessions to move, or those to cancel."""
    return {
        "later": booking.proposed_moves(course, record=record),
        "to_cancel": booking.to_cancel(course, record),
        "left_to_book": booking.sessions_to_book(course, record),
    }


urlpatterns = [
    page("courses/<int:course_id>/series/", book_series, "book_series"),
    page("courses/<int:course_id>/series/move/", move_series, "move_series"),
    page("courses/<int:course_id>/series/cancel/", cancel_series, "cancel_series"),
]
