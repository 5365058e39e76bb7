"""The decision aid: open to everybody, no sign-in, no cookie, no script; nothing is kept of who
reads it. Another language is another address."""

from functools import lru_cache
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import register_converter, reverse
from django.utils import translation
from django.utils.text import capfirst
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from enthesis.charts.icon_array import HundredPeople, people_svg
from enthesis.clinic import choices, store
from enthesis.clinic.actions.publish import published
from enthesis.clinic.models import Clinic, Patient
from enthesis.clinic.pages import clinic_at
from enthesis.clinic.permissions import View, public_page
from enthesis.journey.aftercare import emergency_numbers
from enthesis.journey.decide import Bar, DecisionAid, Scale, choosable
from enthesis.journey.enquiry import lines
from enthesis.journey.lines import ENGLISH, Lines

SAID = (
    *("page-sources", "page-summary", "page-print", "page-back", "page-all"),
    *("page-trials", "page-results", "page-next", "page-contents", "of-100"),
    *("kept-nothing", "page-again", "help-title"),
)
ONWARD = (
    ("right_for_me", "page-check"),
    ("choose_values", "page-values"),
    ("choose_know", "page-know"),
    ("choose_sheet", "page-sheet"),
)
"""The pages to go on to, with the line that names each."""
ROWS = ("name", "good", "hundred", "bad", "harm", "life", "price", "fails", "sure")


class AnotherLanguage:
    """A language other than English, which needs no word in the address."""

    regex = "|".join(code for code in Patient.Language.values if code != ENGLISH)

    def to_python(self, value: str) -> str:
        """As it stands."""
        return value

    def to_url(self, value: str) -> str:
        """As it stands."""
        return value


register_converter(AnotherLanguage, "another_language")


@require_safe
def choose(request: HttpRequest, clinic_id: int, language: str = ENGLISH) -> HttpResponse:
    """The conditions."""
    clinic = _clinic(clinic_id)
    said = Lines(store.known_for(clinic, store.today(clinic)), language)
    names = [(one.id, said.word(one.name)) for one in choosable(said.known)]
    context = _around("choose", clinic, said, [clinic.pk]) | {
        "title": said.line("index-title"),
        "lead": said.line("index-lead"),
        "pages": [
            (capfirst(name), said.line(f"is-{id}"), address_of(clinic, id, language))
            for id, name in names
        ],
    }
    return shown_in(request, "clinic/choose/choose.html", context, language)


@require_safe
def choose_condition(
    request: HttpRequest, clinic_id: int, condition: str, language: str = ENGLISH
) -> HttpResponse:
    """All about the choices of one condition."""
    return _aid(request, "choose_condition", clinic_id, condition, language)


@require_safe
def choose_summary(
    request: HttpRequest, clinic_id: int, condition: str, language: str = ENGLISH
) -> HttpResponse:
    """The same on one sheet of paper."""
    return _aid(request, "choose_summary", clinic_id, condition, language)


def only_index() -> str:
    """Where the aid of this server's clinic begins; empty where several clinics share it, of which
    none comes first."""
    clinics = list(Clinic.objects.values_list("pk", flat=True)[:2])
    return reverse("choose", args=clinics) if len(clinics) == 1 else ""


def address_of(
    clinic: Clinic, condition: str, language: str, name: str = "choose_condition"
) -> str:
    """Where the aid of a condition, or its summary, is read in a language."""
    return address_in(name, [clinic.pk, condition], language)


def address_in(name: str, args: list[Any], language: str) -> str:
    """The address of a public page, which in English names no language."""
    if language == ENGLISH:
        return reverse(name, args=args)
    return reverse(f"{name}_in", args=[*args, language])


def open_aid(
    name: str, clinic_id: int, condition: str, language: str
) -> tuple[DecisionAid, Lines, dict[str, Any]]:
    """The aid of a condition, its words, and what every page about it has; Http404 where none."""
    clinic = _clinic(clinic_id)
    today = store.today(clinic)
    aid = choices.aid_for(clinic, condition, today, language)
    if aid is None:
        raise Http404(f"decision aid on {condition}")
    said = Lines(store.known_for(clinic, today), language)
    context = _around(name, clinic, said, [clinic.pk, condition])
    return aid, said, context | {"aid": aid, "whole": address_of(clinic, condition, language)}


