"""Plain data to records and back: exact, and saying where it is wrong."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enthesis.records import (
    Assessment,
    Course,
    Decision,
    Mixture,
    NextStep,
    Occasion,
    Plan,
    Session,
    Side,
    SiteDose,
    StopRule,
)
from enthesis.shape import ShapeError, plain, read
from enthesis.units import Kg, Ml, Money, Percent

dates = st.dates(date(1900, 1, 1), date(2100, 1, 1))
decimals = st.decimals(0, 1000, places=2)
# A text that reads as a number would come back as one: ids and answers are words.
words = st.from_regex(r"[a-z][a-z_ ]{0,20}", fullmatch=True)
answers = st.dictionaries(
    words, st.none() | st.booleans() | decimals | words | st.tuples(words), max_size=5
)
sites = st.builds(SiteDose, words, st.sampled_from(Side), words, decimals.map(Ml))
mixtures = st.builds(
    Mixture,
    words,
    decimals.map(Ml),
    decimals.map(Percent),
    decimals.map(Percent),
    words,
    st.none() | words,
    st.none() | decimals.map(Percent),
    st.none() | decimals.map(Percent),
    st.booleans(),
)
stop_rules = st.builds(
    StopRule,
    words,
    words,
    decimals.map(Percent),
    st.integers(1, 3),
    decimals.map(Percent),
    st.integers(1, 9),
    st.tuples(st.integers(1, 24)),
)
plans = st.builds(
    Plan,
    words,
    words,
    st.tuples(mixtures),
    st.tuples(sites),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(1, 90),
    stop_rules,
    decimals.map(lambda amount: Money(amount, "USD")),
    st.none() | dates,
)
sessions = st.builds(
    Session,
    st.integers(1, 20),
    dates,
    st.tuples(mixtures),
    st.tuples(sites),
    st.none() | decimals.map(Kg),
)
courses = st.builds(
    Course,
    words,
    words,
    st.sampled_from(Side),
    st.none() | dates,
    dates,
    plan=st.none() | plans,
    sessions=st.lists(sessions, max_size=2).map(tuple),
    assessments=st.lists(
        st.builds(Assessment, dates, st.sampled_from(Occasion), words, answers), max_size=2
    ).map(tuple),
    decisions=st.lists(
        st.builds(Decision, dates, st.sampled_from(NextStep), st.sampled_from(NextStep), words),
        max_size=2,
    ).map(tuple),
)


@given(courses)
def test_every_course_comes_back_the_same_from_its_plain_form(course: Course) -> None:
    assert read(Course, plain(course)) == course


VALID: dict[str, object] = {
    "id": "a",
    "condition": "low_back",
    "side": "left",
    "born_on": None,
    "opened_on": "2026-01-01",
}


@pytest.mark.parametrize(
    ("change", "path", "words_of_the_problem"),
    [
        ({"sides": "left"}, "sides", "unknown field"),
        ({"side": "top"}, "side", "is not one of left, right, both, midline"),
        ({"opened_on": "1/2/2026"}, "opened_on", "expected a date like 2026-11-22"),
        ({"opened_on": None}, "opened_on", "expected a date"),
        ({"sessions": {"number": 1}}, "sessions", "expected a list"),
        ({"sessions": [{"number": "1"}]}, "sessions[0].number", "a whole number"),
        ({"sessions": [{"number": True}]}, "sessions[0].number", "a whole number"),
        ({"sessions": [{"number": 1}]}, "sessions[0].on", "missing"),
        ({"id": 7}, "id", "expected text"),
    ],
)
def test_it_says_where_the_data_is_wrong_and_what_was_expected(
    change: dict[str, object], path: str, words_of_the_problem: str
) -> None:
    with pytest.raises(ShapeError) as caught:
        read(Course, VALID | change)
    assert caught.value.path == path
    assert words_of_the_problem in caught.value.problem


def test_it_names_a_missing_field() -> None:
    with pytest.raises(ShapeError, match="condition: missing"):
        read(Course, {k: v for k, v in VALID.items() if k != "condition"})


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", float("nan"), True, "seven"])
def test_a_number_must_be_a_finite_number(number: object) -> None:
    with pytest.raises(ShapeError, match="amount: expected a"):
        read(Money, {"amount": number, "currency": "USD"})


def test_a_float_keeps_its_shortest_spelling() -> None:
    assert read(Money, {"amount": 0.1, "currency": "USD"}).amount == Decimal("0.10")


@dataclass(frozen=True)
class _Kept:
    at: datetime
    body: bytes = b""


def test_a_moment_and_bytes_come_back_as_they_were() -> None:
    kept = _Kept(datetime(2026, 11, 22, 9, 30, tzinfo=UTC), b"\x00\xff")
    assert plain(kept) == {"at": "2026-11-22T09:30:00+00:00", "body": "AP8="}
    assert read(_Kept, plain(kept)) == kept


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"at": "2026-11-22T09:30:00"}, "at: expected a moment with its zone"),
        ({"at": "tomorrow"}, "at: expected a moment like"),
        ({"at": "2026-11-22T09:30:00Z", "body": "?"}, "body: expected base64"),
        ({"at": "2026-11-22T09:30:00Z", "body": 7}, "body: expected base64"),
    ],
)
def test_it_refuses_a_moment_without_a_zone_and_what_is_not_base64(
    data: dict[str, object], said: str
) -> None:
    with pytest.raises(ShapeError, match=said):
        read(_Kept, data)
