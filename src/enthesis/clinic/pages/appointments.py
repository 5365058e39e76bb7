"""Appointments one by one: book, move, cancel, did not come."""

from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.forms.utils import from_current_timezone
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from enthesis.clinic import store
from enthesis.clinic.actions import EditConflict, Refused
from enthesis.clinic.actions import appointments as actions
from enthesis.clinic.booking import note_on, proposed_moves
from enthesis.clinic.models import Appointment, Course, Room, User
from enthesis.clinic.pages import attempt, made_from
from enthesis.clinic.pages.patients import Day, clinicians, form_page, read_date
from enthesis.clinic.permissions import StaffRequest, get_for, page, rows_for

FIRST_MINUTES = 30


class TimeForm(forms.Form):
    """A day and time of the clinic, how long, with whom and where."""

    on = forms.DateField(label="Day", widget=Day())
    at = forms.TimeField(label="Time", widget=forms.TimeInput({"type": "time"}, format="%H:%M"))
    minutes = forms.IntegerField(label="Length", min_value=5, max_value=480, initial=FIRST_MINUTES)
    clinician = forms.TypedChoiceField(label="Clinician", coerce=int)
    room = forms.TypedChoiceField(label="Room", coerce=int, empty_value=None, required=False)

    def __init__(
        self,
        user: User,
        data: Any = None,
        initial: dict[str, Any] | None = None,
        present: Room | None = None,
    ) -> None:
        super().__init__(data, initial=initial)
        self.fields["clinician"].choices = clinicians(user)  # type: ignore[attr-defined]
        rooms = [row for row in rows_for(user, Room) if row.is_active or row == present]
        named = [("", "No room"), *((row.pk, str(row)) for row in rooms)]
        self.fields["room"].choices = named  # type: ignore[attr-defined]
        if not rooms:
            del self.fields["room"]

    def clean(self) -> dict[str, Any]:
        """`starts_at` from day and time; a time that the clocks skip is refused at the field."""
        data = super().clean() or {}
        data.setdefault("room", None)
        if data.get("on") and data.get("at"):
            try:
                data["starts_at"] = from_current_timezone(datetime.combine(data["on"], data["at"]))
            except forms.ValidationError:
                self.add_error("at", "The clocks change at that time. Choose another one.")
        return data


class AppointmentForm(TimeForm):
    kind = forms.ChoiceField(
        label="For", choices=Appointment.Kind.choices, widget=forms.RadioSelect, initial="session"
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)


@require_http_methods(["GET", "POST"])
def book_appointment(request: StaffRequest, course_id: int) -> HttpResponse:
    """Book a time for a course."""
    course = get_for(request.user, Course, course_id)
    on = read_date(request.GET.get("on", "")) or store.today(request.clinic)
    start = {"on": on, "clinician": course.clinician_id, "kind": _next_kind(course)}
    start |= {"minutes": FIRST_MINUTES, "room": usual_room(course)}
    form = AppointmentForm(request.user, request.POST or None, start)
    title = f"Book {course.patient}"
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        booked = attempt(
            form,
            actions.book_appointment,
            request.user,
            course.pk,
            data["starts_at"],
            data["minutes"],
            data["kind"],
            data["clinician"],
            data["room"],
        )
        if booked:
            _tell_booked(request, booked)
            return redirect("patient", course.patient_id)
    return form_page(request, "appointment_form", form, title, "Book", row=course.patient)


def usual_room(course: Course) -> int | None:
    """The room of the course's last appointment; only a suggestion in the form."""
    last = course.appointments.exclude(room=None).last()
    return last.room_id if last else None


def _next_kind(course: Course) -> str:
    """What an appointment is most likely for; only a suggestion in the form."""
    return "session" if course.evaluations.exists() else "evaluation"


def _tell_booked(request: StaffRequest, appointment: Appointment) -> None:
    messages.success(request, _booked_words(appointment))
    if note := note_on(request.clinic, appointment.starts_at):
        messages.warning(request, note)


def _booked_words(appointment: Appointment) -> str:
    at = timezone.localtime(appointment.starts_at)
    where = f", {appointment.room}" if appointment.room else ""
    return f"Booked for {at.day} {at:%b %Y} at {at:%H:%M} with {appointment.clinician}{where}."


@require_http_methods(["GET", "POST"])
def move_appointment(request: StaffRequest, appointment_id: int) -> HttpResponse:
    """Another time for a booked appointment; then the later sessions may follow it."""
    row = get_for(request.user, Appointment, appointment_id)
    at = timezone.localtime(row.starts_at)
    initial = {
        "on": at.date(),
        "at": at.time(),
        "minutes": row.minutes,
        "clinician": row.clinician_id,
        "room": row.room_id,
        "kind": row.kind,
        "version": row.version,
    }
    form = AppointmentForm(request.user, request.POST or None, initial, row.room)
    del form.fields["kind"]
    status = None
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        try:
            moved = attempt(
                form,
                actions.move_appointment,
                request.user,
                row.pk,
                data["starts_at"],
                data["minutes"],
                data["clinician"],
                data["version"] or 0,
                data["room"],
            )
        except EditConflict as conflict:
            moved, status = None, 409
            _tell_conflict(form, conflict)
        if moved:
            _tell_booked(request, moved)
            if moved.kind == Appointment.Kind.SESSION and proposed_moves(moved.course, moved):
                address = reverse("move_series", args=[moved.course_id])
                return redirect(f"{address}?after={moved.pk}")
            return redirect("patient", row.course.patient_id)
    title = f"Move {row.course.patient}, {at.day} {at:%b} {at:%H:%M}"
    person = row.course.patient
    return form_page(
        request, "appointment_form", form, title, "Move", status, row=person, appointment=row
    )


def _tell_conflict(form: AppointmentForm, conflict: EditConflict) -> None:
    theirs = cast(Appointment, conflict.theirs)
    form.add_error(
        None,
        "Somebody else changed this appointment after you opened it. It now says: "
        f"{theirs.get_state_display()}. {_booked_words(theirs)} What you chose is kept below.",
    )
    made_from(form, theirs)


@require_POST
def cancel_appointment(request: StaffRequest, appointment_id: int) -> HttpResponse:
    """The patient called it off."""
    return _end(request, appointment_id, actions.cancel_appointment, "was cancelled")


@require_POST
def miss_appointment(request: StaffRequest, appointment_id: int) -> HttpResponse:
    """The patient did not come."""
    return _end(request, appointment_id, actions.miss_appointment, "is marked: did not come")


def _end(request: StaffRequest, appointment_id: int, action: Any, words: str) -> HttpResponse:
    row = get_for(request.user, Appointment, appointment_id)
    version = request.POST.get("version", "")
    try:
        action(request.user, row.pk, int(version) if version.isdecimal() else 0)
        messages.success(request, f"The appointment {words}.")
    except Refused as refused:
        messages.error(request, refused.message)
    except EditConflict as conflict:
        messages.error(request, f"{conflict} Look at it and try again.")
    return redirect("patient", row.course.patient_id)


urlpatterns = [
    page("courses/<int:course_id>/appointments/add/", book_appointment, "book_appointment"),
    page("appointments/<int:appointment_id>/", move_appointment, "move_appointment"),
    page("appointments/<int:appointment_id>/cancel/", cancel_appointment, "cancel_appointment"),
    page("appointments/<int:appointment_id>/missed/", miss_appointment, "miss_appointment"),
]
