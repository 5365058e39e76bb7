"""The examination in words, for whoever reads it without the pictures."""

from collections.abc import Iterator, Mapping, Sequence

from enthesis.journey import examination
from enthesis.journey.examination import Tender
from enthesis.journey.lines import short
from enthesis.knowledge.examination_kinds import MotionNorm
from enthesis.knowledge.kinds import Condition, Knowledge
from enthesis.records import Answer

UNITS = {"degrees": "°", "mm": " mm"}


def examined_lines(
    condition: Condition, answers: Mapping[str, Answer], age: Answer, sex: str, known: Knowledge
) -> Iterator[str]:
    """Every motion that was measured beside its norm, then the places that were pressed."""
    for motion in examination.motions(condition, answers, age, sex, known):
        unit = UNITS.get(motion.norm.unit, motion.norm.unit)
        sides = [
            f"{side} {short(value)}{unit}".removeprefix("midline ")
            for side, value in motion.values.items()
            if value is not None
        ]
        if sides:
            yield f"{motion.norm.name}: {', '.join(sides)}. {norm_words(motion.norm)}."
    if tender := tender_words(examination.tender_places(answers, known), known):
        yield f"Tender on pressing: {'; '.join(tender)}."
    calm = [
        Tender(site.id, side, None)
        for site in examination.places(condition, known)
        for side in examination.sides_of(site.paired)
        if examination.pressed(answers, site.id, side) is False
    ]
    if calm:
        yield f"Pressed and not tender: {'; '.join(tender_words(calm, known))}."


def is_in_words(question: str, condition: Condition, known: Knowledge) -> bool:
    """Whether `examined_lines` says what was answered to a question."""
    motions = examination.motion_ids(condition, known)
    return (
        question.startswith("tender-")
        or question.removesuffix("-left").removesuffix("-right") in motions
    )


def norm_words(norm: MotionNorm) -> str:
    """What the norm is, and of whom."""
    if norm.low is None or norm.high is None:
        return "No norm found"
    unit = UNITS.get(norm.unit, norm.unit)
    span = short(norm.low) if norm.low == norm.high else f"{short(norm.low)} to {short(norm.high)}"
    if norm.kind == "mean":
        people = {"female": "women", "male": "men"}.get(norm.sex, "people")
        return f"Mean of healthy {people} aged {norm.age_from} to {norm.age_to}: {span}{unit}"
    said = {"textbook": "Textbook norm", "limit": "Impaired below"}[norm.kind]
    return f"{said} {span}{unit}"


def tender_words(places: Sequence[Tender], known: Knowledge) -> list[str]:
    """ "Iliolumbar ligament, left (8 of 10)" for every tender place."""
    return [
        f"{known.sites[one.site].name}"
        + (f", {one.side}" if known.sites[one.site].paired else "")
        + (f" ({one.score} of 10)" if one.score is not None else "")
        for one in places
    ]
