"""What the patient says: questions to ask, answers to scores, six signs, what is due."""

import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Literal

from enthesis.journey.course import Phase, next_recheck_on, phase
from enthesis.knowledge.kinds import (
    Benchmark,
    BenchmarkPoint,
    DangerRule,
    Knowledge,
    Measure,
    Question,
    Questionnaire,
)
from enthesis.records import Answer, Assessment, Course, Occasion, as_written

ANY_ANSWER = "*"
# Named as a questionnaire, this group is asked alone: some days after a session, when scores would
# be of soreness. It answers nothing else.
SAFETY = "safety"
SIGNS = ("pain", "medication", "activity", "joint_noise", "spasm", "mood")
_ORDER = {Occasion.BASELINE: 0, Occasion.AFTER_SESSION: 1, Occasion.RECHECK: 2}

SignStatus = Literal["real_change", "within_error", "not_validated", "not_compared", "not_asked"]


@dataclass(frozen=True, slots=True)
class Reading:
    """One score on one day. `value` None: asked and not answered. `sessions_before`: given by then.

    `is_baseline`: before any treatment, so that it counts towards the start.
    """

    on: date
    occasion: Occasion
    value: Decimal | None
    sessions_before: int
    is_baseline: bool


@dataclass(frozen=True, slots=True)
class SignTrend:
    """One of the six signs. `goes` is empty unless the change is real."""

    sign: str
    measure: Measure
    readings: tuple[Reading, ...]
    status: SignStatus
    better_is: Literal["up", "down"]
    goes: Literal["better", "worse", ""] = ""


@dataclass(frozen=True, slots=True)
class Due:
    """Answers that are wanted. `late_days` is 0 until the clinic's patience has run out; `is_lost`:
    silent for so long since then that nobody is told to call any more."""

    occasion: Occasion
    due_on: date
    late_days: int
    is_lost: bool = False


# --- asking


def visible_questions(
    questionnaire: Questionnaire,
    occasion: Occasion,
    answers: Mapping[str, Answer],
    known: Knowledge,
    earlier: Mapping[str, Answer] | None = None,
    region: str = "",
) -> tuple[Question, ...]:
    """The questions to show, given the answers so far, in this patient's words.

    `region` is that of the complaint: some are asked only of backs. `earlier` are answers that hold
    on (`lasting_answers`): what is asked `once` is not asked again, and without the names of the
    patient's activities, the activities are not asked about. The version in force of the
    questionnaire is taken; raises KeyError where there is none.
    """
    questions = known.questionnaires[questionnaire.id].questions
    said = {**(earlier or {}), **answers}
    here = (q for q in questions if not q.regions or region in q.regions)
    wanted = (q for q in here if not (q.once and q.id in (earlier or {}) and q.id not in answers))
    shown = (q for q in wanted if _asked_at(q, occasion) and _applies(q, said))
    return tuple(in_words(q, said) for q in shown)


def screens(questions: Sequence[Question]) -> list[tuple[Question, ...]]:
    """One question a screen; short ones of one group, such as those of mood, share one."""
    found: list[tuple[Question, ...]] = []
    for question in questions:
        if found and question.kind == "choice" and _belong(found[-1][-1], question):
            found[-1] = (*found[-1], question)
        else:
            found.append((question,))
    return found


def _belong(one: Question, other: Question) -> bool:
    return bool(other.group) and (one.group, one.kind) == (other.group, other.kind)


def lasting_answers(course: Course, known: Knowledge) -> dict[str, Answer]:
    """Answers in words (the patient's activities) and to what is asked once, the latest of each."""
    found: dict[str, Answer] = {}
    for assessment in sorted(course.assessments, key=_key):
        # The safety question stands alone under a name of its own, and has no answer in words.
        if assessment.questionnaire not in known.questionnaires:
            continue
        questions = known.questions(assessment.questionnaire)
        for id, answer in assessment.answers.items():
            lasts = id in questions and (questions[id].once or questions[id].kind == "text")
            if lasts and answer not in (None, ""):
                found[id] = answer
    return found


def in_words(question: Question, said: Mapping[str, Answer]) -> Question:
    """The question with the earlier answers that its text names put in."""
    if "{" not in question.text:
        return question
    return replace(question, text=worded(question, said))


def worded(question: Question, said: Mapping[str, Answer]) -> str:
    """The text of a question with the earlier answers that it names put in."""
    names = _names_in(question.text)
    return question.text.format_map({name: str(said.get(name) or "…") for name in names})


@lru_cache(maxsize=1000)
def _names_in(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name)


