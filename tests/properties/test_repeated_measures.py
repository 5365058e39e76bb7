"""Whatever the data: the sums' likelihood is that of the raw rows, and merging changes nothing."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from enthesis.outcomes.errors import FitError
from enthesis.outcomes.repeated import fit
from enthesis.outcomes.standard import standardise
from enthesis.outcomes.visit_design import (
    alike_at_all_visits,
    at_every_visit,
    own_mean_at_every_visit,
)
from tests.unit.outcomes.dense import dense, deviance, made

SEED = st.integers(0, 2**32 - 1)
DESIGN = st.sampled_from([at_every_visit, own_mean_at_every_visit, alike_at_all_visits])


@settings(max_examples=40, deadline=None)
@given(SEED, st.integers(12, 40), st.integers(2, 5), DESIGN, st.booleans(), st.booleans())
def test_the_likelihood_is_that_of_the_raw_rows_at_any_covariance(
    seed: int, n: int, m: int, design: object, restricted: bool, full: bool
) -> None:
    raw = made(seed, n, m, gone=0 if full else 0.3)
    sums = raw.sums()
    chosen = design(sums)  # type: ignore[operator]
    try:
        standard = standardise(sums, chosen, restricted)
    except FitError:
        assume(False)
    root = np.random.default_rng(seed).normal(size=(m, m + 2))
    sigma = root @ root.T + 0.05 * np.eye(m)
    mine = deviance(standard.problem, sigma) + standard.constant
    theirs = dense(
        raw, chosen, sigma * np.outer(standard.scale, standard.scale), restricted=restricted
    )
    assert mine == pytest.approx(theirs, rel=1e-9, abs=1e-7)


@settings(max_examples=12, deadline=None)
@given(SEED, st.integers(30, 80), st.integers(2, 4), st.integers(1, 29))
def test_clinics_added_up_give_the_pooled_fit_to_the_bit(
    seed: int, n: int, m: int, cut: int
) -> None:
    raw = made(seed, n, m)
    apart = raw.sums(slice(cut, n)) + raw.sums(slice(0, cut))
    pooled = raw.sums()
    assert apart.same_as(pooled)
    try:
        one, two = fit(apart), fit(pooled)
    except FitError:
        assume(False)
    assert np.array_equal(one.coefficients, two.coefficients)
    assert np.array_equal(one.covariance, two.covariance)


@settings(max_examples=15, deadline=None)
@given(SEED, st.integers(20, 60), st.integers(2, 4), st.booleans())
def test_no_covariance_near_the_fitted_one_is_more_likely(
    seed: int, n: int, m: int, restricted: bool
) -> None:
    raw = made(seed, n, m, gone=0.4)
    try:
        fitted = fit(raw.sums(), method="reml" if restricted else "ml")
    except FitError:
        assume(False)
    assume(fitted.is_usable)
    rng = np.random.default_rng(seed)
    for size in (1e-3, 1e-1):
        shift = np.eye(m) + size * rng.normal(size=(m, m))
        moved = shift @ fitted.covariance @ shift.T + 1e-9 * np.eye(m)
        assert fitted.minus2_log_likelihood <= 1e-7 + dense(
            raw, fitted.design, moved, restricted=restricted
        )
