"""`enthesis start` and `serve`, as processes: what a newcomer meets first."""

import contextlib
import os
import pty
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from shutil import which

import pytest
from django.db import connection

from enthesis import cli

PATIENTS = "20"
# Else the tables of the tests are not made where this file is run alone.
pytestmark = pytest.mark.django_db


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(data: Path) -> dict[str, str]:
    """A machine without our settings: SQLite in a directory of its own."""
    ours = ("ENTHESIS", "DATABASE_URL", "DJANGO_ALLOW_ASYNC_UNSAFE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
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
def data(tmp_path: Path) -> Path:
    """Where nothing was kept yet."""
    return tmp_path / "data"


@pytest.fixture
def with_tables(data: Path, django_db_setup: None) -> Path:
    """The same with empty tables, those of the tests: making them takes longer than any command."""
    data.mkdir()
    made = f"file:{connection.settings_dict['NAME']}?mode=ro"
    with (
        contextlib.closing(sqlite3.connect(made, uri=True)) as ours,
        contextlib.closing(sqlite3.connect(data / "enthesis.sqlite3")) as theirs,
    ):
        ours.backup(theirs)
    return data


def test_the_first_start_invents_a_clinic_and_the_second_keeps_it(data: Path) -> None:
    port = free_port()
    first = begin(data, "start", port, "--patients", PATIENTS)
    said = read_until(first, "without names")
    assert f"http://localhost:{port}/" in said and "is invented" in said
    assert urllib.request.urlopen(f"http://localhost:{port}/sign-in/").status == 200
    with urllib.request.urlopen(f"http://localhost:{port}/static/clinic/enthesis.css") as css:
        assert css.headers["Content-Type"].startswith("text/css")
    assert "Traceback" not in end(first) and first.returncode == 0
    key = data / "secret_key"
    kept = key.read_text()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    second = begin(data, "start", port)
    assert "inventing" not in read_until(second, "without names")
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


def test_an_empty_start_invents_nobody_and_says_how_to_begin(with_tables: Path) -> None:
    port = free_port()
    process = begin(with_tables, "start", port, "--empty")
    said = read_until(process, "There is no clinic yet")
    assert "inventing" not in said and "`enthesis clinic`" in said
    assert "Traceback" not in end(process) and process.returncode == 0


BEGIN = ("--phone", "(555) 0200", "--time-zone", "Europe/Vienna", "--currency", "EUR")
BEGIN_ALL = ("clinic", "Hill Clinic", *BEGIN, "--price", "250", "--admin", "ines")


def test_a_real_clinic_begins_once_with_an_administrator_who_can_sign_in(data: Path) -> None:
    piped = (*BEGIN_ALL, "--password-stdin")
    weak = run(data, *piped, typed="ines\n")
    assert weak.returncode == 1 and "too short" in weak.stderr
    made = run(data, *piped, typed="a quiet harbour at noon\n")
    assert (made.returncode, made.stderr) == (0, "")
    assert "Hill Clinic is ready" in made.stdout
    again = run(data, *piped, typed="a quiet harbour at noon\n")
    assert again.returncode == 1
    assert again.stderr == "There is a clinic called Hill Clinic already.\n"
    port = free_port()
    process = begin(data, "start", port)
    assert "invent" not in read_until(process, "answers at")
    end(process)


def test_the_password_of_a_new_clinic_is_typed_twice_and_never_shown(with_tables: Path) -> None:
    def typing(first: str, second: str) -> tuple[int, str]:
        return at_a_terminal(with_tables, BEGIN_ALL, (first, second))

    status, shown = typing("a quiet harbour at noon", "a quiet harbour at night")
    assert status == 1 and "The two passwords differ" in shown
    status, shown = typing("a quiet harbour at noon", "a quiet harbour at noon")
    assert status == 0 and "Hill Clinic is ready" in shown
    assert "quiet" not in shown


def at_a_terminal(data: Path, arguments: Sequence[str], typed: Sequence[str]) -> tuple[int, str]:
    """Run at a terminal of its own, typing each answer after its question; (status, all shown)."""
    terminal, other_end = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "enthesis.cli", *arguments],
        env=environment(data),
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        start_new_session=True,
    )
    os.close(other_end)
    shown, answers = "", list(typed)
    with contextlib.suppress(OSError):  # Linux says with an error that the other end hung up
        while piece := os.read(terminal, 1000).decode():
            shown += piece
            if answers and shown.endswith(": "):
                os.write(terminal, f"{answers.pop(0)}\n".encode())
    os.close(terminal)
    return child.wait(timeout=30), shown


def test_without_a_terminal_the_password_must_be_piped(with_tables: Path) -> None:
    refused = run(with_tables, *BEGIN_ALL)
    assert refused.returncode == 1 and "--password-stdin" in refused.stderr


def test_serve_invents_nobody(with_tables: Path) -> None:
    port = free_port()
    process = begin(with_tables, "serve", port)
    assert "invent" not in read_until(process, "answers at")
    assert end(process) == "" and process.returncode == 0


@pytest.mark.parametrize("command", ["serve", "start", "check", "send", "backup"])
def test_a_database_of_a_newer_release_is_refused_and_stays_as_it_is(
    with_tables: Path, command: str
) -> None:
    file = with_tables / "enthesis.sqlite3"
    with contextlib.closing(sqlite3.connect(file)) as newer:
        for name in ("0099_next", "0100_next"):
            told = ("clinic", name, "2026-11-28")
            newer.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES (?, ?, ?)", told
            )
        newer.commit()
        before = list(newer.iterdump())
    port = ["--port", str(free_port())] if command in ("serve", "start") else []
    done = run(with_tables, command, *port)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and "newer release" in said and "knows 0100_next" in said
    assert "restore the backup" in said and "Traceback" not in said
    with contextlib.closing(sqlite3.connect(file)) as after:
        assert list(after.iterdump()) == before


