"""A sheet on the page: looked at before anything is written, then all of it or nothing."""

import base64
import os
import random
import re
import signal
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.local import Local
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client

from enthesis.clinic import models, store
from enthesis.clinic.actions.imports import import_sheet
from enthesis.exchange.sheet_files import read_files
from enthesis.exchange.sheet_map import read_map
from enthesis.exchange.sheet_rows import Most
from enthesis.exchange.spreadsheet import read_sheet
from enthesis.knowledge.load_maps import shipped_maps

SHEETS = Path(__file__).parents[1] / "sheets"
ADDRESS = "/settings/import/"
RAW = (SHEETS / "redcap-knee-raw.csv").read_bytes()
HELD = re.compile(r'name="held" value="([^"]+)"')


@pytest.fixture
def client(admin: models.User, client_for: Callable[[models.User], Client]) -> Client:
    return client_for(admin)


def look(client: Client, content: bytes = RAW, **told: str) -> Any:
    file = SimpleUploadedFile("knees.csv", content)
    return client.post(ADDRESS, {"map": "redcap-knee-raw", **told, "file": file})


def held_of(response: Any) -> str:
    found = HELD.search(response.content.decode())
    assert found is not None
    return found[1]


def test_looking_shows_the_patients_as_they_would_be_and_writes_nothing(client: Client) -> None:
    page = look(client)
    text = page.content.decode()
    assert page.status_code == 200
    assert "Sandberg-Invented, Ingrid" in text
    assert "5 May 2025, after a session: pain 4.5" in text
    assert "Import 3 patients" in text
    assert not models.Patient.objects.exists()
    assert not models.AuditEvent.objects.exists()


def test_import_writes_what_was_looked_at_with_who_did_it(
    client: Client, admin: models.User
) -> None:
    response = client.post(ADDRESS, {"held": held_of(look(client))}, follow=True)
    assert "3 patients were imported from knees.csv." in response.content.decode()
    events = models.AuditEvent.objects.filter(action="import_patient")
    assert {(event.user, event.actor) for event in events} == {(admin, "Ada Admin")}
    assert models.Patient.objects.filter(clinic=admin.clinic).count() == 3


def test_importing_the_same_page_twice_adds_nothing(client: Client) -> None:
    held = held_of(look(client))
    client.post(ADDRESS, {"held": held})
    again = client.post(ADDRESS, {"held": held}, follow=True)
    assert "0 patients were imported" in again.content.decode()
    assert models.Patient.objects.count() == 3
    assert "There is nothing new in it." in look(client).content.decode()


def test_each_problem_is_named_with_what_to_do_and_there_is_no_import(client: Client) -> None:
    page = look(client, RAW.replace(b"2025-03-10,7", b"10 March,7")).content.decode()
    assert "visit_date" in page and "10 March" in page
    assert "Not a date written like %Y-%m-%d." in page
    assert "date_format under [file] in the map" in page
    assert "Row 2, the first of this patient, cannot be imported." in page
    assert "4 rows cannot be imported, so nothing is<" in page
    assert HELD.search(page) is None


def test_what_a_sheet_holds_is_never_taken_for_markup(client: Client) -> None:
    page = look(client, RAW.replace(b"Kneeling", b"<script>alert(1)</script>")).content.decode()
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page


@pytest.mark.parametrize(
    ("told", "content", "says"),
    [
        ({}, b"", "The sheet is empty"),
        ({}, b"PK\x03\x04", "cannot be opened"),
        ({}, b"a,b\n1,2\n", "The map reads tick boxes from columns that are not there"),
        ({"map": "own"}, RAW, "Paste the text of your map"),
        ({"map": "own", "own_map": "source = "}, RAW, "not valid TOML"),
        ({"map": "../../secret"}, RAW, "Select a valid choice"),
    ],
)
def test_what_cannot_be_read_is_said_in_words(
    client: Client, told: dict[str, str], content: bytes, says: str
) -> None:
    page = look(client, content, **told)
    assert page.status_code == 422
    assert says in page.content.decode()


def test_a_map_of_ones_own_is_pasted(client: Client) -> None:
    text = shipped_maps()["redcap-knee-raw"].replace("redcap-knee", "ours")
    client.post(ADDRESS, {"held": held_of(look(client, map="own", own_map=text))})
    assert set(models.Patient.objects.values_list("source", flat=True)) == {"ours"}


def test_a_sheet_too_long_for_the_page_is_sent_to_the_command(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enthesis.clinic.pages.imports.MOST", Most(rows=9))
    page = look(client).content.decode()
    assert "more than 9 rows. Import it with the command" in page


BOMB = base64.b64encode(zlib.compress(b'{"name":"a","map":"b"}\n' + b"0" * 30_000_000)).decode()


@pytest.mark.parametrize("held", ["", "é", "AAAA", "eJwDAAAAAAE=", BOMB, BOMB[:-8]])
def test_what_did_not_come_back_whole_is_refused(client: Client, held: str) -> None:
    page = client.post(ADDRESS, {"held": held})
    assert page.status_code == 422
    assert "did not come back whole" in page.content.decode()
    assert not models.Patient.objects.exists()


# --- killed


def _child(clinic: models.Clinic, content: bytes, after: float | None) -> bool:
    """An import in a process of its own, killed after so many seconds of writing."""
    connections.close_all()
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        try:
            connections._connections = Local(connections.thread_critical)
            sheet_map = read_map(shipped_maps()["redcap-knee-raw"])
            today = store.today(clinic)
            known = store.known_for(clinic, today)
            sheet = read_sheet(read_files({"x": content}, sheet_map), sheet_map, known, today)
            os.write(tell, b"!")
            import_sheet(clinic, sheet_map.source, sheet, actor="test")
            os._exit(0)
        finally:
            os._exit(1)
    os.close(tell)
    os.read(told, 1)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(told)
    if after is None and status:
        raise RuntimeError("The child failed by itself.")
    return os.WIFSIGNALED(status)


@pytest.mark.django_db(transaction=True)
def test_killed_at_any_moment_all_of_it_is_there_or_nothing(clinic: models.Clinic) -> None:
    header, first = RAW.split(b"\n")[:2]
    rows = [first.replace(b"1,baseline", b"%d,baseline" % number, 1) for number in range(300)]
    content = b"\n".join([header, *rows])
    rng, killed, nothing = random.Random(9), 0, 0  # noqa: S311
    for _ in range(6):
        killed += _child(clinic, content, rng.uniform(0, 0.08))
        counts = {
            models.Patient.objects.count(),
            models.Course.objects.count(),
            models.Assessment.objects.count(),
            models.AuditEvent.objects.count() // 2,
        }
        assert counts in ({0}, {300})
        nothing += counts == {0}
        if counts == {300}:
            break
    assert killed >= 2 and nothing >= 2
    _child(clinic, content, None)
    assert models.Patient.objects.count() == 300
