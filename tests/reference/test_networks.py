"""Network meta-analysis against metafor's rma.mv and against published worked examples.

`metafor/network.json` comes from `metafor/make_network_reference.R` (Debian 12 has no netmeta; the
model is the same).
"""

from typing import Any

import numpy as np
import pytest

from enthesis.evidence.network import Network, NetworkStudy, decompose, network
from enthesis.evidence.tau2 import Model
from tests.reference.metafor.agreement import network_studies, read_networks

CASES = read_networks()


def differences(fitted: Network, case: dict[str, Any], theirs: dict[str, Any]) -> float:
    """Largest difference of estimates and standard errors, in standard errors."""
    order = [fitted.treatments.index(name) for name in case["treatments"][1:]]
    se = np.sqrt(np.diag(np.array(theirs["covariance"])))
    ours = np.sqrt(np.diag(fitted.covariance))[order]
    apart = np.abs(fitted.estimates[order] - np.array(theirs["estimates"])) / se
    return float(max(apart.max(), np.abs(ours / se - 1).max()))


def named(name: str) -> dict[str, Any]:
    return next(case for case in CASES if case["name"] == name)


def test_seven_networks_are_compared() -> None:
    assert len(CASES) >= 7
    assert any(len(study.treatments) > 2 for case in CASES for study in network_studies(case))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_it_agrees_with_metafor_at_a_given_heterogeneity(case: dict[str, Any]) -> None:
    studies = network_studies(case)
    common = network(studies, case["reference"], Model.COMMON)
    assert differences(common, case, case["common"]) < 1e-8
    assert common.q == pytest.approx(case["common"]["q"], rel=1e-8)
    assert common.df == case["common"]["df"]
    given = network(studies, case["reference"], tau2=0.1)
    assert differences(given, case, case["tau2_one_tenth"]) < 1e-8


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_it_agrees_with_metafor_on_the_heterogeneity(case: dict[str, Any]) -> None:
    fitted = network(network_studies(case), case["reference"], Model.REML)
    # metafor's general optimiser stops early; at the same τ² the two agree to 1e-8, above.
    assert fitted.tau2 == pytest.approx(case["REML"]["tau2"], rel=1e-5, abs=1e-8)
    assert differences(fitted, case, case["REML"]) < 1e-6


def test_senn_2013_gives_the_heterogeneity_and_inconsistency_that_netmeta_prints() -> None:
    """Senn 2013, Stat Methods Med Res 22:169: `netmeta` with its data set Senn2013 prints Q 96.99
    (18 df), within designs 74.46 (11), between designs 22.53 (7, p = 0.0021), and for the designs
    metformin 42.16, rosiglitazone 21.27, benfluorex 4.38 and miglitol 6.45 against placebo; its
    inputs are rounded, so the last digit may move."""
    case = named("senn2013")
    studies = network_studies(case)
    found = decompose(network(studies, "placebo", Model.DL))
    assert found.within + found.between == pytest.approx(96.99, abs=0.01)
    assert (found.within, found.within_df) == (pytest.approx(74.46, abs=0.015), 11)
    assert (found.between, found.between_df) == (pytest.approx(22.53, abs=0.01), 7)
    assert found.between_p == pytest.approx(0.0021, abs=5e-5)
    designs = {"metformin": 42.16, "rosiglitazone": 21.27, "benfluorex": 4.38, "miglitol": 6.45}
    for treatment, q in designs.items():
        pair = [s for s in studies if set(s.treatments) == {treatment, "placebo"}]
        assert network(pair, "placebo", Model.COMMON).q == pytest.approx(q, abs=0.015)


def test_the_reml_likelihood_is_never_lower_than_metafors() -> None:
    for case in CASES:
        studies, theirs = network_studies(case), case["REML"]["tau2"]
        ours = network(studies, case["reference"], Model.REML).tau2
        gain = _height(studies, case["reference"], ours) - _height(
            studies, case["reference"], theirs
        )
        assert gain > -1e-9


def _height(studies: list[NetworkStudy], reference: str, tau2: float) -> float:
    """Restricted log likelihood, written out with the whole covariance matrix."""
    fitted = network(studies, reference, tau2=tau2)
    names, height = fitted.treatments, 0.0
    for study in studies:
        rows = len(study.estimates)
        base = fitted.estimates[names.index(study.treatments[0])]
        mean = np.array([fitted.estimates[names.index(t)] - base for t in study.treatments[1:]])
        variance = study.covariance + tau2 * (np.eye(rows) + 1) / 2
        gap = study.estimates - mean
        height -= 0.5 * (np.linalg.slogdet(variance)[1] + gap @ np.linalg.solve(variance, gap))
    return float(height + 0.5 * np.linalg.slogdet(fitted.covariance[1:, 1:])[1])
