"""One course on one page: the suggestion with its reasons, the trend over what happens anyway, the
six signs, the record and the money. The front desk gets the same page without clinical parts."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from enthesis import records
from enthesis.charts.signs import sign_pictures
from enthesis.charts.trend import trend_svg, trend_table
from enthesis.clinic import consents, estimates, pictures, store
from enthesis.clinic.actions import EditConflict, Refused
from enthesis.clinic.actions import judge as actions
from enthesis.clinic.forecasts import forecast_of
from enthesis.clinic.ledger import Bill, ahead, bill_of
from enthesis.clinic.models import Course, Decision, Invoice
from enthesis.clinic.pages import attempt, patient_banner
from enthesis.clinic.pages.before import before_words
from enthesis.clinic.pages.forecast import forecast_words
from enthesis.clinic.pages.places import scored_places
from enthesis.clinic.pages.series import series_offers
from enthesis.clinic.pages.typed_scores import supporting_lines
from enthesis.clinic.permissions import StaffRequest, get_for, may, page
from enthesis.clinic.timeline import STEP_WORDS, day, timeline
from enthesis.exchange.course_json import fingerprint, write_course
from enthesis.journey import anyway, follow, relief
from enthesis.journey import course as steps
from enthesis.journey.course import Move, Phase
from enthesis.journey.forecast import Forecast
from enthesis.journey.judge import decided_against, judge
from enthesis.journey.ledger import nothing
from enthesis.journey.reasons import laid_out
from enthesis.journey.visit import screen_line
from enthesis.knowledge.kinds import About, Knowledge
from enthesis.records import NextStep, Verdict
from enthesis.shape import plain

SIDE_WORDS = {"left": "left", "right": "right", "both": "both sides", "midline": "midline"}
JUDGED = (Phase.TREATING, Phase.FOLLOWING, Phase.REFERRED)


class DecisionForm(forms.Form):
    decided = forms.ChoiceField(
        label="Your decision",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose the next step."},
    )
    reason = forms.CharField(
        label="Reason (needed if you decide otherwise)",
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    seen = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)

    def __init__(self, course: records.Course, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        possible = [step for step in NextStep if steps.can(course, Move(step.value))]
        self.fields["decided"].choices = [  # type: ignore[attr-defined]
            (step.value, STEP_WORDS[step]) for step in possible
        ]


@dataclass(frozen=True)
class Next:
    """The one thing to do now: a link, or a form's button when `post`."""

    label: str
    url: str
    post: bool = False


@require_safe
def course(request: StaffRequest, course_id: int) -> HttpResponse:
    """The course as it stands today."""
    return _course_page(request, get_for(request.user, Course, course_id))


def _course_page(
    request: StaffRequest, row: Course, form: DecisionForm | None = None, status: int = 200
) -> HttpResponse:
    today = store.today(request.clinic)
    known = store.known_for(request.clinic, today)
    row.patient.clinic = request.clinic
    record = store.whole_course(row)
    is_clinical = may(request.user, "clinical_fields")
    context: dict[str, Any] = {
        "row": row,
        "patient": patient_banner(row.patient, today),
        "title": title_of(row, known),
        "entries": timeline(row, known, is_clinical),
        "appointments": row.appointments.filter(state="booked").select_related("clinician", "room"),
        **series_offers(row, record),
        "money": _money(row, record, today),
        "estimate": (last := row.estimates.last()),
        "standing": last and estimates.standing(last, today),
        "is_clinical": is_clinical,
        "consent": consents.standing(row, today),
        "is_closed": row.closed_on is not None,
        "lost": next((due for due in follow.due(record, known, today) if due.is_lost), None),
    }
    if is_clinical:
        context |= _clinical(row, record, known, today, form)
    return render(request, "clinic/course/course.html", context, status=status)


def title_of(row: Course, known: Knowledge) -> str:
    """What the course is about: Low back and sacroiliac pain, left."""
    condition = known.conditions.get(row.condition)
    return f"{condition.name if condition else row.condition}, {SIDE_WORDS[row.side]}"


