"""Degrees of freedom of repeated measures against SAS, pbkrtest and lmerTest, at the same Σ."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from enthesis.outcomes.climb import Peak, State
from enthesis.outcomes.degrees import contrasts
from enthesis.outcomes.likelihood import at_sigma, curvature, elements, expected_curvature
from enthesis.outcomes.repeated import Fitted, fit
from enthesis.outcomes.standard import standardise
from enthesis.outcomes.sums import Floats, Sums
from enthesis.outcomes.sums_from_columns import course_design, sums_from_columns
from enthesis.outcomes.visit_design import VisitDesign, alike_at_all_visits

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "repeated_degrees" / "reference.json").read_text(encoding="utf-8"))
CASES = {case["name"]: case for case in REFERENCE["cases"]}


def at(fitted: Fitted, sigma: Floats) -> Fitted:
    """The fit as if it had stopped at Σ."""
    standard = fitted.standard
    point = at_sigma(standard.problem, sigma / np.outer(standard.scale, standard.scale))
    assert point is not None
    back = standard.rotation
    return replace(
        fitted,
        coefficients=back @ (standard.first + point.step),
        uncertainty=back @ point.c_inverse @ back.T,
        covariance=sigma,
        minus2_log_likelihood=point.deviance + standard.constant,
        peak=Peak(point, State.CONVERGED, 0, 0, 0.0),
    )


def sums_of(rows: list[dict[str, Any]], covariates: list[str]) -> Sums:
    """Sums of rows with id, visit and score, in any order."""
    visits = sorted({row["visit"] for row in rows})
    ids = sorted({row["id"] for row in rows})
    place = {name: k for k, name in enumerate(ids)}
    rows = sorted(rows, key=lambda row: place[row["id"]])
    values = {row["id"]: [float(row[name]) for name in covariates] for row in rows}
    table = np.array([values[name] for name in ids])
    design = course_design(
        np.arange(len(ids)), {name: table[:, k] for k, name in enumerate(covariates)}
    )
    sums = sums_from_columns(
        [place[row["id"]] for row in rows],
        [visits.index(row["visit"]) for row in rows],
        [float(row["score"]) for row in rows],
        design,
        visits=range(len(visits)),
    )
    return replace(sums, visits=tuple(visits))


def design_of(case: dict[str, Any], sums: Sums) -> VisitDesign:
    """R's treatment contrasts: (Intercept), visit2 …, arm, age, visit2:arm …"""
    m, q = len(sums.visits), len(sums.covariates)
    names = case["names"]
    design = np.zeros((m, len(names), q))
    for j, name in enumerate(names):
        parts = name.split(":")
        covariate = next((c for c in sums.covariates if c in parts), "1")
        visit = next((p.removeprefix("visit") for p in parts if p.startswith("visit")), None)
        for v, label in enumerate(sums.visits):
            if visit is None or str(label) == visit:
                design[v, j, sums.covariates.index(covariate)] = 1
    return VisitDesign(tuple(names), design)


def ours(name: str) -> tuple[Fitted, Fitted]:
    """Our fit, and the same model at lmer's Σ."""
    case = CASES[name]
    used = [n for n in ("arm", "age") if n in case["names"]]
    sums = sums_of(case["rows"], used)
    fitted = fit(sums, design_of(case, sums))
    return fitted, at(fitted, np.array(case["sigma"]))


@pytest.mark.parametrize("name", CASES)
def test_at_the_same_covariance_all_numbers_are_those_of_pbkrtest_and_lmertest(name: str) -> None:
    case = CASES[name]
    fitted, there = ours(name)
    assert there.minus2_log_likelihood == pytest.approx(case["deviance"], abs=1e-9)
    assert fitted.minus2_log_likelihood <= case["deviance"] + 1e-9
    assert there.coefficients == pytest.approx(case["coefficients"], rel=1e-7, abs=1e-9)
    plain = contrasts(there, case["contrasts"])
    assert plain.se**2 == pytest.approx(case["plain"], rel=1e-8)
    adjusted = contrasts(there, case["contrasts"], degrees="kenward-roger-expected")
    assert adjusted.se**2 == pytest.approx(case["kenward_roger"]["variance"], rel=1e-7)
    assert adjusted.df == pytest.approx(case["kenward_roger"]["df"], rel=1e-6)
    # lmerTest differentiates numerically.
    assert plain.df == pytest.approx(case["satterthwaite"], rel=1e-4)


