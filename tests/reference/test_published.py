"""Published results, one test per paper, from inputs whose source stands in their first lines."""

import csv
from pathlib import Path

import numpy as np
import pytest

from enthesis.evidence.conversions import sd_from_se, se_from_ci
from enthesis.evidence.effects import Measure, compare_means, counts, means
from enthesis.evidence.pool import Interval, pool, two_sided_p
from enthesis.evidence.ragged import review
from enthesis.evidence.sparse import yates_p
from enthesis.evidence.tau2 import Model
from tests.reference.metafor import agreement

FOLDER = Path(__file__).parent / "published"


def columns(name: str) -> dict[str, list[str]]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    return {key: [row[key] for row in rows] for key in rows[0]}


def numbers(table: dict[str, list[str]], *names: str) -> list[np.ndarray]:
    return [np.array(table[name], dtype=float) for name in names]


def test_the_bcg_vaccine_trials_give_what_metafor_documents() -> None:
    """metafor's documented analysis of dat.bcg: log risk ratio, REML, Knapp–Hartung: −0.7145
    (−1.1084, −0.3206), prediction −1.9960 to 0.5670."""
    case = next(
        c for c in agreement.read_reference()["cases"] if agreement.case_name(c) == "bcg RR"
    )
    effects = agreement.effects_of(case)
    answer = pool(review(effects.estimates, effects.variances)).one()
    assert answer.k == 13
    shown = (answer.estimate, answer.ci_low, answer.ci_high)
    assert [round(x, 4) for x in shown] == [-0.7145, -1.1084, -0.3206]
    ahead = (answer.prediction_low, answer.prediction_high)
    assert [round(x, 4) for x in ahead] == [-1.9960, 0.5670]


def test_hrobjartsson_2010_placebo_against_no_treatment() -> None:
    """Cochrane CD003974.pub3, summary table, patient-reported continuous outcomes, 109 trials:
    SMD −0.26 (−0.32 to −0.19)."""
    y, v = numbers(columns("hrobjartsson_2010_placebo_patient_reported.csv"), "yi", "vi")
    answer = pool(review(y, v), Model.DL, Interval.WALD).one()
    assert answer.k == 109
    shown = (answer.estimate, answer.ci_low, answer.ci_high)
    assert [round(x, 2) for x in shown] == [-0.26, -0.32, -0.19]


def test_michael_2013_brain_images() -> None:
    """Michael 2013, Psychon Bull Rev 20:720, the pooled mean difference as the help of metadat's
    dat.michael2013 gives it: 0.07 (−0.00 to 0.14). A control of arithmetic, not clinical."""
    table = columns("michael_2013_numeric_control.csv")
    brain = numbers(table, "Brain_m", "Brain_s", "Brain_n")
    without = numbers(table, "No_brain_m", "No_brain_s", "No_brain_n")
    effects = compare_means(Measure.MD, means(*brain, *without))
    answer = pool(review(effects.estimates, effects.variances), Model.DL, Interval.WALD).one()
    assert answer.k == 12
    shown = (answer.estimate, answer.ci_low, answer.ci_high)
    assert [abs(round(x, 2)) for x in shown] == [0.07, 0.00, 0.14]


def test_paige_2017_spinal_manipulation_for_acute_back_pain() -> None:
    """Paige 2017, JAMA 317:1451, abstract: function, pooled mean effect size −0.39 (the interval
    could not be read; the data set has six of the trials)."""
    y, v = numbers(columns("paige_2017_smt_function.csv"), "y", "s2")
    assert round(pool(review(y, v), Model.DL).one().estimate, 2) == -0.39


def test_klein_1993_improvement_by_half() -> None:
    """Klein 1993, J Spinal Disord 6:23, abstract: 30 of 39 against 21 of 40 improved by half or
    more, p = 0.042; that is χ² with Yates' correction."""
    assert round(yates_p(counts(30, 39, 21, 40)).item(), 3) == 0.042


@pytest.mark.parametrize(
    ("outcome", "estimate", "low", "high", "p"),
    [
        ("WOMAC pain", -10.34, -19.20, -1.49, 0.022),
        ("WOMAC function", -9.55, -17.72, -1.39, 0.022),
        ("WOMAC composite", -9.65, -17.77, -1.53, 0.020),
        ("VAS pain", -10.98, -21.36, -0.61, 0.038),
    ],
)
def test_sit_2020_intervals_and_p_values_belong_together(
    outcome: str, estimate: float, low: float, high: float, p: float
) -> None:
    """Sit 2020, Ann Fam Med 18:235, abstract: knee osteoarthritis at 52 weeks."""
    statistic = np.atleast_1d(estimate / se_from_ci(low, high))
    found = two_sided_p(statistic, np.array([1]), Interval.WALD).item()
    assert round(found, 3) == pytest.approx(p, abs=0.0011), outcome


def test_a_printed_standard_error_becomes_the_printed_sd() -> None:
    """PMC9989868 prints both: 3.49 × √30 = 19.12."""
    assert sd_from_se(3.49, 30) == pytest.approx(19.12, abs=0.005)
