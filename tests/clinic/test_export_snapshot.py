"""An export is of one moment, whoever writes meanwhile: on both databases."""

import threading
from pathlib import Path

import pytest
from django.db import connection, transaction

from enthesis.clinic import models
from enthesis.clinic.actions import export
from enthesis.clinic.snapshot import snapshot
from tests.clinic.at_once import at_once


@pytest.mark.django_db(transaction=True)
def test_all_is_of_one_moment_and_nobody_who_writes_waits(tmp_path: Path) -> None:
    clinic = models.Clinic.objects.create(name="Quiet", phone="1")

    def write() -> None:
        models.Patient.objects.create(clinic=clinic, number=7, family="Late", given="L")
        models.AuditEvent.objects.create(clinic=clinic, actor="late", action="x", record="x")
        connection.close()

    def in_between(done: int, total: int) -> None:
        if done == 1:
            writer = threading.Thread(target=write)
            writer.start()
            writer.join(5)
            assert not writer.is_alive()

    done = export.export_clinic(None, clinic, tmp_path / "out", "csv", in_between)
    assert models.Patient.objects.count() == 1
    assert done.rows == 2  # the clinic, and the audit row of the export itself
    assert b"Late" not in (tmp_path / "out" / "patient.csv").read_bytes()
    # Writing goes on as it did before.
    models.Patient.objects.create(clinic=clinic, number=8, family="After", given="A")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_open", [True, False])
def test_a_snapshot_keeps_nobody_from_writing(is_open: bool) -> None:
    """Nor does one on a connection that was closed, as a backup begins after a quiet night."""
    clinic = models.Clinic.objects.create(name="Quiet", phone="1")
    (connection.ensure_connection if is_open else connection.close)()

    def write() -> None:
        models.Clinic.objects.update(phone="(555) 0199")
        with transaction.atomic():
            pass

    with snapshot():
        assert models.Clinic.objects.get().phone == clinic.phone
        assert at_once([write]) == [None]
        assert models.Clinic.objects.get().phone == clinic.phone
    assert models.Clinic.objects.get().phone == "(555) 0199"
