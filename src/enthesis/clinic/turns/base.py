"""SQLite has one writer at a time, and who finds it at work sleeps and tries again: the more wait,
the longer, and some are passed over until their time is up. Here whoever begins a transaction, or
writes without one, stands in a queue, of the threads of this process and then of the processes."""

import fcntl
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3.base import FORMAT_QMARK_REGEX, SQLiteCursorWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLite

USUAL_TIMEOUT = 5.0
"""Seconds; SQLite's own, where the settings name none."""
LOOK_SECONDS = 0.0001
SUFFIX = "-turn"
TURN, NEXT = 0, 1
"""Bytes of the file by which processes take turns."""
WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class DatabaseWrapper(SQLite):
    """A connection that waits for its turn before it writes, and gives it back when it has."""

    transaction_mode: str | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turn: int | None = None
        self.execute_wrappers.append(self._write_in_turn)

    def create_cursor(self, name: str | None = None) -> Any:
        """A cursor that knows the SQL which it was given before."""
        return self.connection.cursor(factory=_Cursor)

    def _write_in_turn(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        """A write without a transaction has a turn of its own. An INSERT … RETURNING is committed
        after it, in `fetchone()`: whoever comes in between waits as without a queue."""
        if self.in_atomic_block or not sql.startswith(WRITES):
            return execute(sql, params, many, context)
        self._take_turn()
        try:
            return execute(sql, params, many, context)
        finally:
            self._give_back()

    def _start_transaction_under_autocommit(self) -> None:
        # A snapshot (DEFERRED) only reads, and keeps nobody from writing.
        if self.transaction_mode == "IMMEDIATE":
            self._take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._give_back()
            raise

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._give_back()

    def _set_autocommit(self, autocommit: bool) -> None:
        """With this Django ends every transaction, whatever came of it. One that is open still was
        broken off in its commit or before (Ctrl-C, no memory): sqlite3 would now commit it."""
        try:
            if autocommit and self.connection.in_transaction:
                self.rollback()
            super()._set_autocommit(autocommit)  # type: ignore[misc]
        finally:
            if autocommit:
                self._give_back()

    @property
    def _turns(self) -> str:
        """The file that whoever writes holds."""
        return f"{_real(self.settings_dict['NAME'])}{SUFFIX}"

    def _take_turn(self) -> None:
        if self.is_in_memory_db():
            return
        wait = self.settings_dict["OPTIONS"].get("timeout", USUAL_TIMEOUT)
        until = time.monotonic() + wait
        threads = _threads(self._turns)
        with self.wrap_database_errors:
            if not threads.enter(wait):
                raise _refused("SQLITE_BUSY", "database is locked")
            try:
                self._turn = _hold(self._turns, until)
            except BaseException:
                threads.leave()
                raise

    def _give_back(self) -> None:
        if self._turn is not None:
            os.close(self._turn)
            self._turn = None
            _threads(self._turns).leave()


class _Cursor(SQLiteCursorWrapper):
    def convert_query(self, query: str, *, param_names: list[str] | None = None) -> str:
        if param_names is None:
            return _with_question_marks(query)
        return super().convert_query(query, param_names=param_names)


@lru_cache(maxsize=500)
def _with_question_marks(query: str) -> str:
    return FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


class _Queue:
    """One at a time, in the order of their coming: of a lock of Python's whoever lets it go can
    take it again before those who wait."""

    def __init__(self) -> None:
        self.mutex, self.waiting, self.is_taken = threading.Lock(), deque[threading.Lock](), False

    def enter(self, seconds: float) -> bool:
        """Wait so long for one's turn; whether it came."""
        mine = threading.Lock()
        with self.mutex:
            if not self.is_taken:
                self.is_taken = True
                return True
            mine.acquire()
            self.waiting.append(mine)
        try:
            came = mine.acquire(timeout=seconds)
        except BaseException:  # Ctrl-C
            if not self._went(mine):
                self.leave()
            raise
        return came or not self._went(mine)

    def _went(self, mine: threading.Lock) -> bool:
        """Gone from among those who wait, unless one's turn came at the last moment."""
        with self.mutex:
            if is_waiting := mine in self.waiting:
                self.waiting.remove(mine)
            return is_waiting

    def leave(self) -> None:
        """The next one's turn."""
        with self.mutex:
            if self.waiting:
                self.waiting.popleft().release()
            else:
                self.is_taken = False


@cache
def _threads(turns: str) -> _Queue:
    """Of one database."""
    return _Queue()


# Of those who write while a process is forked, none goes on in the child.
os.register_at_fork(after_in_child=_threads.cache_clear)


@cache
def _real(name: str | Path) -> str:
    """One database is one queue, however its path is spelled."""
    return os.path.realpath(name)


def _hold(turns: str, until: float) -> int:
    """The file held before all other processes, until it is closed.

    First the place of who is next, then the turn itself: else a process whose threads follow each
    other at once would keep it. Not the database's own file: to close it once more would let go of
    SQLite's locks on it.
    """
    held = _opened(turns)
    try:
        for place in (NEXT, TURN):
            while not _is_held(held, place):
                if time.monotonic() > until:
                    raise _refused("SQLITE_BUSY", "database is locked")
                time.sleep(LOOK_SECONDS)
        fcntl.lockf(held, fcntl.LOCK_UN, 1, NEXT)
    except BaseException:
        os.close(held)
        raise
    return held


def _opened(turns: str) -> int:
    try:
        opened = os.open(turns, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _refused("SQLITE_READONLY", f"unable to open {turns}: {error.strerror}") from error
    if os.geteuid() == 0:
        # As SQLite does with its own files, where root may (in a container it may not): else a
        # command given once by root would keep the server from writing ever after.
        with suppress(OSError):
            owner = os.stat(turns.removesuffix(SUFFIX))
            os.fchown(opened, owner.st_uid, owner.st_gid)
    return opened


def _refused(name: str, words: str) -> sqlite3.OperationalError:
    """As SQLite itself would refuse, with its name for why: by that people are told what to do."""
    error = sqlite3.OperationalError(words)
    error.sqlite_errorname = name
    return error


def _is_held(file: int, place: int) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
    except BlockingIOError:
        return False
    return True
