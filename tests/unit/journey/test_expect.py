"""How many sessions a series came to, with those that go on counted for as long as seen."""

import pytest

from enthesis.journey.expect import Expected, expected_sessions

ENDED, GOING = True, False


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([(1, ENDED), (2, ENDED), (3, ENDED), (4, ENDED)], Expected(4, 1, 2, 3)),
        ([(3, ENDED)] * 4, Expected(4, 3, 3, 3)),
        # By hand: 1 of 4 ended at 1; of the 2 seen at 4 (one was lost at 2), 1 ended: 3/4 × 1/2.
        ([(1, ENDED), (2, GOING), (4, ENDED), (4, GOING)], Expected(4, 1, 4, None)),
        ([(2, GOING)] * 4, Expected(4, None, None, None)),
        ([(0, GOING)] + [(5, ENDED)] * 4, Expected(4, 5, 5, 5)),  # never begun: not counted
    ],
)
def test_it_says_after_which_session_a_quarter_half_and_three_quarters_had_ended(
    given: list[tuple[int, bool]], says: Expected
) -> None:
    assert expected_sessions(given, 4) == says


def test_too_few_courses_say_nothing() -> None:
    assert expected_sessions([(3, ENDED)] * 29, 30) is None
    assert expected_sessions([(3, ENDED)] * 30, 30) is not None


def test_those_still_going_on_make_a_series_longer_never_shorter() -> None:
    ended = [(2, ENDED)] * 20 + [(6, ENDED)] * 20
    alone, with_others = (expected_sessions(ended + more, 1) for more in ([], [(5, GOING)] * 40))
    assert alone is not None and with_others is not None
    assert (alone.middle, with_others.middle) == (2, 6)
