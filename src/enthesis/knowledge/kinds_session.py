"""What is known about the day of a session: the checks before the needle, what can go wrong."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class DayCheck:
    """One question that is spoken before the needle. `stops` says why nothing is injected while
    it is not as it should be. `fact` names what the record holds on it, shown beside the question;
    checks of one `group` are asked in one breath and confirmed together."""

    id: str
    group: str
    question: str
    stops: str
    starts_on: date
    source: str
    fact: str = ""
    not_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Complication:
    """Something that can go wrong while a session is given or right after it. `adverse_kind` is
    what it is recorded as where it is followed as an adverse event."""

    id: str
    adverse_kind: str
    name: str
    starts_on: date
    source: str
