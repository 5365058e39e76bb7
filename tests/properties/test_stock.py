"""Vials: whatever is tried, nothing falls below zero, and what is left is the sum of it all."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from enthesis.journey.stock import (
    Lot,
    Moved,
    Need,
    StockError,
    allocate,
    choices,
    first_to_expire,
    left_after,
)
from enthesis.units import Ml

DAY = date(2026, 11, 23)
volumes = st.decimals("0.1", "80", places=1).map(Ml)


@st.composite
def lots(draw: st.DrawFn) -> list[Lot]:
    """A few lots of one product in several sizes of vial, some expired or recalled."""
    return [
        Lot(
            id=number,
            number=f"D-{number}",
            substance="dextrose",
            percent=None,
            vial_ml=Ml(draw(st.sampled_from([Decimal("2.5"), Decimal(10), Decimal(50)]))),
            expires_on=DAY + timedelta(days=draw(st.integers(-40, 400))),
            left=draw(st.integers(0, 12)),
            recalled_on=draw(st.sampled_from([None, None, DAY, DAY + timedelta(days=1)])),
        )
        for number in range(draw(st.integers(0, 5)))
    ]


@given(st.lists(st.tuples(st.sampled_from(Moved), st.integers(-30, 30)), max_size=40))
def test_on_hand_is_the_sum_of_the_movements_and_never_below_zero(
    tried: list[tuple[Moved, int]],
) -> None:
    left, told = 0, Counter[Moved]()
    for kind, vials in tried:
        try:
            after = left_after(left, kind, vials)
        except StockError:
            continue
        assert after >= 0
        left = after
        told[kind] += abs(vials) if kind is not Moved.COUNTED else vials
    came = told[Moved.RECEIVED] + told[Moved.RETURNED]
    assert left == came - told[Moved.USED] - told[Moved.WASTED] + told[Moved.COUNTED]


@given(st.integers(0, 50), st.sampled_from(Moved), st.integers(-60, 60))
def test_a_movement_is_refused_only_for_a_reason(left: int, kind: Moved, vials: int) -> None:
    comes = kind in (Moved.RECEIVED, Moved.RETURNED)
    goes = kind in (Moved.USED, Moved.WASTED)
    possible = (
        vials != 0 and left + vials >= 0 and not ((comes and vials < 0) or (goes and vials > 0))
    )
    try:
        left_after(left, kind, vials)
    except StockError:
        assert not possible
    else:
        assert possible


@given(lots(), volumes)
def test_whole_vials_cover_the_volume_and_none_is_opened_for_nothing(
    held: list[Lot], volume: Ml
) -> None:
    order = first_to_expire(held, DAY)
    taken, missing = allocate(order, volume)
    drawn = sum((one.vials * one.lot.vial_ml for one in taken), Decimal(0))
    assert all(0 < one.vials <= one.lot.left for one in taken)
    if missing:
        assert drawn + missing == volume and all(one.vials == one.lot.left for one in taken)
        assert {one.lot.id for one in taken} == {lot.id for lot in order}
    else:
        assert drawn >= volume > drawn - taken[-1].lot.vial_ml


@given(lots(), volumes)
def test_no_choice_offers_what_must_not_be_injected(held: list[Lot], volume: Ml) -> None:
    ways = choices(held, [Need("dextrose", None, volume)], DAY)
    used = [one.lot for way in ways for one in way]
    assert all(lot.expires_on >= DAY and lot.recalled_on != DAY for lot in used)
    if ways:
        assert ways[0][0].lot == first_to_expire(held, DAY)[0]
