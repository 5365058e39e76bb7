"""Today: who worries, who comes, who has not answered, whose recheck is due."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from enthesis.clinic import store
from enthesis.clinic.actions.second_fact import locked_lately
from enthesis.clinic.calls import call_list, messages_line
from enthesis.clinic.day import day
from enthesis.clinic.enquiries import number_waiting
from enthesis.clinic.harm import waiting_harms
from enthesis.clinic.pages.emergency import waiting
from enthesis.clinic.permissions import StaffRequest, may, page
from enthesis.clinic.stock import warnings

# A list is cut here, with a link to the whole of it.
SHOWN = 8


@require_safe
def today(request: StaffRequest) -> HttpResponse:
    """The day's page; `?all=rechecks` shows that list whole, `?all=lost` those whom nobody is told
    to call any more. Whom to call is the call list's beginning."""
    now = timezone.now()
    date = store.today(request.clinic)
    clinical = may(request.user, "clinical_fields")
    whole = request.GET.get("all")
    outlines = store.open_outlines(request.clinic)
    held = day(
        request.clinic,
        date,
        outlines,
        clinical=clinical,
        most_rechecks=None if whole == "rechecks" else SHOWN,
        most_lost=None if whole == "lost" else 0,
    )
    to_call = call_list(request.clinic, now, outlines, SHOWN)
    context = {
        "date": date,
        "now": now,
        "day": held,
        "harms": waiting_harms(request.clinic, date) if clinical else [],
        "to_call": to_call.now,
        "number_to_call": to_call.number_now,
        "messages_line": messages_line(request.clinic),
        "number_waiting": number_waiting(request.clinic),
        "stock_warnings": warnings(request.clinic, date),
        "emergencies": waiting(request),
        "locked": locked_lately(request.clinic, now),
        "is_clinical": clinical,
        "opens_courses": may(request.user, "course"),
    }
    return render(request, "clinic/today/today.html", context)


urlpatterns = [page("", today, "today")]
