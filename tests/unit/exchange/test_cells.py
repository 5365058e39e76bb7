"""Cells: no formula gets out, numbers stay numbers, and reading back gives the same."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from enthesis.exchange.cells import cell, line, uncell

# The strings of the Big List of Naughty Strings (MIT) that begin as a formula does, shortened, and
# those that spreadsheets are known to fall for.
NAUGHTY = [
    *("=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "-1.00", "-$1.00", "-1/2", "-1E02", "-1E+02"),
    *("@SUM(1)", "\t=1", "\r=1", " =1", "\u00a0=1", "\u3000@x", "'=1", "''=1", "' =1", "＝1"),
    *("--help", "--version", "-", "--", "--1/--1", "-∞", "+0", "-0", "-.", "-Infinity", "-inf"),
    *("=HYPERLINK(0)", "@import x", "\nx", "\r\n", "\t", "- a list\n- goes on", '="x"', "=1,2"),
]  # fmt: skip


def begins_a_formula(text: str) -> bool:
    """As a spreadsheet looks at it: after blanks, one of the four, or their wide twins."""
    return text.lstrip()[:1] in tuple("=+-@＝＋－＠") or text[:1] in tuple("\t\r\n")


@pytest.mark.parametrize("text", NAUGHTY)
def test_no_naughty_string_goes_out_as_a_formula_and_each_comes_back(text: str) -> None:
    assert begins_a_formula(cell(text)) is False
    assert uncell(cell(text)) == text
    assert next(csv.reader(io.StringIO(line([text, "b"]), newline=""))) == [cell(text), "b"]


ANY = st.characters(codec="utf-8", exclude_characters="\x00")
DANGEROUS = st.sampled_from("'=+-@\t\r\n \",\u00a0ａ")


@given(st.lists(st.text(alphabet=DANGEROUS | ANY)))
@example(["'"])
def test_any_text_comes_back_as_it_was(texts: list[str]) -> None:
    (read,) = csv.reader(io.StringIO(line(["x", *texts]), newline=""))
    assert [uncell(one) for one in read] == ["x", *texts]
    assert not any(begins_a_formula(one) for one in read if one)


def test_a_number_stays_a_number() -> None:
    assert line([-5, Decimal("-2.50"), -0.5, True]) == "-5,-2.50,-0.5,True\r\n"


def test_unknown_and_empty_are_not_the_same() -> None:
    assert line([None, "", None, " a"]) == ',"",," a"\r\n'
