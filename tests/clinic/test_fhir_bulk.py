"""A second, empty Enthesis is filled from the first one's export: the same courses and verdicts."""

import random
import re
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from enthesis.clinic import models, store
from enthesis.clinic.actions.hand_over import hand_over
from enthesis.clinic.timeline import timeline
from enthesis.exchange.course_json import fingerprint
from enthesis.journey.judge import judge
from tests.clinic.invented import TODAY, load
from tests.received import assert_whole, counts, fill, kill_one, writes_of

PATIENTS = 9
KILLS = 4


def words(page: str) -> str:
    """What is read on a course's page, below the bar with the name of who is signed in."""
    main = re.search(r"<main.*</main>", page, re.DOTALL)
    assert main is not None
    return re.sub(
        r"\s+", " ", re.sub(r"<(script|svg).*?</\1>|<[^>]+>", " ", main[0], flags=re.DOTALL)
    )


def seen(clinic: models.Clinic) -> list[Any]:
    """What somebody sees of each course, by the number of its patient."""
    reader = models.User.objects.filter(clinic=clinic, role="clinician", is_active=True).first()
    client = Client()
    assert reader is not None
    client.force_login(reader)
    known = store.known_for(clinic, TODAY)
    rows = models.Course.objects.filter(patient__clinic=clinic).select_related("patient__clinic")
    found = []
    for row in rows.order_by("patient__number", "id"):
        record = replace(store.course_record(row), id="")
        page = client.get(reverse("course", args=[row.pk]))
        assert page.status_code == 200
        lines = [replace(one, url="") for one in timeline(row, known, is_clinical=True)]
        step = words(page.content.decode())
        verdict = judge(record, known, TODAY)
        found.append((row.patient.number, fingerprint(record), verdict, step, lines))
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("on_a_fixed_day")
def test_an_empty_enthesis_is_filled_from_the_bulk_export_though_it_is_killed_on_the_way(
    tmp_path: Path,
) -> None:
    """Four kills: at a random write, at a random moment, and after the last write."""
    harbour = load(patients=PATIENTS)
    harbour.finish_relief_percent = Decimal(60)
    harbour.save()
    out = hand_over(harbour, tmp_path / "out", actor="a test")
    assert out.counts["Patient"] == PATIENTS
    few = [row.pk for row in models.Patient.objects.order_by("number")[6:9]]
    hand_over(harbour, tmp_path / "few", few, actor="a test")
    left = models.AuditEvent.objects.filter(action="hand_over")
    assert left.values("patient").distinct().count() == PATIENTS
    # What is booked stays behind, and shows on a course's page.
    models.Appointment.objects.all().delete()
    expected = seen(harbour)
    assert any(step and verdict.headline in step for _, _, verdict, step, _ in expected)
    call_command("flush", interactive=False, verbosity=0)

    hill = models.Clinic.objects.create(name="Hill Clinic", phone="(555) 0200")
    models.User.objects.create(clinic=hill, username="new", role="clinician", display_name="New")
    empty, rng = counts(), random.Random(3)  # noqa: S311
    began = time.process_time()
    writes = writes_of(hill, tmp_path / "few")
    # However fast the machine is, a child is not done before.
    short = (time.process_time() - began) / 2
    assert writes > 20 and counts() == empty
    killed = sum(kill_one(hill, tmp_path / "few", rng, writes, short) for _ in range(KILLS))
    assert killed == KILLS and counts() == empty
    assert_whole()
    result = fill(hill, tmp_path / "out")
    assert (result.patients, result.already, result.renumbered, result.told) == (
        PATIENTS,
        0,
        {},
        [],
    )
    hill.refresh_from_db()
    assert seen(hill) == expected
    assert (hill.finish_relief_percent, hill.time_zone) == (60, harbour.time_zone)
    again = fill(hill, tmp_path / "few")
    assert (again.patients, again.already, again.differences) == (0, len(few), [])
