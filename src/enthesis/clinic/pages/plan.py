"""The plan: proposed from a protocol, changed by the clinician, agreed to by the patient."""

import dataclasses
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from enthesis.charts.body_map import State
from enthesis.clinic import store
from enthesis.clinic.actions import EditConflict, Refused
from enthesis.clinic.actions import plan as actions
from enthesis.clinic.models import Clinic, Course, Plan
from enthesis.clinic.pages import attempt, patient_banner
from enthesis.clinic.pages.before import before_words
from enthesis.clinic.pages.doses import (
    MixtureForm,
    Place,
    ShortDecimal,
    SiteForm,
    drawn_map,
    mixture_words,
    percent_field,
    problems,
    short,
)
from enthesis.clinic.pages.evaluate_exam import answers_of
from enthesis.clinic.pages.patients import Day, course_words
from enthesis.clinic.pages.plan_words import first_session_on, series_words
from enthesis.clinic.permissions import StaffRequest, get_for, page
from enthesis.clinic.prices import tariff_of
from enthesis.journey import plan as rules
from enthesis.journey.examination import block_problems, tender_places
from enthesis.journey.examined import tender_words
from enthesis.journey.tariff import planned_contents, priced, total
from enthesis.journey.treat import volume_words
from enthesis.knowledge.kinds import Benchmark, Knowledge
from enthesis.knowledge.series import Protocol
from enthesis.records import Plan as Planned
from enthesis.records import Side
from enthesis.units import MINOR_DIGITS, Money, money_words

# The numbers of the form, and where the core keeps them.
OF_SERIES = ("sessions_planned", "sessions_max", "interval_days")
OF_STOP_RULE = (
    "finish_relief_percent",
    "finish_readings",
    "stop_below_percent",
    "stop_after_sessions",
)


# How the study guided its needle, beside the site.
GUIDED = {
    "palpation": "by palpation in the study",
    "ultrasound": "under ultrasound in the study",
    "fluoroscopy": "under fluoroscopy in the study",
    "ct": "under CT in the study",
}


class PlanForm(forms.Form):
    """The series, its stop rule and its price. `plan` and `version` are what its user saw."""

    protocol = forms.CharField(widget=forms.HiddenInput)
    protocol_version = forms.CharField(widget=forms.HiddenInput, required=False)
    plan = forms.IntegerField(widget=forms.HiddenInput, required=False)
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    sessions_planned = forms.IntegerField(label="Sessions planned", min_value=1, max_value=99)
    sessions_max = forms.IntegerField(label="At most", min_value=1, max_value=99)
    interval_days = forms.IntegerField(label="Days between sessions", min_value=1, max_value=999)
    price_per_session = ShortDecimal(label="Price of one session", max_digits=10, min_value=0)
    # Only to reckon with: nothing is booked by it.
    first_on = forms.DateField(label="If the first session is on", widget=Day(), required=False)
    finish_relief_percent = percent_field("Finish at relief of")
    finish_readings = forms.IntegerField(
        label="Answers in a row that must say so", min_value=1, max_value=9
    )
    stop_below_percent = percent_field("Stop below relief of")
    stop_after_sessions = forms.IntegerField(
        label="Stop is judged after session", min_value=1, max_value=99
    )

    def __init__(
        self, planned: Planned, row: Plan | None, first_on: date, data: Any = None
    ) -> None:
        price = planned.price_per_session
        super().__init__(
            data,
            initial={
                "protocol": planned.protocol,
                "protocol_version": planned.protocol_version,
                "plan": row.pk if row else None,
                "version": row.version if row else None,
                "price_per_session": price.amount,
                "first_on": first_on,
                **{name: getattr(planned, name) for name in OF_SERIES},
                **{name: getattr(planned.stop_rule, name) for name in OF_STOP_RULE},
            },
        )
        money = self.fields["price_per_session"]
        assert isinstance(money, ShortDecimal)  # noqa: S101 (narrows the type only)
        money.decimal_places = MINOR_DIGITS[price.currency]

    def expected(self) -> tuple[int, int] | None:
        """(id, version) of the plan that its user saw."""
        seen = self.cleaned_data["plan"], self.cleaned_data["version"]
        return None if None in seen else seen


