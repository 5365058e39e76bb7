"""The lots on a session's page: chosen out of stock where it is kept, else typed with an expiry."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from enthesis.clinic.models import Session
from enthesis.clinic.pages.patients import Day
from enthesis.clinic.stock import Offer, lots_in_words, offers
from enthesis.journey import stock
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Mixture


def offer_lots(form: Any, session: Session, mixtures: Iterable[Mixture], known: Knowledge) -> None:
    """Make the lot fields of a session's form (`lot_<substance>`) what stock makes of them.

    Where vials of the substance are kept, its lots on hand, the first to expire first and chosen
    already. Elsewhere the field stays free, beside one for the expiry.
    """
    offered = offers(session.course.patient.clinic, mixtures, _day(form, session), known)
    for substance in form.vials:
        if substance in offered:
            _choose(form, f"lot_{substance}", offered[substance])
        else:
            form.fields[f"expiry_{substance}"] = forms.DateField(
                label="Its expiry", required=False, widget=Day()
            )
            form.initial[f"expiry_{substance}"] = session.lot_expiries.get(substance)


def _choose(form: Any, name: str, offer: Offer) -> None:
    lots = list(offer.choices)
    if not lots:
        lots = [("", "None on hand in date")]
    chosen = form.data.get(name) if form.is_bound else form.initial.get(name)
    if chosen and stock.lot_key(chosen) not in {stock.lot_key(lot) for lot, _ in lots}:
        lots.append((chosen, f"{chosen}: not on hand, or not enough"))
    # Another field, not another widget: several lots are longer than the one that is typed.
    form.fields[name] = forms.CharField(
        label=form.fields[name].label,
        required=False,
        widget=forms.Select(choices=lots),
        help_text=offer.short,
    )
    form.initial[name] = chosen or lots[0][0]


def _day(form: Any, session: Session) -> date:
    """The day that is typed if it can be read: a lot is in date or not by the day it was given."""
    if form.is_bound:
        try:
            typed = forms.DateField().clean(form.data.get("on"))
        except ValidationError:
            return session.on
        if isinstance(typed, date):
            return typed
    return session.on


def typed_expiries(form: Any) -> dict[str, date]:
    """Substance to expiry, where one was typed (a valid form)."""
    typed = {name: form.cleaned_data.get(f"expiry_{name}") for name in form.vials}
    return {name: on for name, on in typed.items() if on is not None}


def expiry_field(form: Any, substance: str) -> Any:
    """The field beside a lot that is typed; None beside one that is chosen."""
    name = f"expiry_{substance}"
    return form[name] if name in form.fields else None


def lots_given(session: Session, known: Knowledge) -> list[tuple[str, str]]:
    """The lots of a signed session with their expiries, by the names of the substances."""
    return [
        (known.substances[name].name if name in known.substances else name, words)
        for name, words in lots_in_words(session).items()
    ]
