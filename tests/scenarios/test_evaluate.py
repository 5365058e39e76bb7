"""Runs the evaluations of evaluate.toml, and proves that they reach every rule."""

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from docs.candidacy import UNSOURCED, scenarios, sourced

from enthesis.journey.evaluate import evaluate
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.load import knowledge
from enthesis.records import Candidacy, Evaluation, EvaluationResult
from enthesis.shape import read

FILE = tomllib.loads(
    Path(__file__).with_name("evaluate.toml").read_text(encoding="utf-8"), parse_float=Decimal
)
ON = date(2026, 11, 23)
BORN_ON = date(1980, 5, 1)


@pytest.fixture(scope="module")
def known() -> Knowledge:
    return knowledge(ON)


def result_of(
    entry: dict[str, Any],
    changes: dict[str, Any],
    born_on: date | None,
    known: Knowledge,
    rows: str = "rows",
) -> EvaluationResult:
    answers = {**FILE["clear"][entry["condition"]], **changes}
    answers = {k: v for k, v in answers.items() if k not in entry.get("open", [])}
    data = {"on": ON, "answers": answers, "cleared": entry.get("cleared", {})}
    data["rows"] = entry.get(rows, {})
    condition = known.conditions[entry["condition"]]
    return evaluate(read(Evaluation, data), condition, born_on, known)


@pytest.mark.parametrize("entry", FILE["scenario"], ids=lambda e: e["name"])
def test_the_evaluation_answers_as_written(entry: dict[str, Any], known: Knowledge) -> None:
    result = result_of(entry, entry.get("changes", {}), BORN_ON, known)
    wanted = Candidacy(entry["answer"]) if "answer" in entry else None
    assert [f.rule for f in result.findings] == entry["finds"]
    assert (result.answer, result.missing) == (wanted, tuple(entry.get("missing", ())))


@pytest.mark.parametrize(
    "entry", FILE["rule"], ids=[f"{n}-{e['rule']}" for n, e in enumerate(FILE["rule"])]
)
def test_the_rule_is_found_when_it_is_met_and_only_then(
    entry: dict[str, Any], known: Knowledge
) -> None:
    born_on = entry.get("born_on", BORN_ON)
    met = result_of(entry, entry["fires"], born_on, known, "fires_rows")
    assert entry["rule"] in [f.rule for f in met.findings]
    assert met.answer == (Candidacy(entry["answer"]) if "answer" in entry else None)
    spared_born_on = entry.get("spared_born_on", born_on)
    unmet = result_of(entry, entry["spares"], spared_born_on, known, "spares_rows")
    assert entry["rule"] not in [f.rule for f in unmet.findings]


def test_every_rule_has_its_scenario(known: Knowledge) -> None:
    assert sorted({e["rule"] for e in FILE["rule"]}) == sorted(r.id for r in known.candidacy_rules)


def test_the_page_that_counts_the_rules_names_each_as_fired_and_spared(known: Knowledge) -> None:
    fired, spared = scenarios()
    assert [r.id for r in known.candidacy_rules if not (fired[r.id] and spared[r.id])] == []
    unsourced = [r.id for r in known.candidacy_rules if sourced(r) == UNSOURCED]
    assert "gout" in unsourced and "saddle_numbness" not in unsourced
    assert all(r.source.strip() for r in known.candidacy_rules)


def test_a_finding_shows_its_rule_source_action_and_what_was_answered(known: Knowledge) -> None:
    entry = next(e for e in FILE["rule"] if e["rule"] == "new_pain_50_or_older")
    result = result_of(entry, entry["fires"], entry["born_on"], known)
    (finding,) = [f for f in result.findings if f.rule == entry["rule"]]
    rule = next(r for r in known.candidacy_rules if r.id == entry["rule"])
    assert (finding.text, finding.action, finding.source) == (rule.text, rule.action, rule.source)
    assert finding.inputs == {"age_years": 50, "pain_months": 2, "kind": "urgent"}


@pytest.mark.parametrize("born_on", [None, date(2027, 1, 1)])
def test_without_a_usable_date_of_birth_the_age_is_missing(
    born_on: date | None, known: Knowledge
) -> None:
    result = result_of({"condition": "knee_oa"}, {}, born_on, known)
    assert (result.answer, result.missing) == (None, ("age_years",))


def test_what_was_set_aside_keeps_its_reason_and_where_it_would_lead(known: Knowledge) -> None:
    entry = {"condition": "knee_oa", "cleared": {"pregnancy": "Test negative today."}}
    (finding,) = result_of(entry, {"pregnant": True}, BORN_ON, known).findings
    assert finding.leads_to is None
    assert finding.inputs["set_aside"] == "Test negative today."
    assert finding.inputs["would_lead_to"] == "refer_first"