def _clinical(
    row: Course, record: records.Course, known: Knowledge, today: date, form: DecisionForm | None
) -> dict[str, Any]:
    verdict = judge(record, known, today)
    phase = steps.phase(record)
    is_judged = phase in JUDGED or verdict.next_step is NextStep.REFER
    if phase is Phase.CLOSED:
        is_judged = False
    if is_judged and form is None:
        seen = {"decided": verdict.next_step.value, "seen": fingerprint(record)}
        form = DecisionForm(record, initial=seen)
    warns = verdict.next_step in (NextStep.REFER, NextStep.STOP)
    filled, also = _next(row, record, verdict, phase), _start(row, record)
    ahead = forecast_of(record, known, today, row.patient.clinic_id, verdict.next_step)
    in_series = phase in (Phase.PLANNED, Phase.TREATING) and record.plan is not None
    return {
        "facts": facts_line(row, record, known),
        "steps": course_line(record, known),
        "next": filled,
        # Asking comes first, but a patient who is there is not sent away.
        "also": also if also.post and in_series and filled == _asking(row) else None,
        **(judged_card(verdict, known, record) if is_judged else {}),
        "form": form,
        "from_words": _from_words(record),
        "trend": _trend(
            record,
            known,
            today,
            ahead[0] if ahead else None,
            verdict,
            is_judged and warns,
        ),
        "forecast": forecast_words(*ahead, known) if ahead else None,
        "signs": sign_pictures([pictures.sign_data(s) for s in follow.signs(record, known)], "s"),
        "other_scores": supporting_lines(row, record, known),
        "screened": _screened(record, known),
        "places": scored_places(row, known),
        "before": before_words(record, known, today),
        "result": _result(row),
        "can_close": steps.can(record, Move.CLOSE),
        "can_plan_again": phase in (Phase.FOLLOWING, Phase.REFERRED),
        "can_change_plan": in_series,
        "waiting_plan": in_series and row.plans.filter(agreed_on=None).last(),
    }


def _screened(record: records.Course, known: Knowledge) -> str:
    """That somebody should ask about mood, in the words of the page before the visit."""
    line = screen_line(record, known)
    text = next(one.text for one in known.visit_texts if one.id == "ask-screen")
    return text.format(screened=line) if line else ""


def judged_card(
    verdict: Verdict, known: Knowledge, record: records.Course | None = None
) -> dict[str, Any]:
    """What parts/verdict_card.html shows, and what it folds away. With the course, a verdict that
    only follows a decision against the rules is headed as that decision."""
    shown, folded = laid_out(verdict.reasons, known.judge_rules)
    against = decided_against(record, verdict) if record else None
    return {
        "verdict": replace(verdict, reasons=shown),
        "folded": folded,
        "held": _held(*against) if against else None,
    }


def _held(decision: records.Decision, first: records.Decision) -> dict[str, Any]:
    return {
        "on": decision.on,
        "by": decision.by,
        "reason": decision.reason or first.reason,
        "against": STEP_WORDS[first.suggested].lower(),
    }


def facts_line(row: Course, record: records.Course, known: Knowledge) -> str:
    """One grey line: opened, plan, solution, interval, most sessions."""
    facts = [f"Opened {day(row.opened_on)}"]
    plan = record.plan
    if plan:
        facts[0] = f"Plan agreed {day(plan.agreed_on)}" if plan.agreed_on else "Plan proposed"
        strengths = sorted({m.dextrose_percent for m in plan.mixtures}, reverse=True)
        words = " and ".join(f"{strength.normalize():f}\u00a0%" for strength in strengths)
        facts.append(f"dextrose {words}")
        facts.append(f"every {plan.interval_days} days, at most {plan.sessions_max} sessions")
    if record.series_ended_on:
        facts.append(f"treated elsewhere until {day(record.series_ended_on)}")
    if row.source:
        facts.append("imported")
    if row.clinician:
        facts.append(str(row.clinician))
    return " · ".join(facts)


def course_line(record: records.Course, known: Knowledge) -> list[dict[str, str]]:
    """The steps done, now and to come, in the words of `parts/course_line.html`."""
    phase = steps.phase(record)
    given, plan = len(steps.series_sessions(record)), record.plan
    evaluated = record.evaluation.on if record.evaluation else None
    agreed = plan.agreed_on if plan else None
    ended = phase in (Phase.FOLLOWING, Phase.CLOSED)
    recheck_on = steps.next_recheck_on(record, known)
    decision = steps.last_decision(record)
    most = f" of at most {plan.sessions_max}" if plan else ""
    words = [
        (
            f"Evaluated {day(evaluated)}" if evaluated else _skipped("Evaluate", phase),
            Phase.ENQUIRY,
        ),
        (f"Planned {day(agreed)}" if agreed else _skipped("Plan", phase), Phase.EVALUATED),
        (f"Session {given}{most} given" if given else "Sessions", Phase.TREATING),
        (_decision_words(decision) if ended and decision else "Finish or stop", Phase.REFERRED),
        (f"Recheck {day(recheck_on)}" if recheck_on else "Recheck", Phase.FOLLOWING),
        (f"Closed {day(record.closed_on)}" if record.closed_on else "Close", Phase.CLOSED),
    ]
    now = Phase.TREATING if phase is Phase.PLANNED else phase
    place = [of for _, of in words].index(now)
    return [
        {"label": label, "state": "done" if n < place else "now" if n == place else "to_come"}
        for n, (label, _) in enumerate(words)
    ]


