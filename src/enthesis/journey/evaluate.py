"""Evaluating: may this complaint be injected? Findings with their rules, and what is not known.

Unknown is never no. An open question stands in the way of *suitable*, also with care; it does
not stand in the way of *refer first* or *not suitable*, which more answers could only confirm.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

from enthesis.journey import examination
from enthesis.journey.rows import said_by_rows
from enthesis.knowledge.kinds import CandidacyRule, Condition, Knowledge, Question, When
from enthesis.records import Answer, Candidacy, Evaluation, EvaluationResult, Finding, as_written

QUESTIONNAIRE = "evaluation"
AGE = "age_years"
# From the best answer to the worst, and from the finding to show first to the last.
ANSWERS = tuple(Candidacy)
KINDS = ("emergency", "urgent", "absolute", "relative", "caution", "inform")


def evaluate(
    evaluation: Evaluation, condition: Condition, born_on: date | None, known: Knowledge
) -> EvaluationResult:
    """The worst of all findings that no clinician set aside, with every finding and open question.

    `missing` names required questions that are open or contradicted by a row, and `age_years`
    while the date of birth is unknown.
    A finding that was set aside stays, with the reason and without leading anywhere.
    """
    questions = questions_for(condition, known)
    rules = [r for r in known.candidacy_rules if _is_for(r.regions, condition)]
    given = given_answers(questions, evaluation.answers)
    said = said_by_rows(evaluation.rows, given, {q.id: q for q in questions}, known)
    given = dict(said.answers)
    facts: dict[str, Answer] = {**given, **said.facts, AGE: age_years(born_on, evaluation.on)}
    facts |= examination.facts(condition, given, facts[AGE], known)
    met = [rule for rule in rules if all(_holds(when, facts[when.question]) for when in rule.when)]
    findings = [_set_aside(_finding(rule, facts), evaluation.cleared) for rule in met]
    missing = _missing(questions, given, rules, facts, said.contradicted)
    worst = max((f.leads_to for f in findings if f.leads_to), key=ANSWERS.index, default=ANSWERS[0])
    is_open = bool(missing) and ANSWERS.index(worst) < ANSWERS.index(Candidacy.REFER_FIRST)
    return EvaluationResult(
        answer=None if is_open else worst,
        findings=tuple(sorted(findings, key=_urgency)),
        missing=missing,
        rules_of=known.as_of,
    )


def questions_for(condition: Condition, known: Knowledge) -> tuple[Question, ...]:
    """The questions that fit a condition's region, in their order; last what is examined there."""
    asked = (
        question
        for question in known.questionnaires[QUESTIONNAIRE].questions
        if _is_for(question.regions, condition)
    )
    return (*asked, *examination.questions(condition, known))


def given_answers(
    questions: Iterable[Question], answers: Mapping[str, Answer]
) -> dict[str, Answer]:
    """The answer of every question; None where there is none, or none that the question allows."""
    return {q.id: _fitting(q, answers.get(q.id)) for q in questions}


def applies(question: Question, answers: Mapping[str, Answer]) -> bool:
    """Whether a question is to be asked, given the answers so far."""
    return all(
        not set(as_written(answers.get(name))).isdisjoint(of)
        for name, of in question.only_if.items()
    )


def _is_for(regions: tuple[str, ...], condition: Condition) -> bool:
    return not regions or condition.region in regions


def _fitting(question: Question, answer: Answer) -> Answer:
    """The answer, or None: what a question does not offer is not known, never passed over."""
    allowed = {value for value, _ in question.options}
    if question.kind == "yes_no":
        return answer if isinstance(answer, bool) else {"yes": True, "no": False}.get(str(answer))
    if question.kind == "choices":
        fits = isinstance(answer, tuple) and bool(answer) and set(answer) <= allowed
    elif question.kind == "choice":
        fits = answer in allowed
    elif question.kind in ("number", "scale"):
        fits = isinstance(answer, Decimal) and _is_within(question, answer)
    else:
        fits = answer is not None and bool(str(answer).strip())
    return answer if fits else None


def _is_within(question: Question, number: Decimal) -> bool:
    low, high = question.minimum, question.maximum
    return (low is None or number >= low) and (high is None or number <= high)


def _holds(when: When, answer: Answer) -> bool:
    if when.is_in:
        return not set(as_written(answer)).isdisjoint(when.is_in)
    if not isinstance(answer, Decimal):
        return False
    if when.at_least is not None:
        return answer >= when.at_least
    return when.below is not None and answer < when.below


def age_years(born_on: date | None, on: date) -> Decimal | None:
    """Whole years lived; None where the birth date is unknown or lies ahead."""
    if born_on is None or born_on > on:
        return None
    had_birthday = (on.month, on.day) >= (born_on.month, born_on.day)
    return Decimal(on.year - born_on.year - (not had_birthday))


def _finding(rule: CandidacyRule, facts: Mapping[str, Answer]) -> Finding:
    inputs: dict[str, object] = {w.question: _used(w, facts[w.question]) for w in rule.when}
    inputs["kind"] = rule.kind
    return Finding(rule.id, rule.text, rule.action, rule.source, rule.leads_to, inputs)


def _used(when: When, answer: Answer) -> Answer:
    """Of several answers those that the test looks for."""
    return tuple(a for a in answer if a in when.is_in) if isinstance(answer, tuple) else answer


def _set_aside(finding: Finding, cleared: Mapping[str, str]) -> Finding:
    reason = cleared.get(finding.rule, "").strip()
    if not reason or finding.leads_to is None:
        return finding
    inputs = {**finding.inputs, "set_aside": reason, "would_lead_to": finding.leads_to.value}
    return replace(finding, leads_to=None, inputs=inputs)


def _missing(
    questions: Iterable[Question],
    given: Mapping[str, Answer],
    rules: Iterable[CandidacyRule],
    facts: Mapping[str, Answer],
    contradicted: Collection[str],
) -> tuple[str, ...]:
    is_open = {id for id, answer in given.items() if answer is None or id in contradicted}
    missing = [q.id for q in questions if q.required and q.id in is_open and applies(q, given)]
    if facts[AGE] is None and any(when.question == AGE for r in rules for when in r.when):
        missing.append(AGE)
    return tuple(missing)


def _urgency(finding: Finding) -> tuple[bool, int]:
    return "set_aside" in finding.inputs, KINDS.index(str(finding.inputs["kind"]))
