"""Adverse events: report one, judge it, follow it up; and all of a clinic's on one page."""

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from enthesis.clinic import store
from enthesis.clinic.actions import EditConflict
from enthesis.clinic.actions import adverse as actions
from enthesis.clinic.actions.answer import answers_of
from enthesis.clinic.harm import Harm, harm_of, harms_of
from enthesis.clinic.models import AdverseEvent, Assessment, Course, Session
from enthesis.clinic.pages import attempt, made_from, patient_banner
from enthesis.clinic.permissions import StaffRequest, get_for, page
from enthesis.clinic.sending import key_of
from enthesis.journey import adverse, follow
from enthesis.knowledge.kinds import Knowledge

_TEXT = forms.Textarea({"rows": 3})


class EventForm(forms.Form):
    kind = forms.ChoiceField(label="What it was", widget=forms.RadioSelect)
    session = forms.ChoiceField(label="After which session", required=False)
    onset_on = forms.DateField(
        label="When it began", widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )
    grade = forms.TypedChoiceField(label="How bad it was", coerce=int, widget=forms.RadioSelect)
    serious = forms.BooleanField(label="Serious", required=False)
    outcome = forms.ChoiceField(label="How it stands", widget=forms.RadioSelect)
    what_happened = forms.CharField(label="What happened", max_length=2000, widget=_TEXT)
    what_was_done = forms.CharField(
        label="What was done", max_length=2000, required=False, widget=_TEXT
    )

    def __init__(
        self, data: Any, initial: dict[str, Any], known: Knowledge, given: QuerySet[Session]
    ) -> None:
        super().__init__(data, initial=initial)
        _choose(self, "kind", [(k.id, f"{k.name}. {k.text}") for k in known.adverse_kinds.values()])
        _choose(self, "grade", _grades(known))
        _choose(self, "outcome", [(o.id, o.name) for o in known.adverse_outcomes.values()])
        _choose(self, "session", [("", "None, or not known"), *_sessions(given)])
        rules = known.adverse_rules
        self.fields["serious"].help_text = (
            f"{rules.serious_means}. From grade {rules.serious_from_grade} on it counts as serious "
            "anyway."
        )


class JudgeForm(forms.Form):
    relatedness = forms.ChoiceField(
        label="Did the session bring it about?", widget=forms.RadioSelect
    )
    reason = forms.CharField(label="Why", max_length=2000, widget=_TEXT)
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data: Any, version: int, known: Knowledge) -> None:
        super().__init__(data, initial={"version": version}, prefix="judge")
        found = known.adverse_relations.values()
        _choose(self, "relatedness", [(r.id, f"{r.name}. {r.text}") for r in found])


class FollowForm(forms.Form):
    outcome = forms.ChoiceField(label="How it stands", widget=forms.RadioSelect)
    grade = forms.TypedChoiceField(
        label="How bad it was by now", coerce=int, empty_value=None, required=False
    )
    text = forms.CharField(label="What is new", max_length=2000, widget=_TEXT)
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data: Any, harm: Harm, known: Knowledge) -> None:
        initial = {"version": harm.event.version, "outcome": harm.now.outcome}
        super().__init__(data, initial=initial, prefix="follow")
        _choose(self, "outcome", [(o.id, o.name) for o in known.adverse_outcomes.values()])
        _choose(self, "grade", [("", f"As before: {harm.grade.lower()}"), *_grades(known)])


def _choose(form: forms.Form, name: str, choices: list[tuple[Any, str]]) -> None:
    form.fields[name].choices = choices  # type: ignore[attr-defined]


def _grades(known: Knowledge) -> list[tuple[Any, str]]:
    return [(one.grade, f"{one.grade} {one.name}. {one.text}") for one in known.adverse_grades]


def _sessions(given: QuerySet[Session]) -> list[tuple[str, str]]:
    return [(str(s.pk), f"Session {s.number}, {s.on.day} {s.on:%b %Y}") for s in given]


@require_http_methods(["GET", "HEAD", "POST"])
def add_adverse_event(request: StaffRequest, course_id: int) -> HttpResponse:
    """Report one. `?session=` is the session it followed, else the last one; `?answers=` a warning
    answer of the patient, from which it is filled in."""
    course = get_for(request.user, Course, course_id)
    known = store.known_for(request.clinic, store.today(request.clinic))
    answer = _asked(request, "answers", Assessment)
    if answer and (made := AdverseEvent.objects.filter(assessment=answer).first()):
        return redirect("adverse_event", made.pk)
    given = course.sessions.exclude(signed_at=None).order_by("-on", "-number")
    sent = request.POST if request.method == "POST" else None
    form = EventForm(sent, _begun(request, given, answer, known), known, given)
    if request.method == "POST" and form.is_valid():
        told = dict(form.cleaned_data)
        session, key = told.pop("session"), key_of(request)
        event = attempt(
            form, actions.report_event, request.user, course.pk, adverse.Report(**told), key,
            int(session) if session else None, answer.pk if answer else None,
        )  # fmt: skip
        if event:
            messages.success(request, "The adverse event was recorded.")
            return redirect("adverse_event", event.pk)
    context = {"form": form, "answer": answer, **_of(request, course)}
    status = 422 if form.errors else 200
    return render(request, "clinic/adverse/report.html", context, status=status)


