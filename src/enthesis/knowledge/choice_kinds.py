"""The choices of the decision aid: each option in the same fields, and people of 100 by scale."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ChoiceRules:
    """The options and the sections of the aid, in the order in which they are read. `values` may
    matter to a patient, each with the field of the options that stands for it; `questions` are
    for the visit."""

    starts_on: date
    options: tuple[str, ...]
    sections: tuple[str, ...]
    values: Mapping[str, str]
    questions: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class ChoiceOption:
    """One thing to do, each in equal detail. `harm` says how many of 100 have harm, where it was
    counted; `only_for` names the conditions it applies to, empty where to all."""

    id: str
    starts_on: date
    name: str
    what: str
    good: str
    bad: str
    life: str
    visits: str
    price: str
    fails: str
    sources: Mapping[str, str]
    harm: str = ""
    only_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChoiceNote:
    """What is said of an option's `part` (good, bad, harm) in place of its usual text."""

    id: str
    starts_on: date
    option: str
    conditions: tuple[str, ...]
    part: str
    text: str
    source: str
    certainty: str = ""


@dataclass(frozen=True, slots=True)
class ChoiceBar:
    """People of 100 with one option: as printed, or of an arm of the scale's paper. `words` say
    what it is where it is not the plain option."""

    option: str
    of_100: int | None = None
    arm: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class ChoiceScale:
    """One outcome at one time, counted in people. Its numbers are read from `paper`, where named:
    the rows of `instrument` at `weeks`. `note` is a line that is said below it."""

    id: str
    starts_on: date
    conditions: tuple[str, ...]
    outcome: str
    when: str
    bars: tuple[ChoiceBar, ...]
    source: str
    people: int | None = None
    is_harm: bool = False
    weeks: Decimal | None = None
    paper: str = ""
    instrument: str = ""
    certainty: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ChoiceLines:
    """Headings and lines of the aid by id."""

    starts_on: date
    texts: Mapping[str, str]
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SelfCheckQuestion:
    """Rules of candidacy and warning signs, by id in `finds`, in words for a patient. `tell` is
    what must be said to who says yes, whatever the rules lead to."""

    id: str
    starts_on: date
    finds: tuple[str, ...]
    text: str
    source: str
    tell: str = ""


@dataclass(frozen=True, slots=True)
class SelfCheckRules:
    """`not_asked`: rules that would lead to a doctor first and cannot be answered at home, each
    with the reason."""

    starts_on: date
    not_asked: Mapping[str, str]
    source: str
