"""MedicationAdministration: what of one mixture was given in a session.

What was given is in mL over all places; the mixture itself is a contained Medication, whose
ingredients say how strong each is and point to the stock that was drawn, with its lot. Percent are
grams in 100 mL (`units.Percent`), and so are the strengths; of a stock whose make-up nobody here
knows the strength is the share of its volume. Milligrams are words: one dose has one quantity.
The extension holds the mixture as it was recorded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from enthesis.exchange.dossier import SignedSession
from enthesis.exchange.fhir.element import (
    agree,
    coding,
    concept,
    is_code,
    key_of,
    quantity,
    reference,
    system,
    tidy,
)
from enthesis.exchange.fhir.extension import Resource, extend, extended, fits
from enthesis.journey.treat import MixtureError, amount, recipe
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Ingredient, Mixture
from enthesis.shape import ShapeError, read
from enthesis.units import Ml

_MIXTURE = tuple(Mixture.__dataclass_fields__)


def administrations_of(
    session: SignedSession, patient: str, course: str, known: Knowledge
) -> list[Resource]:
    """One MedicationAdministration for each mixture; `patient` and `course` are keys."""
    return [
        _administration(key, mixture, session, patient, course, known)
        for key, mixture in zip(administration_keys(session), session.mixtures, strict=True)
    ]


def administration_keys(session: SignedSession) -> list[str]:
    """The keys of what was given, in the order of the mixtures."""
    return [f"{session.key}-{place}" for place, _ in enumerate(session.mixtures, start=1)]


def mixture_from(resource: Mapping[str, object]) -> Mixture:
    """The mixture that was given; raises ShapeError where the resource was made of none."""
    key_of(resource, "MedicationAdministration")
    return read(Mixture, extended(resource, Mixture))


def check_given(
    session: SignedSession, resources: Sequence[Mapping[str, object]], known: Knowledge
) -> None:
    """Raises ShapeError where a dose or strength is not that of the session that was read."""
    for resource, written in zip(
        resources, administrations_of(session, "", "", known), strict=True
    ):
        try:
            agree(resource, written, ("status", "dosage", "contained"))
        except ShapeError as error:
            raise error.within(f"MedicationAdministration/{written['id']}") from error


def given_ml(mixture: Mixture, session: SignedSession) -> Ml:
    """What of the mixture was injected, over all places."""
    doses = (place.dose for place in session.sites if place.given)
    return Ml(sum((one.volume_ml for one in doses if one.mixture == mixture.key), Decimal(0)))


def _administration(
    key: str,
    mixture: Mixture,
    session: SignedSession,
    patient: str,
    course: str,
    known: Knowledge,
) -> Resource:
    injected = given_ml(mixture, session)
    resource: Resource = {
        "resourceType": "MedicationAdministration",
        "id": key,
        "contained": _medications(mixture, session, known),
        "partOf": [reference("Procedure", session.key)],
        "status": "completed" if injected else "not-done",
        "medicationReference": {"reference": "#mixture"},
        "subject": reference("Patient", patient),
        "effectiveDateTime": session.on.isoformat(),
        "reasonReference": [reference("Condition", course)],
    }
    if session.injected_by is not None:
        resource["performer"] = [{"actor": reference("Practitioner", session.injected_by)}]
    if injected:
        resource["dosage"] = {
            "text": tidy(_dose_words(mixture, injected, known)),
            "dose": quantity(injected, "mL", "mL"),
        }
    return extend(resource, mixture, _MIXTURE)


def _medications(mixture: Mixture, session: SignedSession, known: Knowledge) -> list[Resource]:
    """The mixture, and each stock that was drawn for it."""
    stocks, ingredients = [], []
    for place, one in enumerate(mixture.ingredients, start=1):
        stocks.append(_stock(f"stock-{place}", one.substance, session, known))
        ingredients.append(
            {
                "itemReference": {"reference": f"#stock-{place}"},
                "isActive": True,
                "strength": _strength(one, known),
            }
        )
    stocks.append(_stock("diluent", mixture.diluent, session, known))
    ingredients.append({"itemReference": {"reference": "#diluent"}, "isActive": False})
    named: Resource = {"resourceType": "Medication", "id": "mixture", "ingredient": ingredients}
    if fits(mixture.key):
        named["code"] = {"text": mixture.key}
    return [named, *stocks]


def _stock(id: str, substance: str, session: SignedSession, known: Knowledge) -> Resource:
    held = known.substances.get(substance)
    codings = [coding(system("substance"), substance)] if is_code(substance) else []
    stock: Resource = {"resourceType": "Medication", "id": id}
    if code := concept(*codings, text=held.name if held else substance):
        stock["code"] = code
    batch = {}
    if isinstance(lot := session.lots.get(substance), str) and fits(lot):
        batch["lotNumber"] = lot
    if expiry := _day(session.lot_expiries.get(substance)):
        batch["expirationDate"] = expiry
    if batch:
        stock["batch"] = batch
    return stock


def _strength(one: Ingredient, known: Knowledge) -> Resource:
    held = known.substances.get(one.substance)
    unit = "mL" if held is not None and held.holds else "g"
    return {
        "numerator": quantity(one.percent, unit, unit),
        "denominator": quantity(Decimal(100), "mL", "mL"),
    }


def _day(told: object) -> str | None:
    try:
        return read(date, told).isoformat()
    except ShapeError:
        return None


def _dose_words(mixture: Mixture, injected: Ml, known: Knowledge) -> str:
    """The mL, and the mg of each substance in them; only mL where that cannot be mixed."""
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