class AgreeForm(forms.Form):
    plan = forms.IntegerField(widget=forms.HiddenInput)
    version = forms.IntegerField(widget=forms.HiddenInput)
    agreed_name = forms.CharField(
        label="The patient’s name, typed as signature", max_length=200, min_length=2
    )
    agreed_on = forms.DateField(label="Agreed on", widget=Day())


class PlanPage:
    """The forms of one plan page, made from what is saved, proposed or typed."""

    def __init__(
        self,
        course: Course,
        row: Plan | None,
        known: Knowledge,
        protocol_id: str,
        data: Any,
        *,
        anew: bool = False,
        from_tender: bool = False,
    ) -> None:
        self.course, self.row, self.known = course, row, known
        self.condition = known.conditions[course.condition]
        self.newest = known.protocols[protocol_id]
        version = data.get("protocol_version") if data else None
        kept = None if row is None or anew else store.plan_record(row)
        if (
            kept is not None
            and kept.protocol == protocol_id
            and version in (None, kept.protocol_version)
        ):
            # A plan keeps the version that it was made from, until it is proposed anew.
            self.base, self.protocol = kept, known.protocol_of(kept) or self.newest
        else:
            self.base, self.protocol = proposal(protocol_id, course, known), self.newest
        self.evaluation = course.evaluations.last()
        self.answers = answers_of(self.evaluation)
        self.tender = tender_places(self.answers, known)
        self.started = {(t.site, t.side) for t in self.tender} if from_tender else set()
        if self.started:
            self.base = rules.start_from(self.base, self.started, known)
        self.begins_on = first_session_on(course, known.as_of)
        self.form = PlanForm(self.base, row, self.begins_on, data)
        self.mixtures = [MixtureForm(mixture, known, data) for mixture in self.base.mixtures]
        keys = [mixture.key for mixture in self.base.mixtures]
        self.sites = [
            SiteForm(number, place, keys, known, data)
            for number, place in enumerate(self._places(), start=1)
        ]
        self.usual = len([place for place in self._of_protocol()])
        guided = {part.site: part.guidance for part in self.protocol.sites}
        for form in self.sites:
            form.guided = GUIDED.get(guided.get(form.place.site, ""), "")

    def _of_protocol(self) -> Iterator[Place]:
        side = Side(self.course.side)
        for part in self.protocol.sites:
            for at in rules.sides_of(part, side, self.known):
                yield Place(part.site, at, part.mixture, part.volume_ml, ticked=False)

    def _places(self) -> Iterator[Place]:
        """The protocol's sites, then all others of the region; ticked and dosed as planned."""
        planned = {(dose.site, dose.side): dose for dose in self.base.sites}
        rows = {(place.site, place.side): place for place in self._of_protocol()}
        last = self.base.mixtures[-1].key
        for site in self.known.sites.values():
            if site.region == self.condition.region and site.role == "target":
                for side in (Side.LEFT, Side.RIGHT) if site.paired else (Side.MIDLINE,):
                    rows.setdefault((site.id, side), Place(site.id, side, last, None, ticked=False))
        for key, place in rows.items():
            if dose := planned.get(key):
                yield Place(place.site, place.side, dose.mixture, dose.volume_ml, ticked=True)
            else:
                yield dataclasses.replace(place, ticked=key in self.started)

    @property
    def forms(self) -> list[forms.BaseForm]:
        """All of them, in the order of the page."""
        return [self.form, *self.mixtures, *self.sites]

    def is_valid(self) -> bool:
        """Whether every form can be read; what the rules say of it comes later."""
        return all([form.is_valid() for form in self.forms])

    def planned(self) -> Planned:
        """The plan as typed if that can be read, else as it was."""
        if not self.form.is_bound or not self.is_valid():
            return self.base
        data = self.form.cleaned_data
        price = Money(data["price_per_session"], self.base.price_per_session.currency)
        rule = {name: data[name] for name in OF_STOP_RULE}
        return dataclasses.replace(
            self.base,
            mixtures=tuple(form.mixture() for form in self.mixtures),
            sites=tuple(form.dose() for form in self.sites if form.is_ticked),
            **{name: data[name] for name in OF_SERIES},
            price_per_session=price,
            stop_rule=dataclasses.replace(self.base.stop_rule, **rule),
        )

    def first_on(self) -> date:
        """The day to reckon from: as typed if that can be read, else as booked, else today."""
        typed = self.form.cleaned_data.get("first_on") if self.form.is_bound else None
        return typed or self.begins_on

    def sources(self) -> dict[str, str]:
        """Where each number of the form is from: its study, the clinic, or this page."""
        planned = self.planned()
        protocols = {**self.known.protocols, self.protocol.id: self.protocol}
        as_made = dataclasses.replace(self.known, protocols=protocols)
        usual = proposal(self.protocol.id, self.course, as_made)
        return {
            name: _source(name, self.protocol, self.known, self.course.patient.clinic)
            if _number(planned, name) == _number(usual, name)
            else f"Clinic’s own, changed for this patient. Proposed: {_number(usual, name)}. "
            + _source(name, self.protocol, self.known, self.course.patient.clinic)
            for name in (*OF_SERIES, *OF_STOP_RULE, "price_per_session")
        }


