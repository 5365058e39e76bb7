"""Who gets in to the FHIR API, and that nothing of the clinic next door comes out, by any way."""

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from enthesis.clinic import models, sender
from enthesis.clinic.actions import Refused, second_factor, sign_in
from enthesis.clinic.actions.api_tokens import FAILURES_ALLOWED, make_token, revoke_token
from enthesis.clinic.actions.calendar_feed import make_feed
from enthesis.clinic.actions.settings import change_user
from enthesis.clinic.api import export
from enthesis.clinic.api.scopes import ScopeError, read_scopes, written
from enthesis.clinic.api.table import TYPES, include_params
from enthesis.clinic.api.trail import TABLES
from tests.clinic.fhir import (
    ALL,
    administrator,
    bearing,
    begin,
    fetched,
    fill,
    get,
    ids,
    program,
    said,
    token_for,
)
from tests.clinic_fixtures import make_user

CANARY = "Zzyzxcanary"
Course = Callable[..., models.Course]


@pytest.fixture
def canary(make_course: Course, make_patient: Any, clinician: models.User) -> models.Course:
    """A course in `clinic`, full of the canary's name."""
    patient = make_patient(family=CANARY, given=CANARY, email=f"{CANARY}@example.org")
    course = make_course(patient, complaint=CANARY)
    models.Session.objects.create(
        course=course, number=1, on=date(2026, 11, 2), mixtures=[], signed_by=clinician,
        signed_at=datetime(2026, 11, 2, 12, tzinfo=UTC), note=CANARY,
    )  # fmt: skip
    models.Assessment.objects.create(
        course=course, on=date(2026, 11, 9), occasion="after_session", questionnaire="six_signs",
        completed_at=datetime(2026, 11, 9, 12, tzinfo=UTC), answers={"pain": 4},
    )  # fmt: skip
    models.AuditEvent.objects.create(
        clinic=course.patient.clinic, patient=course.patient, actor=CANARY, action=CANARY
    )
    models.AccessEvent.objects.create(
        clinic=course.patient.clinic, patient=course.patient, actor=CANARY, what=CANARY
    )
    return fill(course.patient.clinic, CANARY)


def addresses(course: models.Course) -> list[tuple[str, str]]:
    """(method, path) of every kind of address there is."""
    pk = course.patient_id
    found = [("get", f"{name}?_count=200") for name in TYPES]
    found += [("get", f"{name}/{name.lower()}-{pk}") for name in TYPES]
    found += [
        ("get", f"Patient/patient-{pk}"),
        ("get", f"Condition/course-{course.pk}"),
        ("get", f"Patient/patient-{pk}/$everything"),
        ("post", "Patient/_search"),
        ("get", "$export"),
        ("get", "Patient/$export"),
        ("get", f"$export-status/{'0' * 32}"),
        ("delete", f"$export-status/{'0' * 32}"),
        ("get", f"$export-file/{'0' * 32}/Patient.ndjson"),
        ("post", ""),
        ("post", "QuestionnaireResponse"),
        ("post", "QuestionnaireResponse/$validate"),
        ("post", "Questionnaire/$validate"),
    ]
    found += [
        ("get", f"AuditEvent/{kind}-{row.pk}")
        for kind, table in TABLES.items()
        for row in table._default_manager.filter(patient=pk)[:1]
    ]
    return found


def ask(client: Client, method: str, path: str) -> Any:
    kind = "application/x-www-form-urlencoded" if "_search" in path else "application/fhir+json"
    body = "_count=9" if "_search" in path else "{}"
    more = {"data": body, "content_type": kind} if method == "post" else {}
    return getattr(client, method)(f"/fhir/{path}", headers={"Prefer": "respond-async"}, **more)


