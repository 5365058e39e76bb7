"""Consent: the page of the staff, and the patient's own on a tablet or phone, without script.

There is one way to sign: the personal link, handed over on the clinic's tablet or sent. A wrong,
expired or revoked address gets the page that a dead link to questions gets.
"""

import hashlib
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.views.decorators.http import require_http_methods, require_safe

from enthesis.clinic import consents, errors, languages, store
from enthesis.clinic.actions import consent as actions
from enthesis.clinic.consents import State
from enthesis.clinic.models import Consent, ConsentLink, Course, Patient
from enthesis.clinic.pages import attempt, patient_banner
from enthesis.clinic.pages.ask import personal_address
from enthesis.clinic.pages.second_fact import ask_first, is_known
from enthesis.clinic.permissions import (
    StaffRequest,
    get_for,
    may,
    page,
    public_page,
)
from enthesis.clinic.sender import is_local
from enthesis.journey import consent as text
from enthesis.journey.lines import Lines

STATE_WORDS = {
    State.NONE: ("No consent signed", "care"),
    State.IN_FORCE: ("In force", "good"),
    State.OUT_OF_DATE: ("In force, but out of date", "care"),
    State.WITHDRAWN: ("Consent withdrawn", "alarm"),
}


@require_http_methods(["GET", "HEAD", "POST"])
def consent(request: StaffRequest, course_id: int) -> HttpResponse:
    """Where it stands; make a link (shown this once); write down that it was taken back."""
    course = get_for(request.user, Course, course_id)
    today = store.today(request.clinic)
    form, address = forms.Form(request.POST if request.method == "POST" else None), ""
    if request.method == "POST":
        form.is_valid()
        if "withdraw" in request.POST:
            if attempt(form, actions.withdraw_consent, request.user, course.pk):
                messages.success(request, "Consent is withdrawn. Nothing more is injected.")
                return redirect("consent", course.pk)
        elif made := attempt(form, actions.make_consent_link, request.user, course.pk):
            address = personal_address(request, made[1], "sign_consent")
    standing = consents.standing(course, today)
    words, tone = STATE_WORDS[standing.state]
    waiting = course.consent_links.filter(revoked_at=None, facts=None)
    context = {
        "course": course,
        "patient": patient_banner(course.patient, today),
        "form": form,
        "standing": standing,
        "words": words,
        "tone": tone,
        "facts": list(course.consents.select_related("by").defer("pdf").order_by("-id")),
        "plan": consents.agreed_plan(course),
        "may_read": may(request.user, "consent_paper"),
        "can_withdraw": standing.state in (State.IN_FORCE, State.OUT_OF_DATE),
        "address": address,
        "only_here": is_local(address),
        "waiting": waiting.filter(expires_at__gt=timezone.now()).last(),
    }
    return render(
        request, "clinic/consent/consent.html", context, status=422 if form.errors else 200
    )


@require_safe
def consent_paper(request: StaffRequest, consent_id: int) -> HttpResponse:
    """The paper as it was signed."""
    return _paper(get_for(request.user, Consent, consent_id))


class SignForm(forms.Form):
    """A tick for each statement, the typed name, and what was read."""

    read = forms.CharField(widget=forms.HiddenInput, max_length=2000, required=False)

    def __init__(self, told: text.Consent, said: Lines, data: Any = None) -> None:
        super().__init__(data, initial={"read": _packed(told)}, label_suffix="")
        for id, statement in told.statements:
            self.fields[id] = forms.BooleanField(
                label=statement, error_messages={"required": said.line("page-tick")}
            )
        self.fields["name"] = forms.CharField(
            label=said.line("page-name"),
            max_length=200,
            error_messages={"required": said.line("page-no-name")},
            widget=forms.TextInput({"autocomplete": "name"}),
        )


@require_http_methods(["GET", "HEAD", "POST"])
def sign_consent(request: HttpRequest, token: str, language: str = "") -> HttpResponse:
    """The text to read and sign; once signed what was signed, and the one step to take it back."""
    link = actions.find_consent_link(token, timezone.now())
    if link is None or (language and language not in Patient.Language.values):
        return errors.gone(request)
    if "speak" in request.POST:  # another language was asked for: only look
        return redirect(request.path)
    spoken = language or languages.likely(request, link.course.patient.language)
    with translation.override(spoken):
        return (
            ask_first(request, link, _around(link, token, spoken))
            or _signed(request, token, link, spoken)
            or _read(request, token, link, spoken)
        )


