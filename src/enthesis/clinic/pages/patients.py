"""Patients: find, add, look at, correct; their weights and courses."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods, require_safe

from enthesis.clinic import store
from enthesis.clinic.actions import EditConflict
from enthesis.clinic.actions import patients as actions
from enthesis.clinic.models import Appointment, Clinic, Course, Patient, User
from enthesis.clinic.pages import age_years, attempt, made_from, patient_banner
from enthesis.clinic.permissions import (
    StaffRequest,
    get_for,
    may,
    page,
    roles_of,
    rows_for,
)
from enthesis.records import Side
from enthesis.units import kg_of_lb

PATIENTS_ON_A_PAGE = 50
SIDE_WORDS = {"left": "Left", "right": "Right", "both": "Both sides", "midline": "Midline"}


class Day(forms.DateInput):
    """A date as every browser understands it."""

    input_type = "date"

    def __init__(self, **attrs: str) -> None:
        super().__init__(attrs=attrs, format="%Y-%m-%d")


class PatientForm(forms.Form):
    family = forms.CharField(label="Family name", max_length=100)
    given = forms.CharField(label="Given name", max_length=100)
    born_on = forms.DateField(label="Birth date", widget=Day(), required=False)
    sex = forms.ChoiceField(label="Sex", choices=Patient.Sex.choices, initial=Patient.Sex.UNKNOWN)
    phone = forms.CharField(label="Phone", max_length=40, required=False)
    email = forms.EmailField(label="E-mail", required=False)
    language = forms.ChoiceField(
        label="Language",
        choices=Patient.Language.choices,
        initial=Patient.Language.ENGLISH,
        help_text="In which the questions and messages to the patient are written.",
    )
    allergies_asked = forms.ChoiceField(
        label="Allergies",
        choices=[("no", "Not asked yet"), ("none", "Asked: none known"), ("yes", "Has allergies")],
        widget=forms.RadioSelect,
        initial="no",
    )
    allergies = forms.CharField(label="Which allergies", max_length=300, required=False)
    anticoagulant = forms.CharField(
        label="Anticoagulant",
        max_length=200,
        required=False,
        help_text="Name and dose, if the patient takes one.",
    )
    is_another = forms.BooleanField(
        label="This is somebody else of the same name and birth date",
        required=False,
        widget=forms.HiddenInput,
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        asked, which = data.get("allergies_asked"), data.get("allergies")
        if asked == "yes" and not which:
            self.add_error("allergies", "Write down which allergies, or choose “none known”.")
        if asked != "yes" and which:
            self.add_error(
                "allergies_asked", "Allergies are written below: choose “Has allergies”."
            )
        return data

    def details(self) -> actions.PatientDetails:
        """What was typed, as the action takes it."""
        data = self.cleaned_data
        allergies = None if data["allergies_asked"] == "no" else data["allergies"]
        same = ("family", "given", "born_on", "sex", "phone", "email", "language", "anticoagulant")
        return actions.PatientDetails(**{name: data[name] for name in same}, allergies=allergies)


def _initial(patient: Patient) -> dict[str, Any]:
    """The patient's details as the form shows them."""
    asked = "yes" if patient.allergies else "none" if patient.allergies_asked_on else "no"
    details = ("family", "given", "born_on", "sex", "phone", "email", "language")
    names = (*details, "allergies", "anticoagulant")
    return {**{name: getattr(patient, name) for name in names}, "allergies_asked": asked}


def weight_unit() -> forms.ChoiceField:
    """What a weight is typed in; it is stored in kg. The browser must not choose it by itself."""
    return forms.ChoiceField(
        choices=[("kg", "kg"), ("lb", "lb")],
        required=False,
        widget=forms.Select({"aria-label": "Unit, kg or lb", "autocomplete": "off"}),
    )


def in_kg(weight: Decimal, unit: str) -> Decimal:
    """A weight as typed in its unit."""
    return kg_of_lb(weight) if unit == "lb" else weight


class WeightForm(forms.Form):
    kg = forms.DecimalField(label="Weight", max_digits=5, decimal_places=1)
    unit = weight_unit()
    measured_on = forms.DateField(label="Weighed on", widget=Day())

    def clean(self) -> dict[str, Any]:
        """What `add_weight` takes."""
        data = super().clean() or {}
        unit = data.pop("unit", "")
        if "kg" in data:
            data["kg"] = in_kg(data["kg"], unit)
        return data