def fev(covariates: list[str]) -> tuple[Sums, VisitDesign]:
    with (HERE / "repeated" / "fev_data.csv").open(encoding="utf-8") as file:
        found = [row for row in csv.DictReader(file) if row["FEV1"] != "NA"]
    rows = [
        {
            "id": row["USUBJID"],
            "visit": row["AVISIT"],
            "score": row["FEV1"],
            "TRT": row["ARMCD"] == "TRT",
            "Female": row["SEX"] == "Female",
        }
        for row in found
    ]
    sums = sums_of(rows, covariates)
    return sums, alike_at_all_visits(sums)


def where_sas_stops(sums: Sums, design: VisitDesign) -> tuple[Fitted, float]:
    """PROC MIXED's way: MIVQUE(0), then Newton in Σ until g'H⁻¹g/|f| is below 1e-8."""
    standard = standardise(sums, design, restricted=True)
    problem, scale = standard.problem, standard.scale
    row, column = elements(len(scale))
    fitted = fit(sums, design)

    def moved(sigma: Floats, expected: bool) -> tuple[Floats, float]:
        point = at_sigma(problem, sigma)
        assert point is not None
        slope = point.gradient(problem)[row, column] * np.where(row == column, 1, 2)
        bend = (expected_curvature if expected else curvature)(problem, point)
        step = np.linalg.solve(bend, slope)
        change = np.zeros_like(sigma)
        change[row, column] = change[column, row] = step
        return sigma - change, slope @ step / abs(point.deviance + standard.constant)

    sigma, _ = moved(np.diag(scale**-2.0), expected=True)
    for _ in range(20):
        further, criterion = moved(sigma, expected=False)
        if criterion < 1e-8:
            return at(fitted, sigma * np.outer(scale, scale)), criterion
        sigma = further
    raise AssertionError("SAS would not stop.")


def test_stopped_where_sas_stops_every_digit_that_sas_prints_is_ours() -> None:
    """SAS PROC MIXED, FEV1 = ARMCD, TYPE=UN, DDFM=KR, as mmrm's tests record it."""
    stopped, _ = where_sas_stops(*fev(["TRT"]))
    found = contrasts(stopped, degrees="kenward-roger")
    assert found.estimate[1] == pytest.approx(3.81972492174648, rel=1e-12)
    assert found.se[1] == pytest.approx(0.66124382270307, rel=1e-12)
    assert found.df[1] == pytest.approx(160.733266403768, rel=1e-12)


def test_the_printed_fit_with_two_factors_is_ours_where_sas_stops() -> None:
    stopped, _ = where_sas_stops(*fev(["TRT", "Female"]))
    assert stopped.minus2_log_likelihood == pytest.approx(3666.96698281, abs=5e-9)
    found = contrasts(stopped)
    assert found.estimate == pytest.approx([41.0762, 3.8265, -0.1404], abs=5e-5)
    assert found.se == pytest.approx([0.5504, 0.6421, 0.6434], abs=6e-5)
    sigma = stopped.covariance
    printed = {(0, 0): 108.64, (1, 0): 45.5282, (1, 1): 40.1475, (2, 2): 24.7713}
    printed |= {(3, 0): -46.7566, (3, 3): 152.49}
    for place, value in printed.items():
        assert sigma[place] == pytest.approx(value, abs=6e-5 if abs(value) < 100 else 6e-3)


def test_our_own_fit_is_higher_than_where_sas_stops() -> None:
    sums, design = fev(["TRT", "Female"])
    fitted, stopped = fit(sums, design), where_sas_stops(sums, design)[0]
    gain = stopped.minus2_log_likelihood - fitted.minus2_log_likelihood
    assert 1e-6 < gain < 1e-4