def _skipped(step: str, phase: Phase) -> str:
    """A step that has no record although later ones have: the course was kept elsewhere."""
    is_early = phase in (Phase.ENQUIRY, Phase.EVALUATED)
    return step if is_early else f"{step}: no record"


def _decision_words(decision: records.Decision) -> str:
    return f"{STEP_WORDS[decision.decided]} {day(decision.on)}"


def _next(row: Course, record: records.Course, verdict: Verdict, phase: Phase) -> Next | None:
    """The one filled button. None where the decision itself is the next thing."""
    if draft := next((one for one in row.sessions.all() if not one.signed_at), None):
        return Next(f"Go on with session {draft.number}", reverse("session", args=[draft.pk]))
    if phase is Phase.ENQUIRY:
        return Next("Evaluate", reverse("evaluate", args=[row.pk]))
    if phase is Phase.EVALUATED:
        if record.plan:
            return Next("Record agreement", reverse("agree_plan", args=[row.pk]))
        return Next("Make plan", reverse("plan", args=[row.pk]))
    if phase is Phase.PLANNED and not record.assessments:
        return _asking(row)
    if phase in (Phase.PLANNED, Phase.TREATING) and verdict.next_step is NextStep.GO_ON:
        if verdict.ask_first and phase is Phase.TREATING:
            return _asking(row)
        if record.plan is None:
            return Next("Make plan", reverse("plan", args=[row.pk]))
        return _start(row, record)
    if phase is Phase.FOLLOWING and verdict.ask_first:
        return _asking(row)
    return None


def _asking(row: Course) -> Next:
    return Next("Ask for answers", reverse("ask", args=[row.pk]))


def _start(row: Course, record: records.Course) -> Next:
    if consents.why_no_needle(row, store.today(row.patient.clinic)):
        return Next("Ask for consent", reverse("consent", args=[row.pk]))
    number = len(record.sessions) + 1
    return Next(f"Start session {number}", reverse("start_session", args=[row.pk]), post=True)


def _from_words(record: records.Course) -> str:
    latest = max((a.on for a in record.assessments), default=None)
    return f"from the answers of {day(latest)}" if latest else "no answers yet"


def _trend(
    record: records.Course,
    known: Knowledge,
    today: date,
    ahead: Forecast | None,
    verdict: Verdict,
    leads: bool,
) -> dict[str, Any] | None:
    """The trend with its numbers; where it `leads`, the verdict goes before what they show."""
    data = pictures.trend_data(record, known, today, ahead, verdict.next_step)
    if data is None:
        return None
    # A falling line must never stand above *refer* or *stop* as if it were the news.
    first = f"{STEP_WORDS[verdict.next_step]} – {verdict.headline}. " if leads else ""
    return {
        "finding": first + data.finding,
        "measure_line": pictures.measure_line(record, known),
        "wide": trend_svg(data, "wide", "trend"),
        "narrow": trend_svg(data, "narrow", "trend"),
        "table": trend_table(data),
        "source": anyway.source_line(record, known),
        "reliefs": relief.both_reliefs(record, known),
    }


def _result(row: Course) -> str:
    """The answer of the latest evaluation, for the page before any plan."""
    rows = list(row.evaluations.all())
    return str(rows[-1].result.get("answer") or "") if rows else ""


def _money(row: Course, record: records.Course, today: date) -> dict[str, Any]:
    invoices: list[Invoice] = list(row.invoices.all())
    bills: list[Bill] = [bill_of(invoice, today) for invoice in invoices]
    charged = {invoice.session_id for invoice in invoices}
    signed = [one for one in row.sessions.all() if one.signed_at]
    none = nothing(row.patient.clinic.currency)
    own = [bill for bill in bills if bill.total.currency == none.currency]
    return {
        "price": record.plan.price_per_session if record.plan else None,
        "charged": sum((bill.total - bill.credited for bill in own), none),
        "paid": sum((bill.paid for bill in own), none),
        "open": [bill for bill in bills if bill.is_open],
        "uncharged": [] if row.source else [one for one in signed if one.pk not in charged],
        "ahead": ahead(row, record),
    }


