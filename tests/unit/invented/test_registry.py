"""The invented registry: its courses show its known answer, and its tables hold together."""

import tomllib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from enthesis import shape
from enthesis.invented.registry import REACHED, Invented, World, invent_courses, invent_world
from enthesis.invented.registry_files import ANSWER, write_registry
from enthesis.invented.registry_tables import Words, ends_of, tables_of
from enthesis.invented.registry_truth import (
    RegistryTruth,
    read_truth,
    rounded_mean,
    shipped_registry_truth,
)
from enthesis.knowledge.load import knowledge
from tests.unit.invented.test_clinic import TODAY

N = 40_000


@pytest.fixture(scope="module")
def world() -> World:
    return invent_world(shipped_registry_truth(), seed=3)


@pytest.fixture(scope="module")
def invented(world: World) -> Invented:
    return invent_courses(world, N, seed=3)


def test_the_mean_of_rounded_answers_is_the_known_one(world: World, invented: Invented) -> None:
    for arm in range(len(world.truth.arm)):
        scores = invented.complete[invented.arm == arm]
        se = scores.std(axis=0) / np.sqrt(len(scores))
        assert np.abs(scores.mean(axis=0) - world.rounded_means[arm]).max() < 4.5 * se.max()


def test_the_latent_mean_and_covariance_are_the_known_ones(world: World) -> None:
    latent = invent_courses(world, N, seed=3, rounded=False)
    own = latent.arm == 0
    centred = latent.complete[own] - world.truth.means[0]
    centred[:, 1:] -= world.shift[latent.clinic[own], None]
    expected = world.truth.windows.covariance
    assert np.abs(centred.mean(axis=0)).max() < 0.1
    assert np.abs(centred.T @ centred / own.sum() - expected).max() < 0.25


def test_the_share_reached_by_each_session_is_the_known_one(invented: Invented) -> None:
    for number, arm in enumerate(invented.world.truth.arm):
        own = invented.arm == number
        for session in range(1, arm.planned + 1):
            share = np.mean((invented.how == REACHED)[own] & (invented.at_session[own] <= session))
            expected = arm.reached_by(session)
            assert abs(share - expected) < 4.5 * np.sqrt(0.25 / own.sum())


def test_who_had_more_pain_falls_silent_more_often(invented: Invented) -> None:
    start = invented.complete[:, 0]
    silent = invented.silent_from == 1
    assert silent[start >= 8].mean() > 1.2 * silent[start <= 4].mean()


def test_delta_changes_only_what_nobody_sees(world: World, invented: Invented) -> None:
    worse = replace(world.truth.silence, delta=Decimal(2))
    other = invent_courses(replace(world, truth=replace(world.truth, silence=worse)), N, seed=3)
    assert np.array_equal(other.seen, invented.seen)
    assert np.array_equal(other.complete[other.seen], invented.complete[invented.seen])
    assert other.complete[:, -1].mean() > invented.complete[:, -1].mean() + 0.2


def test_one_seed_makes_one_registry_and_blocks_differ(world: World) -> None:
    one, two = (invent_courses(world, 50, seed=9) for _ in range(2))
    assert np.array_equal(one.complete, two.complete)
    assert not np.array_equal(one.complete, invent_courses(world, 50, 9, block=1).complete)


def test_rows_are_sorted_and_counts_agree_between_tables(invented: Invented) -> None:
    tables = tables_of(invented, first=7)
    courses = np.asarray(tables["courses"]["course"])
    for name, table in tables.items():
        column = np.asarray(table["course"])
        assert np.all(np.diff(column) >= 0), name
        assert np.isin(column, courses).all()
        assert len({len(values) for values in table.values()}) == 1
    for name, total in (("sessions", "sessions"), ("events", "warnings")):
        counted = np.bincount(np.asarray(tables[name]["course"]) - 7, minlength=N)
        assert np.array_equal(counted, tables["courses"][total])
    money = tables["money"]["kind"]
    assert isinstance(money, Words)
    cents = np.asarray(tables["money"]["cents"])
    assert cents[money.codes == 1].sum() == np.sum(tables["courses"]["paid_cents"])


def test_nobody_is_treated_or_ended_after_silence_or_the_cut(invented: Invented) -> None:
    how, day = ends_of(invented)
    began = invented.began
    assert np.all(day[began] <= np.minimum(invented.follow, invented.lost_day)[began])
    assert set(np.unique(how)) == {0, 1, 2, 3, 4}
    sessions = tables_of(invented)["sessions"]
    last = np.asarray(sessions["day"])
    owner = np.asarray(sessions["course"])
    assert np.all(last <= invented.follow[owner])


def test_names_are_those_of_the_knowledge() -> None:
    truth, known = shipped_registry_truth(), knowledge(TODAY)
    assert {arm.condition for arm in truth.arm} <= set(known.conditions)
    assert {arm.protocol for arm in truth.arm} <= set(known.protocols)
    assert {harm.kind for harm in truth.harm} <= {rule.id for rule in known.danger_rules}


def test_a_folder_holds_the_tables_and_the_known_answer(tmp_path: Path) -> None:
    world = write_registry(tmp_path / "made", courses=300, seed=2)
    assert pq.read_table(tmp_path / "made" / "courses.parquet").num_rows == 300
    pain = pq.read_table(tmp_path / "made" / "visits.parquet").column("pain")
    assert pain.null_count and set(pain.to_pylist()) <= {None, *range(11)}
    answer = tomllib.loads((tmp_path / "made" / ANSWER).read_text())
    assert answer["arm"][0]["mean_pain"] == pytest.approx(world.rounded_means[0], abs=1e-6)
    with pytest.raises(FileExistsError, match="name an empty folder"):
        write_registry(tmp_path / "made", courses=300, seed=2)


def test_nothing_cannot_be_invented(world: World, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one course, not 0"):
        invent_courses(world, 0, seed=1)
    with pytest.raises(ValueError, match="at least one course, not 0"):
        write_registry(tmp_path, courses=0, seed=1)


def test_rounding_hardly_moves_a_mean_in_the_middle_and_pulls_it_in_at_an_end() -> None:
    middle, end = rounded_mean(np.array([5.0, 0.3]), np.array([1.0, 2.0]))
    assert middle == pytest.approx(5, abs=1e-6)
    assert end > 0.6


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("share = 0.35", "share = 0.36", "the shares of the arms must make 1"),
        ("days = [0, 30,", "days = [0, 15, 30,", "sd and correlation must fit the 7 days"),
        ("[1.00, 0.55,", "[1.00, 0.56,", "symmetric and positive definite"),
        ("reach = [0.02, 0.09, 0.14]", "reach = [0.02, 0.14]", "one share a session"),
        ("leave = [-2.6, ", "leave = [", "silence.leave 5"),
    ],
)
def test_a_truth_that_cannot_be_is_refused(old: str, new: str, problem: str) -> None:
    import enthesis.invented.registry_truth as module

    text = Path(module.__file__).with_suffix(".toml").read_text()
    assert old in text
    with pytest.raises(shape.ShapeError, match=problem):
        read_truth(text.replace(old, new, 1))


def test_the_truth_that_ships_is_read_once() -> None:
    assert isinstance(shipped_registry_truth(), RegistryTruth)
    assert shipped_registry_truth() is shipped_registry_truth()
