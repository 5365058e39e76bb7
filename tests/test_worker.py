"""The web server before those who are slow, on the smallest application that there is."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from enthesis.clinic.server import THREADS
from enthesis.clinic.worker import LEAVE_SECONDS, MOST_LEAVING
from tests.test_start import environment

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="It asks /proc, and so does a test."
)
SMALL, LARGE = b"ok", 20_000_000
OPEN_FILES = MOST_LEAVING + 100
SERVER = f"""
import os, resource
from pathlib import Path
from enthesis.clinic import server
resource.setrlimit(resource.RLIMIT_NOFILE, ({OPEN_FILES}, {OPEN_FILES}))
server.SLOW_SECONDS = 1
server.prepare()
os.chdir(os.environ["ENTHESIS_DATA"])
Path("large").write_bytes(b"x" * {LARGE})

def application(environ, start):
    if environ["PATH_INFO"] != "/refused":
        environ["wsgi.input"].read()
    length = {LARGE} if environ["PATH_INFO"] in ("/large", "/file") else {len(SMALL)}
    start("200 OK", [("Content-Length", str(length))])
    if environ["PATH_INFO"] == "/file":
        return environ["wsgi.file_wrapper"](open("large", "rb"))
    return [b"x" * {LARGE} if environ["PATH_INFO"] == "/large" else {SMALL!r}]

class Tiny(server._Server):
    def _begin(self, worker):
        print(port, worker.pid, flush=True)

    def load(self):
        return application

taken = server.listen("127.0.0.1", 0)
port = taken.getsockname()[1]
Tiny(taken, 1, lambda: None).run()
"""


@dataclass(frozen=True)
class Running:
    port: int
    worker: int

    def connections(self) -> int:
        """Open files of the worker: what is more than before are connections."""
        return len(os.listdir(f"/proc/{self.worker}/fd"))

    @contextlib.contextmanager
    def visitors(self, number: int, sent: bytes) -> Iterator[list[socket.socket]]:
        with contextlib.ExitStack() as stack:
            came = [stack.enter_context(self._connected()) for _ in range(number)]
            for visitor in came:
                visitor.sendall(sent)
            yield came

    def seconds_until_answered(self) -> float:
        with self._connected() as visitor:
            began = time.monotonic()
            visitor.sendall(asking())
            assert visitor.recv(2**16)
            return time.monotonic() - began

    def _connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)


def asking(path: str = "/", body_bytes: int = 0) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {body_bytes}\r\n\r\n".encode()


def read_whole(visitor: socket.socket) -> bytes:
    return b"".join(iter(lambda: visitor.recv(2**16), b""))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """Ended by the test, which reads what it logged: nobody who is slow is news."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            port, worker = process.stdout.readline().split()
            yield Running(int(port), int(worker))
        finally:
            process.terminate()
            logged = process.stderr.read()
    assert logged == ""


def test_who_has_an_answer_and_stays_keeps_nobody_waiting(running: Running) -> None:
    before = running.connections()
    began = time.monotonic()
    with running.visitors(2 * THREADS, asking()) as came:
        for visitor in came:
            assert read_whole(visitor).endswith(SMALL)
        assert time.monotonic() - began < THREADS * LEAVE_SECONDS
        assert running.seconds_until_answered() < LEAVE_SECONDS / 2
        until = time.monotonic() + 10 * LEAVE_SECONDS
        while running.connections() > before and time.monotonic() < until:
            time.sleep(0.1)
        assert running.connections() == before


def test_many_who_stay_do_not_use_up_its_open_files(running: Running) -> None:
    with running.visitors(OPEN_FILES, asking()) as came:
        for visitor in came:
            assert read_whole(visitor).endswith(SMALL)
        assert running.connections() < OPEN_FILES


@pytest.mark.parametrize("half", [asking()[:20], asking(body_bytes=10) + b"half"])
def test_who_stops_in_the_midst_of_sending_holds_no_thread_for_long(
    running: Running, half: bytes
) -> None:
    with running.visitors(THREADS, half):
        assert running.seconds_until_answered() < 20


@pytest.mark.parametrize("large", ["/large", "/file"])
def test_who_does_not_read_the_answer_holds_no_thread_for_long(
    running: Running, large: str
) -> None:
    with running.visitors(THREADS, asking(large)):
        assert running.seconds_until_answered() < 20


def test_who_sends_more_than_is_read_has_the_answer_all_the_same(running: Running) -> None:
    sent = 5_000_000
    with running.visitors(1, asking("/refused", sent)) as [visitor]:
        for _ in range(5):
            visitor.sendall(bytes(sent // 5))
            time.sleep(0.1)
        assert read_whole(visitor).endswith(SMALL)