def _asked_at(question: Question, occasion: Occasion) -> bool:
    return not question.occasions or occasion in question.occasions


def _applies(question: Question, said: Mapping[str, Answer]) -> bool:
    return all(is_said(said.get(id), wanted) for id, wanted in question.only_if.items())


def is_said(answer: Answer, wanted: Sequence[str]) -> bool:
    """Whether an answer is one of those wanted, or any where any will do."""
    given = as_written(answer)
    return bool(given) and (ANY_ANSWER in wanted or not set(given).isdisjoint(wanted))


class AnswerError(ValueError):
    """What is wrong with an answer, in words for the patient.

    `template` and what goes into it are kept apart, so that the shell can say it in another
    language, with numbers as they are written there.
    """

    def __init__(self, template: str, **values: object) -> None:
        super().__init__(template.format(**values))
        self.template, self.values = template, values


def check_answer(question: Question, raw: str | list[str]) -> Answer:
    """What was typed or tapped as an answer; None for nothing where nothing is allowed.

    Raises AnswerError.
    """
    given = [text.strip() for text in ([raw] if isinstance(raw, str) else raw) if text.strip()]
    if not given:
        if question.required:
            raise AnswerError(_ASK_AGAIN.get(question.kind, "Please answer this question."))
        return None
    if question.kind == "choices":
        return _check_choices(question, given)
    if len(given) > 1:
        raise AnswerError("Please give one answer.")
    return _check_one(question, given[0])


_ASK_AGAIN = {
    "scale": "Please choose a number.",
    "choice": "Please choose one.",
    "choices": "Please tick at least one.",
    "yes_no": "Please choose yes or no.",
    "text": "Please write a few words.",
    "number": "Please type a number.",
    "date": "Please give a date.",
}
_WHOLE = "Please give a whole number."
_WHOLE_WITHIN = "Please give a whole number from {low} to {high}."
_WITHIN = "Please give a number from {low} to {high}."
_NOT_BOTH = "Please tick either “{none}” or other lines, not both."
_LONGEST_TEXT = 200
_NONE = "none"


def _check_one(question: Question, text: str) -> Answer:
    if question.kind in ("scale", "number"):
        return _check_number(question, text)
    if question.kind == "choice":
        return _as_number(_check_option(question, text))
    if question.kind == "yes_no":
        if text not in ("yes", "no"):
            raise AnswerError(_ASK_AGAIN["yes_no"])
        return text == "yes"
    if question.kind == "date":
        return _check_date(text)
    if len(text) > _LONGEST_TEXT:
        raise AnswerError("Please use fewer words: at most {most} letters.", most=_LONGEST_TEXT)
    return text


def _check_number(question: Question, text: str) -> Decimal:
    number = _as_number(text.replace(",", "."))
    low, high = question.minimum, question.maximum
    whole = question.kind == "scale"
    within = (
        isinstance(number, Decimal)
        and (low is None or number >= low)
        and (high is None or number <= high)
        and (not whole or number == number.to_integral_value())
    )
    if not isinstance(number, Decimal) or not within:
        if low is None or high is None:
            raise AnswerError(_WHOLE if whole else _ASK_AGAIN["number"])
        raise AnswerError(_WHOLE_WITHIN if whole else _WITHIN, low=low, high=high)
    return number


def _check_option(question: Question, text: str) -> str:
    if text not in {value for value, _ in question.options}:
        raise AnswerError("Please choose one of the answers shown.")
    return text


def _check_choices(question: Question, given: list[str]) -> tuple[str, ...]:
    for text in given:
        _check_option(question, text)
    if _NONE in given and len(given) > 1:
        label = dict(question.options)[_NONE]
        raise AnswerError(_NOT_BOTH, none=label)
    return tuple(value for value, _ in question.options if value in given)


def _check_date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise AnswerError("Please give a date that exists, like 2026-11-22.") from None


