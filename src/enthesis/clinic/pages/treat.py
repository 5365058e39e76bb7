"""A session: what is given where, checked while it is written down, signed once, then amended."""

import secrets
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from enthesis.clinic import store
from enthesis.clinic.actions import EditConflict, Refused
from enthesis.clinic.actions import treat as actions
from enthesis.clinic.actions.session_draft import Draft
from enthesis.clinic.models import Course, Session
from enthesis.clinic.pages import attempt
from enthesis.clinic.pages.doses import problems
from enthesis.clinic.pages.session_draft import draft_page
from enthesis.clinic.pages.session_page import SessionPage
from enthesis.clinic.pages.session_signed import (
    draft_words,
    heading,
    row_words,
    signed_page,
)
from enthesis.clinic.permissions import StaffRequest, get_for, page
from enthesis.clinic.sending import KEY

SECRETS = ("csrfmiddlewaretoken", KEY)


class AmendForm(forms.Form):
    text = forms.CharField(label="What to add", max_length=4000, widget=forms.Textarea({"rows": 5}))


@require_POST
def start_session(request: StaffRequest, course_id: int) -> HttpResponse:
    """Begin the next session, or go on with the draft that was begun."""
    course = get_for(request.user, Course, course_id)
    try:
        session = actions.start_session(request.user, course.pk, store.today(request.clinic))
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("course", course.pk)
    return redirect("session", session.pk)


@require_http_methods(["GET", "POST"])
def session(request: StaffRequest, session_id: int) -> HttpResponse:
    """The draft, to edit and sign; once signed, what was given. `?draft` saves while it is typed.

    A POST says in `do`: save, all (tick all and save), add (a place), time_out or images (save and
    go there) or sign.
    """
    row = get_for(request.user, Session, session_id)
    if request.method == "GET" and row.signed_at is not None:
        return signed_page(request, row)
    today = store.today(request.clinic)
    known = store.known_for(request.clinic, today)
    if request.method == "GET":
        return draft_page(request, SessionPage(row, known, _kept(row), today), 200)
    data = _with_added(request)
    shown = SessionPage(row, known, data, today)
    if "draft" in request.GET:
        return _autosave(request, shown, today)
    if data.get("do") == "add":
        return draft_page(request, shown, 200)
    if not shown.is_valid():
        return draft_page(request, shown, 422)
    action = actions.sign_session if data.get("do") == "sign" else actions.save_session
    try:
        saved = attempt(shown.form, action, request.user, row.pk, *_as_typed(shown, today))
    except EditConflict as conflict:
        assert isinstance(conflict.theirs, Session)  # noqa: S101 (narrows the type only)
        return _conflict(request, shown, conflict.theirs)
    if saved is None:
        return draft_page(request, shown, 422)
    if there := {"time_out": "time_out", "images": "session_images"}.get(data.get("do", "")):
        return redirect(there, saved.pk)
    words = "was signed" if saved.signed_at else "was saved as a draft; it is not signed yet"
    messages.success(request, f"Session {saved.number} {words}.")
    return redirect("session", saved.pk)


def _as_typed(shown: SessionPage, today: date) -> tuple[Draft, date, int, str]:
    data = shown.form.cleaned_data
    return shown.draft(), today, data["version"], data["editor"]


def _autosave(request: StaffRequest, shown: SessionPage, today: date) -> HttpResponse:
    """Save what stands on the page, as a draft if it can be read, else as it was typed. What is
    wrong is said beside the buttons and nothing on the page is moved."""
    try:
        wrong = _save_if_readable(request, shown, today)
        if not wrong:
            at = timezone.localtime()
            return draft_page(request, shown, 200, saved=f"Saved {at:%H:%M}.")
        typed = {name: values for name, values in request.POST.lists() if name not in SECRETS}
        version, editor = request.POST.get("version", ""), request.POST.get("editor", "")
        kept = actions.keep_typed(
            request.user,
            shown.session.pk,
            typed,
            int(version) if version.isdecimal() else 0,
            editor[:40],
        )
        shown.version = kept.version
        words = f"Kept as typed, not in the record yet. {wrong}"
    except Refused as refused:
        words = f"Not saved. {refused.message}"
    except EditConflict as conflict:
        words = f"Not saved. {conflict} Press Save draft to see both."
    return draft_page(request, shown, 200, saved=words, not_saved=True)


