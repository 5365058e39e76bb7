"""Django's backend for SQLite, but who wants to write waits in a queue instead of asking again.

SQLite itself lets whoever waits for its one write lock ask ten times a second, and gives it to who
happens to ask when it is free. Among eight busy threads some waited for five seconds while others
wrote many times. Here each hands the turn to the next that came. Between processes it stays as
SQLite has it.
"""

import threading
from collections import deque
from typing import Any

from django.db.backends.sqlite3 import base

LONGEST_WAIT_SECONDS = 5
"""Then SQLite decides, as it does between processes: a turn that is never given back delays the
writers and does not stop them."""


class Turns:
    """A lock that is handed on in the order in which it was asked for."""

    def __init__(self) -> None:
        self.guard, self.waiting, self.taken = threading.Lock(), deque[threading.Lock](), False

    def take(self, seconds: float) -> bool:
        """Whether it was one's turn within that time."""
        with self.guard:
            if not self.taken:
                self.taken = True
                return True
            called = threading.Lock()
            called.acquire()
            self.waiting.append(called)
        if called.acquire(timeout=seconds):
            return True
        with self.guard:
            if called in self.waiting:
                self.waiting.remove(called)
                return False
        return True  # called in the very moment

    def give(self) -> None:
        """Call the next."""
        with self.guard:
            if self.waiting:
                self.waiting.popleft().release()
            else:
                self.taken = False


TURNS = Turns()


class DatabaseWrapper(base.DatabaseWrapper):
    """One turn from the beginning of each writing transaction to its end."""

    has_turn = False

    transaction_mode: str | None

    def _start_transaction_under_autocommit(self) -> None:
        # A snapshot (DEFERRED) only reads.
        if self.transaction_mode == "IMMEDIATE" and not self.has_turn:
            self.has_turn = TURNS.take(LONGEST_WAIT_SECONDS)
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._give()
            raise

    def _commit(self) -> Any:
        done = super()._commit()  # type: ignore[misc]
        self._give()  # where it failed, a rollback follows
        return done

    def _rollback(self) -> Any:
        try:
            return super()._rollback()  # type: ignore[misc]
        finally:
            self._give()

    def _close(self) -> Any:
        try:
            return super()._close()  # type: ignore[misc]
        finally:
            self._give()

    def _give(self) -> None:
        if self.has_turn:
            self.has_turn = False
            TURNS.give()
