"""What a clinic may charge besides the session, and what an estimate must say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

PART_UNITS = ("money", "percent")


@dataclass(frozen=True, slots=True)
class TariffPart:
    """Something that is charged only once the clinic sets a price for it.

    `unit`: money or percent. `per`: what it is counted by (journey/tariff.py knows them), for
    percent discount or tax. `counts`: so many are included before it is charged.
    """

    id: str
    starts_on: date
    text: str
    about: str
    unit: str
    per: str
    source: str
    counts: bool = False


@dataclass(frozen=True, slots=True)
class EstimateRules:
    """From `enough_courses` of one protocol on an estimate says how many sessions they came to.

    A bill that is `line` or more above the estimate can be disputed (in the clinic's currency,
    unless it sets its own). An estimate holds for `months`. `place_of_service` is the code of an
    office on a superbill.
    """

    starts_on: date
    enough_courses: int
    line: int
    months: int
    place_of_service: str
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EstimateText:
    """One line of an estimate, a bill or a superbill. `part` says under which heading; "line" and
    "page" are put together by the program."""

    id: str
    starts_on: date
    part: str
    text: str
    source: str
