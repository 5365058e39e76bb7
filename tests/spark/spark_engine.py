"""Spark says what DuckDB says, behind `make test-spark`: half a gigabyte, and Java.

The name of this file keeps pytest from collecting it by itself.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from enthesis.outcomes import engine
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
