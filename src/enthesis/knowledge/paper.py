"""The schema of `knowledge/papers/*.toml`: one file per study, every number with its source.

Times are weeks after the start of treatment (0 is the baseline). A number nobody has seen in a
source is absent. `doubt` says why a number is kept and shown but never pooled by default.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class PaperArm:
    """One group of a study. `role`: prolotherapy, saline, lidocaine, corticosteroid, ..."""

    name: str
    role: str
    source: str
    solution: str = ""
    sessions: str = ""
    interval: str = ""
    cointerventions: str = ""
    randomised: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class PaperOutcome:
    """What one arm reached at one time.

    `measure`: final or change (final minus baseline) with mean and sd; events with events of n;
    proportion as printed, whose denominator is not certain. `sd_origin`: reported, from_se,
    from_ci, from_F, or empty where there is no SD.
    """

    arm: str
    instrument: str
    weeks: Decimal
    measure: str
    source: str
    higher_is_worse: bool = True
    scale_min: Decimal | None = None
    scale_max: Decimal | None = None
    n: int | None = None
    mean: Decimal | None = None
    sd: Decimal | None = None
    sd_origin: str = ""
    events: int | None = None
    pages_seen: int = 1
    doubt: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class PaperContrast:
    """A difference between two arms as the paper reports it, where arms are not given singly."""

    arm: str
    comparator: str
    instrument: str
    weeks: Decimal
    measure: str
    estimate: Decimal
    source: str
    ci_low: Decimal | None = None
    ci_high: Decimal | None = None
    se: Decimal | None = None
    se_origin: str = ""
    p: Decimal | None = None
    doubt: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class PaperHarm:
    """Harms as reported. Without `n` no rate can be computed."""

    arm: str
    event: str
    source: str
    events: int | None = None
    n: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Paper:
    """One study. `risk_of_bias` maps a RoB 2 domain, or a tool's name, to what a review states."""

    id: str
    first_author: str
    condition: str
    condition_group: str
    extracted_by: str
    checked_by: str
    checked_on: date
    source: str
    source_kind: str
    year: int | None = None
    journal: str = ""
    doi: str = ""
    pmid: str = ""
    country: str = ""
    design: str = ""
    blinding: str = ""
    randomised: int | None = None
    followup_weeks: str = ""
    finding: str = ""
    note: str = ""
    risk_of_bias: Mapping[str, str] = field(default_factory=dict)
    arms: tuple[PaperArm, ...] = ()
    outcomes: tuple[PaperOutcome, ...] = ()
    contrasts: tuple[PaperContrast, ...] = ()
    harms: tuple[PaperHarm, ...] = ()
