"""A packet in the clinic: seen before it is made; the ledger refuses what would expose."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoDbBlocker

from enthesis.cli import parser_for
from enthesis.clinic import models, outcomes
from enthesis.clinic.actions import AppendOnlyError, Refused, save
from enthesis.clinic.actions import registry as registry_action
from enthesis.outcomes.packet import from_plain
from tests.clinic.invented import load, loaded_once

pytestmark = [
    pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning"),
]
SignedIn = Callable[[models.User], Client]
TODAY = date(2026, 11, 27)


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with time_machine.travel(datetime(2026, 11, 27, 17, tzinfo=UTC), tick=True):
        yield


@pytest.fixture(scope="module")
def harbour(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[models.Clinic]:
    with loaded_once(django_db_blocker, lambda: load(TODAY)) as clinic:
        yield clinic


@pytest.fixture
def admin(harbour: models.Clinic, db: None, client_for: SignedIn) -> Client:
    return client_for(models.User.objects.get(role=models.Role.ADMINISTRATOR))


def seen(page: str) -> str:
    return page.split('name="seen" value="')[1].split('"')[0]


def test_a_packet_is_seen_made_entered_and_the_next_is_held_beside_it(
    admin: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from enthesis.clinic.actions.packet import Choice, make_packet

    page = admin.get("/outcomes/packets/").content.decode()
    assert "Nothing is sent from here" in page and "What stays here" in page
    assert not models.PacketRelease.objects.exists(), "looking makes nothing"
    told = admin.post("/outcomes/packets/", {"seen": "0" * 64}, follow=True).content.decode()
    assert "moved on since you looked" in told and not models.PacketRelease.objects.exists()
    for _ in range(2):  # a double click is one
        answer = admin.post("/outcomes/packets/", {"seen": seen(page)})
        assert answer["Location"] == "/outcomes/packets/"
    row = models.PacketRelease.objects.get()
    sent = admin.get(f"/outcomes/packets/{row.pk}.json")
    assert sent["Content-Disposition"].startswith("attachment")
    packet = from_plain(json.loads(sent.content))
    assert packet.sha256 == row.sha256 == seen(page)
    for about in packet.conditions:
        for pattern in about.patterns:
            for line in (*pattern.zz, *pattern.zy, *pattern.yy):
                assert all(f">{n}</" in page for n in line), "every number is on the page"
    event = models.AuditEvent.objects.get(action="make_packet")
    assert event.detail["sha256"] == row.sha256 and event.user is not None
    with pytest.raises(AppendOnlyError):
        save(row)

    # Another clinic's packet does not exist.
    other = models.Clinic.objects.create(name="Other", invented=True)
    row.clinic_id, mine = other.pk, row.clinic_id
    models.PacketRelease.objects.filter(pk=row.pk).update(clinic=other)
    assert admin.get(f"/outcomes/packets/{row.pk}.json").status_code == 404
    models.PacketRelease.objects.filter(pk=row.pk).update(clinic=mine)

    # One patient takes part no more: the difference of two packets would be that patient.
    clinic = models.Clinic.objects.get(pk=mine)
    about = max(packet.conditions, key=lambda one: one.began)
    course = models.Course.objects.filter(
        condition=about.condition, sessions__signed_at__isnull=False
    ).first()
    assert course is not None
    clinician = models.User.objects.filter(role=models.Role.CLINICIAN).first()
    assert clinician is not None
    registry_action.withdraw(clinician, course.pk, "asked to")
    outcomes.bring_up_to_date()
    page = admin.get("/outcomes/packets/").content.decode()
    assert "This packet must not leave" in page and "Make the packet" not in page
    assert f"packet {row.pk} of 2026-11-27" in page and "of 1 patient, fewer than 11" in page
    with pytest.raises(Refused, match="fewer than 11"):
        make_packet(None, clinic, Choice())
    refused = tmp_path / "refused.json"
    arguments = ["packet", "make", "--to", str(refused), "--clinic", clinic.name]
    args = parser_for(["packet"]).parse_args(arguments)
    assert args.run(args) == 1 and not refused.exists()
    assert "packet" in capsys.readouterr().err
    assert models.PacketRelease.objects.count() == 1


@pytest.mark.alike
def test_the_command_makes_a_packet_that_it_shows(
    admin: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes.bring_up_to_date()
    path = tmp_path / "north.json"
    make = ["packet", "make", "--to", str(path), "--covariate", "age"]
    args = parser_for(["packet"]).parse_args(make)
    assert args.run(args) == 0
    assert models.AuditEvent.objects.get(action="make_packet").actor == "command line"
    assert args.run(args) == 1, "a file is never written over"
    args = parser_for(["packet"]).parse_args(["packet", "show", str(path)])
    capsys.readouterr()
    assert args.run(args) == 0
    said = capsys.readouterr().out
    assert "courses began" in said and "LEFT OUT TO PROTECT PATIENTS" in said


@pytest.mark.alike
def test_an_unknown_choice_is_answered_with_a_sentence(admin: Client) -> None:
    for asked in ("condition=nonsense", "covariate=name"):
        answer = admin.get(f"/outcomes/packets/?{asked}", follow=True)
        assert answer.status_code == 200 and asked.split("=")[1].encode() in answer.content
