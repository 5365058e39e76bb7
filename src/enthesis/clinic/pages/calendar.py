"""The clinic's calendar by day or week, and the calendar file of one course."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from enthesis.clinic import store
from enthesis.clinic.actions.answer import SHEET, find_link
from enthesis.clinic.booking import opening_of
from enthesis.clinic.models import Appointment, Course, Room, User
from enthesis.clinic.pages.patients import read_date
from enthesis.clinic.permissions import (
    StaffRequest,
    get_for,
    may,
    page,
    public_page,
    roles_of,
    rows_for,
)
from enthesis.exchange.calendar import Entry, calendar_file

State = Appointment.State
VIEWS = {"clinician": "Day by clinician", "room": "Day by room", "week": "Week"}


@require_safe
def calendar(request: StaffRequest) -> HttpResponse:
    """A day in lanes by clinician or room, or a week in lanes by day."""
    today = store.today(request.clinic)
    view = request.GET.get("view", "")
    view = view if view in VIEWS else "clinician"
    on = read_date(request.GET.get("day", "")) or today
    on = min(max(on, date(2000, 1, 1)), date(9000, 1, 1))
    monday = on - timedelta(on.weekday())
    first, days = (monday, 7) if view == "week" else (on, 1)
    rows = list(_between(request, first, days))
    opening = opening_of(request.clinic)
    if view == "week":
        lanes = _by_day(rows, first, request, today)
    else:
        lanes = _by(view, rows, request.user)
    context = {
        "view": view,
        "on": on,
        "first": first,
        "last": first + timedelta(days - 1),
        "is_closed": opening is not None and view != "week" and not opening.on(on),
        "lanes": lanes,
        "number": sum(1 for row in rows if row.state != State.CANCELLED),
        "views": [(words, _address(on, name), name == view) for name, words in VIEWS.items()],
        "before": _address(on - timedelta(days), view),
        "after": _address(on + timedelta(days), view),
        "now": _address(today, view),
        "may_write": may(request.user, "book_appointment"),
    }
    return render(request, "clinic/appointments/calendar.html", context)


def _address(on: date, view: str) -> str:
    return f"?{urlencode({'view': view, 'day': on.isoformat()})}"


def _between(request: StaffRequest, first: date, days: int) -> QuerySet[Appointment]:
    zone = ZoneInfo(request.clinic.time_zone)
    return (
        rows_for(request.user, Appointment)
        .filter(
            starts_at__gte=datetime.combine(first, time(), zone),
            starts_at__lt=datetime.combine(first + timedelta(days), time(), zone),
        )
        .exclude(state=State.CANCELLED)
        .select_related("course__patient", "clinician", "room")
    )


def _lane(title: str, rows: Iterable[Appointment], **more: Any) -> dict[str, Any]:
    shown = [
        {"row": row, "ends_at": row.starts_at + timedelta(minutes=row.minutes)} for row in rows
    ]
    return {"title": title, "rows": shown, **more}


def _by(view: str, rows: list[Appointment], user: User) -> list[dict[str, Any]]:
    """A lane for each clinician or room in use, and for each that has something on the day."""
    use: list[Any]
    if view == "clinician":
        use = list(rows_for(user, User).filter(role__in=roles_of("treat"), is_active=True))
    else:
        use = list(rows_for(user, Room).filter(is_active=True))
    use += [one for row in rows if (one := getattr(row, view)) is not None]
    named = sorted({one.pk: one for one in use}.values(), key=str)
    lanes = [_lane(str(one), (r for r in rows if getattr(r, view) == one)) for one in named]
    if loose := [row for row in rows if getattr(row, view) is None]:
        lanes.append(_lane(f"No {view}", loose))
    return lanes


def _by_day(
    rows: list[Appointment], first: date, request: StaffRequest, today: date
) -> list[dict[str, Any]]:
    """A lane for each day that is open or has something."""
    opening, lanes = opening_of(request.clinic), []
    for day in (first + timedelta(n) for n in range(7)):
        found = [row for row in rows if timezone.localtime(row.starts_at).date() == day]
        is_closed = opening is not None and not opening.on(day)
        title = f"{day:%a} {day.day} {day:%b}"
        url = _address(day, "clinician")
        lanes.append(_lane(title, found, is_closed=is_closed, is_today=day == today, url=url))
    return lanes


@require_safe
def course_calendar(request: StaffRequest, course_id: int) -> HttpResponse:
    """The appointments of a course as a calendar file."""
    return _file(get_for(request.user, Course, course_id))


@require_safe
def own_calendar(request: HttpRequest, token: str) -> HttpResponse:
    """The same file by the patient's link to the aftercare sheet, while that can be read: when
    somebody is where is not told for ever to whoever has an old link."""
    link = find_link(token, timezone.now())
    if link is None or link.questionnaire != SHEET or link.course.closed_on:
        raise Http404
    return _file(link.course)


def calendar_address(course: Course, token: str = "") -> str:
    """Where the appointments of a course are read: by staff, or by the `token` of a patient's link
    to the sheet; "" where none is to come."""
    coming = course.appointments.filter(state=State.BOOKED, starts_at__gte=timezone.now())
    if not coming.exists():
        return ""
    if token:
        return reverse("own_calendar", args=[token])
    return reverse("course_calendar", args=[course.pk])


def _file(course: Course) -> HttpResponse:
    """Cancelled ones stay in the file, so that a calendar that has them takes them out."""
    clinic = course.patient.clinic
    rows = course.appointments.filter(state__in=[State.BOOKED, State.DONE, State.CANCELLED])
    with translation.override(course.patient.language):
        title = gettext("Appointment at %(clinic)s") % {"clinic": clinic.name}
        note = gettext("To change it, call %(phone)s.") % {"phone": clinic.phone}
    entries = [
        Entry(
            str(row.uid),
            # The first version is 1, and every change counts on.
            row.version - 1,
            row.starts_at,
            row.minutes,
            row.state == State.CANCELLED,
        )
        for row in rows
    ]
    text = calendar_file(title, clinic.name, note, entries, timezone.now())
    headers = {"Content-Disposition": 'attachment; filename="appointments.ics"'}
    return HttpResponse(text, content_type="text/calendar; charset=utf-8", headers=headers)


urlpatterns = [
    page("calendar/", calendar, "calendar"),
    page("courses/<int:course_id>/appointments.ics", course_calendar, "course_calendar"),
    public_page("c/<str:token>/appointments.ics", own_calendar, "own_calendar"),
]
