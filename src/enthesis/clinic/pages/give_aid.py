"""Staff: hand out the summary of the decision aid, and see who was told something else before."""

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from enthesis.clinic import choices, store
from enthesis.clinic.actions import choose as actions
from enthesis.clinic.models import AidGiven, Course, Patient
from enthesis.clinic.pages import attempt, patient_banner
from enthesis.clinic.pages.choose import address_of
from enthesis.clinic.permissions import StaffRequest, get_for, page


class GiveForm(forms.Form):
    language = forms.ChoiceField(label="Language", choices=Patient.Language.choices)
    how = forms.ChoiceField(label="Given", choices=AidGiven.How.choices)


@require_http_methods(["GET", "HEAD", "POST"])
def give_aid(request: StaffRequest, course_id: int) -> HttpResponse:
    """Open the summary to print or to send, then write down that it was given."""
    course = get_for(request.user, Course, course_id)
    clinic, today = request.clinic, store.today(request.clinic)
    aid = choices.aid_for(clinic, course.condition, today)
    host = settings.PUBLIC_ADDRESS or request.build_absolute_uri("/")[:-1]
    first = {"language": course.patient.language, "how": AidGiven.How.PRINTED}
    form = GiveForm(request.POST if request.method == "POST" else None, initial=first)
    if form.is_valid():
        told = form.cleaned_data["language"], form.cleaned_data["how"]
        if attempt(form, actions.give_aid, request.user, course.pk, *told):
            messages.success(request, "Written down: the summary was given.")
            return redirect("give_aid", course.pk)
    context = {
        "course": course,
        "patient": patient_banner(course.patient, today),
        "form": form,
        "aid": aid,
        "summaries": [
            (name, f"{host}{_summary(course, code)}")
            for code, name in Patient.Language.choices
        ] if aid else [],
        "given": list(course.aids_given.select_related("by").order_by("-id")),
    }  # fmt: skip
    status = 422 if form.errors else 200
    return render(request, "clinic/choose/give.html", context, status=status)


def _summary(course: Course, language: str) -> str:
    return address_of(course.patient.clinic, course.condition, language, "choose_summary")


@require_safe
def told_before(request: StaffRequest) -> HttpResponse:
    """The open courses whose consent or summary says something else than would be said today."""
    found = choices.told_before(request.clinic, store.today(request.clinic))
    return render(request, "clinic/choose/told_before.html", {"found": found})


urlpatterns = [
    page("courses/<int:course_id>/choose/", give_aid, "give_aid"),
    page("told-before/", told_before, "told_before"),
]
