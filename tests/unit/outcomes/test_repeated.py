"""The repeated-measures model: its likelihood, its derivatives, where it stops, what it refuses."""

import numpy as np
import pytest

from enthesis.outcomes.climb import Peak, State, climb
from enthesis.outcomes.degrees import contrasts
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.likelihood import at_sigma, curvature, elements
from enthesis.outcomes.repeated import fit
from enthesis.outcomes.standard import standardise
from enthesis.outcomes.sums_from_columns import course_design, sums_from_columns
from enthesis.outcomes.visit_design import (
    alike_at_all_visits,
    at_every_visit,
    own_mean_at_every_visit,
)
from tests.unit.outcomes.dense import dense, deviance, made

DESIGNS = [at_every_visit, own_mean_at_every_visit, alike_at_all_visits]


@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.parametrize("design", DESIGNS)
def test_gradient_and_curvature_are_those_of_finite_differences(
    design: object, restricted: bool
) -> None:
    sums = made(1, 40, 3).sums()
    standard = standardise(sums, design(sums), restricted)  # type: ignore[operator]
    problem, sigma = standard.problem, standard.start
    point = at_sigma(problem, sigma)
    assert point is not None
    gradient, bend = point.gradient(problem), curvature(problem, point)
    row, column = elements(3)
    step = 1e-5
    for k, (i, j) in enumerate(zip(row, column, strict=True)):
        change = np.zeros((3, 3))
        change[i, j] = change[j, i] = step
        slope = (deviance(problem, sigma + change) - deviance(problem, sigma - change)) / (2 * step)
        assert slope == pytest.approx(np.vdot(gradient, change) / step, abs=1e-6)
        above, below = (at_sigma(problem, sigma + sign * change) for sign in (1, -1))
        assert above is not None and below is not None
        turn = (above.gradient(problem) - below.gradient(problem)) / (2 * step)
        mine = turn[row, column] * np.where(row == column, 1, 2)
        assert bend[k] == pytest.approx(mine, abs=1e-5 * np.abs(bend).max())


def test_a_complete_table_gives_the_textbook_covariance() -> None:
    """Nobody missing, the same covariates at all visits: least squares, residuals over n − q."""
    raw = made(2, 50, 4, gone=0)
    fitted = fit(raw.sums())
    z = np.column_stack([np.ones(50), raw.covariates])
    beta, *_ = np.linalg.lstsq(z, raw.scores, rcond=None)
    residuals = raw.scores - z @ beta
    assert fitted.covariance == pytest.approx(residuals.T @ residuals / (50 - 3), rel=1e-10)
    assert fitted.coefficients == pytest.approx(beta.T.ravel(), abs=1e-9)
    assert fitted.mean([1, 1, 2]) == pytest.approx(beta.T @ [1, 1, 2], abs=1e-9)
    # Each visit alone is a regression: its t has n − q degrees of freedom.
    assert contrasts(fitted).df == pytest.approx(np.full(12, 47), rel=1e-9)


def test_the_units_of_the_scores_and_covariates_do_not_matter() -> None:
    raw = made(3, 60, 3)
    sums = raw.sums()
    plain = fit(sums, own_mean_at_every_visit(sums))
    course, window = np.nonzero(np.isfinite(raw.scores))
    far = course_design(
        np.arange(60), {"a": raw.covariates[:, 0] * 1e-3, "b": 2000 + 10 * raw.covariates[:, 1]}
    )
    score = 1000 + 50 * raw.scores[course, window]
    moved = sums_from_columns(course, window, score, far, visits=range(3))
    fitted = fit(moved, own_mean_at_every_visit(moved))
    assert fitted.covariance == pytest.approx(2500 * plain.covariance, rel=1e-7)
    mine, other = contrasts(plain), contrasts(fitted)
    assert other.estimate[3:] == pytest.approx(mine.estimate[3:] * [5e4, 5], rel=1e-7)
    assert other.df[3:] == pytest.approx(mine.df[3:], rel=1e-6)


def test_a_covariate_that_changes_from_visit_to_visit_has_one_column_a_visit() -> None:
    """x at visit v is covariate v of the course: `at` picks it out."""
    raw = made(4, 40, 3)
    rng = np.random.default_rng(4)
    x = rng.normal(size=(40, 3))
    course, window = np.nonzero(np.isfinite(raw.scores))
    design = course_design(np.arange(40), {f"x{v}": x[:, v] for v in range(3)})
    sums = sums_from_columns(course, window, raw.scores[course, window], design, visits=range(3))
    at = np.zeros((3, 2, 4))
    at[:, 0, 0] = 1
    at[np.arange(3), 1, 1 + np.arange(3)] = 1
    from enthesis.outcomes.visit_design import VisitDesign
    from tests.unit.outcomes.dense import Raw

    chosen = VisitDesign(("mean", "x"), at)
    fitted = fit(sums, chosen)
    own = dense(Raw(raw.scores, x), chosen, fitted.covariance, restricted=True)
    assert fitted.minus2_log_likelihood == pytest.approx(own, abs=1e-8)


def peak_and_others(seed: int, pairs: bool, restricted: bool) -> tuple[Peak, list[Peak]]:
    raw = made(seed, 70, 4, gone=0.3, rank=1 + seed % 3, pairs=pairs)
    sums = raw.sums()
    standard = standardise(sums, alike_at_all_visits(sums), restricted)
    rng = np.random.default_rng(seed)
    roots = [rng.normal(size=(4, 5)) for _ in range(3)]
    starts = [standard.start, *(root @ root.T / 5 + 0.01 * np.eye(4) for root in roots)]
    peak, *others = (climb(standard.problem, start) for start in starts)
    return peak, others