@require_POST
def decide(request: StaffRequest, course_id: int) -> HttpResponse:
    """Record the clinician's decision beside the suggestion."""
    row = get_for(request.user, Course, course_id)
    form = DecisionForm(store.course_record(row), request.POST)
    if form.is_valid():
        data = form.cleaned_data
        made = attempt(
            form,
            actions.record_decision,
            request.user,
            row.pk,
            data["decided"],
            data["reason"],
            data["seen"] or None,
        )
        if made:
            words = STEP_WORDS[NextStep(made.decided)].lower()
            until = f" Recheck {day(made.recheck_on)}." if made.recheck_on else ""
            messages.success(request, f"Decision recorded: {words}.{until}")
            return redirect("course", row.pk)
    return _course_page(request, row, form, 422)


@require_POST
def close(request: StaffRequest, course_id: int) -> HttpResponse:
    """End the watch for good."""
    row = get_for(request.user, Course, course_id)
    version = request.POST.get("version", "")
    expected = int(version) if version.isascii() and version.isdigit() else 0
    try:
        actions.close_course(request.user, row.pk, expected)
        messages.success(request, "The course is closed.")
    except Refused as refused:
        messages.error(request, refused.message)
    except EditConflict:
        messages.error(
            request, "Somebody else changed this course after you opened it. This is how it is now."
        )
        row.refresh_from_db()
        return _course_page(request, row, status=409)
    return redirect("course", row.pk)


@require_safe
def record_json(request: StaffRequest, course_id: int) -> HttpResponse:
    """The course as a file for `enthesis judge`."""
    row = get_for(request.user, Course, course_id)
    name = f'attachment; filename="course-{row.pk}.json"'
    text = write_course(store.course_record(row))
    return HttpResponse(
        text, content_type="application/json", headers={"Content-Disposition": name}
    )


@require_safe
def decision(request: StaffRequest, decision_id: int) -> HttpResponse:
    """A decision as it was made, and the same verdict worked out again from its kept inputs."""
    row = get_for(request.user, Decision, decision_id)
    stored = actions.stored_verdict(row)
    again = actions.recompute(row)
    context = {
        "row": row,
        "patient": patient_banner(row.course.patient, store.today(request.clinic)),
        **judged_card(stored, store.known_for(request.clinic, stored.rules_of)),
        "decided_words": STEP_WORDS[NextStep(row.decided)],
        "is_same": plain(again) == row.verdict,
        "again_words": STEP_WORDS[again.next_step],
    }
    return render(request, "clinic/course/decision.html", context)


@require_safe
def rule(request: StaffRequest, rule_id: str) -> HttpResponse:
    """One rule: its text, the numbers in force, its source, since when, who checked it."""
    known = store.known_for(request.clinic, store.today(request.clinic))
    rules: tuple[Any, ...] = (*known.judge_rules, *known.candidacy_rules, *known.danger_rules)
    found = next((one for one in rules if one.id == rule_id), None)
    if found is None:
        raise Http404(f"rule {rule_id}")
    is_of_judge = found in known.judge_rules
    context = {
        "rule": found,
        "title": getattr(found, "title", found.id),
        "sentences": _sentences(found),
        "numbers": _numbers(known) if is_of_judge else [],
        "about": _about(known, found),
        "own_finish": request.clinic.finish_relief_percent,
    }
    return render(request, "clinic/course/rule.html", context)


def _sentences(found: Any) -> list[str]:
    """What the rule may say: all its texts."""
    texts = getattr(found, "texts", None)
    if texts is not None:
        return list(dict.fromkeys(texts.values()))
    more = (getattr(found, name, "") for name in ("action", "tell_patient"))
    return [found.text, *(text for text in more if text)]


def _numbers(known: Knowledge) -> list[tuple[str, str, str]]:
    """(name, value, source) of the clinic's stop rule, as it stands for new plans."""
    rule = known.stop_rule
    return [
        (name.replace("_", " "), _plain(getattr(rule, name)), source)
        for name, source in rule.sources.items()
    ]


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value)
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def _about(known: Knowledge, found: Any) -> About | None:
    """The head of the file that the rule is written in."""
    kind = type(found).__name__.removesuffix("Rule").lower()
    return next((about for name, about in known.abouts.items() if kind in name), None)


@require_safe
def limits(request: StaffRequest) -> HttpResponse:
    """What no single course can tell."""
    return render(request, "clinic/course/limits.html")


urlpatterns = [
    page("courses/<int:course_id>/", course, "course"),
    page("courses/<int:course_id>/decide/", decide, "decide"),
    page("courses/<int:course_id>/close/", close, "close_course"),
    page("courses/<int:course_id>/record.json", record_json, "course_json"),
    page("decisions/<int:decision_id>/", decision, "decision"),
    page("rules/<str:rule_id>/", rule, "rule"),
    page("limits/", limits, "limits"),
]
