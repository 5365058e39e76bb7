"""From a protocol to a plan: sites, price, dates, the stop rule in words, and what is wrong."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from enthesis.journey.plan import (
    check,
    propose,
    series_dates,
    series_price,
    stop_rule_sentences,
)
from enthesis.journey.treat import check_doses, recipe
from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.load import knowledge
from enthesis.records import Plan, Side
from enthesis.units import Kg, Money, Percent

D = Decimal
KNOWN = knowledge(date(2026, 11, 23))
EVERY_START = [
    (protocol, side)
    for condition in KNOWN.conditions.values()
    for protocol in condition.protocols
    for side in condition.sides
]


@pytest.fixture
def known() -> Knowledge:
    return KNOWN


@pytest.fixture
def back(known: Knowledge) -> Plan:
    return propose("low_back_ligaments", Side.LEFT, known)


@pytest.mark.parametrize(("protocol", "side"), EVERY_START)
def test_every_protocol_proposes_a_plan_without_problems_on_every_side(
    protocol: str, side: Side, known: Knowledge
) -> None:
    of = known.protocols[protocol]
    if not any(part.usual for part in of.sites):  # all that hurt are ticked: at the worst, all
        assert check(propose(protocol, side, known), known) == (
            "No site is chosen: choose at least one.",
        )
        of = replace(of, sites=tuple(replace(part, usual=True) for part in of.sites))
        known = replace(known, protocols={protocol: of})
    plan = propose(protocol, side, known)
    assert check(plan, known) == ()
    # 45 kg: a light adult must be safe with what is proposed, or is told why it is refused.
    problems = check_doses(plan.mixtures, plan.sites, Kg(D(45)), known).problems
    held = {one.substance for m in plan.mixtures for one in m.ingredients}
    named = held & {"bupivacaine", "mepivacaine"}
    assert [problem.rule for problem in problems] == ["no_ceiling"] * len(named)
    assert all(f"{name.capitalize()} has no ceiling here" in of.note for name in named)
    assert plan.agreed_on is None


def test_what_a_syringe_measures_is_what_the_protocol_says(known: Knowledge) -> None:
    """Whoever draws 0.1 mL at a time comes within 15 % of every strength."""
    for protocol in known.protocols.values():
        for mixture in protocol.mixtures:
            for portion in recipe(mixture, known).portions:
                wanted = portion.ingredient.percent * mixture.volume_ml
                drawn = portion.drawn_ml * portion.ingredient.stock_percent
                assert abs(drawn / wanted - 1) < D("0.15"), (protocol.id, portion)


@pytest.mark.parametrize("condition", [c.id for c in KNOWN.conditions.values() if c.protocols])
def test_every_site_of_a_protocol_lies_in_the_region_of_its_condition(condition: str) -> None:
    about = KNOWN.conditions[condition]
    for protocol in about.protocols:
        sites = [KNOWN.sites[part.site] for part in KNOWN.protocols[protocol].sites]
        assert {(site.region, site.role) for site in sites} == {(about.region, "target")}
    assert about.body_map == about.region


def test_every_region_of_the_anatomy_has_something_to_treat() -> None:
    treated = {c.region for c in KNOWN.conditions.values() if c.protocols}
    assert treated == {site.region for site in KNOWN.sites.values()}


def test_one_session_is_told_as_one(known: Knowledge) -> None:
    plan = propose("ankle_atfl", Side.LEFT, known)
    assert "We stop if after 1 session your" in " ".join(
        stop_rule_sentences(plan.stop_rule, plan, known)
    )


def test_paired_sites_follow_the_side_and_the_others_lie_in_the_midline(
    back: Plan, known: Knowledge
) -> None:
    assert {s.side for s in back.sites if known.sites[s.site].paired} == {Side.LEFT}
    assert {s.side for s in back.sites if not known.sites[s.site].paired} == {Side.MIDLINE}
    assert "sacrotuberous" not in {s.site for s in back.sites}  # not usual: not ticked


def test_both_sides_take_twice_the_paired_sites_and_a_larger_mixture(known: Knowledge) -> None:
    one, both = (propose("knee_dumais", side, known) for side in (Side.LEFT, Side.BOTH))
    assert len(both.sites) == 2 * len(one.sites)
    assert [m.volume_ml for m in one.mixtures] == [5, 8]
    assert [m.volume_ml for m in both.mixtures] == [10, 16]


def test_the_published_knee_holds_73_mg_of_lidocaine(known: Knowledge) -> None:
    plan = propose("knee_dumais", Side.RIGHT, known)
    assert check_doses(plan.mixtures, plan.sites, Kg(D(70)), known).given_mg == {"lidocaine": 73}


def test_the_clinics_price_and_finish_level_take_the_place_of_the_defaults(
    back: Plan, known: Knowledge
) -> None:
    own = propose("low_back_ligaments", Side.LEFT, known, Money(D(310), "EUR"), Percent(D(75)))
    assert (back.price_per_session, own.price_per_session) == (
        Money(D(280), "USD"),
        Money(D(310), "EUR"),
    )
    assert (back.stop_rule.finish_relief_percent, own.stop_rule.finish_relief_percent) == (90, 75)


def test_a_free_session_is_no_missing_price(known: Knowledge) -> None:
    free = Money(D(0), "USD")
    assert propose("low_back_ligaments", Side.LEFT, known, free).price_per_session == free


def test_the_price_of_the_whole_series_is_said_with_the_most_it_can_become(
    known: Knowledge,
) -> None:
    price = series_price(propose("knee_rabago", Side.LEFT, known, Money(D("199.95"), "USD")))
    assert price.planned_total == Money(D("599.85"), "USD")
    assert price.most_total == Money(D("999.75"), "USD")


def test_the_sessions_fall_at_the_protocols_interval(back: Plan) -> None:
    dates = series_dates(back, date(2026, 12, 1))
    assert dates[:3] == (date(2026, 12, 1), date(2026, 12, 15), date(2026, 12, 29))
    assert len(dates) == 6


def test_the_patient_reads_the_stop_rule_with_the_numbers_agreed(
    back: Plan, known: Knowledge
) -> None:
    rule = replace(back.stop_rule, finish_relief_percent=Percent(D(75)), recheck_months=(3, 12))
    told = "\n".join(stop_rule_sentences(rule, back, known))
    for words in ("75 % or more", "2 times in a row", "after 4 sessions", "less than 30 %"):
        assert words in told
    assert "at most 6 sessions" in told
    assert "3 and 12 months" in told
    assert "your pain" in told
    assert "no failure" in told


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"protocol": "luck"}, "no protocol in use"),
        ({"sites": ()}, "No site is chosen"),
        ({"sessions_planned": 0}, "at least one session"),
        ({"sessions_max": 5}, "fewer than the 6 planned"),
        ({"interval_days": 0}, "one day apart"),
        ({"price_per_session": Money(D(-1), "USD")}, "below zero"),
        ({"mixtures": ()}, "there is no mixture “insertions”"),
    ],
)
def test_it_says_what_is_wrong_with_a_plan(
    changes: dict[str, Any], words: str, back: Plan, known: Knowledge
) -> None:
    assert words in "\n".join(check(replace(back, **changes), known))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"measure": "luck"}, "no validated measure"),
        ({"measure": "spasm_days"}, "no validated measure"),
        ({"finish_relief_percent": D(0)}, "above 0 and at most 100"),
        ({"finish_relief_percent": D(101)}, "above 0 and at most 100"),
        ({"stop_below_percent": D(90)}, "less than the relief to finish"),
        ({"finish_readings": 0}, "At least one answer"),
        ({"stop_after_sessions": 7}, "does not fit a series of at most 6"),
        ({"stop_after_sessions": 0}, "does not fit"),
        ({"recheck_months": ()}, "rising months"),
        ({"recheck_months": (6, 3)}, "rising months"),
        ({"recheck_months": (0, 3)}, "rising months"),
    ],
)
def test_it_says_what_is_wrong_with_a_stop_rule(
    changes: dict[str, Any], words: str, back: Plan, known: Knowledge
) -> None:
    plan = replace(back, stop_rule=replace(back.stop_rule, **changes))
    assert words in "\n".join(check(plan, known))
