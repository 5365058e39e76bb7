"""The kinds of knowledge: each dataclass is the schema of one knowledge file's entries.

`source` is an address, a citation, or one of two honest words at its start: "UNSOURCED" (nobody
has seen a source) and "Clinic's own" (a setting the clinic answers for). Every file also says
who wrote and who checked it (`About`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from enthesis.knowledge.after_kinds import (
    AdverseGrade,
    AdverseKind,
    AdverseOutcome,
    AdverseRelation,
    AdverseRules,
    AftercareText,
    PainPillChoice,
)
from enthesis.knowledge.booking import BookingRules
from enthesis.knowledge.cautions import MixtureCaution
from enthesis.knowledge.choice_kinds import (
    ChoiceLines,
    ChoiceNote,
    ChoiceOption,
    ChoiceRules,
    ChoiceScale,
    SelfCheckQuestion,
    SelfCheckRules,
)
from enthesis.knowledge.consent_kinds import ConsentRules, ConsentText
from enthesis.knowledge.emergency import EmergencyRules
from enthesis.knowledge.enquiries import EnquiryLines, EnquiryRules, EnquiryWords
from enthesis.knowledge.examination_kinds import (
    BeightonCutOff,
    BeightonJoint,
    BlockNeed,
    HypermobilityQuestion,
    MotionNorm,
    StabilityGrade,
    StabilityTest,
)
from enthesis.knowledge.kinds_session import Complication, DayCheck
from enthesis.knowledge.paper import (
    AnywayRules,
    CertaintyLimits,
    EvidenceTopic,
    Synthesis,
    UntreatedGroup,
)
from enthesis.knowledge.price_kinds import EstimateRules, EstimateText, TariffPart
from enthesis.knowledge.research import ResearchRules
from enthesis.knowledge.retention import Retention
from enthesis.knowledge.row_kinds import OpioidFactor, RowAnswer, RowTable
from enthesis.knowledge.series import Planning, Protocol
from enthesis.knowledge.stock import StockRules
from enthesis.knowledge.uploads import UploadRules
from enthesis.knowledge.words import (
    AftercareWords,
    ChoiceWords,
    ConsentWords,
    DangerWords,
    SelfCheckWords,
    Translation,
    VisitWords,
)
from enthesis.records import Candidacy, NextStep, Plan, Side, StopStep
from enthesis.units import Kg, Mg, Ml, Money, Percent


@dataclass(frozen=True, slots=True)
class About:
    """The head of every knowledge file: what it is for, who answers for it."""

    title: str
    why: str
    author: str
    reviewer: str
    reviewed_on: date
    next_review_on: date


@dataclass(frozen=True, slots=True)
class Question:
    """One question on one screen.

    `kind`: scale (whole numbers from minimum to maximum, words at both ends), choice (one of
    `options`), choices (any of them), yes_no, number, date, text. `options` are (value, label).
    `only_if` shows it only when an earlier question has one of the listed answers ("*" is any
    answer); `occasions` are those it is asked at, empty for all; `once`: no more after an answer. A
    text may name an earlier answer in braces. Neighbours of one `group` stand on one screen.
    `picture` "body": the values of the options are places of the whole-body map, which is drawn
    beside the list.
    """

    id: str
    text: str
    kind: str
    help: str = ""
    group: str = ""
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    low_label: str = ""
    high_label: str = ""
    unit: str = ""
    options: tuple[tuple[str, str], ...] = ()
    picture: str = ""
    required: bool = True
    only_if: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    regions: tuple[str, ...] = ()
    occasions: tuple[str, ...] = ()
    once: bool = False
    code: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """A whole question graph. `occasions` are when it is asked."""

    id: str
    version: str
    title: str
    starts_on: date
    questions: tuple[Question, ...]
    occasions: tuple[str, ...]
    licence: str
    source: str
    intro: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """How answers become a score, and what a change in it means.

    `scoring`: value, mean or sum of `items`, or count of what was ticked; `missing`: "all" (every
    item needed) or "answered" (of those answered). `higher_is`: worse or better. `error` is the
    smallest change beyond measuring error and `worthwhile`(_percent) the smallest that matters,
    both None when nobody has established one. Only a `validated` measure may drive a verdict.
    `role`: "leads" (the first one answered is judged where no stop rule names another), "confirms"
    (a real change in it speaks against stopping) or "supports" (shown, never decides).
    `ask_from`: the published cut-off of a screen, at which somebody should ask further; it decides
    nothing.
    """

    id: str
    name: str
    sign: str
    unit: str
    items: tuple[str, ...]
    scoring: str
    missing: str
    minimum: Decimal
    maximum: Decimal
    higher_is: str
    recall: str
    validated: bool
    source: str
    error: Decimal | None = None
    worthwhile: Decimal | None = None
    worthwhile_percent: Percent | None = None
    role: str = "supports"
    ask_from: Decimal | None = None
    ask_source: str = ""
    code: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class When:
    """A test on one answer (or one of references.DERIVED). Exactly one of the tests is set."""

    question: str
    is_in: tuple[str, ...] = ()
    at_least: Decimal | None = None
    below: Decimal | None = None


@dataclass(frozen=True, slots=True)
class CandidacyRule:
    """If every `when` holds, the evaluation finds `text`. `regions` empty means any.

    `kind`: emergency, urgent, absolute, relative, caution, inform. `leads_to` None only informs.
    """

    id: str
    starts_on: date
    kind: str
    when: tuple[When, ...]
    text: str
    action: str
    source: str
    leads_to: Candidacy | None = None
    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DangerRule:
    """An answer of a patient that must reach a clinician at once and leads to *refer*.

    `call_first` are (number, where it holds) to call before the clinic: an emergency.
    """

    id: str
    starts_on: date
    question: str
    is_in: tuple[str, ...]
    text: str
    tell_patient: str
    source: str
    call_first: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class HarmAlarm:
    """When harms of some `kinds` (ids of danger rules) come too often.

    A chart over all sessions looks for odds `ratio` times those of `per_10000_sessions`, with so
    many sessions on average before a false alarm: it adds `step` for a harm, takes 1 for another
    session, and alarms at `limit` (outcomes/harms.py). A gap between two harms is marked when
    chance makes one so short no more often than `gap_false_alarm`.
    """

    id: str
    starts_on: date
    text: str
    kinds: tuple[str, ...]
    per_10000_sessions: Decimal
    ratio: Decimal
    sessions_to_false_alarm: int
    step: int
    limit: int
    gap_false_alarm: Decimal
    sources: Mapping[str, str]

    def __post_init__(self) -> None:
        if not 0 < self.per_10000_sessions < 10000 or self.ratio <= 1:
            raise ValueError("the rate lies between 0 and 10000, and the ratio is above 1")
        if min(self.step, self.limit, self.sessions_to_false_alarm) < 1:
            raise ValueError("step, limit and sessions_to_false_alarm are at least 1")
        if not 0 < self.gap_false_alarm < 1:
            raise ValueError("gap_false_alarm lies between 0 and 1")

    @property
    def per_session(self) -> float:
        """The agreed rate per session."""
        return float(self.per_10000_sessions) / 10000


@dataclass(frozen=True, slots=True)
class JudgeRule:
    """One rule of the judge in words; how it is tested is in `journey/judge.py`.

    `leads_to` None only informs. `always_shown`: its reason stands open even when it is not met;
    the others are then folded away. `texts` maps how it came out (a mark, or a finer key of the
    rule) to a sentence with the names of its inputs in braces; `headlines` likewise for the
    verdict.
    """

    id: str
    starts_on: date
    title: str
    texts: Mapping[str, str]
    source: str
    leads_to: NextStep | None = None
    always_shown: bool = False
    headlines: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VisitText:
    """What to ask before a visit, or to tell the patient after it.

    `part`: ask (the clinician), done, expect or next (the patient). Said where every word of `when`
    holds for the course (`journey/visit.py` explains them); the text may name facts in braces.
    """

    id: str
    starts_on: date
    part: str
    when: tuple[str, ...]
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Site:
    """One structure of the coded anatomy. `role`: target or avoid. `paired`: has left and right.

    `volume_ml_max` is the clinic's own bound against a slip; None takes the general one.
    """

    id: str
    name: str
    region: str
    kind: str
    role: str
    paired: bool
    source: str
    warning: str = ""
    volume_ml_max: Ml | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """What a course is about. `benchmark` names what happens anyway; codes are (system, code).

    `place`: what the region is called to a patient; empty for its id. `warning` stands above every
    plan for it.
    """

    id: str
    name: str
    region: str
    sides: tuple[Side, ...]
    source: str
    protocols: tuple[str, ...] = ()
    benchmark: str = ""
    body_map: str = ""
    codes: tuple[tuple[str, str], ...] = ()
    place: str = ""
    warning: str = ""
    warning_source: str = ""

    @property
    def place_words(self) -> str:
        """The region in words for a patient."""
        return self.place or self.region.replace("_", " ")


@dataclass(frozen=True, slots=True)
class StopRuleDefaults:
    """The clinic's default for the agreed stop rule, with a source for each number.

    `choice` names one of the stop choices, which may judge sooner or ask for more later.
    `stop_after_sessions` is for courses without a plan (a protocol has its own). A patient is asked
    `ask_before_days` before the next session, and not before `ask_after_days` after the last; an
    answer is late `answer_overdue_days` after that, and the patient lost `lost_after_days` after
    the day it was due: nobody is told to call any more, until an answer comes after all. Relief as
    the patient says it and as the scores say it disagree from `relief_differs_percent` on.
    """

    version: str
    starts_on: date
    choice: str
    finish_relief_percent: Percent
    finish_readings: int
    stop_below_percent: Percent
    stop_after_sessions: int
    recheck_months: tuple[int, ...]
    ask_after_days: int
    ask_before_days: int
    answer_overdue_days: int
    lost_after_days: int
    recurrence_percent: Percent
    relief_differs_percent: Percent
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StopChoice:
    """One stop rule that a clinic can choose, by how soon it ends what does not help.

    `stop_after_sessions` None: the protocol's own. What each does was simulated: see `source`.
    """

    id: str
    starts_on: date
    name: str
    summary: str
    later_steps: tuple[StopStep, ...]
    source: str
    stop_after_sessions: int | None = None


@dataclass(frozen=True, slots=True)
class JudgeStudy:
    """What a stop choice did in one simulated world: percent of true responders ended too early,
    percent of their relief kept, sessions of those who are not helped."""

    choice: str
    world: str
    false_stops: Decimal
    relief_kept: Decimal
    sessions: Decimal


@dataclass(frozen=True, slots=True)
class AnaestheticLimit:
    """The ceiling for one anaesthetic: the smaller of mg per kg times weight, and the cap."""

    substance: str
    name: str
    starts_on: date
    with_adrenaline: bool
    mg_per_kg: Decimal
    cap_mg: Mg
    source: str


@dataclass(frozen=True, slots=True)
class Substance:
    """What can be mixed. `role`: proliferant, anaesthetic or diluent.

    `mosm_l_per_percent` is the osmolarity of a 1 % solution, `mosm_l` that of the substance as
    it is (a diluent); None is unknown. `stocks_percent` are the strengths usually bought; `holds`
    names what a stock of several things is made of, of which nobody here knows how much.
    """

    id: str
    name: str
    role: str
    source: str
    mosm_l_per_percent: Decimal | None = None
    mosm_l: Decimal | None = None
    stocks_percent: tuple[Percent, ...] = ()
    holds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MixingLimits:
    """Bounds of a sane request, so that a slip of the finger is caught. `own_…` are of a ceiling
    that the clinic enters itself."""

    starts_on: date
    volume_ml_min: Ml
    volume_ml_max: Ml
    site_volume_ml_max: Ml
    weight_kg_min: Kg
    weight_kg_max: Kg
    draw_step_ml: Ml
    depth_mm_max: int
    own_mg_per_kg_max: Decimal
    own_cap_mg_max: Mg
    source: str


@dataclass(frozen=True, slots=True)
class TariffItem:
    """One price. `usual` is the shipped default; low and high what is charged elsewhere."""

    id: str
    starts_on: date
    text: str
    usual: Money
    source: str
    low: Money | None = None
    high: Money | None = None
    code: str = ""


@dataclass(frozen=True, slots=True)
class BenchmarkPoint:
    """Middle half of a comparison group at a time, as score on its scale, with its size."""

    weeks: Decimal
    low: Decimal
    middle: Decimal
    high: Decimal
    n: int


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What happens anyway: saline or no treatment, from published groups, on one measure's scale.

    With `is_change` the points are changes from each group's own start (negative is a fall), for
    groups whose starting scores were not published. `improved_percent` maps relief of at least X
    percent to how many of 100 reached it at the end.
    """

    id: str
    title: str
    measure: str
    population: str
    points: tuple[BenchmarkPoint, ...]
    source: str
    checked_on: date
    is_change: bool = False
    improved_percent: Mapping[str, Decimal] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """A scheduled time of the registry: an answer on a day within the bounds may stand for it.

    Days from the first session, bounds included. `number` is what is kept; 0 is the start.
    """

    id: str
    number: int
    name: str
    target_day: int
    from_day: int
    to_day: int
    source: str


