"""What stands against the day's mixtures for this patient: allergies and illness, looked at again.

The evaluation asked in general and long ago; this asks of every substance that is drawn up today.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from enthesis.journey.treat import amount
from enthesis.knowledge.cautions import MixtureCaution
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Answer, Mark, Mixture, Reason, as_written


@dataclass(frozen=True, slots=True)
class Told:
    """What the patient told: `allergies` as written down (None: nobody asked, "": none known), and
    the answers of the last evaluation."""

    allergies: str | None
    answers: Mapping[str, Answer]

    @property
    def named(self) -> str:
        """What was named, on the patient's record and at the evaluation."""
        told = (self.allergies, self.answers.get("allergy_substances"))
        return "; ".join(dict.fromkeys(str(one) for one in told if one))


@dataclass(frozen=True, slots=True)
class Caution:
    """One thing that stands against the mixtures. `key` names it with its substances and what was
    told, so that what was set aside for one syringe is not set aside for another."""

    key: str
    stop: bool
    reason: Reason


def mixture_cautions(
    mixtures: Sequence[Mixture], told: Told, known: Knowledge
) -> tuple[Caution, ...]:
    """Everything that stands against these mixtures for this patient, hard stops first."""
    found = [*_unknown(mixtures, told), *_unnamed(mixtures, told), *_by_rule(mixtures, told, known)]
    found += _by_name(mixtures, told, known, found)
    return tuple(sorted(found, key=lambda caution: not caution.stop))


def _by_rule(mixtures: Sequence[Mixture], told: Told, known: Knowledge) -> Iterator[Caution]:
    for rule in known.mixture_cautions:
        held = sorted(
            {
                one.substance
                for mixture in mixtures
                for one in mixture.ingredients
                if one.substance in rule.substances
                and (one.with_adrenaline or not rule.with_adrenaline)
            }
        )
        if held and (why := _why(rule, told)) is not None:
            names = ", ".join(known.substances[id].name for id in held)
            grams = sum((m.dextrose_percent * m.volume_ml / 100 for m in mixtures), Decimal(0))
            of_day = f" The day's syringes hold {amount(grams, 'g')} of dextrose."
            if "p2g" in held:
                of_day = of_day[:-1] + " without what is in the P2G."
            said = f" Told: {why}." if why else ""
            text = f"{names}: {rule.text}{said}{of_day * (rule.id == 'diabetes')} {rule.action}"
            reason = Reason(rule.id, Mark.MET, text, rule.source, {"substances": held, "told": why})
            yield Caution(f"{rule.id}:{'+'.join(held)}:{why}", rule.stop, reason)


def _why(rule: MixtureCaution, told: Told) -> str | None:
    """What was told that makes a rule hold; "" where it always does, None where it does not."""
    if not rule.words and not rule.question:
        return ""
    if any(names_word(word, told.named) for word in rule.words):
        return told.named
    if set(as_written(told.answers.get(rule.question))) & set(rule.answers):
        return "at the evaluation"
    return None


def names_word(word: str, text: str) -> bool:
    """Whether this is a word of the text; with a star at its end, whether a word begins so: "fish*"
    is in "fishes", not in "shellfish"."""
    stem = word.removesuffix("*")
    end = r"\b" if stem == word else ""
    return re.search(rf"\b{re.escape(stem)}{end}", text, re.IGNORECASE) is not None


def _by_name(
    mixtures: Sequence[Mixture], told: Told, known: Knowledge, found: Sequence[Caution]
) -> Iterator[Caution]:
    """An allergy that names what is in the syringe, whether or not a rule knows the word."""
    drawn = {one.substance for mixture in mixtures for one in mixture.ingredients}
    # By the rule's substances, not by its words: those name everything the patient told at once.
    said = {id for c in found if c.stop for id in cast("list[str]", c.reason.inputs["substances"])}
    for id in sorted(drawn - said):
        if names_word(f"{id}*", told.named):
            text = f"{known.substances[id].name}: an allergy to it. Told: {told.named}."
            reason = Reason("named_allergy", Mark.MET, text, "By its name", {"substances": [id]})
            yield Caution(f"named_allergy:{id}:{told.named}", True, reason)


def _unknown(mixtures: Sequence[Mixture], told: Told) -> Iterator[Caution]:
    """Nobody asked is not none: it is said, and asked before the needle."""
    if mixtures and told.allergies is None and not (told.named or told.answers.get("allergies")):
        text = "Nobody has asked about allergies. Ask now, and write it down with the patient."
        yield _asks_first("allergies_unknown", text)


def _unnamed(mixtures: Sequence[Mixture], told: Told) -> Iterator[Caution]:
    """An allergy to something that nobody named may be to what is in the syringe."""
    kinds = as_written(told.answers.get("allergies"))
    if mixtures and "other" in kinds and not told.named:
        text = "An allergy was told, and nobody wrote down to what. Ask which substance, and "
        yield _asks_first("allergy_unnamed", text + "write it down with the patient.")


def _asks_first(rule: str, text: str) -> Caution:
    source, inputs = "UNSOURCED: a safe default", {"substances": list[str]()}
    return Caution(f"{rule}::", True, Reason(rule, Mark.CANNOT_KNOW, text, source, inputs))
