"""Who looked at a patient's record, and who wrote in it: for the patient who asks."""

from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from enthesis.clinic import audit, store
from enthesis.clinic import who_can_see as report
from enthesis.clinic.deeds import deed
from enthesis.clinic.models import AuditEvent, Patient
from enthesis.clinic.pages import patient_banner
from enthesis.clinic.permissions import StaffRequest, get_for, may, page

MOST_ROWS = 20_000


@dataclass(slots=True)
class PersonDay:
    """What one person read and wrote on one day; each by its name, with how often."""

    on: date
    who: str
    read: dict[str, int] = field(default_factory=dict)
    wrote: dict[str, int] = field(default_factory=dict)


@require_safe
def who_looked(request: StaffRequest, patient_id: int) -> HttpResponse:
    """One line for each day and person, the newest first; this look is the newest of all."""
    patient = get_for(request.user, Patient, patient_id)
    read = audit.reads_of(patient)
    wrote = AuditEvent.objects.filter(patient=patient).values_list("at", "actor", "action")
    days: dict[tuple[date, str], PersonDay] = {}
    newest = read.order_by("-id")[:MOST_ROWS], wrote.order_by("-id")[:MOST_ROWS]
    for is_read, (at, who, what) in chain(
        ((True, row) for row in newest[0]), ((False, row) for row in newest[1])
    ):
        on = store.day_of(request.clinic, at)
        line = days.setdefault((on, who), PersonDay(on, who))
        # Files are no rows of their own to look at: that one was opened stands among the writes.
        counts = line.read if is_read or what.startswith("read_") else line.wrote
        name = what.replace("_", " ") if is_read else deed(what)
        counts[name] = counts.get(name, 0) + 1
    context = {
        **_who(request, patient),
        "days": sorted(days.values(), key=lambda one: (one.on, one.who), reverse=True),
        "first": next((at for at, *_ in read[:1]), None),
    }
    return render(request, "clinic/patients/who_looked.html", context)


@require_safe
def who_can_see(request: StaffRequest, patient_id: int) -> HttpResponse:
    """Each role with its people, programs, emergencies and personal addresses, as of now."""
    patient = get_for(request.user, Patient, patient_id)
    context = {
        **_who(request, patient),
        "seers": report.seers(request.clinic),
        "tokens": report.tokens_of(request.clinic),
        "openings": report.openings(request.clinic, patient),
        "links": report.links(patient),
        "feeds": report.feeds(request.clinic),
    }
    return render(request, "clinic/patients/who_can_see.html", context)


def _who(request: StaffRequest, patient: Patient) -> dict[str, Any]:
    """The patient, by number alone for who may not open the patient's page."""
    if not may(request.user, "patient"):
        return {"named": f"No. {patient.number}", "patient_id": patient.pk}
    banner = patient_banner(patient, store.today(request.clinic))
    return {"named": str(patient), "patient_id": patient.pk, "patient": banner}


urlpatterns = [
    page("patients/<int:patient_id>/who-looked", who_looked, "who_looked"),
    page("patients/<int:patient_id>/who-can-see/", who_can_see, "who_can_see"),
]
