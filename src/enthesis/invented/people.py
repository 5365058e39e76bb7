"""Invented people: names, ages, weights, addresses that reach nobody."""

import tomllib
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from importlib import resources

from numpy.random import Generator

from enthesis.invented.body import cut_normal
from enthesis.invented.truth import Truth
from enthesis.units import Kg

PHONES = 100
"""(555) 0100 to 0199 are kept free for fiction, so some people share a number."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who comes to the clinic; `weighed` on the first visit, or else before the first needle."""

    family: str
    given: str
    sex: str
    born_on: date
    phone: str
    email: str
    weight_kg: Kg
    weighed: bool
    condition: str
    allergies: str
    language: str


@cache
def _names() -> dict[str, list[str]]:
    text = (resources.files(__package__) / "names.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def draw_person(rng: Generator, truth: Truth, first_visit_on: date) -> Person:
    """One person; two may share a name, as in life, but hardly ever do."""
    names = _names()
    sex = "female" if rng.random() < truth("people.share_female") else "male"
    given = str(rng.choice(names[sex]))
    family = str(rng.choice(names["family"]))
    # Of a generator of their own: what came after the first version of this file draws nothing from
    # the person's, so that everybody stays who they were.
    later = rng.spawn(1)[0]
    speaks_spanish = family in names["spanish"] and later.random() < truth("people.share_spanish")
    condition = "low_back" if rng.random() < truth("people.share_low_back") else "knee_oa"
    return Person(
        family=family,
        given=given,
        sex=sex,
        born_on=_born_on(rng, truth, condition, first_visit_on),
        phone=f"(555) 01{rng.integers(PHONES):02d}",
        email=f"{_ascii(given)}.{_ascii(family)}@example.org",
        weight_kg=_weight(rng, truth, sex),
        weighed=bool(rng.random() >= truth("people.share_weight_unknown")),
        condition=condition,
        allergies="Latex" if rng.random() < truth("people.share_allergic") else "",
        language="es" if speaks_spanish else "en",
    )


def _ascii(name: str) -> str:
    """A name as it may stand in an address: without accents, in small letters."""
    apart = unicodedata.normalize("NFKD", name)
    return apart.encode("ascii", "ignore").decode().lower()


def _born_on(rng: Generator, truth: Truth, condition: str, first_visit_on: date) -> date:
    age = cut_normal(rng, truth(f"people.age_mean_{condition}"), truth("people.age_sd"), 21, 84)
    return first_visit_on - timedelta(days=round(age * 365.25))


def _weight(rng: Generator, truth: Truth, sex: str) -> Kg:
    kg = cut_normal(rng, truth(f"people.weight_mean_{sex}"), truth("people.weight_sd"), 45, 140)
    return Kg(Decimal(f"{kg:.1f}"))
