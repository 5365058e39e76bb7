"""The invented clinic of the tests: forty patients as of one day."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache
from typing import Any
from unittest import mock

from django.db import transaction
from pytest_django import DjangoDbBlocker

from enthesis.clinic import models
from enthesis.clinic.day import day
from enthesis.commands.demo import load_invented_clinic
from enthesis.invented import clinic as invented
from enthesis.invented.truth import shipped_truth
from enthesis.knowledge.load import knowledge

TODAY = date(2026, 11, 22)
PATIENTS = 40


invent = invented.invent_clinic


@cache
def _invented_once(today: date, seed: int, patients: int) -> invented.InventedClinic:
    return invent(today, seed, patients, knowledge(today), shipped_truth())


def _again(today: date, seed: int, patients: int, *_: Any) -> invented.InventedClinic:
    return _invented_once(today, seed, patients)


def load(today: date = TODAY, patients: int = PATIENTS) -> models.Clinic:
    """Written into the database, which must be empty. Its people are invented once a process: that
    they come out the same again is for tests/unit/invented to see."""
    with mock.patch.object(invented, "invent_clinic", _again):
        return load_invented_clinic(today, 1, patients, lambda done, total: None)


@contextmanager
def loaded_once(
    blocker: DjangoDbBlocker, make: Callable[[], models.Clinic] = load
) -> Iterator[models.Clinic]:
    """A clinic in a transaction around all tests of a file, undone at its end; what a single test
    changes is undone after it (its `db` is a savepoint within)."""
    with blocker.unblock():
        around = transaction.atomic()
        around.__enter__()
        try:
            yield make()
        finally:
            transaction.set_rollback(True)
            around.__exit__(None, None, None)


def assert_alive(clinic: models.Clinic, today: date) -> None:
    """Today's page has a full day, one worry, and every kind of visit."""
    shown = day(clinic, today, clinical=True)
    assert 7 <= len(shown.visits) <= 9
    assert len({visit.at for visit in shown.visits}) == len(shown.visits)
    assert len(shown.worries) == 1
    steps = {visit.tag.next_step for visit in shown.visits}
    assert {"go_on", "stop", "finish"} <= steps
    assert {"Evaluate", "Ask today", "Weigh first"} <= {visit.tag.text for visit in shown.visits}
