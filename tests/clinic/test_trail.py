"""The audit trails: bound row to row, never changed, and every tampering found."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from enthesis.clinic import audit, chain, models, trail
from enthesis.commands import verify_audit
from tests.clinic.refusing import refusing

Change = Callable[[Callable[..., None]], None]


@pytest.fixture
def some(clinic: models.Clinic, clinician: models.User) -> models.User:
    """Rows enough in the trail of what was written."""
    for number in range(11):
        with transaction.atomic():
            audit.record(clinician, "tested", clinic, detail={"number": number, "né": "ﬁ"})
    settle()
    return clinician


def settle() -> None:
    """PostgreSQL binds when a transaction commits; a test's never does."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")


@pytest.fixture
def tamper() -> Iterator[Callable[..., None]]:
    """Somebody with the rights of the database drops the triggers first."""
    chain.unguard(connection)

    def execute(statement: str, *values: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)

    yield execute
    chain.guard(connection)


def test_rows_are_counted_without_a_gap_and_each_follows_from_the_one_before(
    some: models.User,
) -> None:
    rows = list(models.AuditEvent.objects.order_by("place"))
    assert [row.place for row in rows] == list(range(1, len(rows) + 1))
    before = ""
    for row in rows:
        assert row.content_sha256 == chain.content_of(row)
        assert row.digest == chain.bind(before, row.content_sha256)
        before = row.digest
    assert trail.problems() == []


@pytest.fixture
def both(some: models.User, make_patient: Callable[..., models.Patient]) -> models.User:
    """Rows enough in the trail of what was read, too."""
    patients = [make_patient().pk for _ in range(4)]
    audit.record_reads(models.Clinic.objects.get(), some, patients, "patients")
    settle()
    return some


def assert_refused(statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match="never changed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert trail.problems() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET actor = 'nobody' WHERE place = 3",
        "UPDATE {} SET place = NULL, digest = '' WHERE place = 3",
        "DELETE FROM {} WHERE place = 3",
        "DELETE FROM {}",
    ],
)
@pytest.mark.parametrize("table", chain.TABLES)
def test_the_database_refuses_to_change_or_delete_a_row(
    both: models.User, table: str, statement: str
) -> None:
    assert_refused(statement.format(table))


