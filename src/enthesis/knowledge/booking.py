"""How the sessions of a series are placed."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class BookingRules:
    """How far from its day a session is looked for, unless the user says otherwise; and at most."""

    starts_on: date
    reach_days: int
    reach_days_max: int
    source: str
