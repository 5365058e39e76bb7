"""kill -9 of the real server under load, once; 200 are in benchmarks/proofs/server_kills.py."""

from pathlib import Path

import pytest
from django.db import connection

from tests import server_kills
from tests.clinic_fixtures import *  # noqa: F403


@pytest.mark.django_db(transaction=True)
def test_killed_under_load_the_server_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    check = (
        server_kills.check_sqlite if connection.vendor == "sqlite" else server_kills.check_postgres
    )
    toll = server_kills.kill_many(1, 7, tmp_path / "log", check, most=12)
    assert toll.is_well, toll
    assert toll.acknowledged.total() > 0
