"""Degrees of freedom and contrasts: worked out a second way, and what is refused."""

import numpy as np
import pytest

from enthesis.outcomes.degrees import DEGREES, contrasts, variances
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.repeated import fit
from enthesis.outcomes.visit_design import own_mean_at_every_visit
from tests.unit.outcomes.dense import Raw, made


def blocks(raw: Raw, design: object) -> list[tuple[np.ndarray, np.ndarray]]:
    """(X, which visits) of every course."""
    found = []
    for y, z in zip(raw.scores, raw.covariates, strict=True):
        at = np.flatnonzero(np.isfinite(y))
        found.append((design.rows(np.append(1.0, z))[at], at))  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_kenward_and_roger_from_the_raw_rows_and_their_own_formulas(seed: int) -> None:
    """P, Q and the expected information of Kenward & Roger (1997), section 2, course by course."""
    raw = made(seed, 25, 3)
    sums = raw.sums()
    fitted = fit(sums, own_mean_at_every_visit(sums))
    m, p = 3, len(fitted.coefficients)
    units = []
    for i, j in [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)]:
        unit = np.zeros((m, m))
        unit[i, j] = unit[j, i] = 1
        units.append(unit)
    k, phi = len(units), fitted.uncertainty
    first, second = np.zeros((k, p, p)), np.zeros((k, k, p, p))
    trace = np.zeros((k, k))
    for x, at in blocks(raw, fitted.design):
        inverse = np.linalg.inv(fitted.covariance[np.ix_(at, at)])
        parts = [inverse @ unit[np.ix_(at, at)] for unit in units]
        for i in range(k):
            first[i] -= x.T @ parts[i] @ inverse @ x
            for j in range(k):
                second[i, j] += x.T @ parts[i] @ parts[j] @ inverse @ x
                trace[i, j] += np.trace(parts[i] @ parts[j])
    information = np.array(
        [
            [
                trace[i, j] - np.trace(2 * phi @ second[i, j] - phi @ first[i] @ phi @ first[j])
                for j in range(k)
            ]
            for i in range(k)
        ]
    )
    of_sigma = 2 * np.linalg.inv(information)
    wider = sum(
        of_sigma[i, j] * (second[i, j] - first[i] @ phi @ first[j])
        for i in range(k)
        for j in range(k)
    )
    adjusted = phi + 2 * phi @ wider @ phi
    found = contrasts(fitted, degrees="kenward-roger-expected")
    assert found.se == pytest.approx(np.sqrt(np.diag(adjusted)), rel=1e-9)
    slopes = np.array([np.diag(phi @ one @ phi) for one in first])
    df = 2 * np.diag(phi) ** 2 / np.einsum("ip,ij,jp->p", slopes, of_sigma, slopes)
    assert found.df == pytest.approx(df, rel=1e-9)


@pytest.mark.parametrize("degrees", DEGREES)
def test_a_contrast_is_the_same_whether_asked_alone_or_with_others(degrees: str) -> None:
    fitted = fit(made(3, 40, 3).sums())
    rows = np.random.default_rng(1).normal(size=(3, 9))
    variance, df = variances(fitted, rows, degrees)
    for row, v, d in zip(rows, variance, df, strict=True):
        alone = variances(fitted, row[None], degrees)
        assert (alone[0][0], alone[1][0]) == pytest.approx((v, d), rel=1e-12)


def test_kenward_and_roger_is_never_narrower_here_and_tends_to_the_plain_one() -> None:
    small, large = (fit(made(4, n, 3).sums()) for n in (20, 2000))
    ratio = [
        contrasts(one, degrees="kenward-roger").se / contrasts(one).se for one in (small, large)
    ]
    # Some are the plain one exactly, but for the last digit of some processors.
    assert (ratio[0] >= 1 - 1e-12).all() and ratio[0].max() > 1.005
    assert ratio[1] == pytest.approx(np.ones(9), abs=1e-3)


def test_a_small_coverage_check_of_intervals_with_missing_visits() -> None:
    """120 trials of no difference; the full one, of 500 registries, is a proof of its own."""
    inside = 0
    rng = np.random.default_rng(5)
    root = np.linalg.cholesky(0.5 * np.eye(3) + 0.5)
    for _ in range(120):
        arm = np.arange(24) % 2
        scores = rng.normal(size=(24, 3)) @ root.T
        scores[rng.random((24, 3)) < [0, 0.15, 0.3]] = np.nan
        fitted = fit(Raw(scores, arm[:, None].astype(float)).sums())
        found = contrasts(fitted, np.eye(6)[[5]], degrees="kenward-roger")
        inside += bool(found.ci_low[0] <= 0 <= found.ci_high[0])
    # Nominal 114 of 120; 3.5 standard deviations are 8.
    assert inside >= 106


def test_what_is_asked_wrongly_is_refused() -> None:
    sums = made(1, 30, 3).sums()
    with pytest.raises(FitError, match="needs REML"):
        contrasts(fit(sums, method="ml"), degrees="kenward-roger")
    with pytest.raises(FitError, match="not residual"):
        contrasts(fit(sums), degrees="residual")
    with pytest.raises(FitError, match="needs 9 numbers"):
        contrasts(fit(sums), [[1, 0]])
