"""Random intercept and slope: what is refused, and the short cuts against the long way."""

import re

import numpy as np
import pytest

from enthesis.outcomes.errors import FitError
from enthesis.outcomes.slope_levels import LevelSums, sum_levels
from enthesis.outcomes.slope_likelihood import likelihood
from enthesis.outcomes.slope_standard import standardised
from enthesis.outcomes.slope_sums import SlopeSums, condensed, rows_of, sum_rows
from enthesis.outcomes.slopes import SlopesFit, course_lines, fit_slopes

NAMES = ("1", "day", "arm", "arm:day")


def visits(courses: int, seed: int, scheduled: bool = False) -> tuple[np.ndarray, ...]:
    """Subject, day, pain and the design of invented courses; a few are seen only once."""
    rng = np.random.default_rng(seed)
    count = rng.choice([1, 3, 4, 5, 8], courses, p=[0.1, 0.2, 0.3, 0.2, 0.2])
    subject = np.repeat(np.arange(courses), count)
    day = rng.integers(0, 120, subject.size)
    if scheduled:
        day = (np.arange(subject.size) - np.repeat(np.cumsum(count) - count, count)) * 14
    arm = np.repeat(rng.integers(0, 2, courses), count)
    intercept, slope = rng.normal(6, 1.2, courses), rng.normal(-0.01, 0.02, courses)
    pain = intercept[subject] + slope[subject] * day - 0.01 * arm * day
    pain = np.rint(pain + rng.normal(0, 1, subject.size))
    return subject, day, pain, np.column_stack([np.ones_like(day), day, arm, arm * day])


def same(one: SlopesFit, other: SlopesFit) -> None:
    apart = np.abs(other.coefficients - one.coefficients) / one.se
    assert apart.max() < 1e-6
    assert other.se == pytest.approx(one.se, rel=1e-6)
    assert other.df == pytest.approx(one.df, rel=1e-6, nan_ok=True)
    size = np.sqrt(np.diagonal(one.covariance))
    assert np.abs((other.covariance - one.covariance) / np.outer(size, size)).max() < 1e-6
    assert other.minus2_log_likelihood == pytest.approx(one.minus2_log_likelihood, rel=1e-12)


@pytest.mark.parametrize("restricted", [True, False])
def test_the_derivatives_are_those_of_the_likelihood(restricted: bool) -> None:
    sums = standardised(rows_of(*visits(40, 3), NAMES)).sums
    for d in ([0.7, 0.2, 0.5], [1.0, -0.4, 0.161], [0.001, 0.0, 0.3]):
        here = likelihood(sums, np.array(d), restricted)
        for at in range(3):
            step = np.zeros(3)
            step[at] = 1e-5
            up = likelihood(sums, d + step, restricted)
            down = likelihood(sums, d - step, restricted)
            slope = (up.deviance - down.deviance) / 2e-5
            assert here.gradient[at] == pytest.approx(slope, rel=1e-6, abs=1e-5)
            bend = (up.gradient - down.gradient) / 2e-5
            assert here.hessian[at] == pytest.approx(bend, rel=1e-6, abs=1e-4)


def test_levels_say_the_same_as_sums_for_every_column() -> None:
    rows = rows_of(*visits(600, 5), NAMES)
    first_fit = np.array([5.0, 0.01, -0.2, 0.003])
    levels, plain = (f(rows, 60.0, 30.0, first_fit) for f in (sum_levels, sum_rows))
    assert isinstance(levels, LevelSums) and len(levels.levels) == 2
    assert levels.squares == pytest.approx(plain.squares, rel=1e-12, abs=1e-8)
    by = np.array(
        [[1, 0.2, 0, 0, -0.4], [0, 2, 0.1, 0, 0.3], [0, 0, 1, 0.5, 0.1], [0, 0, 0.3, 1, 0]]
    )
    by = np.vstack([by, [0, 0, 0, 0, 0.5]])
    d = np.array([0.8, 0.1, 0.3])
    one = likelihood(plain.transformed(by), d, restricted=True)
    for other in (levels.transformed(by), levels.transformed(by).whole()):
        two = likelihood(other, d, restricted=True)
        assert two.deviance == pytest.approx(one.deviance, rel=1e-12)
        assert two.beta == pytest.approx(one.beta, rel=1e-9)
        assert two.gradient == pytest.approx(one.gradient, rel=1e-9)
        assert two.hessian == pytest.approx(one.hessian, rel=1e-9)


@pytest.mark.parametrize("spoilt", ["a value that changes", "a covariate of many values"])
def test_a_design_that_is_no_lines_is_summed_column_by_column(spoilt: str) -> None:
    subject, day, pain, design = visits(300, 6)
    design = design.astype(float)
    if spoilt == "a value that changes":
        design[7, 2] += 1
    else:
        design[:, 2] = np.random.default_rng(1).normal(size=300)[subject]
    assert isinstance(standardised(rows_of(subject, day, pain, design, NAMES)).sums, SlopeSums)


def test_courses_seen_on_the_same_days_are_condensed_without_loss() -> None:
    rows = rows_of(*visits(2000, 7, scheduled=True), NAMES)
    plain = sum_rows(rows, 20.0, 20.0, np.zeros(4))
    few = condensed(plain)
    assert few.size < 60
    one, two = (likelihood(s, np.array([0.8, 0.1, 0.3]), True) for s in (plain, few))
    assert two.deviance == pytest.approx(one.deviance, rel=1e-12)
    assert two.hessian == pytest.approx(one.hessian, rel=1e-9)


