"""A session: what is given where, checked while it is written down, signed once, then amended."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from enthesis.charts.body_map import State
from enthesis.clinic import store
from enthesis.clinic.actions import EditConflict, Refused
from enthesis.clinic.actions import treat as actions
from enthesis.clinic.models import Course, Session, SessionSite
from enthesis.clinic.pages import attempt, patient_banner
from enthesis.clinic.pages.cautions import standing
from enthesis.clinic.pages.doses import (
    MixtureForm,
    Place,
    ShortDecimal,
    SiteForm,
    drawn_map,
    mixture_words,
    problems,
    short,
)
from enthesis.clinic.pages.patients import Day, course_words
from enthesis.clinic.pages.plan import dose_words
from enthesis.clinic.permissions import CLINICAL, StaffRequest, get_for, page, rows_for
from enthesis.journey.judge import judge, open_warnings
from enthesis.journey.places import TENDER_MOST
from enthesis.journey.treat import amount, check_doses
from enthesis.knowledge.kinds import AnaestheticLimit, Knowledge
from enthesis.records import Candidacy, EvaluationResult, Mixture, Side, SiteDose
from enthesis.shape import read
from enthesis.units import Kg, Ml

LOTS_OFFERED = 5
"""How many lots of earlier sessions are offered for each vial."""


class SessionForm(forms.Form):
    """The day, the weight, the lot of every vial, the note."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    on = forms.DateField(label="Given on", widget=Day())
    weight_kg = ShortDecimal(label="Weight", max_digits=5, decimal_places=1, required=False)
    note = forms.CharField(
        label="Note", max_length=4000, required=False, widget=forms.Textarea({"rows": 4})
    )

    def __init__(
        self, session: Session, vials: dict[str, str], known: Knowledge, data: Any
    ) -> None:
        super().__init__(
            data,
            initial={
                "version": session.version,
                "on": session.on,
                "weight_kg": session.weight_kg or _last_kg(session),
                "note": session.note,
            },
        )
        self.vials = vials
        self.limits = known.mixing
        for substance, words in vials.items():
            self.fields[f"lot_{substance}"] = forms.CharField(
                label=f"Lot of {words[0].lower()}{words[1:]}",
                max_length=40,
                required=False,
                widget=forms.TextInput({"list": f"lots-{substance}", "autocomplete": "off"}),
            )
            self.initial[f"lot_{substance}"] = session.lots.get(substance, "")

    def clean_weight_kg(self) -> Decimal | None:
        """A weight that can be one: a slip of the finger must not raise the ceiling."""
        weight: Decimal | None = self.cleaned_data["weight_kg"]
        least, most = self.limits.weight_kg_min, self.limits.weight_kg_max
        if weight is not None and not least <= weight <= most:
            raise forms.ValidationError(f"Must be between {least} and {most} kg.")
        return weight

    def lots(self) -> dict[str, str]:
        """Substance to lot, where one was written."""
        written = {name: self.cleaned_data[f"lot_{name}"] for name in self.vials}
        return {name: lot for name, lot in written.items() if lot}


def _last_kg(session: Session) -> Decimal | None:
    """A draft begun before the patient was weighed takes the weight that was measured since."""
    last = session.course.patient.weights.last()
    return last.kg if last else None


class ScoredSiteForm(SiteForm):
    """A row with how tender the place is when pressed before the needle; empty: not pressed."""

    def __init__(self, score: int | None, *args: Any) -> None:
        super().__init__(*args)
        steps = [(str(n), str(n)) for n in range(TENDER_MOST + 1)]
        self.fields["tender"] = forms.TypedChoiceField(
            label=f"Tenderness at {self.name}, 0 to {TENDER_MOST}",
            choices=[("", "Tender?"), *steps],
            coerce=int,
            empty_value=None,
            required=False,
            initial=score,
        )

    @property
    def key(self) -> str:
        """ "site:side", as in the row's hidden field."""
        return f"{self.place.site}:{self.place.side}"


class AddSiteForm(forms.Form):
    """A place that was not planned."""

    place = forms.ChoiceField(label="Add a place", required=False)

    def __init__(self, places: Sequence[tuple[str, str]], data: Any) -> None:
        super().__init__(data, prefix="add")
        self.fields["place"].choices = [("", "Choose a place"), *places]  # type: ignore[attr-defined]


