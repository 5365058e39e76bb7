"""What the sections of a report are made of, and how their numbers are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pyarrow as pa

from enthesis.charts.curves import Table
from enthesis.charts.pen import day_in_words, in_words
from enthesis.knowledge import kinds
from enthesis.outcomes.cohort import suppress
from enthesis.outcomes.engine import Registry
from enthesis.outcomes.intervals import Interval, wilson

HIDDEN = "hidden"
RULE_OF_THREE = 3
"""None seen of n: a one-sided 95 % interval ends at 3 / n (Hanley and Lippman-Hand 1983, JAMA
249:1743)."""
LEFT_OUT = (
    "The picture is left out and some cells read “hidden”: they stand for so few people that "
    "somebody might be recognised."
)


@dataclass(frozen=True, slots=True)
class Figure:
    """Both widths of one picture."""

    wide: str
    narrow: str


@dataclass(frozen=True, slots=True)
class Section:
    """One question: what was found, on which measure, its picture, its numbers, its source.

    `notes` are plain words; `technical` is for who checks the method, and stands folded.
    """

    id: str
    finding: str
    measure: str
    source: str
    table: Table | None = None
    figure: Figure | None = None
    notes: tuple[str, ...] = ()
    technical: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """What makes a report the same again: the cut's sha256, the seed and the versions."""

    cut: str
    seed: int
    versions: Mapping[str, str]

    def words(self) -> str:
        """All of it in one line."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"cut {self.cut[:12]} · seed {self.seed} · {versions}"


def versions(names: Sequence[str]) -> dict[str, str]:
    """The versions of installed programs; of one that runs from its source, that it does."""
    return {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "from a folder"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a section is made from. `began`: courses that began; `below`: counts from 1 to below − 1
    are hidden, none if None; `seed`: of what is drawn at random; `clinicians`: their names by the
    registry's numbers, for their own clinic's eyes."""

    registry: Registry
    day: date
    known: kinds.Knowledge
    anyway: kinds.Benchmark | None
    seed: int
    below: int | None
    began: int
    clinicians: Mapping[int, str] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The line under every figure of courses that began."""
        return f"{self.began} courses that began, as of {day_in_words(self.day)}."

    @property
    def few(self) -> str:
        """What is said in place of a small count: a harm must not vanish with its number."""
        return f"{(self.below or 1) - 1} or fewer"

    def hide(
        self, table: pa.Table, counts: Sequence[str], of: str, sums: Sequence[str] = ()
    ) -> Any:
        """The table with small cells empty, where they shall be hidden."""
        return table if self.below is None else suppress(table, counts, of, self.below, sums)

    def is_small(self, *counts: int) -> bool:
        """Whether one of these would have to be hidden."""
        return self.below is not None and any(0 < n < self.below for n in counts)


def count(n: int | None) -> str:
    """A count, or that it is hidden."""
    return HIDDEN if n is None else str(n)


def of_100(n: int | None, of: int | None) -> str:
    """A share as so many of 100; a dash where there is nobody."""
    if n is None or of is None:
        return HIDDEN
    return in_words(round(100 * n / of, 1)) if of else "–"


def of_100_with_interval(n: int | None, of: int | None) -> str:
    """The same with Wilson's interval; of nobody what it may still be."""
    if n is None or of is None:
        return HIDDEN
    if not of:
        return "–"
    if not n:
        return none_yet(of, 100 * min(1.0, RULE_OF_THREE / of))
    digits = 1 if 100 * n < of else 0
    share = in_words(round(100 * n / of, digits))
    return f"{share} ({between(wilson(n, of), 100, digits)})"


def none_yet(of: int, most: float) -> str:
    """That none was seen of so many, and with how many that is still compatible."""
    return f"none yet of {of} (at most {in_words(round(most, 1))})"


def between(interval: Interval, scale: float = 1.0, digits: int = 0) -> str:
    """Both ends of an interval of one number."""
    low, high = (
        in_words(round(scale * float(end), digits)) for end in (interval.low, interval.high)
    )
    return f"{low} to {high}"


def plain(word: object) -> str:
    """A word of the registry as people write it."""
    return str(word).replace("_", " ")
