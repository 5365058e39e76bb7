"""The estimate: made by the desk, read and received by the patient at a personal link."""

import hashlib
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.http import require_http_methods, require_safe

from enthesis.clinic import documents, errors, estimates, prices, store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import estimate as actions
from enthesis.clinic.estimates import Choice
from enthesis.clinic.models import Course, Estimate, EstimateLink, Patient
from enthesis.clinic.pages import attempt, patient_banner
from enthesis.clinic.pages.ask import personal_address
from enthesis.clinic.pages.second_fact import ask_first, is_known
from enthesis.clinic.permissions import StaffRequest, get_for, page, public_page
from enthesis.clinic.sender import is_local
from enthesis.journey.estimate_words import say
from enthesis.journey.lines import ENGLISH, Lines
from enthesis.journey.tariff import CONSULTATION, discounts


class DiagnosesForm(forms.Form):
    """Codes of the condition to tick, and others to type; the form of a code is checked."""

    codes = forms.MultipleChoiceField(
        label="Diagnosis codes (ICD-10)",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Only what the clinician has found. Codes never decide what is paid.",
    )
    other_codes = forms.CharField(
        label="Other codes",
        required=False,
        max_length=120,
        help_text="With commas between. Enthesis checks how a code is written, not what it means.",
        widget=forms.TextInput({"autocomplete": "off"}),
    )

    def __init__(self, data: Any, initial: dict[str, Any], course: Course) -> None:
        super().__init__(data, initial=initial)
        self.names = estimates.codes_of(course, store.today(course.patient.clinic))
        choices = [(code, f"{code} {name}") for code, name in self.names.items()]
        self.fields["codes"].choices = choices  # type: ignore[attr-defined]
        if not choices:
            del self.fields["codes"]

    @property
    def diagnoses(self) -> tuple[tuple[str, str], ...]:
        """(code, name) of each, the ticked ones first; a typed one has no name here."""
        typed = self.cleaned_data["other_codes"].upper().replace(",", " ").split()
        found = [*self.cleaned_data.get("codes", []), *typed]
        return tuple((code, self.names.get(code, "")) for code in dict.fromkeys(found))


class EstimateForm(DiagnosesForm):
    """And what is charged besides, of what the clinic has a price for."""

    discount = forms.ChoiceField(label="Discount", required=False, widget=forms.RadioSelect)
    consultation = forms.BooleanField(
        label="Charge the consultation with the first session", required=False
    )

    def __init__(self, data: Any, initial: dict[str, Any], course: Course) -> None:
        super().__init__(data, initial, course)
        clinic = course.patient.clinic
        today = store.today(clinic)
        known, plan = store.known_for(clinic, today), estimates.plan_to_price(course)
        tariff = prices.tariff_of(clinic, (plan and plan.agreed_on) or today)
        given = discounts(tariff, known) if tariff else {}
        self.fields["discount"].choices = [  # type: ignore[attr-defined]
            ("", "None"),
            *(
                (id, f"{known.tariff_parts[id].text}, {of.normalize():f} %")
                for id, of in given.items()
            ),
        ]
        if not given:
            del self.fields["discount"]
        if tariff is None or CONSULTATION not in tariff.prices:
            del self.fields["consultation"]

    @property
    def chosen(self) -> Choice:
        """As the action takes it."""
        data = self.cleaned_data
        return Choice(data.get("discount", ""), bool(data.get("consultation")), self.diagnoses)


