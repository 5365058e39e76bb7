"""What the silent could change: closed forms against counting, and the tipping point."""

import numpy as np
import pytest

from enthesis.outcomes.errors import FitError
from enthesis.outcomes.repeated import fit
from enthesis.outcomes.silent import (
    Group,
    delta_of_fit,
    delta_table,
    reasons_for_silence,
)
from enthesis.outcomes.sums_from_columns import sums_from_columns

ONE = [Group(1, asked=200, answered=150)]


def test_each_point_of_delta_moves_the_mean_by_the_share_of_the_silent() -> None:
    table = delta_table(-1.5, 0.2, 180, ONE, [0, 1, 2, 6])
    assert table.estimate == pytest.approx([-1.5, -1.25, -1.0, 0.0])
    assert table.se[0] == 0.2
    assert np.all(np.diff(table.se) > 0)
    assert table.holds.tolist() == [True, True, True, False]
    assert table.conclusion == -1


@pytest.mark.parametrize("limit", [0.0, -0.5, 0.5])
@pytest.mark.parametrize("estimate", [-1.5, 1.5])
def test_at_the_tipping_point_the_interval_meets_the_limit(estimate: float, limit: float) -> None:
    groups = [Group(-np.sign(estimate), asked=300, answered=210)]
    table = delta_table(estimate, 0.2, 90, groups, [0.0], limit=limit, up_to=50)
    assert table.tipping_point is not None
    at = delta_table(estimate, 0.2, 90, groups, [table.tipping_point], limit=limit)
    end = at.high if estimate < 0 else at.low
    assert end[0] == pytest.approx(limit, abs=1e-9)
    before = delta_table(estimate, 0.2, 90, groups, [0.999 * table.tipping_point], limit=limit)
    assert before.holds[0]


def test_a_conclusion_that_does_not_hold_has_tipped_already_and_one_without_silent_never_does() -> (
    None
):
    assert delta_table(-0.1, 0.2, 90, ONE, [0.0]).tipping_point == 0
    full = [Group(1, asked=200, answered=200)]
    assert delta_table(-1.5, 0.2, 90, full, [0.0]).tipping_point is None
    assert delta_table(-1.5, 0.2, 90, ONE, [0.0], up_to=1).tipping_point is None


def test_of_two_groups_the_silent_can_be_taken_apart() -> None:
    groups = [Group(1, 100, 80), Group(-1, 100, 60, worse_by=0)]
    assert delta_table(-1, 0.2, 90, groups, [1.0]).estimate == pytest.approx([-0.8])
    both = [Group(1, 100, 80), Group(-1, 100, 80)]
    assert delta_table(-1, 0.2, 90, both, [3.0]).estimate == pytest.approx([-1])


def test_it_is_what_imputing_shifted_scores_gives() -> None:
    # Nobody's answer depends on another's here, so that the model imputes the mean of the visit.
    rng = np.random.default_rng(3)
    n = 400
    score = rng.integers(0, 11, (n, 2))
    seen = rng.random(n) < 0.7
    course, window = np.repeat(np.arange(n), 2), np.tile([0, 1], n)
    keep = np.column_stack([np.ones(n, bool), seen]).ravel()
    sums = sums_from_columns(course[keep], window[keep], score.ravel()[keep], visits=(0, 1))
    fitted = fit(sums)
    groups = [Group(1, n, int(seen.sum()))]
    table = delta_of_fit(fitted, [0, 1], groups, [0, 2.0])
    fill = fitted.mean([1])[1] + fitted.covariance[0, 1] / fitted.covariance[0, 0] * (
        score[:, 0] - fitted.mean([1])[0]
    )
    imputed = np.where(seen, score[:, 1], fill + 2)
    assert table.estimate[1] == pytest.approx(imputed.mean(), abs=1e-6)
    assert table.estimate[0] == pytest.approx(fitted.coefficients[1])


def test_reasons_come_back_from_invented_silence() -> None:
    rng = np.random.default_rng(8)
    last, age = rng.integers(0, 11, 20_000), rng.integers(2, 9, 20_000)
    silent = rng.random(20_000) < 1 / (1 + np.exp(2 - 0.2 * (last - 5)))
    reasons = reasons_for_silence(np.column_stack([last, age]), silent, ("last score", "decade"))
    assert reasons.odds_ratio.low[0] < np.exp(0.2) < reasons.odds_ratio.high[0]
    assert reasons.odds_ratio.low[1] < 1 < reasons.odds_ratio.high[1]
    assert reasons.names == ("last score", "decade")
    assert (reasons.silent, reasons.courses) == (int(silent.sum()), 20_000)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Group(1, 10, 11), "11 of 10 cannot have answered"),
        (lambda: Group(1, 0, 0), "0 of 0 cannot have answered"),
        (lambda: delta_table(np.nan, 1, 9, ONE, [0]), "finite standard error"),
        (lambda: delta_table(1, 1, 9, [], [0]), "at least one group"),
        (lambda: reasons_for_silence([[1.0]], [1], ("a",)), "silent yes or no"),
    ],
)
def test_what_cannot_be_is_refused(call: object, said: str) -> None:
    with pytest.raises(FitError, match=said):
        call()  # type: ignore[operator]
