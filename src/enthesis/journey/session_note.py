"""The note of a session in plain sentences, written from its record and from nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from enthesis.journey.treat import MixtureError, amount, recipe, volume_words
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import CheckAnswer, Mixture, SiteDose
from enthesis.units import Kg


@dataclass(frozen=True, slots=True)
class Place:
    """One place that was injected and how; an empty word was not recorded."""

    dose: SiteDose
    guidance: str = ""
    needle: str = ""
    depth_mm: int | None = None
    injected_by: str = ""
    usual_pain: str = ""
    tender: int | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """Everything that a note is written from. `time_out` is how it was held, in words."""

    number: int
    on: date
    complaint: str
    mixtures: Sequence[Mixture]
    places: Sequence[Place]
    left_out: Sequence[SiteDose]
    lots: Mapping[str, str]
    weight_kg: Kg | None
    checks: Mapping[str, CheckAnswer]
    time_out: str
    complications: Sequence[str]
    pain_before: int | None = None
    pain_after: int | None = None
    images: Sequence[str] = ()
    withdrawal: str = ""


def session_note(told: Recorded, known: Knowledge) -> list[str]:
    """The sentences in the order of the day: before, what, where, how, afterwards."""
    return [
        f"Session {told.number} for {told.complaint}, {told.on.day} {told.on:%b %Y}.",
        *_checks(told, known),
        f"{told.time_out}.",
        *([f"{told.withdrawal}."] if told.withdrawal else []),
        *(_solution(mixture, told, known) for mixture in told.mixtures),
        *_places(told, known),
        *_afterwards(told, known),
        *([f"Attached: {', '.join(told.images)}."] if told.images else []),
    ]


def _checks(told: Recorded, known: Knowledge) -> list[str]:
    good = [check for check, answer in told.checks.items() if answer.as_it_should_be]
    words = [f"Before the needle {len(good)} of {len(told.checks)} checks were as they should be."]
    for check, answer in told.checks.items():
        if not answer.as_it_should_be:
            question = known.day_checks[check].question if check in known.day_checks else check
            words.append(f"Not as it should be: {question}. Set aside because: {answer.set_aside}.")
    if told.weight_kg is not None:
        words.append(f"Weight {_short(told.weight_kg)}\u00a0kg.")
    return words


def _solution(mixture: Mixture, told: Recorded, known: Knowledge) -> str:
    parts, stocks = [], []
    for one in mixture.ingredients:
        adrenaline = " with adrenaline" if one.with_adrenaline else ""
        name = known.substances[one.substance].name.lower()
        parts.append(f"{name}{adrenaline} {_short(one.percent)}\u00a0%")
        stocks.append(one.substance)
    lots = [
        f"{known.substances[stock].name.lower()} {told.lots[stock]}"
        for stock in (*stocks, mixture.diluent)
        if stock in told.lots
    ]
    made = f"{mixture.key.capitalize()}: {amount(mixture.volume_ml, 'mL')} of {', '.join(parts)}"
    try:
        mg = sum((one.mg for one in recipe(mixture, known).anaesthetics), Decimal(0))
        made += f" ({amount(mg, 'mg')} of anaesthetic drawn up)" if mg else ""
    except MixtureError:
        pass  # an old record that today's rules would not mix is still told
    return f"{made}; lots: {'; '.join(lots) or 'not recorded'}."


def _places(told: Recorded, known: Knowledge) -> list[str]:
    total = sum((place.dose.volume_ml for place in told.places), Decimal(0))
    words = [f"{len(told.places)} places were injected, {amount(total, 'mL')} in all."]
    if len(told.places) == 1:
        words = [f"1 place was injected, {amount(total, 'mL')}."]
    shared = {
        part: next(iter({getattr(place, part) for place in told.places}))
        for part in ("guidance", "needle", "injected_by")
        if len({getattr(place, part) for place in told.places}) == 1
    }
    if everywhere := _how(**shared):
        words.append(f"Everywhere {everywhere}.")
    words += [_place(place, shared, told.mixtures, known) for place in told.places]
    if told.left_out:
        names = "; ".join(_name(dose, known) for dose in told.left_out)
        words.append(f"Left out: {names}.")
    return words


def _place(
    place: Place, shared: Mapping[str, str], mixtures: Sequence[Mixture], known: Knowledge
) -> str:
    own = {
        part: getattr(place, part)
        for part in ("guidance", "needle", "injected_by")
        if part not in shared
    }
    parts = [f"{_name(place.dose, known)}: {volume_words(place.dose, mixtures)}"]
    if how := _how(**own):
        parts.append(how)
    if place.depth_mm is not None:
        parts.append(f"{place.depth_mm}\u00a0mm deep")
    if place.tender is not None:
        parts.append(f"tender {place.tender} of 10 before")
    if place.usual_pain:
        parts.append("woke the usual pain" if place.usual_pain == "yes" else "not the usual pain")
    return f"{', '.join(parts)}."


def _how(guidance: str = "", needle: str = "", injected_by: str = "") -> str:
    parts = []
    if guidance:
        parts.append(f"by {guidance}")
    if needle:
        parts.append(f"with {needle}")
    if injected_by:
        parts.append(f"injected by {injected_by}")
    return ", ".join(parts)


def _afterwards(told: Recorded, known: Knowledge) -> list[str]:
    words = []
    if told.pain_before is not None or told.pain_after is not None:
        before, after = (
            "not asked" if pain is None else f"{pain} of 10"
            for pain in (told.pain_before, told.pain_after)
        )
        words.append(f"Pain before: {before}; right after: {after}.")
    if not told.complications:
        return [*words, "Complications: not recorded."]
    if list(told.complications) == ["none"]:
        return [*words, "No complication was seen."]
    names = [
        known.complications[one].name if one in known.complications else one
        for one in told.complications
    ]
    return [*words, f"Complications: {'; '.join(names)}."]


def _name(dose: SiteDose, known: Knowledge) -> str:
    return f"{known.sites[dose.site].name}, {dose.side.value}"


def _short(value: Decimal) -> str:
    return f"{value.normalize():f}"
