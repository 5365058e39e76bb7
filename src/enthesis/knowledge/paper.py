"""The schema of `knowledge/papers/*.toml`, one file per study, and of `rules/synthesis.toml`.

A paper says what was seen, every number with its source. A synthesis says which of these numbers
answer one question, and an evidence topic joins the questions of one condition.

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


@dataclass(frozen=True, slots=True)
class SynthesisStudy:
    """One trial's place in a synthesis: which of its numbers are taken.

    `times` is what a difference is multiplied by to stand on the synthesis's scale (10 for 0–10
    on 0–100, −1 for one printed the other way round). `shown_only` is the reason why it is drawn
    but never counted. `bias` maps a domain to low, some or high; one that could not be read is
    left out, and `bias_note` says what was read where.
    """

    paper: str
    arm: str
    comparator: str
    instrument: str
    weeks: Decimal
    times: Decimal = Decimal(1)
    shown_only: str = ""
    bias: Mapping[str, str] = field(default_factory=dict)
    bias_note: str = ""


@dataclass(frozen=True, slots=True)
class Synthesis:
    """One question to the trials of one topic.

    `measure` is MD, SMD or RD; a risk difference is counted in people out of 100. `better` says
    which way is better for the patient: lower or higher. `worthwhile` is the smallest difference
    between groups, on the synthesis's scale, that people would notice. `never_without` names
    papers that must stand beside the others, so that a choice of trials cannot speak alone.
    """

    id: str
    topic: str
    title: str
    outcome: str
    comparator: str
    measure: str
    unit: str
    better: str
    worthwhile: Decimal
    risk_of_bias_levels: int
    risk_of_bias: str
    indirectness_levels: int
    indirectness: str
    source: str
    studies: tuple[SynthesisStudy, ...]
    never_without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("measure", self.measure, ("MD", "SMD", "RD")),
            ("better", self.better, ("lower", "higher")),
        ):
            if value not in allowed:
                raise ValueError(f"{name}: {value!r} is not one of {', '.join(allowed)}")
        if self.worthwhile <= 0:
            raise ValueError("worthwhile: must be more than 0, on the scale of the synthesis")


@dataclass(frozen=True, slots=True)
class EvidenceTopic:
    """What the trials of one `condition_group` are read for, and what nobody knows yet.

    `name` stands in a sentence ("low back pain"). `benchmarks` are what happens anyway.
    """

    id: str
    name: str
    searched_on: date
    source: str
    not_known: tuple[str, ...]
    benchmarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CertaintyLimits:
    """The thresholds of certainty that hold for every synthesis (`evidence.doubt`).

    When more than `unread_percent` of a topic's trials show no number, what is printed may
    differ from what is not. Fewer than `trials_to_pool` are never pooled.
    """

    people_needed: int
    substantial_i2_percent: Decimal
    studies_needed: int
    asymmetry_p: Decimal
    trials_to_pool: int
    unread_percent: Decimal
    source: str


@dataclass(frozen=True, slots=True)
class UntreatedPoint:
    """How pain had changed in an untreated group by one time: mean and SD of the change since the
    start on the group's own scale, negative is less pain. Counts are of the `n` who answered."""

    weeks: Decimal
    n: int
    change: Decimal
    change_sd: Decimal | None = None
    better_30: int | None = None
    better_50: int | None = None
    worse: int | None = None


@dataclass(frozen=True, slots=True)
class UntreatedGroup:
    """People who had no prolotherapy, for natural history. Either `points`, or the `paper`, `arm`
    and `instrument` to read them from; `times` -1 turns a printed improvement into a change."""

    id: str
    topics: tuple[str, ...]
    name: str
    short: str
    kind: str
    people: str
    scale_max: Decimal
    checked_on: date
    source: str
    note: str = ""
    points: tuple[UntreatedPoint, ...] = ()
    paper: str = ""
    arm: str = ""
    instrument: str = ""
    times: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        if bool(self.points) == bool(self.paper):
            raise ValueError("points or paper: give one of them")


@dataclass(frozen=True, slots=True)
class AnywayWindow:
    """A span of weeks in which the groups' answers are taken together."""

    name: str
    from_weeks: Decimal
    to_weeks: Decimal


@dataclass(frozen=True, slots=True)
class AnywayRules:
    """How natural history is put together. `correlation` of start and later score, where a paper
    prints no spread of change."""

    starts_on: date
    correlation: Decimal
    windows: tuple[AnywayWindow, ...]
    source: str