def _save_if_readable(request: StaffRequest, shown: SessionPage, today: date) -> str:
    """What is wrong with the page; empty where it was saved."""
    if not shown.is_valid():
        return next(iter(problems(shown.forms)), ("", ""))[0]
    row = shown.session
    try:
        saved = actions.save_session(request.user, row.pk, *_as_typed(shown, today))
    except Refused as refused:
        return refused.message
    shown.session, shown.version = saved, saved.version
    return ""


def _kept(row: Session) -> QueryDict | None:
    """What was typed and could not be read when the page was left; it stands there again."""
    if not row.typed:
        return None
    data = QueryDict(mutable=True)
    for name, values in row.typed.items():
        data.setlist(name, values)
    data["version"], data["editor"] = str(row.version), secrets.token_hex(8)
    return data


def _with_added(request: StaffRequest) -> Any:
    """What was typed, with the place that was chosen as a row, and all ticked if that was asked."""
    data = request.POST.copy()
    place = str(data.get("add-place", ""))
    if data.get("do") == "add" and place:
        data.appendlist("row", place)
        site, _, side = place.partition(":")
        data[f"site-{site}-{side}-ticked"] = "on"
        data["add-place"] = ""
    if data.get("do") == "all":
        for name in [name for name in data if name.endswith("-volume_ml") and data[name]]:
            if name.startswith("site-"):
                data[name.removesuffix("volume_ml") + "ticked"] = "on"
    return data


def _conflict(request: StaffRequest, shown: SessionPage, theirs: Session) -> HttpResponse:
    """Somebody saved or signed meanwhile: nothing typed is lost, and the difference is shown."""
    saved = row_words(theirs, shown.known)
    typed = draft_words(shown.draft(), shown.known)
    labels = dict.fromkeys([*saved, *typed])
    both = [
        (label, saved.get(label, "nothing"), typed.get(label, "nothing"))
        for label in labels
        if saved.get(label, "nothing") != typed.get(label, "nothing")
    ]
    if theirs.signed_at is not None:
        return signed_page(request, theirs, 409, both=both)
    with_theirs = _with_theirs(shown.form.data, theirs)
    again = SessionPage(theirs, shown.known, with_theirs, shown.checks.today)
    return draft_page(request, again, 409, both=both, conflict=True)


def _with_theirs(typed: Any, theirs: Session) -> Any:
    """What was typed, on top of the version that was saved meanwhile: its new places stay."""
    data = typed.copy()
    data["version"] = theirs.version
    for row in theirs.sites.all():
        if f"{row.site}:{row.side}" not in data.getlist("row"):
            data.appendlist("row", f"{row.site}:{row.side}")
            prefix = f"site-{row.site}-{row.side}"
            data[f"{prefix}-volume_ml"], data[f"{prefix}-mixture"] = row.volume_ml, row.mixture
            data[f"{prefix}-tender"] = theirs.site_scores.get(f"{row.site}:{row.side}", "")
            if row.given:
                data[f"{prefix}-ticked"] = "on"
    return data


@require_POST
def discard_session(request: StaffRequest, session_id: int) -> HttpResponse:
    """Throw a draft away that was begun by mistake."""
    row = get_for(request.user, Session, session_id)
    version = request.POST.get("version", "")
    try:
        course = actions.discard_session(
            request.user,
            row.pk,
            int(version) if version.isdecimal() else 0,
            request.POST.get("because", "").strip()[:300],
        )
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("session", row.pk)
    except EditConflict as conflict:
        messages.error(request, f"{conflict} Look at it before you discard it.")
        return redirect("session", row.pk)
    messages.success(request, "The draft was discarded.")
    return redirect("course", course.pk)


@require_http_methods(["GET", "POST"])
def amend_session(request: StaffRequest, session_id: int) -> HttpResponse:
    """Add to a signed session; the record itself stays as it was signed."""
    row = get_for(request.user, Session, session_id)
    if row.signed_at is None:
        return redirect("session", row.pk)
    form = AmendForm(request.POST or None)
    if form.is_bound and form.is_valid():
        text = form.cleaned_data["text"]
        if attempt(form, actions.amend_session, request.user, row.pk, text):
            messages.success(request, f"Session {row.number} was amended.")
            return redirect("session", row.pk)
    known = store.known_for(request.clinic, row.on)
    context = {**heading(request, row, known), "form": form}
    return render(request, "clinic/treat/amend.html", context, status=422 if form.errors else 200)


urlpatterns = [
    page("courses/<int:course_id>/sessions/start/", start_session, "start_session"),
    page("sessions/<int:session_id>/", session, "session"),
    page("sessions/<int:session_id>/discard/", discard_session, "discard_session"),
    page("sessions/<int:session_id>/amend/", amend_session, "amend_session"),
]