def _as_number(text: str) -> Decimal | str:
    """A number where the text is one: a course file cannot tell "2" from 2 either."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return number if number.is_finite() else text


# --- scores


def score(measure: Measure, answers: Mapping[str, Answer]) -> Decimal | None:
    """One measure on its own scale, by its rule for missing items."""
    value_of = _ticked if measure.scoring == "count" else number_of
    values = [value_of(answers.get(item)) for item in measure.items]
    found = [v for v in values if v is not None]
    if not found or (measure.missing == "all" and len(found) < len(values)):
        return None
    total = sum(found, Decimal(0))
    return total / len(found) if measure.scoring == "mean" else total


def number_of(answer: Answer) -> Decimal | None:
    """The number that an answer is; None where it is none."""
    if isinstance(answer, str):
        answer = _as_number(answer)
    return answer if isinstance(answer, Decimal) else None


def _ticked(answer: Answer) -> Decimal | None:
    """How many were ticked; a number is a total that was brought in from elsewhere."""
    if isinstance(answer, tuple):
        return Decimal(sum(value != _NONE for value in answer))
    return number_of(answer)


def answer_problems(course: Course, known: Knowledge) -> Iterator[str]:
    """Scores outside their scale, with where they stand: a slip, or another scale."""
    for i, assessment in enumerate(course.assessments):
        for id, answer in assessment.answers.items():
            value, ends = number_of(answer), _ends(id, known)
            if value is not None and ends and not ends[0] <= value <= ends[1]:
                yield (
                    f"assessments[{i}].answers.{id}: {value:f} is outside the scale from "
                    f"{ends[0]:f} to {ends[1]:f}; mend the number"
                )


def _ends(item: str, known: Knowledge) -> tuple[Decimal, Decimal] | None:
    """The scale of one item: that of a measure that is the item, or sums or averages it."""
    for measure in known.measures.values():
        if item in measure.items and measure.scoring != "sum":
            return measure.minimum, measure.maximum
    for measure in known.measures.values():
        if item in measure.items:
            return measure.minimum, measure.maximum / len(measure.items)
    return None


def sessions_before(course: Course, assessment: Assessment) -> int:
    """How many sessions had been given when the patient answered.

    On the day of a session the answer comes first, at the visit and before the needle. The one
    exception is an answer about the first session, which cannot come before it.
    """
    given = sum(s.on < assessment.on for s in course.sessions)
    if given == 0 and assessment.occasion is not Occasion.BASELINE:
        return int(any(s.on == assessment.on for s in course.sessions))
    return given


def readings(course: Course, measure_id: str, known: Knowledge) -> tuple[Reading, ...]:
    """The scores of one measure by day, for every day on which one of its items was asked.

    Several answers on one day and occasion are one reading, the worst: two taps on one day must
    not count as "twice". A baseline answered after treatment began is no baseline.
    """
    return measure_readings(course, known.measures[measure_id])


def measure_readings(course: Course, measure: Measure) -> tuple[Reading, ...]:
    """`readings` of a measure at hand."""
    by_day: dict[tuple[date, int], Reading] = {}
    for assessment in course.assessments:
        if not any(item in assessment.answers for item in measure.items):
            continue
        reading = _reading(course, assessment, measure)
        key = assessment.on, _ORDER[assessment.occasion]
        by_day[key] = _worse(by_day[key], reading, measure) if key in by_day else reading
    return tuple(by_day[key] for key in sorted(by_day))


def _reading(course: Course, assessment: Assessment, measure: Measure) -> Reading:
    before = sessions_before(course, assessment)
    ended = course.series_ended_on
    return Reading(
        on=assessment.on,
        occasion=assessment.occasion,
        value=score(measure, assessment.answers),
        sessions_before=before,
        is_baseline=assessment.occasion is Occasion.BASELINE
        and before == 0
        and (ended is None or assessment.on <= ended),
    )


def _worse(one: Reading, other: Reading, measure: Measure) -> Reading:
    if one.value is None or other.value is None:
        return other if one.value is None else one
    return one if to_gain(measure, one.value) >= to_gain(measure, other.value) else other


def to_gain(measure: Measure, value: Decimal) -> Decimal:
    """How far a score is from the best end of its scale: 0 is the best possible."""
    return value - measure.minimum if measure.higher_is == "worse" else measure.maximum - value


def baseline(found: Sequence[Reading]) -> Decimal | None:
    """The mean of the answered readings before the first session; None if there are none."""
    values = [r.value for r in found if r.is_baseline and r.value is not None]
    return sum(values, Decimal(0)) / len(values) if values else None


def relief_percent(measure: Measure, start: Decimal, value: Decimal) -> Decimal | None:
    """The share of what there was to gain that is gained, to a hundredth of a percent.

    For pain: the fall from the start in percent of the start. None where the start was the best
    possible already, so that there was nothing to gain.
    """
    room = to_gain(measure, start)
    if room == 0:
        return None
    return ((room - to_gain(measure, value)) * 100 / room).quantize(Decimal("0.01"))


# --- the six signs


def signs(course: Course, known: Knowledge) -> tuple[SignTrend, ...]:
    """The six signs, each by the first of its measures that was asked, else by the first."""
    found = []
    for sign in SIGNS:
        candidates = [m for m in known.measures.values() if m.sign == sign]
        read = [(m, measure_readings(course, m)) for m in candidates]
        found += [_trend(sign, *pair) for pair in sorted(read, key=lambda p: not p[1])[:1]]
    return tuple(found)


def _trend(sign: str, measure: Measure, found: tuple[Reading, ...]) -> SignTrend:
    better_is: Literal["up", "down"] = "down" if measure.higher_is == "worse" else "up"
    start = baseline(found)
    last = next((r.value for r in reversed(found) if r.value is not None), None)
    if last is None:
        return SignTrend(sign, measure, found, "not_asked", better_is)
    if not measure.validated or measure.error is None:
        return SignTrend(sign, measure, found, "not_validated", better_is)
    if start is None or all(r.is_baseline for r in found if r.value is not None):
        return SignTrend(sign, measure, found, "not_compared", better_is)
    gained = to_gain(measure, start) - to_gain(measure, last)
    if abs(gained) < measure.error:
        return SignTrend(sign, measure, found, "within_error", better_is)
    goes: Literal["better", "worse"] = "better" if gained > 0 else "worse"
    return SignTrend(sign, measure, found, "real_change", better_is, goes)


# --- worrying and due


def dangers(answers: Mapping[str, Answer], known: Knowledge) -> tuple[DangerRule, ...]:
    """The warning signs among the answers, in the order of the file."""
    said = {
        q: set(as_written(answers.get(q))) for q in {rule.question for rule in known.danger_rules}
    }
    return tuple(r for r in known.danger_rules if not said[r.question].isdisjoint(r.is_in))


def due(course: Course, known: Knowledge, today: date) -> tuple[Due, ...]:
    """The answers that are wanted by today: at most one set at a time."""
    found = next_answers(course, known)
    if found is None or found[1] > today:
        return ()
    occasion, on = found
    waited = (today - on).days
    late = waited if waited > known.stop_rule.answer_overdue_days else 0
    return (Due(occasion, on, late, is_lost=waited > known.stop_rule.lost_after_days),)


def next_answers(course: Course, known: Knowledge) -> tuple[Occasion, date] | None:
    """Which answers come next, and when; None while the course waits for none."""
    now = phase(course)
    if now in (Phase.EVALUATED, Phase.PLANNED) and course.plan is not None and not course.sessions:
        # A warning sign alone ends the questions: the start itself is then still unknown.
        start = baseline(readings(course, course.plan.stop_rule.measure, known))
        return None if start is not None else (Occasion.BASELINE, _baseline_due_on(course))
    if now is Phase.TREATING and course.sessions:
        return _after_session(course, known)
    recheck_on = next_recheck_on(course, known)
    return None if recheck_on is None else (Occasion.RECHECK, recheck_on)


def _baseline_due_on(course: Course) -> date:
    """At once: from the agreement, else the evaluation, else the opening of the course."""
    if course.plan is not None and course.plan.agreed_on is not None:
        return course.plan.agreed_on
    return course.opened_on if course.evaluation is None else course.evaluation.on


def _after_session(course: Course, known: Knowledge) -> tuple[Occasion, date] | None:
    given = len(course.sessions)
    for assessment in course.assessments:
        about_last = assessment.occasion is not Occasion.BASELINE
        about_last = about_last and assessment.questionnaire != SAFETY
        if about_last and sessions_before(course, assessment) == given:
            return None
    rule = known.stop_rule
    interval = 0 if course.plan is None else course.plan.interval_days
    days = max(rule.ask_after_days, interval - rule.ask_before_days)
    return Occasion.AFTER_SESSION, max(s.on for s in course.sessions) + timedelta(days=days)


# --- what happens anyway


def benchmark_points(
    benchmark: Benchmark, measure: Measure, start: Decimal | None
) -> tuple[BenchmarkPoint, ...]:
    """The middle half of the comparison group as scores, kept within the scale.

    Changes are counted from the patient's own `start`; without one there is nothing to show.
    """
    if not benchmark.is_change:
        return benchmark.points
    if start is None:
        return ()
    return tuple(
        BenchmarkPoint(
            p.weeks,
            _within(measure, start + p.low),
            _within(measure, start + p.middle),
            _within(measure, start + p.high),
            p.n,
        )
        for p in benchmark.points
    )


def _within(measure: Measure, value: Decimal) -> Decimal:
    return min(max(value, measure.minimum), measure.maximum)


def _key(assessment: Assessment) -> tuple[date, int]:
    return assessment.on, _ORDER[assessment.occasion]
