"""Counting tables, curves, log-rank and Cox: hand-made answers, and what is refused."""

import re

import numpy as np
import pytest

from enthesis.outcomes.cox import efron_sums, fit_cox
from enthesis.outcomes.end_counts import count_ends
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.rank_test import log_rank
from enthesis.outcomes.survival import at_days, cumulative_incidence, kaplan_meier

ENDS = ("target", "stop")
DAY, END, ARM = [1, 2, 2, 3, 4, 5], [1, 2, 0, 1, 0, 1], [0, 1, 0, 1, 0, 1]


def test_stopping_competes_with_reaching_the_target() -> None:
    shares = cumulative_incidence(count_ends(DAY, END, ENDS))
    assert shares.days.tolist() == [1, 2, 3, 4, 5]
    assert shares.at_risk.tolist() == [[6, 5, 3, 2, 1]]
    target = [1 / 6, 1 / 6, 1 / 6 + 2 / 3 / 3, 1 / 6 + 2 / 3 / 3, 5 / 6]
    assert shares.share[0, 0] == pytest.approx(target)
    assert shares.share[0, 1] == pytest.approx([0] + [1 / 6] * 4)
    # Who takes stopping for being lost from sight says that everybody reaches the target.
    assert 1 - kaplan_meier(count_ends(DAY, END, ENDS).only("target")).share[0, -1] == 1.0


def test_a_curve_ends_with_the_last_course_of_its_group() -> None:
    curve = kaplan_meier(count_ends([1, 2, 9], [1, 0, 1], ENDS, [0, 0, 1]))
    assert curve.share[0] == pytest.approx([0.5, 0.5, np.nan], nan_ok=True)
    assert at_days(curve.days, curve.share, [0, 1, 5, 10], 1.0)[0] == pytest.approx(
        [1, 0.5, 0.5, np.nan], nan_ok=True
    )
    assert np.isnan(curve.low[1]).all()


def test_the_median_of_a_target_that_most_do_not_reach_is_unknown() -> None:
    shares = cumulative_incidence(count_ends(DAY, END, ENDS))
    assert np.isnan(shares.quantile("stop", 0.5)[0, 0])
    assert shares.quantile("target", 0.3)[0, 0] == 3


@pytest.mark.parametrize(
    ("day", "end", "median"),
    [
        ([1, 2, 3, 4], [1, 1, 0, 0], 3),
        ([1, 2, 3, 4, 7, 9], [1, 1, 1, 0, 0, 0], 6),
        ([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 0, 1], 4.5),
        ([1, 2, 3], [1, 1, 1], 2),
    ],
)
def test_a_curve_that_stays_on_one_half_has_the_middle_as_its_median(
    day: list[int], end: list[int], median: float
) -> None:
    # As R's quantile(survfit(...)) says.
    assert kaplan_meier(count_ends(day, end, ENDS)).quantile(0.5)[0, 0] == median


def test_everybody_still_going_on_is_a_flat_curve() -> None:
    counts = count_ends([3, 5, 5], [0, 0, 0], ENDS)
    assert kaplan_meier(counts).share.tolist() == [[1, 1]]
    assert cumulative_incidence(counts).share.tolist() == [[[0, 0], [0, 0]]]
    assert np.isnan(kaplan_meier(counts).quantile(0.5)).all()


def test_times_that_are_not_whole_numbers_are_counted_too() -> None:
    whole = kaplan_meier(count_ends(DAY, END, ENDS, ARM))
    parts = kaplan_meier(count_ends(np.array(DAY) / 8, END, ENDS, np.array(["a", "b"])[ARM]))
    assert parts.days.tolist() == (whole.days / 8).tolist()
    assert parts.share == pytest.approx(whole.share, nan_ok=True)


def test_cells_without_courses_are_left_out() -> None:
    assert count_ends([1, 2], [1, 1], ENDS, [2, 5]).cells == (2, 5)


def test_a_log_rank_test_by_hand() -> None:
    # Day 1: one of arm 0 (3 of 6 at risk); day 3: one of arm 1 (2 of 3); day 5: the last one.
    test = log_rank(count_ends(DAY, END, ENDS, ARM).only("target"))
    assert test.expected == pytest.approx([1 / 2 + 1 / 3, 1 / 2 + 2 / 3 + 1])
    assert test.variance[0, 0] == pytest.approx(1 / 4 + 2 / 9)
    assert test.chi2 == pytest.approx((1 - 5 / 6) ** 2 / (1 / 4 + 2 / 9))


