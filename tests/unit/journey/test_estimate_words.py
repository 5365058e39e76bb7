"""What an estimate says: every field that it must have, in words that can be read."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from enthesis.journey.estimate import Standing, estimate
from enthesis.journey.estimate_words import PREFIX, Around, told
from enthesis.journey.lines import Lines
from enthesis.journey.plan import propose
from enthesis.journey.tariff import OwnPrice, tariff_on
from enthesis.knowledge.load import knowledge
from enthesis.records import Side
from enthesis.units import Money
from tests.unit.journey.test_visit import HARDEST, grade

TODAY = date(2026, 11, 23)
KNOWN = knowledge(TODAY)
USD = Money(Decimal(400), "USD")
AROUND = Around(
    "Harbour Clinic", "(555) 0100", "1 Quay", "12-3", "1234567893", "Dr Osei", "Marta Lindqvist",
    7, date(1968, 3, 14), "Low back and sacroiliac pain", USD,
    (("M54.50", "Low back pain, unspecified"),), (date(2026, 12, 1), date(2026, 12, 15)),
)  # fmt: skip
PLAN = replace(propose("low_back_ligaments", Side.LEFT, KNOWN), sessions_planned=4)
OWN = [OwnPrice(item, TODAY, Decimal(5)) for item in ("hardship", "tax", "consultation")]
TARIFF = tariff_on(TODAY, OWN, KNOWN, "USD")
MADE = estimate(PLAN, TARIFF, KNOWN, TODAY, discount="hardship", consultation=True)
ENGLISH, SPANISH = Lines(KNOWN), Lines(KNOWN, "es")
HEAD = ("title-", "field-", "page-")


def said(id: str) -> str:
    return next(s for s in told(MADE, AROUND, ENGLISH).sections if s.id == id).lines.__str__()


@pytest.mark.parametrize("id", sorted(KNOWN.estimate_texts))
def test_a_line_reads_at_grade_8_or_below(id: str) -> None:
    if not id.removeprefix(PREFIX).startswith(HEAD):
        assert grade(KNOWN.estimate_texts[id].text) <= HARDEST


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("what", "4 sessions, about 14 days apart. We give at most 6 sessions."),
        ("what", "Booked so far: 1 Dec 2026, 15 Dec 2026."),
        ("what", "The code of what you have: M54.50 (Low back pain, unspecified)."),
        ("costs", "This is the estimate."),
        ("costs", "rounded to the nearest smallest coin"),
        ("know", "only an estimate"),
        ("know", "not a contract"),
        ("know", "They are not in here."),
        ("know", "Nothing else that must be booked on its own is expected."),
        ("know", "billed $400 or more above"),
        ("know", "www.cms.gov/nosurprises"),
        ("know", "120 days"),
        ("know", "does not change the care you get"),
    ],
)
def test_it_says_what_the_rule_asks_for(section: str, words: str) -> None:
    assert words in said(section)


def test_its_rows_add_up_to_the_estimate_in_both_languages() -> None:
    for lines in (ENGLISH, SPANISH):
        found = told(MADE, AROUND, lines)
        none = found.expected - found.expected
        assert sum((row.total for row in found.rows), start=none) == MADE.expected
    english, spanish = (told(MADE, AROUND, lines) for lines in (ENGLISH, SPANISH))
    assert [row.code for row in english.rows] == ["M0076", "", "", ""]
    assert [row.units for row in english.rows] == [4, 1, 4, 4]
    assert not {row.text for row in english.rows} & {row.text for row in spanish.rows}
    assert not {line for s in english.sections for line in s.lines} & {
        line for s in spanish.sections for line in s.lines
    }


def test_what_the_paper_lacks_stands_on_it_and_the_rest_is_there() -> None:
    bare = replace(AROUND, address="", npi="", born_on=None, diagnoses=(), booked=())
    found = told(MADE, bare, ENGLISH)
    text = str(found.sections)
    assert found.missing == ("address", "npi", "born_on", "diagnosis")
    assert (
        "Not given here: our address, our provider number (NPI), your date of birth, the diagnosis "
        "code." in text
    )
    assert "No day is booked yet." in text and "No diagnosis code is written down yet." in text
    assert told(MADE, AROUND, ENGLISH).missing == ()


def test_elsewhere_it_names_no_law_of_the_united_states() -> None:
    in_euro = replace(AROUND, line=Money(Decimal(400), "EUR"))
    text = str(told(MADE, in_euro, ENGLISH).sections)
    assert "cms.gov" not in text and "Medicare" not in text and "400 or more above" in text


@pytest.mark.parametrize(("over", "currency", "told_so"), [
    ("400", "USD", True), ("399.99", "USD", False), ("400", "EUR", False),
])  # fmt: skip
def test_the_right_to_a_review_begins_at_the_laws_line_wherever_the_clinic_is_warned(
    over: str, currency: str, told_so: bool
) -> None:
    none, expected = Money(Decimal(0), currency), Money(Decimal(1000), currency)
    billed = expected + Money(Decimal(over), currency)
    for own in ("1", "400", "9000"):
        line = Money(Decimal(own), currency)
        stands = Standing(expected, billed, none, line)
        text = str(told(MADE, replace(AROUND, line=line), ENGLISH, stands).sections)
        assert ("may ask for a review of the bill." in text.replace("you may ask", "")) is told_so
        assert ("billed $400 or more above" in text) is (currency == "USD")


@pytest.mark.parametrize(
    ("billed", "words"),
    [
        (MADE.expected, "the same"),
        (MADE.of(2), "less, for 2 sessions. The plan was 4 sessions."),
        (MADE.of(6), "more, for 6 sessions. The plan was 4 sessions."),
    ],
)
def test_at_the_end_it_says_what_it_came_to(billed: Money, words: str) -> None:
    stands = Standing(MADE.expected, billed, billed - billed, USD)
    sessions = next(n for n in range(7) if MADE.of(n) == billed)
    first = told(MADE, AROUND, ENGLISH, stands, None, sessions).sections[0]
    assert first.id == "after" and words in first.lines[0]
    assert (len(first.lines) == 2) is stands.has_passed
    going = told(MADE, AROUND, ENGLISH, stands, TODAY, sessions).sections[0]
    assert "not over: this is where it stands on 23 Nov 2026" in going.lines[-1]


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ([(2, True)] * 5, "we do not know yet. We have given 5 series like this."),
        (
            [(2, True)] * 10 + [(3, True)] * 20 + [(6, True)] * 5,
            "10 of 100 had ended by session 2, half by session 3 and 90 of 100 by session 6",
        ),
        ([(2, True)] * 10 + [(3, False)] * 30, "too many still go on"),
    ],
)
def test_it_says_what_others_came_to_as_far_as_that_is_known(
    own: list[tuple[int, bool]], words: str
) -> None:
    made = estimate(PLAN, TARIFF, KNOWN, TODAY, own=own)
    spread = next(s for s in told(made, AROUND, ENGLISH).sections if s.id == "spread")
    assert words in spread.lines[0]