def test_the_order_of_the_rows_and_the_kind_of_label_do_not_matter() -> None:
    subject, day, pain, design = visits(150, 8)
    fit = fit_slopes(subject, day, pain, design, NAMES)
    order = np.random.default_rng(2).permutation(subject.size)
    label = np.array([f"course {s:03}" for s in subject])
    same(fit, fit_slopes(label[order], day[order], pain[order], design[order], NAMES))


def test_a_first_guess_from_some_courses_does_not_move_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    columns = visits(1500, 9)
    fit = fit_slopes(*columns, NAMES)
    monkeypatch.setattr("enthesis.outcomes.slopes.GUESS_BEYOND", 100)
    same(fit, fit_slopes(*columns, NAMES))


def test_another_unit_and_origin_of_time_change_only_what_they_must() -> None:
    subject, day, pain, design = visits(150, 10)
    week = day / 7 + 1000
    arm = design[:, 2]
    one = fit_slopes(subject, day, pain, design, NAMES)
    other = fit_slopes(
        subject, week, pain, np.column_stack([np.ones_like(week), week, arm, arm * week]), NAMES
    )
    assert other.coefficients[[1, 3]] == pytest.approx(7 * one.coefficients[[1, 3]], rel=1e-6)
    assert other.covariance[1, 1] == pytest.approx(49 * one.covariance[1, 1], rel=1e-6)
    assert other.residual_variance == pytest.approx(one.residual_variance, rel=1e-6)


def test_lines_of_new_courses_are_shrunk_towards_the_mean_line() -> None:
    subject, day, pain, design = visits(200, 11)
    fit = fit_slopes(subject, day, pain, design, NAMES)
    flat = np.array([[1.0, t, 0, 0] for t in (0, 30, 60)])
    mean = flat @ fit.coefficients
    lines = course_lines(fit, ["new"] * 3, [0, 30, 60], mean + 2, flat)
    assert 0 < lines.deviations[0, 0] < 2
    assert lines.covariance.shape == (1, 2, 2)
    assert 0 < lines.covariance[0, 0, 0] < fit.covariance[0, 0]
    alone = course_lines(fit, ["on the line"], [30], mean[1:2], flat[1:2])
    assert alone.deviations == pytest.approx(np.zeros((1, 2)), abs=1e-9)


def test_at_the_boundary_degrees_of_freedom_are_unknown() -> None:
    rng = np.random.default_rng(12)
    subject = np.repeat(np.arange(30), 5)
    day = np.tile(np.arange(5), 30)
    # Courses that differ less than chance alone would have it.
    pain = rng.normal(size=150).reshape(30, 5)
    pain = (pain - pain.mean(axis=1, keepdims=True)).ravel()
    fit = fit_slopes(subject, day, pain, np.column_stack([np.ones(150), day]), NAMES[:2])
    assert fit.boundary
    assert np.isnan(fit.df).all() and np.isfinite(fit.se).all()
    assert np.isnan(fit.contrast_df([1, 0]))


def bad(**changes: object) -> dict[str, object]:
    subject, day, pain, design = visits(20, 13)
    columns = {"subject": subject, "time": day, "outcome": pain, "design": design, "names": NAMES}
    return columns | changes


COLUMNS = bad()
WITH_NAN = np.where(np.arange(len(COLUMNS["time"])) == 4, np.nan, COLUMNS["outcome"])
TWICE = np.column_stack([COLUMNS["design"][:, :3], COLUMNS["design"][:, 2]])
ONCE = np.arange(len(COLUMNS["time"]))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (bad(outcome=WITH_NAN), "outcome: 1 values are not finite numbers, the first of course"),
        (bad(time=WITH_NAN), "time: 1 values are not finite numbers"),
        (bad(design=TWICE), "depend on each other: arm, arm:day"),
        (bad(design=0 * TWICE), "do not vary where it counts: 1, day, arm"),
        (bad(subject=ONCE), "No course was seen at two different times"),
        (bad(subject=ONCE // 2, time=ONCE), "none has more than a line needs"),
        (bad(time=0 * ONCE), "No course was seen at two different times"),
        (bad(outcome=COLUMNS["design"][:, 1]), "to the last digit"),
        (bad(subject=[1, 2]), "equally long columns"),
        (bad(names=("1",)), "one column per name"),
        (bad(subject=WITH_NAN), "1 rows have no subject, the first in row 5"),
        (bad(subject=[None, *ONCE[1:]]), "1 rows have no subject, the first in row 1"),
        (bad(outcome=ONCE.astype(str)), "outcomes must be numbers"),
        (bad(method="fast"), "'reml' or 'ml'"),
        (
            dict.fromkeys(("subject", "time", "outcome"), np.zeros(0))
            | {"design": np.zeros((0, 1)), "names": ("1",)},
            "nothing to fit",
        ),
    ],
)
def test_it_refuses_what_cannot_be_fitted(columns: dict[str, object], message: str) -> None:
    with pytest.raises(FitError, match=re.escape(message)):
        fit_slopes(**columns)
