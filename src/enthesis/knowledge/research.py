"""What a de-identified cut for research may show."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class ResearchRules:
    """Ages go out in bands of so many years, the first that singles nobody out; from `age_top` on
    as one. A patient's first course is moved to a secret day of the `spread_days` from `first_day`.
    A clinic's researchers take one cut in `days_between_cuts`.
    `sources` maps each number to where it is from."""

    starts_on: date
    age_bands: tuple[int, ...]
    age_top: int
    first_day: date
    spread_days: int
    days_between_cuts: int
    sources: Mapping[str, str]
