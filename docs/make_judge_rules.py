"""How good each stop rule is, by simulation: python -m docs.make_judge_rules [--people N].

Writes docs/reference/judge-rules.md and knowledge/tables/judge_rules.csv, from which the settings
page takes its table. Seeded: the same code writes the same bytes. Deciders that learn or were
tuned did so on people drawn with another seed, in the usual world only.
"""

import argparse
import csv
import dataclasses
import itertools
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np

import enthesis.knowledge
from docs.make_reference import AS_OF, REFERENCE, table
from enthesis.invented.rule_study import (
    Errors,
    Outcome,
    Rule,
    finish_once_or_stop,
    fixed,
    forecaster,
    learn,
    outcome,
    reliable_change,
    replay,
    seer,
    signed_rule,
    told,
)
from enthesis.invented.truth import shipped_truth
from enthesis.invented.worlds import SESSIONS, Population, World, draw_population
from enthesis.journey.forecast_model import Floats, Model, starting_model
from enthesis.journey.plan import propose
from enthesis.knowledge.load import knowledge
from enthesis.outcomes.forecast_fit import fitted
from enthesis.records import Side, StopRule

CSV = Path(enthesis.knowledge.__file__).parent / "tables" / "judge_rules.csv"
SHARES = (0.0, 0.2, 0.4, 0.6)
"""The populations of one world: so many of 100 have a specific effect. The truth is not known."""
PEOPLE, SEED, TUNING_SEED, INTERVAL_DAYS = 40_000, 20261126, 7, 21
PRICE = 280
"""Dollars a session: the middle of the shipped tariff's example, for the last column only."""
FALSE_STOPS_ALLOWED = 5.0
RELIEF_DEMANDED = 90.0

FEW_LATE = {"specific.share_late": 0.06}
NOISE = {"pain.wave_sd": 1.275, "pain.flare_height": 2.7, "pain.answer_sd": 0.75}
USUAL = World("usual", FEW_LATE)
STRESS = (
    (World("a fifth more start at session four", {"specific.share_late": 0.26}), INTERVAL_DAYS),
    (World("noise and flares × 1.5", {**FEW_LATE, **NOISE}), INTERVAL_DAYS),
    (World("25 % of answers missing", {**FEW_LATE, "process.share_missing": 0.25}), INTERVAL_DAYS),
    (World("40 % of answers missing", {**FEW_LATE, "process.share_missing": 0.40}), INTERVAL_DAYS),
    (World("all of the gain at one session", FEW_LATE, sudden=True), INTERVAL_DAYS),
    (
        World("three times the context effect", {**FEW_LATE, "pain.context_mean": 0.3}),
        INTERVAL_DAYS,
    ),
    (
        World("gains arrive in six weeks, not two", {**FEW_LATE, "specific.onset_weeks": 6}),
        INTERVAL_DAYS,
    ),
    (World("sessions every two weeks", FEW_LATE), 14),
)


