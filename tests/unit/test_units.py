"""Money is exact and knows its currency."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enthesis.units import MINOR_DIGITS, Money

amounts = st.decimals(-(10**6), 10**6, places=4)
currencies = st.sampled_from(sorted(MINOR_DIGITS))


@pytest.mark.parametrize(
    ("amount", "currency", "kept"),
    [("2.345", "USD", "2.35"), ("-2.345", "USD", "-2.35"), ("2.5", "JPY", "3"), ("1", "EUR", "1")],
)
def test_it_rounds_half_up_to_the_currencys_minor_unit(
    amount: str, currency: str, kept: str
) -> None:
    assert Money(Decimal(amount), currency).amount == Decimal(kept)


@given(amounts, amounts, currencies)
def test_what_is_added_can_be_taken_away_again(a: Decimal, b: Decimal, currency: str) -> None:
    first, second = Money(a, currency), Money(b, currency)
    assert first + second - second == first
    assert first + -first == Money(Decimal(0), currency)


@given(amounts, st.integers(0, 20), currencies)
def test_times_is_the_same_as_adding(a: Decimal, times: int, currency: str) -> None:
    money, total = Money(a, currency), Money(Decimal(0), currency)
    for _ in range(times):
        total += money
    assert money * times == total


def test_it_refuses_to_mix_currencies() -> None:
    with pytest.raises(ValueError, match="Cannot mix USD and EUR"):
        Money(Decimal(1), "USD") + Money(Decimal(1), "EUR")


@pytest.mark.parametrize("amount", [Decimal("NaN"), Decimal("Infinity"), 1.5, "1"])
def test_it_refuses_what_is_no_finite_decimal(amount: object) -> None:
    with pytest.raises(ValueError, match="finite Decimal"):
        Money(amount, "USD")  # type: ignore[arg-type]


def test_it_refuses_an_unknown_currency() -> None:
    with pytest.raises(ValueError, match="Unknown currency 'DOL'"):
        Money(Decimal(1), "DOL")
