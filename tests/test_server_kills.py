"""kill -9 of the real server under load, once; 200 are in benchmarks/proofs/server_kills.py."""

from collections.abc import Callable
from http.client import HTTPMessage
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from enthesis.clinic import models
from tests import server_kills
from tests.clinic_fixtures import *  # noqa: F403
from tests.writers import Answer, Write, fault


@pytest.mark.django_db(transaction=True)
def test_killed_under_load_the_server_loses_nothing_that_it_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = connection.settings_dict
    monkeypatch.setitem(told, "OPTIONS", server_kills.synced(told["OPTIONS"]))
    connection.close()
    check = (
        server_kills.check_sqlite if connection.vendor == "sqlite" else server_kills.check_postgres
    )
    toll = server_kills.kill_many(1, 7, tmp_path / "log", check, most=12)
    assert toll.is_well, toll
    assert toll.acknowledged.total() > 0
    done = {write.kind: write for write in toll.last if write.is_acknowledged}
    for kind in ("answer", "payment", "session", "upload"):
        assert_noticed(done[kind], "lost", lose)
        if kind != "answer":
            assert_noticed(done[kind], "twice or half", double)
    elsewhere = HTTPMessage()
    elsewhere["Location"] = "/sign-in/?next=/"
    done["payment"].answer = Answer(302, "", elsewhere)
    assert not done["payment"].is_acknowledged, "who must sign in first was told of no payment"


def rows(write: Write) -> Any:
    """What was saved by it."""
    return {
        "answer": models.Assessment.objects.filter(link=write.to.pk),
        "payment": models.LedgerEntry.objects.filter(invoice=write.to.pk),
        "session": models.SessionSite.objects.filter(session=write.to.pk, given=True),
        "upload": models.SessionImage.objects.filter(session=write.to.pk),
    }[write.kind]


def lose(write: Write) -> None:
    if write.kind == "session":
        models.Session.objects.filter(pk=write.to.pk).update(note="", version=1)
        rows(write).update(given=False)
    else:
        assert rows(write).delete()[0]


def double(write: Write) -> None:
    """A second payment; half a session; a picture whose file is another. Of answers and pictures
    the database refuses a second row."""
    row = rows(write).first()
    if write.kind == "session":
        rows(write).filter(pk=row.pk).update(given=False)
    elif write.kind == "upload":
        rows(write).update(sha256="0" * 64)
    else:
        row.pk, row.number, row.request_key = None, row.number + 1000, "another"
        row.save(force_insert=True)


def assert_noticed(write: Write, word: str, spoil: Callable[[Write], None]) -> None:
    """Spoilt, it must be called by its name; and be whole once that is undone."""
    with transaction.atomic():
        spoil(write)
        assert fault(write) == word, write.kind
        transaction.set_rollback(True)
    assert fault(write) == "", write.kind
