"""Searching and reading over the FHIR API: each parameter of the table, pages, what is included."""

from collections.abc import Iterator
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from enthesis.clinic import models
from enthesis.clinic.api import trail
from enthesis.clinic.api.matching import at, codes, read_test
from enthesis.clinic.api.sources import Source
from enthesis.clinic.api.table import TYPES, Param, Type, include_params
from tests.clinic.fhir import ALL, fill, get, ids, link, program, said
from tests.clinic.invented import load, loaded_once

PATIENTS = 9
# Nothing of the invented clinic has it.
ABSENT = {"AdverseEvent.seriousness"}


@pytest.fixture(scope="module")
def harbour(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[models.Clinic]:
    with loaded_once(django_db_blocker, lambda: load(patients=PATIENTS)) as clinic:
        yield clinic


@pytest.fixture
def asking(harbour: models.Clinic, db: None) -> Client:
    return program(harbour)


def patients_of(clinic: models.Clinic) -> list[int]:
    rows = models.Patient.objects.filter(clinic=clinic).order_by("number")
    return list(rows.values_list("pk", flat=True))


def all_of(clinic: models.Clinic) -> list[dict[str, Any]]:
    source = Source(clinic)
    records = source.records(patients_of(clinic))
    own = [one for record in records for one in record.resources.values()]
    return own + list(source.shared.values())


def asked_by(param: Param, found: Any) -> str:
    """A value that finds a resource with `found` in it."""
    match param.kind:
        case "token":
            if isinstance(found, dict) and "coding" in found:
                found = found["coding"][0]
            if isinstance(found, dict):
                return f"{found.get('system', '')}|{found.get('code', found.get('value'))}"
            return str(found).lower()
        case "string":
            text = found if isinstance(found, str) else found.get("family", found.get("text"))
            return str(text)[:6].upper()
        case "date":
            return str(found["start"] if isinstance(found, dict) else found)[:10]
        case "reference":
            return str(found["reference"])
        case _:
            return str(found)


@pytest.mark.alike
def test_every_parameter_of_the_table_finds_what_holds_its_value_and_nothing_else(
    harbour: models.Clinic, asking: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(harbour)
    everything = all_of(harbour)
    kept = {one.patient: one for one in Source(harbour).records(patients_of(harbour))}
    # Some two hundred searches: the records are made once.
    monkeypatch.setattr(Source, "records", lambda self, some, _=False: [kept[pk] for pk in some])
    shared = Source(harbour).shared
    monkeypatch.setattr(Source, "shared", shared)
    writes = trail.events(harbour, None, timezone.now(), patients_only=True)
    everything += [event.resource for event in islice(writes, 9)]
    for kind in TYPES.values():
        mine = [one for one in everything if one["resourceType"] == kind.name]
        assert mine, kind.name
        asked: set[str] = set()
        for param in kind.params:
            values = [(one, v) for one in mine for path in param.paths
                      for v in at(one, path.split("."))]  # fmt: skip
            where = f"{kind.name}.{param.name}"
            assert values or where in ABSENT, where
            codable = [pair for pair in values if param.kind != "token" or any(codes(pair[1]))]
            for one, found in codable[:1]:
                value = asked_by(param, found)
                if param.kind == "date":
                    value = f"ge{value}" if isinstance(found, dict) else value
                assert read_test(param, "", value, ZoneInfo("UTC")).holds(one), (where, value)
                # Over the API one of each kind, and whatever narrows by the tables.
                if param.kind in asked and not param.rows:
                    continue
                asked.add(param.kind)
                bundle = get(asking, f"{kind.name}?{param.name}={value}&_count=200")
                assert f"{kind.name}/{one['id']}" in ids(bundle), (where, value)
            nothing = {"date": "eq1999-01-01", "reference": "Patient/patient-0"}
            test = read_test(param, "", nothing.get(param.kind, "zzz"), ZoneInfo("UTC"))
            assert not any(test.holds(one) for one in mine), where


def test_a_search_finds_the_same_as_looking_at_everything(
    harbour: models.Clinic, asking: Client
) -> None:
    course = fill(harbour)
    models.Course.objects.filter(pk=course.pk).update(closed_on="2026-11-01")
    everything = all_of(harbour)
    days = sorted(one["performedDateTime"][:10] for one in everything
                  if one["resourceType"] == "Procedure")  # fmt: skip
    first, last = days[len(days) // 4], days[-3]
    searches = {
        f"Procedure?date=ge{first}&date=lt{last}": lambda one: (
            one["resourceType"] == "Procedure" and first <= one["performedDateTime"][:10] < last
        ),
        "Patient?name=a,o": lambda one: (
            one["resourceType"] == "Patient"
            and any(
                text.lower().startswith(("a", "o"))
                for name in one["name"]
                for text in (name["family"], *name["given"])
            )
        ),
        "Condition?clinical-status:missing=true": lambda one: (
            one["resourceType"] == "Condition" and "clinicalStatus" not in one
        ),
        "Observation?category:not=vital-signs": lambda one: (
            one["resourceType"] == "Observation" and "vital-signs" not in str(one["category"])
        ),
    }
    for search, is_wanted in searches.items():
        found, at_page = [], f"{search}&_count=200"
        while at_page:
            bundle = get(asking, at_page)
            found += ids(bundle)
            at_page = link(bundle, "next")
        wanted = {f"{one['resourceType']}/{one['id']}" for one in everything if is_wanted(one)}
        assert set(found) == wanted and len(found) == len(wanted) and wanted, search


def test_pages_follow_each_other_without_gap_or_repeat_while_rows_are_added(
    harbour: models.Clinic, asking: Client
) -> None:
    patients = list(models.Patient.objects.filter(clinic=harbour))
    before = {f"Observation/weight-{one.pk}" for one in models.Weight.objects.all()}
    found, page, n = [], "Observation?category=vital-signs&_count=4", 0
    while page:
        bundle = get(asking, page)
        found += ids(bundle)
        page = link(bundle, "next")
        # One is added to everybody, behind and ahead of where the search is.
        for patient in patients if n < 2 else ():
            models.Weight.objects.create(patient=patient, kg=70, measured_on="2020-01-01")
        n += 1
    assert len(set(found)) == len(found)
    assert before <= set(found)


def test_sorted_pages_follow_each_other_too_and_say_how_many_there_are(asking: Client) -> None:
    bundle = get(asking, "Patient?_sort=-birthdate&_count=5")
    more = get(asking, str(link(bundle, "next")))
    assert (len(ids(bundle)), bundle["total"], len(ids(more))) == (5, PATIENTS, PATIENTS - 5)
    born = [one["resource"]["birthDate"] for one in bundle["entry"] + more["entry"]]
    assert born == sorted(born, reverse=True)
    assert link(more, "next") is None
    counted = get(asking, "Patient?_summary=count")
    assert counted["total"] == PATIENTS and "entry" not in counted


def test_what_is_included_is_what_is_referred_to_or_refers(
    harbour: models.Clinic, asking: Client
) -> None:
    course = fill(harbour)
    bundle = get(asking, f"AdverseEvent?patient=patient-{course.patient_id}"
                 "&_include=AdverseEvent:patient&_include=AdverseEvent:course")  # fmt: skip
    assert set(ids(bundle, "include")) == {
        f"Patient/patient-{course.patient_id}", f"Condition/course-{course.pk}"
    }  # fmt: skip
    bundle = get(asking, f"Patient?_id=patient-{course.patient_id}"
                 "&_revinclude=Consent:patient")  # fmt: skip
    assert len(ids(bundle)) == len(ids(bundle, "include")) == 1
    bundle = get(asking, "Procedure?_include=Procedure:recorder&_count=1")
    assert [one.partition("/")[0] for one in ids(bundle, "include")] == ["Practitioner"]
    assert get(asking, "Patient?_include=Patient:general-practitioner", 400)
    assert get(asking, "Practitioner?_revinclude=Procedure:recorder", 400)


def test_everything_is_the_whole_record_and_all_that_it_refers_to(
    harbour: models.Clinic, asking: Client
) -> None:
    course = fill(harbour)
    bundle = get(asking, f"Patient/patient-{course.patient_id}/$everything")
    found = ids(bundle)
    assert {one.partition("/")[0] for one in found} >= {
        *("Patient", "Condition", "Procedure", "QuestionnaireResponse", "Observation", "Consent"),
        *("CarePlan", "Invoice", "PaymentReconciliation", "DocumentReference", "Practitioner"),
    }
    named = set()

    def names(value: Any) -> None:
        if isinstance(value, dict):
            reference = value.get("reference")
            if isinstance(reference, str) and not reference.startswith("#"):
                named.add(reference)
            for one in value.values():
                names(one)
        elif isinstance(value, list):
            for one in value:
                names(one)

    names(bundle)
    assert named and named <= set(found)
    bundle = get(asking, f"Patient/patient-{course.patient_id}/$everything?_type=Consent")
    assert [one.partition("/")[0] for one in ids(bundle)] == ["Consent"]


def test_each_read_is_written_down_with_whose_record_it_was_and_by_which_program(
    harbour: models.Clinic, asking: Client
) -> None:
    before = models.AccessEvent.objects.count()
    patients = list(models.Patient.objects.filter(clinic=harbour).order_by("number"))
    get(asking, f"Patient/patient-{patients[0].pk}")
    get(asking, "Condition?_count=2")
    get(asking, f"Patient/patient-{patients[0].pk}/$everything")
    get(asking, "Patient/patient-0", 404)
    events = models.AccessEvent.objects.order_by("id")[before:]
    told = [(one.actor, one.what, one.patient) for one in events]
    assert told == [
        ("A Program", "fhir read Patient", patients[0]),
        ("A Program", "fhir search Condition", patients[0]),
        ("A Program", "fhir search Condition", patients[1]),
        ("A Program", "fhir everything", patients[0]),
    ]


@pytest.mark.alike
def test_what_is_not_known_is_refused_or_left_out_as_the_program_asks(asking: Client) -> None:
    wrong = {
        "Patient?colour=red": "“colour” is not known here",
        "Patient?_sort=colour": "_sort takes",
        "Patient?_count=many": "_count is a whole number",
        "Patient?_count=1&_count=2": "give it once",
        "Patient?birthdate=yesterday": "is no date",
        "Patient?birthdate=2026-02-30": "is no date",
        "Patient?name:soundex=x": "name takes :exact, :contains, :missing",
        "Patient?name=": "has no value",
        "Condition?patient=../1": "write such as Patient/patient-12",
        "Patient?_total=roughly": "_total is one of",
        "Patient?_page=abc": "begin the search anew",
        "Patient?_summary=text": "_summary is one of",
    }
    for path, words in wrong.items():
        assert words in get(asking, path, 400)["issue"][0]["diagnostics"], path
    bundle = get(asking, "Patient?colour=red&_count=1", Prefer="handling=lenient")
    assert len(ids(bundle)) == 1 and link(bundle, "self") == "Patient?_count=1"
    [told] = [one for one in bundle["entry"] if one["search"]["mode"] == "outcome"]
    assert "colour" in told["resource"]["issue"][0]["diagnostics"]


@pytest.mark.alike
def test_each_fault_of_the_request_itself_has_its_status_and_an_outcome(asking: Client) -> None:
    get(asking, "Encounter", 404)
    get(asking, "Patient/patient-1/_history/1", 404)
    get(asking, "Patient/patient-0", 404)
    get(asking, "nonsense/%0A/x", 404)
    assert get(asking, "Patient", 406, Accept="application/fhir+xml")
    assert get(asking, "Patient", 406, Accept="application/fhir+json; fhirVersion=5.0")
    assert get(asking, "Patient?_format=xml", 406)
    assert get(asking, "Patient?_format=json")
    assert get(asking, "Patient", Accept="text/html, application/fhir+json; fhirVersion=4.0")
    said(asking.delete("/fhir/Patient/patient-1"), 405)
    response = asking.put("/fhir/Patient/patient-1", {}, content_type="application/fhir+json")
    assert said(response, 405) and response["Allow"] == "GET, HEAD"
    said(asking.post("/fhir/Patient", {}, content_type="application/fhir+json"), 405)
    said(asking.post("/fhir/", "<a/>", content_type="application/fhir+xml"), 415)
    kind = "application/fhir+json; fhirVersion=3.0"
    said(asking.post("/fhir/", "{}", content_type=kind), 415)
    said(asking.post("/fhir/Patient/_search", "{}", content_type="application/json"), 415)
    assert asking.head("/fhir/Patient").status_code == 200


def test_a_search_may_be_posted_as_a_form(harbour: models.Clinic, asking: Client) -> None:
    patient = models.Patient.objects.filter(clinic=harbour).order_by("number")[0]
    form = f"family={patient.family}&_count=1"
    kind = "application/x-www-form-urlencoded"
    bundle = said(asking.post("/fhir/Patient/_search", form, content_type=kind), 200)
    assert ids(bundle) == [f"Patient/patient-{patient.pk}"]


@pytest.mark.alike
def test_the_capability_statement_says_what_the_table_says(client: Client, db: None) -> None:
    told = get(client, "metadata")
    rest = told["rest"][0]
    assert told["fhirVersion"] == "4.0.1"
    assert [one["type"] for one in rest["resource"]] == list(TYPES)
    for one in rest["resource"]:
        kind: Type = TYPES[one["type"]]
        assert [p["name"] for p in one["searchParam"]] == list(kind.by_name)
        named = [f"{kind.name}:{p.name}" for p in include_params(kind)]
        assert one.get("searchInclude", []) == named


def test_one_patient_is_read_without_reading_the_others(
    harbour: models.Clinic, asking: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = models.Patient.objects.filter(clinic=harbour)[0]
    read: list[int] = []
    records = Source.records

    def watched(self: Source, patients: Any, only_people: bool = False) -> Any:
        read.extend(patients)
        return records(self, patients, only_people)

    monkeypatch.setattr(Source, "records", watched)
    for path in (
        f"Patient/patient-{patient.pk}",
        f"Patient?identifier={patient.number}",
        f"Procedure?patient=patient-{patient.pk}",
        f"Observation?subject:Patient=patient-{patient.pk}",
        f"Condition?_id=course-{patient.courses.all()[0].pk}",
        f"Invoice?course=Condition/course-{patient.courses.all()[0].pk}",
    ):
        read.clear()
        get(asking, path)
        assert read == [patient.pk], path


def test_the_scopes_say_which_types_are_read_searched_and_included(
    harbour: models.Clinic, db: None
) -> None:
    pk = models.Patient.objects.filter(clinic=harbour)[0].pk
    reads = program(harbour, "user/Patient.r")
    assert get(reads, f"Patient/patient-{pk}")
    assert "user/Patient.s" in get(reads, "Patient", 403)["issue"][0]["diagnostics"]
    assert get(reads, "Condition/course-1", 403)
    assert ids(get(reads, f"Patient/patient-{pk}/$everything")) == [f"Patient/patient-{pk}"]
    searches = program(harbour, "user/Condition.rs")
    bundle = get(searches, f"Condition?patient=patient-{pk}&_include=Condition:patient")
    assert ids(bundle) and not ids(bundle, "include")
    assert ALL.startswith("user/*.c") and get(program(harbour, "user/*.read"), "Patient")