@dataclass(frozen=True, slots=True)
class SessionWindow:
    """An answer stands for the time after a session up to `most_days` after it."""

    most_days: int
    source: str


@dataclass(frozen=True, slots=True)
class SecondStart:
    """A second start is offered `after_days` after the first, as long as no session was given."""

    after_days: int
    source: str


@dataclass(frozen=True, slots=True)
class ReminderRules:
    """When patients are written to and when a person calls, with a source for each number.

    Days count from the day on which answers are wanted. After `give_up_after_days` nothing more is
    written; `call_after_days` puts a silent patient on the call list, and a call without a next
    date takes them off it for `call_again_after_days`. `retry_after_minutes` is for servers that
    refuse for now: after the last, somebody calls.
    """

    starts_on: date
    safety_after_days: int
    follow_up_months: tuple[int, ...]
    repeat_after_days: tuple[int, ...]
    safety_repeat_after_days: tuple[int, ...]
    call_after_days: int
    safety_call_after_days: int
    give_up_after_days: int
    call_again_after_days: int
    quiet_from_hour: int
    quiet_to_hour: int
    retry_after_minutes: tuple[int, ...]
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MessageText:
    """What a message, and the page that stops messages, say in one language (its `id`)."""

    id: str
    starts_on: date
    subject: str
    body: str
    sms: str
    stop_title: str
    stop_text: str
    stop_button: str
    stopped_title: str
    stopped_text: str
    undo_button: str
    source: str


