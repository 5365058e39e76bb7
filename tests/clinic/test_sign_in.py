"""Signing in and out."""

import html
import re
import threading
from functools import partial
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.test import Client

from enthesis.clinic.actions.sign_in import fail_sign_in
from enthesis.clinic.models import AuditEvent, User
from enthesis.clinic.pages.sign_in import THROTTLED, WRONG
from tests.clinic.at_once import at_once
from tests.clinic_fixtures import PASSWORD

# New in each answer: the token against forged forms, and the key of the form.
FRESH = re.compile(r'(?<=value=")[\w-]{16,}(?=")')


def _try(username: str, password: str, next: str = "/", client: Client | None = None, **more: str):
    data = {"username": username, "password": password, "next": next}
    return (client or Client()).post("/sign-in/", data, **more)


def _words(response) -> str:
    return html.unescape(response.content.decode())


def test_it_signs_in_and_goes_where_the_user_was_going(clinician: User) -> None:
    response = _try(clinician.username, PASSWORD, "/patients/?find=a")
    assert (response.status_code, response["Location"]) == (302, "/patients/?find=a")
    assert AuditEvent.objects.get(action="sign_in").user == clinician


@pytest.mark.parametrize("elsewhere", ["https://example.org/", "//example.org", "javascript:x"])
def test_it_never_leads_to_another_site(clinician: User, elsewhere: str) -> None:
    assert _try(clinician.username, PASSWORD, elsewhere)["Location"] == "/"


def test_it_does_not_tell_which_names_exist(clinician: User) -> None:
    known, unknown = _try(clinician.username, "wrong"), _try("nobody", "wrong")
    assert known.status_code == unknown.status_code == 422
    for response in (known, unknown):
        assert WRONG in _words(response)
    told = _words(known).replace(clinician.username, "nobody")
    assert FRESH.sub("", told) == FRESH.sub("", _words(unknown)), "not a letter differs"


def test_the_right_password_waits_after_five_failures(clinician: User, desk: User) -> None:
    for _ in range(5):
        assert WRONG in _words(_try(clinician.username, "wrong"))
    held = _try(clinician.username, PASSWORD)
    assert THROTTLED in _words(held) and held.status_code == 422
    assert _try(desk.username, PASSWORD).status_code == 302
    elsewhere = _try(clinician.username, PASSWORD, REMOTE_ADDR="10.0.0.7")
    assert elsewhere.status_code == 302, "nobody locks a colleague out from another place"


