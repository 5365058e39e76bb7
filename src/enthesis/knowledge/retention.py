"""How long each kind of record must be kept, whoever asks that it be erased."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class CountsFrom(StrEnum):
    """From when the years are counted."""

    NOTHING = ""
    TREATMENT = "treatment"
    MONEY = "money"


@dataclass(frozen=True, slots=True)
class Retention:
    """One kind of record: `years` from the last treatment or the last entry of money, and for whom
    was a minor then at least until the age of `minor_until_years`.

    `stays`: never deleted, because it holds no name once the rest is erased. `what` says what is
    in it, `gone` what erasing does to it.
    """

    id: str
    starts_on: date
    name: str
    what: str
    gone: str
    source: str
    years: int = 0
    counts_from: CountsFrom = CountsFrom.NOTHING
    adult_from_years: int = 0
    minor_until_years: int = 0
    stays: bool = False
