"""For all tests: a fixed day, so that no test depends on when it runs."""

from datetime import date

import pytest
from hypothesis import settings

# How long one example takes depends on what else the machine does; that is no finding.
settings.register_profile("here", deadline=None)
settings.load_profile("here")

TODAY = date(2026, 11, 23)


@pytest.fixture
def today() -> date:
    """The day on which every test happens."""
    return TODAY
