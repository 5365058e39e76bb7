"""Our random-slope model is lme4's, and its df lmerTest's; see mixed/README.md."""

from typing import Any

import numpy as np
import pytest

from tests.reference.mixed.compare import (
    METHODS,
    at_same_variances,
    fitted,
    lines_apart,
    numbers,
    read_reference,
    standard,
)

CASES = read_reference()
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])


def test_the_number_of_sets_does_not_shrink() -> None:
    assert len(CASES) >= 30
    assert sum(case["answers"]["reml"]["singular"] for case in CASES) >= 15


@every_case
@pytest.mark.parametrize("method", METHODS)
def test_at_the_same_variances_every_number_is_lme4s(case: dict[str, Any], method: str) -> None:
    # Far from 0 lme4 itself loses a digit at absurd variances (40-digit arithmetic sides with us).
    digits = 1e-9 if min(case["time"]) > 300 else 1e-10
    for apart in at_same_variances(case, method):
        assert apart.deviance < 1e-8
        assert apart.coefficients < 1e-9
        assert apart.se < digits
        assert apart.sigma < 1e-10


@every_case
@pytest.mark.parametrize("method", METHODS)
def test_the_likelihood_is_never_lower_than_lme4s(case: dict[str, Any], method: str) -> None:
    fit = fitted(case, method)
    assert fit.minus2_log_likelihood <= case["answers"][method]["best"] + 1e-7


@every_case
def test_the_boundary_is_seen_where_lme4_sees_it(case: dict[str, Any]) -> None:
    for method in METHODS:
        assert fitted(case, method).boundary == case["answers"][method]["singular"]


@every_case
def test_at_rest_the_likelihood_does_not_rise_in_any_direction(case: dict[str, Any]) -> None:
    ours, fit = standard(case), fitted(case, "reml")
    best = ours.at(fit.covariance[np.tril_indices(2)] / fit.residual_variance, restricted=True)
    root = np.array([[best.d[0], best.d[1]], [best.d[1], best.d[2]]])
    first, mixed, second = best.gradient
    slope = np.array([[first, mixed / 2], [mixed / 2, second]])
    assert np.abs(slope @ root).max() < 1e-5
    assert np.linalg.eigvalsh(slope)[0] > -1e-5


def test_degrees_of_freedom_are_lmertests() -> None:
    compared = 0
    for case in CASES:
        for method in METHODS:
            theirs = case["answers"][method]
            df = numbers(theirs["df"])
            fit = fitted(case, method)
            # Where lmer stopped short of the top (by more than 1e-8) its df are of another place.
            if np.isnan(df).any() or theirs["best"] - fit.minus2_log_likelihood > 1e-8:
                continue
            compared += 1
            # lmerTest differentiates numerically: near a flat top it keeps five digits, not six.
            assert fit.df == pytest.approx(df, rel=2e-5), case["name"]
    assert compared >= 14


@pytest.mark.parametrize("name", ["1 full", "2 none", "sleepstudy", "Orthodont"])
def test_predicted_lines_are_lme4s(name: str) -> None:
    (case,) = (case for case in CASES if case["name"] == name)
    for method in METHODS:
        assert lines_apart(case, method) < 1e-9
