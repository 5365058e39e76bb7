"""The referral letter, to be printed, filled in where nothing is known, and signed by hand."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from enthesis.clinic import store
from enthesis.clinic.models import Course
from enthesis.clinic.pages import patient_banner
from enthesis.clinic.pages.patients import course_words
from enthesis.clinic.permissions import StaffRequest, get_for, page
from enthesis.journey.evaluate import age_years
from enthesis.journey.referral import letter
from enthesis.records import EvaluationResult
from enthesis.shape import read


@require_safe
def referral_letter(request: StaffRequest, course_id: int) -> HttpResponse:
    """From the latest evaluation; without one there is nothing to write."""
    course = get_for(request.user, Course, course_id)
    row, told = course.evaluations.last(), store.course_record(course).evaluation
    if row is None or told is None:
        return redirect("evaluate", course.pk)
    today = store.today(request.clinic)
    known = store.known_for(request.clinic, today)
    condition = known.conditions[course.condition]
    result = read(EvaluationResult, row.result)
    age = age_years(course.patient.born_on, told.on)
    context = {
        "course": course,
        "title": course_words(course, {condition.id: condition.name}),
        "patient": patient_banner(course.patient, today),
        "letter": letter(told, result, condition, known, age, course.patient.sex),
        "last": row,
        "today": today,
        "clinic": request.clinic,
    }
    return render(request, "clinic/evaluate/referral.html", context)


urlpatterns = [page("courses/<int:course_id>/referral/", referral_letter, "referral_letter")]
