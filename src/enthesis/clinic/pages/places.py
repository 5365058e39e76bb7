"""The later response: each place's tenderness at its last pressing, beside its first."""

from typing import Any

from enthesis.charts.body_map import State
from enthesis.clinic.models import Course
from enthesis.clinic.pages.doses import drawn_map
from enthesis.journey.places import PlaceScores, ScoredPlace, places_beside
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Side


def scored_places(row: Course, known: Knowledge) -> dict[str, Any] | None:
    """The places scored at least twice, those injected first, as a list and on the map."""
    signed = [session for session in row.sessions.all() if session.signed_at]
    scored = [
        PlaceScores(
            session.on,
            session.site_scores,
            {f"{site.site}:{site.side}" for site in session.sites.all() if site.given},
        )
        for session in signed
    ]
    found = places_beside(scored)
    if found is None:
        return None
    ordered = list(enumerate((*found.injected, *found.others), 1))
    marks: list[tuple[int, str, Side, State]] = []
    for number, one in ordered:
        site, _, side = one.key.partition(":")
        if site in known.sites:
            marks.append((number, site, Side(side), _change(one)))
    return {
        "rows": [(number, _place_name(one.key, known), one) for number, one in ordered],
        "sentence": found.sentence,
        "map": drawn_map(known.conditions[row.condition], Side(row.side), marks, known, "#place-"),
    }


def _change(place: ScoredPlace) -> State:
    if place.last == place.first:
        return "same"
    return "less" if place.last < place.first else "more"


def _place_name(key: str, known: Knowledge) -> str:
    site, _, side = key.partition(":")
    name = known.sites[site].name if site in known.sites else site
    return name if side == "midline" else f"{name}, {side}"
