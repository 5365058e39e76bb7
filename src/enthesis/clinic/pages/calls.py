"""The call list: whom to call, what came of it; and how many of those asked have answered."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from enthesis.clinic import store
from enthesis.clinic.actions import answer as actions
from enthesis.clinic.calls import call_list, completion
from enthesis.clinic.models import CallAttempt, Course
from enthesis.clinic.pages import attempt, patient_banner
from enthesis.clinic.permissions import StaffRequest, get_for, page
from enthesis.journey.remind import Purpose


class CallForm(forms.Form):
    result = forms.ChoiceField(
        label="What came of the call",
        choices=CallAttempt.Result.choices,
        widget=forms.RadioSelect,
    )
    outcome = forms.CharField(label="In a few words", max_length=200, required=False)
    next_try_on = forms.DateField(
        label="Try again on",
        required=False,
        help_text="Until then the patient stands under “Later”. Empty means the usual wait.",
        widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"),
    )


@require_safe
def calls(request: StaffRequest) -> HttpResponse:
    """Whom to call now, later and not at all, with completion by occasion."""
    today = store.today(request.clinic)
    context = {
        "list": call_list(request.clinic, timezone.now()),
        "completion": completion(request.clinic, today),
        "today": today,
    }
    return render(request, "clinic/calls/calls.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def record_call(request: StaffRequest, course_id: int) -> HttpResponse:
    """What came of one call."""
    course = get_for(request.user, Course, course_id)
    form = CallForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        words = (given["outcome"], given["result"], given["next_try_on"])
        if call := attempt(form, actions.add_call, request.user, course.pk, *words):
            if given["result"] == CallAttempt.Result.ANSWERED:
                return redirect(_form_for(request, course, call))
            messages.success(request, f"The call to {course.patient} was recorded.")
            return redirect("calls")
    context = {
        "course": course,
        "patient": patient_banner(course.patient, store.today(request.clinic)),
        "form": form,
        "tries": course.calls.select_related("by").order_by("-at"),
    }
    return render(request, "clinic/calls/record.html", context, status=422 if form.errors else 200)


def _form_for(request: StaffRequest, course: Course, call: CallAttempt) -> str:
    """The questions that the call was about; about safety only that one."""
    own = store.outlines_of(Course.objects.filter(pk=course.pk, closed_on=None))
    lists = call_list(request.clinic, timezone.now(), own)
    ask = next((line.ask for line in (*lists.now, *lists.later, *lists.not_called)), None)
    query = {"call": str(call.pk)}
    if ask:
        query["for"] = ask.occasion.value
        if ask.purpose is Purpose.SAFETY:
            query["safety"] = "1"
    return f"{reverse('add_answers', args=[course.pk])}?{urlencode(query)}"


urlpatterns = [
    page("calls/", calls, "calls"),
    page("calls/<int:course_id>/", record_call, "record_call"),
]
