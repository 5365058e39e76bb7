"""Vials: what may be used on a day, which to take first, how many, and what a lot is called.

A lot's vials move only by movements, each with what is left after it; what is left never falls
below zero. Vials are whole: none is shared between two patients, so what a session does not draw
of its last vial is not there for the next one.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import ceil

from enthesis.journey.treat import MixtureError, recipe
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.stock import StockRules
from enthesis.records import Mixture
from enthesis.units import Ml, Percent


class Moved(StrEnum):
    """Why vials came or went."""

    RECEIVED = "received"
    USED = "used"
    WASTED = "wasted"
    RETURNED = "returned"
    COUNTED = "counted"


# Which way each kind moves; a count corrects either way.
_COMES = {Moved.RECEIVED, Moved.RETURNED}
_GOES = {Moved.USED, Moved.WASTED}


@dataclass(frozen=True, slots=True)
class Lot:
    """One lot of one product as it stands: `left` is the sum of its movements."""

    id: int
    number: str
    substance: str
    percent: Percent | None
    vial_ml: Ml
    expires_on: date
    left: int
    recalled_on: date | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """What a session draws of one stock strength."""

    substance: str
    percent: Percent | None
    volume_ml: Ml


@dataclass(frozen=True, slots=True)
class Taken:
    """Whole vials out of one lot."""

    lot: Lot
    vials: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A word for how a lot stands, and its tone."""

    text: str
    tone: str


class StockError(ValueError):
    """A movement that cannot have happened, in words."""


def needs(mixtures: Iterable[Mixture], known: Knowledge) -> tuple[Need, ...]:
    """What mixtures draw of each stock strength, all syringes of a session together. A mixture
    that cannot be made draws nothing: treat.py says why."""
    drawn: dict[tuple[str, Percent | None], Decimal] = {}
    for mixture in mixtures:
        try:
            made = recipe(mixture, known)
        except MixtureError:
            continue
        parts: list[tuple[str, Percent | None, Ml]] = [
            (x.ingredient.substance, x.ingredient.stock_percent, x.stock_ml) for x in made.portions
        ]
        parts.append((mixture.diluent, None, made.diluent_ml))
        for substance, percent, volume in parts:
            key = substance, percent
            drawn[key] = drawn.get(key, Decimal(0)) + volume
    return tuple(Need(*key, Ml(volume)) for key, volume in drawn.items() if volume > 0)


def left_after(left: int, kind: Moved, vials: int) -> int:
    """What is left once so many vials came (above zero) or went (below); StockError if not so."""
    if vials == 0 or (kind in _COMES and vials < 0) or (kind in _GOES and vials > 0):
        raise StockError("The number of vials must be above zero.")
    if left + vials < 0:
        raise StockError(f"Only {count(left)} {'is' if left == 1 else 'are'} left.")
    return left + vials


def count(vials: int) -> str:
    """ "1 vial", "3 vials"."""
    return f"{vials}\u00a0vial{'' if vials == 1 else 's'}"


def day(on: date) -> str:
    """ "30 Jun 2027"."""
    return f"{on.day} {on:%b %Y}"


def strength_words(substance: str, percent: Percent | None, known: Knowledge) -> str:
    """ "Dextrose 50 %"."""
    name = known.substances[substance].name if substance in known.substances else substance
    return name if percent is None else f"{name} {percent.normalize():f}\u00a0%"


def unusable(lot: Lot, on: date) -> str:
    """Why nothing of a lot is given on a day, and what to do; empty if it may be.

    By the day of the session, not by today: one that was given before a recall, or in date, can
    be written down afterwards.
    """
    if lot.recalled_on is not None and lot.recalled_on <= on:
        return recalled(lot.number, lot.recalled_on)
    return expired(lot.number, lot.expires_on, on)


def recalled(number: str, since: date) -> str:
    """What is said of a lot that was recalled."""
    return (
        f"Lot {number} was recalled on {day(since)}. Do not inject it: set it aside, and draw from "
        "another lot."
    )


def expired(number: str, expires_on: date, on: date) -> str:
    """What is said of a lot that is past its date on a day; empty in date. The last day counts."""
    if expires_on >= on:
        return ""
    return (
        f"Lot {number} expired on {day(expires_on)}. Do not inject it: throw it away, and draw "
        "from another lot. If the date is not what the vial says, correct it."
    )


