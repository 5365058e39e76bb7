"""Our curves, tests and rate ratios are those of R's survival; see survival/README.md."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from enthesis.outcomes.cox import CoxFit, fit_cox
from enthesis.outcomes.end_counts import EndCounts, count_ends
from enthesis.outcomes.rank_test import log_rank
from enthesis.outcomes.survival import cumulative_incidence, kaplan_meier

FILE = Path(__file__).parent / "survival" / "reference.json"
CASES = json.loads(FILE.read_text(encoding="utf-8"))["cases"]
ENDS = ("target", "stop", "refer")
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])


def numbers(values: object) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def agrees(ours: np.ndarray, theirs: object, rel: float = 1e-12) -> None:
    assert ours == pytest.approx(numbers(theirs), rel=rel, abs=1e-12, nan_ok=True)


def by_group(case: dict[str, Any]) -> EndCounts:
    return count_ends(case["day"], case["end"], ENDS[: max(case["end"])], case["group"])


def by_cell(case: dict[str, Any]) -> EndCounts:
    """Cells are numbered group · 100 + clinic · 10 + age."""
    cell = numbers([case["group"], case["clinic"], case["age"]]).T @ [100, 10, 1]
    return count_ends(case["day"], case["end"], ENDS[: max(case["end"])], cell.astype(int))


def strata_of(counts: EndCounts) -> dict[object, object]:
    return {cell: cell // 10 % 10 for cell in counts.cells}


@every_case
def test_kaplan_meier_curves_agree(case: dict[str, Any]) -> None:
    counts = by_group(case)
    ours = kaplan_meier(counts)
    for group, theirs in enumerate(case["kaplan_meier"].values()):
        at = np.searchsorted(ours.days, theirs["day"])
        agrees(ours.at_risk[group, at], theirs["at_risk"])
        agrees(ours.share[group, at], theirs["share"])
        with np.errstate(invalid="ignore"):
            # R keeps the standard error of the logarithm.
            agrees(ours.se[group, at], numbers(theirs["se"]) * numbers(theirs["share"]))
        agrees(ours.low[group, at], theirs["low"])
        agrees(ours.high[group, at], theirs["high"])


@every_case
def test_cumulative_incidences_agree_with_competing_ends(case: dict[str, Any]) -> None:
    ours = cumulative_incidence(by_group(case))
    for group, theirs in enumerate(case["incidence"].values()):
        at = np.searchsorted(ours.days, case["kaplan_meier"][str(group + 1)]["day"])
        for name in ("share", "se", "low", "high"):
            agrees(getattr(ours, name)[group][:, at].T, numbers(theirs[name])[:, 1:])
        agrees(ours.event_free[group, at], numbers(theirs["share"])[:, 0])


@every_case
def test_quantiles_agree_with_their_intervals(case: dict[str, Any]) -> None:
    ours = kaplan_meier(by_group(case))
    for part, theirs in zip((0.25, 0.5, 0.75), case["quantiles"], strict=True):
        agrees(ours.quantile(part), theirs)


@every_case
@pytest.mark.parametrize("name", ["log_rank", "stratified"])
def test_log_rank_tests_agree(case: dict[str, Any], name: str) -> None:
    counts, theirs = by_cell(case).only("target"), case[name]
    groups = {cell: cell // 100 for cell in counts.cells}
    ours = log_rank(counts, groups, strata_of(counts) if name == "stratified" else None)
    order = np.argsort(ours.groups)
    agrees(ours.observed[order], numbers(theirs["observed"]).sum(axis=1))
    agrees(ours.expected[order], numbers(theirs["expected"]).sum(axis=1))
    agrees(ours.variance[np.ix_(order, order)], theirs["variance"], rel=1e-10)
    assert ours.chi2 == pytest.approx(theirs["chi2"], rel=1e-11)
    assert ours.df == 2


@every_case
@pytest.mark.parametrize("name", ["cox", "cox_stratified", "cox_any"])
def test_cox_models_agree(case: dict[str, Any], name: str) -> None:
    counts = by_cell(case)
    cells = np.array(counts.cells)
    second, third, clinic = cells // 100 == 1, cells // 100 == 2, cells // 10 % 10
    if name == "cox_any":
        columns = [second, third, clinic, second * clinic, third * clinic]
    else:
        columns, counts = [second, third, cells % 10], counts.only("target")
    strata = strata_of(counts) if name == "cox_stratified" else None
    names = [f"x{at}" for at in range(len(columns))]
    ours = fit_cox(counts, numbers(columns).T, names, strata)
    _same_model(ours, case[name])


def _same_model(ours: CoxFit, theirs: dict[str, Any]) -> None:
    agrees(ours.coefficients, theirs["coefficients"], rel=1e-9)
    agrees(ours.se, theirs["se"], rel=1e-9)
    heights = [ours.log_likelihood_null, ours.log_likelihood]
    assert heights == pytest.approx(theirs["log_likelihood"], rel=1e-12)
