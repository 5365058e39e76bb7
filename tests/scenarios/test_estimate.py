"""Whole courses of money, finished, stopped and over the line: see estimate.toml."""

import tomllib
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from enthesis.journey.estimate import Standing, estimate, outcome
from enthesis.journey.plan import propose
from enthesis.journey.tariff import tariff_on
from enthesis.knowledge.load import knowledge
from enthesis.records import Side
from enthesis.units import Money

KNOWN = knowledge(date(2026, 11, 23))
SCENARIOS = tomllib.loads(
    (Path(__file__).parent / "estimate.toml").read_text(encoding="utf-8"), parse_float=Decimal
)["scenario"]


def usd(text: str) -> Money:
    return Money(Decimal(text), "USD")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s["name"])
def test_the_money_of_a_course_comes_out_as_written(scenario: dict[str, Any]) -> None:
    given, then = scenario["given"], dict(scenario["then"])
    plan = replace(
        propose("low_back_ligaments", Side.LEFT, KNOWN, usd(given["price"])),
        sessions_planned=given["planned"],
        sessions_max=given["most"],
    )
    made = estimate(plan, tariff_on(KNOWN.as_of, (), KNOWN, "USD"), KNOWN, KNOWN.as_of)
    line, billed, warned = usd(given.get("line", str(KNOWN.estimate_rules.line))), usd("0"), 0
    for number, text in enumerate(scenario["bills"], start=1):
        coming = made.each if text == "as planned" else usd(text)
        if Standing(made.expected, billed, coming, line).would_pass:
            warned = warned or number
        billed += coming
    stands = Standing(made.expected, billed, billed - billed, line)
    assert warned == then.pop("warned_before", 0)
    assert outcome(stands) == then.pop("says")
    assert (stands.has_passed, stands.would_pass) == (then.pop("has_passed"), False)
    assert {name: getattr(stands, name) for name in then} == {
        name: usd(value) for name, value in then.items()
    }
