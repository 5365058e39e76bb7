"""*Is it right for me?*: a short self-check, open to everybody. It asks what cannot wait first, and
shows the door to knock on. Nothing is kept: what was tapped comes by POST, so that it stands in no
address and no log, and lives in the page alone."""

from django.http import HttpRequest, HttpResponse

from enthesis.clinic.pages.choose import address_of, open_aid, public_form, shown_in
from enthesis.clinic.permissions import public_page
from enthesis.journey import self_check
from enthesis.journey.lines import ENGLISH, Lines
from enthesis.journey.self_check import Door
from enthesis.knowledge.translate import in_language

LINES = {Door.NOW: "door-now", Door.DOCTOR_FIRST: "door-first", Door.VISIT: "door-visit"}


@public_form
def right_for_me(
    request: HttpRequest, clinic_id: int, condition: str, language: str = ENGLISH
) -> HttpResponse:
    """What cannot wait; then the rest; then where to ask. Yes to what cannot wait ends it."""
    _, said, context = open_aid("right_for_me", clinic_id, condition, language)
    asked = self_check.questions(said.known.conditions[condition], said.known, language)
    urgent = [one for one in asked if one.door is Door.NOW]
    rest = [one for one in asked if one.door is not Door.NOW]
    part = request.POST.get("part")
    so_far = self_check.outcome(urgent, request.POST.dict())
    context |= {"title": said.line("page-check"), "part": "first", "tapped": {}}
    if part == "first" and so_far.door is not Door.NOW:
        kept = {one.id: request.POST.get(one.id, "") for one in urgent}
        context |= {"part": "then", "tapped": kept}
    elif part in ("first", "then"):
        found = (
            so_far if so_far.door is Door.NOW else self_check.outcome(asked, request.POST.dict())
        )
        context |= _door(found, said)
        context |= {
            "values": address_of(context["clinic"], condition, language, "choose_values"),
            "values_words": said.line("page-values"),
        }
        return shown_in(request, "clinic/choose/door.html", context, language)
    context |= {
        "lead": said.line("check-lead"),
        "left": said.line("check-left"),
        "heading": said.line(f"check-{context['part']}"),
        "questions": urgent if context["part"] == "first" else rest,
        "answers": [(id, said.line(f"answer-{id}")) for id in ("yes", "no", "unknown")],
        "go_on": said.line("page-go-on" if context["part"] == "first" else "page-answer"),
    }
    return shown_in(request, "clinic/choose/right_for_me.html", context, language)


def _door(found: self_check.Outcome, said: Lines) -> dict[str, object]:
    """The door in words. What was left open is asked about at the visit; who must get help now is
    told nothing else."""
    line, is_now = LINES[found.door], found.door is Door.NOW
    dangers = in_language(said.known, said.language).danger_rules
    calls = dict.fromkeys(call for rule in dangers for call in rule.call_first)
    return {
        "title": said.line(line),
        "tone": {Door.NOW: "alarm", Door.DOCTOR_FIRST: "care"}.get(found.door, "halt"),
        "what": said.line(f"{line}-what"),
        "calls": [
            (number, said.line("door-call", number=number, place=place))
            for number, place in calls
        ] if is_now else [],
        "found": found,
        "unknown": () if is_now else found.unknown,
        "yes_title": said.line("check-yes"),
        "unknown_title": said.line("check-unknown"),
        "unknown_what": said.line("check-unknown-what"),
        "help_too": said.line("check-help-too"),
        "is_now": is_now,
    }  # fmt: skip


urlpatterns = [
    public_page(
        "choose/<int:clinic_id>/<slug:condition>/right-for-me/", right_for_me, "right_for_me"
    ),
    public_page(
        "choose/<int:clinic_id>/<slug:condition>/right-for-me/<another_language:language>/",
        right_for_me,
        "right_for_me_in",
    ),
]