def proposal(protocol_id: str, course: Course, known: Knowledge) -> Planned:
    """The protocol as the core proposes it for this course, at the clinic's prices of the day."""
    planned = rules.propose(protocol_id, Side(course.side), known)
    tariff = tariff_of(course.patient.clinic, known.as_of)
    if tariff is None:
        return planned
    lines = priced(planned_contents(planned, known), tariff, known)
    return dataclasses.replace(planned, price_per_session=total(lines))


def _number(planned: Planned, name: str) -> str:
    if name == "price_per_session":
        return money_words(planned.price_per_session)
    value = getattr(planned if name in OF_SERIES else planned.stop_rule, name)
    return short(Decimal(value))


def _source(name: str, protocol: Protocol, known: Knowledge, clinic: Clinic) -> str:
    if name == "price_per_session":
        item, tariff = known.tariff["session"], tariff_of(clinic, known.as_of)
        own = tariff is not None and (tariff.session != item.usual or tariff.prices)
        return "Clinic’s own price, see Settings." if own else item.source
    if name == "finish_relief_percent" and clinic.finish_relief_percent is not None:
        return "Clinic’s own level, see Settings."
    return protocol.sources.get(name) or known.stop_rule.sources[name]


@require_http_methods(["GET", "POST"])
def plan(request: StaffRequest, course_id: int) -> HttpResponse:
    """Propose from a protocol and change what needs changing; `?preview` only works it out."""
    course = get_for(request.user, Course, course_id)
    known = store.known_for(request.clinic, store.today(request.clinic))
    offered = known.conditions[course.condition].protocols
    try:
        actions.check_may_plan(course)
    except Refused as refused:
        return _refused_page(request, course, known, refused.message)
    if not offered:
        return _refused_page(request, course, known, "There is no protocol for this condition.")
    row = course.plans.last()
    chosen = request.POST.get("protocol") or request.GET.get("protocol") or ""
    if chosen not in offered:
        kept = row.content["protocol"] if row else ""
        chosen = kept if kept in offered else offered[0]
    anew = request.method == "GET" and "protocol" in request.GET
    tender = anew and request.GET.get("start") == "tender"
    shown = PlanPage(
        course, row, known, chosen, request.POST or None, anew=anew, from_tender=tender
    )
    if request.method == "GET" or "preview" in request.GET or not shown.is_valid():
        asked = request.method == "GET" or "preview" in request.GET
        return _plan_page(request, shown, 200 if asked else 422)
    return _save(request, shown)


