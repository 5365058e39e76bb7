"""The page from which an administrator takes the clinic out."""

import errno
import io
from collections.abc import Callable
from typing import Any
from zipfile import ZipFile

import pytest
from django.conf import settings
from django.test import Client

from enthesis.clinic import tables
from enthesis.clinic.actions import export
from enthesis.clinic.models import AuditEvent, User

ADDRESS = "/settings/take-out/"


@pytest.fixture
def client(client_for: Callable[[User], Client], admin: User) -> Client:
    return client_for(admin)


def test_it_says_what_is_in_it_and_gives_one_zip(client: Client, make_patient: Any) -> None:
    make_patient(family='Öst, "Q"')
    page = client.get(ADDRESS).content.decode()
    assert (
        f"{len(tables.exported())} tables of this clinic" in page
        and "fewer than 11 patients" in page
    )
    answer = client.post(ADDRESS, {"what": "all", "form": "csv"})
    assert answer["Content-Disposition"].startswith('attachment; filename="clinic-')
    with ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as file:  # type: ignore[attr-defined]
        assert '"Öst, ""Q"""' in file.read("patient.csv").decode()
    assert list(settings.DATA.glob("export-*")) == []
    event = AuditEvent.objects.get(action="export_clinic")
    assert (event.actor, event.record) == ("Ada Admin", "clinic")


def test_a_clinic_too_small_for_a_cut_is_told_so(client: Client, make_course: Any) -> None:
    make_course()
    answer = client.post(ADDRESS, {"what": "research", "form": "parquet"})
    assert answer.status_code == 422
    assert "No group of 11 patients is alike" in answer.content.decode()


@pytest.mark.alike
def test_a_full_disk_is_said_and_leaves_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(export, "write_table", full)
    answer = client.post(ADDRESS, {"what": "all", "form": "csv"})
    assert answer.status_code == 503
    assert "disk of the clinic&#x27;s computer is full" in answer.content.decode()
    assert list(settings.DATA.glob("*export*")) == []


@pytest.mark.alike
@pytest.mark.parametrize("typed", [{}, {"what": "all", "form": "xls"}, {"what": "", "form": "csv"}])
def test_something_else_asked_for_is_refused(client: Client, typed: dict[str, str]) -> None:
    assert client.post(ADDRESS, typed).status_code == 422
    assert not AuditEvent.objects.filter(action="export_clinic").exists()
