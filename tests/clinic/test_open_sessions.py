"""Where one is signed in, in plain words, and ending it: one, all others, or a colleague's."""

from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client

from enthesis.clinic import sender
from enthesis.clinic.actions.open_sessions import device_words
from enthesis.clinic.models import AuditEvent, User
from tests.clinic_fixtures import PASSWORD

OWN, END = "/sign-in/own/", "/sign-in/own/sessions/end/"
EDGE = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130 Safari/537.36 Edg/130"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605 Version/17 Safari/604"
)
pytestmark = [pytest.mark.django_db, pytest.mark.alike]


def sign_in(user: User, agent: str, address: str = "10.0.0.5") -> Client:
    """Through the real form, from a browser and an address of its own."""
    client = Client(headers={"user-agent": agent}, REMOTE_ADDR=address)
    sent = {"username": user.username, "password": PASSWORD}
    assert client.post("/sign-in/", sent).status_code == 302
    return client


def said(response: Any) -> str:
    return response.content.decode()


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (EDGE, "Edge on Windows"),
        (PHONE, "Safari on an iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Firefox/132.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/130 Mobile Safari/537", "Chrome on Android"),
        ("curl/8.5", "A browser on an unknown device"),
        ("<script>", "A browser on an unknown device"),
    ],
)
def test_a_browser_is_named_in_plain_words(agent: str, words: str) -> None:
    assert device_words(agent) == words


def test_one_sees_ones_own_sessions_and_ends_one_or_all_others(clinician: User, desk: User) -> None:
    here, phone, third = (sign_in(clinician, agent) for agent in (EDGE, PHONE, EDGE))
    other = sign_in(desk, EDGE, "10.0.0.9")
    page = here.get(OWN)
    assert "Safari on an iPhone" in said(page) and "From 10.0.0.5, since" in said(page)
    assert "10.0.0.9" not in said(page)
    assert not [one for one in page.context["sessions"] if one.key in said(page)]
    (wanted,) = (one.id for one in page.context["sessions"] if "iPhone" in one.device)
    assert "0 sessions ended" in said(here.post(END, {"only": "no-such"}, follow=True))
    assert "1 session ended" in said(here.post(END, {"only": wanted}, follow=True))
    assert phone.get("/").status_code == 302
    assert [one.get("/").status_code for one in (here, third, other)] == [200] * 3
    assert "1 session ended" in said(here.post(END, follow=True))
    assert [one.get("/").status_code for one in (here, third, other)] == [200, 302, 200]
    ended = AuditEvent.objects.filter(action="end_session").values_list("detail", flat=True)
    assert [one["device"] for one in ended] == ["Safari on an iPhone", "Edge on Windows"]


def test_what_is_over_is_not_listed_and_an_old_sign_in_ends_nothing(clinician: User) -> None:
    with time_machine.travel("2026-11-23 15:00Z", tick=False) as clock:
        idle, here = sign_in(clinician, PHONE), sign_in(clinician, EDGE)
        for minute in ("10", "20"):
            clock.move_to(f"2026-11-23 15:{minute}Z", tick=False)
            assert here.get("/").status_code == 200
        page = said(here.get(OWN))
        assert "iPhone" not in page and "Edge on Windows" in page
        assert "sign in again first" in said(here.post(END, follow=True))
        assert idle.get("/").status_code == 302


def test_an_administrator_ends_every_session_of_a_colleague_and_nobody_elses(
    admin: User, desk: User, stranger: User, client_for: Callable[[User], Client]
) -> None:
    theirs, next_door, boss = sign_in(desk, PHONE), client_for(stranger), client_for(admin)
    page = said(boss.get(f"/settings/users/{desk.pk}/"))
    assert "Safari on an iPhone" in page and "Sign out everywhere" in page
    assert boss.post(f"/settings/users/{desk.pk}/sign-out/").status_code == 302
    assert boss.post(f"/settings/users/{stranger.pk}/sign-out/").status_code == 404
    assert theirs.get("/").status_code == 302
    assert [one.get("/").status_code for one in (boss, next_door)] == [200, 200]
    assert "Signed in now" not in said(boss.get(f"/settings/users/{desk.pk}/"))
    assert AuditEvent.objects.get(action="end_sessions_of").record_id == desk.pk


def test_sessions_that_are_over_are_deleted_and_one_that_only_asks_is_soon_over(
    clinician: User,
) -> None:
    asking = "/sign-in/passkey/begin/"
    with time_machine.travel("2026-11-23 12:00Z", tick=False) as clock:
        for key in ("", "invented"):
            stranger = Client()
            if key:
                stranger.cookies["sessionid"] = key
            assert stranger.post(asking).status_code == 200
        browser = Client()
        browser.post(asking)
        browser.post("/sign-in/", {"username": clinician.username, "password": PASSWORD})
        assert Session.objects.count() == 3
        # Asked once more while signed in: the session of a day's work stays one.
        assert browser.post(asking).status_code == 200
        for moment, kept in (("12:04", 3), ("12:06", 1), ("23:59", 1), ("00:06", 0)):
            clock.move_to(f"2026-11-2{3 if kept else 4} {moment}Z", tick=False)
            sender.run_pass()
            assert Session.objects.count() == kept, moment
