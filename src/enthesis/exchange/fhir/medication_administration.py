"""Mixture of a SignedSession ↔ MedicationAdministration: what of it was given.

`dosage.dose` is what was injected over all places, in mL. The mixture is a contained Medication,
whose ingredients say how strong each is and point to the stock that was drawn, with its lot.
Percent are grams in 100 mL (`units.Percent`), and so are the strengths; a stock whose make-up
nobody here knows has the share of its volume. One dose has one quantity in R4, so the milligrams
of each substance are words. The extension holds the mixture as it was recorded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from enthesis.exchange.dossier import SignedSession
from enthesis.exchange.fhir.element import agree, quantity, system
from enthesis.exchange.fhir.extension import Resource, extend, is_code
from enthesis.exchange.fhir.resource import (
    Place,
    coding,
    filled,
    listed,
    made,
    record,
    reference,
    shown,
)
from enthesis.journey.treat import MixtureError, amount, recipe
from enthesis.knowledge.kinds import Knowledge, Substance
from enthesis.records import Ingredient, Mixture
from enthesis.shape import ShapeError, read
from enthesis.units import Ml

Known = Mapping[str, Substance]


def administrations_of(session: SignedSession, place: Place) -> list[Resource]:
    """One MedicationAdministration for each mixture."""
    return [
        _administration(key, mixture, session, place)
        for key, mixture in zip(administration_keys(session), session.mixtures, strict=True)
    ]


def administration_keys(session: SignedSession) -> list[str]:
    """The keys of what was given, in the order of the mixtures."""
    return [f"{session.key}-{place}" for place, _ in enumerate(session.mixtures, start=1)]


def mixture_from(resource: Resource) -> Mixture:
    """The mixture of a MedicationAdministration that `administrations_of` made."""
    return record(Mixture, resource)


def check_given(session: SignedSession, resources: Sequence[Resource]) -> None:
    """Raises ShapeError where a dose or a strength is not that of the session that was read."""
    for resource, mixture in zip(resources, session.mixtures, strict=True):
        injected = given_ml(mixture, session)
        written = {
            "status": _status(injected),
            "dosage": _dosage(injected),
            "contained": _medications(mixture, session, {}),
        }
        try:
            agree(resource, written, written)
        except ShapeError as error:
            raise error.within(f"MedicationAdministration/{resource.get('id')}") from error


def given_ml(mixture: Mixture, session: SignedSession) -> Ml:
    """What of the mixture was injected, over all places."""
    doses = (place.dose for place in session.sites if place.given)
    return Ml(sum((one.volume_ml for one in doses if one.mixture == mixture.key), Decimal(0)))


def _administration(key: str, mixture: Mixture, session: SignedSession, place: Place) -> Resource:
    injected, by = given_ml(mixture, session), session.injected_by
    resource = made(
        "MedicationAdministration",
        "Mixture",
        key,
        place.course,
        contained=_medications(mixture, session, place.known.substances),
        partOf=[reference("Procedure", session.key)],
        status=_status(injected),
        medicationReference={"reference": "#mixture"},
        subject=place.subject,
        effectiveDateTime=session.on.isoformat(),
        performer=by and [{"actor": reference("Practitioner", by)}],
        reasonReference=[reference("Condition", place.course)],
        dosage=_dosage(injected, _dose_words(mixture, injected, place.known)),
    )
    return extend(resource, mixture, Mixture.__dataclass_fields__)


def _status(injected: Ml) -> str:
    """What was mixed and then given nowhere was not done."""
    return "completed" if injected else "not-done"


def _dosage(injected: Ml, words: str = "") -> Resource | None:
    return filled(text=shown(words), dose=quantity(injected, "mL", "mL")) if injected else None


def _medications(mixture: Mixture, session: SignedSession, known: Known) -> list[Resource]:
    """The mixture, and each stock that was drawn for it."""
    ingredients = [
        {
            "itemReference": {"reference": f"#stock-{place}"},
            "isActive": True,
            "strength": _strength(one, known),
        }
        for place, one in enumerate(mixture.ingredients, start=1)
    ]
    stocks = [
        _stock(f"stock-{place}", one.substance, session, known)
        for place, one in enumerate(mixture.ingredients, start=1)
    ]
    diluent = {"itemReference": {"reference": "#diluent"}, "isActive": False}
    mixed = filled(
        resourceType="Medication",
        id="mixture",
        code=filled(text=shown(mixture.key)),
        ingredient=[*ingredients, diluent],
    )
    return [mixed, *stocks, _stock("diluent", mixture.diluent, session, known)]


def _stock(id: str, substance: str, session: SignedSession, known: Known) -> Resource:
    lot, expires_on = session.lots.get(substance), session.lot_expiries.get(substance)
    name = known[substance].name if substance in known else substance
    own = coding(system("substance"), substance) if is_code(substance) else None
    return filled(
        resourceType="Medication",
        id=id,
        code=filled(coding=listed(own), text=shown(name)),
        batch=filled(
            lotNumber=shown(lot) if isinstance(lot, str) else None, expirationDate=_day(expires_on)
        ),
    )


def _strength(one: Ingredient, known: Known) -> Resource:
    unit = "mL" if one.substance in known and known[one.substance].holds else "g"
    return {
        "numerator": quantity(one.percent, unit, unit),
        "denominator": quantity(Decimal(100), "mL", "mL"),
    }


def _day(told: object) -> str | None:
    """A day as typed for a lot; None for what is none."""
    try:
        return read(date, told).isoformat()
    except ShapeError:
        return None


def _dose_words(mixture: Mixture, injected: Ml, known: Knowledge) -> str:
    """The mL, and the mg of each substance in them; only mL where that could not be mixed."""
    words = amount(injected, "mL")
    try:
        portions = recipe(replace(mixture, volume_ml=injected), known).portions
    except MixtureError:
        return words
    held = [
        f"{known.substances[one.ingredient.substance].name.lower()} {amount(one.mg, 'mg')}"
        for one in portions
        if not known.substances[one.ingredient.substance].holds
    ]
    return f"{words}: {', '.join(held)}" if held else words