def _read(request: HttpRequest, token: str, link: ConsentLink, language: str) -> HttpResponse:
    clinic = link.course.patient.clinic
    today = store.today(clinic)
    told = consents.text_for(link.course, today, language)
    if told is None or link.plan != consents.agreed_plan(link.course) or link.course.closed_on:
        return errors.gone(request)
    said = Lines(store.known_for(clinic, today), language)
    form = SignForm(told, said, request.POST if request.method == "POST" else None)
    if form.is_valid():
        ticked = [id for id, _ in told.statements if form.cleaned_data[id]]
        name, read = form.cleaned_data["name"], _unpacked(form.cleaned_data["read"])
        signature = actions.Signature(name, ticked, language, read)
        if attempt(form, actions.sign_consent, link.pk, signature):
            return redirect(request.path)
        form.data = form.data.copy()  # type: ignore[attr-defined]
        form.data["read"] = _packed(told)  # type: ignore[index]
    context = _around(link, token, language) | {
        "told": told,
        "form": form,
        "boxes": [form[id] for id, _ in told.statements],
        "unticked": [form[id] for id, _ in told.statements if id in form.errors],
        "say": {id: said.line(f"page-{id}") for id in ("sign", "button", "sources")},
    }
    return render(request, "clinic/consent/sign.html", context, status=422 if form.errors else 200)


def _signed(
    request: HttpRequest, token: str, link: ConsentLink, language: str
) -> HttpResponse | None:
    """What follows the signature; None where this link is not signed yet."""
    row = actions.signed_by(link)
    if row is None:
        return None
    if request.method == "POST" and "withdraw" in request.POST:
        actions.withdraw_by_link(link.pk)
        return redirect(request.path)
    clinic = link.course.patient.clinic
    said = Lines(store.known_for(clinic, store.today(clinic)), language)
    in_force = consents.consent_in_force(link.course)
    fills = {
        "name": row.name,
        "date": actions.day_words(store.day_of(clinic, row.at)),
        "clinic": clinic.name,
        "phone": clinic.phone,
    }
    state = "signed" if in_force else "withdrawn"
    context = _around(link, token, language) | {
        "in_force": in_force,
        "title": said.line(f"page-{state}"),
        "words": said.line(f"page-{state}-text", **fills),
        "row": row,
        "paper": reverse("signed_paper", args=[token]),
        "say": {id: said.line(f"page-{id}") for id in ("paper", "withdraw")},
    }
    return render(request, "clinic/consent/signed.html", context)


@require_safe
def signed_paper(request: HttpRequest, token: str) -> HttpResponse:
    """The patient's own copy of what was signed at a link."""
    link = actions.find_consent_link(token, timezone.now())
    row = actions.signed_by(link) if link else None
    if link is None or row is None:
        return errors.gone(request)
    if not is_known(request, link.course.patient):
        return redirect("sign_consent", token)
    return _paper(row)


def _paper(row: Consent) -> HttpResponse:
    """The stored paper; never one that is not what was signed."""
    pdf = bytes(row.pdf)
    if not pdf or hashlib.sha256(pdf).hexdigest() != row.pdf_sha256:
        return HttpResponse(
            "This paper is not the one that was signed: its bytes differ from the hash that was "
            "kept. Bring the database back from a backup, and have the consent signed anew.",
            status=409,
            content_type="text/plain; charset=utf-8",
        )
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="consent-{row.pk}.pdf"'
    return response


def _around(link: ConsentLink, token: str, language: str) -> dict[str, Any]:
    others = [
        (code, name, reverse("sign_consent_in", args=[token, code]))
        for code, name in Patient.Language.choices
        if code != language
    ]
    clinic = link.course.patient.clinic
    return {"clinic_name": clinic.name, "phone": clinic.phone, "others": others}


def _packed(told: text.Consent) -> str:
    return " ".join(f"{id}={mark}" for id, mark in told.versions.items())


def _unpacked(read: str) -> dict[str, str]:
    return {id: mark for id, _, mark in (part.partition("=") for part in read.split())}


urlpatterns = [
    page("courses/<int:course_id>/consent/", consent, "consent"),
    page("consents/<int:consent_id>/paper/", consent_paper, "consent_paper"),
    public_page("consent/<str:token>/", sign_consent, "sign_consent"),
    public_page("consent/<str:token>/paper/", signed_paper, "signed_paper"),
    public_page("consent/<str:token>/<str:language>/", sign_consent, "sign_consent_in"),
]
