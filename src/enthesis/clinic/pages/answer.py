"""The patient's questions on a telephone: one personal address, no sign-in, no script.

Looking never changes anything; each screen is saved as it is sent, so that a closed telephone
loses nothing. A wrong, expired or revoked address gets one and the same page. The language is the
one in the address, else the one chosen before on this link (one tap), else the patient's; where
that is only the default, the telephone's.
"""

from typing import Any, cast

from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from enthesis import records
from enthesis.clinic import cards, errors, languages, store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import answer as actions
from enthesis.clinic.models import AnswerLink, Clinic, Patient
from enthesis.clinic.pages.calendar import calendar_address
from enthesis.clinic.pages.second_fact import ask_first
from enthesis.clinic.pages.statement import statement_of
from enthesis.clinic.pages.visit import leaflet
from enthesis.clinic.permissions import public_page
from enthesis.clinic.questions import QuestionForm
from enthesis.journey import aftercare, follow
from enthesis.journey.screens import screened
from enthesis.knowledge.kinds import Knowledge, Question
from enthesis.records import Answer

Screen = tuple[Question, ...]
Language = tuple[str, str, str]
"""Code, own name, and the address of the same page in it."""


@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, token: str, language: str = "") -> HttpResponse:
    """One screen of questions; then thanks, or what to do at once. Or what is only to be read."""
    link = actions.find_link(token, timezone.now())
    if link is None or (language and language not in Patient.Language.values):
        return errors.gone(request)
    if language and request.method == "POST" and "speak" in request.POST:
        actions.choose_language(link.pk, language)
        asked = request.GET.get("q", "")
        address = reverse("answer", args=[token])
        return redirect(f"{address}?{urlencode({'q': asked})}" if asked else address)
    link.language = language or link.language
    spoken = speak(request, link)
    with translation.override(spoken):
        response = _answer(request, token, link, spoken)
    patch_vary_headers(response, ["Accept-Language"])
    return response


def speak(request: HttpRequest, link: AnswerLink) -> str:
    """The language of a link's pages."""
    return link.language or languages.likely(request, link.course.patient.language)


def _answer(request: HttpRequest, token: str, link: AnswerLink, language: str) -> HttpResponse:
    clinic = link.course.patient.clinic
    known = store.known_for(clinic, store.today(clinic), language)
    if link.questionnaire == actions.SHEET:
        context = {
            **leaflet(link.course, language),
            **_head(clinic, known, token, language),
            "calendar": calendar_address(link.course, token),
        }
        return render(request, "clinic/answer/sheet.html", context)
    if link.questionnaire == actions.STATEMENT:
        head = _head(clinic, known, token, language)
        return ask_first(request, link, head) or statement_page(request, token, link, language)
    assessment = getattr(link, "assessment", None)
    answers = actions.answers_of(assessment)
    if assessment and assessment.completed_at:
        head = _head(clinic, known, token, language)
        return _received(request, head, answers, known)
    course = store.course_for_questions(link.course)
    screens = follow.screens(
        actions.questions_of(course, link.occasion, answers, known, link.questionnaire)
    )
    number = _number(request, screens, answers)
    form = QuestionForm(
        screens[number], request.POST if request.method == "POST" else None, answers
    )
    if (
        request.method == "POST"
        and form.is_valid()
        and _save(form, screens[number], link, course, known)
    ):
        return redirect(_address(request, screens, number))
    # A group of questions that is asked alone has no words of its own to begin with.
    whole = known.questionnaires.get(link.questionnaire)
    intro = whole.intro if whole else ""
    context = _head(clinic, known, token, language) | {"intro": "" if number else intro}
    return _ask(request, link, screens, number, form, context)


def _others(token: str, language: str) -> list[Language]:
    return [
        (code, name, reverse("answer_in", args=[token, code]))
        for code, name in Patient.Language.choices
        if code != language
    ]


