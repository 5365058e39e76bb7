"""Whole courses, given and judged: tests/scenarios/judge.toml says what each is for."""

import tomllib
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from enthesis.journey.facts import facts_of
from enthesis.journey.judge import RULES, judge, outcomes
from enthesis.records import Mark, Verdict
from tests.unit.journey.courses import FIRST, KNOWN, course_of

SCENARIOS = tomllib.loads(
    (Path(__file__).parent / "judge.toml").read_text(encoding="utf-8"), parse_float=Decimal
)["scenario"]
# These always come out the same way: one informs, the other gives way to every rule before it.
NEVER_MET = {"B1"}


def verdict_of(scenario: dict[str, Any]) -> Verdict:
    today = FIRST + timedelta(days=scenario["when"]["day"])
    return judge(course_of(**scenario["given"]), KNOWN, today)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s["name"])
def test_the_course_is_judged_as_written(scenario: dict[str, Any]) -> None:
    verdict, then = verdict_of(scenario), dict(scenario["then"])
    marks = {r.rule: r.mark.value for r in verdict.reasons}
    wanted = {**then.pop("marks", {}), **scenario["shows"]}
    assert {rule: marks[rule] for rule in wanted} == wanted
    said = then.pop("says", "")
    assert any(said in r.text for r in verdict.reasons)
    assert {name: getattr(verdict, name) for name in then} == then


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s["name"])
def test_every_reason_has_its_words_and_source_and_the_last_is_what_cannot_be_shown(
    scenario: dict[str, Any],
) -> None:
    verdict = verdict_of(scenario)
    assert [r.rule for r in verdict.reasons] == list(RULES)
    assert verdict.reasons[-1].rule == "B1"
    for reason in verdict.reasons:
        assert reason.text and reason.source
        assert "{" not in reason.text + reason.source + verdict.headline
        assert "unknown %" not in reason.text


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_has_a_scenario_in_which_it_fires_and_one_in_which_it_does_not(
    rule: str,
) -> None:
    shown = {s["shows"][rule] for s in SCENARIOS if rule in s["shows"]}
    if rule in NEVER_MET:
        assert shown == {Mark.CANNOT_KNOW.value}
    else:
        assert Mark.MET.value in shown and Mark.NOT_MET.value in shown


def test_every_text_of_every_rule_is_reached() -> None:
    # What no scenario reaches is dead words in the knowledge file. The one exception waits for a
    # condition whose comparison group has neither counts nor changes.
    reached = {("B1", "averaged")}
    for scenario in SCENARIOS:
        today = FIRST + timedelta(days=scenario["when"]["day"])
        told = outcomes(facts_of(course_of(**scenario["given"]), KNOWN, today))
        reached |= {(rule, outcome.key) for rule, outcome in told.items()}
    assert reached == {(rule.id, key) for rule in KNOWN.judge_rules for key in rule.texts}
