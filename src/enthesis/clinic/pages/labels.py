"""Labels for the syringes of a session: one for each mixture, to print and stick on."""

from collections.abc import Mapping
from decimal import Decimal

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from enthesis.clinic import store
from enthesis.clinic.models import Session
from enthesis.clinic.pages.doses import named_in, strength
from enthesis.clinic.permissions import StaffRequest, get_for, page
from enthesis.clinic.stock import lots_in_words
from enthesis.journey.treat import MixtureError, amount, recipe
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Mixture
from enthesis.shape import read

FINE = Decimal("0.001")
"""0.035 % must not be read as 0.04 %."""


@require_safe
def labels(request: StaffRequest, session_id: int) -> HttpResponse:
    """What is in each syringe as it is saved or signed, and for whom."""
    row = get_for(request.user, Session, session_id)
    known = store.known_for(request.clinic, row.on)
    # Short, because a label has room for little.
    lots = {name: words.replace("expires", "exp.") for name, words in lots_in_words(row).items()}
    context = {
        "session": row,
        "person": row.course.patient,
        "labels": [_label(row, m, lots, known) for m in read(tuple[Mixture, ...], row.mixtures)],
        "by": row.signed_by or request.user,
        "at": timezone.localtime(row.signed_at or timezone.now()),
    }
    return render(request, "clinic/treat/labels.html", context)


def _label(
    row: Session, mixture: Mixture, lots: Mapping[str, str], known: Knowledge
) -> dict[str, object]:
    """One syringe in words; `problem` where it cannot be made, and then no label."""
    try:
        made = recipe(mixture, known)
    except MixtureError as error:
        return {"key": mixture.key, "problem": error.text}
    contents = [
        (
            f"{named_in(p.ingredient, known)} {strength(p.drawn_percent.quantize(FINE))}",
            f"{amount(p.drawn_ml, 'mL')} of {strength(p.ingredient.stock_percent)}",
            amount(p.drawn_percent * 10 * made.volume_ml, "mg") if p.role == "anaesthetic" else "",
            lots.get(p.ingredient.substance, ""),
        )
        for p in made.portions
    ]
    if made.drawn_diluent_ml:
        name = known.substances[made.diluent].name
        volume = amount(made.drawn_diluent_ml, "mL")
        contents.append((name, volume, "", lots.get(made.diluent, "")))
    rows = [site for site in row.sites.all() if site.mixture == mixture.key]
    rows = [site for site in rows if site.given] or rows
    sides: dict[str, list[str]] = {}
    for site in rows:
        sides.setdefault(known.sites[site.site].name, []).append(site.side)
    sites = "; ".join(f"{name} {', '.join(on)}" for name, on in sides.items())
    taken = sum((site.volume_ml for site in rows), Decimal(0))
    return {
        "key": mixture.key,
        "contents": contents,
        "total": amount(made.volume_ml, "mL"),
        "sites": f"{len(rows)} place{'s' * (len(rows) != 1)}: {sites}",
        "left": amount(max(made.volume_ml - taken, Decimal(0)), "mL"),
    }


urlpatterns = [page("sessions/<int:session_id>/labels/", labels, "session_labels")]