def main() -> int:
    """Simulate and write both files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--people", type=int, default=PEOPLE, help="a population; default %(default)s"
    )
    people = parser.parse_args().people
    rules = the_rules(people)
    shipped = {name: rule for name, rule in rules.items() if name.startswith("shipped")}
    usual = tabulated(rules, populations(USUAL, people, SEED))
    stress = [
        (world.name, tabulated(shipped, populations(world, people, SEED + i, interval)))
        for i, (world, interval) in enumerate(STRESS, start=1)
    ]
    (REFERENCE / "judge-rules.md").write_text(page(people, usual, stress), encoding="utf-8")
    with CSV.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["choice", "world", "false_stops", "relief_kept", "sessions"])
        for world_name, rows in [("usual", usual), *stress]:
            for name, o in rows.items():
                if name.startswith("shipped"):
                    numbers = (f"{o.false_stops:.1f}", f"{o.relief_kept:.0f}", f"{o.sessions:.2f}")
                    writer.writerow([name.removeprefix("shipped: "), world_name, *numbers])
    return 0


def the_rules(people: int) -> Mapping[str, Rule]:
    """Every rule of the table, the learnt ones from people of another seed."""
    errors = measuring_errors()
    registry = draw_population(
        np.random.default_rng(TUNING_SEED), shipped_truth(), _all_answer(), people, INTERVAL_DAYS
    )
    last = product_forecast(np.column_stack([registry.pain_before, registry.pain]))
    gains = tuple(learn(registry, registry.to_gain[:, k]) for k in range(SESSIONS))
    tuning = populations(USUAL, max(people // 4, 1000), TUNING_SEED + 1)
    by_forecast = tuned(
        forecaster(last, first, chance, points)
        for first, chance, points in itertools.product(
            (2, 3, 4), (0.2, 0.3, 0.4, 0.5, 0.6), (-0.5, -0.2, 0.0, 0.2)
        )
    )
    with_truth = tuned(
        told(gains, points, first)
        for points, first in itertools.product((0.1, 0.15, 0.2, 0.25, 0.3), (1, 2, 3))
    )
    return {
        **{f"the same number for everyone: {n}": fixed(n) for n in (6, 5, 4, 3)},
        **{
            f"shipped: {id}": signed_rule(stop_rule_of(id), errors)
            for id in knowledge(AS_OF).stop_choices
        },
        "series of three (<30 %), finish at 90 % once": finish_once_or_stop(90, 3, 30),
        "NICE TA260's form: <30 % after two": finish_once_or_stop(90, 2, 30),
        "reliable change from session three": reliable_change(3, stop_rule_of("series"), errors),
        "forecast decides (learnt, tuned)": by_forecast(tuning),
        "limit: learnt from people whose truth was known": with_truth(tuning),
        "limit: knows the truth": seer(),
    }


def product_forecast(scores: Floats) -> Model:
    """What the clinic's own refit would learn from these courses of six sessions."""
    known = knowledge(AS_OF)
    start = starting_model(known.forecast_starts["low_back_trials"], known)
    seven = dataclasses.replace(
        start,
        visits=start.visits[: SESSIONS + 1],
        mean=start.mean[: SESSIONS + 1],
        covariance=start.covariance[: SESSIONS + 1, : SESSIONS + 1],
    )
    return fitted(seven, scores, known.forecast_rules.start_weight)


def measuring_errors() -> Errors:
    """The errors of the knowledge files, as the judge uses them."""
    measures = knowledge(AS_OF).measures
    return Errors(*(float(measures[id].error or 0) for id in ("pain", "activity")))


def stop_rule_of(choice: str) -> StopRule:
    """The stop rule that a plan of the first low-back protocol gets under one choice."""
    known = knowledge(AS_OF)
    known = dataclasses.replace(
        known, stop_rule=dataclasses.replace(known.stop_rule, choice=choice)
    )
    return propose("low_back_ligaments", Side.BOTH, known).stop_rule


def _all_answer() -> World:
    """Where forecasts are learnt: two in five are responders, everybody answers."""
    answered = {"process.share_missing": 0, "process.missing_when_improved": 0}
    return World("registry", {**FEW_LATE, **answered, "specific.share_of_responders": 0.4})


def tuned(candidates: Iterable[Rule]) -> Callable[[Sequence[Population]], Rule]:
    """Of many settings the one with fewest sessions for the others within the limits."""
    settings = list(candidates)

    def best(tuning: Sequence[Population]) -> Rule:
        found = [(together(rule, tuning), i) for i, rule in enumerate(settings)]
        allowed = [
            (o.sessions, i)
            for o, i in found
            if o.false_stops <= FALSE_STOPS_ALLOWED and o.relief_kept >= RELIEF_DEMANDED
        ]
        return (
            settings[min(allowed)[1]]
            if allowed
            else settings[max((o.relief_kept, i) for o, i in found)[1]]
        )

    return best