def _save(request: StaffRequest, shown: PlanPage) -> HttpResponse:
    form, today = shown.form, store.today(request.clinic)
    planned = shown.planned()
    try:
        for problem in rules.check(planned, shown.known):
            form.add_error(None, problem)
        if form.errors:
            return _plan_page(request, shown, 422)
        saved = attempt(
            form,
            actions.save_plan,
            request.user,
            shown.course.pk,
            planned,
            today,
            form.expected(),
        )
    except EditConflict as conflict:
        assert isinstance(conflict.theirs, Plan)  # noqa: S101 (narrows the type only)
        return _conflict(request, shown, conflict.theirs)
    if saved is None:
        return _plan_page(request, shown, 422)
    messages.success(request, "The plan was saved. It counts once the patient has agreed.")
    return redirect("agree_plan", shown.course.pk)


def _conflict(request: StaffRequest, shown: PlanPage, theirs: Plan) -> HttpResponse:
    """Somebody saved a plan meanwhile: what was typed stays, and where the two differ is shown."""
    saved, typed = store.plan_record(theirs), shown.planned()
    both = [
        (label, old, new)
        for (label, old), (_, new) in zip(
            _told(saved, shown.known), _told(typed, shown.known), strict=True
        )
        if old != new
    ]
    data = shown.form.data.copy()  # type: ignore[attr-defined]
    data["plan"], data["version"] = theirs.pk, theirs.version
    again = PlanPage(shown.course, theirs, shown.known, shown.protocol.id, data)
    return _plan_page(request, again, 409, both=both, conflict=True)


def _told(planned: Planned, known: Knowledge) -> list[tuple[str, str]]:
    """A plan in words, part by part: what is compared, and what the patient agrees to."""
    labels, protocol = PlanForm.base_fields, known.protocol_of(planned)
    numbers = [
        (str(labels[name].label), _number(planned, name)) for name in (*OF_SERIES, *OF_STOP_RULE)
    ]
    return [
        ("Protocol", protocol.name if protocol else planned.protocol),
        ("Solution", "; ".join(mixture_words(m, known)["title"] for m in planned.mixtures)),
        ("Places", "; ".join(site_words(planned, known))),
        *numbers,
        ("Price of one session", money_words(planned.price_per_session)),
    ]


def site_words(planned: Planned, known: Knowledge) -> list[str]:
    """ "Iliolumbar ligament, left, 1 mL" for every place of a plan; of which solution, where it has
    several."""
    return [
        f"{known.sites[dose.site].name}, {dose.side.value}, {volume_words(dose, planned.mixtures)}"
        for dose in planned.sites
    ]


def _refused_page(
    request: StaffRequest, course: Course, known: Knowledge, message: str
) -> HttpResponse:
    context = {**_heading(request, course, known), "message": message}
    return render(request, "clinic/plan/not_yet.html", context)


def _heading(request: StaffRequest, course: Course, known: Knowledge) -> dict[str, Any]:
    condition = known.conditions[course.condition]
    return {
        "course": course,
        "title": course_words(course, {condition.id: condition.name}),
        "patient": patient_banner(course.patient, store.today(request.clinic)),
    }


def _plan_page(request: StaffRequest, shown: PlanPage, status: int, **context: Any) -> HttpResponse:
    known, planned = shown.known, shown.planned()
    protocols = [known.protocols[id] for id in shown.condition.protocols]
    ticked: list[tuple[int, str, Side, State]] = [
        (form.number, form.place.site, form.place.side, "planned")
        for form in shown.sites
        if form.is_ticked
    ]
    return render(
        request,
        "clinic/plan/plan.html",
        {
            **_heading(request, shown.course, known),
            "form": shown.form,
            "mixture_forms": [
                (form, mixture_words(mixture, known))
                for form, mixture in zip(shown.mixtures, planned.mixtures, strict=True)
            ],
            "usual_sites": shown.sites[: shown.usual],
            "other_sites": shown.sites[shown.usual :],
            "protocol": shown.protocol,
            "condition": shown.condition,
            "shown": shown,
            "tender": tender_words(shown.tender, known),
            "blocks": block_problems(
                frozenset(form.place.site for form in shown.sites if form.is_ticked),
                shown.answers,
                known,
            ),
            "newest": shown.newest,
            "protocols": protocols,
            "row": shown.row,
            "problems": problems(shown.forms) if status != 200 else [],
            "unread": status == 200 and shown.form.is_bound and not shown.is_valid(),
            "sources": shown.sources(),
            "map": drawn_map(shown.condition, Side(shown.course.side), ticked, known),
            "series": series_words(planned, shown.course, known, shown.first_on()),
            "currency": planned.price_per_session.currency,
            "before": before_words(store.course_record(shown.course), known, known.as_of),
            **context,
        },
        status=status,
    )