@dataclass(frozen=True, slots=True)
class Publishing:
    """A public page shows no count of 1 to `smallest_count` − 1, nor what would give one away. The
    sums of a packet are of at least `scores_per_sum` scores for each of them."""

    smallest_count: int
    scores_per_sum: int
    source: str


@dataclass(frozen=True, slots=True)
class ForecastVisit:
    """Scores at one scheduled visit: after so many sessions (0: the start), or in a window."""

    weeks: Decimal
    mean: Decimal
    sd: Decimal
    session: int | None = None
    window: str = ""


@dataclass(frozen=True, slots=True)
class ForecastStart:
    """What forecasts of one condition begin from, until the clinic has enough courses of its own.

    `step` is the smallest difference between two answers; `answer_sd` the error of answering;
    `stable_share` and `fade_weeks` say how far two scores agree the further apart they are. The
    measure is one where higher is worse.
    """

    id: str
    starts_on: date
    condition: str
    measure: str
    step: Decimal
    visits: tuple[ForecastVisit, ...]
    answer_sd: Decimal
    stable_share: Decimal
    fade_weeks: Decimal
    people: int
    words: str
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ForecastRules:
    """`enough_courses`: from so many on a forecast starts from the clinic's own. Even then the
    starting model counts as `start_weight` courses. `levels` of relief, `bands` in percent;
    `folds`: parts that take turns to be forecast from the others."""

    starts_on: date
    enough_courses: int
    start_weight: int
    levels: tuple[Percent, ...]
    bands: tuple[Percent, ...]
    folds: int
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ForecastLevel:
    """Chances of one level of relief against what came. `brier_alike` is the score of naming
    everybody the same overall share. `bins`: (mean chance, share that reached it, how many)."""

    level: int
    forecasts: int
    reached: int
    brier: Decimal
    brier_alike: Decimal
    bins: tuple[tuple[Decimal, Decimal, int], ...]
    slope: Decimal | None = None
    in_the_large: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ForecastCheck:
    """How forecasts of a model came out for people it had not seen. `id` is that of the starting
    model, or of the clinic's own; `inside` by band in percent: how many answers of `answers`."""

    id: str
    courses: int
    answers: int
    inside: Mapping[str, int]
    levels: tuple[ForecastLevel, ...]
    people: str
    source: str


