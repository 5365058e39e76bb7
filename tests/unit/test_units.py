"""Money is exact and knows its currency."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enthesis.units import MINOR_DIGITS, MONEY_SIGNS, Money, kg_of_lb, money_words

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


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("280", "USD", "$280"),
        ("280.5", "USD", "$280.50"),
        ("1320", "EUR", "€1,320"),
        ("1320.05", "GBP", "£1,320.05"),
        ("0", "USD", "$0"),
        ("-12.5", "USD", "−$12.50"),
        ("280", "CAD", "$280\u00a0CAD"),
        ("280.5", "CHF", "280.50\u00a0CHF"),
        ("28000", "JPY", "¥28,000"),
    ],
)
def test_money_is_written_in_one_way(amount: str, currency: str, written: str) -> None:
    assert money_words(Money(Decimal(amount), currency)) == written


@given(amounts, currencies, currencies)
def test_two_currencies_never_read_alike(amount: Decimal, one: str, other: str) -> None:
    words = [money_words(Money(amount.to_integral_value(), code)) for code in (one, other)]
    assert (words[0] == words[1]) == (one == other)


def test_every_sign_is_of_a_known_currency() -> None:
    assert set(MONEY_SIGNS) <= set(MINOR_DIGITS)


@pytest.mark.parametrize(("pounds", "kg"), [("150", "68.0"), ("1", "0.5"), ("550", "249.5")])
def test_pounds_are_kilograms_to_the_tenth(pounds: str, kg: str) -> None:
    assert kg_of_lb(Decimal(pounds)) == Decimal(kg)
