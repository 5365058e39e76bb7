"""The production web server (gunicorn), started from our own command line."""

import contextlib
import ctypes
import errno
import gc
import logging
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

THREADS = 8
SILENT_SECONDS = 60
BACKLOG = 2048
"""As gunicorn's own; once it is full the kernel hands over even who says nothing."""
SLOW_SECONDS = 30
M_ARENA_MAX, HEAPS = -8, 2
"""The option of glibc's mallopt (malloc.h) for how many heaps its threads share."""


class CannotListen(Exception):  # noqa: N818 (the sentence is for the user)
    """The address cannot be had; the text says why and what to do."""


def prepare() -> None:
    """Make the data directory and its key, then load Django."""
    from enthesis.clinic.secret import data_directory, keep_key

    keep_key(data_directory())
    load()


def load() -> None:
    """Load Django with the settings of the environment; one sentence, and the end, for settings
    that nobody should run with."""
    import django
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "enthesis.clinic.settings")
    try:
        django.setup()
    except ImproperlyConfigured as problem:
        sys.exit(str(problem))
    if settings.DEBUG and settings.HTTPS:
        sys.exit(
            "DEBUG shows patients' data in error pages: set it to False, or ENTHESIS_HOSTS to "
            "this machine only."
        )


def prepare_to_write() -> None:
    """The same for a command that writes to tables as they are; one sentence, and the end, where a
    newer release has changed them: rows of this one would fit no longer."""
    from django.db import DatabaseError

    prepare()
    with contextlib.suppress(DatabaseError):  # the command says so itself
        _refuse_newer()


def _refuse_newer() -> None:
    from enthesis.clinic import archive

    if newer := archive.newer():
        sys.exit(" ".join(newer))


def bring_up_to_date() -> None:
    """Make or change the tables; one sentence, and the end, where a newer release did: this one
    would write rows that fit no longer. Raises DatabaseError."""
    from django.core.management import call_command

    _refuse_newer()
    call_command("migrate", verbosity=0)


def tell_problems() -> None:
    """Say of every questionnaire of the clinic's own that is left out what to mend in it.

    The clinic opens all the same: a slip in a file must not keep patients waiting.
    """
    from enthesis.clinic import store

    for problem in store.own_problems():
        print(f"Left out: questionnaires/{problem}", file=sys.stderr)  # noqa: T201 (to the terminal)


def listen(host: str, port: int) -> socket.socket:
    """Take the port at once, before any long work, so that a busy port is told in a second."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_DEFER_ACCEPT"):
        # Browsers open connections in advance: one that says nothing holds no thread.
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, SILENT_SECONDS)
    # Inherited by each connection: who sends or reads nothing for so long holds its thread no
    # longer.
    patience = struct.pack("ll", SLOW_SECONDS, 0)
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        taken.setsockopt(socket.SOL_SOCKET, option, patience)
    try:
        taken.bind((host, port))
        # A second start of ours could bind as well with SO_REUSEADDR, were this one not listening.
        taken.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        taken.close()
        raise CannotListen(_why(error, port)) from error
    taken.set_inheritable(True)
    return taken


def _why(error: Exception, port: int) -> str:
    code = getattr(error, "errno", None)
    if code == errno.EADDRINUSE:
        return f"Port {port} is in use; stop what uses it or choose another, such as {port + 1}."
    if code == errno.EACCES:
        return f"Port {port} needs the rights of an administrator; choose one above 1023."
    return f"Cannot listen on port {port}: {error}."


def serve(taken: socket.socket, workers: int, when_ready: Callable[[], None]) -> None:
    """Serve until told to stop (Ctrl-C, SIGTERM); `when_ready` runs once pages are answered.

    Never returns: gunicorn ends the process, with status 0 when it was told to stop.
    """
    from django.db import connections

    # A database connection must not be shared with the workers that are forked now.
    connections.close_all()
    _share_heaps()
    _Server(taken, workers, when_ready).run()


def _share_heaps() -> None:
    """Let all threads share two heaps. By default glibc gives each thread one of its own, and what
    is free in one is of no use to the other threads: each grows to what the largest page takes."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt(M_ARENA_MAX, HEAPS)


def _is_no_slow_visitor(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], BlockingIOError))


class _Log(Logger):  # type: ignore[misc]
    """Gunicorn's own words, written like ours."""

    def setup(self, cfg: Any) -> None:
        from django.conf import settings

        from enthesis.clinic import logs

        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.Json() if settings.LOG_JSON else logs.Line())


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, taken: socket.socket, workers: int, when_ready: Callable[[], None]) -> None:
        self.chosen = {
            "bind": f"fd://{taken.fileno()}",
            "workers": workers,
            "worker_class": "enthesis.clinic.worker.Worker",
            "threads": THREADS,
            # Who comes waits until a process has a free thread, and goes to the first that has:
            # a process that kept its connections, or took one more than it can answer, would let
            # people wait while another has nothing to do.
            "worker_connections": THREADS,
            "keepalive": 0,
            # It waits for ever for who does not read: SLOW_SECONDS do not reach it.
            "sendfile": False,
            "loglevel": "warning",
            # Ctrl-C in the midst of a pass of the sender: messages are safe whenever it ends.
            "graceful_timeout": 10,
            "control_socket_disable": True,
            "post_worker_init": self._begin,
        }
        self.when_ready = when_ready
        super().__init__()

    def _begin(self, worker: Any) -> None:
        """In each worker: leases keep several senders from sending the same."""
        from django.urls import get_resolver
        from django.utils import timezone

        from enthesis.clinic import sender, store

        # What is read once and kept is no garbage: to look for some in it again and again held all
        # requests up, each time for as long as Today takes.
        get_resolver().url_patterns  # noqa: B018 (they import the pages)
        store.shipped_on(timezone.now().date())
        gc.collect()
        gc.freeze()
        # A thread that has asked the database waits for each busy thread this long, with SQLite's
        # one write lock in its hand: 1 ms for the usual 5 made a third of how long it is held.
        sys.setswitchinterval(0.001)
        threading.Thread(target=sender.forever, name="sender", daemon=True).start()
        if worker.age == 1:
            self.when_ready()

    def load_config(self) -> None:
        from enthesis.clinic.errors import HideLinks

        for name, value in self.chosen.items():
            self.cfg.set(name, value)
        logging.getLogger("gunicorn.error").addFilter(_is_no_slow_visitor)
        # Its own log would name the address of a request that it cannot handle.
        logging.getLogger("gunicorn.error").addFilter(HideLinks())
        self.cfg.set("logger_class", _Log)

    def load(self) -> Any:
        from enthesis.clinic.wsgi import application

        return application
