"""What may be erased: each kind against its time, to the day."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enthesis.journey.retention import Held, add_years, judge_retention
from enthesis.knowledge.load import knowledge

KNOWN = knowledge(date(2026, 11, 27))
TREATED = date(2019, 11, 26)
GROWN = date(1970, 1, 1)


def may_go(kind: str, held: Held, today: date) -> bool:
    return judge_retention(held, KNOWN, today).may_go(kind)


def test_the_record_stays_through_the_last_day_of_its_time_and_may_go_on_the_next() -> None:
    held = Held(GROWN, TREATED, None)
    assert not may_go("record", held, date(2026, 11, 26))
    assert may_go("record", held, date(2026, 11, 27))
    (answer,) = (a for a in judge_retention(held, KNOWN, TREATED).answers if a.rule.id == "record")
    assert answer.until == date(2026, 11, 26)
    assert answer.why == "Kept 7 years from the last treatment or visit, 26 Nov 2019."


def test_of_who_was_a_minor_it_stays_until_the_age_that_is_later() -> None:
    child = Held(date(2008, 5, 1), date(2018, 5, 1), None)
    assert not may_go("record", child, date(2029, 5, 1))
    assert may_go("record", child, date(2029, 5, 2))
    nearly = Held(date(2001, 5, 2), date(2019, 5, 1), None)
    assert may_go("record", nearly, date(2026, 5, 2))


def test_without_a_birth_date_nobody_can_say_so_it_stays() -> None:
    held = Held(None, TREATED, None)
    assert not may_go("record", held, date(2099, 1, 1))
    assert may_go("record", Held(None, None, None), TREATED)


def test_papers_about_money_count_from_the_books() -> None:
    held = Held(GROWN, date(2000, 1, 1), date(2020, 1, 1))
    assert not may_go("papers", held, date(2027, 1, 1))
    assert not judge_retention(held, KNOWN, date(2027, 1, 1)).name_may_go
    assert judge_retention(held, KNOWN, date(2027, 1, 2)).name_may_go


@given(st.dates(), st.dates(), st.dates(), st.dates())
def test_books_and_log_never_go_and_contact_and_links_always_may(
    born: date, treated: date, paid: date, today: date
) -> None:
    # Ten years from the end of the calendar, no day so much later has a name.
    treated, paid, born = (min(on, date(9900, 1, 1)) for on in (treated, paid, born))
    judged = judge_retention(Held(born, treated, paid), KNOWN, today)
    assert [judged.may_go(kind) for kind in ("books", "log")] == [False, False]
    assert judged.may_go("contact") and judged.may_go("links")
    for answer in judged.answers:
        if answer.until is not None:
            assert answer.may_go == (today > answer.until)


@pytest.mark.parametrize(("years", "then"), [(1, date(2025, 3, 1)), (4, date(2028, 2, 29))])
def test_a_leap_day_never_comes_too_early(years: int, then: date) -> None:
    assert add_years(date(2024, 2, 29), years) == then
    assert then - date(2024, 2, 29) >= timedelta(days=365 * years)