@require_http_methods(["GET", "HEAD", "POST"])
def estimate(request: StaffRequest, course_id: int) -> HttpResponse:
    """What stands, how far the bills have come, and the next version."""
    course = get_for(request.user, Course, course_id)
    today = store.today(request.clinic)
    rows = list(course.estimates.select_related("by").order_by("-number"))
    last = rows[0] if rows else None
    wants_link = request.method == "POST" and "link" in request.POST
    data = request.POST if request.method == "POST" and not wants_link else None
    form, address = EstimateForm(data, _as_before(last), course), ""
    if form.is_bound and form.is_valid():
        made = attempt(form, actions.make_estimate, request.user, course.pk, form.chosen)
        if made:
            messages.success(request, f"Estimate {made.number} is made. Hand it to the patient.")
            return redirect("estimate", course.pk)
    elif wants_link and last is not None:
        try:
            _link, token = actions.make_estimate_link(request.user, last.pk)
        except Refused as refused:
            messages.error(request, refused.message)
            return redirect("estimate", course.pk)
        address = personal_address(request, token, "read_estimate")
    plan = estimates.plan_to_price(course)
    context = {
        "course": course,
        "patient": patient_banner(course.patient, today),
        "form": form,
        "plan": plan,
        "rows": [(row, actions.received_of(row)) for row in rows],
        "last": last,
        "out_of_date": last is not None and estimates.is_out_of_date(last, today),
        "standing": last and estimates.standing(last, today),
        "address": address,
        "only_here": is_local(address),
        "in_us": request.clinic.currency == "USD",
        **(documents.estimate_context(last, ENGLISH) if last else {}),
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/estimate/estimate.html", context, status=status)


def _as_before(last: Estimate | None) -> dict[str, Any]:
    """What the last version was made with."""
    if last is None:
        return {}
    chosen = estimates.chosen_for(last)
    codes = [code for code, _ in chosen.diagnoses]
    named = [code for code, name in chosen.diagnoses if name]
    return {
        "discount": chosen.discount,
        "consultation": chosen.consultation,
        "codes": named,
        "other_codes": ", ".join(code for code in codes if code not in named),
    }


@require_safe
def estimate_paper(request: StaffRequest, estimate_id: int) -> HttpResponse:
    """An estimate as PDF: as it was received, else as the patient would read it."""
    row = get_for(request.user, Estimate, estimate_id)
    return _paper(row, row.course.patient.language)


@require_safe
def estimate_outcome(request: StaffRequest, estimate_id: int) -> HttpResponse:
    """An estimate beside what it came to, as PDF in the patient's language."""
    row = get_for(request.user, Estimate, estimate_id)
    language = row.course.patient.language
    context = documents.estimate_context(row, language)
    return documents.answer(f"outcome-{row.course_id}", "estimate", context, language)


def _paper(row: Estimate, language: str) -> HttpResponse:
    received, name = getattr(row, "received", None), f"estimate-{row.course_id}-{row.number}"
    if received is None:
        return documents.answer(
            name, "estimate", documents.estimate_context(row, language), language
        )
    pdf = bytes(received.pdf)
    if hashlib.sha256(pdf).hexdigest() != received.pdf_sha256:
        return HttpResponse(
            "This paper is not the one that was received: its bytes differ from the hash that was "
            "kept. Bring the database back from a backup.",
            status=409,
            content_type="text/plain; charset=utf-8",
        )
    return documents.as_file(name, pdf)


class ReceiveForm(forms.Form):
    name = forms.CharField(max_length=200, widget=forms.TextInput({"autocomplete": "name"}))

    def __init__(self, data: Any, said: Lines) -> None:
        super().__init__(data, label_suffix="")
        self.fields["name"].label = say(said, "page-name")
        self.fields["name"].error_messages["required"] = say(said, "page-no-name")


@require_http_methods(["GET", "HEAD", "POST"])
def read_estimate(request: HttpRequest, token: str, language: str = "") -> HttpResponse:
    """The estimate as the patient reads it; a typed name says that it was received."""
    link = actions.find_estimate_link(token, timezone.now())
    if link is None or (language and language not in Patient.Language.values):
        return errors.gone(request)
    if "speak" in request.POST:  # another language was asked for: only look
        return redirect(request.path)
    spoken = language or link.estimate.course.patient.language
    with translation.override(spoken):
        around = _around(link, token, spoken)
        return ask_first(request, link, around) or _read(request, link, spoken, around)


def _around(link: EstimateLink, token: str, language: str) -> dict[str, Any]:
    clinic = link.estimate.course.patient.clinic
    return {
        "clinic_name": clinic.name,
        "phone": clinic.phone,
        "others": [
            (code, name, reverse("read_estimate_in", args=[token, code]))
            for code, name in Patient.Language.choices
            if code != language
        ],
        "paper": reverse("read_estimate_paper", args=[token]) + f"?in={language}",
    }


def _read(
    request: HttpRequest, link: EstimateLink, language: str, around: dict[str, Any]
) -> HttpResponse:
    row = link.estimate
    clinic = row.course.patient.clinic
    said = Lines(store.known_for(clinic, store.today(clinic)), language)
    received = actions.received_of(row)
    form = ReceiveForm(request.POST if request.method == "POST" else None, said)
    if received is None and form.is_bound and form.is_valid():
        name = form.cleaned_data["name"]
        if attempt(form, actions.receive_estimate, link.pk, name, language):
            return redirect(request.path)
    words = ""
    if received is not None:
        day = said.day(store.day_of(clinic, received.at))
        words = say(said, "page-received", name=received.name, day=day)
    context = {
        **documents.estimate_context(row, language),
        **around,
        "form": None if received else form,
        "received": words,
        "say": {id: say(said, f"page-{id}") for id in ("sign", "sign-text", "button", "paper")},
    }
    context["sign_text"] = context["say"]["sign-text"]
    status = 422 if form.errors and not received else 200
    return render(request, "clinic/estimate/read.html", context, status=status)


@require_safe
def read_estimate_paper(request: HttpRequest, token: str) -> HttpResponse:
    """The patient's own copy, `?in=` the language that was read; once received, as it was then."""
    link = actions.find_estimate_link(token, timezone.now())
    if link is None:
        return errors.gone(request)
    if not is_known(request, link.estimate.course.patient):
        return redirect("read_estimate", token)
    own, read = link.estimate.course.patient.language, request.GET.get("in", "")
    return _paper(link.estimate, read if read in Patient.Language.values else own)


urlpatterns = [
    page("courses/<int:course_id>/estimate/", estimate, "estimate"),
    page("estimates/<int:estimate_id>/paper/", estimate_paper, "estimate_paper"),
    page("estimates/<int:estimate_id>/outcome/", estimate_outcome, "estimate_outcome"),
    public_page("estimate/<str:token>/", read_estimate, "read_estimate"),
    public_page("estimate/<str:token>/paper/", read_estimate_paper, "read_estimate_paper"),
    public_page("estimate/<str:token>/<str:language>/", read_estimate, "read_estimate_in"),
]
