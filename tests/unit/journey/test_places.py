"""Places scored by pressing: injected beside not injected, and what that cannot show."""

from datetime import date, timedelta

import pytest

from enthesis.journey.places import PlaceScores, places_beside

START = date(2026, 9, 14)


def session(number: int, scores: dict[str, int], *given: str) -> PlaceScores:
    return PlaceScores(START + timedelta(weeks=2 * number), scores, set(given))


def test_each_place_counts_by_its_first_and_last_score_and_what_went_in_between() -> None:
    found = places_beside(
        [
            session(2, {"a:left": 3, "b:left": 5}, "b:left"),
            session(0, {"a:left": 8, "b:left": 6, "c:left": 9}, "a:left", "c:left"),
            session(1, {"a:left": 5}, "a:left"),
        ]
    )
    assert found is not None
    assert [(p.key, p.injected, p.first, p.last) for p in found.injected] == [("a:left", 2, 8, 3)]
    # The needle of the day came after the day's score.
    assert [(p.key, p.injected, p.first, p.last) for p in found.others] == [("b:left", 0, 6, 5)]
    assert "1 place injected: from 8 to 3" in found.sentence
    assert "1 place not injected: from 6 to 5" in found.sentence
    assert "does not show what the needle did" in found.sentence


@pytest.mark.parametrize("scores", [[], [{"a:left": 3}], [{"a:left": 3}, {"b:left": 3}]])
def test_nothing_is_shown_until_a_place_is_scored_twice(scores: list[dict[str, int]]) -> None:
    assert places_beside([session(n, one) for n, one in enumerate(scores)]) is None


def test_with_one_kind_only_it_says_that_there_is_nothing_to_compare() -> None:
    found = places_beside([session(0, {"a:left": 8}, "a:left"), session(1, {"a:left": 4})])
    assert found is not None and "nothing to compare with" in found.sentence
