"""What holds for every mixture that can be made, and for every day's doses."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, reject
from hypothesis import strategies as st

from enthesis.journey.treat import MixtureError, Recipe, check_doses, recipe
from enthesis.knowledge.load import knowledge
from enthesis.records import Ingredient, Mixture
from enthesis.units import Kg, Ml, Percent

KNOWN = knowledge(date(2026, 11, 23))
# A billionth of a millilitre is what volumes are rounded down to; stocks hold at most 100 %.
ROUNDING = Fraction(1, 10**9) * 100
LIMITS = KNOWN.anaesthetic_limits
OWN = [replace(limit, substance="bupivacaine", mg_per_kg=Decimal(2)) for limit in LIMITS]


def number(low: str, high: str, places: int = 3) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(low), Decimal(high), places=places)


STOCKS = {"lidocaine": ("0.5", "4"), "bupivacaine": ("0.25", "1"), "morrhuate": ("1", "5")}


@st.composite
def mixtures(draw: st.DrawFn, key: str = "insertions") -> Mixture:
    """Requests of every kind with up to four ingredients, many of them impossible."""
    names = draw(st.permutations([*STOCKS]))[: draw(st.integers(0, 3))]
    more = [
        Ingredient(
            name,
            Percent(draw(number("0.01", "2"))),
            Percent(draw(number(*STOCKS[name]))),
            name != "morrhuate" and draw(st.booleans()),
        )
        for name in names
    ]
    first = more.pop(0) if more and more[0].substance != "morrhuate" else None
    return Mixture(
        key=key,
        volume_ml=Ml(draw(number("0.1", "60"))),
        dextrose_percent=Percent(draw(number("0.1", "50"))),
        dextrose_stock_percent=Percent(draw(number("1", "70"))),
        diluent=draw(st.sampled_from(["water", "saline"])),
        anaesthetic=first.substance if first else None,
        anaesthetic_percent=first.percent if first else None,
        anaesthetic_stock_percent=first.stock_percent if first else None,
        with_adrenaline=bool(first and first.with_adrenaline),
        others=tuple(more),
    )


def made_of(mixture: Mixture) -> Recipe:
    """The recipe of a request that is possible; others are not looked at."""
    try:
        return recipe(mixture, KNOWN)
    except MixtureError:
        return reject()


@given(mixtures())
def test_volumes_add_up_exactly_and_are_never_below_zero(mixture: Mixture) -> None:
    made = made_of(mixture)
    exact = [*(p.stock_ml for p in made.portions), made.diluent_ml]
    measured = [*(p.drawn_ml for p in made.portions), made.drawn_diluent_ml]
    for volumes in (exact, measured):
        assert sum(volumes) == mixture.volume_ml
        assert min(volumes) >= 0


@given(mixtures())
def test_what_goes_in_comes_out(mixture: Mixture) -> None:
    made = made_of(mixture)
    assert [p.ingredient for p in made.portions] == list(mixture.ingredients)
    for portion in made.portions:
        wanted = Fraction(portion.ingredient.percent) * Fraction(mixture.volume_ml)
        stock = Fraction(portion.ingredient.stock_percent)
        assert 0 <= wanted - Fraction(portion.stock_ml) * stock <= ROUNDING
        assert Fraction(portion.mg) == wanted * 10
        drawn = Fraction(portion.drawn_percent) * Fraction(mixture.volume_ml)
        assert 0 <= Fraction(portion.drawn_ml) * stock - drawn <= ROUNDING


@given(mixtures())
def test_it_refuses_exactly_what_does_not_fit(mixture: Mixture) -> None:
    share = sum(Fraction(i.percent) / Fraction(i.stock_percent) for i in mixture.ingredients)
    try:
        recipe(mixture, KNOWN)
    except MixtureError as refused:
        assert (refused.rule, share > 1) == ("no_room_for_diluent", True)
    else:
        assert share <= 1


@given(mixtures())
def test_a_syringe_never_holds_more_anaesthetic_than_was_asked_for(mixture: Mixture) -> None:
    for portion in made_of(mixture).anaesthetics:
        assert portion.drawn_ml <= portion.stock_ml
        assert portion.drawn_percent <= portion.ingredient.percent


@given(mixtures(), mixtures("joint"), number("1", "300", 1), st.booleans())
def test_no_dose_above_the_ceiling_ever_passes(
    one: Mixture, two: Mixture, kg: Decimal, entered: bool
) -> None:
    known = replace(KNOWN, anaesthetic_limits=(*LIMITS, *OWN)) if entered else KNOWN
    checked = check_doses([one, two], [], Kg(kg), known)
    share = Fraction(0)
    for name in ("lidocaine", "bupivacaine"):
        asked = [(m, i) for m in (one, two) for i in m.ingredients if i.substance == name]
        mg = sum(Fraction(i.percent) * 10 * Fraction(m.volume_ml) for m, i in asked)
        with_adrenaline = bool(asked) and all(i.with_adrenaline for _, i in asked)
        ceilings = [
            min(limit.mg_per_kg * kg, limit.cap_mg)
            for limit in known.anaesthetic_limits
            if (limit.substance, limit.with_adrenaline) == (name, with_adrenaline)
        ]
        if asked and not checked.blocks:
            assert ceilings, f"{name} passed without a ceiling"
            assert checked.given_mg[name] == mg
            share += mg / Fraction(ceilings[0])
    assert checked.blocks or share <= 1