def test_verify_audit_where_no_clinic_is_says_so_and_makes_nothing(data: Path) -> None:
    done = run(data, "verify-audit")
    assert done.returncode == 1 and "There is no clinic in" in done.stderr
    assert "Traceback" not in done.stderr and not data.exists()


def test_restore_with_settings_that_cannot_be_used_says_so(data: Path) -> None:
    data.mkdir()
    (data / "secret_key").write_text("guess me")
    done = run(data, "restore", "a.enthesis")
    assert done.returncode == 1 and "could be guessed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not hasattr(socket, "TCP_DEFER_ACCEPT"), reason="Linux only")
def test_visitors_who_say_nothing_keep_nobody_waiting(with_tables: Path) -> None:
    port = free_port()
    process = begin(with_tables, "serve", port, "--workers", "1")
    read_until(process, "answers at")
    silent = [socket.create_connection(("localhost", port)) for _ in range(200)]
    try:
        # Each of them held a thread for five seconds, and so all threads for fifteen.
        with urllib.request.urlopen(f"http://localhost:{port}/health", timeout=4) as answer:
            assert answer.status == 200
            # Not kept for more: it would stay with this process while others have nothing to do.
            assert answer.headers["Connection"] == "close"
    finally:
        for connection in silent:
            connection.close()
        end(process)


SECRETS = {
    "ENTHESIS_SECRET_KEY": "k1 of the signing of every link and of each session, which is long",
    "ENTHESIS_CARD_KEY": "k2-of-the-cards",
    "ENTHESIS_SMTP": "smtp+tls://clinic:k3-of-the-mail@mail.invalid:587",
}
# Run where there is no network: it serves, reads pages with all that belongs to them, and prints
# the command lines of its processes as anybody on the machine can read them.
WITHOUT_ROUTES = """
import contextlib, os, re, signal, socket, subprocess, sys, time, urllib.request
from pathlib import Path
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
with socket.socket() as out, contextlib.suppress(OSError):
    out.connect(("192.0.2.1", 80))
    sys.exit("There is a way out.")
server = subprocess.Popen([sys.executable, "-m", "enthesis.cli", "serve", "--workers", "2"])
base = "http://localhost:8000"
def read(path):
    with urllib.request.urlopen(base + path, timeout=30) as answer:
        return answer.status, answer.read()
try:
    for _ in range(600):
        with contextlib.suppress(OSError):
            read("/sign-in/")
            break
        time.sleep(0.1)
    parts = set()
    for path in ("/sign-in/", "/evidence/", "/evidence/low_back/"):
        shown = read(path)[1].decode()
        parts |= set(re.findall(r'<(?:link|script|img)[^>]*(?:href|src)="([^"]+)"', shown))
    print(sorted({read(part)[0] for part in parts}), len(parts) > 3)
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.getpgid(int(process.name)) == os.getpgid(0):
                print((process / "cmdline").read_bytes().replace(b"\\0", b" ").decode()[-400:])
finally:
    server.send_signal(signal.SIGINT)
    server.wait(30)
"""


def test_it_serves_whole_pages_without_a_network_and_no_command_line_tells_a_secret(
    with_tables: Path,
) -> None:
    away = ["unshare", "--net", "--"]
    if which("unshare") is None or subprocess.run([*away, "true"], check=False).returncode:
        pytest.skip("Only root, with unshare of util-linux, may take the network away.")
    done = subprocess.run(
        [*away, sys.executable, "-", "of the tests"],
        input=WITHOUT_ROUTES,
        env={**environment(with_tables), **SECRETS},
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "[200] True" in done.stdout and "enthesis.cli serve" in done.stdout, done.stdout
    assert not re.search(r"\bk[123]\b", done.stdout), done.stdout


def test_no_command_takes_a_secret_or_a_name_of_a_patient_on_its_line() -> None:
    """Others on the machine read it (`ps`): secrets are typed, piped, in files or in variables."""
    commands = cli.parser_for([])._subparsers
    assert commands is not None
    (every,) = commands._group_actions
    taken = {
        f"{name} {option.dest}"
        for name, parser in every.choices.items()  # type: ignore[union-attr,attr-defined]
        for option in parser._actions
        if re.search("pass|secret|key|token|patient|family|given|born|mail", option.dest)
        and option.type is not Path
        and option.nargs != 0
    }
    # How many are invented, and a number of the clinic's own.
    assert taken == {"start patients", "demo patients", "fhir patient"}


def run(data: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "enthesis.cli", *arguments],
        env=environment(data),
        input=typed,
        capture_output=True,
        text=True,
    )


def test_demo_fills_an_empty_database_once(with_tables: Path) -> None:
    first = run(with_tables, "demo", "--patients", PATIENTS, "--today", "2026-11-22")
    assert (first.returncode, first.stderr) == (0, "")
    assert "Harbour Clinic: 20 invented patients, seed 1, as of 2026-11-22." in first.stdout
    assert "clinician    harbour-clinic-demo" in first.stdout
    second = run(with_tables, "demo", "--patients", PATIENTS)
    assert second.returncode == 1 and second.stdout == ""
    assert second.stderr.startswith("This database already holds a clinic")