@dataclass(frozen=True, slots=True)
class OwnForecast:
    """The model that was fitted to the clinic's own courses, with its check.

    `start` is the starting model that it was shrunk towards; `answered` how many scores there are
    at each visit; `cut` the registry's hash."""

    start: str
    visits: tuple[int, ...]
    mean: tuple[Decimal, ...]
    covariance: tuple[tuple[Decimal, ...], ...]
    courses: int
    answered: tuple[int, ...]
    cut: str
    check: ForecastCheck


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Everything known as of one date, made by `load.knowledge(as_of)`: the only file opener.

    `translations` are by language, questionnaire and the version whose words they render.
    `protocol_versions` are all there ever were, by id and version: a course keeps its own.
    """

    as_of: date
    abouts: Mapping[str, About]
    questionnaires: Mapping[str, Questionnaire]
    translations: Mapping[tuple[str, str, str], Translation]
    danger_words: Mapping[str, DangerWords]
    visit_words: Mapping[str, VisitWords]
    aftercare_words: Mapping[str, AftercareWords]
    consent_words: Mapping[str, ConsentWords]
    estimate_words: Mapping[str, ConsentWords]
    choice_words: Mapping[str, ChoiceWords]
    self_check_words: Mapping[str, SelfCheckWords]
    enquiry_words: Mapping[str, EnquiryWords]
    measures: Mapping[str, Measure]
    conditions: Mapping[str, Condition]
    sites: Mapping[str, Site]
    site_positions: Mapping[tuple[str, str, str], tuple[Decimal, Decimal]]
    protocols: Mapping[str, Protocol]
    protocol_versions: Mapping[tuple[str, str], Protocol]
    planning: Planning
    candidacy_rules: tuple[CandidacyRule, ...]
    row_tables: tuple[RowTable, ...]
    row_answers: tuple[RowAnswer, ...]
    opioid_factors: Mapping[str, OpioidFactor]
    motion_norms: tuple[MotionNorm, ...]
    stability_tests: Mapping[str, StabilityTest]
    stability_grades: tuple[StabilityGrade, ...]
    beighton_joints: tuple[BeightonJoint, ...]
    beighton_cut_offs: tuple[BeightonCutOff, ...]
    hypermobility_questions: tuple[HypermobilityQuestion, ...]
    block_needs: Mapping[str, BlockNeed]
    danger_rules: tuple[DangerRule, ...]
    day_checks: Mapping[str, DayCheck]
    complications: Mapping[str, Complication]
    harm_alarms: Mapping[str, HarmAlarm]
    judge_rules: tuple[JudgeRule, ...]
    visit_texts: tuple[VisitText, ...]
    stop_rule: StopRuleDefaults
    stop_choices: Mapping[str, StopChoice]
    judge_studies: tuple[JudgeStudy, ...]
    anaesthetic_limits: tuple[AnaestheticLimit, ...]
    substances: Mapping[str, Substance]
    mixture_cautions: tuple[MixtureCaution, ...]
    mixing: MixingLimits
    tariff: Mapping[str, TariffItem]
    tariff_parts: Mapping[str, TariffPart]
    estimate_rules: EstimateRules
    estimate_texts: Mapping[str, EstimateText]
    benchmarks: Mapping[str, Benchmark]
    evidence_topics: Mapping[str, EvidenceTopic]
    syntheses: Mapping[str, Synthesis]
    certainty_limits: CertaintyLimits
    windows: Mapping[str, Window]
    session_window: SessionWindow
    second_start: SecondStart
    publishing: Publishing
    research: ResearchRules
    stock_rules: StockRules
    upload_rules: UploadRules
    emergency_rules: EmergencyRules
    retentions: Mapping[str, Retention]
    booking_rules: BookingRules
    forecast_starts: Mapping[str, ForecastStart]
    forecast_rules: ForecastRules
    forecast_checks: Mapping[str, ForecastCheck]
    untreated_groups: Mapping[str, UntreatedGroup]
    anyway_rules: AnywayRules
    reminder_rules: ReminderRules
    message_texts: Mapping[str, MessageText]
    aftercare_texts: tuple[AftercareText, ...]
    consent_rules: ConsentRules
    consent_texts: Mapping[str, ConsentText]
    choice_rules: ChoiceRules
    choice_options: Mapping[str, ChoiceOption]
    choice_notes: tuple[ChoiceNote, ...]
    choice_scales: Mapping[str, ChoiceScale]
    choice_lines: ChoiceLines
    self_check_questions: Mapping[str, SelfCheckQuestion]
    self_check_rules: SelfCheckRules
    enquiry_rules: EnquiryRules
    enquiry_lines: EnquiryLines
    pain_pill_choices: Mapping[str, PainPillChoice]
    adverse_kinds: Mapping[str, AdverseKind]
    adverse_grades: tuple[AdverseGrade, ...]
    adverse_outcomes: Mapping[str, AdverseOutcome]
    adverse_relations: Mapping[str, AdverseRelation]
    adverse_rules: AdverseRules

    def questions(self, questionnaire: str) -> Mapping[str, Question]:
        """The questions of one questionnaire by id."""
        return {q.id: q for q in self.questionnaires[questionnaire].questions}

    def protocol_of(self, plan: Plan) -> Protocol | None:
        """The protocol of a plan in the version it was made from, though it be retired since."""
        key = plan.protocol, plan.protocol_version
        return self.protocol_versions.get(key) or self.protocols.get(plan.protocol)

    def judge_study(self, choice: str) -> Mapping[str, JudgeStudy]:
        """What a stop choice did: in the `usual` world, and in the `hardest` of all for it."""
        rows = [row for row in self.judge_studies if row.choice == choice]
        usual = next(row for row in rows if row.world == "usual")
        return {"usual": usual, "hardest": max(rows, key=lambda row: row.false_stops)}
