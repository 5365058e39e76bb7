"""Mixtures and doses: published recipes, refusals, and the day's ceiling."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from enthesis.journey import plan
from enthesis.journey.treat import (
    MixtureError,
    Part,
    amount,
    check_doses,
    next_session,
    recipe,
    strengths,
)
from enthesis.knowledge.kinds import AnaestheticLimit, Knowledge
from enthesis.knowledge.load import knowledge
from enthesis.records import Course, Mark, Mixture, Plan, Session, Side, SiteDose
from enthesis.units import Kg, Mg, Ml, Percent

D = Decimal
TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def known() -> Knowledge:
    return knowledge(TODAY)


def mixture(**changes: Any) -> Mixture:
    """10 mL of 15 % dextrose with 0.2 % lidocaine."""
    usual = Mixture(
        key="insertions",
        volume_ml=Ml(D(10)),
        dextrose_percent=Percent(D(15)),
        dextrose_stock_percent=Percent(D(50)),
        diluent="water",
        anaesthetic="lidocaine",
        anaesthetic_percent=Percent(D("0.2")),
        anaesthetic_stock_percent=Percent(D(1)),
    )
    return replace(usual, **changes)


PLAIN = {
    "anaesthetic": None,
    "anaesthetic_percent": None,
    "anaesthetic_stock_percent": None,
}


def dose(site: str = "iliolumbar", side: Side = Side.LEFT, volume: str = "1") -> SiteDose:
    return SiteDose(site, side, "insertions", Ml(D(volume)))


def part(substance: str, volume: str, percent: str) -> Part:
    return Part(substance, Ml(D(volume)), Percent(D(percent)))


# The four published recipes of the facts, with where they are from.
PUBLISHED = {
    "scribd.com/document/611935496, plantar fascia": (
        [part("dextrose", "1.2", "50"), part("water", "1.8", "0"), part("lidocaine", "1", "2")],
        {"dextrose": "15", "lidocaine": "0.5"},
    ),
    "PubMed 21757278, jaw": (
        [part("dextrose", "2", "10"), part("mepivacaine", "1", "2")],
        {"dextrose": "6.7", "mepivacaine": "0.67"},
    ),
    "journals.ekb.eg/article_446581_0": (
        [part("bupivacaine", "6", "0.5"), part("dextrose", "9", "25")],
        {"dextrose": "15", "bupivacaine": "0.2"},
    ),
    "PubMed 18469566, elbow": (
        [
            part("morrhuate", "1", "5"),
            part("dextrose", "1.5", "50"),
            part("lidocaine", "0.5", "4"),
            part("bupivacaine", "0.5", "0.5"),
            part("saline", "3.5", "0"),
        ],
        {"dextrose": "10.7", "morrhuate": "0.71", "lidocaine": "0.29", "bupivacaine": "0.036"},
    ),
}


@pytest.mark.parametrize(("parts", "printed"), PUBLISHED.values(), ids=PUBLISHED)
def test_it_finds_the_strengths_that_were_published(
    parts: list[Part], printed: dict[str, str]
) -> None:
    found = strengths(parts)
    for substance, text in printed.items():
        assert found[substance].quantize(D(text)) == D(text)


def test_the_bupivacaine_of_the_published_recipe_is_30_mg(known: Knowledge) -> None:
    published = mixture(
        volume_ml=D(15),
        dextrose_stock_percent=D(25),
        anaesthetic="bupivacaine",
        anaesthetic_percent=D("0.2"),
        anaesthetic_stock_percent=D("0.5"),
    )
    made = recipe(published, known)
    assert (made.anaesthetic_stock_ml, made.dextrose_stock_ml, made.diluent_ml) == (6, 9, 0)
    assert made.anaesthetic_mg == 30


@pytest.mark.parametrize(
    ("dextrose", "lidocaine", "dextrose_ml", "lidocaine_ml", "diluent_ml", "mosm_l"),
    [
        ("12.5", "0.2", "2.5", "2", "5.5", "632.5"),
        ("15", "0.2", "3", "2", "5", "759"),
        ("20", "0.2", "4", "2", "4", "1012"),
        ("25", "0.1", "5", "1", "4", "1265"),
        ("25", "0.5", "5", "5", "0", "1265"),
    ],
)
def test_it_draws_up_the_usual_mixtures(
    dextrose: str,
    lidocaine: str,
    dextrose_ml: str,
    lidocaine_ml: str,
    diluent_ml: str,
    mosm_l: str,
    known: Knowledge,
) -> None:
    made = recipe(mixture(dextrose_percent=D(dextrose), anaesthetic_percent=D(lidocaine)), known)
    volumes = (made.dextrose_stock_ml, made.anaesthetic_stock_ml, made.diluent_ml)
    assert volumes == (D(dextrose_ml), D(lidocaine_ml), D(diluent_ml))
    assert made.osmolarity_mosm_l == D(mosm_l)
    assert made.osmolarity_leaves_out == ("lidocaine",)
    assert made.dextrose_g == D(dextrose) / 10
    assert made.anaesthetic_mg == D(lidocaine) * 100


@pytest.mark.parametrize(
    ("value", "shown"),
    [("5.00", "5"), ("0.5", "0.5"), ("100", "100"), ("0.126", "0.13"), ("1e3", "1000"), ("0", "0")],
)
def test_a_quantity_is_shown_short_with_its_unit(value: str, shown: str) -> None:
    assert amount(D(value), "mL") == f"{shown}\u00a0mL"


def test_saline_adds_its_share_to_the_osmolarity(known: Knowledge) -> None:
    made = recipe(mixture(diluent="saline", **PLAIN), known)
    assert made.osmolarity_mosm_l == 759 + D(308) * 7 / 10
    assert made.osmolarity_leaves_out == ()


def test_what_is_drawn_is_what_a_syringe_can_measure(known: Knowledge) -> None:
    drawn = recipe(mixture(volume_ml=D(7), dextrose_percent=D("12.5")), known).drawn
    volumes = (drawn.dextrose_stock_ml, drawn.anaesthetic_stock_ml, drawn.diluent_ml)
    assert volumes == (D("1.8"), D("1.4"), D("3.8"))
    assert amount(drawn.dextrose_percent, "%") == "12.86\u00a0%"
    assert drawn.anaesthetic_percent == D("0.2")


@pytest.mark.parametrize(
    ("changes", "rule", "words"),
    [
        ({"anaesthetic_percent": D("0.8")}, "no_room_for_diluent", "3 mL of 50 % dextrose and 8"),
        ({"dextrose_percent": D(60)}, "no_room_for_diluent", "stronger stock"),
        ({"volume_ml": D(0)}, "not_above_zero", "volume"),
        ({"dextrose_percent": D(-1)}, "not_above_zero", "dextrose"),
        ({"volume_ml": D("NaN")}, "not_above_zero", "volume"),
        ({"dextrose_stock_percent": D("Infinity")}, "not_above_zero", "dextrose stock"),
        ({"dextrose_stock_percent": D(101)}, "above_100_percent", "dextrose stock"),
        ({"volume_ml": D(61)}, "volume_out_of_range", "60 mL"),
        ({"volume_ml": D("1e40")}, "volume_out_of_range", "60 mL"),
        ({"volume_ml": D("0.05")}, "volume_out_of_range", "0.1 mL"),
        ({"anaesthetic_percent": None}, "anaesthetic_incomplete", "strength"),
        ({"anaesthetic": "cocaine"}, "unknown_substance", "no known anaesthetic"),
        ({"diluent": "dextrose"}, "unknown_substance", "no known diluent (water, saline)"),
        ({**PLAIN, "with_adrenaline": True}, "adrenaline_alone", "Adrenaline"),
    ],
)
def test_it_refuses_a_mixture_that_cannot_be_made(
    changes: dict[str, Any], rule: str, words: str, known: Knowledge
) -> None:
    with pytest.raises(MixtureError) as refused:
        recipe(mixture(**changes), known)
    assert refused.value.rule == rule
    assert words in refused.value.text.replace("\u00a0", " ")


@pytest.mark.parametrize("parts", [[], [part("dextrose", "0", "50")], [part("x", "-1", "5")]])
def test_nothing_poured_together_has_no_strength(parts: list[Part]) -> None:
    with pytest.raises(MixtureError, match="above zero"):
        strengths(parts)


@pytest.mark.parametrize(
    ("weight", "adrenaline", "ceiling"),
    [("50", False, "225"), ("70", False, "300"), ("50", True, "350"), ("80", True, "500")],
)
def test_the_ceiling_is_by_weight_up_to_the_cap(
    weight: str, adrenaline: bool, ceiling: str, known: Knowledge
) -> None:
    given = mixture(with_adrenaline=adrenaline)
    checked = check_doses([given], [dose()], Kg(D(weight)), known)
    assert checked.ceiling_mg == {"lidocaine": D(ceiling)}
    assert checked.given_mg == {"lidocaine": 20}
    assert not checked.blocks


def test_it_refuses_a_dose_above_the_limit_and_allows_the_limit(known: Knowledge) -> None:
    full = mixture(
        volume_ml=D(15), anaesthetic_percent=D("1.5"), anaesthetic_stock_percent=D(4)
    )  # 225 mg: just the ceiling for 50 kg
    assert check_doses([full], [], Kg(D(50)), known).share == 1
    assert not check_doses([full], [], Kg(D(50)), known).blocks
    (over,) = check_doses([full], [], Kg(D("49.9")), known).problems
    assert over.rule == "over_ceiling"
    assert "api.fda.gov" in over.source
    assert "225\u00a0mg of lidocaine, plain, at most 224.55\u00a0mg" in over.text


def test_all_syringes_of_the_day_add_up(known: Knowledge) -> None:
    joint = mixture(key="joint", volume_ml=D(10), anaesthetic_percent=D(2))
    joint = replace(joint, anaesthetic_stock_percent=D(4))
    checked = check_doses([joint, replace(joint, key="second")], [], Kg(D(70)), known)
    assert checked.given_mg == {"lidocaine": 400}
    assert [p.rule for p in checked.problems] == ["over_ceiling"]


def test_adrenaline_in_one_syringe_does_not_raise_the_ceiling_of_the_other(
    known: Knowledge,
) -> None:
    mixtures = [mixture(), mixture(key="joint", with_adrenaline=True)]
    assert check_doses(mixtures, [], Kg(D(80)), known).ceiling_mg == {"lidocaine": 300}


def test_the_fractions_of_two_anaesthetics_add_up(known: Knowledge) -> None:
    by_pharmacist = AnaestheticLimit(
        "bupivacaine", "Bupivacaine", TODAY, False, D(2), Mg(D(100)), "Clinic's own"
    )
    known = replace(known, anaesthetic_limits=(*known.anaesthetic_limits, by_pharmacist))
    lidocaine = mixture(anaesthetic_percent=D(2), anaesthetic_stock_percent=D(4))  # 200 of 300
    other = mixture(key="joint", anaesthetic="bupivacaine", anaesthetic_stock_percent=D("0.5"))
    within = check_doses([lidocaine, other], [], Kg(D(70)), known)  # 20 of 100
    assert within.share is not None and within.share.quantize(D("0.0001")) == D("0.8667")
    assert not within.blocks
    more = replace(other, anaesthetic_percent=D("0.34"))  # 34 of 100: together 101 %
    (over,) = check_doses([lidocaine, more], [], Kg(D(70)), known).problems
    assert over.rule == "over_ceiling"
    assert "Fractions of several anaesthetics add up" in over.text


@pytest.mark.parametrize("anaesthetic", ["bupivacaine", "mepivacaine", "procaine"])
def test_it_refuses_an_anaesthetic_without_a_known_ceiling(
    anaesthetic: str, known: Knowledge
) -> None:
    checked = check_doses([mixture(anaesthetic=anaesthetic)], [], Kg(D(70)), known)
    (problem,) = checked.problems
    assert (problem.rule, problem.mark) == ("no_ceiling", Mark.CANNOT_KNOW)
    assert checked.share is None


@pytest.mark.parametrize(
    ("weight", "rule"),
    [
        (None, "no_weight"),
        ("7", "weight_out_of_range"),
        ("700", "weight_out_of_range"),
        ("NaN", "weight_out_of_range"),
        ("-70", "weight_out_of_range"),
    ],
)
def test_without_a_usable_weight_no_anaesthetic_is_given(
    weight: str | None, rule: str, known: Knowledge
) -> None:
    kg = None if weight is None else Kg(D(weight))
    checked = check_doses([mixture()], [dose()], kg, known)
    assert [p.rule for p in checked.problems] == [rule]
    assert checked.share is None


def test_without_an_anaesthetic_the_weight_is_not_needed(known: Knowledge) -> None:
    checked = check_doses([mixture(**PLAIN)], [dose()], None, known)
    assert (checked.blocks, checked.share, checked.given_mg) == (False, 0, {})


@pytest.mark.parametrize(
    ("sites", "rule"),
    [
        ([dose("sciatic_nerve")], "site_to_avoid"),
        ([dose("elbow")], "unknown_site"),
        ([dose(side=Side.MIDLINE)], "wrong_side"),
        ([dose(side=Side.BOTH)], "wrong_side"),
        ([dose("supraspinous_l4_l5", Side.LEFT)], "wrong_side"),
        ([dose(volume="2.1")], "site_volume"),
        ([dose(volume="0")], "site_volume"),
        ([dose(volume="NaN")], "site_volume"),
        ([replace(dose(), mixture="joint")], "no_mixture"),
        ([dose(), dose()], "site_twice"),
    ],
)
def test_it_refuses_a_site_that_must_not_be_injected_like_this(
    sites: list[SiteDose], rule: str, known: Knowledge
) -> None:
    checked = check_doses([mixture()], sites, Kg(D(70)), known)
    assert rule in [p.rule for p in checked.problems]


def test_a_joint_takes_more_than_a_ligament(known: Knowledge) -> None:
    assert not check_doses([mixture()], [dose("knee_joint", volume="6")], Kg(D(70)), known).blocks


def test_it_refuses_a_mixture_smaller_than_what_its_sites_take(known: Knowledge) -> None:
    sites = [dose(volume="2"), dose(side=Side.RIGHT, volume="2")]
    small = mixture(volume_ml=D("3.9"))
    (problem,) = check_doses([small], sites, Kg(D(70)), known).problems
    assert problem.rule == "mixture_too_small"
    assert problem.inputs == {"taken_ml": 4, "prepared_ml": D("3.9")}


def test_an_impossible_mixture_and_a_name_used_twice_block(known: Knowledge) -> None:
    impossible = mixture(dextrose_percent=D(60))
    checked = check_doses([impossible, mixture()], [dose()], Kg(D(70)), known)
    assert {p.rule for p in checked.problems} == {"no_room_for_diluent", "mixture_twice"}


def agreed(known: Knowledge, on: date) -> Plan:
    return replace(plan.propose("low_back_ligaments", Side.LEFT, known), agreed_on=on)


def course(**parts: Any) -> Course:
    return Course("1", "low_back", Side.LEFT, date(1980, 5, 1), date(2026, 9, 1), **parts)


def test_the_first_session_is_as_the_plan_has_it(known: Knowledge) -> None:
    agreed_plan = agreed(known, date(2026, 9, 2))
    first = next_session(course(plan=agreed_plan), TODAY, known)
    assert (first.number, first.on, first.weight_kg) == (1, TODAY, None)
    assert (first.mixtures, first.sites) == (agreed_plan.mixtures, agreed_plan.sites)


def test_a_later_session_is_like_the_last_until_a_new_plan_is_agreed(known: Knowledge) -> None:
    changed = Session(2, date(2026, 10, 1), (mixture(),), (dose(),), Kg(D(68)))
    parts = {"sessions": (replace(changed, number=1, sites=()), changed)}
    third = next_session(course(plan=agreed(known, date(2026, 9, 2)), **parts), TODAY, known)
    assert third == replace(changed, number=3, on=TODAY)
    new = agreed(known, date(2026, 10, 20))
    assert next_session(course(plan=new, **parts), TODAY, known).sites == new.sites


@pytest.mark.parametrize("has_plan", [False, True])
def test_nothing_is_injected_without_an_agreement(has_plan: bool, known: Knowledge) -> None:
    proposal = plan.propose("low_back_ligaments", Side.LEFT, known) if has_plan else None
    with pytest.raises(ValueError, match="no agreed plan"):
        next_session(course(plan=proposal), TODAY, known)
