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
    Recipe,
    amount,
    check_doses,
    next_session,
    not_injected,
    recipe,
    strengths,
)
from enthesis.knowledge.kinds import AnaestheticLimit, Knowledge
from enthesis.knowledge.load import knowledge
from enthesis.records import (
    Course,
    Ingredient,
    Mark,
    Mixture,
    Plan,
    Session,
    Side,
    SiteDose,
)
from enthesis.shape import plain, read
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


def other(substance: str, percent: str, stock: str, *, with_adrenaline: bool = False) -> Ingredient:
    return Ingredient(substance, Percent(D(percent)), Percent(D(stock)), with_adrenaline)


def poured(made: Recipe) -> dict[str, Decimal]:
    """mL of each stock, and of the diluent."""
    stocks = {p.ingredient.substance: p.stock_ml for p in made.portions}
    return {**stocks, "diluent": made.diluent_ml}


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


# The same four, asked for by their strengths; where a page rounds, by the strength that was poured.
DRAWN = {
    "plantar fascia": (
        mixture(volume_ml=D(4), anaesthetic_percent=D("0.5"), anaesthetic_stock_percent=D(2)),
        {"dextrose": "1.2", "lidocaine": "1", "diluent": "1.8"},
    ),
    "jaw": (
        mixture(
            volume_ml=D(3),
            dextrose_percent=D("6.66666666"),
            dextrose_stock_percent=D(10),
            anaesthetic="mepivacaine",
            anaesthetic_percent=D("0.66666666"),
            anaesthetic_stock_percent=D(2),
        ),
        {"dextrose": "2", "mepivacaine": "1", "diluent": "0"},
    ),
    "bupivacaine": (
        mixture(
            volume_ml=D(15),
            dextrose_stock_percent=D(25),
            anaesthetic="bupivacaine",
            anaesthetic_stock_percent=D("0.5"),
        ),
        {"dextrose": "9", "bupivacaine": "6", "diluent": "0"},
    ),
    "elbow": (
        mixture(
            volume_ml=D(7),
            dextrose_percent=D(75) / 7,
            diluent="saline",
            anaesthetic_percent=D(2) / 7,
            anaesthetic_stock_percent=D(4),
            others=(
                Ingredient("bupivacaine", Percent(D("0.25") / 7), Percent(D("0.5"))),
                Ingredient("morrhuate", Percent(D(5) / 7), Percent(D(5))),
            ),
        ),
        {
            "dextrose": "1.5",
            "lidocaine": "0.5",
            "bupivacaine": "0.5",
            "morrhuate": "1",
            "diluent": "3.5",
        },
    ),
}


@pytest.mark.parametrize(("asked", "volumes"), DRAWN.values(), ids=DRAWN)
def test_it_draws_up_the_published_recipes(
    asked: Mixture, volumes: dict[str, str], known: Knowledge
) -> None:
    made = recipe(asked, known)
    found = {name: ml.quantize(D("0.0000001")) for name, ml in poured(made).items()}
    assert found == {name: D(ml) for name, ml in volumes.items()}
    drawn = {p.ingredient.substance: p.drawn_ml for p in made.portions}
    close = {name: abs(ml - D(volumes[name])) for name, ml in drawn.items()}
    # An anaesthetic is never rounded up, so a recurring decimal may fall a step short.
    assert max(close.values()) <= known.mixing.draw_step_ml


def test_the_bupivacaine_of_the_published_recipe_is_30_mg(known: Knowledge) -> None:
    (bupivacaine,) = recipe(DRAWN["bupivacaine"][0], known).anaesthetics
    assert bupivacaine.mg == 30


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
    assert tuple(poured(made).values()) == (D(dextrose_ml), D(lidocaine_ml), D(diluent_ml))
    assert made.osmolarity_mosm_l == D(mosm_l)
    assert made.osmolarity_leaves_out == ("lidocaine",)
    assert made.dextrose_g == D(dextrose) / 10
    assert made.anaesthetics[0].mg == D(lidocaine) * 100


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
    made = recipe(mixture(volume_ml=D(7), dextrose_percent=D("12.5")), known)
    dextrose, lidocaine = made.portions
    volumes = (dextrose.drawn_ml, lidocaine.drawn_ml, made.drawn_diluent_ml)
    assert volumes == (D("1.8"), D("1.4"), D("3.8"))
    assert amount(dextrose.drawn_percent, "%") == "12.86\u00a0%"
    assert lidocaine.drawn_percent == D("0.2")