@pytest.mark.parametrize("by", ["id", "place"])
@pytest.mark.parametrize("table", chain.TABLES)
def test_the_database_refuses_to_replace_a_row(both: models.User, table: str, by: str) -> None:
    """Which SQLite does without asking the trigger that refuses to delete."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has no REPLACE; ON CONFLICT is an update")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} LIMIT 0")  # noqa: S608
        columns = [column[0] for column in cursor.description]
    kept = [one for one in columns if one != ("place" if by == "id" else "id")]
    names, values = ", ".join(kept), ", ".join(kept).replace("actor", "'nobody'")
    assert_refused(
        f"REPLACE INTO {table} ({names}) SELECT {values} FROM {table} WHERE place = 3"  # noqa: S608
    )


@pytest.mark.parametrize("table", chain.TABLES)
def test_postgresql_refuses_to_empty_the_trail(both: models.User, table: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    assert_refused(f"TRUNCATE {table} CASCADE")


def _swapped(change: Callable[..., None]) -> None:
    rows = {row.place: row.pk for row in models.AuditEvent.objects.all()}
    change("UPDATE clinic_auditevent SET place = -1 WHERE id = %s", rows[4])
    change("UPDATE clinic_auditevent SET place = 4 WHERE id = %s", rows[5])
    change("UPDATE clinic_auditevent SET place = 5 WHERE id = %s", rows[4])


def _moved_up(change: Callable[..., None]) -> None:
    change("DELETE FROM clinic_auditevent WHERE place = 10")
    change("UPDATE clinic_auditevent SET place = 10 WHERE place = 11")


TAMPERINGS: dict[str, tuple[Change, str]] = {
    "a flipped byte": (
        lambda change: change("UPDATE clinic_auditevent SET actor = 'Dr Osej' WHERE place = 3"),
        "auditevent 3 .*: its content was changed",
    ),
    "a flipped byte with a new hash of its own": (
        lambda change: change(
            "UPDATE clinic_auditevent SET actor = 'Dr X', content_sha256 = %s WHERE place = 3",
            "0" * 64,
        ),
        "auditevent 3 .*: does not follow",
    ),
    "a deleted row": (
        lambda change: change("DELETE FROM clinic_auditevent WHERE place = 3"),
        "auditevent 3 to 3: missing",
    ),
    "a deleted row with the later ones moved up": (
        _moved_up,
        "auditevent 10 .*: does not follow",
    ),
    "a swapped pair": (_swapped, "auditevent 4 .*: does not follow"),
    "a read that was ascribed to another": (
        lambda change: change("UPDATE clinic_accessevent SET actor = 'X' WHERE place = 2"),
        "accessevent 2 .*: its content was changed",
    ),
    # SQLite deletes for it without asking the trigger.
    "a row replaced by another": (
        lambda change: change(
            "REPLACE INTO clinic_auditevent (id, at, actor, action, record, detail, place, "
            "content_sha256, digest) SELECT id, at, 'X', action, record, detail, place, "
            "content_sha256, digest FROM clinic_auditevent WHERE place = 3"
            if connection.vendor == "sqlite"
            else "UPDATE clinic_auditevent SET actor = 'X' WHERE place = 3"
        ),
        "auditevent 3 .*: its content was changed",
    ),
    "a row put in past the triggers": (
        lambda change: change(
            "INSERT INTO clinic_auditevent "
            "(at, actor, action, record, detail, content_sha256, digest) VALUES "
            "('2026-11-23 10:00:00+00', 'x', 'y', 'z', '{}', '', '')"
        ),
        "not bound to the trail",
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_it_finds(name: str, both: models.User, tamper: Callable[..., None]) -> None:
    change, said = TAMPERINGS[name]
    change(tamper)
    assert any(re.search(said, one) for one in trail.problems())


def test_a_tail_that_was_cut_off_is_found_by_an_anchor_alone(
    some: models.User, tamper: Callable[..., None]
) -> None:
    heads = trail.heads()
    last = heads[0].place
    tamper("DELETE FROM clinic_auditevent WHERE place > %s", last - 2)
    assert trail.problems() == []
    (problem,) = trail.problems(heads)
    assert f"ends at {last - 2}, but reached {last}" in problem


def test_a_tail_that_was_written_anew_is_found_by_an_anchor_alone(
    some: models.User, tamper: Callable[..., None]
) -> None:
    heads = trail.heads()
    (end,) = models.AuditEvent.objects.order_by("-place")[:1]
    end.actor = "Somebody else"
    content = chain.content_of(end)
    before = models.AuditEvent.objects.get(place=end.place - 1).digest
    tamper(
        "UPDATE clinic_auditevent SET actor = %s, content_sha256 = %s, digest = %s "
        "WHERE place = %s",
        *(end.actor, content, chain.bind(before, content), end.place),
    )
    assert trail.problems() == []
    (problem,) = trail.problems(heads)
    assert "not the row that stood here" in problem


def test_the_command_notes_the_heads_and_compares_with_them_the_next_time(
    some: models.User, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    assert verify_audit.verify(None) == 0
    assert "rows, whole" in capsys.readouterr().out
    file = Path(settings.DATA) / trail.ANCHORS
    (line,) = file.read_text().splitlines()
    told = json.loads(line)
    file.write_text(line + "\n" + json.dumps({**told, "place": told["place"] + 7}) + "\n")
    assert verify_audit.verify(None) == 1
    assert "the end was cut off" in capsys.readouterr().err
    assert len(file.read_text().splitlines()) == 2, "what is wrong is not noted"
    file.write_text("[]\n")
    assert verify_audit.verify(None) == 1
    assert "line 1 is no anchor" in capsys.readouterr().err


def test_each_patient_whose_record_is_read_leaves_a_row(
    clinician: models.User,
    client_for: Callable[[models.User], Client],
    make_patient: Callable[..., models.Patient],
    stranger: models.User,
) -> None:
    one, two = make_patient(), make_patient(family="Berg")
    client = client_for(clinician)
    assert client.get(reverse("patient", args=[one.pk])).status_code == 200
    assert [(a.patient_id, a.what, a.actor) for a in models.AccessEvent.objects.all()] == [
        (one.pk, "patient", str(clinician))
    ]
    client.get(reverse("patients"))
    listed = models.AccessEvent.objects.filter(what="patients")
    assert sorted(a.patient_id for a in listed) == [one.pk, two.pk]
    count = models.AccessEvent.objects.count()
    assert client_for(stranger).get(reverse("patient", args=[one.pk])).status_code == 404
    assert models.AccessEvent.objects.count() == count, "nothing was shown"


def test_a_look_is_written_down_for_the_clinic_whose_patient_it_was(
    clinician: models.User,
    make_patient: Callable[..., models.Patient],
    other_clinic: models.Clinic,
) -> None:
    own = make_patient()
    door = models.Patient.objects.create(clinic=other_clinic, number=1, family="A", given="B")
    audit.record_reads(own.clinic, clinician, [own.pk, door.pk], "patients")
    assert [one.patient_id for one in models.AccessEvent.objects.all()] == [own.pk]


def test_a_page_that_is_shown_again_with_its_errors_is_a_look_too(
    clinician: models.User,
    client_for: Callable[[models.User], Client],
    make_patient: Callable[..., models.Patient],
) -> None:
    patient, client = make_patient(family="Canary"), client_for(clinician)
    answer = client.post(reverse("add_weight", args=[patient.pk]), {"kg": "heavy"})
    assert answer.status_code == 422 and "Canary" in answer.text
    assert [one.patient_id for one in models.AccessEvent.objects.all()] == [patient.pk]


def test_a_patient_can_be_told_who_looked(
    clinician: models.User,
    admin: models.User,
    client_for: Callable[[models.User], Client],
    make_patient: Callable[..., models.Patient],
) -> None:
    patient = make_patient()
    client_for(admin).get(reverse("patient", args=[patient.pk]))
    client_for(admin).get(reverse("patient", args=[patient.pk]))
    client_for(clinician).post(
        reverse("add_weight", args=[patient.pk]), {"kg": "70", "measured_on": "2026-11-20"}
    )
    said = " ".join(
        client_for(clinician).get(reverse("who_looked", args=[patient.pk])).text.split()
    )
    assert "Ada Admin</strong> <p>Read: patient (2 times)</p>" in said
    assert "Wrote: entered the weight</p>" in said


def test_what_cannot_be_written_down_is_not_shown(
    clinician: models.User,
    client_for: Callable[[models.User], Client],
    make_patient: Callable[..., models.Patient],
) -> None:
    patient, client = make_patient(family="Canary"), client_for(clinician)
    with refusing("clinic_accessevent"):
        answer = client.get(reverse("patient", args=[patient.pk]))
    assert answer.status_code == 503
    assert b"Canary" not in answer.content


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_are_bound_one_after_another(
    clinic: models.Clinic, clinician: models.User
) -> None:
    def write() -> None:
        try:
            for _ in range(3):
                with transaction.atomic():
                    audit.record(clinician, "tested", clinic)
                audit.record_reads(clinic, clinician, [], "none")
        finally:
            connection.close()

    threads = [Thread(target=write) for _ in range(20)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert models.AuditEvent.objects.filter(action="tested").count() == 60
    assert trail.problems() == []