class AmendForm(forms.Form):
    text = forms.CharField(label="What to add", max_length=4000, widget=forms.Textarea({"rows": 5}))


class SessionPage:
    """The forms of one draft, made from what is saved or typed."""

    def __init__(self, session: Session, known: Knowledge, data: Any = None) -> None:
        self.session, self.known = session, known
        self.course = session.course
        self.condition = known.conditions[self.course.condition]
        self.saved_mixtures = read(tuple[Mixture, ...], session.mixtures)
        self.mixtures = [MixtureForm(mixture, known, data) for mixture in self.saved_mixtures]
        keys = [mixture.key for mixture in self.saved_mixtures]
        self.sites = [
            ScoredSiteForm(
                session.site_scores.get(f"{place.site}:{place.side}"),
                *(number, place, keys, known, data),
            )
            for number, place in enumerate(self._places(data), start=1)
        ]
        self.readable = all([form.is_valid() for form in self.mixtures]) if data else False
        self.form = SessionForm(session, actions.vials(self.now_mixed(), known), known, data)
        self.add = AddSiteForm(self._not_listed(), data)

    def _places(self, data: Any) -> list[Place]:
        """The rows as saved; while typing those that stood on the page, and those added since."""
        saved = {
            (row.site, Side(row.side)): Place(
                row.site, Side(row.side), row.mixture, row.volume_ml, row.given
            )
            for row in self.session.sites.all()
        }
        if not data:
            return list(saved.values())
        last = self.saved_mixtures[-1].key
        typed = filter(None, map(self._named, dict.fromkeys(data.getlist("row"))))
        return [saved.get(at) or Place(*at, last, None, ticked=True) for at in typed]

    def _named(self, key: str) -> tuple[str, Side] | None:
        """A known place of this region by its key "site:side"."""
        return next((at for at in self._possible() if f"{at[0]}:{at[1]}" == key), None)

    def _possible(self) -> list[tuple[str, Side]]:
        return [
            (site.id, side)
            for site in self.known.sites.values()
            if site.region == self.condition.region and site.role == "target"
            for side in ((Side.LEFT, Side.RIGHT) if site.paired else (Side.MIDLINE,))
        ]

    def _not_listed(self) -> list[tuple[str, str]]:
        listed = {(form.place.site, form.place.side) for form in self.sites}
        return [
            (f"{site}:{side}", f"{self.known.sites[site].name}, {side.value}")
            for site, side in self._possible()
            if (site, side) not in listed
        ]

    def now_mixed(self) -> tuple[Mixture, ...]:
        """The mixtures as typed if they can be read, else as saved."""
        if self.readable:
            return tuple(form.mixture() for form in self.mixtures)
        return self.saved_mixtures

    @property
    def forms(self) -> list[forms.BaseForm]:
        """All of them, in the order of the page."""
        return [self.form, *self.sites, *self.mixtures]

    def is_valid(self) -> bool:
        """Whether every form can be read; whether it may be signed is for the action."""
        return all([form.is_valid() for form in self.forms])

    def draft(self) -> actions.Draft:
        """The session as typed (valid). A row without a volume was never given and is left out."""
        data = self.form.cleaned_data
        return actions.Draft(
            on=data["on"],
            mixtures=self.now_mixed(),
            sites=tuple(
                (form.dose(), form.is_ticked)
                for form in self.sites
                if form.cleaned_data["volume_ml"] is not None
            ),
            weight_kg=data["weight_kg"],
            lots=self.form.lots(),
            note=data["note"],
            site_scores={
                form.key: form.cleaned_data["tender"]
                for form in self.sites
                if form.cleaned_data["tender"] is not None
            },
        )


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
    """The draft, to edit and sign; once signed, what was given. `?preview` only works it out."""
    row = get_for(request.user, Session, session_id)
    if request.method == "GET" and row.signed_at is not None:
        return _signed_page(request, row)
    today = store.today(request.clinic)
    known = store.known_for(request.clinic, today)
    data = _with_added(request) if request.method == "POST" else None
    shown = SessionPage(row, known, data)
    if data is None or "preview" in request.GET or data.get("do") == "add":
        return _draft_page(request, shown, 200)
    if not shown.is_valid():
        return _draft_page(request, shown, 422)
    action = actions.sign_session if data.get("do") == "sign" else actions.save_session
    try:
        saved = attempt(
            shown.form,
            action,
            request.user,
            row.pk,
            shown.draft(),
            today,
            shown.form.cleaned_data["version"],
        )
    except EditConflict as conflict:
        assert isinstance(conflict.theirs, Session)  # noqa: S101 (narrows the type only)
        return _conflict(request, shown, conflict.theirs)
    if saved is None:
        return _draft_page(request, shown, 422)
    words = "was signed" if saved.signed_at else "was saved as a draft; it is not signed yet"
    messages.success(request, f"Session {saved.number} {words}.")
    return redirect("session", saved.pk)


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
    saved = _row_words(theirs, shown.known)
    typed = _draft_words(shown.draft(), shown.known)
    labels = dict.fromkeys([*saved, *typed])
    both = [
        (label, saved.get(label, "nothing"), typed.get(label, "nothing"))
        for label in labels
        if saved.get(label, "nothing") != typed.get(label, "nothing")
    ]
    if theirs.signed_at is not None:
        return _signed_page(request, theirs, 409, both=both)
    again = SessionPage(theirs, shown.known, _with_theirs(shown.form.data, theirs))
    return _draft_page(request, again, 409, both=both, conflict=True)


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


