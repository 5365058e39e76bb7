"""The page of a draft: the checks, the map, the list, and what is worked out from them."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from enthesis.clinic import store
from enthesis.clinic.actions.before_needle import also_given, time_out_problems, time_out_words
from enthesis.clinic.actions.cautions import told_by
from enthesis.clinic.consents import last_word
from enthesis.clinic.models import Course, Session, Weight
from enthesis.clinic.pages import recorded_allergies
from enthesis.clinic.pages.cautions import standing
from enthesis.clinic.pages.doses import drawn_map, mixture_words, problems, short
from enthesis.clinic.pages.plan_words import dose_words
from enthesis.clinic.pages.session_forms import RecordedSiteForm
from enthesis.clinic.pages.session_page import SessionPage
from enthesis.clinic.pages.session_signed import (
    heading,
    image_rows,
    limits_of,
    state_of,
)
from enthesis.clinic.pages.vials import expiry_field
from enthesis.clinic.permissions import StaffRequest, rows_for
from enthesis.journey.judge import judge
from enthesis.journey.treat import amount, check_doses, not_injected
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Mixture, Side, SiteDose
from enthesis.shape import plain, read
from enthesis.units import Kg, Ml

LOTS_OFFERED = 5
"""How many lots of earlier sessions are offered for each vial."""


FACT_UNKNOWN = "not recorded"


def draft_page(
    request: StaffRequest, shown: SessionPage, status: int, **context: Any
) -> HttpResponse:
    """The draft with everything that is worked out from what stands on it."""
    known, row = shown.known, shown.session
    states = [
        (form.number, form.place.site, form.place.side, state_of(form.is_ticked, signed=False))
        for form in shown.sites
    ]
    last = row.course.sessions.filter(number__lt=row.number).last()
    weight = row.course.patient.weights.last()
    mixed = shown.now_mixed()
    kept = request.method == "GET" and shown.form.is_bound
    return render(
        request,
        "clinic/treat/session.html",
        {
            **heading(request, row, known),
            "form": shown.form,
            "add": shown.add,
            "lots": [
                (
                    shown.form[f"lot_{name}"],
                    name,
                    _recent_lots(request, name),
                    expiry_field(shown.form, name),
                )
                for name in shown.form.vials
            ],
            "sites": shown.sites,
            "mixture_forms": [
                (form, mixture_words(mixture, known))
                for form, mixture in zip(shown.mixtures, mixed, strict=True)
            ],
            "mixing": known.mixing,
            "limits": limits_of(mixed, known),
            "dextrose": known.substances["dextrose"],
            "today": store.today(request.clinic),
            "from_last": last,
            "weight": weight,
            "map": drawn_map(shown.condition, Side(shown.course.side), states, known),
            "doses": _doses(shown, mixed, known),
            "version": shown.version,
            "checks": shown.checks.rows(_facts(row, known)),
            "time_out": _time_out(shown, mixed),
            "problems": problems(shown.forms) if status != 200 or kept else [],
            "images": image_rows(row, known),
            "ask_first": _ask_first(row.course, known),
            **context,
        },
        status=status,
    )


def _facts(row: Session, known: Knowledge) -> dict[str, str]:
    """What the record holds on the questions of the day, to be read beside them."""
    course, patient = row.course, row.course.patient
    agreed = course.plans.exclude(agreed_on=None).last()
    weight = patient.weights.last()
    return {
        "identity": f"{patient.family}, {patient.given}, born {_day(patient.born_on)}",
        "side": f"{known.conditions[course.condition].name}, {course.side}",
        "consent": last_word(course)
        or (f"{agreed.agreed_name}, {_day(agreed.agreed_on)}" if agreed else FACT_UNKNOWN),
        "weight": _weight_fact(row, weight),
        "allergies": told_by(course).named or recorded_allergies(patient),
        "anticoagulant": patient.anticoagulant or "no blood thinner recorded",
    }


def _weight_fact(row: Session, last: Weight | None) -> str:
    """The weight of the draft, which the ceiling is worked out from, and when it was measured."""
    if row.weight_kg is None or (last is not None and last.kg == row.weight_kg):
        return f"{short(last.kg)}\u00a0kg, {_day(last.measured_on)}" if last else FACT_UNKNOWN
    return f"{short(row.weight_kg)}\u00a0kg, as written today"


def _day(on: date | None) -> str:
    return f"{on.day} {on:%b %Y}" if on else FACT_UNKNOWN


def _time_out(shown: SessionPage, mixed: tuple[Mixture, ...]) -> dict[str, Any]:
    """How the time-out stands for what is on the page now."""
    row = shown.session
    sites = tuple(
        SiteDose(form.place.site, form.place.side, form["mixture"].value(), Ml(ml))
        for form, ml in _volumes(shown)
        if form.is_ticked
    )
    plainly = read(tuple[Mixture, ...], plain(mixed))
    return {
        "held": bool(row.time_out),
        "words": time_out_words(row),
        "problems": time_out_problems(row, plainly, sites, shown.known) if row.time_out else [],
    }


def _ask_first(course: Course, known: Knowledge) -> str:
    """What is to be asked before the needle, in the judge's words; empty where nothing is."""
    verdict = judge(store.course_record(course), known, known.as_of)
    return verdict.headline if verdict.ask_first else ""


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
    doses = [
        (SiteDose(row.place.site, row.place.side, row["mixture"].value(), Ml(ml)), row.is_ticked)
        for row, ml in _volumes(shown)
    ]
    given = tuple(dose for dose, ticked in doses if ticked)
    weight = _typed_weight(shown)
    earlier = also_given(shown.session, _typed_day(shown))
    planned = given or tuple(dose for dose, _ in doses)
    check = check_doses((*mixed, *earlier), planned, weight, known)
    keys = {dose.mixture for dose in planned}
    used = tuple(mixture for mixture in mixed if mixture.key in keys)
    left = sum((not_injected(mixture, planned) for mixture in used), Decimal(0))
    return {
        "given": len(given),
        "listed": len(shown.sites),
        "volume": amount(sum((dose.volume_ml for dose in given), Decimal(0)), "mL"),
        "left": amount(left, "mL") if left else "",
        "anaesthetics": dose_words(check, known),
        "weight": f"{short(weight)}\u00a0kg" if weight is not None else "",
        "share": None if check.share is None else f"{min(check.share, Decimal(1)):.3f}",
        "problems": [*check.problems, *standing(shown.session, used or mixed, known)],
        "dextrose": amount(check.dextrose_g, "g"),
    }


def _volumes(shown: SessionPage) -> Iterator[tuple[RecordedSiteForm, Decimal]]:
    """The rows whose volume can be read, with it."""
    for form in shown.sites:
        if not form.is_bound or form.is_valid():
            ml = form.cleaned_data["volume_ml"] if form.is_bound else form.place.volume_ml
            if ml is not None:
                yield form, ml


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
