"""The time-out: one screen that two people read aloud before the needle."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from enthesis.charts.body_map import State
from enthesis.clinic import store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions.before_needle import (
    also_given,
    fingerprint,
    record_time_out,
    refuse_needle,
    seconds,
)
from enthesis.clinic.models import Session
from enthesis.clinic.pages.doses import drawn_map, mixture_words, sides_of
from enthesis.clinic.pages.plan_words import dose_words
from enthesis.clinic.pages.session_signed import heading
from enthesis.clinic.permissions import StaffRequest, get_for, page
from enthesis.journey.treat import amount, check_doses
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Mixture, Side, SiteDose
from enthesis.shape import read
from enthesis.units import Kg, Ml

PLANNED: State = "planned"


@require_http_methods(["GET", "POST"])
def time_out(request: StaffRequest, session_id: int) -> HttpResponse:
    """What is about to be injected, to be read aloud; the second person's name confirms it."""
    row = get_for(request.user, Session, session_id)
    if row.signed_at is not None:
        return redirect("session", row.pk)
    known = store.known_for(request.clinic, store.today(request.clinic))
    if request.method == "GET":
        try:
            refuse_needle(row, store.known_for(request.clinic, row.on))
        except Refused as refused:
            messages.error(request, refused.message)
            return redirect("session", row.pk)
        return render(request, "clinic/treat/time_out.html", _shown(request, row, known))
    chosen, why = request.POST.get("with", ""), request.POST.get("not_held", "").strip()[:300]
    not_held = request.POST.get("do") == "not_held"
    try:
        if not_held and not why:
            raise Refused("Write why no time-out was held.")
        record_time_out(
            request.user,
            row.pk,
            request.POST.get("heard", ""),
            int(chosen) if chosen.isdecimal() else None,
            why if not_held else "",
        )
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("time_out", row.pk)
    return redirect("session", row.pk)


def _shown(request: StaffRequest, row: Session, known: Knowledge) -> dict[str, Any]:
    condition = known.conditions[row.course.condition]
    mixtures = read(tuple[Mixture, ...], row.mixtures)
    doses = [
        SiteDose(site.site, Side(site.side), site.mixture, Ml(site.volume_ml))
        for site in row.sites.all()
    ]
    used = {dose.mixture for dose in doses}
    several = len(used) > 1
    weight = None if row.weight_kg is None else Kg(row.weight_kg)
    drawn = (*mixtures, *also_given(row, row.on))
    check = check_doses(drawn, doses, weight, known)
    points = [(n, dose.site, dose.side, PLANNED) for n, dose in enumerate(doses, start=1)]
    others = seconds(request.user, request.clinic)
    return {
        **heading(request, row, known),
        "condition": condition.name,
        "map": drawn_map(condition, Side(row.course.side), points, known),
        "sites": [
            (
                known.sites[dose.site].name,
                dose.side.value,
                amount(dose.volume_ml, "mL"),
                dose.mixture if several else "",
            )
            for dose in doses
        ],
        "other_side": [
            f"{known.sites[dose.site].name}, {dose.side.value.upper()}"
            for dose in doses
            if dose.side not in sides_of(known.sites[dose.site], Side(row.course.side))
        ],
        "mixtures": [mixture_words(mixture, known) for mixture in mixtures if mixture.key in used],
        "anaesthetics": dose_words(check, known),
        "share": None if check.share is None else f"{check.share * 100:.0f}\u00a0%",
        "problems": check.problems,
        "others": others.values(),
        "alone": not others,
        "heard": fingerprint(row),
    }


urlpatterns = [page("sessions/<int:session_id>/time-out/", time_out, "time_out")]