@require_http_methods(["GET", "POST"])
def agree_plan(request: StaffRequest, course_id: int) -> HttpResponse:
    """What the patient agrees to, in plain words, with name and date."""
    course = get_for(request.user, Course, course_id)
    today = store.today(request.clinic)
    known = store.known_for(request.clinic, today)
    row = course.plans.last()
    if row is None:
        return redirect("plan", course.pk)
    initial = {"plan": row.pk, "version": row.version, "agreed_on": today}
    form = AgreeForm(request.POST or None, initial=initial)
    if not (form.is_bound and form.is_valid()):
        return _agree_page(request, course, row, form, known, 422 if form.errors else 200)
    data = form.cleaned_data
    expected = data["plan"], data["version"]
    try:
        agreed = attempt(
            form,
            actions.agree_plan,
            request.user,
            course.pk,
            data["agreed_name"],
            data["agreed_on"],
            today,
            expected,
        )
    except EditConflict as conflict:
        assert isinstance(conflict.theirs, Plan)  # noqa: S101 (narrows the type only)
        form.add_error(
            None,
            "The plan was changed after you opened this page. It is now as below: read it to the "
            "patient again before agreeing.",
        )
        form.data = form.data.copy()  # type: ignore[attr-defined]
        form.data["plan"], form.data["version"] = conflict.theirs.pk, conflict.theirs.version  # type: ignore[index]
        return _agree_page(request, course, conflict.theirs, form, known, 409)
    if agreed is None:
        return _agree_page(request, course, row, form, known, 422)
    messages.success(request, f"{data['agreed_name']} agreed to the plan.")
    return redirect("course", course.pk)


def _agree_page(
    request: StaffRequest,
    course: Course,
    row: Plan,
    form: AgreeForm,
    known: Knowledge,
    status: int,
) -> HttpResponse:
    planned = store.plan_record(row)
    benchmark = known.benchmarks.get(known.conditions[course.condition].benchmark)
    context = {
        **_heading(request, course, known),
        "row": row,
        "form": form,
        "plan": planned,
        "protocol": known.protocol_of(planned),
        "mixtures": [mixture_words(mixture, known) for mixture in planned.mixtures],
        "sites": site_words(planned, known),
        "series": series_words(
            planned, course, known, first_session_on(course, store.today(request.clinic))
        ),
        "condition": known.conditions[course.condition],
        "anyway": benchmark_words(benchmark) if benchmark else "",
        "benchmark": benchmark,
    }
    return render(request, "clinic/plan/agree.html", context, status=status)


def benchmark_words(benchmark: Benchmark) -> str:
    """What happens anyway, in one sentence for a patient: no treatment is named as its cause."""
    last = benchmark.points[-1]
    when = f"after {short(last.weeks)} weeks"
    if benchmark.improved_percent:
        parts = [
            f"{short(people)} of 100 had pain that fell by {relief} % or more"
            for relief, people in benchmark.improved_percent.items()
        ]
        return f"Without this treatment, {when}, {' and '.join(parts)}."
    start = benchmark.points[0].middle
    fall = -last.middle if benchmark.is_change else start - last.middle
    return (
        f"Without this treatment, {when}, pain had fallen by {short(fall)} points of 10 in the "
        f"middle one of 100 people."
    )


urlpatterns = [
    page("courses/<int:course_id>/plan/", plan, "plan"),
    page("courses/<int:course_id>/plan/agree/", agree_plan, "agree_plan"),
]
