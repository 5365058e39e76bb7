"""Gunicorn's worker with threads, in which who is slow to close keeps nobody else waiting."""

import selectors
import socket
import time
from concurrent.futures import Future
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

LEAVE_SECONDS = 2
"""As long as gunicorn's own worker waits."""
MOST_LEAVING = 256
"""They hold open files, of which a process may have 1,024."""
READ_BYTES = 2**16


class Worker(ThreadWorker):  # type: ignore[misc]
    """After an answer it waits for the visitor to close, as RFC 9112 (9.6) asks: what is sent
    meanwhile would else make the system throw away the end of the answer. Gunicorn's own waits in
    the one thread that takes who comes; this one goes on, and looks again when something comes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.leaving = dict[TConn, None]()  # in the order of their coming

    def finish_request(self, conn: TConn, done: "Future[Any]") -> None:
        """An answer was sent, or there is none; runs in the thread that takes who comes."""
        if done.cancelled() or done.exception() or done.result():
            super().finish_request(conn, done)
            return
        self.nr_conns -= 1
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
        except OSError:  # closed already
            conn.close()
            return
        conn.timeout = time.monotonic() + LEAVE_SECONDS
        if len(self.leaving) >= MOST_LEAVING:
            self._close(next(iter(self.leaving)))
        self.leaving[conn] = None
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._read_on, conn))

    def _read_on(self, conn: TConn, _readable: Any) -> None:
        try:
            is_closed = not conn.sock.recv(READ_BYTES)
        except OSError:
            is_closed = True
        if is_closed:
            self._close(conn)

    def _close(self, conn: TConn) -> None:
        del self.leaving[conn]
        self.poller.unregister(conn.sock)
        conn.close()

    def murder_pending(self) -> None:
        """Close also those who were given their answer and do not leave; called again and again."""
        super().murder_pending()
        now = time.monotonic()
        while self.leaving and (first := next(iter(self.leaving))).timeout <= now:
            self._close(first)
