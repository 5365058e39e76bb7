"""Whatever the prices: an estimate is the sum of its bills, and the warning fires at the line."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from enthesis.journey.estimate import Standing, estimate
from enthesis.journey.plan import propose
from enthesis.journey.tariff import OwnPrice, Tariff, agreed, bill, tariff_on, total
from enthesis.knowledge.load import knowledge
from enthesis.records import Side
from enthesis.units import MINOR_DIGITS, Money

KNOWN = knowledge(date(2026, 11, 23))
PLAN = propose("knee_dumais", Side.LEFT, KNOWN)
CURRENCIES = st.sampled_from(sorted(MINOR_DIGITS))
CENTS = st.decimals(0, 2000, places=2)
PERCENTS = st.decimals(0, 100, places=2)
DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    """What a clinic may have set for one day, tax and a discount included."""
    amounts = {"session": CENTS, "injection": CENTS, "solution": CENTS, "consultation": CENTS}
    amounts |= {"tax": PERCENTS, "hardship": PERCENTS}
    own = [
        OwnPrice(item, KNOWN.as_of, draw(amount), draw(st.integers(0, 20)))
        for item, amount in amounts.items()
    ]
    return tariff_on(KNOWN.as_of, own, KNOWN, draw(CURRENCIES))


@given(tariffs(), st.integers(1, 12), st.sampled_from(["", "hardship"]), st.booleans())
def test_the_estimate_is_the_sum_of_the_bills_when_all_goes_as_planned(
    tariff: Tariff, sessions: int, discount: str, consultation: bool
) -> None:
    plan = replace(
        PLAN, price_per_session=tariff.session, sessions_planned=sessions, sessions_max=sessions
    )
    made = estimate(plan, tariff, KNOWN, KNOWN.as_of, discount=discount, consultation=consultation)
    bills = [total(made.first), *(total(made.session) for _ in range(sessions - 1))]
    assert sum(bills, start=made.each * 0) == made.expected == made.highest
    step = Decimal(1).scaleb(-MINOR_DIGITS[tariff.session.currency])
    assert made.expected.amount % step == 0
    before = total(agreed(plan, tariff, KNOWN))
    if not discount and not tariff.percents.get("tax"):
        assert made.each == before


@given(tariffs(), st.sampled_from(["", "hardship"]))
def test_a_bill_is_never_below_zero_and_a_discount_never_makes_it_dearer(
    tariff: Tariff, discount: str
) -> None:
    lines = agreed(replace(PLAN, price_per_session=tariff.session), tariff, KNOWN)
    full, less = bill(lines, tariff, KNOWN), bill(lines, tariff, KNOWN, discount)
    assert 0 <= total(less).amount <= total(full).amount


@given(CURRENCIES, CENTS, CENTS, CENTS, st.decimals(1, 2000, places=2))
def test_the_warning_fires_exactly_at_the_line_and_before_the_bill_is_made(
    currency: str, expected: Decimal, billed: Decimal, coming: Decimal, line: Decimal
) -> None:
    amounts = [Money(one, currency) for one in (expected, billed, coming, line)]
    stands = Standing(*amounts)
    then = Standing(amounts[0], amounts[1] + amounts[2], amounts[2] - amounts[2], amounts[3])
    assert then.has_passed == (stands.has_passed or stands.would_pass)
    at = amounts[0] + amounts[3]
    coin = Money(Decimal(1).scaleb(-MINOR_DIGITS[currency]), currency)
    for above, passed in ((coin - coin, True), (coin, True), (-coin, False)):
        assert Standing(amounts[0], at + above, coin - coin, amounts[3]).has_passed is passed
        assert Standing(amounts[0], coin - coin, at + above, amounts[3]).would_pass is passed


@given(st.lists(st.tuples(DAYS, CENTS), max_size=6), DAYS)
def test_a_later_price_never_changes_that_of_an_earlier_day(
    entered: list[tuple[date, Decimal]], day: date
) -> None:
    own = [OwnPrice("session", on, amount) for on, amount in entered]
    by_then = [one for one in own if one.starts_on <= day]
    assert tariff_on(day, own, KNOWN, "USD") == tariff_on(day, by_then, KNOWN, "USD")
