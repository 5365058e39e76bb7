"""Questions to the clinic: what the facts come to, the limits, and the words."""

from datetime import date

import pytest
from docs.reading import HARDEST, grade

from enthesis.journey.enquiry import Fact, lines, names_asker, standing, too_many
from enthesis.knowledge.load import knowledge

KNOWN = knowledge(date(2026, 11, 26))
ASKED, SET_ASIDE = [], [Fact.SET_ASIDE]
ANSWERED = [Fact.ANSWERED]
PUBLISHED = [*ANSWERED, Fact.PUBLISHED]


@pytest.mark.parametrize(
    ("agreed", "facts", "waits", "may", "shown"),
    [
        (True, ASKED, True, False, False),
        (True, SET_ASIDE, False, False, False),
        (True, [*SET_ASIDE, Fact.ANSWERED], False, True, False),
        (True, ANSWERED, False, True, False),
        (False, ANSWERED, False, False, False),
        (True, PUBLISHED, False, True, True),
        (False, PUBLISHED, False, False, False),
        (True, [*PUBLISHED, Fact.TAKEN_BACK], False, True, False),
        (True, [*PUBLISHED, Fact.TAKEN_BACK, Fact.PUBLISHED], False, True, True),
        (True, [*PUBLISHED, Fact.WITHDRAWN], False, False, False),
        (True, [*PUBLISHED, Fact.WITHDRAWN, Fact.PUBLISHED], False, False, False),
        (True, [Fact.PUBLISHED], True, False, False),
    ],
)
def test_a_question_is_shown_only_while_it_is_answered_and_both_agree(
    agreed: bool, facts: list[Fact], waits: bool, may: bool, shown: bool
) -> None:
    found = standing(agreed, facts)
    assert (found.waits, found.may_be_published, found.shown) == (waits, may, shown)


def test_the_hour_of_an_address_and_the_day_of_a_clinic_have_a_limit() -> None:
    rules = KNOWN.enquiry_rules
    hour, day = rules.hourly_most, rules.daily_most
    assert too_many(hour - 1, day - 1, rules) == ""
    assert too_many(hour, 0, rules) == "wrong-hour" and too_many(0, day, rules) == "wrong-day"


@pytest.mark.parametrize(
    ("wording", "named"),
    [
        ("Does it hurt?", False),
        ("Will it hurt?", False),
        ("I am WILL\n  Poe. Does it hurt?", True),
        ("Write to will@Example.org", True),
    ],
)
def test_a_wording_that_names_the_asker_is_found(wording: str, named: bool) -> None:
    assert names_asker(["What is known?", wording], "Will  Poe", "Will@example.org") is named
    assert not names_asker([wording], "", "")


def test_every_line_is_plain_and_stands_in_both_languages() -> None:
    english, spanish = lines(KNOWN, "en"), lines(KNOWN, "es")
    assert english.keys() == spanish.keys() and lines(KNOWN, "fr") == english
    assert not [id for id in english if english[id] == spanish[id]]
    # One or two words have no grade: those are read together.
    short = ". ".join(text for text in english.values() if len(text.split()) < 8)
    for text in [short, *(text for text in english.values() if len(text.split()) >= 8)]:
        assert grade(text) <= HARDEST, text
