"""The small version of benchmarks/proofs/coverage.py: 40 invented registries, truth recovered.

Seeded, so that a red test is a change of code and not chance. The whole table, with 500 registries,
stands in docs/reference/coverage.md.
"""

import numpy as np
import pytest
from benchmarks.proofs.coverage import Line, Scene, one_registry, summarise, world_of

REGISTRIES, COURSES = 40, 400


def lines_of(scene: Scene) -> dict[str, Line]:
    world = world_of(scene, seed=1)
    silent = np.zeros((4, 6))
    found = (one_registry(scene, world, silent, COURSES, seed) for seed in range(REGISTRIES))
    return {line.group: line for line in summarise(scene, found)}


@pytest.fixture(scope="module")
def at_random() -> dict[str, Line]:
    return lines_of(Scene("at random", per_point=0.3))


@pytest.mark.parametrize(
    "group",
    [
        "model: mean at a window",
        "model: change from baseline",
        "model: difference of changes between arms",
    ],
)
def test_the_model_recovers_the_truth_where_answers_are_missing_at_random(
    at_random: dict[str, Line], group: str
) -> None:
    assert at_random[group].coverage == pytest.approx(0.95, abs=0.02)


def test_the_mean_of_those_who_answered_does_not(at_random: dict[str, Line]) -> None:
    plain = at_random["mean of those who answered (no model)"]
    assert plain.coverage < 0.9
    assert plain.bias < -0.15


def test_shares_and_curves_and_rates_hold_where_silence_means_nothing() -> None:
    found = lines_of(Scene("completely at random", rounded=True))
    for group in (
        "cohort: share with pain ≤ 3, of those who answered",
        "survival: share reached by a session",
    ):
        assert found[group].coverage == pytest.approx(0.95, abs=0.025)
    assert found["harms: rate per session (exact)"].coverage > 0.95
