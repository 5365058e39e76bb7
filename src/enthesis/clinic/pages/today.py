"""Today: who worries, who comes, who has not answered, whose recheck is due."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from enthesis.clinic.permissions import STAFF, StaffRequest, page


@require_safe
def today(request: StaffRequest) -> HttpResponse:
    """The day's page."""
    return render(request, "clinic/today/today.html")


urlpatterns = [page("", today, "today", STAFF)]
