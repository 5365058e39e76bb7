"""Cautions of the day: each rule of the file fires for what it names, and not without it."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from enthesis.journey.cautions import Told, mixture_cautions
from enthesis.knowledge.load import knowledge
from enthesis.records import Ingredient, Mixture
from enthesis.units import Ml, Percent

D = Decimal
KNOWN = knowledge(date(2026, 11, 26))
PLAIN = Mixture("joint", Ml(D(10)), Percent(D(15)), Percent(D(50)), "water")


def holding(substance: str, *, adrenaline: bool = False) -> Mixture:
    """10 mL with 1.5 g of dextrose and one more ingredient."""
    one = Ingredient(substance, Percent(D("0.1")), Percent(D(5)), adrenaline)
    return replace(PLAIN, others=(one,))


def fired(mixture: Mixture, allergies: str | None, answers: dict[str, Any]) -> set[str]:
    found = mixture_cautions([mixture], Told(allergies, answers), KNOWN)
    return {caution.reason.rule for caution in found}


# rule: (a mixture and what is told that fire it), (that do not)
SCENARIOS: dict[str, tuple[tuple[Mixture, str, dict[str, Any]], ...]] = {
    "amide_allergy": (
        (holding("bupivacaine"), "Lidocaine, rash", {}),
        (holding("procaine"), "Lidocaine, rash", {}),
    ),
    "ester_allergy": (
        (holding("procaine"), "novocaine", {}),
        (holding("lidocaine"), "novocaine", {}),
    ),
    "anaesthetic_allergy": (
        (holding("lidocaine"), "", {"allergies": ("local_anaesthetic",)}),
        (PLAIN, "", {"allergies": ("local_anaesthetic",)}),
    ),
    "ingredient_allergy": (
        (PLAIN, "", {"allergies": ("ingredient",)}),
        (PLAIN, "", {"allergies": ("latex",)}),
    ),
    "corn_allergy": ((PLAIN, "Corn", {}), (PLAIN, "unicorn fur", {})),
    "fish_allergy": (
        (holding("morrhuate"), "", {"allergies": ("fish",)}),
        (holding("morrhuate"), "shellfish", {}),
    ),
    "p2g_allergy": ((holding("p2g"), "phenol", {}), (PLAIN, "phenol", {})),
    "sulfite_allergy": (
        (holding("lidocaine", adrenaline=True), "Sulfites", {}),
        (holding("lidocaine"), "Sulfites", {}),
    ),
    "diabetes": ((PLAIN, "", {"diabetes": True}), (PLAIN, "", {"diabetes": False})),
    "less_anaesthetic": ((holding("lidocaine"), "", {}), (PLAIN, "", {})),
    "named_allergy": (
        (holding("p2g"), "p2g", {}),
        (PLAIN, "p2g", {}),
    ),
    "allergies_unknown": (),
}


def test_every_rule_of_the_file_has_a_scenario() -> None:
    assert {rule.id for rule in KNOWN.mixture_cautions} <= SCENARIOS.keys()


@pytest.mark.parametrize("rule", [rule for rule, both in SCENARIOS.items() if both])
def test_a_caution_fires_for_what_it_names_and_not_without_it(rule: str) -> None:
    (mixture, allergies, answers), (other, said, answered) = SCENARIOS[rule]
    assert rule in fired(mixture, allergies, answers)
    assert rule not in fired(other, said, answered)


@pytest.mark.parametrize(
    ("told", "corn", "fish"),
    [
        ("corn", True, False), ("Corn-starch", True, False), ("cornstarch", True, False),
        ("graft of the cornea", False, False), ("corns of the foot", False, False),
        ("cod-liver oil", False, True), ("cod.", False, True), ("fishes", False, True),
        ("codeine: vomiting", False, False), ("Codeine and corn", True, False),
    ],
)  # fmt: skip
def test_a_word_of_the_file_is_a_whole_word_of_what_was_told(
    told: str, corn: bool, fish: bool
) -> None:
    found = fired(holding("morrhuate"), told, {})
    assert ("corn_allergy" in found, "fish_allergy" in found) == (corn, fish)


def test_an_allergy_that_nobody_named_holds_the_needle_until_it_is_named() -> None:
    unnamed: dict[str, Any] = {"allergies": ("other",)}
    assert "allergy_unnamed" in fired(PLAIN, "", unnamed)
    assert "allergy_unnamed" not in fired(PLAIN, "Penicillin", unnamed)
    assert "allergy_unnamed" not in fired(PLAIN, "", unnamed | {"allergy_substances": "Nickel"})
    assert "allergy_unnamed" not in fired(PLAIN, "", {"allergies": ("latex",)})


def test_an_allergy_named_beside_another_is_a_stop_of_its_own() -> None:
    both = replace(holding("p2g"), others=(*holding("p2g").others, *holding("lidocaine").others))
    assert {"amide_allergy", "named_allergy"} <= fired(both, "lidocaine, p2g", {})


def test_a_substance_named_at_the_evaluation_is_looked_for_beside_the_record() -> None:
    answers = {"allergies": ("other",), "allergy_substances": "lidocaine, a rash"}
    for written in (None, "", "nuts"):
        assert "amide_allergy" in fired(holding("lidocaine"), written, answers)


def test_nobody_asked_is_not_none() -> None:
    assert "allergies_unknown" in fired(PLAIN, None, {})
    assert "allergies_unknown" not in fired(PLAIN, "", {})
    assert "allergies_unknown" not in fired(PLAIN, None, {"allergies": ("none",)})


def test_diabetes_is_a_note_with_the_grams_of_dextrose() -> None:
    (found,) = mixture_cautions([PLAIN], Told("", {"diabetes": True}), KNOWN)
    assert not found.stop
    assert "1.5\u00a0g of dextrose" in found.reason.text


def test_what_was_set_aside_for_one_syringe_is_not_for_another() -> None:
    told = Told("lidocaine", {})
    keys = [
        [c.key for c in mixture_cautions([holding(name)], told, KNOWN) if c.stop]
        for name in ("lidocaine", "bupivacaine")
    ]
    assert keys[0] != keys[1]
