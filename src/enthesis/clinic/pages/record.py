"""A patient's whole record, to hand over: as a paper to read, and with all its files."""

from collections.abc import Callable

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from enthesis.clinic import documents, store
from enthesis.clinic.actions import record as actions
from enthesis.clinic.models import Patient, User
from enthesis.clinic.pages import patient_banner
from enthesis.clinic.permissions import StaffRequest, get_for, page
from enthesis.outcomes.errors import LettersError


@require_safe
def whole_record(request: StaffRequest, patient_id: int) -> HttpResponse:
    """What is in it, and in which form to take it."""
    row = get_for(request.user, Patient, patient_id)
    today = store.today(request.clinic)
    context = {"row": row, "patient": patient_banner(row, today)}
    return render(request, "clinic/patients/record.html", context)


@require_safe
def record_pdf(request: StaffRequest, patient_id: int) -> HttpResponse:
    """The paper."""
    return _given(request, patient_id, actions.give_paper, "pdf", "application/pdf")


@require_safe
def record_zip(request: StaffRequest, patient_id: int) -> HttpResponse:
    """The paper with every file."""
    return _given(request, patient_id, actions.give_bundle, "zip", "application/zip")


def _given(
    request: StaffRequest,
    patient_id: int,
    give: Callable[[User, int], tuple[Patient, bytes]],
    ending: str,
    content_type: str,
) -> HttpResponse:
    try:
        patient, data = give(request.user, patient_id)
    except LettersError as refused:
        return documents.not_printed(refused)
    name = f"record-{patient.number}-{store.today(request.clinic)}.{ending}"
    response = HttpResponse(data, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


urlpatterns = [
    page("patients/<int:patient_id>/record/", whole_record, "whole_record"),
    page("patients/<int:patient_id>/record.pdf", record_pdf, "record_pdf"),
    page("patients/<int:patient_id>/record.zip", record_zip, "record_zip"),
]