def statement_page(
    request: HttpRequest,
    token: str,
    link: AnswerLink,
    language: str,
    more: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The statement, with a button for each open invoice where cards are taken."""
    clinic = link.course.patient.clinic
    known = store.known_for(clinic, store.today(clinic), language)
    context = statement_of(link.course) | _head(clinic, known, token, language)
    context |= {"token": token} | (more or {})
    card = cards.gateway()
    if card is None:
        return render(request, "clinic/pay/statement.html", context, status=status)
    context["to_pay"] = cards.to_pay(context["bills"], clinic, store.today(clinic))
    context["gateway"] = card.name

    # Browsers stop a form whose answer leads where this page may not lead.
    @csp_update({"form-action": [card.pages]})
    def shown(request: HttpRequest) -> HttpResponse:
        return render(request, "clinic/pay/statement.html", context, status=status)

    return cast(HttpResponse, shown(request))


def _received(
    request: HttpRequest, head: dict[str, Any], answers: dict[str, Answer], known: Knowledge
) -> HttpResponse:
    dangers = follow.dangers(answers, known)
    page = "clinic/answer/danger.html" if dangers else "clinic/answer/received.html"
    emergency = tuple(dict.fromkeys(call for rule in dangers for call in rule.call_first))
    context = head | {
        "dangers": dangers,
        "is_low": bool(screened(answers, known)),
        "emergency": emergency,
    }
    return render(request, page, context)


def _save(
    form: QuestionForm, screen: Screen, link: AnswerLink, course: records.Course, known: Knowledge
) -> bool:
    try:
        actions.save_answers(link, course, known, screen, form.raw, link.language)
    except Refused as refused:
        form.add_error(refused.field if refused.field in form.fields else None, refused.message)
        return False
    return True


def _number(request: HttpRequest, screens: list[Screen], answers: dict[str, Answer]) -> int:
    """The screen asked for (Back, or the one being sent); else the first not yet answered."""
    asked = request.POST.get("screen") or request.GET.get("q")
    first_open = next(
        (n for n, screen in enumerate(screens) if any(q.id not in answers for q in screen)),
        len(screens) - 1,
    )
    wanted = (n for n, screen in enumerate(screens) if screen[0].id == asked and n <= first_open)
    return next(wanted, first_open)


def _address(request: HttpRequest, screens: list[Screen], number: int) -> str:
    """Where to go after saving: the next screen, which may be one answered before."""
    after = screens[number + 1][0].id if number + 1 < len(screens) else ""
    return f"{request.path}?q={after}" if after else request.path


def _ask(
    request: HttpRequest,
    link: AnswerLink,
    screens: list[Screen],
    number: int,
    form: QuestionForm,
    context: dict[str, Any],
) -> HttpResponse:
    clinic = link.course.patient.clinic
    context |= {
        "until": store.day_of(clinic, link.expires_at),
        "form": form,
        "screen": screens[number],
        "back": f"?q={screens[number - 1][0].id}" if number else "",
        "number": number + 1,
        "total": len(screens),
        "segments": [n <= number for n in range(len(screens))],
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/answer/question.html", context, status=status)


def _head(clinic: Clinic, known: Knowledge, token: str, language: str) -> dict[str, Any]:
    """All that a patient's page says of anybody: the clinic's name and number, and whom to call
    in an emergency; and where it stands in other languages."""
    numbers = aftercare.emergency_numbers(known)
    return {
        "clinic_name": clinic.name,
        "phone": clinic.phone,
        "others": _others(token, language),
        "emergency_numbers": numbers,
        "every_number": [clinic.phone, *(number for number, _ in numbers)],
        "emergency_text": clinic.emergency_text_es
        if translation.get_language() == Patient.Language.SPANISH
        else clinic.emergency_text,
    }


def mistyped(request: HttpRequest, rest: str) -> HttpResponse:
    """An address that was cut or grew on its way: the same page as for a dead link."""
    return errors.gone(request)


urlpatterns = [
    public_page("a/<str:token>/", answer, "answer"),
    public_page("a/<str:token>/<str:language>/", answer, "answer_in"),
    public_page("a/<path:rest>", mistyped, "mistyped_answer"),
]
