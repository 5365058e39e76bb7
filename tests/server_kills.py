"""The real server killed with -9 under load: shared by the short test and by the long proof."""

import contextlib
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asgiref.local import Local
from django.conf import settings
from django.db import connection, connections
from django.template import engines
from django.template.loader import get_template
from django.urls import get_resolver

from enthesis.clinic import models, trail
from tests.postgres_server import children, signalled
from tests.writers import AGAIN, KINDS, Browser, Desk, Write, fault, found, send

LOST = (OSError, http.client.HTTPException)
READY_SECONDS = 120
FULL = "PRAGMA synchronous=FULL;"
WAIT_SECONDS = 0.5
"""How long who was answered 503 waits before the next write."""


@dataclass
class Toll:
    """What came of it, by kind of write: how many were sent, acknowledged, and done though nobody
    was told; how many were lost, there twice or half; what checks of the database found; the
    writes of the last round."""

    killed: int = 0
    databases_killed: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    done_unsaid: Counter[str] = field(default_factory=Counter)
    sent_again: Counter[str] = field(default_factory=Counter)
    told_to_wait: int = 0
    done_while_told_to_wait: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    checks_passed: int = 0
    problems: list[str] = field(default_factory=list)
    last: list[Write] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Nothing was lost, doubled, refused or found."""
        wrong = self.faults or self.refused or self.problems
        return not wrong and self.checks_passed == self.killed > 0

    def counts(self) -> dict[str, Any]:
        """For a page: rows of words and numbers."""
        rows = {
            "servers killed with -9, all of their processes": self.killed,
            "of these, the database before it": self.databases_killed,
            "writes sent": self.sent.total(),
            "acknowledged": self.acknowledged.total(),
            **{f"of these: {kind}": self.acknowledged[kind] for kind in KINDS},
            "done, though the kill came before the answer": self.done_unsaid.total(),
            "sent again by who got no answer": self.sent_again.total(),
            "answered 503 while the database was away": self.told_to_wait,
            "of these: done all the same, as the database died before it told": (
                self.done_while_told_to_wait
            ),
            "acknowledged and lost": self.faults["lost"],
            "there twice or half": self.faults["twice or half"],
            "answered by anything but done, or 503 without a database": len(self.refused),
            "checks of database and audit trails that passed": self.checks_passed,
        }
        return {"well": self.is_well, "rows": rows, "refused": self.refused, "found": self.problems}


class Server:
    """`enthesis serve` on a free port, in a process group of its own."""

    def __init__(self, log: Path, *, by_command: bool = False) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        # A connection must not be shared with a child.
        connections.close_all()
        self.pid = self._command(log) if by_command else self._fork(log)
        answer = Browser(self.port, timeout=READY_SECONDS)
        began = time.monotonic()
        while True:
            try:
                answer.get("/health")
                return
            except LOST:
                if time.monotonic() > began + READY_SECONDS:
                    raise RuntimeError(f"The server does not begin:\n{log.read_text()}") from None
                time.sleep(0.05)

    def _command(self, log: Path) -> int:
        with log.open("a") as out:
            begun = subprocess.Popen(
                [sys.executable, "-m", "enthesis.cli", "serve", "--port", str(self.port)],
                env={
                    **os.environ,
                    "ENTHESIS_DATA": str(settings.DATA),
                    # With another key nobody would be signed in any more.
                    "ENTHESIS_SECRET_KEY": settings.SECRET_KEY,
                },
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        return begun.pid

    def _fork(self, log: Path) -> int:
        """The same command in a child that has its modules already: seconds earlier."""
        child = os.fork()
        if child:
            return child
        try:
            os.setsid()
            out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(out, 1)
            os.dup2(out, 2)
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
            os.environ["ENTHESIS_DATA"] = str(settings.DATA)
            # A parent's event loop is not seen after a fork (tests/kills.py).
            connections._connections = Local(connections.thread_critical)
            from enthesis.cli import main

            main(["serve", "--port", str(self.port)])
        finally:
            os._exit(1)

    def kill(self) -> None:
        """All of it at once; comes back when nothing of it is left."""
        signalled(self.pid, signal.SIGSTOP)  # it begins no more workers meanwhile
        workers = children(self.pid)
        with contextlib.suppress(ProcessLookupError, ChildProcessError):  # dead already
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        while any(signalled(worker, 0) for worker in workers):
            time.sleep(0.01)


def kill_many(
    rounds: int,
    seed: int,
    log: Path,
    check: Callable[[], list[str]],
    kill_database: Callable[[], None] | None = None,
    most: int = 12,
) -> Toll:
    """So many rounds of load, each ended by a kill in the midst of it, after up to `most` writes.

    `check` reads the database and says what is wrong; `kill_database` kills and restarts it: every
    fourth time it goes first, the server must find it again, and is killed then.
    """
    rng, toll, desk = random.Random(seed), Toll(), Desk()  # noqa: S311
    writes = desk.lay_ready(most)
    warm_up()
    server = Server(log)
    try:
        for number in range(1, rounds + 1):
            first = kill_database if number % 4 == 0 else None
            every = _load(desk, server, writes, rng, most, first or server.kill)
            if first:
                toll.databases_killed += 1
                toll.problems += _not_back(desk, server)
                server.kill()
            toll.killed += 1
            # Nobody else opens the database before: the server must find its own way back.
            server = Server(log, by_command=number % 10 == 0)
            found_wrong = check()
            toll.problems += [f"round {number}: {one}" for one in found_wrong]
            toll.checks_passed += not found_wrong
            _count(toll, every, desk, server, may_be_busy=first is not None)
            toll.last = every
            used = {write.key for write in every}
            for kind, ready in writes.items():
                ready[:] = [write for write in ready if write.key not in used]
                ready += [KINDS[kind][0](desk) for _ in range(most - len(ready))]
            sys.stderr.write(f"\r{number} of {rounds}; {toll.acknowledged.total()} acknowledged ")
    except KeyboardInterrupt:
        sys.stderr.write("Ended before all rounds were done.\n")
    finally:
        server.kill()
    return toll


def synced(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a database, as they ship: each commit waits for the disk. In other tests none
    does (conftest.py)."""
    told = options.get("init_command")
    return options if told is None else options | {"init_command": f"{told} {FULL}"}


