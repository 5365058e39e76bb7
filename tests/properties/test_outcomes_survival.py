"""What curves and tests from counting tables must not depend on, and what must add up."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from enthesis.outcomes.cox import fit_cox
from enthesis.outcomes.end_counts import EndCounts, count_ends
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.rank_test import log_rank
from enthesis.outcomes.survival import cumulative_incidence, kaplan_meier

ENDS = ("target", "stop", "refer")
person = st.tuples(st.integers(0, 12), st.integers(0, 3), st.integers(0, 2))
people = st.lists(person, min_size=1, max_size=40)
GONE = [(0, 0, 1), (0, 1, 0), (0, 1, 0), (0, 1, 2), (0, 0, 2), (0, 1, 0), (0, 1, 0)]


def table(rows: list[tuple[int, int, int]]) -> EndCounts:
    day, end, cell = zip(*rows, strict=True)
    return count_ends(day, end, ENDS, cell)


def same(one: EndCounts, other: EndCounts) -> None:
    order = [other.cells.index(cell) for cell in one.cells]
    assert set(one.cells) == set(other.cells)
    assert np.array_equal(one.days, other.days)
    assert np.array_equal(one.ended, other.ended[order])
    assert np.array_equal(one.last_seen, other.last_seen[order])


@settings(deadline=None)
@given(people)
def test_the_shares_of_all_ends_and_of_those_going_on_make_one(
    rows: list[tuple[int, int, int]],
) -> None:
    shares = cumulative_incidence(table(rows))
    total = shares.share.sum(axis=1) + shares.event_free
    assert total[shares.at_risk > 0] == pytest.approx(1)
    known = np.broadcast_to(shares.at_risk[:, None] > 0, shares.share.shape)
    assert np.all(np.diff(np.where(known, shares.share, 2.0), axis=2) >= 0)
    inside = known & np.isfinite(shares.low)
    assert np.all(shares.low[inside] <= shares.share[inside] + 1e-12)
    assert np.all(shares.high[inside] >= shares.share[inside] - 1e-12)


@settings(deadline=None)
@given(people)
def test_with_one_kind_of_end_the_curves_are_one_anothers_rest(
    rows: list[tuple[int, int, int]],
) -> None:
    counts = table(rows).only("target")
    shares, curve = cumulative_incidence(counts), kaplan_meier(counts)
    assert 1 - shares.share[:, 0] == pytest.approx(curve.share, nan_ok=True)
    finite = np.isfinite(curve.se) & (curve.share > 0)
    assert shares.se[:, 0][finite] == pytest.approx(curve.se[finite], abs=1e-9)


@settings(deadline=None)
@given(people, people)
def test_tables_of_two_clinics_add_up_to_that_of_both(
    one: list[tuple[int, int, int]], other: list[tuple[int, int, int]]
) -> None:
    same(table(one + other), table(one) + table(other))


@settings(deadline=None)
@given(people, st.randoms(use_true_random=False))
def test_the_order_of_the_people_does_not_matter(
    rows: list[tuple[int, int, int]], chance: object
) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    same(table(rows), table(shuffled))


@settings(deadline=None, max_examples=50)
@given(people)
def test_cells_put_together_later_are_as_if_counted_together(
    rows: list[tuple[int, int, int]],
) -> None:
    counts = table(rows)
    together = counts.grouped({cell: int(cell == 0) for cell in counts.cells})
    same(together, table([(day, end, int(cell == 0)) for day, end, cell in rows]))


@settings(deadline=None, max_examples=50)
@given(people)
def test_which_group_comes_first_does_not_matter(rows: list[tuple[int, int, int]]) -> None:
    counts = table(rows)
    turned = counts.cells_at(range(len(counts.cells))[::-1])
    try:
        one, other = log_rank(counts), log_rank(turned)
    except FitError:
        assume(False)
    assume(np.linalg.matrix_rank(one.variance) == one.df)
    assert other.chi2 == pytest.approx(one.chi2, rel=1e-7, abs=1e-9)
    assert one.observed.sum() == pytest.approx(one.expected.sum())


@settings(deadline=None, max_examples=50)
@given(people, st.integers(2, 5))
# All of one kind are gone before the first end: nothing but what was rounded is left of it.
@example(GONE, 2)
def test_a_twofold_table_has_the_same_ratio_and_a_smaller_error(
    rows: list[tuple[int, int, int]], times: int
) -> None:
    # Without ties, which a repeated table has more of.
    counts = table([(100 * at + day, end, cell) for at, (day, end, cell) in enumerate(rows)])
    design = [[float(cell == 1)] for cell in counts.cells]
    strata = {cell: "all" for cell in counts.cells}
    try:
        one, same_again = fit_cox(counts, design, ("x",)), fit_cox(counts, design, ("x",), strata)
    except FitError:
        assume(False)
    assert same_again.coefficients == pytest.approx(one.coefficients)
    copies = EndCounts(
        np.concatenate([counts.days + 10**6 * at for at in range(times)]),
        tuple((cell, at) for at in range(times) for cell in counts.cells),
        counts.ends,
        _blocks([counts.ended] * times),
        _blocks([counts.last_seen] * times),
    )
    several = fit_cox(copies, design * times, ("x",), {c: c[1] for c in copies.cells})
    assert several.coefficients == pytest.approx(one.coefficients, abs=1e-6)
    assert several.se * np.sqrt(times) == pytest.approx(one.se, rel=1e-5)


def _blocks(parts: list[np.ndarray]) -> np.ndarray:
    """Along the first and the last axis, zeros elsewhere: every copy has its own cells and days."""
    cells, days = parts[0].shape[0], parts[0].shape[-1]
    whole = np.zeros((cells * len(parts), *parts[0].shape[1:-1], days * len(parts)), dtype=np.int64)
    for at, part in enumerate(parts):
        whole[at * cells : (at + 1) * cells, ..., at * days : (at + 1) * days] = part
    return whole