@pytest.mark.django_db(transaction=True)
def test_twelve_guesses_at_once_tell_no_more_than_five_one_by_one(
    clinician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, right_last = threading.Barrier(12, timeout=60), threading.Event()

    def at_the_same_time(request: Any, username: str, password: str) -> User | None:
        user = authenticate(request, username=username, password=password)
        looked.wait()
        if user is not None:
            right_last.wait(30)
        return user

    monkeypatch.setattr("enthesis.clinic.pages.sign_in.authenticate", at_the_same_time)
    told = list[str]()

    def guess(name: str, password: str) -> None:
        told.append(_words(_try(name, password)))
        if len(told) == 11:
            right_last.set()

    # Of a name that nobody has no more is told, nor less.
    for name, last in ((clinician.username, PASSWORD), ("nobody", "wrong too")):
        told.clear()
        tries = [*(f"wrong {number}" for number in range(11)), last]
        assert at_once([partial(guess, name, password) for password in tries]) == [None] * 12
        assert sum(WRONG in words for words in told) == 5
        assert sum(THROTTLED in words for words in told) == 7, "the right one too"
        failed = AuditEvent.objects.filter(action="fail_sign_in", actor=name)
        assert failed.count() == 5


def test_who_invents_names_or_tries_one_password_with_all_is_told_nothing_and_fills_no_trail(
    clinician: User, desk: User, monkeypatch: pytest.MonkeyPatch, time_machine
) -> None:
    monkeypatch.setattr("enthesis.clinic.actions.sign_in.NETWORK_FAILURES_ALLOWED", 8)
    time_machine.move_to("2026-11-23 12:00Z", tick=False)
    for number in range(8):
        assert WRONG in _words(_try(f"invented {number}", "wrong"))
    assert THROTTLED in _words(_try("invented 8", "wrong"))
    assert THROTTLED in _words(_try(clinician.username, "wrong"))
    assert THROTTLED in _words(_try(desk.username, PASSWORD)), "nor the right one"
    assert AuditEvent.objects.filter(action="fail_sign_in").count() == 8
    assert _try(desk.username, PASSWORD, REMOTE_ADDR="10.0.0.7").status_code == 302
    time_machine.move_to("2026-11-23 12:16Z", tick=False)
    assert _try(desk.username, PASSWORD).status_code == 302


def test_a_clinic_of_twenty_who_mistype_twice_signs_in(clinician: User) -> None:
    # Beside whom one has forgotten theirs.
    for name in [*(f"colleague {number % 20}" for number in range(40)), *["another"] * 5]:
        assert fail_sign_in(name, "127.0.0.1")
    assert not fail_sign_in("another", "127.0.0.1")
    assert _try(clinician.username, PASSWORD).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_twelve_names_at_once_are_told_no_more_than_one_by_one(
    clinician: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enthesis.clinic.actions.sign_in.NETWORK_FAILURES_ALLOWED", 5)
    looked, told = threading.Barrier(12, timeout=60), list[str]()

    def at_the_same_time(request: Any, username: str, password: str) -> None:
        looked.wait()

    monkeypatch.setattr("enthesis.clinic.pages.sign_in.authenticate", at_the_same_time)

    def guess(name: str) -> None:
        told.append(_words(_try(name, "wrong")))

    names = [clinician.username, *(f"invented {number}" for number in range(11))]
    assert at_once([partial(guess, name) for name in names]) == [None] * 12
    assert sum(WRONG in words for words in told) == 5
    assert sum(THROTTLED in words for words in told) == 7
    assert AuditEvent.objects.filter(action="fail_sign_in").count() == 5


def test_who_has_many_addresses_of_one_network_has_no_more_tries(clinician: User) -> None:
    for last in range(5):
        assert WRONG in _words(
            _try(clinician.username, "wrong", REMOTE_ADDR=f"2001:db8:0:7::{last}")
        )
    held = _try(clinician.username, PASSWORD, REMOTE_ADDR="2001:db8:0:7:1:2:3:4")
    assert THROTTLED in _words(held)
    elsewhere = _try(clinician.username, PASSWORD, REMOTE_ADDR="2001:db8:0:8::1")
    assert elsewhere.status_code == 302


def test_wrong_passkeys_do_not_fill_the_trail(client: Client, clinician: User) -> None:
    for _ in range(8):
        answer = client.post("/sign-in/passkey/", "{}", content_type="application/json")
        assert answer.status_code == 422
    assert AuditEvent.objects.filter(action="fail_sign_in").count() == 5


def test_a_form_where_a_passkey_is_asked_for_is_no_fault_of_ours(db: None) -> None:
    client = Client(enforce_csrf_checks=True)
    fields = {"csrfmiddlewaretoken": str(client.get("/sign-in/").context["csrf_token"])}
    answer = client.post("/sign-in/passkey/", fields)
    assert answer.status_code == 422 and "not known here" in answer.json()["error"]


def test_a_fresh_quarter_of_an_hour_lets_in_again(clinician: User, time_machine) -> None:
    time_machine.move_to("2026-11-23 12:00Z")
    for _ in range(5):
        _try(clinician.username, "wrong")
    time_machine.move_to("2026-11-23 12:16Z")
    assert _try(clinician.username, PASSWORD).status_code == 302


def test_signing_out_kills_the_session_on_the_server(clinician: User) -> None:
    client = Client()
    _try(clinician.username, PASSWORD, client=client)
    stolen = client.cookies["sessionid"].value
    client.post("/sign-out/")
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert thief.get("/")["Location"] == "/sign-in/?next=/"


def test_signing_in_changes_the_session_key_and_the_old_one_is_dead(
    clinician: User, desk: User
) -> None:
    client, keys = Client(), []
    # As another, and again as oneself, as a page asks for before something is changed.
    for user in (desk, clinician, clinician):
        _try(user.username, PASSWORD, client=client)
        keys.append(client.cookies["sessionid"].value)
    assert len(set(keys)) == 3
    for key, status in zip(keys, (302, 302, 200), strict=True):
        old = Client()
        old.cookies["sessionid"] = key
        assert old.get("/").status_code == status


def test_an_idle_screen_is_signed_out(clinician: User, time_machine) -> None:
    time_machine.move_to("2026-11-23 12:00Z", tick=False)
    client = Client()
    _try(clinician.username, PASSWORD, client=client)
    for minute, expected in [(14, 200), (28, 200), (44, 302)]:
        time_machine.move_to(f"2026-11-23 {12 + minute // 60}:{minute % 60:02}Z", tick=False)
        assert client.get("/").status_code == expected


def test_a_deactivated_user_is_out_at_once(clinician: User) -> None:
    client = Client()
    _try(clinician.username, PASSWORD, client=client)
    User.objects.filter(pk=clinician.pk).update(is_active=False)
    assert client.get("/").status_code == 302
