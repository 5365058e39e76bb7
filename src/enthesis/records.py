"""The records that cross rooms: one course of treatment, and what is said of it.

Frozen and free of Django: `clinic/store.py` makes them from rows, `exchange/` from files, the
`journey` answers with more of them. Dates are the clinic's local dates. Everything that a decision
depends on is in `Course` (plus the knowledge and today's date, which are arguments).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from enthesis.units import Kg, Ml, Money, Percent

Answer = Decimal | str | bool | tuple[str, ...] | None
"""One answer of a questionnaire. None means asked and not answered: unknown, never no."""
Row = Mapping[str, str]
"""One row of a table of the evaluation: what is in each cell; an empty cell is not in it."""


def as_written(answer: Answer) -> tuple[str, ...]:
    """What was answered, as the knowledge files write it; empty for nothing."""
    if answer is None or answer == "":
        return ()
    if isinstance(answer, tuple):
        return answer
    if isinstance(answer, bool):
        return ("yes" if answer else "no",)
    return (f"{answer:f}" if isinstance(answer, Decimal) else answer,)


class Side(StrEnum):
    """Which side of the body; MIDLINE for structures that have none."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"
    MIDLINE = "midline"


class Candidacy(StrEnum):
    """The answer of an evaluation."""

    SUITABLE = "suitable"
    SUITABLE_WITH_CARE = "suitable_with_care"
    REFER_FIRST = "refer_first"
    NOT_SUITABLE = "not_suitable"


class NextStep(StrEnum):
    """The five answers of the judge."""

    GO_ON = "go_on"
    FINISH = "finish"
    STOP = "stop"
    RECHECK = "recheck"
    REFER = "refer"


class Occasion(StrEnum):
    """Why a patient was asked."""

    BASELINE = "baseline"
    AFTER_SESSION = "after_session"
    RECHECK = "recheck"


class Mark(StrEnum):
    """How a rule came out, shown as ✓, – and ?."""

    MET = "met"
    NOT_MET = "not_met"
    CANNOT_KNOW = "cannot_know"


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule and how it came out: what a clinician checks. `inputs` are the numbers used."""

    rule: str
    mark: Mark
    text: str
    source: str
    inputs: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing an evaluation found. `leads_to` is None where it only informs."""

    rule: str
    text: str
    action: str
    source: str
    leads_to: Candidacy | None
    inputs: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was asked before the first needle. `cleared` are rules that a clinician set aside,
    each with a reason: only a clinician can, and it stays visible. `rows` are by table."""

    on: date
    answers: Mapping[str, Answer]
    cleared: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """`answer` is None while `missing` questions stand in the way of one."""

    answer: Candidacy | None
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]
    rules_of: date


@dataclass(frozen=True, slots=True)
class Ingredient:
    """A stock that is drawn into a mixture: how strong the substance is there, and in its vial."""

    substance: str
    percent: Percent
    stock_percent: Percent
    with_adrenaline: bool = False


@dataclass(frozen=True, slots=True)
class Mixture:
    """A solution to be injected. `key` names it within a plan ("joint", "insertions").

    `diluent` is a substance of the knowledge ("water", "saline"); an `anaesthetic` of None means
    none is mixed in, and its two strengths are then None. `others` are a second anaesthetic or
    another proliferant; a `dextrose_percent` of 0 beside one means that no dextrose is added.
    """

    key: str
    volume_ml: Ml
    dextrose_percent: Percent
    dextrose_stock_percent: Percent
    diluent: str
    anaesthetic: str | None = None
    anaesthetic_percent: Percent | None = None
    anaesthetic_stock_percent: Percent | None = None
    with_adrenaline: bool = False
    # "later": not written while empty (shape.plain), so older records keep their form and hash.
    others: tuple[Ingredient, ...] = field(default=(), metadata={"later": True})

    @property
    def ingredients(self) -> tuple[Ingredient, ...]:
        """Every stock that is drawn, the dextrose first; what is half described is not one yet."""
        drawn = []
        if self.dextrose_percent:
            dextrose = Ingredient("dextrose", self.dextrose_percent, self.dextrose_stock_percent)
            drawn.append(dextrose)
        wanted, stock = self.anaesthetic_percent, self.anaesthetic_stock_percent
        if self.anaesthetic is not None and wanted is not None and stock is not None:
            drawn.append(Ingredient(self.anaesthetic, wanted, stock, self.with_adrenaline))
        return (*drawn, *self.others)


@dataclass(frozen=True, slots=True)
class SiteDose:
    """One structure, one side, one volume of one of the session's mixtures."""

    site: str
    side: Side
    mixture: str
    volume_ml: Ml


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """What was said to one check on the day. One that is not as it should be holds everything
    back until it is `set_aside` with a reason. No answer is no CheckAnswer: unknown."""

    as_it_should_be: bool
    asked_on: date
    set_aside: str = ""