def warm_up() -> None:
    """Every page's module and template, which each fork then has."""
    _ = get_resolver().url_patterns
    for folder in (one for engine in engines.all() for one in engine.template_dirs):
        for file in folder.rglob("*.html"):
            get_template(str(file.relative_to(folder)))


def _load(
    desk: Desk,
    server: Server,
    writes: dict[str, list[Write]],
    rng: random.Random,
    most: int,
    kill: Callable[[], None],
) -> list[Write]:
    """Everybody writes at once until the kill; what was sent. The kill comes up to so many writes
    later, and a random moment after: in the midst of others."""
    stop, sent, done = threading.Event(), list[Write](), threading.Semaphore(0)
    connections.close_all()

    def go_on(ready: list[Write]) -> None:
        for write in ready:
            if stop.is_set():
                return
            sent.append(write)
            try:
                if send(desk.browser(server.port, write), write).status == 503:
                    time.sleep(WAIT_SECONDS)
                done.release()
            except LOST:
                return

    threads = [threading.Thread(target=go_on, args=[ready]) for ready in writes.values()]
    for one in threads:
        one.start()
    for _ in range(rng.randint(0, most)):
        done.acquire(timeout=READY_SECONDS)
    time.sleep(rng.uniform(0, 0.05))
    kill()
    stop.set()
    for one in threads:
        one.join()
    return sent


def _not_back(desk: Desk, server: Server) -> list[str]:
    """The database is there again: whether the server, which was left alone, writes again."""
    statuses = []
    for kind, (make, *_) in KINDS.items():
        write = make(desk)
        statuses.append(send(desk.browser(server.port, write), write).status)
        if found(write) != (1, 1):
            return [f"{kind}: not there though the database is back ({statuses[-1]})"]
    return []


