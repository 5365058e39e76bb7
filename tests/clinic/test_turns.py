"""Whoever writes to SQLite stands in a queue: nobody is passed over."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from enthesis.clinic import errors
from enthesis.clinic.models import Clinic
from enthesis.clinic.turns.base import DatabaseWrapper, _Queue
from tests.clinic.at_once import at_once

pytestmark = [
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has many writers."),
    pytest.mark.django_db(transaction=True),
]
WRITES = 80
HOLDER = """
import os, sys, time
from enthesis.clinic.turns.base import _hold
held = _hold(sys.argv[1], time.monotonic() + 10)
print(flush=True)
while not time.sleep(float(sys.argv[2])):
    os.truncate(held, os.fstat(held).st_size + 1)  # by which its turns are counted
    os.close(held)
    held = _hold(sys.argv[1], time.monotonic() + 10)
"""
FORKED = """
import os, sqlite3, sys, time
from enthesis.clinic.turns.base import _hold, _threads
turns = sys.argv[1]
assert _threads(turns).enter(1)
held = _hold(turns, time.monotonic() + 1)
for _ in range(2):  # the second finds what the first left of its parent's turn
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0
        continue
    os.close(held)
    assert _threads(turns).enter(0)
    try:
        _hold(turns, time.monotonic() + 0.01)
    except sqlite3.OperationalError:
        os._exit(0)
    os._exit(1)
