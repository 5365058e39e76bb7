"""Transactions and bulk export over the FHIR API: whole or not at all, and back again the same."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from enthesis.clinic import models
from enthesis.clinic.api import export
from enthesis.clinic.dossiers import dossiers
from enthesis.exchange.dossier_compare import differences
from enthesis.exchange.fhir.person import NUMBER
from tests.clinic.fhir import EVERY, begin, fetched, fill, get, post, program, said
from tests.clinic.invented import load, loaded_once

REAL = Path(__file__).parents[3] / "shared/real/fhir"
PATIENTS = 9


@pytest.fixture(scope="module")
def harbour(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[models.Clinic]:
    with loaded_once(django_db_blocker, lambda: load(patients=PATIENTS)) as clinic:
        yield clinic


@pytest.fixture
def hill(harbour: models.Clinic, db: None) -> models.Clinic:
    return models.Clinic.objects.create(name="Hill Clinic", phone="(555) 0200")


@pytest.fixture(autouse=True)
def at_once(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports are made within the request: a thread would not see the test's transaction."""
    monkeypatch.setattr(export, "start", lambda folder, token: export.make(folder, token))


def rows() -> dict[str, int]:
    kinds = (models.Patient, models.User, models.Course, models.LedgerEntry)
    # That a token was used is written down, whatever became of the request.
    events = models.AuditEvent.objects.exclude(action="use_token")
    counts = {kind.__name__: kind._default_manager.count() for kind in kinds}
    return {**counts, "AuditEvent": events.count()}


def bundle_of(resources: list[Any]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": f"urn:uuid:{one['resourceType']}-{one['id']}",
                "resource": one,
                "request": {"method": "POST", "url": one["resourceType"]},
            }
            for one in resources
        ],
    }


def record_of(clinic: models.Clinic, patient: models.Patient) -> list[Any]:
    """A patient's record as another program fetches it, without what is the clinic's own."""
    told = get(program(clinic), f"Patient/patient-{patient.pk}/$everything")
    found = [one["resource"] for one in told["entry"]]
    shared = ("Questionnaire", "PlanDefinition", "Organization", "DocumentReference", "Consent")
    return [one for one in found if one["resourceType"] not in shared]


def test_a_patient_fetched_from_one_clinic_and_sent_to_another_is_the_same_there(
    harbour: models.Clinic, hill: models.Clinic
) -> None:
    patient = models.Patient.objects.filter(clinic=harbour).order_by("number")[2]
    bundle = bundle_of(record_of(harbour, patient))
    there = program(hill)
    told = post(there, "", bundle)
    assert told["type"] == "transaction-response" and len(told["entry"]) == len(bundle["entry"])
    [new] = models.Patient.objects.filter(clinic=hill)
    [theirs], [ours] = dossiers(harbour, [patient.pk]), dossiers(hill, [new.pk])
    assert not list(differences(ours, theirs))
    for sent, one in list(zip(bundle["entry"], told["entry"], strict=True))[::9]:
        if one["response"]["status"].startswith("201"):
            found = get(there, one["response"]["location"].partition("/fhir/")[2])
            assert found["resourceType"] == sent["resource"]["resourceType"]
            assert found.get("status") == sent["resource"].get("status")
    created = [one for one in told["entry"] if one["response"]["status"].startswith("201")]
    assert len(created) > len(told["entry"]) / 2
    writes = models.AuditEvent.objects.filter(clinic=hill, action="receive", patient=new)
    assert writes and {one.actor for one in writes} == {"A Program"}
    # Sent once more, it is the same record: nothing is added.
    before = models.Patient.objects.count(), models.Session.objects.count()
    post(there, "", bundle)
    assert before == (models.Patient.objects.count(), models.Session.objects.count())
    # Sent once more with something else in it, it is told, and nothing is changed.
    for one in bundle["entry"]:
        if one["resource"]["resourceType"] == "Patient":
            one["resource"]["name"][0]["family"] = "Other"
    told = str(post(program(hill, "user/*.c"), "", bundle, 409))
    assert "person.family" in told and patient.family not in told
    assert models.Patient.objects.filter(clinic=hill, family="Other").count() == 0


