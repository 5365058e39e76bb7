"""Places scored by pressing, injected against not injected: shown, never judged by.

The score of a session is taken before its needle, so a place counts as injected by a score only
once an earlier session had injected it.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

TENDER_MOST = 10
"""The end of the scale: 0 is not tender, 10 the worst tenderness. Own scale, not validated."""


@dataclass(frozen=True, slots=True)
class PlaceScores:
    """One session: tenderness before the needle, and what was then given, by "site:side"."""

    on: date
    scores: Mapping[str, int]
    given: Set[str]


@dataclass(frozen=True, slots=True)
class ScoredPlace:
    """One place scored at least twice: how often injected between, first and last score."""

    key: str
    injected: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class PlacesBeside:
    """The places that were scored twice or more, those injected first."""

    injected: tuple[ScoredPlace, ...]
    others: tuple[ScoredPlace, ...]

    @property
    def sentence(self) -> str:
        """Both changes, and what they cannot show."""
        told = " ".join(
            f"{len(places)} place{'' if len(places) == 1 else 's'} {words}: from "
            f"{_mean([p.first for p in places])} to {_mean([p.last for p in places])} on average."
            for places, words in ((self.injected, "injected"), (self.others, "not injected"))
            if places
        )
        if not self.injected or not self.others:
            return f"{told} There is nothing to compare with: only one kind was scored twice."
        return (
            f"{told} Nobody drew lots which places to inject, and the more tender ones have "
            "further to fall: the difference does not show what the needle did."
        )


def places_beside(sessions: Sequence[PlaceScores]) -> PlacesBeside | None:
    """Each place by its first and last score; None while no place has two."""
    found = []
    ordered = sorted(sessions, key=lambda one: one.on)
    for key in dict.fromkeys(key for one in ordered for key in one.scores):
        scored = [n for n, one in enumerate(ordered) if key in one.scores]
        if len(scored) < 2:
            continue
        injected = sum(key in one.given for one in ordered[: scored[-1]])
        first, last = (ordered[n].scores[key] for n in (scored[0], scored[-1]))
        found.append(ScoredPlace(key, injected, first, last))
    if not found:
        return None
    return PlacesBeside(
        tuple(p for p in found if p.injected), tuple(p for p in found if not p.injected)
    )


def _mean(values: Sequence[int]) -> str:
    mean = (Decimal(sum(values)) / len(values)).quantize(Decimal("0.1"))
    return f"{mean:f}".removesuffix(".0")