def test_another_proliferant_may_stand_instead_of_dextrose(known: Knowledge) -> None:
    half = mixture(dextrose_percent=D(0), others=(other("p2g", "50", "100"),))
    made = recipe(half, known)
    assert poured(made) == {"lidocaine": 2, "p2g": 5, "diluent": 3}
    assert (made.dextrose_g, made.dextrose_leaves_out) == (0, ("p2g",))
    assert set(made.osmolarity_leaves_out) == {"lidocaine", "p2g"}


def test_what_stays_in_the_syringe_is_never_below_zero() -> None:
    sites = [dose(volume="2"), dose(side=Side.RIGHT, volume="2")]
    assert not_injected(mixture(), sites) == 6
    assert not_injected(mixture(volume_ml=D(3)), sites) == 0


def test_a_mixture_without_other_ingredients_is_written_as_ever() -> None:
    assert "others" not in plain(mixture())
    richer = mixture(others=(other("morrhuate", "1", "5"),))
    assert plain(richer)["others"][0]["substance"] == "morrhuate"
    assert [read(Mixture, plain(m)) for m in (mixture(), richer)] == [mixture(), richer]


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
        (
            {"others": (other("morrhuate", "1", "5", with_adrenaline=True),)},
            "adrenaline_alone",
            "Adrenaline",
        ),
        ({"others": (other("lidocaine", "0.1", "2"),)}, "ingredient_twice", "twice"),
        ({"others": (other("water", "1", "5"),)}, "unknown_substance", "no known anaesthetic or"),
        ({"others": (other("procaine", "0", "2"),)}, "not_above_zero", "procaine"),
        ({"others": (other("procaine", "1", "101"),)}, "above_100_percent", "procaine stock"),
        ({"others": (other("morrhuate", "3", "5"),)}, "no_room_for_diluent", "11 mL, more than"),
        (
            {"dextrose_percent": D(0), "others": (other("bupivacaine", "0.1", "0.5"),)},
            "no_proliferant",
            "no proliferant",
        ),
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
    assert "lidocaine, plain 225\u00a0mg of 224.55\u00a0mg (101\u00a0%)" in over.text


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


BUPIVACAINE = AnaestheticLimit(
    "bupivacaine", "Bupivacaine", TODAY, False, D(2), Mg(D(100)), "Clinic's own"
)


def with_ceiling(known: Knowledge) -> Knowledge:
    return replace(known, anaesthetic_limits=(*known.anaesthetic_limits, BUPIVACAINE))


@pytest.mark.parametrize("in_one_syringe", [True, False])
def test_the_fractions_of_two_anaesthetics_add_up(in_one_syringe: bool, known: Knowledge) -> None:
    def day(bupivacaine: str) -> list[Mixture]:
        lidocaine = mixture(anaesthetic_percent=D(2), anaesthetic_stock_percent=D(4))  # 200 of 300
        if in_one_syringe:
            second = other("bupivacaine", bupivacaine, "2.5")
            return [replace(lidocaine, dextrose_percent=D(5), others=(second,))]
        joint = mixture(
            key="joint",
            anaesthetic="bupivacaine",
            anaesthetic_percent=D(bupivacaine),
            anaesthetic_stock_percent=D(2),
        )
        return [lidocaine, joint]

    within = check_doses(day("0.2"), [], Kg(D(70)), with_ceiling(known))  # 20 of 100
    assert within.share is not None and within.share.quantize(D("0.0001")) == D("0.8667")
    assert not within.blocks
    (over,) = check_doses(day("0.34"), [], Kg(D(70)), with_ceiling(known)).problems  # 34 of 100
    assert over.rule == "over_ceiling"
    told = over.text.replace("\u00a0", " ")
    assert "lidocaine, plain 200 mg of 300 mg (67 %) + bupivacaine 34 mg of 100 mg (34 %)" in told
    assert "= 1.01 of 1" in told


def test_adrenaline_in_the_second_anaesthetic_leaves_the_first_plain(known: Knowledge) -> None:
    bare = mixture(
        anaesthetic="bupivacaine",
        anaesthetic_stock_percent=D("0.5"),
        others=(other("lidocaine", "0.2", "2", with_adrenaline=True),),
    )
    checked = check_doses([bare], [], Kg(D(80)), with_ceiling(known))
    assert checked.ceiling_mg == {"bupivacaine": 100, "lidocaine": 500}
    # Plain lidocaine elsewhere that day: not all of it comes with adrenaline any more.
    checked = check_doses([bare, mixture(key="joint")], [], Kg(D(80)), with_ceiling(known))
    assert checked.ceiling_mg == {"bupivacaine": 100, "lidocaine": 300}


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