@dataclass(frozen=True, slots=True)
class StopStep:
    """From so many sessions on, less relief than this ends it: not far enough on the way."""

    after_sessions: int
    below_percent: Percent


@dataclass(frozen=True, slots=True)
class StopRule:
    """When to finish, stop and recheck, agreed before the first needle; versioned and frozen.

    After `stop_after_sessions` it stops where nothing has changed beyond error. `later_steps`, if
    agreed, ask for more the longer it takes, in rising order of sessions.
    """

    version: str
    measure: str
    finish_relief_percent: Percent
    finish_readings: int
    stop_below_percent: Percent
    stop_after_sessions: int
    recheck_months: tuple[int, ...]
    later_steps: tuple[StopStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole series as agreed. `agreed_on` is None for a proposal."""

    protocol: str
    protocol_version: str
    mixtures: tuple[Mixture, ...]
    sites: tuple[SiteDose, ...]
    sessions_planned: int
    sessions_max: int
    interval_days: int
    stop_rule: StopRule
    price_per_session: Money
    agreed_on: date | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One treatment as given: signed facts, amended by a later session record only."""

    number: int
    on: date
    mixtures: tuple[Mixture, ...]
    sites: tuple[SiteDose, ...]
    weight_kg: Kg | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """One set of answers. `answers` maps question ids of `questionnaire` to answers.

    `came_late`: the day's decision, or a later one, was made before these answers came in, so
    that it was made without them. Days alone cannot tell.
    """

    on: date
    occasion: Occasion
    questionnaire: str
    answers: Mapping[str, Answer]
    source: str = "patient"
    came_late: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What the clinician decided, beside what was suggested; `reason` is empty when they agree."""

    on: date
    suggested: NextStep
    decided: NextStep
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Course:
    """One complaint treated once, with everything that a decision about it depends on.

    `series_ended_on` is for courses kept elsewhere (a trial, an old spreadsheet), where the end of
    treatment is known but the single sessions are not. `closed_on` ends the watch for good.
    """

    id: str
    condition: str
    side: Side
    born_on: date | None
    opened_on: date
    evaluation: Evaluation | None = None
    plan: Plan | None = None
    sessions: tuple[Session, ...] = ()
    assessments: tuple[Assessment, ...] = ()
    decisions: tuple[Decision, ...] = ()
    series_ended_on: date | None = None
    closed_on: date | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The suggested next step with its reasons: a proposal, a clinician decides.

    `ask_first` says that an answer is missing or must be confirmed before the next needle.
    `baseline`, `latest` and `relief_percent` are of the stop rule's measure; None is unknown.
    """

    next_step: NextStep
    headline: str
    reasons: tuple[Reason, ...]
    ask_first: bool
    baseline: Decimal | None
    latest: Decimal | None
    relief_percent: Decimal | None
    recheck_on: date | None
    judged_on: date
    rules_of: date