def test_efrons_sums_agree_with_one_another() -> None:
    rng = np.random.default_rng(1)
    for d in (64, 65, 300, 5000):
        s = np.array([1.0, 3, 50]) * rng.uniform(1, 2, 3) * d
        e = np.array([s[0], *rng.uniform(0.3, 0.9, 2) * d])
        ties = efron_sums(s, e, np.full(3, float(d)))
        u = np.arange(d) / d
        v = 1 / (s[:, None] - u * e[:, None])
        exact = [-np.log(v), v, u * v, v * v, u * v * v, u * u * v * v]
        for name, terms in zip(ties.__slots__, exact, strict=True):
            assert getattr(ties, name) == pytest.approx(terms.sum(axis=1), rel=1e-9), name


def test_coxs_score_at_zero_is_the_log_rank_test_where_days_are_not_tied() -> None:
    rng = np.random.default_rng(2)
    day, arm = rng.permutation(200), rng.integers(0, 2, 200)
    counts = count_ends(day, rng.integers(0, 2, 200), ("target",), arm)
    test, fit = log_rank(counts), fit_cox(counts, [[0.0], [1.0]], ("arm",))
    # Likelihood-ratio, Wald and score statistics are one another's neighbours in large samples.
    assert 2 * (fit.log_likelihood - fit.log_likelihood_null) == pytest.approx(test.chi2, rel=0.05)
    assert (fit.coefficients[0] / fit.se[0]) ** 2 == pytest.approx(test.chi2, rel=0.05)


def test_a_group_in_which_nothing_happened_has_no_finite_rate_ratio() -> None:
    counts = count_ends([1, 2, 3, 1, 2, 3], [1, 1, 0, 0, 0, 0], ("target",), [0, 0, 0, 1, 1, 1])
    with pytest.raises(FitError, match="told apart without error by arm"):
        fit_cox(counts, [[0.0], [1.0]], ("arm",))


def test_large_covariates_do_not_overflow() -> None:
    counts = count_ends(DAY, END, ENDS, ARM)
    small = fit_cox(counts, [[0.0], [1.0]], ("arm",))
    large = fit_cox(counts, [[1e6], [1e6 + 1e3]], ("arm",))
    assert large.coefficients * 1e3 == pytest.approx(small.coefficients, rel=1e-6)


COUNTS = count_ends(DAY, END, ENDS, ARM)
NONE = count_ends(DAY, [0] * 6, ENDS, ARM)
ONE = count_ends(DAY, END, ENDS)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda: count_ends([1, -2], [1, 1], ENDS), "1 days are negative, the first in row 2"),
        (lambda: count_ends([1, np.nan], [1, 1], ENDS), "not finite numbers, the first in row 2"),
        (lambda: count_ends([1, -0.5], [1, 1], ENDS), "1 days are negative"),
        (lambda: count_ends([1, 2], [1, 7], ENDS), "Unknown ends [7]; known are 0 still going on"),
        (lambda: count_ends([1, 2], [1.0, 0.5], ENDS), "ends whole numbers"),
        (lambda: count_ends([], [], ENDS), "no courses"),
        (lambda: count_ends([1, 2], [1, 1], ENDS, [np.nan, 1]), "1 rows have no cell"),
        (lambda: count_ends([1, 2], [1], ENDS), "equally long columns"),
        (lambda: count_ends([1], [1], ()), "must be named"),
        (lambda: COUNTS.only("finish"), "Unknown kind of end: ['finish']"),
        (lambda: COUNTS.grouped({0: "a"}), "Unknown cell: [1]"),
        (lambda: COUNTS + count_ends([1], [1], ("target",)), "kinds of end differ"),
        (lambda: log_rank(ONE), "needs two groups"),
        (lambda: log_rank(NONE), "Nothing ended"),
        (lambda: log_rank(COUNTS, None, {0: "a"}), "no stratum: [1]"),
        (lambda: fit_cox(NONE, [[0], [1]], ("arm",)), "Nothing ended"),
        (lambda: fit_cox(COUNTS, [[1], [1]], ("arm",)), "do not vary where it counts: arm"),
        (lambda: fit_cox(COUNTS, [[0, 0], [1, 2]], "ab"), "depend on each other: a, b"),
        (lambda: fit_cox(COUNTS, [[0], [np.inf]], ("arm",)), "not finite"),
        (lambda: fit_cox(COUNTS, [[0]], ("arm",)), "one row per cell"),
        (lambda: kaplan_meier(COUNTS, 95), "between 0 and 1"),
        (lambda: kaplan_meier(COUNTS).quantile(0), "between 0 and 1"),
        (lambda: cumulative_incidence(COUNTS).quantile("cured", 0.5), "Unknown kind of end"),
    ],
)
def test_it_refuses_what_cannot_be_answered(work: object, message: str) -> None:
    with pytest.raises(FitError, match=re.escape(message)):
        work()  # type: ignore[operator]
