"""Asking a patient: personal links, calls, answers on paper; and reading what was answered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from enthesis import records
from enthesis.clinic import store
from enthesis.clinic.actions import answer as actions
from enthesis.clinic.models import AnswerLink, Assessment, Course
from enthesis.clinic.pages import attempt, patient_banner
from enthesis.clinic.permissions import StaffRequest, get_for, page
from enthesis.clinic.questions import QuestionForm, choices_of, typed
from enthesis.clinic.sender import is_local
from enthesis.journey import before, follow
from enthesis.journey.screens import screened, words
from enthesis.knowledge.kinds import Knowledge, Question
from enthesis.records import Answer, Occasion

OCCASION_WORDS = {
    Occasion.BASELINE: "Before treatment",
    Occasion.AFTER_SESSION: "After a session",
    Occasion.RECHECK: "Recheck, months later",
}
OCCASIONS = [(occasion.value, words) for occasion, words in OCCASION_WORDS.items()]
NO_ANSWER = "no answer"


class AskForm(forms.Form):
    occasion = forms.ChoiceField(
        label="What the questions are for", choices=OCCASIONS, widget=forms.RadioSelect
    )


class CallForm(forms.Form):
    outcome = forms.CharField(
        label="What came of it",
        max_length=200,
        help_text="For example: not reached; will answer tonight; feels worse, wants to be seen.",
    )


class WhenForm(forms.Form):
    """When and for what the answers were given; the questions themselves are a `QuestionForm`."""

    on = forms.DateField(label="Given on", widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"))
    occasion = forms.ChoiceField(
        label="What the answers are for", choices=OCCASIONS, widget=forms.HiddenInput
    )


@dataclass(frozen=True)
class LinkState:
    """A link with what became of it."""

    link: AnswerLink
    words: str
    tone: str
    is_open: bool


def link_state(link: AnswerLink, now: datetime) -> LinkState:
    """Answered, withdrawn, expired, begun or waiting."""
    assessment: Assessment | None = getattr(link, "assessment", None)
    if assessment and assessment.completed_at:
        return LinkState(link, "Answered", "good", False)
    if link.revoked_at:
        return LinkState(link, "Withdrawn", "halt", False)
    if link.expires_at <= now:
        return LinkState(link, "Expired", "care", False)
    if link.questionnaire in actions.TO_READ:
        return LinkState(link, "Can be read", "later", True)
    return LinkState(link, "Begun" if assessment else "Not opened yet", "later", True)


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: StaffRequest, course_id: int) -> HttpResponse:
    """Make a personal link (shown this once), see what became of earlier ones, withdraw one."""
    course = get_for(request.user, Course, course_id)
    today = store.today(request.clinic)
    known = store.known_for(request.clinic, today)
    if request.method == "POST" and "withdraw" in request.POST:
        return _withdraw(request, course)
    record = store.course_record(course)
    due, second_on = follow.due(record, known, today), before.second_start_on(record, known)
    likely = due[0].occasion if due else actions.likely_occasion(course)
    sent = request.POST if request.method == "POST" else None
    form = AskForm(sent, initial={"occasion": likely.value})
    address, status = "", 200
    if request.method == "POST" and form.is_valid():
        occasion = form.cleaned_data["occasion"]
        due_on = next((d.due_on for d in due if d.occasion == occasion), today)
        made = attempt(form, actions.make_link, request.user, course.pk, occasion, due_on)
        if made:
            address = personal_address(request, made[1])
    if form.errors:
        status = 422
    links = course.links.select_related("assessment", "made_by").order_by("-made_at", "-id")
    context = _of(course, request) | {
        "form": form,
        "letter": _letter(course, address) if address else {},
        "due": due,
        "second_on": second_on if second_on and second_on <= today else None,
        "questions": _how_many(record, likely, known),
        "states": [link_state(link, timezone.now()) for link in links],
        "calls": course.calls.select_related("by").order_by("-at"),
        "call_form": CallForm(),
    }
    return render(request, "clinic/course/ask.html", context, status=status)


def _how_many(record: records.Course, occasion: Occasion, known: Knowledge) -> int:
    """About how many questions a link asks: all but those that an answer brings."""
    return len(actions.questions_of(record, occasion, {}, known))


def personal_address(request: StaffRequest, token: str, name: str = "answer") -> str:
    """The whole address of a personal link."""
    host = settings.PUBLIC_ADDRESS or request.build_absolute_uri("/")[:-1]
    return f"{host}{reverse(name, args=[token])}"


def _withdraw(request: StaffRequest, course: Course) -> HttpResponse:
    typed_id = request.POST["withdraw"]
    if typed_id.isascii() and typed_id.isdigit() and len(typed_id) < 19:
        link = get_for(request.user, AnswerLink, int(typed_id))
        actions.revoke_link(request.user, link.pk)
        messages.success(request, "The link was withdrawn. Nobody can open it any more.")
    return redirect("ask", course.pk)


def _of(course: Course, request: StaffRequest) -> dict[str, Any]:
    return {
        "course": course,
        "patient": patient_banner(course.patient, store.today(request.clinic)),
    }


def _letter(course: Course, address: str) -> dict[str, str]:
    """The mail or message that asks, for `_written`."""
    with translation.override(course.patient.language):
        text = gettext(
            "{clinic} asks you a few questions before your next visit. They take a few minutes: "
            "{address}"
        )
        subject = gettext("A few questions from {clinic}")
    return _written(course, address, subject, text)


def sheet_letter(course: Course, address: str) -> dict[str, str]:
    """The mail or message that carries the aftercare sheet."""
    with translation.override(course.patient.language):
        text = gettext("{clinic}: what to expect after your visit, and when to call: {address}")
        subject = gettext("After your visit to {clinic}")
    return _written(course, address, subject, text)


def _written(course: Course, address: str, subject: str, text: str) -> dict[str, str]:
    """Addresses that open the clinic's own mail or message program, in the patient's language. No
    health detail in either."""
    clinic = course.patient.clinic
    text = text.format(clinic=clinic.name, address=address)
    phone = "".join(c for c in course.patient.phone if c in "+0123456789")
    return {
        "mailto": f"mailto:{quote(course.patient.email, safe='@')}"
        f"?subject={quote(subject.format(clinic=clinic.name))}&body={quote(text)}",
        "sms": f"sms:{phone}?&body={quote(text)}",
        "text": text,
        "address": address,
        "only_here": "yes" if is_local(address) else "",
    }


@require_http_methods(["GET", "HEAD", "POST"])
def add_answers(request: StaffRequest, course_id: int) -> HttpResponse:
    """The same questions on one page, for answers by telephone or on paper; after a call about
    safety only that question. `?call=` is the call in which they are given."""
    course = get_for(request.user, Course, course_id)
    today = store.today(request.clinic)
    known = store.known_for(request.clinic, today)
    occasion = request.POST.get("occasion") or request.GET.get("for", "")
    if occasion not in actions.OCCASIONS:
        occasion = actions.likely_occasion(course).value
    sent = request.POST if request.method == "POST" else None
    when = WhenForm(sent, initial={"on": today, "occasion": occasion})
    about = follow.SAFETY if "safety" in request.GET else actions.QUESTIONNAIRE
    typed_call = request.GET.get("call", "")
    call = int(typed_call) if typed_call.isdecimal() and len(typed_call) < 19 else None
    questions = actions.every_question(store.course_record(course), occasion, known, about)
    form = QuestionForm(questions, sent, may_skip=True)
    if request.method == "POST" and when.is_valid() and form.is_valid():
        given_on = when.cleaned_data["on"]
        given = (course.pk, occasion, given_on, form.raw, about, call)
        made = attempt(form, actions.record_answers, request.user, *given)
        if made:
            return _after_answers(request, course, made, known)
    wrong = bool(when.errors or form.errors)
    context = _of(course, request) | {"when": when, "form": form, "occasion": occasion}
    context["occasions"] = OCCASIONS
    return render(request, "clinic/course/add_answers.html", context, status=422 if wrong else 200)


def _after_answers(
    request: StaffRequest, course: Course, made: Assessment, known: Knowledge
) -> HttpResponse:
    for danger in follow.dangers(actions.answers_of(made), known):
        messages.error(
            request,
            f"Warning sign: {danger.text}. Tell the patient: {danger.tell_patient} "
            "Tell a clinician at once.",
        )
    messages.success(request, "The answers were recorded.")
    return redirect("course", course.pk)


@require_http_methods(["POST"])
def add_call(request: StaffRequest, course_id: int) -> HttpResponse:
    """Somebody tried to reach the patient."""
    course = get_for(request.user, Course, course_id)
    form = CallForm(request.POST)
    outcome = form.cleaned_data["outcome"] if form.is_valid() else ""
    if outcome and attempt(form, actions.add_call, request.user, course.pk, outcome) is not None:
        messages.success(request, "The call was recorded.")
    else:
        messages.error(request, "The call was not recorded: write what came of it, in a few words.")
    return redirect("ask", course.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def answers(request: StaffRequest, assessment_id: int) -> HttpResponse:
    """One set of answers; a clinician says that it was read."""
    row = get_for(request.user, Assessment, assessment_id)
    if request.method == "POST":
        actions.mark_read(request.user, row.pk)
        return redirect("course", row.course_id)
    # By the rules of the day on which they came in: old sheets reach back before any rules.
    known = store.known_for(request.clinic, timezone.localdate(row.completed_at))
    given = actions.answers_of(row)
    questions = actions.asked_questions(row, known)
    asked = {question.id for question in questions}
    context = _of(row.course, request) | {
        "row": row,
        "occasion": OCCASION_WORDS[Occasion(row.occasion)],
        "answers": [(question.text, said(question, given)) for question in questions],
        # Of a questionnaire that is not ours (an imported sheet): as it was given.
        "other": [(name, typed(value)) for name, value in given.items() if name not in asked],
        "dangers": follow.dangers(given, known),
        "screened": "; ".join(map(words, screened(given, known))),
    }
    return render(request, "clinic/course/answers.html", context)


def said(question: Question, given: dict[str, Answer]) -> str:
    """An answer in the words that the patient chose."""
    answer = given.get(question.id)
    if answer is None or answer == "":
        return NO_ANSWER
    words = dict(choices_of(question))
    values = typed(answer)
    chosen = values if isinstance(values, list) else [values]
    if question.kind == "scale":
        label = f" ({words[values]})" if words.get(values) else ""
        return f"{values} of {question.maximum}{label}"
    said = [words.get(value, str(value)) for value in chosen]
    # Whole sentences stand one after the other; commas between them would follow full stops.
    return (" " if all(one.endswith(".") for one in said) else ", ").join(said)


urlpatterns = [
    page("courses/<int:course_id>/ask/", ask, "ask"),
    page("courses/<int:course_id>/answers/add/", add_answers, "add_answers"),
    page("courses/<int:course_id>/calls/add/", add_call, "add_call"),
    page("answers/<int:assessment_id>/", answers, "answers"),
]
