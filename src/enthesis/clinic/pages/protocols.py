"""The clinic's own protocols: copied from one in use, changed, retired; never overwritten."""

import dataclasses
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from enthesis.clinic import store
from enthesis.clinic.actions import EditConflict, Refused
from enthesis.clinic.actions import protocols as actions
from enthesis.clinic.models import Guidance, OwnProtocol
from enthesis.clinic.pages import attempt
from enthesis.clinic.pages.doses import MixtureForm, ShortDecimal, mixture_words, problems, short
from enthesis.clinic.permissions import StaffRequest, page, rows_for
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.series import Protocol, ProtocolSite
from enthesis.units import Ml

NUMBERS = ("sessions_planned", "sessions_max", "interval_days", "stop_after_sessions")
TAKEN = [("", "Not in it"), ("usual", "Starts ticked"), ("offered", "Offered, not ticked")]
GUIDANCE = [("", "Guidance?"), *Guidance.choices]


class ProtocolForm(forms.Form):
    """All of a protocol but its mixtures and sites. `number`: the version that its user saw."""

    number = forms.IntegerField(widget=forms.HiddenInput, required=False)
    name = forms.CharField(label="Name", max_length=120)
    note = forms.CharField(
        label="What the patient should know of it",
        max_length=600,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    sessions_planned = forms.IntegerField(label="Sessions planned", min_value=1, max_value=99)
    sessions_max = forms.IntegerField(label="At most", min_value=1, max_value=99)
    interval_days = forms.IntegerField(label="Days between sessions", min_value=1, max_value=999)
    stop_after_sessions = forms.IntegerField(
        label="Stop is judged after session", min_value=1, max_value=99
    )
    cotherapies = forms.CharField(
        label="Given beside the injections",
        help_text="One a line, such as: Exercises at home.",
        max_length=600,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    followup_months = forms.CharField(
        label="Asked again after, months", help_text="Such as: 3, 6, 12", max_length=100,
        required=False,
    )  # fmt: skip

    def __init__(self, protocol: Protocol, number: int | None, copying: bool, data: Any) -> None:
        name = f"{protocol.name}, our own"[:120] if copying else protocol.name
        super().__init__(
            data,
            initial={
                "number": number,
                "name": name,
                "note": protocol.note,
                "cotherapies": "\n".join(protocol.cotherapies),
                "followup_months": ", ".join(short(m) for m in protocol.followup_months),
                **{field: getattr(protocol, field) for field in NUMBERS},
            },
        )

    def clean_cotherapies(self) -> tuple[str, ...]:
        """Each line is one."""
        lines = (line.strip() for line in self.cleaned_data["cotherapies"].splitlines())
        return tuple(line for line in lines if line)

    def clean_followup_months(self) -> tuple[Decimal, ...]:
        """Numbers of months, rising."""
        words = self.cleaned_data["followup_months"].split(",")
        try:
            typed = [Decimal(word) for word in words if word.strip()]
            fits = typed == sorted(set(typed)) and all(0 < m <= 120 for m in typed)
        except InvalidOperation:
            fits = False
        if not fits:
            raise forms.ValidationError("Write rising numbers with commas, such as: 3, 6, 12.")
        return tuple(typed)


class PartForm(forms.Form):
    """One site of the region: whether it is in the protocol, and how it is injected."""

    taken = forms.ChoiceField(choices=TAKEN, required=False)
    volume_ml = ShortDecimal(max_digits=5, decimal_places=2, min_value=0, required=False)
    mixture = forms.ChoiceField()
    guidance = forms.ChoiceField(choices=GUIDANCE, required=False)

    def __init__(
        self, site: str, part: ProtocolSite | None, keys: list[str], known: Knowledge, data: Any
    ) -> None:
        initial = {"mixture": keys[-1]}
        if part is not None:
            taken = "usual" if part.usual else "offered"
            initial = {**dataclasses.asdict(part), "taken": taken}
        super().__init__(data, prefix=f"part-{site}", initial=initial)
        self.site = known.sites[site]
        self.fields["mixture"].choices = [(key, key) for key in keys]  # type: ignore[attr-defined]
        for name, label in (
            ("taken", "Whether it is taken"),
            ("volume_ml", "Volume, mL"),
            ("mixture", "Solution"),
            ("guidance", "Needle guided by"),
        ):
            self.fields[name].label = f"{label}: {self.site.name}"

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("taken") and not data.get("volume_ml") and "volume_ml" not in self.errors:
            self.add_error("volume_ml", "Write how much goes here, or leave the site out.")
        return data

    def part(self) -> ProtocolSite | None:
        """The row as part of a protocol; None if it is not in it."""
        data = self.cleaned_data
        if not data["taken"]:
            return None
        usual, volume = data["taken"] == "usual", Ml(data["volume_ml"])
        return ProtocolSite(self.site.id, data["mixture"], volume, usual, data["guidance"])


class ProtocolPage:
    """The forms of one protocol. `number`: its last version, None while it is being copied."""

    def __init__(self, protocol: Protocol, known: Knowledge, number: int | None, data: Any) -> None:
        self.protocol, self.known = protocol, known
        self.form = ProtocolForm(protocol, number, number is None, data)
        self.mixtures = [MixtureForm(mixture, known, data) for mixture in protocol.mixtures]
        keys = [mixture.key for mixture in protocol.mixtures]
        parts = {part.site: part for part in protocol.sites}
        region = known.conditions[protocol.condition].region
        others = [s.id for s in known.sites.values() if s.region == region and s.role == "target"]
        self.parts = [
            PartForm(site, parts.get(site), keys, known, data)
            for site in dict.fromkeys((*parts, *others))
        ]
        self.forms: list[forms.BaseForm] = [self.form, *self.mixtures, *self.parts]

    def is_valid(self) -> bool:
        """Whether every form can be read; what the rules say of it comes later."""
        return self.form.is_bound and all([form.is_valid() for form in self.forms])

    def edited(self) -> Protocol:
        """The protocol as typed (valid)."""
        typed = {k: v for k, v in self.form.cleaned_data.items() if k != "number"}
        parts = (form.part() for form in self.parts)
        return dataclasses.replace(
            self.protocol,
            **typed,
            summary=self.protocol.summary,
            mixtures=tuple(form.mixture() for form in self.mixtures),
            sites=tuple(part for part in parts if part is not None),
        )


@require_safe
def protocols(request: StaffRequest) -> HttpResponse:
    """All protocols in use by condition, each to be copied; the clinic's own to be changed."""
    known = store.known_for(request.clinic, store.today(request.clinic))
    last = {row.key: row for row in rows_for(request.user, OwnProtocol).select_related("by")}
    shown = [
        (condition, [(known.protocols[id], last.get(id)) for id in condition.protocols])
        for condition in known.conditions.values()
        if condition.protocols
    ]
    retired = [row for row in last.values() if row.retired]
    context = {"shown": shown, "retired": retired}
    return render(request, "clinic/protocols/protocols.html", context)


@require_http_methods(["GET", "POST"])
def copy_protocol(request: StaffRequest, protocol_id: str) -> HttpResponse:
    """A new protocol of the clinic's own, from one in use."""
    known = store.known_for(request.clinic, store.today(request.clinic))
    if protocol_id not in known.protocols:
        raise Http404(f"protocol {protocol_id}")
    shown = ProtocolPage(known.protocols[protocol_id], known, None, request.POST or None)

    def save(edited: Protocol) -> OwnProtocol | None:
        today = store.today(request.clinic)
        args = request.user, protocol_id, edited, today
        return attempt(shown.form, actions.copy_protocol, *args)

    return _edit(request, shown, save, None)


@require_http_methods(["GET", "POST"])
def change_protocol(request: StaffRequest, key: str) -> HttpResponse:
    """The next version of an own protocol; or, by its other button, the end of its use."""
    known = store.known_for(request.clinic, store.today(request.clinic))
    rows = list(rows_for(request.user, OwnProtocol).filter(key=key).select_related("by"))
    if not rows:
        raise Http404(f"own protocol {key}")
    last, today = rows[-1], store.today(request.clinic)
    protocol = known.protocol_versions[key, str(last.number)]
    retiring = "retire" in request.POST
    data = None if retiring else request.POST or None
    shown = ProtocolPage(protocol, known, last.number, data)
    typed = str(request.POST.get("number", ""))
    seen = int(typed) if typed.isdecimal() else 0

    def save(edited: Protocol) -> OwnProtocol | None:
        args = request.user, key, edited, seen, today
        return attempt(shown.form, actions.change_protocol, *args)

    if not retiring:
        return _edit(request, shown, save, rows)
    try:
        actions.retire_protocol(request.user, key, seen, today)
    except EditConflict as conflict:
        return _conflict(request, shown, rows, conflict)
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("change_protocol", key)
    messages.success(request, f"{protocol.name} is offered for no more plans.")
    return redirect("protocols")


def _edit(
    request: StaffRequest,
    shown: ProtocolPage,
    save: Callable[[Protocol], OwnProtocol | None],
    rows: list[OwnProtocol] | None,
) -> HttpResponse:
    if request.method == "GET" or not shown.is_valid():
        return _page(request, shown, rows, 200 if request.method == "GET" else 422)
    try:
        saved = save(shown.edited())
    except EditConflict as conflict:
        return _conflict(request, shown, rows or [], conflict)
    if saved is None:
        return _page(request, shown, rows, 422)
    messages.success(request, f"{saved.content['name']} was saved as version {saved.number}.")
    return redirect("protocols")


def _conflict(
    request: StaffRequest, shown: ProtocolPage, rows: list[OwnProtocol], conflict: EditConflict
) -> HttpResponse:
    theirs = cast(OwnProtocol, conflict.theirs)
    if shown.form.is_bound:
        shown.form.data = shown.form.data.copy()  # type: ignore[attr-defined]
        shown.form.data["number"] = theirs.number  # type: ignore[index]
    return _page(request, shown, rows, 409, theirs=theirs)


def _page(
    request: StaffRequest,
    shown: ProtocolPage,
    rows: list[OwnProtocol] | None,
    status: int,
    **context: Any,
) -> HttpResponse:
    mixtures = zip(shown.mixtures, shown.protocol.mixtures, strict=True)
    return render(
        request,
        "clinic/protocols/protocol.html",
        {
            "protocol": shown.protocol,
            "condition": shown.known.conditions[shown.protocol.condition],
            "form": shown.form,
            "mixture_forms": [(form, mixture_words(m, shown.known)) for form, m in mixtures],
            "parts": shown.parts,
            "rows": rows,
            "problems": problems(shown.forms) if status == 422 else [],
            **context,
        },
        status=status,
    )


urlpatterns = [
    page("protocols/", protocols, "protocols"),
    page("protocols/copy/<str:protocol_id>/", copy_protocol, "copy_protocol"),
    page("protocols/own/<str:key>/", change_protocol, "change_protocol"),
]