def test_a_patient_who_is_here_already_is_not_created_again(
    harbour: models.Clinic, hill: models.Clinic
) -> None:
    here = models.Patient.objects.create(clinic=hill, number=7, family="A", given="B")
    body = bundle_of([{"resourceType": "Patient", "id": "x"}])
    body["entry"][0]["request"]["ifNoneExist"] = f"identifier={NUMBER}|7"
    told = post(program(hill), "", body)
    assert told["entry"][0]["response"]["status"] == "200 OK"
    assert told["entry"][0]["response"]["location"].endswith(f"Patient/patient-{here.pk}")
    body["entry"][0]["request"]["ifNoneExist"] = "name=A"
    assert "found by identifier=" in str(post(program(hill), "", body, 422))


def test_what_is_no_whole_patient_of_ours_is_refused_with_the_place_and_nothing_written(
    harbour: models.Clinic, hill: models.Clinic
) -> None:
    patient = models.Patient.objects.filter(clinic=harbour).order_by("number")[2]
    record = record_of(harbour, patient)
    whole = json.dumps(bundle_of(record))
    client = program(hill)

    def changed(change: Any) -> Any:
        body = json.loads(whole)
        change(body)
        return body

    def without(kind: str) -> Any:
        return changed(
            lambda body: body.update(
                entry=[e for e in body["entry"] if e["resource"]["resourceType"] != kind]
            )
        )

    last = len(record) - 1
    cases = [
        ({"resourceType": "Patient", "id": "a"}, 422, "only a Bundle of type transaction"),
        (changed(lambda b: b.update(type="batch")), 422, "not Bundle batch"),
        (changed(lambda b: b.update(entry=[])), 422, "1 to 20,000 entries"),
        (changed(lambda b: b.update(entry={})), 422, "1 to 20,000 entries"),
        (changed(lambda b: b["entry"].append(3)), 422, f"Bundle.entry[{last + 1}]"),
        (changed(lambda b: b["entry"][0].pop("request")), 422, "Bundle.entry[0].request"),
        (changed(lambda b: b["entry"][0]["request"].update(method="PUT")), 422, "only creates"),
        (changed(lambda b: b["entry"][0]["resource"].update(resourceType="Encounter")), 422,
         "Encounter is not taken"),
        (changed(lambda b: b["entry"][0]["resource"].update(id="a b")), 422, "fullUrl"),
        (without("Patient"), 422, "is not among the resources"),
        (without("Condition"), 422, "is not among the resources"),
        (without("Practitioner"), 422, "is not among the resources"),
        (changed(lambda b: b["entry"][last]["resource"].pop("meta", 0)), 422, "tag of ours"),
    ]  # fmt: skip
    before = rows()
    for body, status, words in cases:
        told = post(client, "", body, status)
        assert words in json.dumps(told, ensure_ascii=False), (words, told)
    # In the last record of all, so that all others were read before.
    for one in ({"birthDate": "1990-02-31"}, {"gender": 3}, {"identifier": [{}]}):
        body = changed(lambda b, one=one: b["entry"].reverse())
        for entry in body["entry"]:
            if entry["resource"]["resourceType"] == "Patient":
                entry["resource"].update(one)
        post(client, "", body, 422)
    assert rows() == before


def test_examples_of_others_are_answered_with_an_outcome_and_never_half_written(
    hill: models.Clinic,
) -> None:
    if not REAL.exists():
        pytest.skip("the folder shared/ with the examples is not on this machine")
    client = program(hill)
    before = rows()
    files = sorted((REAL / "r4-examples").rglob("*.json"))[::EVERY]
    files += sorted((REAL / "synthea").glob("*.json"))[::EVERY]
    asked = 0
    for path in files:
        for body in _as_sent(path.read_bytes()):
            response = client.post("/fhir/", body, content_type="application/fhir+json")
            told = said(response, response.status_code)
            assert 400 <= response.status_code < 500, (path.name, told)
            asked += 1
    assert asked > 9 and rows() == before


