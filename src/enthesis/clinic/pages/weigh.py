"""Beside the decision aid, open to everybody: what matters to the patient, what was understood, and
a sheet for the visit. Nothing is kept: what was tapped comes by POST, so that it stands in no
address and no log, and lives in the page alone."""

from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from enthesis.clinic.pages.choose import address_of, open_aid, public_form, shown_in
from enthesis.clinic.permissions import public_page
from enthesis.journey import weigh
from enthesis.journey.lines import ENGLISH, Lines


@public_form
def choose_values(
    request: HttpRequest, clinic_id: int, condition: str, language: str = ENGLISH
) -> HttpResponse:
    """How much each thing matters; then what is known of every option beside it."""
    aid, said, context = open_aid("choose_values", clinic_id, condition, language)
    given = weigh.given_values(said, request.POST.dict())
    context |= {
        "title": said.line("page-values"),
        "values": weigh.values(said),
        "numbers": [str(number) for number in range(weigh.MOST + 1)],
        "lead": said.line("values-lead"),
        "how": said.line("values-how"),
        "button": said.line("page-beside"),
        "tapped": {id: str(number) for id, number in given.items()},
        "is_answer": request.method == "POST",
        "problem": said.line("values-none") if request.method == "POST" and not given else "",
        "beside": said.line("values-beside"),
        "weighed": [(one, said.line("given", given=one.given))
                    for one in weigh.weighed(aid, given, said)],
        "sheet": address_of(context["clinic"], condition, language, "choose_sheet"),
        "questions": weigh.questions(said),
        "tick": said.line("sheet-tick"),
        "make_sheet": said.line("page-make-sheet"),
        "ask_title": said.line("sheet-ask"),
    }  # fmt: skip
    status = 422 if context["problem"] else 200
    return shown_in(request, "clinic/choose/values.html", context, language, status)


@public_form
def choose_know(
    request: HttpRequest, clinic_id: int, condition: str, language: str = ENGLISH
) -> HttpResponse:
    """A few questions on what was read; then what the page says."""
    aid, said, context = open_aid("choose_know", clinic_id, condition, language)
    items = weigh.know_items(aid, said)
    context |= {
        "title": said.line("page-know"),
        "lead": said.line("know-lead"),
        "own": said.line("know-own"),
        "items": items,
        "button": said.line("page-see"),
        "answered": [(item, _told(item, request.POST.get(item.id), said)) for item in items]
        if request.method == "POST" else [],
    }  # fmt: skip
    return shown_in(request, "clinic/choose/know.html", context, language)


def _told(item: weigh.Item, tapped: str | None, said: Lines) -> str:
    if tapped == item.right:
        return said.line("know-yes")
    is_open = tapped not in dict(item.options)
    return said.line("know-open" if is_open else "know-else", right=item.right_words)


@public_form
def choose_sheet(
    request: HttpRequest, clinic_id: int, condition: str, language: str = ENGLISH
) -> HttpResponse:
    """A sheet to print for the visit: what matters, what is known, what to ask. Where nothing was
    tapped it is there to be filled in by hand."""
    aid, said, context = open_aid("choose_sheet", clinic_id, condition, language)
    given = weigh.given_values(said, request.POST.dict())
    ticked = set(request.POST.getlist("ask"))
    questions, names = weigh.questions(said), weigh.values(said)
    option = next(one for one in aid.options if one.id == "prolotherapy")
    by_hand = said.line("given", given="____")
    name = capfirst(said.word(said.known.conditions[condition].name))
    context |= {
        "title": said.line("sheet-title", condition=name),
        "lead": said.line("sheet-lead"),
        "values_title": said.line("sheet-values"),
        "values": [(dict(names)[id], said.line("given", given=given[id])) for id in given]
        or [(words, by_hand) for _, words in names],
        "numbers_title": said.line("sheet-numbers"),
        "numbers": [*option.hundred, option.harm, option.price],
        "ask_title": said.line("sheet-ask"),
        "questions": [words for id, words in questions if id in ticked or not ticked],
        "notes": said.line("sheet-notes"),
    }
    return shown_in(request, "clinic/choose/sheet.html", context, language)


urlpatterns = [
    one
    for view, word in ((choose_values, "values"), (choose_know, "know"), (choose_sheet, "sheet"))
    for route in [f"choose/<int:clinic_id>/<slug:condition>/{word}/"]
    for one in (
        public_page(route, view, f"choose_{word}"),
        public_page(f"{route}<another_language:language>/", view, f"choose_{word}_in"),
    )
]
