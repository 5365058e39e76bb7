"""A hundred people, counted."""

import pytest

from enthesis.charts.icon_array import HundredPeople, people_svg


@pytest.mark.parametrize(("anyway", "more"), [(0, 0), (36, 10), (100, 0), (0, 100), (39, 49)])
def test_it_draws_a_hundred_people_of_the_right_kinds(anyway: int, more: int) -> None:
    svg = people_svg(HundredPeople("46 of 100", anyway, more), "p")
    # A person is two closed pieces: head and shoulders.
    assert svg.count("z") - svg.count("z", 0, svg.index("</desc>")) == 200
    assert ('class="anyway"' in svg) is bool(anyway)
    assert ('class="more"' in svg) is bool(more)
    assert f"{anyway} dark, {more} in colour, {100 - anyway - more} in outline." in svg


@pytest.mark.parametrize(("anyway", "more"), [(-1, 0), (60, 41), (0, -3)])
def test_it_refuses_counts_that_are_no_part_of_a_hundred(anyway: int, more: int) -> None:
    with pytest.raises(ValueError, match="no part of 100"):
        HundredPeople("x", anyway, more)