def _begun(
    request: StaffRequest, given: QuerySet[Session], answer: Assessment | None, known: Knowledge
) -> dict[str, Any]:
    """What the form begins with: nothing that would answer for the clinician how bad it was."""
    today = store.today(request.clinic)
    on = answer.on if answer else today
    asked = _asked(request, "session", Session)
    session = asked or given.filter(on__lte=on).first()
    begun = {"onset_on": on, "session": session and str(session.pk)}
    told = asked.complications if asked else ()
    if seen := [known.complications[id] for id in told if id in known.complications]:
        begun |= {"onset_on": asked.on, "kind": seen[0].adverse_kind}
        begun["what_happened"] = "; ".join(one.name for one in seen)
    if answer:
        dangers = follow.dangers(answers_of(answer), known)
        begun["kind"] = adverse.kind_of([rule.id for rule in dangers], known)
        begun["what_happened"] = "; ".join(rule.text for rule in dangers)
    return begun


def _asked(request: StaffRequest, name: str, kind: Any) -> Any:
    """The record that the address names, of this clinic; None where it names none."""
    typed = request.GET.get(name, "")
    is_id = typed.isascii() and typed.isdigit() and len(typed) < 19
    return get_for(request.user, kind, int(typed)) if is_id else None


@require_http_methods(["GET", "HEAD", "POST"])
def adverse_event(request: StaffRequest, event_id: int) -> HttpResponse:
    """One adverse event: what was reported, all that was added, and two forms to add more."""
    event = get_for(request.user, AdverseEvent, event_id)
    known = store.known_for(request.clinic, store.today(request.clinic))
    harm = harm_of(event, known)
    judging = request.POST if "judge" in request.POST else None
    following = request.POST if "follow" in request.POST else None
    judge = JudgeForm(judging, event.version, known)
    follow_up = FollowForm(following, harm, known)
    status, conflict = 200, None
    try:
        if _judged(request, event, judge) or _followed(request, event, follow_up):
            return redirect("adverse_event", event.pk)
    except EditConflict as error:
        theirs = cast(AdverseEvent, error.theirs)
        # Who sends it again has seen what was added, which the page now shows.
        harm, status = harm_of(theirs, known), 409
        conflict = theirs.entries.select_related("by").last()
        form = judge if judge.is_bound else follow_up
        made_from(form, theirs)
    if judge.errors or follow_up.errors:
        status = 422
    context = {
        "harm": harm,
        "event": harm.event,
        "entries": _entries(harm.event, known),
        "may_judge": request.user.pk in harm.judges,
        "judge": judge,
        "follow": follow_up,
        "conflict": conflict,
        **_of(request, event.course),
    }
    return render(request, "clinic/adverse/event.html", context, status=status)


def _judged(request: StaffRequest, event: AdverseEvent, form: JudgeForm) -> bool:
    if not (form.is_bound and form.is_valid()):
        return False
    told = form.cleaned_data
    made = attempt(
        form, actions.judge_event, request.user, event.pk, told["relatedness"], told["reason"],
        told["version"],
    )  # fmt: skip
    if made:
        messages.success(request, "The judgement was recorded.")
    return made is not None


def _followed(request: StaffRequest, event: AdverseEvent, form: FollowForm) -> bool:
    if not (form.is_bound and form.is_valid()):
        return False
    told = form.cleaned_data
    made = attempt(
        form, actions.follow_event, request.user, event.pk, told["outcome"], told["grade"],
        told["text"], told["version"],
    )  # fmt: skip
    if made:
        messages.success(request, "It was added to the event.")
    return made is not None


def _entries(event: AdverseEvent, known: Knowledge) -> list[dict[str, Any]]:
    found = []
    for entry in event.entries.all():
        said = []
        if entry.relatedness:
            said.append(f"Judged: {known.adverse_relations[entry.relatedness].name.lower()}")
        if entry.outcome:
            said.append(known.adverse_outcomes[entry.outcome].name)
        if entry.grade:
            said.append(f"grade {entry.grade}")
        found.append({"entry": entry, "words": ", ".join(said)})
    return found


@require_safe
def adverse_events(request: StaffRequest) -> HttpResponse:
    """All adverse events of the clinic, the latest first, beside the sessions they followed."""
    known = store.known_for(request.clinic, store.today(request.clinic))
    harms = harms_of(request.clinic, known)
    context = {
        "harms": harms,
        "unjudged": sum(not harm.now.relatedness for harm in harms),
        "sessions": Session.objects.filter(
            course__patient__clinic=request.clinic, signed_at__isnull=False
        ).count(),
        "grades": known.adverse_grades,
    }
    return render(request, "clinic/adverse/events.html", context)


def _of(request: StaffRequest, course: Course) -> dict[str, Any]:
    today = store.today(request.clinic)
    return {"course": course, "patient": patient_banner(course.patient, today)}


urlpatterns = [
    page(
        "courses/<int:course_id>/adverse-events/add/",
        add_adverse_event,
        "add_adverse_event",
    ),
    page("adverse-events/<int:event_id>/", adverse_event, "adverse_event"),
    page("adverse-events/", adverse_events, "adverse_events"),
]