def _count(
    toll: Toll, every: list[Write], desk: Desk, server: Server, *, may_be_busy: bool
) -> None:
    for write in every:
        toll.sent[write.kind] += 1
        toll.acknowledged[write.kind] += write.is_acknowledged
        is_busy = may_be_busy and write.answer is not None and write.answer.status == 503
        toll.told_to_wait += is_busy
        if write.answer and not write.is_acknowledged and not is_busy:
            where = write.answer.headers["Location"] or ""
            toll.refused.append(f"{write.kind}: {write.answer.status} {where}")
        if _is_wrong(toll, write) or write.is_acknowledged:
            continue
        is_there = found(write)[0] > 0
        toll.done_unsaid[write.kind] += is_there and not is_busy
        toll.done_while_told_to_wait += is_there and is_busy
        if write.kind in AGAIN:
            toll.sent_again[write.kind] += 1
            answer = send(desk.browser(server.port, write), write)
            if not write.is_acknowledged:
                toll.refused.append(f"{write.kind} again: {answer.status}")
            _is_wrong(toll, write)


def _is_wrong(toll: Toll, write: Write) -> bool:
    wrong = fault(write)
    if wrong:
        toll.faults[wrong] += 1
        toll.problems.append(f"{wrong}: {write.kind} of {write.to.pk}")
    return bool(wrong)


def check_sqlite() -> list[str]:
    """Its own check, and ours of the books and trails."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check")
        said = [row[0] for row in cursor.fetchall()]
        cursor.execute("PRAGMA foreign_key_check")
        said += [f"no such row: {row}" for row in cursor.fetchall()]
    return [one for one in said if one != "ok"] + check_books()


def check_postgres() -> list[str]:
    """Every table and index by amcheck, where the server has it; else each table read whole in its
    own order and counted by its key, with the checksum of every page."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'")
        if cursor.fetchone()[0]:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS amcheck")
            cursor.execute(_AMCHECK)
            cursor.execute(_HEAPS)
            return [str(row) for row in cursor.fetchall()] + check_books()
    return _read_whole() + check_books()


# Raises for the first index that is not as it should be; every row must be in it.
_AMCHECK = """SELECT bt_index_check(c.oid, true) FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
WHERE a.amname = 'btree' AND c.relpersistence = 'p' AND i.indisvalid"""
_HEAPS = """SELECT c.relname, v.* FROM pg_class c, verify_heapam(c.oid) v
WHERE c.relkind = 'r' AND c.relpersistence = 'p'"""


def _read_whole() -> list[str]:
    """Each table in its own order, then by its indexes: as many rows, of the same content."""
    plans = ("enable_seqscan", "enable_bitmapscan", "enable_indexscan", "enable_indexonlyscan")
    wrong = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table == "django_session":  # has no number
                continue
            read = []
            for wanted in (plans[:1], plans[2:]):
                for plan in plans:
                    cursor.execute(f"SET {plan} = {'on' if plan in wanted else 'off'}")
                cursor.execute(_WHOLE.format(connection.ops.quote_name(table)))
                read.append(cursor.fetchone())
            if read[0] != read[1]:
                wrong.append(f"{table}: {read[0]} in its own order, {read[1]} by its key")
        for plan in plans:
            cursor.execute(f"SET {plan} = on")
    return wrong


_WHOLE = "SELECT count(*), sum(hashtext(t::text)) FROM {} t WHERE id > 0"


def check_books() -> list[str]:
    """The audit trails as `enthesis verify-audit` reads them, with every head noted before; and
    receipts without a gap."""
    wrong = trail.problems(trail.read_anchors(trail.anchors_file()))
    trail.anchor(trail.anchors_file())
    numbers = models.LedgerEntry.objects.filter(paper="receipt").order_by("number")
    found_numbers = list(numbers.values_list("number", flat=True))
    if found_numbers != list(range(1, len(found_numbers) + 1)):
        wrong.append("the receipts have a gap")
    return wrong
