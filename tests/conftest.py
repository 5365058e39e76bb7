"""For all tests: a fixed day, so that no test depends on when it runs."""

import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db.backends.base.operations import BaseDatabaseOperations
from hypothesis import settings

from enthesis.clinic import chain
from enthesis.clinic.settings import SQLITE

# How long one example takes depends on what else the machine does; that is no finding.
settings.register_profile("here", deadline=None)
settings.load_profile("here")

# Argon2 takes a hundred megabytes and a quarter of a second on purpose, at every sign-in and for
# each user of every clinic loaded; tests/test_start.py goes through the real one.
Argon2PasswordHasher.time_cost, Argon2PasswordHasher.memory_cost = 1, 8
Argon2PasswordHasher.parallelism = 1

# The tests' database dies with them: nothing waits for the disk, as on their PostgreSQL. The starts
# and kills of real servers (test_start, kills) have the settings that ship.
SHIPPED = str(SQLITE["OPTIONS"]["init_command"])  # type: ignore[index]
SQLITE["OPTIONS"]["init_command"] = f"{SHIPPED} PRAGMA synchronous=OFF;"  # type: ignore[index]

TODAY = date(2026, 11, 23)

_flush = BaseDatabaseOperations.execute_sql_flush


def _flush_trails_too(operations: BaseDatabaseOperations, sql_list: Iterable[str]) -> None:
    """A test that commits is followed by emptying every table; no trail lets itself be emptied."""
    if chain.TABLES[0] not in operations.connection.introspection.table_names():
        return _flush(operations, sql_list)
    chain.unguard(operations.connection)
    _flush(operations, sql_list)
    chain.guard(operations.connection)


BaseDatabaseOperations.execute_sql_flush = _flush_trails_too  # type: ignore[method-assign]


@pytest.fixture
def today() -> date:
    """The day on which every test happens."""
    return TODAY


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Django removes the database, and not the file that its writers held by turns."""
    name = Path(SQLITE["TEST"]["NAME"])
    for turns in name.parent.glob(f"{name.stem}*-turn"):
        turns.unlink()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each worker begins with its share of the browser's journeys, which take longest.

    The last to begin would else end long after all others. How many a worker is given at first is
    xdist's own reckoning (worksteal); what it has not begun, others take from its end.
    """
    journeys = [one for one in items if one.get_closest_marker("browser")]
    others = [one for one in items if not one.get_closest_marker("browser")]
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    dealt: list[pytest.Item] = []
    for number in range(workers):
        share = (len(items) - len(dealt)) // (workers - number)
        dealt += journeys[number::workers]
        fill = max(0, share - len(journeys[number::workers]))
        dealt += others[:fill]
        del others[:fill]
    items[:] = dealt + others