def _as_sent(data: bytes) -> Iterator[bytes]:
    yield data
    found = json.loads(data)
    if isinstance(found, dict) and found.get("resourceType") == "Bundle":
        yield json.dumps({**found, "type": "transaction"}).encode()
    elif isinstance(found, dict):
        yield json.dumps(bundle_of([{"id": "x", **found}])).encode()


# --- bulk export


def test_an_export_is_begun_asked_after_fetched_and_deleted(harbour: models.Clinic) -> None:
    fill(harbour)
    client = program(harbour)
    where = begin(client)
    response = client.get(f"/fhir/{where}")
    manifest = json.loads(response.content)
    assert response.status_code == 200 and response["Content-Type"] == "application/json"
    assert response["Expires"].endswith("GMT") and manifest["requiresAccessToken"] is True
    found = fetched(client, manifest)
    assert len(found["Patient"]) == PATIENTS
    assert {one["id"] for one in found["Procedure"]} == {
        f"session-{pk}" for pk in models.Session.objects.filter(signed_at__isnull=False)
        .values_list("pk", flat=True)
    }  # fmt: skip
    [document] = found["DocumentReference"]
    assert document["content"][0]["attachment"]["data"]
    reads = models.AccessEvent.objects.filter(what="fhir export", actor="A Program")
    assert reads.values("patient").distinct().count() == PATIENTS
    assert client.delete(f"/fhir/{where}").status_code == 202
    get(client, where, 404)
    assert not list(Path(export._folder()).iterdir())


def test_an_export_is_of_the_types_and_the_time_that_were_asked_for(
    harbour: models.Clinic,
) -> None:
    client = program(harbour)
    found = json.loads(client.get(f"/fhir/{begin(client, 'Patient/$export')}").content)
    assert "Practitioner" not in {one["type"] for one in found["output"]}
    where = begin(client, "$export?_type=Patient,Organization")
    found = json.loads(client.get(f"/fhir/{where}").content)
    assert {one["type"]: one["count"] for one in found["output"]} == {
        "Patient": PATIENTS, "Organization": 1
    }  # fmt: skip
    # Later than all that was written here, for no row of the trail can be moved back.
    wrote, since = (timezone.now() + timedelta(hours=hours) for hours in (4, 4.5))
    patient = models.Patient.objects.filter(clinic=harbour)[0]
    models.AuditEvent.objects.create(clinic=harbour, actor="x", action="add_weight", at=wrote,
                                     patient=patient, record="weight")  # fmt: skip
    # A little before counts too: it may have been seen only after the export before this one.
    for later, expected in ((0, [f"patient-{patient.pk}"]), (1, [])):
        asked = f"{since + timedelta(hours=later):%Y-%m-%dT%H:%M:%SZ}"
        where = begin(client, f"$export?_type=Patient&_since={asked}")
        found = fetched(client, json.loads(client.get(f"/fhir/{where}").content))
        assert [one["id"] for one in found.get("Patient", ())] == expected


@pytest.mark.alike
def test_an_export_is_refused_with_the_reason(
    hill: models.Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = program(hill)
    headers = {"Prefer": "respond-async"}
    assert get(client, "$export", 400)
    for query in ("_type=Encounter", "_since=yesterday", "_outputFormat=csv", "x=1"):
        get(client, f"$export?{query}", 400, **headers)
    get(program(hill, "user/*.cruds"), "$export", 403, **headers)
    few = program(hill, "system/Patient.rs")
    get(few, "$export?_type=Condition", 403, **headers)
    assert begin(few, "$export")
    for _ in range(export.MOST_JOBS):
        begin(client)
    get(client, "$export", 429, **headers)


def test_an_export_whose_maker_fell_silent_begins_anew_and_one_that_failed_says_so(
    hill: models.Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = program(hill)
    making: list[Any] = []
    monkeypatch.setattr(export, "start", lambda folder, token: making.append(folder))
    where = begin(client)
    response = client.get(f"/fhir/{where}")
    assert response.status_code == 202 and response["Retry-After"] and response["X-Progress"]
    # Nobody has ever said how far it is: it was begun at once, and once more when asked after.
    assert len(making) == 2
    export._write(making[0] / "failed.json", {"why": "the file of a picture is gone"})
    assert "is gone" in str(get(client, where, 422))