_threads(turns).leave()
"""


def test_in_the_order_of_their_coming() -> None:
    queue, came = _Queue(), list[int]()
    assert queue.enter(1)

    def come(place: int) -> Callable[[], None]:
        def wait() -> None:
            assert _wait_for(lambda: len(queue.waiting) == place)
            assert queue.enter(5)
            came.append(place)
            queue.leave()

        return wait

    def leave() -> None:
        assert _wait_for(lambda: len(queue.waiting) == 6)
        queue.leave()

    assert at_once([*(come(place) for place in range(6)), leave]) == [None] * 7
    assert came == list(range(6))


def _wait_for(is_so: Callable[[], bool]) -> bool:
    until = time.monotonic() + 5
    while not is_so() and time.monotonic() < until:
        time.sleep(0.001)
    return is_so()


def test_who_waits_in_vain_leaves_the_queue() -> None:
    queue = _Queue()
    assert queue.enter(1)
    assert not queue.enter(0.01)
    queue.leave()
    assert queue.enter(0.01)


@pytest.mark.parametrize("its_turn_came", [False, True])
def test_a_wait_that_was_broken_off_leaves_the_queue(its_turn_came: bool) -> None:
    queue = _Queue()

    def break_off(*_: Any) -> None:
        if its_turn_came:
            queue.leave()
        raise KeyboardInterrupt

    assert queue.enter(1)
    usual = signal.signal(signal.SIGALRM, break_off)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            queue.enter(5)
    finally:
        signal.signal(signal.SIGALRM, usual)
    if not its_turn_came:
        queue.leave()
    assert queue.enter(0)


def test_writers_that_never_pause_let_each_other_in(clinic: Clinic) -> None:
    """By a transaction, or without one."""

    written, connected = [0] * 4, threading.Barrier(4)

    def in_transactions(place: int) -> Callable[[], None]:
        return lambda: _count(place, _in_transaction)

    def alone() -> None:
        _count(3, _write_and_yield)

    def _write_and_yield() -> None:
        _write()
        time.sleep(0.001)  # else it keeps the interpreter, without which nobody comes to the queue

    def _in_transaction() -> None:
        with transaction.atomic():
            _write()
            time.sleep(0.005)

    def _write() -> None:
        Clinic.objects.filter(pk=clinic.pk).update(name=clinic.name)

    def _count(place: int, write: Callable[[], None]) -> None:
        write()
        connected.wait()
        while sum(written) < WRITES:
            write()
            written[place] += 1

    assert at_once([*map(in_transactions, range(3)), alone]) == [None] * 4
    assert min(written) >= max(written) / 2, written


@contextmanager
def another_process_writes(seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """So long at a time without a pause, until it is killed, or the block ends."""
    turns = f"{connection.settings_dict['NAME']}-turn"
    with transaction.atomic():
        pass  # the file is there
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, turns, str(seconds)], stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        try:
            yield other
        finally:
            other.kill()


def test_another_process_is_waited_for_and_no_longer_than_the_timeout(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = connections["default"].settings_dict["OPTIONS"]
    monkeypatch.setitem(options, "timeout", 0.2)

    def write() -> Any:
        return Clinic.objects.filter(pk=clinic.pk).update(name="Written")

    def end(other: subprocess.Popen[bytes]) -> None:
        time.sleep(0.3)
        other.kill()

    with another_process_writes(60) as other:
        with pytest.raises(OperationalError, match="database is locked") as refused:
            write()
        assert errors.why_refused(refused.value).startswith("The database is busy")
        with pytest.raises(OperationalError, match="database is locked"), transaction.atomic():
            write()
        monkeypatch.setitem(options, "timeout", 10)
        assert at_once([write, lambda: end(other)]) == [1, None]


def test_another_process_that_never_pauses_lets_this_one_in(clinic: Clinic) -> None:
    turns = f"{connection.settings_dict['NAME']}-turn"
    passed, waited = list[int](), list[float]()
    with another_process_writes(0.002):
        for _ in range(100):
            time.sleep(0.003)  # it has the turn
            before, began = os.stat(turns).st_size, time.monotonic()
            with transaction.atomic():
                passed.append(os.stat(turns).st_size - before)
                waited.append(time.monotonic() - began)
    assert max(waited) < 1, waited
    # One, unless the machine halts this process as it comes; without a place NEXT often dozens.
    assert sum(many > 2 for many in passed) < 10, passed


def test_a_turn_is_given_back_by_what_fails(clinic: Clinic) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            raise ZeroDivisionError
        with pytest.raises(OperationalError):
            connection.cursor().execute("UPDATE clinic_clinic SET no_such_column = 1")
    connection.close()
    assert at_once([lambda: Clinic.objects.filter(pk=clinic.pk).update(name="Other")]) == [1]


def test_a_turn_is_given_back_by_a_connection_that_is_closed(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections["default"].settings_dict["OPTIONS"], "timeout", 1)
    with transaction.atomic():
        Clinic.objects.filter(pk=clinic.pk).update(name="Never")
        connection.close()
    assert at_once([lambda: Clinic.objects.filter(name=clinic.name).update(name="Other")]) == [1]


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root may give a file away.")
def test_root_leaves_the_file_to_whoever_owns_the_database(clinic: Clinic) -> None:
    database = Path(str(connection.settings_dict["NAME"]))
    turns, owner = Path(f"{database}-turn"), 12345
    turns.unlink()
    os.chown(database, owner, owner)
    try:
        Clinic.objects.filter(pk=clinic.pk).update(name="Written by root")
        assert (turns.stat().st_uid, turns.stat().st_gid) == (owner, owner)
    finally:
        os.chown(database, 0, 0)
        turns.unlink()


def test_root_that_may_not_give_files_away_writes_all_the_same(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container without CAP_CHOWN."""

    def refuse(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", refuse)
    opened = _descriptors()
    for _ in range(3):
        Clinic.objects.filter(pk=clinic.pk).update(name="Written")
    assert _descriptors() == opened


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_folder_that_cannot_be_written_to_is_said_as_such(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enthesis.clinic.turns.base.SUFFIX", "/no folder")
    with pytest.raises(OperationalError, match=r"unable to open .*: Not a directory") as refused:
        Clinic.objects.filter(pk=clinic.pk).update(name="Not written")
    assert "cannot be written to" in errors.why_refused(refused.value)


@pytest.mark.parametrize("where", ["commit", "_commit"])
def test_what_a_commit_was_to_keep_is_rolled_back_where_it_was_broken_off(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Django rolls back only what the database itself refused to commit; sqlite3 commits it."""
    files_erased = list[bool]()

    def break_off(self: BaseDatabaseWrapper) -> None:
        raise MemoryError

    def name_for_others() -> str:
        return Clinic.objects.get(pk=clinic.pk).name

    monkeypatch.setattr(BaseDatabaseWrapper, where, break_off)
    with pytest.raises(MemoryError), transaction.atomic():
        Clinic.objects.filter(pk=clinic.pk).update(name="Never")
        transaction.on_commit(lambda: files_erased.append(True))
    monkeypatch.undo()
    assert at_once([name_for_others]) == [clinic.name]
    with transaction.atomic():
        Clinic.objects.filter(pk=clinic.pk).update(name="Written")
    assert at_once([name_for_others]) == ["Written"]
    assert not files_erased


def test_a_child_begins_with_a_queue_of_its_own_and_waits_for_its_parent(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", FORKED, str(tmp_path / "turn")], check=True, timeout=30)


def test_one_database_is_one_queue_however_its_path_is_spelled(tmp_path: Path) -> None:
    ours = connections["default"]
    other, name = ours.copy(), Path(str(ours.settings_dict["NAME"]))
    assert isinstance(ours, DatabaseWrapper) and isinstance(other, DatabaseWrapper)
    (tmp_path / "link").symlink_to(name.parent)
    for spelled in (tmp_path / "link" / name.name, os.path.relpath(name)):
        other.settings_dict["NAME"] = spelled
        assert other._turns == ours._turns
