"""Reading a record in an emergency: the reason, the record, and who took note of it."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enthesis.clinic import store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import emergency as actions
from enthesis.clinic.models import Emergency, Patient
from enthesis.clinic.pages import attempt, patient_banner
from enthesis.clinic.permissions import StaffRequest, get_for, may, page, rows_for
from enthesis.clinic.whole_record import record_context

MOST_ROWS = 500


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Why must you read this record now?",
        max_length=300,
        help_text="Clinicians, administrators and auditors read this. Leave names out.",
        widget=forms.Textarea({"rows": 3}),
        error_messages={"required": "Write why. Others will read it."},
    )


@require_http_methods(["GET", "POST"])
def open_in_emergency(request: StaffRequest, patient_id: int) -> HttpResponse:
    """Ask for the reason; with it the record opens at once."""
    row = get_for(request.user, Patient, patient_id)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        reason = form.cleaned_data["reason"]
        if attempt(form, actions.open_record, request.user, row.pk, reason):
            return redirect("read_record", row.pk)
    context = {
        "form": form,
        "row": row,
        "patient": patient_banner(row, store.today(request.clinic)),
        "minutes": actions.minutes_of(request.clinic),
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/patients/emergency.html", context, status=status)


@require_safe
def read_record(request: StaffRequest, patient_id: int) -> HttpResponse:
    """The whole record on the screen."""
    row = get_for(request.user, Patient, patient_id)
    context = {
        **record_context(row, "en"),
        "row": row,
        "patient": patient_banner(row, store.today(request.clinic)),
        "emergency": getattr(request, "emergency", None),
    }
    return render(request, "clinic/patients/read_record.html", context)


@require_safe
def emergencies(request: StaffRequest) -> HttpResponse:
    """All openings, the newest first."""
    rows = rows_for(request.user, Emergency).order_by("-id").values(
        *("pk", "at", "until", "reason", "user_id", "user__display_name", "user__role"),
        *("patient_id", "patient__number", "seen_at", "seen_by__display_name"),
    )  # fmt: skip
    context = {"rows": rows[:MOST_ROWS], "now": timezone.now()}
    return render(request, "clinic/audit/emergencies.html", context)


@require_POST
def acknowledge_emergency(request: StaffRequest, emergency_id: int) -> HttpResponse:
    """Somebody who answers for the clinic has taken note; it goes from Today."""
    try:
        actions.acknowledge(request.user, emergency_id)
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, "Your taking note is written down.")
    return redirect("today")


def waiting(request: StaffRequest) -> list[Emergency]:
    """The openings that nobody has taken note of, for those who are to."""
    if not may(request.user, "acknowledge_emergency"):
        return []
    rows = rows_for(request.user, Emergency).filter(seen_at=None)
    return list(rows.select_related("user", "patient"))


urlpatterns = [
    page("patients/<int:patient_id>/emergency/", open_in_emergency, "open_in_emergency"),
    page("patients/<int:patient_id>/record/read/", read_record, "read_record"),
    page("audit/emergencies/", emergencies, "emergencies"),
    page(
        "audit/emergencies/<int:emergency_id>/seen/",
        acknowledge_emergency,
        "acknowledge_emergency",
    ),
]
