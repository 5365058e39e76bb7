"""How a rule came out, in words: the sentences are in knowledge/rules/judge.toml."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_FLOOR, Decimal

from enthesis.journey.facts import Facts
from enthesis.knowledge.kinds import JudgeRule
from enthesis.records import Mark, NextStep, Reason


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a rule came out: `key` chooses its words, `inputs` are the numbers used."""

    mark: Mark
    key: str
    inputs: Mapping[str, object] = field(default_factory=dict)


def reason_of(rule: JudgeRule, outcome: Outcome, facts: Facts) -> Reason:
    words = _words_for(outcome, facts)
    return Reason(
        rule=rule.id,
        mark=outcome.mark,
        text=rule.texts[outcome.key].format_map(words),
        source=rule.source.format_map(words),
        inputs={k: v for k, v in outcome.inputs.items() if v is not None and v != ""},
    )


def laid_out(
    reasons: Iterable[Reason], rules: Iterable[JudgeRule]
) -> tuple[tuple[Reason, ...], tuple[Reason, ...]]:
    """(shown, folded): what a busy clinician reads first, and the rest, which was not met.

    First what is met, then the rules that are always shown, then what cannot be known; the last
    of the reasons, what a course cannot show, stays the last.
    """
    always = {rule.id for rule in rules if rule.always_shown}

    def place(reason: Reason) -> int:
        if reason.mark is Mark.MET:
            return 0
        return 1 if reason.rule in always else 2

    in_order = sorted(reasons, key=place)
    folded = {r.rule for r in in_order if place(r) == 2 and r.mark is Mark.NOT_MET}
    return (
        tuple(r for r in in_order if r.rule not in folded),
        tuple(r for r in in_order if r.rule in folded),
    )


def headline_of(rule: JudgeRule, outcome: Outcome, facts: Facts) -> str:
    key = outcome.key
    if rule.id == "D1" and facts.decision is not None:
        key = key if key == "against" else facts.decision.decided.value
    if rule.id == "G1":
        key = _headline_of_going_on(key, facts)
    return rule.headlines[key].format_map(_words_for(outcome, facts))


def _headline_of_going_on(key: str, facts: Facts) -> str:
    plan = facts.course.plan
    if key == "decided":
        return key
    if plan is None or plan.agreed_on is None:
        return (
            key
            if key in ("no_start", "reached_once") and plan is not None
            else ("open" if facts.course.sessions else "not_planned")
        )
    if facts.given >= plan.sessions_max and key not in ("unanswered", "reached_once"):
        return "open"
    return key


def _words_for(outcome: Outcome, facts: Facts) -> dict[str, str]:
    agreed = "" if facts.course.plan is not None else "the clinic's default, "
    return {
        **{name: in_words(name, value) for name, value in outcome.inputs.items()},
        "measure": facts.measure.name,
        "measure_source": facts.measure.source,
        "version": f"{agreed}version {facts.rule.version}",
        "recurrence": in_words("recurrence", facts.known.stop_rule.recurrence_percent),
        "given": _given(facts),
        "recheck": _recheck(facts),
    }


def in_words(name: str, value: object) -> str:
    """A number of a reason as it is written in a sentence: shares are rounded down, never up."""
    if isinstance(value, NextStep):
        return value.value.replace("_", " ")
    if name == "times" and isinstance(value, int):
        return {1: "once", 2: "twice"}.get(value, f"{value} times")
    if isinstance(value, date):
        return f"{value.day} {value:%b} {value.year}"
    if not isinstance(value, Decimal):
        return "unknown" if value is None else str(value)
    share = name in ("relief", "lost")
    step = Decimal(1) if share else Decimal("0.1")
    rounded = value.quantize(step, rounding=ROUND_FLOOR if share else None)
    text = f"{rounded:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def _given(facts: Facts) -> str:
    if facts.given:
        return f"{facts.given} session" + ("" if facts.given == 1 else "s")
    return "no session" if facts.course.series_ended_on is None else "a series elsewhere"


def _recheck(facts: Facts) -> str:
    on = facts.recheck_on
    if on is None:
        return ""
    return f"since {in_words('', on)}" if on <= facts.today else f"in {on:%B} {on.year}"
