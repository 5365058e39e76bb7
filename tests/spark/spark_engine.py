"""Spark says what DuckDB says, behind `make test-spark`: half a gigabyte, and Java.

The name of this file keeps pytest from collecting it by itself.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from enthesis.outcomes import engine, registry
from enthesis.outcomes.rows import CourseRows
from tests.unit.outcomes.conftest import folder as folder
from tests.unit.outcomes.conftest import known as known
from tests.unit.outcomes.conftest import rows as rows
from tests.unit.outcomes.conftest import stories as stories
from tests.unit.outcomes.test_cohort import BY, QUESTIONS

# What Spark, Py4J and Ibis warn of is theirs.
pytestmark = pytest.mark.filterwarnings("ignore")
MASTER = "local-cluster[2,1,1024]"
"""Two executors, each a Java process of its own, as on a cluster."""


@pytest.fixture(scope="module")
def spark(folder: Path) -> Iterator[engine.Registry]:
    opened = engine.open_registry(f"spark:{folder}@{MASTER}")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def duck(folder: Path) -> Iterator[engine.Registry]:
    opened = engine.open_registry(str(folder))
    yield opened
    opened.close()


@pytest.mark.parametrize("by", BY, ids=lambda by: " ".join(by) or "all")
@pytest.mark.parametrize("question", QUESTIONS)
def test_spark_says_what_duckdb_says(
    question: str, by: tuple[str, ...], duck: engine.Registry, spark: engine.Registry
) -> None:
    ask = QUESTIONS[question]
    assert ask(spark, by).to_pylist() == ask(duck, by).to_pylist()


@pytest.fixture(scope="module")
def network(rows: Sequence[CourseRows], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clinics' registries in one folder, the second in a base and a delta."""
    whole = tmp_path_factory.mktemp("network")
    clinic = {number: [one for one in rows if one["courses"][0][1] == number] for number in (1, 2)}
    registry.refresh(whole / "north", registry.as_tables(clinic[1]), knowledge="k")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "SMALL", 0)
        patch.setattr(registry, "DELTA_SHARE", 1)
        for some in (clinic[2][:30], clinic[2][20:]):
            registry.refresh(whole / "south", registry.as_tables(some), knowledge="k")
    return whole


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_network_of_registries_says_on_spark_what_one_registry_says_in_the_process(
    question: str, network: Path, duck: engine.Registry, spark: engine.Registry
) -> None:
    opened = engine.open_registry(f"spark:{network}@{MASTER}")
    ask = QUESTIONS[question]
    for by in BY:
        assert ask(opened, by).to_pylist() == ask(duck, by).to_pylist()
