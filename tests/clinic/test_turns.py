"""Who waits for SQLite's one write lock is served in the order of coming."""

import threading
import time

import pytest
from django.db import OperationalError, connection, transaction

from enthesis.clinic.snapshot import snapshot
from enthesis.clinic.turns import base
from enthesis.clinic.turns.base import TURNS, Turns

sqlite_only = pytest.mark.skipif(
    "connection.vendor != 'sqlite'", reason="PostgreSQL has no such lock"
)


def test_the_turn_is_handed_on_in_the_order_of_asking() -> None:
    turns, served = Turns(), list[int]()

    def wait(number: int) -> None:
        assert turns.take(10)
        served.append(number)
        turns.give()

    assert turns.take(0)
    threads = [threading.Thread(target=wait, args=(number,)) for number in range(8)]
    for number, one in enumerate(threads, 1):
        one.start()
        while len(turns.waiting) < number:
            time.sleep(0.001)
    turns.give()
    for one in threads:
        one.join()
    assert served == list(range(8)) and not turns.taken


def test_who_waits_too_long_goes_on_without_and_is_not_called_any_more() -> None:
    turns = Turns()
    assert turns.take(0)
    assert not turns.take(0.01)
    assert not turns.waiting
    turns.give()
    assert turns.take(0)


@sqlite_only
@pytest.mark.django_db(transaction=True)
def test_a_turn_ends_with_its_transaction_however_that_ends(monkeypatch) -> None:
    with transaction.atomic():
        assert TURNS.taken
    assert not TURNS.taken
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        raise ZeroDivisionError
    assert not TURNS.taken
    with transaction.atomic():
        connection.close()
        assert not TURNS.taken

    def locked(self: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(base.base.DatabaseWrapper, "_start_transaction_under_autocommit", locked)
    with pytest.raises(OperationalError), transaction.atomic():
        pass
    assert not TURNS.taken


@sqlite_only
@pytest.mark.django_db(transaction=True)
def test_a_snapshot_takes_no_turn() -> None:
    with snapshot():
        assert not TURNS.taken