@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.parametrize("pairs", [True, False])
def test_no_other_start_finds_a_higher_likelihood_even_at_the_boundary(
    pairs: bool, restricted: bool
) -> None:
    ended = []
    for seed in range(6):
        peak, others = peak_and_others(seed, pairs, restricted)
        assert peak.state in (State.CONVERGED, State.BOUNDARY), seed
        for other in others:
            assert peak.point.deviance <= other.point.deviance + 1e-6, seed
        ended.append(peak.state)
    assert (State.BOUNDARY in ended) == pairs


def test_it_leaves_a_false_resting_place_at_the_boundary() -> None:
    """Started where a pivot of the root is exactly 0, its slope is 0 as well, and stays so."""
    left = 0
    for seed in range(6):
        sums = made(1000 + seed, 80, 3, rank=1 + seed % 2, pairs=True).sums()
        standard = standardise(sums, own_mean_at_every_visit(sums), True)
        right = climb(standard.problem, standard.start)
        root = np.array([[1.0, 0, 0], [0.5, 0.8, 0], [0.3, 0.4, 0]])
        from_there = climb(standard.problem, root @ root.T)
        assert from_there.state is right.state
        assert from_there.point.deviance == pytest.approx(right.point.deviance, abs=1e-7)
        left += from_there.restarts
    assert left > 0


def boundary_rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of three visits whose correlations no covariance matrix can have together."""
    rng = np.random.default_rng(8)
    course, window, score = [], [], []
    signs = {(0, 1): 1, (1, 2): 1, (0, 2): -1}
    for k in range(90):
        u, v = list(signs)[k % 3]
        x = rng.normal()
        for at, value in ((u, x), (v, signs[u, v] * x + 0.2 * rng.normal())):
            course.append(k)
            window.append(at)
            score.append(value)
    return np.array(course), np.array(window), np.array(score)


def test_at_the_boundary_degrees_of_freedom_are_undefined_and_it_says_so() -> None:
    course, window, score = boundary_rows()
    sums = sums_from_columns(course, window, score, visits=range(3))
    fitted = fit(sums)
    assert fitted.state is State.BOUNDARY
    assert "boundary" in fitted.note
    found = contrasts(fitted)
    assert np.isnan(found.df).all() and np.isnan(found.p).all()
    assert np.isfinite(found.se).all()
    assert np.linalg.eigvalsh(fitted.covariance)[0] == pytest.approx(0, abs=1e-6)
    # No direction of Σ that keeps it a covariance matrix lowers the deviance.
    gradient = fitted.peak.point.gradient(fitted.standard.problem)
    assert np.linalg.eigvalsh(gradient)[0] > -1e-5


def test_too_few_courses_for_so_many_visits_are_no_fit() -> None:
    raw = made(6, 5, 5, gone=0)
    fitted = fit(raw.sums(), own_mean_at_every_visit(raw.sums()))
    assert not fitted.is_usable
    assert "too few subjects" in fitted.note


@pytest.mark.parametrize(
    ("course", "window", "score", "visits", "says"),
    [
        ([], [], [], [0, 1], "no score"),
        ([1, 2], [0, 0], [5, 6], [0], "only one visit"),
        ([1, 2, 3], [0, 0, 0], [5, 6, 7], [0, 1], "Nobody has a score at visit 1"),
        ([1, 2, 3, 4], [0, 0, 1, 1], [5, 6, 7, 9], [0, 1], "Nobody has scores at both"),
        ([1, 1, 2, 2], [0, 1, 0, 1], [5, 6, 5, 8], [0, 1], "same score at visit 0"),
        ([1, 1], [0, 1], [5, 6], [0, 1], "2 coefficients cannot be estimated from 2"),
    ],
)
def test_it_refuses_what_the_data_cannot_carry(
    course: list[int], window: list[int], score: list[int], visits: list[int], says: str
) -> None:
    arrays = (np.array(part, dtype=np.int64) for part in (course, window, score))
    with pytest.raises(FitError, match=says):
        fit(sums_from_columns(*arrays, visits=visits))


def test_an_aliased_covariate_is_named_with_what_says_the_same() -> None:
    raw = made(9, 40, 2)
    course, window = np.nonzero(np.isfinite(raw.scores))
    old = raw.covariates[:, 1]
    design = course_design(
        np.arange(40), {"age": old, "born": 2026 - old, "here": np.ones(40), "never": old * 0}
    )
    sums = sums_from_columns(course, window, raw.scores[course, window], design, visits=[0, 1])
    with pytest.raises(FitError) as refused:
        fit(sums, alike_at_all_visits(sums))
    said = "\n".join(refused.value.problems)
    assert "born says nothing that (mean) and age do not say already" in said
    assert "here says nothing that (mean) does not say already" in said
    assert "never is 0 for everybody" in said


def test_the_method_and_the_shape_of_a_design_are_checked() -> None:
    sums = made(1, 30, 3).sums()
    with pytest.raises(FitError, match="reml or ml, not map"):
        fit(sums, method="map")
    with pytest.raises(FitError, match="The design has shape"):
        fit(sums, at_every_visit(made(1, 30, 4).sums()))
    with pytest.raises(FitError, match="one number for each of 1, z1, z2"):
        fit(sums).mean([1, 2])
