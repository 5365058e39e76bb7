"""The clinic's appointments in a calendar program of one's own, by a secret address."""

from datetime import timedelta

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import calendar_feed as actions
from enthesis.clinic.models import Appointment, CalendarFeed
from enthesis.clinic.pages import attempt
from enthesis.clinic.permissions import StaffRequest, may, page, public_page, rows_for
from enthesis.exchange.calendar import Entry, calendar_file

PAST_DAYS = 30
"""How far back it goes: cancelled appointments of before are gone from every calendar by then."""
READ_AGAIN_MINUTES = 15


class FeedForm(forms.Form):
    of_everybody = forms.ChoiceField(
        label="Whose appointments",
        choices=[("", "Mine"), ("yes", "Everybody’s")],
        widget=forms.RadioSelect,
        required=False,
    )
    shows = forms.ChoiceField(
        label="What stands there of the patient",
        choices=CalendarFeed.Shows.choices,
        initial=CalendarFeed.Shows.NOTHING,
        help_text="Telephones show it on locked screens. Never a name, never what it is about.",
        widget=forms.RadioSelect,
    )


@require_http_methods(["GET", "POST"])
def calendar_feed(request: StaffRequest) -> HttpResponse:
    """Make an address, which is shown once, or see that there is one."""
    # Only clinicians have appointments of their own: the desk would get an empty calendar.
    whose = "" if may(request.user, "treat") else "yes"
    form = FeedForm(
        request.POST if request.method == "POST" else None, initial={"of_everybody": whose}
    )
    address = ""
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        made = attempt(
            form, actions.make_feed, request.user, data["shows"], bool(data["of_everybody"])
        )
        if made:
            path = reverse("read_calendar_feed", args=[made[1]])
            address = request.build_absolute_uri(path)
    context = {
        "form": form,
        "address": address,
        "feed": actions.open_feeds().filter(user=request.user).first(),
        "minutes": READ_AGAIN_MINUTES,
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/appointments/feed.html", context, status=status)


@require_POST
def revoke_calendar_feed(request: StaffRequest) -> HttpResponse:
    """Take the address back."""
    try:
        actions.revoke_feed(request.user)
        messages.success(request, "The calendar address does not work any more.")
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect("calendar_feed")


@require_safe
def read_calendar_feed(request: HttpRequest, token: str) -> HttpResponse:
    """What the calendar program reads. Cancelled ones stay in it, so that it takes them out."""
    feed = actions.find_feed(token)
    if feed is None or feed.user.clinic is None:
        raise Http404
    clinic = feed.user.clinic
    since = timezone.now() - timedelta(days=PAST_DAYS)
    rows = rows_for(feed.user, Appointment).filter(starts_at__gte=since)
    if not feed.of_everybody:
        rows = rows.filter(clinician=feed.user)
    entries = [
        Entry(
            str(row.uid),
            # The first version is 1, and every change counts on.
            row.version - 1,
            row.starts_at,
            row.minutes,
            row.state == Appointment.State.CANCELLED,
            _title(row, feed),
            str(row.room) if row.room else "",
        )
        for row in rows.select_related("course__patient", "room", "clinician")
    ]
    text = calendar_file(clinic.name, clinic.name, "", entries, timezone.now(), READ_AGAIN_MINUTES)
    return HttpResponse(text, content_type="text/calendar; charset=utf-8")


def _title(row: Appointment, feed: CalendarFeed) -> str:
    patient = row.course.patient
    who = {
        CalendarFeed.Shows.NUMBER: f"No. {patient.number}",
        CalendarFeed.Shows.INITIALS: f"{patient.given[:1]}. {patient.family[:1]}.",
    }.get(CalendarFeed.Shows(feed.shows))
    with_whom = str(row.clinician) if feed.of_everybody and row.clinician else None
    return ", ".join(filter(None, (row.get_kind_display(), who, with_whom)))


urlpatterns = [
    page("calendar/feed/", calendar_feed, "calendar_feed"),
    page("calendar/feed/revoke/", revoke_calendar_feed, "revoke_calendar_feed"),
    public_page("feed/<str:token>/appointments.ics", read_calendar_feed, "read_calendar_feed"),
]
