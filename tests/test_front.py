"""deploy/nginx.conf as it ships, but for its ports, names of files and of the server behind."""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from enthesis.clinic.server import THREADS
from tests.test_start import free_port
from tests.test_worker import SMALL, Running, read_whole, running  # noqa: F401 (a fixture)

SHIPPED = Path(__file__).parents[1] / "deploy/nginx.conf"
NAME = "clinic.example"
LINK = "/a/s3cret/?find=Lindqvist"
pytestmark = pytest.mark.skipif(not shutil.which("nginx"), reason="needs nginx")


@dataclass(frozen=True)
class Front:
    folder: Path
    plain: int
    tls: int

    def connected(self, name: str = NAME) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=str(self.folder / "clinic.pem"))
        bare = socket.create_connection(("127.0.0.1", self.tls), timeout=30)
        return context.wrap_socket(bare, server_hostname=name)

    def told(self, sent: bytes) -> str:
        with self.connected() as visitor:
            visitor.sendall(sent)
            return read_whole(visitor).decode()

    def logged(self) -> str:
        return "".join(path.read_text() for path in self.folder.glob("*.log"))


def asking(path: str, body_bytes: int = 0) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n"
        f"Content-Length: {body_bytes}\r\n\r\n"
    ).encode()


@pytest.fixture
def front(tmp_path: Path, running: Running) -> Iterator[Front]:  # noqa: F811
    made = Front(tmp_path, free_port(), free_port())
    subject = ("-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}")
    files = ("-keyout", tmp_path / "clinic.key", "-out", tmp_path / "clinic.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, *files],
                   check=True, capture_output=True)  # fmt: skip
    conf = SHIPPED.read_text()
    for old, new in (
        ("/etc/ssl/enthesis", str(tmp_path)),
        ("/var/log/nginx", str(tmp_path)),
        ("127.0.0.1:8000", f"127.0.0.1:{running.port}"),
        ("listen 80;", f"listen 127.0.0.1:{made.plain};"),
        ("listen 443", f"listen 127.0.0.1:{made.tls}"),
        ("listen [::]:80;", ""),  # not every machine has it
        ("listen [::]:443 ssl default_server;", ""),
        ("listen [::]:443 ssl http2;", ""),
    ):
        assert old in conf
        conf = conf.replace(old, new)
    (tmp_path / "laid-down").mkdir(mode=0o777)
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log crit;\n"
        f"events {{}}\nhttp {{ access_log {tmp_path}/others.log;\n"
        f"client_body_temp_path {tmp_path}/laid-down; proxy_temp_path {tmp_path}/laid-down;\n"
        f"fastcgi_temp_path {tmp_path}/2; uwsgi_temp_path {tmp_path}/3; scgi_temp_path "
        f"{tmp_path}/4;\n{conf}\n}}\n"
    )
    with subprocess.Popen(
        ["nginx", "-p", tmp_path, "-e", tmp_path / "error.log", "-c", tmp_path / "nginx.conf"]
    ) as process:
        try:
            until = time.monotonic() + 10
            while time.monotonic() < until:
                with contextlib.suppress(OSError), made.connected():
                    break
                time.sleep(0.05)
            yield made
        finally:
            process.terminate()
    assert not Path(tmp_path / "error.log").read_text()


def test_who_sends_slowly_keeps_nobody_waiting(front: Front) -> None:
    """A byte now and then is never slow enough to be given up: whole requests alone come behind."""
    stop = threading.Event()
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(front.connected()) for _ in range(2 * THREADS)]
        for visitor in slow:
            visitor.sendall(asking("/", 10_000))

        def drip() -> None:
            while not stop.wait(0.2):
                for visitor in slow:
                    visitor.sendall(b"a")

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            for _ in range(10):
                began = time.monotonic()
                assert front.told(asking("/")).endswith(SMALL.decode())
                assert time.monotonic() - began < 2
                time.sleep(0.1)
        finally:
            stop.set()
            dripping.join()


def test_one_address_holds_so_many_requests_at_once_and_no_more(front: Front) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(front.connected()).sendall(asking("/", 10_000))
        time.sleep(0.5)
        told = front.told(asking("/"))
    assert told.startswith("HTTP/1.1 503 ") and "do not answer just now" in told
    assert front.told(asking("/")).endswith(SMALL.decode())


def test_a_large_file_is_never_laid_down_on_the_disk(front: Front) -> None:
    folder, large = front.folder / "laid-down", 24_000_000
    before = folder.stat().st_mtime_ns
    assert front.told(asking("/", large) + bytes(large)).endswith(SMALL.decode())
    assert folder.stat().st_mtime_ns == before and not os.listdir(folder)


def test_what_is_too_large_is_refused_in_words(front: Front) -> None:
    told = ""
    with front.connected() as visitor:
        visitor.sendall(asking("/", 27_000_000))
        while "más pequeño" not in told:  # it waits for the rest, and closes later
            told += visitor.recv(2**16).decode()
    assert told.startswith("HTTP/1.1 413 ") and "Nothing of it was saved" in told


def test_no_log_holds_an_address(front: Front) -> None:
    with socket.create_connection(("127.0.0.1", front.plain), timeout=30) as visitor:
        visitor.sendall(asking(LINK).replace(b"POST", b"GET"))
        told = read_whole(visitor).decode()
    assert "301 Moved" in told and f"Location: https://{NAME}{LINK}" in told
    assert front.told(asking(LINK)).endswith(SMALL.decode())
    assert front.logged().count(" POST 200 ") == 1
    assert "s3cret" not in front.logged() and "Lindqvist" not in front.logged()


def test_another_name_is_not_answered(front: Front) -> None:
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        front.connected("elsewhere.example")
