"""Packets for other clinics: all that would leave, before it is made; the ledger; the file."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_http_methods, require_safe

from enthesis.clinic import outcomes, store
from enthesis.clinic.actions import Refused
from enthesis.clinic.models import PacketRelease
from enthesis.clinic.pages.outcomes import download, says_why_not, up_to_date_or_page
from enthesis.clinic.permissions import StaffRequest, get_for, page


@require_http_methods(["GET", "HEAD", "POST"])
@says_why_not
def show(request: StaffRequest) -> HttpResponse:
    """What a packet of today would hold (`?condition=`, `?covariate=`, `?hold_back=1`), with a
    button that makes it as it was seen; and all that were made."""
    fresh = up_to_date_or_page(request)
    if isinstance(fresh, HttpResponse):
        return fresh
    from enthesis.clinic.actions import packet as actions

    asked = request.POST if request.method == "POST" else request.GET
    choice = actions.Choice(
        tuple(asked.getlist("condition")),
        tuple(asked.getlist("covariate")),
        asked.get("hold_back") == "1",
    )
    chosen = urlencode(
        {"condition": choice.conditions, "covariate": choice.covariates}
        | ({"hold_back": "1"} if choice.hold_back else {}),
        doseq=True,
    )
    if request.method == "POST":
        try:
            row = actions.make_packet(
                request.user, request.clinic, choice, request.POST.get("seen", "nothing")
            )
        except Refused as refused:
            messages.error(request, refused.message)
            return redirect(f"{reverse('packets')}?{chosen}")
        messages.success(request, f"{str(row).capitalize()} was made: download it below.")
        return redirect("packets")
    context = _choices(request, choice) | {"chosen": chosen}
    if context["counts"]:
        try:
            context |= _draft(request, choice)
        except Refused as refused:
            messages.error(request, refused.message)
            return redirect("packets")
    return render(request, "clinic/outcomes/packets.html", context)


def _choices(request: StaffRequest, choice: Any) -> dict[str, Any]:
    from enthesis.clinic.actions import packet as actions
    from enthesis.outcomes.packet_tables import COVARIATES

    known = store.known_for(request.clinic, store.today(request.clinic))
    counts = outcomes.conditions_of(request.clinic)
    return {
        "counts": counts,
        "conditions": [
            (id, known.conditions[id].name if id in known.conditions else id, n,
             not choice.conditions or id in choice.conditions)
            for id, n in counts.items()
        ],
        "covariates": [(name, name in choice.covariates) for name in COVARIATES],
        "hold_back": choice.hold_back,
        "limit": known.publishing.smallest_count,
        "made": actions.made(request.clinic),
    }  # fmt: skip


def _draft(request: StaffRequest, choice: Any) -> dict[str, Any]:
    """Every number that would leave, as words and tables."""
    from enthesis.clinic.actions import packet as actions
    from enthesis.outcomes import packet_words
    from enthesis.outcomes.page import table_html

    found = actions.prepare(request.clinic, choice)
    packet = found.packet
    known = store.known_for(request.clinic, store.today(request.clinic))

    def html(table: Any) -> str:
        return mark_safe(table_html(table))  # noqa: S308 (it escapes each cell)

    return {
        "packet": packet,
        "refusals": actions.refusals(found),
        "whole": html(packet_words.whole(packet)),
        "told": [
            {
                "name": known.conditions[about.condition].name
                if about.condition in known.conditions
                else about.condition,
                "began": about.began,
                "tables": [
                    {"title": one.title, "says": one.says, "table": html(one.table)}
                    for one in packet_words.of_condition(packet, about, known)
                ],
            }
            for about in packet.conditions
        ],
        "left_out": html(packet_words.left_out(packet)) if packet.left_out else "",
    }


@require_safe
def file(request: StaffRequest, packet_id: int) -> HttpResponse:
    """A packet that was made, as the file to carry to other clinics."""
    row = get_for(request.user, PacketRelease, packet_id)
    return download(row.content, "application/json", f"packet-{row.pk}-{row.day}.json")


urlpatterns = [
    page("outcomes/packets/", show, "packets"),
    page("outcomes/packets/<int:packet_id>.json", file, "packet_file"),
]
