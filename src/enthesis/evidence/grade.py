"""Certainty of one outcome: where it starts, and what lowers it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from enthesis.evidence.doubt import Doubt


class Certainty(IntEnum):
    """GRADE's four levels."""

    VERY_LOW = 1
    LOW = 2
    MODERATE = 3
    HIGH = 4

    @property
    def words(self) -> str:
        """As it stands in a sentence."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True)
class Grade:
    """The certainty and every domain that was looked at, with its reason."""

    certainty: Certainty
    doubts: tuple[Doubt, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """What lowered it, one sentence each."""
        return tuple(f"{d.domain}: {d.reason}" for d in self.doubts if d.levels)


def grade(doubts: Iterable[Doubt], start: Certainty = Certainty.HIGH) -> Grade:
    """Lower `start` (HIGH for randomised trials) by every doubt; never below VERY_LOW.

    Raises ValueError when a domain is judged twice.
    """
    found = tuple(doubts)
    domains = [doubt.domain for doubt in found]
    if len(set(domains)) != len(domains):
        raise ValueError("a domain is judged twice; join its reasons into one")
    level = start - sum(doubt.levels for doubt in found)
    return Grade(Certainty(max(Certainty.VERY_LOW, level)), found)