def _row_words(row: Session, known: Knowledge) -> dict[str, str]:
    draft = actions.Draft(
        on=row.on,
        mixtures=read(tuple[Mixture, ...], row.mixtures),
        sites=tuple((_dose(site), site.given) for site in row.sites.all()),
        weight_kg=row.weight_kg,
        lots=row.lots,
        note=row.note,
        site_scores=row.site_scores,
    )
    return _draft_words(draft, known)


def _dose(site: SessionSite) -> SiteDose:
    return SiteDose(site.site, Side(site.side), site.mixture, Ml(site.volume_ml))


def _draft_words(draft: actions.Draft, known: Knowledge) -> dict[str, str]:
    """A session in words, part by part: what is compared when two people wrote."""
    told = {"Given on": f"{draft.on.day} {draft.on:%b %Y}"}
    if draft.weight_kg is not None:
        told["Weight"] = f"{short(draft.weight_kg)}\u00a0kg"
    for mixture in draft.mixtures:
        told[f"Solution: {mixture.key}"] = mixture_words(mixture, known)["title"]
    for substance, lot in draft.lots.items():
        told[f"Lot of {known.substances[substance].name.lower()}"] = lot
    for dose, given in draft.sites:
        name = f"{known.sites[dose.site].name}, {dose.side.value}"
        told[name] = f"{'given' if given else 'not given'}, {amount(dose.volume_ml, 'mL')}"
        if (score := draft.site_scores.get(f"{dose.site}:{dose.side}")) is not None:
            told[name] += f", tender {score}"
    return {**told, "Note": draft.note} if draft.note else told


def _draft_page(
    request: StaffRequest, shown: SessionPage, status: int, **context: Any
) -> HttpResponse:
    known, row = shown.known, shown.session
    states = [
        (form.number, form.place.site, form.place.side, _state(form.is_ticked, signed=False))
        for form in shown.sites
    ]
    last = row.course.sessions.filter(number__lt=row.number).last()
    weight = row.course.patient.weights.last()
    mixed = shown.now_mixed()
    return render(
        request,
        "clinic/treat/session.html",
        {
            **_heading(request, row, known),
            "form": shown.form,
            "add": shown.add,
            "lots": [
                (shown.form[f"lot_{name}"], name, _recent_lots(request, name))
                for name in shown.form.vials
            ],
            "sites": shown.sites,
            "mixture_forms": [
                (form, mixture_words(mixture, known))
                for form, mixture in zip(shown.mixtures, mixed, strict=True)
            ],
            "mixing": known.mixing,
            "limits": _limits(mixed, known),
            "dextrose": known.substances["dextrose"],
            "today": store.today(request.clinic),
            "from_last": last,
            "weight": weight,
            "map": drawn_map(shown.condition, Side(shown.course.side), states, known),
            "doses": _doses(shown, mixed, known),
            "problems": problems(shown.forms) if status != 200 else [],
            "ask_first": _ask_first(row.course, known),
            **context,
        },
        status=status,
    )


