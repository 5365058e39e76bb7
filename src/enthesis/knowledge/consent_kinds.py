"""What a patient reads before signing: its lines, and which of them a course is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

PARTS = frozenset({"line", "tick", "page"})
"""Parts that are no section of their own: put in by the program, ticked, or words of the page."""


@dataclass(frozen=True, slots=True)
class ConsentText:
    """One line, said where every word of `when` holds (journey/consent.py explains them)."""

    id: str
    starts_on: date
    part: str
    text: str
    source: str
    when: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConsentRules:
    """The sections in order, the regions near lung and spine, and the topic of the evidence where
    a condition has another name there."""

    starts_on: date
    parts: tuple[str, ...]
    near_lung: tuple[str, ...]
    near_spine: tuple[str, ...]
    topics: Mapping[str, str]
    source: str
