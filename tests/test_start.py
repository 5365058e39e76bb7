"""`enthesis start` and `serve`, as processes: what a newcomer meets first."""

import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENTS = "20"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data: Path) -> dict[str, str]:
    """A machine without our settings: SQLite in a directory of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ENTHESIS", "DATABASE_URL"))}
    return {**kept, "ENTHESIS_DATA": str(data), "PYTHONPATH": "src"}


def begin(data: Path, command: str, port: int, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "enthesis.cli", command, "--port", str(port), *more],
        env=environment(data),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: subprocess.Popen[str], words: str) -> str:
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"It ended without saying {words!r}:\n{said}")


def end(process: subprocess.Popen[str]) -> str:
    """Ctrl-C; everything that was still said."""
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    return rest


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"


def test_the_first_start_invents_a_clinic_and_the_second_keeps_it(data: Path) -> None:
    port = free_port()
    first = begin(data, "start", port, "--patients", PATIENTS)
    said = read_until(first, "Front desk")
    assert f"http://localhost:{port}/" in said and "is invented" in said
    assert urllib.request.urlopen(f"http://localhost:{port}/sign-in/").status == 200
    with urllib.request.urlopen(f"http://localhost:{port}/static/clinic/enthesis.css") as css:
        assert css.headers["Content-Type"].startswith("text/css")
    assert "Traceback" not in end(first) and first.returncode == 0
    key = data / "secret_key"
    kept = key.read_text()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    second = begin(data, "start", port)
    assert "inventing" not in read_until(second, "Front desk")
    assert end(second) == "" and second.returncode == 0
    assert key.read_text() == kept


def test_a_taken_port_is_told_in_one_sentence(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = begin(data, "start", port)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert said.count("\n") == 1 and f"Port {port} is in use" in said


def test_serve_invents_nobody(data: Path) -> None:
    port = free_port()
    process = begin(data, "serve", port)
    assert "invent" not in read_until(process, "answers at")
    assert end(process) == "" and process.returncode == 0


@pytest.mark.parametrize(("hosts", "issues"), [("clinic.example.org", 0), ("localhost", 4)])
def test_beyond_this_machine_the_shipped_settings_are_fit_for_the_open_net(
    data: Path, hosts: str, issues: int
) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "enthesis.cli", "manage", "check", "--deploy"],
        env={**environment(data), "ENTHESIS_HOSTS": hosts},
        capture_output=True,
        text=True,
        check=True,
    )
    assert checked.stderr.count("(security.W") == issues, checked.stderr
