"""Prices by date: what a session costs under those of its day, and how it is rounded."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from enthesis.journey.plan import propose
from enthesis.journey.tariff import (
    Line,
    OwnPrice,
    agreed,
    beyond,
    bill,
    contents,
    discounts,
    planned_contents,
    priced,
    tariff_on,
    total,
)
from enthesis.knowledge.load import knowledge
from enthesis.records import Plan, Side
from enthesis.units import Money

D = Decimal
TODAY = date(2026, 11, 23)
KNOWN = knowledge(TODAY)
PLAN: Plan = propose("low_back_ligaments", Side.LEFT, KNOWN)
"""Nine places of one region from one mixture."""
OWN = (
    OwnPrice("session", date(2026, 1, 1), D(300)),
    OwnPrice("injection", date(2026, 1, 1), D(15), included=6),
    OwnPrice("solution", date(2026, 1, 1), D("7.25")),
    OwnPrice("region", date(2026, 1, 1), D(80)),
    OwnPrice("ultrasound", date(2026, 1, 1), D(60)),
    OwnPrice("hardship", date(2026, 1, 1), D("12.5")),
    OwnPrice("tax", date(2026, 1, 1), D("8.875")),
)
TARIFF = tariff_on(TODAY, OWN, KNOWN, "USD")


def usd(text: str) -> Money:
    return Money(D(text), "USD")


def test_without_prices_of_its_own_a_clinic_charges_the_shipped_one_and_nothing_besides() -> None:
    tariff = tariff_on(TODAY, (), KNOWN, "USD")
    assert (tariff.session, tariff.prices, tariff.percents) == (usd("280"), {}, {})
    (line,) = priced(planned_contents(PLAN, KNOWN), tariff, KNOWN)
    assert (line.code, line.total) == ("M0076", usd("280"))


def test_the_shipped_price_stands_between_what_others_charge() -> None:
    item = KNOWN.tariff["session"]
    assert (item.low, item.usual, item.high) == (usd("140"), usd("280"), usd("420"))


def test_the_default_price_serves_no_other_currency_than_its_own() -> None:
    with pytest.raises(ValueError, match="set one in EUR"):
        tariff_on(TODAY, (), KNOWN, "EUR")
    assert tariff_on(TODAY, (), KNOWN, "EUR", D(200)).session == Money(D(200), "EUR")


@pytest.mark.parametrize(
    ("on", "price"),
    [
        (date(2026, 1, 31), "250"),  # before any with a date: what the clinic began with
        (date(2026, 2, 1), "300"),
        (date(2026, 6, 30), "300"),
        (date(2026, 7, 1), "320"),  # of two from one day the later entered
        (date(2026, 12, 1), "280"),  # withdrawn: the default again
    ],
)
def test_a_price_of_an_old_day_is_found_under_the_tariff_of_its_day(on: date, price: str) -> None:
    entered = (
        OwnPrice("session", date(2026, 12, 1), None),
        OwnPrice("session", date(2026, 7, 1), D(310)),
        OwnPrice("session", date(2026, 2, 1), D(300)),
        OwnPrice("session", date(2026, 7, 1), D(320)),
    )
    assert tariff_on(on, entered, KNOWN, "USD", D(250)).session == usd(price)


def test_a_session_is_priced_item_by_item() -> None:
    lines = priced(planned_contents(PLAN, KNOWN), TARIFF, KNOWN)
    assert [(line.item, line.units, line.total) for line in lines] == [
        ("session", 1, usd("300")),
        ("injection", 3, usd("45")),
        ("solution", 1, usd("7.25")),
    ]
    guided = contents(PLAN.sites, PLAN.mixtures, KNOWN, ["ultrasound", "palpation"])
    assert total(priced(guided, TARIFF, KNOWN)) == usd("412.25")


def test_a_second_region_is_charged_once_and_the_first_never() -> None:
    knee = propose("knee_dumais", Side.LEFT, KNOWN)
    both = contents((*PLAN.sites, *knee.sites), PLAN.mixtures, KNOWN)
    lines = {line.item: line.units for line in priced(both, TARIFF, KNOWN)}
    assert lines["region"] == 1
    assert "region" not in {
        line.item for line in priced(planned_contents(knee, KNOWN), TARIFF, KNOWN)
    }


def test_an_agreed_price_holds_though_the_tariff_comes_to_another() -> None:
    (line,) = agreed(PLAN, TARIFF, KNOWN)
    assert line.total == PLAN.price_per_session
    as_listed = replace(PLAN, price_per_session=usd("352.25"))
    assert len(agreed(as_listed, TARIFF, KNOWN)) == 3


def test_only_what_was_given_beyond_the_plan_is_charged_besides() -> None:
    more = contents((*PLAN.sites, *PLAN.sites[:2]), PLAN.mixtures, KNOWN, ["ultrasound"])
    assert {line.item: line.units for line in beyond(PLAN, more, TARIFF, KNOWN)} == {
        "injection": 2,
        "ultrasound": 1,
    }
    fewer = contents(PLAN.sites[:3], PLAN.mixtures, KNOWN)
    assert beyond(PLAN, fewer, TARIFF, KNOWN) == ()


@pytest.mark.parametrize(
    ("currency", "price", "off", "tax", "comes_to"),
    [
        # 12.5 % of 280.50 is 35.0625; 8.875 % of 245.44 is 21.7828.
        ("USD", "280.50", "-35.06", "21.78", "267.22"),
        # A half goes up: 12.5 % of 0.20 is 0.025, taken off as 0.03.
        ("EUR", "0.20", "-0.03", "0.02", "0.19"),
        # Yen have no smaller coin: 12.5 % of 31 000 is 3875; 8.875 % of 27 125 is 2407.34.
        ("JPY", "31000", "-3875", "2407", "29532"),
    ],
)
def test_discount_and_tax_are_rounded_once_to_the_currencys_smallest_coin(
    currency: str, price: str, off: str, tax: str, comes_to: str
) -> None:
    own = [one for one in OWN if one.item in ("hardship", "tax")]
    tariff = tariff_on(TODAY, own, KNOWN, currency, D(price))
    lines = priced(planned_contents(PLAN, KNOWN), tariff, KNOWN)
    _, discount, taxed = bill(lines, tariff, KNOWN, "hardship")
    assert (discount.total, taxed.total) == (Money(D(off), currency), Money(D(tax), currency))
    assert total(bill(lines, tariff, KNOWN, "hardship")) == Money(D(comes_to), currency)


def test_a_discount_is_rounded_on_the_sum_and_not_line_by_line() -> None:
    lines = tuple(Line(item, item, 1, usd("0.20")) for item in ("session", "solution"))
    # 12.5 % of 0.40 is 0.05; of 0.20 twice it would be 0.06.
    assert bill(lines, TARIFF, KNOWN, "hardship")[2].total == usd("-0.05")


def test_only_discounts_of_the_day_can_be_chosen() -> None:
    assert discounts(TARIFF, KNOWN) == {"hardship": D("12.5")}


def test_there_is_no_sum_of_nothing() -> None:
    with pytest.raises(ValueError, match="at least one line"):
        total(())
