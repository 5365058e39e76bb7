"""Questions from the public page, for staff: read, answer, set aside; publish and take back."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from enthesis.clinic import enquiries, sender
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import enquiry as actions
from enthesis.clinic.calls import TROUBLE
from enthesis.clinic.models import Enquiry, Message, User
from enthesis.clinic.pages import attempt
from enthesis.clinic.permissions import StaffRequest, get_for, may, page
from enthesis.journey.enquiry import Fact

MOST = 4000


class AnswerForm(forms.Form):
    answer = forms.CharField(
        label="Answer",
        max_length=MOST,
        widget=forms.Textarea({"rows": 8}),
        help_text="Say what holds for all. An e-mail is no place for advice on one person’s case.",
    )


class PublishForm(forms.Form):
    """The wording that everybody sees."""

    question = forms.CharField(
        label="Question as published",
        max_length=MOST,
        widget=forms.Textarea({"rows": 5}),
        help_text="Take out names, places, ages, dates and all that tells who asked.",
    )
    answer = forms.CharField(
        label="Answer as published", max_length=MOST, widget=forms.Textarea({"rows": 8})
    )


@require_safe
def all_enquiries(request: StaffRequest) -> HttpResponse:
    """Those that wait, and what became of the others; without who asked."""
    every = enquiries.newest_first(request.clinic)
    context = {
        "waiting": [one for one in reversed(every) if one.standing.waits],
        "done": [one for one in every if not one.standing.waits],
        "not_sent": sender.not_set_up(request.clinic),
    }
    return render(request, "clinic/enquiries/enquiries.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def enquiry(request: StaffRequest, enquiry_id: int) -> HttpResponse:
    """One question: answer it, or set it aside."""
    row = get_for(request.user, Enquiry, enquiry_id)
    not_sent = sender.not_set_up(request.clinic)
    form = AnswerForm(request.POST if request.method == "POST" else None)
    if "set_aside" in request.POST:
        _do(request, row, actions.set_aside_enquiry, "The question was set aside.")
        return redirect("enquiries")
    if form.is_valid():
        given = row.pk, form.cleaned_data["answer"], not_sent is None
        if attempt(form, actions.answer_enquiry, request.user, *given):
            sent = "Now send it yourself." if not_sent else "It goes out by e-mail at once."
            messages.success(request, f"The answer is kept. {sent}")
            return redirect("enquiry", row.pk)
    actions.read_enquiry(request.user, row.pk)
    one = enquiries.followed(row)
    waits = one.message is not None and one.message.state == Message.State.WAITING
    # What waits or was sent goes out once: it is not offered for copying beside.
    copied = one.answer and row.email and (one.message is None or one.message.state in TROUBLE)
    context = {
        "one": one,
        "form": form,
        "not_sent": not_sent,
        "waits_because": sender.why_waiting(request.clinic) if waits else None,
        "letter": _letter(request, one) if copied else {},
        "may_publish": may(request.user, "publish_enquiry"),
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/enquiries/enquiry.html", context, status=status)


def _do(
    request: StaffRequest, row: Enquiry, action: Callable[[User, int], object], words: str
) -> None:
    """One tap, which somebody else may have made before."""
    try:
        action(request.user, row.pk)
        messages.success(request, words)
    except Refused as refused:
        messages.error(request, refused.message)


def _letter(request: StaffRequest, one: enquiries.Followed) -> dict[str, str]:
    """The answer to copy, and an address that opens the clinic's own mail program with it."""
    host = settings.PUBLIC_ADDRESS or request.build_absolute_uri("/")[:-1]
    subject, text = enquiries.answer_letter(one.row, host, by_us=False)
    to = quote(one.row.email, safe="@")
    return {
        "text": text,
        "mailto": f"mailto:{to}?subject={quote(subject)}&body={quote(text)}",
        "only_here": "yes" if sender.is_local(host) and one.standing.asker_agrees else "",
    }


@require_http_methods(["GET", "HEAD", "POST"])
def publish_enquiry(request: StaffRequest, enquiry_id: int) -> HttpResponse:
    """Edit the wording and publish it; or take it back."""
    row = get_for(request.user, Enquiry, enquiry_id)
    one = enquiries.followed(row)
    if "take_back" in request.POST:
        _do(request, row, actions.take_back_enquiry, "It is not shown any more.")
        return redirect("enquiry", row.pk)
    form = PublishForm(request.POST if request.method == "POST" else None, initial=_wording(one))
    if form.is_valid():
        wording = form.cleaned_data["question"], form.cleaned_data["answer"]
        if attempt(form, actions.publish_enquiry, request.user, row.pk, *wording):
            messages.success(request, "The question and its answer are published.")
            return redirect("enquiry", row.pk)
    context = {"one": one, "form": form}
    status = 422 if form.errors else 200
    return render(request, "clinic/enquiries/publish.html", context, status=status)


def _wording(one: enquiries.Followed) -> dict[str, Any]:
    """As it was published last, else as it was asked and answered."""
    before = one.last(Fact.PUBLISHED)
    if before:
        return {"question": before.question, "answer": before.answer}
    return {"question": one.row.question, "answer": one.answer.answer if one.answer else ""}


urlpatterns = [
    page("enquiries/", all_enquiries, "enquiries"),
    page("enquiries/<int:enquiry_id>/", enquiry, "enquiry"),
    page("enquiries/<int:enquiry_id>/publish/", publish_enquiry, "publish_enquiry"),
]
