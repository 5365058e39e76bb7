"""Small types for quantities that cross rooms: no bare numbers where a unit can be mistaken.

Volumes, strengths and money are exact decimals. `NewType` costs nothing at run time and lets
the type checker refuse millilitres where percent is meant.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import NewType

Ml = NewType("Ml", Decimal)
"""Volume in millilitres."""

Mg = NewType("Mg", Decimal)
"""Mass in milligrams."""

Percent = NewType("Percent", Decimal)
"""Grams in 100 mL for a solution; parts of 100 for a share or a relief."""

Kg = NewType("Kg", Decimal)
"""Body weight in kilograms."""

KG_IN_LB = Decimal("0.45359237")
"""Exact by the international agreement of 1959."""


def kg_of_lb(pounds: Decimal) -> Kg:
    """Pounds as kilograms, to the tenth that a weight is stored with."""
    return Kg((pounds * KG_IN_LB).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP))


Score = NewType("Score", Decimal)
"""A value on a measure's own scale (its range and direction are knowledge)."""

# Digits after the point of each currency that Enthesis knows: the "minor unit" of ISO 4217:2015,
# list one, as SIX keeps it for ISO. Here and not in a knowledge file, because `Money` rounds by it.
MINOR_DIGITS = {"USD": 2, "EUR": 2, "GBP": 2, "CHF": 2, "CAD": 2, "AUD": 2, "NZD": 2, "JPY": 0}

# How an amount is written. Of several currencies with one sign the first has it alone; the others
# are told apart by their code.
MONEY_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CAD": "$", "AUD": "$", "NZD": "$"}


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An exact amount in one currency. Rounds half up to the currency's minor unit on creation.

    Raises ValueError for a currency that Enthesis does not know or a value that is not finite.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in MINOR_DIGITS:
            known = ", ".join(sorted(MINOR_DIGITS))
            raise ValueError(f"Unknown currency {self.currency!r}; known are {known}.")
        if not isinstance(self.amount, Decimal) or not self.amount.is_finite():
            raise ValueError(f"An amount of money must be a finite Decimal, not {self.amount!r}.")
        step = Decimal(1).scaleb(-MINOR_DIGITS[self.currency])
        object.__setattr__(self, "amount", self.amount.quantize(step, rounding=ROUND_HALF_UP))

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __mul__(self, times: int) -> "Money":
        return Money(self.amount * times, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def _same(self, other: "Money") -> Decimal:
        if other.currency != self.currency:
            raise ValueError(f"Cannot mix {self.currency} and {other.currency}.")
        return other.amount


def money_words(money: Money) -> str:
    """The one way in which money is written: `$1,320`, `$280.50`, `$280 CAD`, `280 CHF`.

    No empty cents. The code follows where there is no sign, or the sign is another currency's.
    """
    size = abs(money.amount)
    number = f"{size:,.0f}" if size == size.to_integral_value() else f"{size:,}"
    sign = MONEY_SIGNS.get(money.currency, "")
    owner = next((code for code, of in MONEY_SIGNS.items() if of == sign), None)
    after = "" if owner == money.currency else f"\u00a0{money.currency}"
    return f"{'−' if money.amount < 0 else ''}{sign}{number}{after}"
