"""For how long a record may be opened in an emergency, and what must be said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class EmergencyRules:
    """`minutes` where the clinic sets none; it may set up to `minutes_most`."""

    starts_on: date
    minutes: int
    minutes_most: int
    reason_letters_least: int
    sources: Mapping[str, str]