class CourseForm(forms.Form):
    condition = forms.ChoiceField(label="Condition", widget=forms.RadioSelect)
    side = forms.ChoiceField(
        label="Side",
        choices=[(s.value, SIDE_WORDS[s.value]) for s in Side],
        widget=forms.RadioSelect,
    )
    complaint = forms.CharField(
        label="Complaint, in the patient’s words",
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    clinician = forms.TypedChoiceField(label="Clinician", coerce=int, empty_value=None)

    def __init__(self, user: User, conditions: list[tuple[str, str]], data: Any = None) -> None:
        own = user.pk if may(user, "treat") else None
        super().__init__(data, initial={"clinician": own})
        self.fields["condition"].choices = conditions  # type: ignore[attr-defined]
        self.fields["clinician"].choices = clinicians(user)  # type: ignore[attr-defined]


def clinicians(user: User) -> list[tuple[int, str]]:
    """The clinic's clinicians, to choose from."""
    rows = User.objects.filter(clinic=user.clinic_id, role__in=roles_of("treat"), is_active=True)
    return [(row.pk, str(row)) for row in rows.order_by("display_name", "pk")]


@require_safe
def patients(request: StaffRequest) -> HttpResponse:
    """Find a patient by name, number or birth date; everybody when nothing is typed."""
    words = request.GET.get("find", "").strip()[:100]
    rows = found(request.user, words)
    open_courses = Course.objects.filter(closed_on=None)
    rows = rows.prefetch_related(Prefetch("courses", open_courses, to_attr="open_courses"))
    shown = Paginator(rows, PATIENTS_ON_A_PAGE).get_page(request.GET.get("page"))
    names = _condition_names(request.clinic)
    treated_for = [
        ", ".join(course_words(course, names) for course in cast(Any, row).open_courses)
        for row in shown
    ]
    context = {
        "find": words,
        "shown": shown,
        "rows": zip(shown, treated_for, strict=True),
        "found": shown.paginator.count,
    }
    return render(request, "clinic/patients/patients.html", context)


def found(user: User, words: str) -> QuerySet[Patient]:
    """The clinic's patients that fit every word: part of a name, a number, or a birth date."""
    rows = rows_for(user, Patient)
    if born_on := read_date(words):
        return rows.filter(born_on=born_on)
    for word in words.replace(",", " ").split():
        name = Q(family__icontains=word) | Q(given__icontains=word)
        is_number = word.isascii() and word.isdigit() and len(word) < 10
        rows = rows.filter(name | Q(number=int(word)) if is_number else name)
    return rows


def read_date(words: str) -> date | None:
    """1968-03-14 or 14 Mar 1968. Not 3/4/1968: nobody knows which is the month."""
    for form in ("%Y-%m-%d", "%d %b %Y", "%d %B %Y"):
        try:
            return datetime.strptime(re.sub(r"\s+", " ", words), form).date()  # noqa: DTZ007
        except ValueError:
            continue
    return None


def course_words(course: Course, names: dict[str, str]) -> str:
    """ "Knee osteoarthritis, left"."""
    return f"{names.get(course.condition, course.condition)}, {SIDE_WORDS[course.side].lower()}"


def _condition_names(clinic: Clinic) -> dict[str, str]:
    known = store.known_for(clinic, store.today(clinic))
    return {condition.id: condition.name for condition in known.conditions.values()}


@require_http_methods(["GET", "POST"])
def add_patient(request: StaffRequest) -> HttpResponse:
    """A new patient."""
    form = PatientForm(request.POST or None)
    if form.is_bound and form.is_valid():
        patient = attempt(
            form,
            actions.add_patient,
            request.user,
            form.details(),
            _today(request),
            is_another=form.cleaned_data["is_another"],
        )
        if patient:
            messages.success(request, f"{patient} was added as No. {patient.number}.")
            return redirect("patient", patient.pk)
        if "is_another" in form.errors:
            form.fields["is_another"].widget = forms.CheckboxInput()
            if twin := actions.twin_of(request.clinic, form.details()):
                form["is_another"].help_text = format_html(
                    '<a href="{}">Open No. {}</a>', reverse("patient", args=[twin.pk]), twin.number
                )
    return form_page(request, "patient_form", form, "Add patient", "Add patient")


def _today(request: StaffRequest) -> date:
    return store.today(request.clinic)


def form_page(
    request: HttpRequest,
    template: str,
    form: forms.Form,
    title: str,
    button: str,
    status: int | None = None,
    **context: Any,
) -> HttpResponse:
    """A form about a patient; 422 where something typed is to be mended."""
    status = status or (422 if form.errors else 200)
    context |= {"form": form, "title": title, "button": button}
    return render(request, f"clinic/patients/{template}.html", context, status=status)


@require_safe
def patient(request: StaffRequest, patient_id: int) -> HttpResponse:
    """Who this is: identity, courses, weights, appointments."""
    row = get_for(request.user, Patient, patient_id)
    names = _condition_names(request.clinic)
    courses = list(row.courses.select_related("clinician"))
    for course in courses:
        course.title = course_words(course, names)  # type: ignore[attr-defined]
    booked = Appointment.objects.filter(course__patient=row).order_by("-starts_at")
    booked = booked.select_related("course", "clinician", "room")
    for appointment in booked:
        appointment.title = course_words(appointment.course, names)  # type: ignore[attr-defined]
    context = {
        "row": row,
        "patient": patient_banner(row, _today(request)),
        "age": age_years(row.born_on, _today(request)) if row.born_on else None,
        "courses": courses,
        "appointments": booked,
        "weights": row.weights.order_by("-measured_on", "-id"),
        "may_write": may(request.user, "edit_patient"),
        "may_take": may(request.user, "whole_record"),
        "may_erase": may(request.user, "erase_patient"),
    }
    return render(request, "clinic/patients/patient.html", context)


@require_http_methods(["GET", "POST"])
def edit_patient(request: StaffRequest, patient_id: int) -> HttpResponse:
    """Correct the details. If somebody else did meanwhile: 409 with both, and nothing is lost."""
    row = get_for(request.user, Patient, patient_id)
    title, button = f"Correct {row}", "Save details"
    form = PatientForm(request.POST or None, initial={**_initial(row), "version": row.version})
    if not (form.is_bound and form.is_valid()):
        return form_page(request, "patient_form", form, title, button, row=row)
    version = form.cleaned_data["version"] or 0
    try:
        saved = attempt(
            form,
            actions.change_patient,
            request.user,
            row.pk,
            form.details(),
            _today(request),
            version,
        )
    except EditConflict as conflict:
        theirs = cast(Patient, conflict.theirs)
        both = made_from(form, theirs, **_initial(theirs))
        return form_page(request, "patient_form", form, title, button, 409, row=row, both=both)
    if saved is None:
        return form_page(request, "patient_form", form, title, button, row=row)
    messages.success(request, "The details were saved.")
    return redirect("patient", row.pk)


@require_http_methods(["GET", "POST"])
def add_weight(request: StaffRequest, patient_id: int) -> HttpResponse:
    """A weight as measured; doses are checked against the latest."""
    row = get_for(request.user, Patient, patient_id)
    form = WeightForm(request.POST or None, initial={"measured_on": _today(request)})
    if form.is_bound and form.is_valid():
        weight = attempt(form, actions.add_weight, request.user, row.pk, **form.cleaned_data)
        if weight:
            kg = f"{weight.kg.normalize():f}"
            messages.success(request, f"The weight was recorded: {kg}\u00a0kg.")
            return redirect("patient", row.pk)
    return form_page(request, "weight_form", form, f"Weigh {row}", "Record weight", row=row)


@require_http_methods(["GET", "POST"])
def add_course(request: StaffRequest, patient_id: int) -> HttpResponse:
    """Open a course for a complaint; a clinician goes on to evaluate it."""
    row = get_for(request.user, Patient, patient_id)
    known = store.known_for(request.clinic, _today(request))
    # Conditions without a protocol exist for imported courses only.
    treated = [(c.id, c.name) for c in known.conditions.values() if c.protocols]
    form = CourseForm(request.user, treated, request.POST or None)
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        course = attempt(
            form,
            actions.add_course,
            request.user,
            row.pk,
            data["condition"],
            data["side"],
            data["complaint"],
            data["clinician"],
            _today(request),
        )
        if course and may(request.user, "evaluate"):
            return redirect("evaluate", course.pk)
        if course:
            messages.success(request, "The course was opened. Book its evaluation.")
            return redirect("book_appointment", course.pk)
    title = f"New complaint of {row}"
    return form_page(request, "course_form", form, title, "Open course", row=row)


urlpatterns = [
    page("patients/", patients, "patients"),
    page("patients/add/", add_patient, "add_patient"),
    page("patients/<int:patient_id>/", patient, "patient"),
    page("patients/<int:patient_id>/edit/", edit_patient, "edit_patient"),
    page("patients/<int:patient_id>/weights/add/", add_weight, "add_weight"),
    page("patients/<int:patient_id>/courses/add/", add_course, "add_course"),
]