def first_to_expire(lots: Iterable[Lot], on: date) -> list[Lot]:
    """The lots that may be used on a day and have vials left, in the order to use them up."""
    usable = (lot for lot in lots if lot.left > 0 and not unusable(lot, on))
    return sorted(usable, key=lambda lot: (lot.expires_on, lot.id))


def whole_vials(volume_ml: Decimal, vial_ml: Decimal) -> int:
    """How many vials are opened for a volume."""
    return max(ceil(Fraction(volume_ml) / Fraction(vial_ml)), 0)


def allocate(lots: Sequence[Lot], volume_ml: Ml) -> tuple[tuple[Taken, ...], Ml]:
    """Whole vials out of the lots in their order until the volume is there, and what is missing."""
    missing, taken = volume_ml, list[Taken]()
    for lot in lots:
        vials = min(lot.left, whole_vials(missing, lot.vial_ml))
        if vials > 0:
            taken.append(Taken(lot, vials))
            missing = Ml(max(missing - vials * lot.vial_ml, Decimal(0)))
    return tuple(taken), missing


def choices(lots: Sequence[Lot], needed: Sequence[Need], on: date) -> list[tuple[Taken, ...]]:
    """Ways to draw what is needed of one substance, the best first: what expires first. Each
    other way begins with another lot. Where vials are missing, each takes what there is."""
    usable = [first_to_expire(of_need(lots, need), on) for need in needed]
    best = [allocate(order, need.volume_ml)[0] for order, need in zip(usable, needed, strict=True)]
    ways = [best]
    for place, (order, need) in enumerate(zip(usable, needed, strict=True)):
        for lot in order[1:]:
            first = [lot, *(other for other in order if other is not lot)]
            ways.append([*best[:place], allocate(first, need.volume_ml)[0], *best[place + 1 :]])
    joined = (tuple(one for part in way for one in part) for way in ways)
    return [way for way in dict.fromkeys(joined) if way]


def of_need(lots: Iterable[Lot], need: Need) -> list[Lot]:
    """The lots of a need's substance and strength, in any size of vial."""
    return [x for x in lots if (x.substance, x.percent) == (need.substance, need.percent)]


def standing(lot: Lot, today: date, rules: StockRules) -> Standing:
    """How a lot stands today."""
    if lot.recalled_on is not None and lot.recalled_on <= today:
        return Standing("Recalled", "alarm")
    if lot.left == 0:
        return Standing("Used up", "halt")
    if lot.expires_on < today:
        return Standing("Expired", "alarm")
    if lot.expires_on <= today + timedelta(days=rules.expiring_within_days):
        days = (lot.expires_on - today).days
        within = f"in {days} day{'' if days == 1 else 's'}" if days else "today"
        return Standing(f"Expires {within}", "care")
    return Standing("In date", "good")


def usable_vials(lots: Iterable[Lot], today: date) -> int:
    """How many vials could be opened today."""
    return sum(lot.left for lot in first_to_expire(lots, today))


# --- What a lot is called -----------------------------------------------------------------------


def lot_key(text: str) -> str:
    """A lot's number for comparing: capitals and spaces do not tell two lots apart."""
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


def lots_in(text: str) -> tuple[str, ...]:
    """The lots that a field names, in its order: "D-1, D-2"."""
    parts = (part.strip() for part in re.split(r"[,;+&\n]|\sand\s", text))
    return tuple(dict.fromkeys(part for part in parts if part))


def holds_lot(text: str, key: str) -> bool:
    """Whether a lot field names this lot, alone or among others."""
    return lot_key(text) == key or any(lot_key(part) == key for part in lots_in(text))


def mentions(text: str, key: str) -> bool:
    """Whether free words, such as a note or an amendment, name a lot: spaced in any way, and not
    as a part of a longer word."""
    spaced = r"\s*".join(map(re.escape, key))
    plain = unicodedata.normalize("NFKC", text).casefold()
    return bool(key) and re.search(rf"(?<!\w){spaced}(?!\w)", plain) is not None


def looks_alike(text: str, key: str) -> bool:
    """Whether another lot may be the same one, written otherwise: without its hyphens, with a
    letter more in front. To be looked at by a person: a recall must not miss a slip of the pen."""
    one, other = (re.sub(r"\W", "", lot_key(each)) for each in (text, key))
    if lot_key(text) == key or not one or not other:
        return False
    return one == other or (min(len(one), len(other)) >= 3 and (one in other or other in one))
