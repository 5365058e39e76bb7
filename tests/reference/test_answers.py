"""Our logistic and ordinal regression are R's glm and clm; see answers/README.md."""

import json
from pathlib import Path
from typing import Any

import pytest

from enthesis.outcomes.answers import cells_of, fit_logistic, fit_ordinal

FILE = Path(__file__).parent / "answers" / "reference.json"
CASES = json.loads(FILE.read_text(encoding="utf-8"))["cases"]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])


@every_case
def test_logistic_regression_is_glms(case: dict[str, Any]) -> None:
    x, counts = cells_of(case["design"], case["level"], case["levels"])
    ours = fit_logistic(x, counts[:, 1:].sum(axis=1), counts.sum(axis=1), case["names"])
    theirs = case["logistic"]
    assert ours.coefficients == pytest.approx(theirs["coefficients"], rel=1e-9)
    assert ours.se == pytest.approx(theirs["se"], rel=1e-8)
    assert ours.log_likelihood == pytest.approx(theirs["log_likelihood"], rel=1e-12)


@every_case
def test_proportional_odds_are_clms(case: dict[str, Any]) -> None:
    x, counts = cells_of(case["design"], case["level"], case["levels"])
    levels = [str(at) for at in range(case["levels"])]
    ours, theirs = fit_ordinal(x[:, 1:], counts, levels, case["names"][1:]), case["ordinal"]
    assert ours.coefficients == pytest.approx(theirs["coefficients"], rel=1e-9)
    assert ours.se == pytest.approx(theirs["se"], rel=1e-9)
    assert ours.log_likelihood == pytest.approx(theirs["log_likelihood"], rel=1e-12)


@every_case
def test_two_levels_are_logistic_regression(case: dict[str, Any]) -> None:
    x, counts = cells_of(case["design"], case["level"], case["levels"])
    yes, all_ = counts[:, 1:].sum(axis=1), counts.sum(axis=1)
    one = fit_logistic(x, yes, all_, case["names"])
    two = [counts[:, :1], yes[:, None]]
    other = fit_ordinal(
        x[:, 1:], [[*a, *b] for a, b in zip(*two, strict=True)], "no yes".split(), case["names"][1:]
    )
    assert other.coefficients[0] == pytest.approx(-one.coefficients[0], rel=1e-9)
    assert other.coefficients[1:] == pytest.approx(one.coefficients[1:], rel=1e-9)
    assert other.se == pytest.approx(one.se, rel=1e-9)
