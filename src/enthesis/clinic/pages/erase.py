"""What a patient asks to be erased: judged against retention, looked at, then done by an
administrator who asks twice."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from enthesis.clinic import store
from enthesis.clinic.actions import EditConflict, Refused
from enthesis.clinic.actions import erase as actions
from enthesis.clinic.models import AuditEvent, Patient
from enthesis.clinic.pages import made_from, patient_banner
from enthesis.clinic.permissions import StaffRequest, get_for, page

NO_NAME = "Without the name: the log keeps these words for ever."


class EraseForm(forms.Form):
    asked = forms.CharField(
        label="What the patient asks",
        max_length=300,
        help_text=f"And how and when, such as: by letter of 3 May, everything. {NO_NAME}",
        widget=forms.Textarea({"rows": 2}),
    )
    reason = forms.CharField(
        label="Why it is done",
        max_length=300,
        help_text=f"Such as: the request is granted as far as the rules let. {NO_NAME}",
        widget=forms.Textarea({"rows": 2}),
    )
    number = forms.CharField(
        label="The patient’s number, typed again",
        max_length=12,
        required=False,
        widget=forms.TextInput({"autocomplete": "off", "inputmode": "numeric"}),
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    sure = forms.BooleanField(
        label="I have looked at what goes and what stays. It cannot be brought back.",
        required=False,
    )


@require_http_methods(["GET", "POST"])
def erase(request: StaffRequest, patient_id: int) -> HttpResponse:
    """Each kind of record with its time, what would go; and the form that does it."""
    row = get_for(request.user, Patient, patient_id)
    data = request.POST if request.method == "POST" else None
    form = EraseForm(data, initial={"version": row.version})
    status = 200
    if form.is_bound and form.is_valid():
        told = form.cleaned_data
        if not told["sure"]:
            form.add_error("sure", "Look at what goes and what stays, then tick this.")
        else:
            try:
                done = actions.erase(
                    request.user,
                    row.pk,
                    told["asked"],
                    told["reason"],
                    told["number"],
                    told["version"] or 0,
                )
            except Refused as refused:
                field = refused.field if refused.field in form.fields else None
                form.add_error(field, refused.message)
            except EditConflict as conflict:
                form.add_error(
                    None, "Somebody changed this record after you opened it. Look again."
                )
                made_from(form, conflict.theirs)
                status = 409
            else:
                rows = sum(done.counts.values())
                contact = ["telephone and e-mail"] if row.phone or row.email else []
                entries = [f"{rows} entr{'y' if rows == 1 else 'ies'}"] if rows else []
                gone = "; ".join([*contact, *entries])
                messages.success(request, f"Erased: {gone}. What stays is listed below.")
                return redirect("erase_patient", row.pk)
    if form.errors and status == 200:
        status = 422
    return render(request, "clinic/patients/erase.html", _told(request, row, form), status=status)


def _told(request: StaffRequest, row: Patient, form: EraseForm) -> dict[str, Any]:
    today = store.today(request.clinic)
    known = store.known_for(request.clinic, today)
    judged = actions.judged_for(row, known, today)
    would_go = actions.preview(row, judged)
    done = AuditEvent.objects.filter(patient=row, action="erase_patient").order_by("-id")
    return {
        "row": row,
        "form": form,
        "patient": patient_banner(row, today),
        "judged": judged,
        "would_go": would_go,
        "contact": bool(row.phone or row.email),
        "done": done,
    }


urlpatterns = [page("patients/<int:patient_id>/erase/", erase, "erase_patient")]