def test_nobody_gets_in_without_a_token_that_opens(
    canary: models.Course, clinic: models.Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enthesis.clinic.actions.api_tokens.FAILURES_ALLOWED", 1000)
    expired, revoked, left = (token_for(clinic)[1] for _ in range(3))
    tokens = list(models.ApiToken.objects.order_by("id"))
    tokens[0].expires_at = timezone.now() - timedelta(seconds=1)
    tokens[0].save()
    revoke_token(administrator(clinic), tokens[1].pk)
    other = models.User.objects.create(
        clinic=clinic, username="left", role="administrator", is_active=False
    )
    models.ApiToken.objects.filter(pk=tokens[2].pk).update(made_by=other)
    admin = Client()
    admin.force_login(administrator(clinic))
    clients = {
        "no token": Client(),
        "wrong": bearing("enthesis_wrong"),
        "expired": bearing(expired),
        "revoked": bearing(revoked),
        "its maker has left": bearing(left),
        "a password": Client(headers={"Authorization": "Basic YTpi"}),
        "signed in as a person": admin,
        "letters that no token has": Client(headers={"Authorization": "Bearer \xe9\xff"}),
    }
    for why, client in clients.items():
        for method, path in addresses(canary)[:: 1 if why == "wrong" else 9]:
            response = ask(client, method, path)
            assert said(response, 401), (why, path)
            assert response["WWW-Authenticate"].startswith("Bearer"), (why, path)
            assert CANARY not in response.content.decode(), (why, path)
    assert models.AccessEvent.objects.count() == 1, "what the canary brought with it"


def test_a_token_without_the_scope_is_told_which_one_it_needs(
    canary: models.Course, clinic: models.Clinic
) -> None:
    client = program(clinic, "user/Organization.rs")
    for method, path in addresses(canary):
        response = ask(client, method, path)
        if path.startswith(("Organization", "$export-")) or path == "":
            continue
        told = said(response, 403)["issue"][0]
        assert told["code"] == "forbidden" and "/" in told["diagnostics"], path
        assert CANARY not in response.content.decode()
    body = {"resourceType": "Bundle", "type": "transaction", "entry": [
        {"resource": {"resourceType": "Patient", "id": "a"},
         "request": {"method": "POST", "url": "Patient"}}]}  # fmt: skip
    reads = program(clinic, "user/*.rs system/*.rs")
    response = reads.post("/fhir/", json.dumps(body), content_type="application/fhir+json")
    assert "user/Patient.c" in said(response, 403)["issue"][0]["diagnostics"]


def test_nothing_of_the_clinic_next_door_comes_out_by_any_way(
    canary: models.Course, other_clinic: models.Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "start", lambda folder, token: export.make(folder, token))
    client = program(other_clinic)
    answers = []
    for method, path in addresses(canary):
        response = ask(client, method, path)
        answers.append((path, b"".join(response)))
        name, _, id = path.partition("/")
        if name in TYPES and id and not id.startswith(("$", "_")):
            assert response.status_code == 404, path
    for kind in TYPES.values():
        pk = canary.patient_id
        for param in include_params(kind):
            path = f"{kind.name}?{param.name}=patient-{pk},course-{canary.pk}"
            path += f"&_include={kind.name}:{param.name}"
            answers.append((path, client.get(f"/fhir/{path}").content))
        for param in kind.params[::4]:
            path = f"{kind.name}?{param.name}=2026&{param.name}:missing=false"
            answers.append((path, client.get(f"/fhir/{path}").content))
    begun = client.get("/fhir/$export", headers={"Prefer": "respond-async"})
    where = begun["Content-Location"].partition("/fhir/")[2]
    manifest = json.loads(client.get(f"/fhir/{where}").content)
    for one in manifest["output"]:
        path = one["url"].partition("/fhir/")[2]
        answers.append((path, b"".join(client.get(f"/fhir/{path}"))))
    assert {one["type"] for one in manifest["output"]} <= {
        one.name for one in TYPES.values() if one.shared or one.trail
    }
    for path, content in answers:
        assert CANARY.encode() not in content, path
        assert b"Harbour" not in content, path
    # The same canary does come out for its own clinic: the search is no empty one.
    own = program(canary.patient.clinic)
    assert CANARY in json.dumps(get(own, f"Patient/patient-{canary.patient_id}/$everything"))
    # A way to a next page or an export of another token opens nothing.
    assert get(own, where, 404)
    assert not models.AuditEvent.objects.filter(
        clinic=other_clinic, patient=canary.patient
    ).exists()


def test_wrong_tokens_from_one_address_are_answered_with_429_and_a_right_one_still_opens(
    clinic: models.Clinic,
) -> None:
    wrong, right = bearing("enthesis_no"), program(clinic)
    for _ in range(FAILURES_ALLOWED):
        get(wrong, "Patient", 401)
    response = wrong.get("/fhir/Patient")
    assert said(response, 429) and int(response["Retry-After"]) > 0
    assert models.AuditEvent.objects.filter(action="fail_token").count() == FAILURES_ALLOWED
    assert get(right, "Patient")["total"] == 0
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        get(wrong, "Patient", 401)


def test_a_token_says_when_it_was_last_used_and_is_kept_as_a_fingerprint(
    clinic: models.Clinic,
) -> None:
    token, secret = token_for(clinic)
    assert secret.startswith("enthesis_") and secret not in json.dumps(token.token_hash)
    get(bearing(secret), "Patient")
    token.refresh_from_db()
    assert token.last_used_at is not None
    event = models.AuditEvent.objects.get(action="make_token")
    assert secret not in json.dumps(event.detail) and event.detail["scopes"] == token.scopes


@pytest.mark.alike
def test_scopes_of_both_versions_are_read_and_what_is_not_understood_is_refused() -> None:
    scopes = read_scopes("user/Patient.read system/*.rs user/Condition.write", TYPES)
    assert written(scopes) == "system/*.rs user/Condition.cud user/Patient.rs"
    assert scopes.allow("Patient", "s") and not scopes.allow("Patient", "c")
    assert scopes.allow_bulk("Condition") and scopes.allow("Condition", "d")
    assert not read_scopes("user/*.cruds", TYPES).allow_bulk("Patient")
    for wrong in (
        *("", "patient/*.rs", "user/Patient.sr", "user/Patient.", "user/Encounter.rs"),
        *("user/Patient.rs?x=y", "openid", "user/*.rs; drop", "user/Patient.r\ud800"),
    ):
        with pytest.raises(ScopeError):
            read_scopes(wrong, TYPES)


def test_an_administrator_makes_and_revokes_tokens_on_a_page(
    clinic: models.Clinic, admin: models.User, client_for: Callable[[models.User], Client]
) -> None:
    client = client_for(admin)
    made = client.post(
        "/settings/programs/", {"name": "Registry", "scopes": "user/*.read", "days": "30"}
    )
    page = made.content.decode()
    secret = page.partition('id="secret" value="')[2].partition('"')[0]
    assert made.status_code == 200 and get(bearing(secret), "Organization")["total"] == 1
    listed = client.get("/settings/programs/").content.decode()
    assert "Registry" in listed and "user/*.rs" in listed and secret not in listed
    assert "Last used" in listed
    token = models.ApiToken.objects.get()
    client.post(f"/settings/programs/{token.pk}/revoke/")
    assert "Revoked" in client.get("/settings/programs/").content.decode()
    get(bearing(secret), "Organization", 401)
    wrong = client.post("/settings/programs/", {"name": "x", "scopes": "all", "days": "900"})
    assert wrong.status_code == 422
    wrong = client.post("/settings/programs/", {"name": "x", "scopes": "all", "days": "9"})
    assert wrong.status_code == 422 and "is no scope" in wrong.content.decode()
    with pytest.raises(Refused):
        make_token(admin, "x", ALL, 0)


ENDS: dict[str, Callable[[models.User, models.User], Any]] = {
    "deactivated": lambda by, of: change_user(by, of.pk, of.role, False, 1),
    "demoted": lambda by, of: change_user(by, of.pk, "front_desk", True, 1),
    "given a password": lambda by, of: sign_in.give_password(by, of.pk, "seven grey herons wait"),
    "second step reset": lambda by, of: second_factor.reset_factors(by, of.pk),
    "let in by the command line": lambda by, of: second_factor.let_in_again(
        of.username, "seven grey herons wait", "command line"
    ),
    "signed out everywhere": lambda by, of: sign_in.sign_out_everywhere(of),
}


@pytest.mark.parametrize("how", ENDS)
def test_what_ends_somebodys_access_ends_their_sessions_tokens_and_calendar_for_good(
    how: str,
    clinic: models.Clinic,
    admin: models.User,
    client_for: Callable[[models.User], Client],
    time_machine: Any,
) -> None:
    time_machine.move_to("2026-11-23 12:00Z", tick=False)
    maker = make_user(clinic, "ines_varga", models.Role.ADMINISTRATOR)
    # Programs are an administrator's, calendars of those who meet patients.
    carer = make_user(clinic, "jo_baker", models.Role.CLINICIAN)
    browser = client_for(maker)
    assert browser.get("/").status_code == 200
    kept, ended = (bearing(make_token(one, "A Program", ALL, 30)[1]) for one in (admin, maker))
    feed = Client(), f"/feed/{make_feed(carer, 'nothing', True)[1]}/appointments.ics"
    time_machine.move_to("2026-11-23 12:01Z", tick=False)
    assert get(ended, "Organization") and feed[0].get(feed[1]).status_code == 200
    for one in (maker, carer):
        ENDS[how](admin, one)
    for again in (False, True):
        assert get(ended, "Organization", 401), (how, again)
        assert browser.get("/").status_code == 302, (how, again)
        assert feed[0].get(feed[1]).status_code == 404, (how, again)
        # Let in again, nothing of before comes back.
        for one in (maker, carer):
            version = models.User.objects.get(pk=one.pk).version
            change_user(admin, one.pk, one.role, True, version)
            models.User.objects.filter(pk=one.pk).update(must_change_password=False)
    assert get(kept, "Organization")
    assert "was ended everywhere since" in (
        client_for(admin).get("/settings/programs/").content.decode()
    )
    time_machine.move_to("2026-11-23 12:02Z", tick=False)
    maker.refresh_from_db()
    assert get(bearing(make_token(maker, "A Program", ALL, 30)[1]), "Organization")


def test_ids_of_others_do_not_exist_in_references_either(
    canary: models.Course, other_clinic: models.Clinic
) -> None:
    client = program(other_clinic)
    bundle = get(client, f"Procedure?course=course-{canary.pk}")
    assert bundle["total"] == 0 and not ids(bundle)


@pytest.mark.django_db(transaction=True)
def test_an_export_is_made_by_a_thread_while_the_program_asks_after_it(
    settings: Any, tmp_path: Path
) -> None:
    settings.DATA = tmp_path
    hill = models.Clinic.objects.create(name="Hill Clinic", phone="(555) 0200")
    models.Patient.objects.create(clinic=hill, number=7, family="A", given="B")
    client = program(hill)
    where, began = begin(client), time.monotonic()
    while (response := client.get(f"/fhir/{where}")).status_code == 202:
        assert time.monotonic() - began < 60
        time.sleep(0.05)
    assert [one["id"] for one in fetched(client, json.loads(response.content))["Patient"]]


def test_what_was_exported_goes_after_a_day_though_nobody_begins_another(
    clinic: models.Clinic, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    time_machine: Any,
) -> None:  # fmt: skip
    settings.DATA = tmp_path
    monkeypatch.setattr(export, "start", lambda folder, token: export.make(folder, token))
    time_machine.move_to("2026-11-23 12:00Z", tick=False)
    begin(program(clinic))
    rest = tmp_path / "exports" / "rest" / "files"  # of one that was killed while it was taken away
    rest.mkdir(parents=True)
    os.utime(rest.parent, (time.time(), time.time()))
    for moment, kept in (("2026-11-24 11:59Z", 2), ("2026-11-24 12:00Z", 0)):
        time_machine.move_to(moment, tick=False)
        sender.run_pass()
        assert len(list((tmp_path / "exports").iterdir())) == kept, moment
