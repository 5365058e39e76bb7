"""For all tests: a fixed day, so that no test depends on when it runs."""

from datetime import date

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from hypothesis import settings

# How long one example takes depends on what else the machine does; that is no finding.
settings.register_profile("here", deadline=None)
settings.load_profile("here")

# Argon2 takes a hundred megabytes and a quarter of a second on purpose, at every sign-in and for
# each user of every clinic loaded; tests/test_start.py goes through the real one.
Argon2PasswordHasher.time_cost, Argon2PasswordHasher.memory_cost = 1, 8
Argon2PasswordHasher.parallelism = 1

TODAY = date(2026, 11, 23)


@pytest.fixture
def today() -> date:
    """The day on which every test happens."""
    return TODAY
