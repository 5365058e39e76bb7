"""The random-slope model against the likelihood written down in full, row by row."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from enthesis.outcomes.errors import FitError
from enthesis.outcomes.slope_standard import standardised
from enthesis.outcomes.slope_sums import rows_of
from enthesis.outcomes.slopes import fit_slopes

course = st.lists(st.tuples(st.integers(-20, 60), st.integers(0, 10)), min_size=1, max_size=6)
many_courses = st.lists(course, min_size=4, max_size=12)
part = st.floats(0, 2, allow_subnormal=False)
directions = st.floats(-1, 1)


def columns(courses: list[list[tuple[int, int]]]) -> tuple[np.ndarray, ...]:
    subject = np.repeat(np.arange(len(courses)), [len(c) for c in courses])
    t, y = np.array([visit for c in courses for visit in c], dtype=float).T
    arm = subject % 2
    return subject, t / 10, y, np.column_stack([np.ones_like(t), t / 10, arm, arm * t / 10])


def in_full(rows: tuple[np.ndarray, ...], d: np.ndarray, restricted: bool) -> float:
    """Minus twice the log-likelihood with V as one large matrix, σ² profiled."""
    subject, t, y, x = rows
    same = subject[:, None] == subject
    v = np.eye(len(y)) + same * (d[0] + d[1] * (t[:, None] + t) + d[2] * np.outer(t, t))
    inverse = np.linalg.inv(v)
    a = x.T @ inverse @ x
    left = y - x @ np.linalg.solve(a, x.T @ inverse @ y)
    free = len(y) - (x.shape[1] if restricted else 0)
    deviance = np.linalg.slogdet(v)[1] + free * (
        1 + np.log(2 * np.pi * left @ inverse @ left / free)
    )
    return float(deviance + (np.linalg.slogdet(a)[1] if restricted else 0))


def usable(courses: list[list[tuple[int, int]]]) -> tuple[np.ndarray, ...]:
    rows = columns(courses)
    try:
        standardised(rows_of(*rows, "abcd"))
    except FitError:
        assume(False)
    # A set that can just be fitted is ill-conditioned both ways of computing.
    assume(np.linalg.cond(rows[3].T @ rows[3]) < 1e6)
    return rows


@settings(deadline=None, max_examples=60)
@given(many_courses, part, part, directions, st.booleans())
def test_the_likelihood_is_the_one_written_in_full(
    courses: list[list[tuple[int, int]]], a: float, c: float, lean: float, restricted: bool
) -> None:
    rows = usable(courses)
    d = np.array([a * a, lean * a * c, c * c])
    ours = standardised(rows_of(*rows, "abcd"))
    point = ours.at(d, restricted)
    assume(point is not None)
    assert ours.deviance(point) == pytest.approx(in_full(rows, d, restricted), rel=1e-7, abs=1e-6)


@settings(deadline=None, max_examples=30)
@given(many_courses, st.lists(st.tuples(part, directions, part), min_size=5, max_size=5))
def test_no_covariance_has_a_higher_likelihood_than_the_fitted_one(
    courses: list[list[tuple[int, int]]], others: list[tuple[float, float, float]]
) -> None:
    rows = usable(courses)
    try:
        fit = fit_slopes(*rows, "abcd")
    except FitError:
        assume(False)
    ours = standardised(rows_of(*rows, "abcd"))
    g = fit.covariance / fit.residual_variance
    for a, lean, c in others:
        for near in (1.0, 1e-2):
            root = np.linalg.cholesky(g + 1e-12 * np.eye(2)) * (1 - near)
            root += near * np.array([[a, 0], [lean, c]])
            d = root @ root.T
            point = ours.at(np.array([d[0, 0], d[0, 1], d[1, 1]]), restricted=True)
            if near < 1 and point is not None:
                assert ours.deviance(point) >= fit.minus2_log_likelihood - 1e-7
