"""Invented people against what is known of people who had no specific treatment."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from enthesis.invented.body import Body, Latent, draw_body
from enthesis.invented.describe import page
from enthesis.invented.truth import shipped_truth

ROOT = Path(__file__).parents[3]
PEOPLE = 3000
SERIES = (2.0, 6.0, 10.0, 14.0, 18.0, 22.0)

Answer = Callable[[float, bool], np.ndarray]


@pytest.fixture(scope="module")
def people() -> list[Body]:
    rng = np.random.default_rng(2026)
    return [draw_body(rng, shipped_truth()) for _ in range(PEOPLE)]


@pytest.fixture(scope="module")
def answers(people: list[Body]) -> Answer:
    """Whole-number answers of everybody in a week, after one session in week 2."""
    error = np.random.default_rng(7)

    def asked(week: float, specific: bool = False) -> np.ndarray:
        pain = np.array([body.pain(week, (2.0,), specific) for body in people])
        noise = error.normal(0, shipped_truth()("pain.answer_sd"), len(people))
        return np.clip(np.round(pain + noise), 0, 10)

    return asked


# Ashar 2022, saline and usual care together: weeks after the second baseline, mean as a share of
# the baseline's, share improved by 30 %, share worse, correlation with the baseline.
@pytest.mark.parametrize(
    ("week", "ratio", "improved", "worse", "correlation"),
    [(5, 0.81, 0.38, 0.15, 0.62), (57, 0.77, 0.45, 0.19, 0.50)],
)
def test_without_a_specific_effect_pain_goes_as_in_the_untreated_arms_of_a_trial(
    answers: Answer,
    week: float,
    ratio: float,
    improved: float,
    worse: float,
    correlation: float,
) -> None:
    baseline, later = answers(2, False), answers(2 + week, False)
    asked = baseline > 0
    relief = (baseline[asked] - later[asked]) / baseline[asked]
    assert later.mean() / baseline.mean() == pytest.approx(ratio, abs=0.05)
    assert np.mean(relief >= 0.3) == pytest.approx(improved, abs=0.08)
    assert np.mean(relief < 0) == pytest.approx(worse, abs=0.06)
    assert np.corrcoef(baseline, later)[0, 1] == pytest.approx(correlation, abs=0.10)


def test_people_come_in_bad_weeks_and_the_next_weeks_are_better(answers: Answer) -> None:
    assert answers(0, False).mean() - answers(2, False).mean() > 0.4


def test_the_specific_effect_is_what_separates_responders_from_others(people: list[Body]) -> None:
    def gone(body: Body) -> float:
        return 1 - body.level(26, SERIES) / max(body.level(26, SERIES, specific=False), 1e-9)

    responders = [gone(body) for body in people if body.latent.responder]
    others = [gone(body) for body in people if not body.latent.responder]
    assert min(responders) > max(others)
    share = shipped_truth()("specific.share_of_responders")
    assert len(responders) / PEOPLE == pytest.approx(share, abs=0.03)


def test_a_late_starter_feels_nothing_specific_before_the_fourth_session() -> None:
    latent = Latent(6.0, 0.2, 0.1, 0.8, 4, True)
    body = Body(latent, np.zeros(200), shipped_truth())
    assert body.specific_relief(13.9, SERIES) == 0
    assert body.specific_relief(17.9, SERIES) > 0.2


def test_a_session_in_the_future_does_nothing_yet() -> None:
    body = draw_body(np.random.default_rng(3), shipped_truth())
    assert body.pain(1.0, ()) == body.pain(1.0, SERIES)


def test_every_true_parameter_is_used_and_every_used_one_is_written_down() -> None:
    code = "".join(p.read_text() for p in (ROOT / "src/enthesis/invented").glob("*.py"))
    used = re.findall(r'truth\(\s*f?"([^"]+)"', code) + re.findall(r'\bt\("([^"]+)"', code)
    used += [f"signs.{name}" for name in re.findall(r'"(\w+_own_(?:mean|sd)[^"]*)"', code)]
    patterns = [re.compile(re.sub(r"\\\{.*?\\\}", r"\\w+", re.escape(name))) for name in used]
    written = {f"{g}.{n}" for g, ps in shipped_truth().groups.items() for n in ps}
    unused = {name for name in written if not any(p.fullmatch(name) for p in patterns)}
    assert unused == set()


def test_the_page_of_the_truth_is_as_the_parameter_file_makes_it() -> None:
    written = (ROOT / "docs/explanation/invented-clinic.md").read_text(encoding="utf-8")
    assert written == page(shipped_truth()), (
        "stale: run python -m enthesis.invented.describe > docs/explanation/invented-clinic.md"
    )
