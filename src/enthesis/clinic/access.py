"""Whose records were read while a request was answered, and one row for each in the trail.

`watching()` collects every patient of whom a row is read from the database meanwhile, whatever code
reads it: page, list, search, export, chart. Nobody can forget to say so.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_seen: ContextVar[set[int] | None] = ContextVar("seen", default=None)


def saw(patient: int) -> None:
    """Called for each row of a patient that is read."""
    if (seen := _seen.get()) is not None:
        seen.add(patient)


@contextmanager
def watching() -> Iterator[set[int]]:
    """The primary keys of the patients whose records are read within."""
    seen: set[int] = set()
    before = _seen.set(seen)
    try:
        yield seen
    finally:
        _seen.reset(before)