def _aid(
    request: HttpRequest, name: str, clinic_id: int, condition: str, language: str
) -> HttpResponse:
    aid, said, around = open_aid(name, clinic_id, condition, language)
    clinic = around["clinic"]
    sections = {one.id: one for one in aid.sections}
    topic = said.known.consent_rules.topics.get(condition, condition)
    context = around | {
        "at": sections,
        "contents": [one for one in aid.sections if one.id not in ("condition", "what")],
        "scales": _pictures(aid, said.line("of-100")),
        "rows": {one: said.line(f"row-{one}") for one in ROWS},
        "version": said.line("page-version", version=aid.version),
        "summary": address_of(clinic, condition, language, "choose_summary"),
        "onward": [
            (address_of(clinic, condition, language, page), said.line(line))
            for page, line in ONWARD
        ],
        "topic": topic if topic in said.known.evidence_topics else "",
        "results": published(clinic) is not None,
    }
    return shown_in(
        request, f"clinic/choose/{name.removeprefix('choose_')}.html", context, language
    )


def _pictures(aid: DecisionAid, of_100: str) -> list[tuple[Scale, list[tuple[Bar, str]]]]:
    """Each scale with a picture of a hundred people for each bar."""
    return [
        (scale, [(bar, _picture(scale, bar, of_100, f"people-{i}-{j}"))
                 for j, bar in enumerate(scale.bars)])
        for i, scale in enumerate(aid.scales)
    ]  # fmt: skip


def _picture(scale: Scale, bar: Bar, of_100: str, uid: str) -> str:
    title = f"{scale.title}. {bar.words}: {bar.of_100} {of_100}"
    return _people(title, bar.anyway, bar.of_100 - bar.anyway, uid)


@lru_cache(maxsize=512)
def _people(title: str, anyway: int, more: int, uid: str) -> str:
    return people_svg(HundredPeople(title, anyway, more), uid)


def _clinic(clinic_id: int) -> Clinic:
    clinic = clinic_at(clinic_id)
    if clinic is None:
        raise Http404(f"clinic {clinic_id}")
    return clinic


def public_form(view: View) -> View:
    """A form that changes nothing and keeps nothing: without the check that it comes from here,
    which would need a cookie."""
    return require_http_methods(["GET", "HEAD", "POST"])(csrf_exempt(view))


def shell_of(name: str, clinic: Clinic, args: list[Any], language: str) -> dict[str, Any]:
    """What choose/shell.html needs: the clinic, and the same page in the other languages."""
    others = [
        (code, words, address_in(name, args, code))
        for code, words in Patient.Language.choices
        if code != language
    ]
    return {
        "clinic": clinic,
        "clinic_name": f"{clinic}{' (invented)' if clinic.invented else ''}",
        "others": others,
        "index": address_in("choose", [clinic.pk], language),
    }


def _around(name: str, clinic: Clinic, said: Lines, args: list[Any]) -> dict[str, Any]:
    """What every page has: the clinic, the other languages, the words."""
    return shell_of(name, clinic, args, said.language) | {
        "ask": address_in("ask_clinic", [clinic.pk], said.language),
        "ask_words": lines(said.known, said.language)["link"],
        "say": {id.replace("-", "_"): said.line(id) for id in SAID},
        "call": said.line("page-call", clinic=clinic.name, phone=clinic.phone),
        "phone": clinic.phone,
        "every_number": [clinic.phone, *(one for one, _ in emergency_numbers(said.known))],
    }


def shown_in(
    request: HttpRequest, template: str, context: dict[str, Any], language: str, status: int = 200
) -> HttpResponse:
    """A page in a language."""
    with translation.override(language):
        return render(request, template, context, status=status)


urlpatterns = [
    public_page("choose/<int:clinic_id>/", choose, "choose"),
    public_page("choose/<int:clinic_id>/<another_language:language>/", choose, "choose_in"),
    public_page(
        "choose/<int:clinic_id>/<slug:condition>/summary/", choose_summary, "choose_summary"
    ),
    public_page(
        "choose/<int:clinic_id>/<slug:condition>/summary/<another_language:language>/",
        choose_summary,
        "choose_summary_in",
    ),
    public_page("choose/<int:clinic_id>/<slug:condition>/", choose_condition, "choose_condition"),
    public_page(
        "choose/<int:clinic_id>/<slug:condition>/<another_language:language>/",
        choose_condition,
        "choose_condition_in",
    ),
]
