"""The superbill: made from the bills for the patient's own claim, with what was found."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from enthesis.clinic import documents, estimates, store
from enthesis.clinic.actions import superbill as actions
from enthesis.clinic.models import Course, Superbill
from enthesis.clinic.pages import attempt, patient_banner
from enthesis.clinic.pages.estimate import DiagnosesForm
from enthesis.clinic.permissions import StaffRequest, get_for, page
from enthesis.journey.lines import ENGLISH


@require_http_methods(["GET", "HEAD", "POST"])
def superbill(request: StaffRequest, course_id: int) -> HttpResponse:
    """The last one as it was handed out, and the form for the next."""
    course = get_for(request.user, Course, course_id)
    rows = list(course.superbills.select_related("by").order_by("-id"))
    form = DiagnosesForm(
        request.POST if request.method == "POST" else None, _as_before(course, rows), course
    )
    if form.is_bound and form.is_valid():
        made = attempt(form, actions.make_superbill, request.user, course.pk, form.diagnoses)
        if made:
            messages.success(request, "The superbill is made. Print it and sign it.")
            return redirect("superbill", course.pk)
    context = {
        "course": course,
        "patient": patient_banner(course.patient, store.today(request.clinic)),
        "form": form,
        "rows": rows,
        "bills": course.invoices.count(),
        **(documents.superbill_context(rows[0]) if rows else {}),
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/superbill/superbill.html", context, status=status)


def _as_before(course: Course, rows: list[Superbill]) -> dict[str, Any]:
    """The diagnoses of the last superbill, else those of the estimate."""
    if rows:
        found = [code for code, _ in rows[0].content["superbill"]["diagnoses"]]
    elif last := course.estimates.last():
        found = [code for code, _ in estimates.chosen_for(last).diagnoses]
    else:
        return {}
    named = estimates.codes_of(course, store.today(course.patient.clinic))
    return {
        "codes": [code for code in found if code in named],
        "other_codes": ", ".join(code for code in found if code not in named),
    }


@require_safe
def superbill_paper(request: StaffRequest, superbill_id: int) -> HttpResponse:
    """A superbill as PDF, as it was handed out."""
    row = get_for(request.user, Superbill, superbill_id)
    name = f"superbill-{row.course_id}-{row.pk}"
    return documents.answer(name, "superbill", documents.superbill_context(row), ENGLISH)


urlpatterns = [
    page("courses/<int:course_id>/superbill/", superbill, "superbill"),
    page("superbills/<int:superbill_id>/paper/", superbill_paper, "superbill_paper"),
]
