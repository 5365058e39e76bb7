"""What a day of opioids amounts to, in morphine milligram equivalents (MME).

For adding up what is taken, never for converting one drug into another. A drug without a factor,
or a dose that is not whole, is not known: it is never counted as zero.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from enthesis.knowledge.row_kinds import OpioidFactor
from enthesis.records import Row
from enthesis.shape import ShapeError, read


@dataclass(frozen=True, slots=True)
class Mme:
    """A day's MME of one medicine; None where it is not known, and then why."""

    a_day: Decimal | None
    why: str = ""
    factor: OpioidFactor | None = None


def opioids(rows: Iterable[Row]) -> list[Row]:
    """The rows that are opioids by their class."""
    return [row for row in rows if row.get("class") == "opioid"]


def mme(row: Row, factors: Mapping[str, OpioidFactor]) -> Mme:
    """The MME of one row of medicines: dose times factor, and times a day unless it is a patch."""
    words = re.findall(r"\w+", row.get("name", "").lower())
    found = [factor for name, factor in factors.items() if name in words]
    if len(found) != 1:
        return Mme(None, "more than one opioid in a row" if found else "no factor for this drug")
    (factor,) = found
    if row.get("unit") != factor.unit:
        return Mme(None, "the factor is for another unit")
    dose = number(row, "dose")
    times = Decimal(1) if factor.unit == "mcg_h" else number(row, "times")
    if dose is None or times is None:
        return Mme(None, "dose or times a day is not written down")
    return Mme(dose * times * factor.factor, factor=factor)


def number(row: Row, column: str) -> Decimal | None:
    """The number in a cell; None where there is none."""
    try:
        return read(Decimal, row[column]) if row.get(column) else None
    except ShapeError:
        return None


def known_mme(rows: Iterable[Row], factors: Mapping[str, OpioidFactor]) -> tuple[Decimal, bool]:
    """The MME that is known of a day, and whether that is all of it."""
    days = [mme(row, factors).a_day for row in opioids(rows)]
    known = [day for day in days if day is not None]
    return sum(known, Decimal(0)), bool(days) and len(known) == len(days)
