"""A clinic filled from a folder as the command does, or killed on the way."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asgiref.local import Local
from django.db import connection, connections
from django.db.models import QuerySet

from enthesis.clinic import bulk, models
from enthesis.clinic.actions.receive import Received, receive
from enthesis.exchange.clinic_rules import ClinicRules
from enthesis.exchange.fhir.read import dossiers
from enthesis.shape import read

KINDS = (
    *(models.Patient, models.Course, models.Session, models.Assessment, models.Decision),
    *(models.Invoice, models.LedgerEntry, models.User, models.AuditEvent),
)


def fill(clinic: models.Clinic, folder: Path, origin: str = "harbour", **more: Any) -> Received:
    """As `enthesis fhir in` does."""
    manifest = bulk.check(folder)
    each = (one for found in bulk.read(folder, manifest) for one in dossiers(found))
    rules = read(ClinicRules, manifest.about["clinic"])
    return receive(clinic, each, origin, actor="a test", rules=rules, **more)


def counts() -> list[int]:
    """How many rows there are of each kind that matters."""
    return [kind._default_manager.count() for kind in KINDS]


def kill_one(
    clinic: models.Clinic, folder: Path, rng: random.Random, writes: int, seconds: float
) -> bool:
    """A child that receives and is killed: by turns at the n-th of so many writes, or before the
    end, or at a random moment of the first `seconds`. Whether it was killed."""
    connections.close_all()
    aim = rng.choice(["write", "write", "end", "clock"])
    child = os.fork()
    if not child:
        try:
            # As in tests/kills.py: Django would take up the parent's connection.
            connections._connections = Local(connections.thread_critical)
            if aim == "write":
                _die_at_write(rng.randint(1, writes))
            fill(clinic, folder, progress=_die if aim == "end" else lambda done: None)
            os._exit(0)
        finally:
            os._exit(1)
    if aim == "clock":
        time.sleep(rng.uniform(0, seconds))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("The child failed by itself.")
    return os.WIFSIGNALED(status)


def _die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_at_write(nth: int) -> None:
    QuerySet.bulk_create = _counted(QuerySet.bulk_create, nth)  # type: ignore[method-assign]


def _counted(write: Callable[..., Any], nth: int) -> Callable[..., Any]:
    left = nth

    def counted(*given: Any, **more: Any) -> Any:
        nonlocal left
        left -= 1
        if not left:
            _die()
        return write(*given, **more)

    return counted


def writes_of(clinic: models.Clinic, folder: Path) -> int:
    """How many writes in bulk a whole receiving takes; nothing of it stays."""
    from django.db import transaction

    made, before = 0, QuerySet.bulk_create

    def counted(*given: Any, **more: Any) -> Any:
        nonlocal made
        made += 1
        return before(*given, **more)

    try:
        QuerySet.bulk_create = counted  # type: ignore[method-assign]
        with transaction.atomic():
            fill(clinic, folder)
            transaction.set_rollback(True)
    finally:
        QuerySet.bulk_create = before  # type: ignore[method-assign]
    return made


def assert_whole() -> None:
    """What the database says of itself."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA integrity_check")
            assert cursor.fetchall() == [("ok",)]
            cursor.execute("PRAGMA foreign_key_check")
            assert cursor.fetchall() == []
