"""AuditEvents over the FHIR API: who wrote and who read, of this clinic and of no other."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from enthesis.clinic import audit, models
from enthesis.clinic.api import export, trail
from tests.clinic.fhir import begin, fetched, get, ids, link, program

START = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def patient(make_patient: Callable[..., models.Patient]) -> models.Patient:
    """With six writes and three reads, an hour apart, the third read at the moment of a write."""
    patient = make_patient()
    for n in range(6):
        models.AuditEvent.objects.create(
            clinic=patient.clinic, at=START + timedelta(hours=n), actor="Dr Amara Osei",
            action=f"write_{n}", patient=patient if n else None, record="course", record_id=n,
            detail={"n": n},
        )  # fmt: skip
    for n in (7, 8, 3):
        models.AccessEvent.objects.create(
            clinic=patient.clinic, at=START + timedelta(hours=n), actor="Ångström Registry",
            patient=patient, what="fhir read", address="192.0.2.7",
        )  # fmt: skip
    return patient


def names(bundle: Any) -> list[str]:
    """What was done, in the order of the answer, without what the tests themselves left."""
    found = [one["resource"] for one in bundle.get("entry", ())]
    return [one["subtype"][0]["display"] for one in found if one["recorded"] < "2026-11-20"]


def test_writes_and_reads_are_searched_by_patient_date_and_agent_in_their_order(
    patient: models.Patient,
) -> None:
    client = program(patient.clinic)
    whole = ["write_0", "write_1", "write_2", "read", "write_3", "write_4", "write_5", "read",
             "read"]  # fmt: skip
    assert names(get(client, "AuditEvent")) == whole
    of = f"AuditEvent?patient=patient-{patient.pk}"
    assert names(get(client, of)) == whole[1:]
    assert names(get(client, f"{of}&_sort=-date"))[-3:] == ["read", "write_2", "write_1"]
    assert names(get(client, "AuditEvent?date=le2026-11-01T14:00:00Z")) == whole[:3]
    assert names(get(client, "AuditEvent?date=ge2026-11-01T19:00Z&date=lt2026-11-02")) == whole[7:]
    assert names(get(client, "AuditEvent?agent-name=angstrom")) == ["read"] * 3
    assert names(get(client, "AuditEvent?agent-name:exact=Dr Amara Osei")) == [
        one for one in whole if one != "read"
    ]
    assert get(client, "AuditEvent?agent-name=registry&_summary=count")["total"] == 3
    [one] = get(client, f"{of}&date=2026-11-01T13:00:00Z")["entry"]
    found = one["resource"]
    assert get(client, f"AuditEvent/{found['id']}") == found
    assert found["agent"] == [{"name": "Dr Amara Osei", "requestor": True}]
    assert ids(get(client, f"AuditEvent?_id={found['id']},access-1")) != []
    read = models.AccessEvent.objects.filter(patient=patient, what="fhir search AuditEvent")
    assert read.exists()
    for wrong in ("_sort=agent-name", "_include=AuditEvent:patient", "user=1", "date=x"):
        get(client, f"AuditEvent?{wrong}", 400)
    get(client, "Patient?_revinclude=AuditEvent:patient", 400)
    for wrong in ("AuditEvent/audit-0", "AuditEvent/patient-1", "AuditEvent/audit-01-x"):
        get(client, wrong, 404)


@pytest.mark.parametrize("sort", ["", "&_sort=-date", "&_total=accurate"])
def test_pages_hold_each_event_once_and_end_although_reading_them_leaves_events(
    patient: models.Patient, sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = program(patient.clinic)
    path: str | None = f"AuditEvent?patient=patient-{patient.pk}&_count=3{sort}"
    found: list[str] = []
    for _ in range(9):
        if path is None:
            break
        page = get(client, path)
        found += ids(page)
        path = link(page, "next")
    assert path is None and len(found) == len(set(found)) == 8
    # Where many rows hold few matches, pages are short, and nothing is lost.
    monkeypatch.setattr(trail, "MOST_ROWS", 4)
    path, found = "AuditEvent?agent-name=registry", []
    while path:
        page = get(client, path)
        found, path = found + ids(page), link(page, "next")
    assert len(found) == 3
    told = get(client, "AuditEvent?_summary=count", 422)
    assert told["issue"][0]["code"] == "too-costly"


def test_events_leave_by_export_and_none_of_another_clinic_by_any_way(
    patient: models.Patient, other_clinic: models.Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "start", lambda folder, token: export.make(folder, token))
    client, stranger = program(patient.clinic), program(other_clinic)
    for path in ("$export", "Patient/$export", "$export?_since=2026-11-01T15:00:00Z"):
        where = begin(client, f"{path}{'&' if '?' in path else '?'}_type=AuditEvent")
        found = fetched(client, json.loads(client.get(f"/fhir/{where}").content))["AuditEvent"]
        old = [one for one in found if one["recorded"] < "2026-11-20"]
        assert len(old) == {"$export": 9, "Patient/$export": 8}.get(path, 6), path
        where = begin(stranger, f"{path}{'&' if '?' in path else '?'}_type=AuditEvent")
        manifest = json.loads(stranger.get(f"/fhir/{where}").content)
        assert "Osei" not in json.dumps(fetched(stranger, manifest))
    assert models.AccessEvent.objects.filter(patient=patient, what="fhir export").exists()
    of = get(client, "AuditEvent?agent-name=Dr")["entry"][0]["resource"]["id"]
    get(stranger, f"AuditEvent/{of}", 404)
    for path in ("AuditEvent", f"AuditEvent?patient=patient-{patient.pk}", f"AuditEvent?_id={of}"):
        assert "Osei" not in json.dumps(get(stranger, path)), path
    get(program(patient.clinic, "user/Patient.rs"), "AuditEvent", 403)
    get(program(patient.clinic, "user/Patient.rs"), f"AuditEvent/{of}", 403)


def test_one_row_of_each_table_is_told_whole(patient: models.Patient) -> None:
    audit.record_reads(patient.clinic, None, [patient.pk], "record", "192.0.2.9", by="enthesis")
    [one] = get(program(patient.clinic), "AuditEvent?agent-name=enthesis")["entry"]
    assert one["resource"]["entity"][0]["what"] == {"reference": f"Patient/patient-{patient.pk}"}
    assert "192.0.2.9" in json.dumps(one["resource"]["extension"])
