"""Settings that nobody should run with are refused in one sentence; those shipped are clean."""

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from enthesis.clinic import models

pytestmark = pytest.mark.alike
STARTED = "from enthesis.clinic import server; server.load(); print('loaded')"


def run(data: Path, *code: str, **more: str) -> subprocess.CompletedProcess[str]:
    ours = ("ENTHESIS", "DATABASE_URL", "DJANGO")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    environment = {**kept, "ENTHESIS_DATA": str(data), "PYTHONPATH": "src", **more}
    return subprocess.run(
        [sys.executable, *code], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"ENTHESIS_SECRET_KEY": "k3y" * 16}, "ENTHESIS_SECRET_KEY holds a signing key"),
        ({"ENTHESIS_SECRET_KEY": "a" * 60}, "could be guessed"),
        ({"ENTHESIS_SECRET_KEY": "django-insecure-" + "a8f3kq0z" * 8}, "could be guessed"),
        ({"ENTHESIS_HOSTS": "*"}, "ENTHESIS_HOSTS must be the names"),
        ({"ENTHESIS_HOSTS": "https://clinic.example"}, "ENTHESIS_HOSTS must be the names"),
        ({"ENTHESIS_BACKUP_DAYS": "-1"}, "ENTHESIS_BACKUP_DAYS and"),
        ({"ENTHESIS_BACKUP_MONTHS": "-12"}, "0 or more"),
        ({"DATABASE_URL": "sqlite:////tmp/clinic.sqlite3"}, "names a PostgreSQL database"),
    ],
)
def test_unsafe_settings_do_not_start(tmp_path: Path, more: dict[str, str], why: str) -> None:
    done = run(tmp_path, "-c", STARTED, **more)
    assert done.returncode == 1 and done.stdout == ""
    assert why in done.stderr and len(done.stderr.splitlines()) == 1


def test_an_sqlite_that_is_too_old_is_said_at_the_start_and_postgresql_needs_none(
    tmp_path: Path,
) -> None:
    old = (
        "import sqlite3; sqlite3.sqlite_version, sqlite3.sqlite_version_info = '3.34.1', (3, 34, 1)"
    )
    command = f"{old}; from enthesis.cli import main; main(['manage', 'check'])"
    done = run(tmp_path, "-c", command)
    assert done.returncode == 1 and done.stdout == "" and len(done.stderr.splitlines()) == 1
    assert "has SQLite 3.34.1; Enthesis needs 3.35 or newer" in done.stderr
    done = run(tmp_path, "-c", f"{old}; {STARTED}", DATABASE_URL="postgres://user@host/name")
    assert done.stdout == "loaded\n"


def test_debug_starts_for_this_machine_only(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("from enthesis.clinic.settings import *\nDEBUG = True\n")
    own = {"DJANGO_SETTINGS_MODULE": "own", "PYTHONPATH": f"src:{tmp_path}"}
    assert run(tmp_path, "-c", STARTED, **own).stdout == "loaded\n"
    done = run(tmp_path, "-c", STARTED, ENTHESIS_HOSTS="clinic.example", **own)
    assert done.returncode == 1 and "DEBUG shows" in done.stderr


def test_djangos_own_check_finds_nothing_in_the_settings_as_shipped(tmp_path: Path) -> None:
    given = ("-m", "enthesis.cli", "manage", "check", "--deploy", "--fail-level", "WARNING")
    done = run(tmp_path, *given, ENTHESIS_HOSTS="clinic.example")
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout
    # On this machine alone there is no TLS, which it does find.
    done = run(tmp_path, *given, ENTHESIS_HOSTS="localhost")
    assert done.returncode == 1 and done.stderr.count("(security.W") == 4, done.stderr
    hsts = "from enthesis.clinic import settings as s; print(s.SECURE_HSTS_SECONDS)"
    assert int(run(tmp_path, "-c", hsts, ENTHESIS_HOSTS="clinic.example").stdout) >= 31_536_000


COOKIES = """
from enthesis.clinic import server
server.load()
from django.conf import settings
from enthesis.clinic.pages import card, second_fact
print(settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, second_fact.COOKIE, card.CAME_FROM)
print(*(getattr(settings, f"{name}_COOKIE_{what}") for name in ("SESSION", "CSRF")
        for what in ("PATH", "DOMAIN", "HTTPONLY", "SAMESITE", "SECURE")))
"""


@pytest.mark.parametrize(("hosts", "prefix"), [("clinic.example", "__Host-"), ("localhost", "")])
def test_every_cookie_is_bound_to_its_host_where_there_is_tls(
    tmp_path: Path, hosts: str, prefix: str
) -> None:
    done = run(tmp_path, "-c", COOKIES, ENTHESIS_HOSTS=hosts)
    names, told = (line.split() for line in done.stdout.splitlines())
    assert names == [f"{prefix}{name}" for name in ("sessionid", "csrftoken", "born", "statement")]
    assert told == ["/", "None", "True", "Lax", str(bool(prefix))] * 2, done.stderr


def test_no_cookie_is_set_but_those_that_are_so_named() -> None:
    room = Path(models.__file__).parent
    calls = {
        ast.unparse(call.args[0]): {given.arg: ast.unparse(given.value) for given in call.keywords}
        for path in room.rglob("*.py")
        if "cookie(" in (text := path.read_text())
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("set_cookie", "set_signed_cookie")
    }
    assert sorted(calls) == ["CAME_FROM", "COOKIE"]
    for name, given in calls.items():
        given.pop("max_age", None)
        wanted = {"httponly": "True", "samesite": "'Lax'", "secure": "settings.HTTPS"}
        assert given == wanted, name
    assert "session" in django_settings.MESSAGE_STORAGE


def test_check_changes_nothing_where_there_is_no_clinic(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "enthesis.cli", "check")
    assert done.returncode == 1 and "unsafe  database: There is none" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sent", "https", "kept"),
    [
        ("203.0.113.9", True, "203.0.113.9"),
        ("6.6.6.6, 2001:db8::1", True, "2001:db8::1"),
        ("no address\r\nX", True, "127.0.0.1"),
        ("203.0.113.9", False, "127.0.0.1"),
    ],
)
def test_the_audit_trail_has_the_visitors_address_not_that_of_the_server_in_front(
    admin: models.User,
    make_patient: Callable[..., models.Patient],
    client_for: Callable[[models.User], Client],
    settings: Any,
    sent: str,
    https: bool,
    kept: str,
) -> None:
    settings.HTTPS = https
    patient = make_patient()
    client_for(admin).get(f"/patients/{patient.pk}/", headers={"X-Forwarded-For": sent})
    assert models.AccessEvent.objects.get().address == kept