def _ask_first(course: Course, known: Knowledge) -> str:
    """What is to be asked before the needle, in the judge's words; empty where nothing is."""
    verdict = judge(store.course_record(course), known, known.as_of)
    return verdict.headline if verdict.ask_first else ""


def _limits(mixtures: tuple[Mixture, ...], known: Knowledge) -> list[AnaestheticLimit]:
    """The ceilings that the mixtures are checked against, for their words and sources."""
    used = {(mixture.anaesthetic, mixture.with_adrenaline) for mixture in mixtures}
    return [x for x in known.anaesthetic_limits if (x.substance, x.with_adrenaline) in used]


def _state(given: bool, *, signed: bool) -> State:
    if given:
        return "given"
    return "left_out" if signed else "planned"


def _heading(request: StaffRequest, row: Session, known: Knowledge) -> dict[str, Any]:
    condition, patient = known.conditions[row.course.condition], row.course.patient
    banner = patient_banner(patient, store.today(request.clinic))
    banner["tags"] = [*_danger_tags(row.course, known), *banner["tags"], *_care_tags(row.course)]
    return {
        "session": row,
        "course": row.course,
        "title": course_words(row.course, {condition.id: condition.name}),
        "patient": banner,
    }


def _danger_tags(course: Course, known: Knowledge) -> list[dict[str, str]]:
    """The warning signs that wait for a decision: the session is not signed before it."""
    waiting = dict.fromkeys(r.text for _, r in open_warnings(store.course_record(course), known))
    return [{"tone": "alarm", "icon": "alarm", "text": f"Warning sign: {text}"} for text in waiting]


def _care_tags(course: Course) -> list[dict[str, str]]:
    """What the last evaluation says must be minded at the needle: an allergy that was set aside
    must not be forgotten here."""
    last = course.evaluations.last()
    findings = read(EvaluationResult, last.result).findings if last else ()
    told = []
    for finding in findings:
        if reason := finding.inputs.get("set_aside"):
            told.append(f"Set aside: {finding.text} {reason}")
        elif finding.leads_to is Candidacy.SUITABLE_WITH_CARE:
            told.append(f"With care: {finding.text}")
    return [{"tone": "care", "icon": "care", "text": text} for text in told]


def _recent_lots(request: StaffRequest, substance: str) -> list[str]:
    """Lots of this clinic's last sessions, newest first: offered, never filled in."""
    signed: QuerySet[Session] = rows_for(request.user, Session).filter(signed_at__isnull=False)
    found = (
        lots.get(substance)
        for lots in signed.order_by("-signed_at").values_list("lots", flat=True)[: 8 * LOTS_OFFERED]
    )
    return list(dict.fromkeys(lot for lot in found if lot))[:LOTS_OFFERED]


def _doses(shown: SessionPage, mixed: tuple[Mixture, ...], known: Knowledge) -> dict[str, Any]:
    """What the bar at the bottom says. Before anything is ticked, the plan is checked."""
    readable = [form for form in shown.sites if not form.is_bound or form.is_valid()]
    rows = [
        (form, form.cleaned_data["volume_ml"] if form.is_bound else form.place.volume_ml)
        for form in readable
    ]
    doses = [
        (SiteDose(row.place.site, row.place.side, row["mixture"].value(), Ml(ml)), row.is_ticked)
        for row, ml in rows
        if ml is not None
    ]
    given = tuple(dose for dose, ticked in doses if ticked)
    weight = _typed_weight(shown)
    earlier = actions.also_given(shown.session, _typed_day(shown))
    planned = given or tuple(dose for dose, _ in doses)
    check = check_doses((*mixed, *earlier), planned, weight, known)
    keys = {dose.mixture for dose in planned}
    used = tuple(mixture for mixture in mixed if mixture.key in keys)
    return {
        "given": len(given),
        "listed": len(shown.sites),
        "volume": amount(sum((dose.volume_ml for dose in given), Decimal(0)), "mL"),
        "anaesthetics": dose_words(check, known),
        "weight": f"{short(weight)}\u00a0kg" if weight is not None else "",
        "share": None if check.share is None else f"{min(check.share, Decimal(1)):.3f}",
        "problems": [*check.problems, *standing(shown.session, used or mixed, known)],
        "dextrose": amount(check.dextrose_g, "g"),
    }


