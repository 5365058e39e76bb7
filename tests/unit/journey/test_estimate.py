"""The estimate: what others came to, how long it holds, what its paper lacks."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from enthesis.journey.estimate import Spread, estimate, holds_until, missing
from enthesis.journey.plan import propose
from enthesis.journey.tariff import OwnPrice, tariff_on
from enthesis.knowledge.load import knowledge
from enthesis.records import Side
from enthesis.shape import plain, read
from enthesis.units import Money

TODAY = date(2026, 11, 23)
KNOWN = knowledge(TODAY)
PLAN = propose("low_back_ligaments", Side.LEFT, KNOWN)
TARIFF = tariff_on(TODAY, (), KNOWN, "USD")
ENOUGH = KNOWN.estimate_rules.enough_courses


def usd(number: int) -> Money:
    return Money(Decimal(number), "USD")


def test_the_tenths_come_from_the_clinics_own_courses_once_there_are_enough() -> None:
    own = [(2, True)] * 3 + [(3, True)] * 12 + [(4, True)] * 11 + [(5, True)] * 4
    assert len(own) == ENOUGH
    made = estimate(PLAN, TARIFF, KNOWN, TODAY, own=own)
    assert made.spread == Spread(ENOUGH, 2, 3, 5)
    assert made.spread_totals() == (usd(560), usd(840), usd(1400))
    fewer = estimate(PLAN, TARIFF, KNOWN, TODAY, own=[*own[1:], (0, False)])
    assert (fewer.spread, fewer.own_courses) == (None, ENOUGH - 1)
    assert fewer.spread_totals() is None


def test_series_that_go_on_leave_the_last_tenth_open_and_it_is_counted_as_the_most() -> None:
    made = estimate(PLAN, TARIFF, KNOWN, TODAY, own=[(2, True)] * 20 + [(3, False)] * 20)
    assert made.spread == Spread(40, 2, 2, None)
    assert made.spread_totals() == (usd(560), usd(560), usd(280 * PLAN.sessions_max))


def test_nobody_is_told_more_than_was_agreed_at_most() -> None:
    short = replace(PLAN, sessions_planned=2, sessions_max=3)
    made = estimate(short, TARIFF, KNOWN, TODAY, own=[(6, True)] * ENOUGH)
    assert made.spread_totals() == (usd(840), usd(840), usd(840))


def test_a_consultation_is_charged_once_where_it_was_asked_for() -> None:
    tariff = tariff_on(TODAY, [OwnPrice("consultation", TODAY, Decimal(150))], KNOWN, "USD")
    with_it = estimate(PLAN, tariff, KNOWN, TODAY, consultation=True)
    assert with_it.expected == usd(150 + 280 * PLAN.sessions_planned)
    assert estimate(PLAN, tariff, KNOWN, TODAY).expected == usd(280 * PLAN.sessions_planned)
    assert with_it.of(0) == usd(0)


def test_an_estimate_is_kept_in_plain_form_and_read_back_the_same() -> None:
    own = [OwnPrice("tax", TODAY, Decimal("8.875")), OwnPrice("injection", TODAY, Decimal(5), 6)]
    made = estimate(PLAN, tariff_on(TODAY, own, KNOWN, "USD"), KNOWN, TODAY, own=[(3, True)] * 40)
    assert read(type(made), plain(made)) == made


@pytest.mark.parametrize(
    ("made_on", "until"),
    [
        (date(2026, 11, 23), date(2027, 11, 22)),
        (date(2026, 1, 1), date(2026, 12, 31)),
        (date(2028, 2, 29), date(2029, 2, 27)),  # sooner rather than later
    ],
)
def test_an_estimate_holds_for_a_year_less_a_day(made_on: date, until: date) -> None:
    assert holds_until(made_on, KNOWN.estimate_rules.months) == until


def test_what_a_paper_lacks_is_named() -> None:
    assert missing({"address": "1 Quay", "npi": "", "born_on": None}) == ("npi", "born_on")