def populations(
    world: World, people: int, seed: int, interval: int = INTERVAL_DAYS
) -> list[Population]:
    """One population of a world for each share of responders."""
    return [
        draw_population(
            np.random.default_rng([seed, i]),
            shipped_truth(),
            dataclasses.replace(
                world, changed={**world.changed, "specific.share_of_responders": share}
            ),
            people,
            interval,
        )
        for i, share in enumerate(SHARES)
    ]


def tabulated(rules: Mapping[str, Rule], over: Sequence[Population]) -> dict[str, Outcome]:
    """Each rule over all populations of a world together."""
    return {name: together(rule, over) for name, rule in rules.items()}


def together(rule: Rule, over: Sequence[Population]) -> Outcome:
    """One rule over several populations as if they were one."""
    parts = [outcome(replay(rule, people), people) for people in over]
    helped = [o for o in parts if o.responders]
    responders = sum(o.responders for o in helped)
    others = sum(o.people - o.responders for o in parts)

    def mean(name: str) -> float:
        return sum(getattr(o, name) * o.responders for o in helped) / responders

    sessions = sum(o.sessions * (o.people - o.responders) for o in parts)
    of_responders = mean("sessions_of_responders")
    return Outcome(
        false_stops=mean("false_stops"),
        relief_kept=mean("relief_kept"),
        sessions=sessions / others,
        sessions_of_responders=of_responders,
        per_responder=of_responders + sessions / responders,
        responders=responders,
        people=responders + others,
    )


HEAD = """\
# How good the stop rules are

<!-- Written by `python -m docs.make_judge_rules`. -->

A seeded simulation of invented courses ({people:,} in each of four populations in which 0, 20, 40
and 60 of 100 have a specific effect; {responders:,} true responders in all). It says what a rule
can do. It does not say that prolotherapy works, and nobody knows which of these worlds is ours.

* **False stops**: of true responders, those whom the rule ends before session six with less than
  30 % of pain taken away by the injections and at least half a point still to come.
* **Relief kept**: responders' specific gain at their end, of that after six sessions.
* **Sessions, others**: given to people whom the injections do not help (six for everyone: 6.00).
* **$ per responder**: all sessions at ${price}, for one true responder.

The signed rule decides; the forecast informs. As a decider it is the product's own code, fitted to
{people:,} others who all answered, and tuned, like the limit, for fewest sessions within 5 % false
stops and 90 % relief kept.

## In the usual world

One in seventeen responders starts at session four, three in ten at session two.

{usual}

## The shipped rules in worlds they were not tuned on

{stress}

## What follows

* A late responder who has not improved yet looks like somebody who will not: how early a rule may
  stop decides its false stops. *All of the gain at one session* is the hardest world for every
  rule, and none of these is safe there.
* *Series* is the default: it loses least relief. *Graded* saves over half a session for each person
  who is not helped, *early* a whole one.
* The same number for everyone is a hard competitor: look at its lines first.
* Two readings running are needed to finish: finishing on one costs relief, and good weeks come to
  everybody.
"""


def page(
    people: int, usual: Mapping[str, Outcome], stress: Sequence[tuple[str, Mapping[str, Outcome]]]
) -> str:
    """The reference page."""
    first = next(iter(usual.values()))
    head = ["rule", "false stops %", "sessions, others", "relief kept %", "$ per responder"]
    rows = table(head, ((name, *_cells(o)) for name, o in usual.items()))
    under = table(
        ["world", *head[:4]],
        (
            (world, name.removeprefix("shipped: "), *_cells(o)[:3])
            for world, found in stress
            for name, o in found.items()
        ),
    )
    return HEAD.format(
        people=people, responders=first.responders, price=PRICE, usual=rows, stress=under
    )


def _cells(o: Outcome) -> tuple[str, str, str, str]:
    dollars = Decimal(o.per_responder * PRICE).quantize(Decimal(1))
    return f"{o.false_stops:.1f}", f"{o.sessions:.2f}", f"{o.relief_kept:.0f}", f"{dollars:,}"


if __name__ == "__main__":
    sys.exit(main())
