"""Registries of several clinics in one folder are one; copies and shared keys are found."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from enthesis.outcomes import engine, registry
from enthesis.outcomes.registry import RegistryError
from enthesis.outcomes.rows import CourseRows
from tests.unit.outcomes.test_cohort import BY, QUESTIONS

pytestmark = pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")


@pytest.fixture
def network(rows: Sequence[CourseRows], tmp_path: Path) -> Path:
    """Two clinics' registries in one folder, beside a third that holds no course yet."""
    for name, clinic in (("north", 1), ("south", 2)):
        own = [one for one in rows if one["courses"][0][1] == clinic]
        registry.refresh(tmp_path / name, registry.as_tables(own), knowledge=name)
    registry.refresh(tmp_path / "new", registry.as_tables([]), knowledge="new")
    return tmp_path


def test_a_network_says_what_one_registry_of_all_says(network: Path, folder: Path) -> None:
    opened, whole = engine.open_registry(str(network)), engine.open_registry(str(folder))
    for question, ask in QUESTIONS.items():
        for by in BY:
            assert ask(opened, by).to_pylist() == ask(whole, by).to_pylist(), question
    opened.close()
    whole.close()


def test_a_course_withdrawn_from_one_registry_is_gone_from_the_network(network: Path) -> None:
    course = registry.read_table(network / "south", "courses", ["course"])["course"][0].as_py()
    nothing = registry.as_tables([])
    registry.refresh(network / "south", nothing, knowledge="south", withdrawn=[course])
    opened = engine.open_registry(str(network))
    for name in ("courses", "visits", "sessions"):
        assert course not in opened.rows(opened[name].select("course"))["course"].to_pylist()
    opened.close()


def test_a_registry_and_its_copy_are_not_counted_twice(network: Path) -> None:
    shutil.copytree(network / "north", network / "north-again")
    with pytest.raises(RegistryError, match=r"courses in common.*Take one of them out"):
        engine.open_registry(str(network))


def test_two_registries_of_one_clinic_number_are_refused(
    rows: Sequence[CourseRows], tmp_path: Path
) -> None:
    own = [one for one in rows if one["courses"][0][1] == 1]
    for name, some in (("a", own[:10]), ("b", own[10:])):
        registry.refresh(tmp_path / name, registry.as_tables(some), knowledge=name)
    with pytest.raises(RegistryError, match="have 1 clinics in common"):
        engine.open_registry(str(tmp_path))