def _typed_day(shown: SessionPage) -> date:
    typed: date | None = None
    if shown.form.is_bound:
        shown.form.is_valid()
        typed = shown.form.cleaned_data.get("on")
    return typed or shown.session.on


def _typed_weight(shown: SessionPage) -> Kg | None:
    kg = shown.form.initial["weight_kg"]
    if shown.form.is_bound:
        shown.form.is_valid()
        kg = shown.form.cleaned_data.get("weight_kg")
    return None if kg is None else Kg(kg)


def _signed_page(
    request: StaffRequest, row: Session, status: int = 200, **context: Any
) -> HttpResponse:
    """What was given, with the arithmetic by the rules of its day, and what comes next."""
    known = store.known_for(request.clinic, row.on)
    mixtures = read(tuple[Mixture, ...], row.mixtures)
    rows = list(row.sites.all())
    states = [
        (number, site.site, Side(site.side), _state(site.given, signed=True))
        for number, site in enumerate(rows, start=1)
    ]
    at = timezone.localtime(row.signed_at)
    given = tuple(_dose(site) for site in rows if site.given)
    weight = None if row.weight_kg is None else Kg(row.weight_kg)
    check = check_doses(mixtures, given, weight, known)
    condition = known.conditions[row.course.condition]
    return render(
        request,
        "clinic/treat/signed.html",
        {
            **_heading(request, row, known),
            "signed_words": f"Signed {at.day} {at:%b %Y} by {row.signed_by}",
            "sites": [
                (
                    site,
                    known.sites[site.site],
                    amount(site.volume_ml, "mL"),
                    row.site_scores.get(f"{site.site}:{site.side}"),
                )
                for site in rows
            ],
            "mixtures": [mixture_words(mixture, known) for mixture in mixtures],
            "lots": [(known.substances[name].name, lot) for name, lot in row.lots.items()],
            "total": amount(sum((dose.volume_ml for dose in given), Decimal(0)), "mL"),
            "given": len(given),
            "anaesthetics": dose_words(check, known),
            "limits": _limits(mixtures, known),
            "map": drawn_map(condition, Side(row.course.side), states, known),
            "amendments": row.amendments.select_related("by").order_by("at"),
            "next": _next(row, store.today(request.clinic)),
            "invoice": getattr(row, "invoice", None),
            **context,
        },
        status=status,
    )


def _next(row: Session, today: date) -> dict[str, Any] | None:
    """The next session of the plan and the day its interval names; None at the series' end."""
    plan = store.course_record(row.course).plan
    later = row.course.sessions.filter(number__gt=row.number).exists()
    if plan is None or later or row.number >= plan.sessions_max:
        return None
    on = row.on + timedelta(days=plan.interval_days)
    return {"number": row.number + 1, "on": max(on, today), "interval_days": plan.interval_days}


@require_POST
def discard_session(request: StaffRequest, session_id: int) -> HttpResponse:
    """Throw a draft away that was begun by mistake."""
    row = get_for(request.user, Session, session_id)
    version = request.POST.get("version", "")
    try:
        course = actions.discard_session(
            request.user, row.pk, int(version) if version.isdecimal() else 0
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
    context = {**_heading(request, row, known), "form": form}
    return render(request, "clinic/treat/amend.html", context, status=422 if form.errors else 200)


urlpatterns = [
    page("courses/<int:course_id>/sessions/start/", start_session, "start_session", CLINICAL),
    page("sessions/<int:session_id>/", session, "session", CLINICAL),
    page("sessions/<int:session_id>/discard/", discard_session, "discard_session", CLINICAL),
    page("sessions/<int:session_id>/amend/", amend_session, "amend_session", CLINICAL),
]
