"""What holds for every mixture that can be made, and for every day's doses."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from enthesis.journey.treat import MixtureError, check_doses, recipe
from enthesis.knowledge.load import knowledge
from enthesis.records import Mixture
from enthesis.units import Kg, Ml, Percent

KNOWN = knowledge(date(2026, 11, 23))
# A billionth of a millilitre is what volumes are rounded down to; stocks hold at most 100 %.
ROUNDING = Fraction(1, 10**9) * 100


def number(low: str, high: str, places: int = 3) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(low), Decimal(high), places=places)


@st.composite
def mixtures(draw: st.DrawFn, key: str = "insertions") -> Mixture:
    """Requests of every kind, many of them impossible."""
    with_anaesthetic = draw(st.booleans())
    return Mixture(
        key=key,
        volume_ml=Ml(draw(number("0.1", "60"))),
        dextrose_percent=Percent(draw(number("0.1", "50"))),
        dextrose_stock_percent=Percent(draw(number("1", "70"))),
        diluent=draw(st.sampled_from(["water", "saline"])),
        anaesthetic="lidocaine" if with_anaesthetic else None,
        anaesthetic_percent=Percent(draw(number("0.01", "2"))) if with_anaesthetic else None,
        anaesthetic_stock_percent=Percent(draw(number("0.5", "4"))) if with_anaesthetic else None,
        with_adrenaline=with_anaesthetic and draw(st.booleans()),
    )


@given(mixtures())
def test_volumes_add_up_exactly_and_are_never_below_zero(mixture: Mixture) -> None:
    try:
        made = recipe(mixture, KNOWN)
    except MixtureError:
        assume(False)
    exact = (made.dextrose_stock_ml, made.anaesthetic_stock_ml, made.diluent_ml)
    drawn = made.drawn
    measured = (drawn.dextrose_stock_ml, drawn.anaesthetic_stock_ml, drawn.diluent_ml)
    for volumes in (exact, measured):
        assert sum(volumes) == mixture.volume_ml
        assert min(volumes) >= 0


@given(mixtures())
def test_what_goes_in_comes_out(mixture: Mixture) -> None:
    try:
        made = recipe(mixture, KNOWN)
    except MixtureError:
        assume(False)
    poured = Fraction(made.dextrose_stock_ml) * Fraction(mixture.dextrose_stock_percent)
    assert 0 <= Fraction(made.dextrose_g) * 100 - poured <= ROUNDING
    if mixture.anaesthetic_stock_percent is not None:
        mg = Fraction(made.anaesthetic_stock_ml) * Fraction(mixture.anaesthetic_stock_percent) * 10
        assert 0 <= Fraction(made.anaesthetic_mg) - mg <= ROUNDING * 10


@given(mixtures())
def test_it_refuses_exactly_what_does_not_fit(mixture: Mixture) -> None:
    share = Fraction(mixture.dextrose_percent) / Fraction(mixture.dextrose_stock_percent)
    if mixture.anaesthetic_percent and mixture.anaesthetic_stock_percent:
        share += Fraction(mixture.anaesthetic_percent) / Fraction(mixture.anaesthetic_stock_percent)
    try:
        recipe(mixture, KNOWN)
    except MixtureError as refused:
        assert (refused.rule, share > 1) == ("no_room_for_diluent", True)
    else:
        assert share <= 1


@given(mixtures())
def test_a_syringe_never_holds_more_anaesthetic_than_was_asked_for(mixture: Mixture) -> None:
    try:
        made = recipe(mixture, KNOWN)
    except MixtureError:
        assume(False)
    assert made.drawn.anaesthetic_stock_ml <= made.anaesthetic_stock_ml


@given(mixtures(), mixtures("joint"), number("1", "300", 1))
def test_no_dose_above_the_ceiling_ever_passes(one: Mixture, two: Mixture, kg: Decimal) -> None:
    checked = check_doses([one, two], [], Kg(kg), KNOWN)
    asked = [m for m in (one, two) if m.anaesthetic_percent is not None]
    mg = sum(
        (m.anaesthetic_percent * 10 * m.volume_ml for m in asked if m.anaesthetic_percent),
        Decimal(0),
    )
    by_weight = [
        min(limit.mg_per_kg * kg, limit.cap_mg)
        for limit in KNOWN.anaesthetic_limits
        if limit.with_adrenaline == all(m.with_adrenaline for m in asked)
    ]
    if not checked.blocks and asked:
        assert mg <= by_weight[0]
        assert checked.given_mg == {"lidocaine": mg}
