"""The kinds of knowledge of the days after a session: the aftercare sheet and adverse events."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class AftercareText:
    """One line of the sheet that a patient takes home (journey/aftercare.py).

    `part`: expect, do, avoid, call (the clinic, the same day) or emergency. Said where every word
    of `when` holds for the session, and one of its `regions` was injected; none named is
    everywhere. `danger` is the warning sign of rules/danger.toml that a line tells about: of those
    that fit only the first is said, so that a line for a region stands before the general one.
    """

    id: str
    starts_on: date
    part: str
    text: str
    source: str
    when: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    danger: str = ""


@dataclass(frozen=True, slots=True)
class PainPillChoice:
    """What a clinic tells patients about anti-inflammatory pills; clinics disagree. `name` is for
    the settings, `text` for the patient. The first of the file holds where nothing is chosen."""

    id: str
    starts_on: date
    name: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class AdverseKind:
    """Something bad that may follow a session. `dangers` are the warning signs that a patient may
    have given of it: an event opened from such an answer begins with this kind."""

    id: str
    starts_on: date
    name: str
    text: str
    source: str
    dangers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AdverseGrade:
    """How bad an adverse event was, from 1 to 5, and what that means."""

    id: str
    starts_on: date
    grade: int
    name: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class AdverseOutcome:
    """How an adverse event ended; `goes_on`: it has not, as far as is known. `grade`: the one that
    belongs to it, and to no other."""

    id: str
    starts_on: date
    name: str
    source: str
    goes_on: bool = False
    grade: int | None = None


@dataclass(frozen=True, slots=True)
class AdverseRelation:
    """A judgement whether the session brought an adverse event about."""

    id: str
    starts_on: date
    name: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class AdverseRules:
    """From `serious_from_grade` on an adverse event is serious whatever was ticked; below it, where
    `serious_means` holds."""

    starts_on: date
    serious_from_grade: int
    serious_means: str
    source: str
