"""A day's morphine milligram equivalents: added up where they are known, never guessed."""

from datetime import date
from decimal import Decimal

import pytest

from enthesis.journey.medicines import known_mme, mme
from enthesis.knowledge.load import knowledge

FACTORS = knowledge(date(2026, 11, 23)).opioid_factors


def row(name: str, dose: str = "", unit: str = "mg", times: str = "") -> dict[str, str]:
    return {"class": "opioid", "name": name, "dose": dose, "unit": unit, "times": times}


@pytest.mark.parametrize(
    ("taken", "a_day"),
    [
        (row("Oxycodone retard", "10", times="3"), "45"),
        (row("hydromorphone", "2", times="4"), "40"),
        (row("fentanyl, patch", "25", "mcg_h"), "60"),
        (row("tramadol", "50", times="0.5"), "5"),
    ],
    ids=lambda value: str(value),
)
def test_a_dose_times_its_factor_is_a_days_mme(taken: dict[str, str], a_day: str) -> None:
    assert mme(taken, FACTORS).a_day == Decimal(a_day)


@pytest.mark.parametrize(
    ("taken", "why"),
    [
        (row("buprenorphine", "10", times="1"), "no factor"),
        (row("dihydrocodeine", "60", times="2"), "no factor"),
        (row("codeine and morphine", "60", times="2"), "more than one"),
        (row("fentanyl", "100", "mg", "1"), "another unit"),
        (row("morphine", "10", "mg_injected", "2"), "another unit"),
        (row("morphine", "10"), "dose or times"),
        (row("morphine", "ten", times="2"), "dose or times"),
    ],
    ids=lambda value: str(value),
)
def test_what_cannot_be_converted_is_unknown_and_says_why(taken: dict[str, str], why: str) -> None:
    assert mme(taken, FACTORS).a_day is None and why in mme(taken, FACTORS).why


def test_an_unknown_drug_leaves_the_sum_of_the_day_open() -> None:
    day = [row("morphine", "10", times="2"), row("buprenorphine", "10", "mcg_h")]
    assert known_mme(day, FACTORS) == (20, False)
    assert known_mme(day[:1], FACTORS) == (20, True)
    assert known_mme([{"class": "nsaid", "name": "morphine"}], FACTORS) == (0, False)
