"""The page that counts the rules of candidacy: their class, their source, who reviewed them, and
the scenarios that fire each and that spare it. `docs.make_reference` writes it."""

import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from enthesis.journey.evaluate import KINDS
from enthesis.knowledge.kinds import CandidacyRule, Knowledge

SCENARIOS = Path(__file__).parents[1] / "tests" / "scenarios" / "evaluate.toml"
FILE = "rules/candidacy.toml"
SOURCED, PARTLY, UNSOURCED = "sourced", "in part UNSOURCED", "UNSOURCED or clinic's own"
Table = Callable[[Iterable[str], Iterable[Iterable[object]]], str]


def sourced(rule: CandidacyRule) -> str:
    """Whether a rule has a source, one that leaves a part open, or none."""
    if rule.source.startswith(("UNSOURCED", "Clinic's own")):
        return UNSOURCED
    return PARTLY if "UNSOURCED" in rule.source or "Clinic's own" in rule.source else SOURCED


def scenarios() -> tuple[Counter[str], Counter[str]]:
    """By rule: the evaluations that find it, and those that narrowly do not. That each does what
    it says is proved by tests/scenarios/test_evaluate.py."""
    told = tomllib.loads(SCENARIOS.read_text(encoding="utf-8"))
    pairs = [entry["rule"] for entry in told["rule"]]
    whole = [rule for entry in told["scenario"] for rule in entry["finds"]]
    return Counter([*pairs, *whole]), Counter(pairs)


def page(known: Knowledge, table: Table, notice: str) -> str:
    """Every rule by class, under the totals."""
    rules, about = known.candidacy_rules, known.abouts[FILE]
    fired, spared = scenarios()
    of = Counter((rule.kind, sourced(rule)) for rule in rules)
    reached = Counter(rule.kind for rule in rules if fired[rule.id] and spared[rule.id])
    kinds = [kind for kind in KINDS if any(rule.kind == kind for rule in rules)]
    head = ["class", "rules", SOURCED, PARTLY, UNSOURCED, "fired and spared by tests"]
    counts = [
        [kind, sum(of[kind, s] for s in (SOURCED, PARTLY, UNSOURCED)),
         *(of[kind, s] for s in (SOURCED, PARTLY, UNSOURCED)), reached[kind]]
        for kind in kinds
    ]  # fmt: skip
    all_of = ["**all**", *(sum(row[n] for row in counts) for n in range(1, len(head)))]  # type: ignore[misc]
    each = table(
        ["rule", "class", "leads to", "since", "source?", "source", "fired by", "spared by"],
        (
            (r.id, r.kind, r.leads_to or "informs", r.starts_on, sourced(r), r.source,
             fired[r.id], spared[r.id])
            for r in sorted(rules, key=lambda rule: KINDS.index(rule.kind))
        ),
    )  # fmt: skip
    return (
        f"# Rules of candidacy, counted\n\n{notice}\n\n"
        "Who is suitable, with care, after a referral, or not. The wording and what to do: "
        "[rules](rules.md). *Fired by*: evaluations in `tests/scenarios/evaluate.toml` in which "
        "the rule is found; *spared by*: evaluations in which it narrowly is not.\n\n"
        f"{table(head, [*counts, all_of])}\n\n"
        f"Reviewer of all: {about.reviewer}, {about.reviewed_on}; next review "
        f"{about.next_review_on}.\n\n{each}\n"
    )
