"""Our intervals are R's prop.test, binom.test and poisson.test; see intervals/README.md."""

import json
from pathlib import Path
from typing import Any

import pytest

from enthesis.outcomes.intervals import clopper_pearson, difference, rate, wilson

FILE = Path(__file__).parent / "intervals" / "reference.json"
REFERENCE = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", REFERENCE["shares"], ids=str)
def test_shares_are_those_of_r(case: dict[str, Any]) -> None:
    for name, function in (("wilson", wilson), ("clopper_pearson", clopper_pearson)):
        ours = function(case["reached"], case["total"], case["level"])
        assert [ours.low, ours.high] == pytest.approx(case[name], rel=1e-10, abs=1e-14)


@pytest.mark.parametrize("case", REFERENCE["rates"], ids=str)
def test_rates_are_those_of_r(case: dict[str, Any]) -> None:
    ours = rate(case["events"], case["exposure"], case["level"])
    assert [ours.low, ours.high] == pytest.approx(case["limits"], rel=1e-10)


@pytest.mark.parametrize("case", REFERENCE["differences"], ids=str)
def test_differences_are_built_of_r_limits(case: dict[str, Any]) -> None:
    ours = difference(*case["counts"])
    expected = [case["difference"], case["low"], case["high"]]
    assert [ours.estimate, ours.low, ours.high] == pytest.approx(expected, rel=1e-10, abs=1e-14)


@pytest.mark.parametrize(
    ("counts", "printed"),
    [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((6, 7, 2, 7), (0.0582, 0.8062)),
        ((5, 56, 0, 29), (-0.0381, 0.1926)),
    ],
)
def test_differences_are_those_printed_by_newcombe(
    counts: tuple[int, int, int, int], printed: tuple[float, float]
) -> None:
    ours = difference(*counts)
    assert [ours.low, ours.high] == pytest.approx(printed, abs=6e-5)
