"""How the sessions of a series are placed."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day of every year on which most places are closed."""

    month: int
    day: int
    name: str


@dataclass(frozen=True, slots=True)
class BookingRules:
    """How far from its day a session is looked for, unless the user says otherwise; and at most.
    On `holidays` the desk is asked whether the clinic is open; nothing is refused."""

    starts_on: date
    reach_days: int
    reach_days_max: int
    holidays: tuple[Holiday, ...]
    source: str
