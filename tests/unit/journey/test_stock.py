"""Vials: which may be used on a day, which first, how many, and what a lot is called."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from enthesis.journey import stock
from enthesis.journey.plan import propose
from enthesis.journey.stock import Lot, Need
from enthesis.knowledge.load import knowledge
from enthesis.records import Side
from enthesis.units import Ml, Money, Percent

TODAY = date(2026, 11, 23)
KNOWN = knowledge(TODAY)
FIFTY = Percent(Decimal(50))
NEED = Need("dextrose", FIFTY, Ml(Decimal(12)))
LOT = Lot(1, "D-1", "dextrose", FIFTY, Ml(Decimal(10)), date(2027, 6, 30), left=6)
LATER = replace(LOT, id=2, number="D-2", expires_on=date(2028, 1, 31))


def test_the_mixtures_of_a_session_say_what_is_drawn_of_each_stock() -> None:
    protocol = KNOWN.conditions["low_back"].protocols[0]
    price = Money(Decimal(280), "USD")
    mixtures = propose(protocol, Side.LEFT, KNOWN, price).mixtures
    drawn = {need.substance: need for need in stock.needs(mixtures, KNOWN)}
    assert sum(need.volume_ml for need in drawn.values()) == sum(m.volume_ml for m in mixtures)
    assert drawn["dextrose"].percent == mixtures[0].dextrose_stock_percent
    twice = {need.substance: need for need in stock.needs(mixtures * 2, KNOWN)}
    assert twice["dextrose"].volume_ml == 2 * drawn["dextrose"].volume_ml


@pytest.mark.parametrize(
    ("volume", "vial", "vials"),
    [("0", "10", 0), ("0.1", "10", 1), ("10", "10", 1), ("10.1", "10", 2), ("12", "0.5", 24)],
)
def test_a_vial_that_is_opened_is_whole(volume: str, vial: str, vials: int) -> None:
    assert stock.whole_vials(Decimal(volume), Decimal(vial)) == vials


def test_what_expires_first_is_taken_first_and_the_rest_from_the_next_lot() -> None:
    few = replace(LOT, left=1)
    assert [lot.number for lot in stock.first_to_expire([LATER, few], TODAY)] == ["D-1", "D-2"]
    first, second = stock.choices([LATER, few], [NEED], TODAY)
    assert [(one.lot.number, one.vials) for one in first] == [("D-1", 1), ("D-2", 1)]
    assert [(one.lot.number, one.vials) for one in second] == [("D-2", 2)]


def test_two_strengths_of_one_substance_are_both_chosen() -> None:
    weak = replace(LOT, id=3, number="W-1", percent=Percent(Decimal(25)))
    other = replace(NEED, percent=weak.percent)
    ways = stock.choices([LOT, LATER, weak], [NEED, other], TODAY)
    assert [[one.lot.number for one in way] for way in ways] == [["D-1", "W-1"], ["D-2", "W-1"]]


def test_what_is_missing_is_told() -> None:
    taken, missing = stock.allocate([replace(LOT, left=1)], NEED.volume_ml)
    assert (len(taken), missing) == (1, Decimal(2))
    assert stock.allocate([], NEED.volume_ml) == ((), NEED.volume_ml)


@pytest.mark.parametrize(
    ("on", "recalled_on", "says"),
    [
        (date(2027, 6, 30), None, ""),
        (date(2027, 7, 1), None, "Lot D-1 expired on 30 Jun 2027"),
        (date(2026, 11, 23), date(2026, 11, 23), "Lot D-1 was recalled on 23 Nov 2026"),
        (date(2026, 11, 22), date(2026, 11, 23), ""),
    ],
)
def test_a_lot_is_refused_by_the_day_of_the_session(
    on: date, recalled_on: date | None, says: str
) -> None:
    why = stock.unusable(replace(LOT, recalled_on=recalled_on), on)
    assert why.startswith(says) and bool(why) == bool(says)
    assert not why or "draw from another lot" in why


@pytest.mark.parametrize(
    ("lot", "word"),
    [
        (LOT, "In date"),
        (replace(LOT, expires_on=TODAY), "Expires today"),
        (replace(LOT, expires_on=date(2026, 11, 24)), "Expires in 1 day"),
        (replace(LOT, expires_on=date(2026, 11, 22)), "Expired"),
        (replace(LOT, left=0, expires_on=date(2026, 11, 22)), "Used up"),
        (replace(LOT, recalled_on=TODAY, left=0), "Recalled"),
    ],
)
def test_a_lot_says_in_a_word_how_it_stands(lot: Lot, word: str) -> None:
    assert stock.standing(lot, TODAY, KNOWN.stock_rules).text == word


def test_only_vials_in_date_count_as_on_hand_for_today() -> None:
    gone = replace(LOT, expires_on=date(2026, 11, 22))
    assert stock.usable_vials([LATER, gone, replace(LOT, recalled_on=TODAY)], TODAY) == 6


@pytest.mark.parametrize(
    ("field", "lot", "is_it"),
    [
        ("D-2231", "d - 2231", True),
        ("D 2231\u00a0", "D2231", True),
        ("A-1, D-2231; B-2", "D-2231", True),
        ("A-1 and D-2231", "D-2231", True),
        ("D-22310", "D-2231", False),
        ("2231", "D-2231", False),
        ("AB,12", "ab,12", True),
        ("", "D-2231", False),
    ],
)
def test_lots_are_compared_without_capitals_and_spaces(field: str, lot: str, is_it: bool) -> None:
    assert stock.holds_lot(field, stock.lot_key(lot)) is is_it


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("The lot of water was w- 18.", True),
        ("Lot W-18, not W-17", True),
        ("The lot was W-180.", False),
        ("XW-18", False),
        ("nothing", False),
    ],
)
def test_a_note_that_names_a_lot_is_found(words: str, found: bool) -> None:
    assert stock.mentions(words, stock.lot_key("W-18")) is found


@pytest.mark.parametrize(
    ("other", "alike"),
    [("D2231", True), ("LOT D-2231", True), ("2231", True), ("D-2231", False), ("L-9", False)],
)
def test_a_lot_written_otherwise_is_shown_to_be_looked_at(other: str, alike: bool) -> None:
    assert stock.looks_alike(other, stock.lot_key("D-2231")) is alike
