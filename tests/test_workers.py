"""What must be known to every worker process, asked of two: each in turn stands still meanwhile."""

import base64
import html
import http.cookiejar
import os
import re
import signal
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from tests.test_start import BEGIN_ALL, begin, data, end, free_port, read_until, run, with_tables

pytestmark = [
    pytest.mark.django_db,  # so that there are tables to begin with
    pytest.mark.skipif(
        "ENTHESIS_EVERY" not in os.environ, reason="three processes, ten seconds: ENTHESIS_EVERY=1"
    ),
]
__all__ = ["data", "with_tables"]  # fixtures
PASSWORD = "a quiet harbour at noon"  # noqa: S105 (of this test only)


class Browser:
    """Cookies, and forms with their token."""

    def __init__(self, port: int) -> None:
        self.base = f"http://localhost:{port}"
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(jar)

    def get(self, path: str) -> str:
        return html.unescape(self.opener.open(self.base + path, timeout=60).read().decode())

    def post(self, path: str, **typed: str) -> tuple[str, str]:
        """Where it leads, and what is said there."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(path))
        assert token
        sent = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **typed}).encode()
        try:
            answer = self.opener.open(self.base + path, sent, timeout=60)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            return answer.url.removeprefix(self.base), html.unescape(answer.read().decode())

    def sign_in(self, password: str = PASSWORD) -> tuple[str, str]:
        return self.post("/sign-in/", username="ines", password=password)


@contextmanager
def only(worker: int, others: list[int]) -> Iterator[None]:
    """All others stand still, so that this one answers."""
    still = [pid for pid in others if pid != worker]
    for pid in still:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in still:
            os.kill(pid, signal.SIGCONT)


def test_a_code_counts_once_and_failures_count_together_over_two_processes(
    with_tables: Path,
) -> None:
    made = run(with_tables, *BEGIN_ALL, "--password-stdin", typed=f"{PASSWORD}\n")
    assert made.returncode == 0, made.stderr
    port = free_port()
    server = begin(with_tables, "serve", port, "--workers", "2")
    try:
        read_until(server, "answers at")
        both = _children(server.pid)
        first, second = both
        browser = Browser(port)
        assert browser.sign_in()[0] == "/sign-in/own/"
        shown = re.search(r"<code>([A-Z2-7 ]+)</code>", browser.get("/sign-in/own/app/"))
        assert shown
        app = TOTP(base64.b32decode(shown[1].replace(" ", "")), 6, SHA1(), 30)  # noqa: S303 (as apps do)
        now = time.time()
        code = app.generate(int(now)).decode()
        assert browser.post("/sign-in/own/app/", name="Phone", code=code)[0] == "/sign-in/own/"
        code = app.generate(int(now) + 30).decode()  # a clock that is fast: not used yet
        answers = []
        for worker in (first, second):
            with only(worker, both):
                other = Browser(port)
                assert other.sign_in()[0] == "/sign-in/second/"
                answers.append(other.post("/sign-in/second/", code=code)[0])
        assert answers == ["/", "/sign-in/second/"]
        for n in range(5):
            with only(both[n % 2], both):
                assert "do not fit together" in Browser(port).sign_in("wrong")[1]
        for worker in both:
            with only(worker, both):
                assert "Too many tries" in Browser(port).sign_in()[1]
    finally:
        end(server)


def _children(pid: int) -> list[int]:
    """The workers of a server, once there are two."""
    for _ in range(300):
        told = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True)
        found = [int(word) for word in told.stdout.split()]
        if len(found) >= 2:
            return found[:2]
        time.sleep(0.1)
    raise AssertionError("The server has no two workers.")
