"""What an invented person is found to have at the evaluation, from the questions as they stand.

Nothing here holds a rule: findings are avoided, or one of them is brought about, by reading what
the candidacy rules look for; whether that worked is asked of `journey.evaluate` itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import combinations
from math import exp, log
from statistics import NormalDist

from numpy.random import Generator

from enthesis.invented.truth import Truth
from enthesis.journey.allergies import carried
from enthesis.journey.evaluate import evaluate, questions_for
from enthesis.knowledge.kinds import Condition, Knowledge, Question, When
from enthesis.records import Answer, Candidacy, Evaluation, EvaluationResult

TREATABLE = (Candidacy.SUITABLE, Candidacy.SUITABLE_WITH_CARE)
UNSUITABLE = (Candidacy.NOT_SUITABLE, Candidacy.REFER_FIRST)
TRIES = 200
PLAIN_SHARE = 0.9
STEPS = 10
"""A number is one of this many, equally likely."""
NUMBER_SPAN = 60
"""Numbers without a most are drawn up to this much above the least."""


@dataclass(frozen=True, slots=True)
class Found:
    """An evaluation and what the rules say of it."""

    evaluation: Evaluation
    result: EvaluationResult


def draw_evaluation(
    rng: Generator,
    condition: Condition,
    born_on: date,
    on: date,
    known: Knowledge,
    truth: Truth,
    suitable: bool,
    allergies: str = "",
) -> Found:
    """An evaluation that comes out treatable, or with a finding that stands against treatment.

    Raises ValueError where the rules allow neither to be found.
    """
    wanted = TREATABLE if suitable else UNSUITABLE
    questions = questions_for(condition, known)
    harmful = _harmful(condition, known)
    choices = {q.id: _choices(q) for q in questions} | {
        "pain_months": _months_of_pain(truth, born_on, on)
    }
    for _ in range(TRIES):
        asked = [q for q in questions if q.required and not q.only_if]
        answers = {q.id: _answer(rng, q, choices[q.id], harmful.get(q.id, ())) for q in asked}
        if allergies:
            answers = carried(answers | {"allergies": None}, allergies, known)
        if not suitable:
            answers |= _finding(rng, condition, known, {q.id: q for q in questions})
        evaluation = Evaluation(on, answers)
        result = evaluate(evaluation, condition, born_on, known)
        if result.answer in wanted:
            return Found(evaluation, result)
    raise ValueError(f"No evaluation of {condition.id} came out as {wanted} in {TRIES} tries.")


def _harmful(condition: Condition, known: Knowledge) -> Mapping[str, tuple[When, ...]]:
    """By question, what the rules of this region would hold against treatment."""
    found: dict[str, tuple[When, ...]] = {}
    for rule in known.candidacy_rules:
        if rule.leads_to in UNSUITABLE and (not rule.regions or condition.region in rule.regions):
            for when in rule.when:
                found[when.question] = (*found.get(when.question, ()), when)
    return found


def _answer(
    rng: Generator, question: Question, choices: list[Answer], avoid: tuple[When, ...]
) -> Answer:
    """An answer that none of `avoid` looks for: mostly the plainest one, at times another."""
    harmless = [c for c in choices if not any(_is_met(w, c) for w in avoid)]
    if not harmless:
        return None
    plain = question.kind in ("yes_no", "choice") and rng.random() < PLAIN_SHARE
    return harmless[0 if plain else int(rng.integers(len(harmless)))]


def _choices(question: Question) -> list[Answer]:
    """Answers to choose from, the plainest first."""
    options = [value for value, _ in question.options]
    if question.kind == "yes_no":
        return [False, True]
    if question.kind == "choice":
        return list(options)
    if question.kind == "choices":
        # The first option says that there is nothing; where "none" is one, nothing else is ticked.
        return [("none",)] if "none" in options else list(combinations(options[1:], 2))
    if question.kind in ("scale", "number"):
        low = int(question.minimum or 0)
        high = low + NUMBER_SPAN if question.maximum is None else int(question.maximum)
        return [Decimal(low + (high - low) * step // STEPS) for step in range(1, STEPS + 1)]
    return [None]


def _months_of_pain(truth: Truth, born_on: date, on: date) -> list[Answer]:
    """How long it may have hurt, equally likely: never longer than the person has lived."""
    logs = NormalDist(log(truth("people.pain_months_median")), truth("people.pain_months_log_sd"))
    lived = (on.year - born_on.year) * 12 + on.month - born_on.month - 1
    drawn = (exp(logs.inv_cdf((step + 0.5) / STEPS)) for step in range(STEPS))
    return [Decimal(min(round(months), lived)) for months in drawn]


def _finding(
    rng: Generator, condition: Condition, known: Knowledge, questions: Mapping[str, Question]
) -> dict[str, Answer]:
    """The answers that one rule against treatment looks for."""
    rules = [
        rule
        for rule in known.candidacy_rules
        if rule.leads_to in UNSUITABLE
        and (not rule.regions or condition.region in rule.regions)
        and all(when.question in questions for when in rule.when)
    ]
    rule = rules[int(rng.integers(len(rules)))]
    return {when.question: _meeting(when, questions[when.question]) for when in rule.when}


def _meeting(when: When, question: Question) -> Answer:
    if when.at_least is not None:
        return when.at_least
    if when.below is not None:
        return max(when.below - 1, question.minimum or Decimal(0))
    value = when.is_in[0]
    if question.kind == "yes_no":
        return value in ("yes", "true")
    return (value,) if question.kind == "choices" else value


def _is_met(when: When, answer: Answer) -> bool:
    """Whether one answer is what a rule looks for."""
    if isinstance(answer, Decimal):
        over = when.at_least is not None and answer >= when.at_least
        return over or (when.below is not None and answer < when.below)
    if isinstance(answer, bool):
        return any(
            value in ("yes", "true") if answer else value in ("no", "false") for value in when.is_in
        )
    given = answer if isinstance(answer, tuple) else (answer,)
    return any(value in when.is_in for value in given)
