"""For all tests: a fixed day, so that no test depends on when it runs."""

from datetime import date

import pytest

TODAY = date(2026, 11, 23)


@pytest.fixture
def today() -> date:
    """The day on which every test happens."""
    return TODAY
