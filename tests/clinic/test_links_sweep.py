"""Each kind of personal link: nothing else opens with it, and nothing that is like it opens."""

import logging
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client
from django.urls import Resolver404, resolve, reverse

from enthesis.clinic import enquiries, models
from enthesis.clinic.actions import answer, calendar_feed, consent, outbox
from enthesis.clinic.actions.estimate import make_estimate_link
from enthesis.clinic.errors import HideLinks
from tests.clinic.everywhere import *  # noqa: F403
from tests.clinic.everywhere import (
    EVERY,
    NOW,
    OPENS,
    PAGES,
    Site,
    address,
    every_url,
    share,
    undone,
)
from tests.clinic.test_sweeps import tables

pytestmark = pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")
# The pages that a link of each kind opens; of a consent also the paper once it is signed.
OWN = {
    "answers": {"answer", "answer_in"},
    "sheet": {"answer", "answer_in", "own_calendar"},
    "statement": {"answer", "answer_in"},
    "consent": {"sign_consent", "sign_consent_in"},
    "estimate": {"read_estimate", "read_estimate_in", "read_estimate_paper"},
    "feed": {"read_calendar_feed"},
    "stop": {"stop"},
    "asked": {"asked"},
}
# New each time: the token against forged forms, the key of the form, the proof that it was opened.
FRESH = re.compile(r'(name="(?:csrfmiddlewaretoken|request_key|proof)" value=")[^"]*')


def said(client: Client, path: str) -> tuple[int, str, str]:
    """Status, where it leads and what it says, but for what is new each time."""
    response = client.get(path)
    is_stream = response.streaming or "zip" in response.get("Content-Type", "")
    body = "" if is_stream else FRESH.sub(r"\1", response.content.decode(errors="replace"))
    return response.status_code, response.get("Location", ""), body


def holder(site: Site, kinds: list[str]) -> Client:
    """A browser that opened these links, sent their forms and kept whatever cookie they gave."""
    client = Client()
    for kind in kinds:
        path = reverse(OPENS[kind], args=[site.links[kind]])
        assert client.get(path).status_code == 200
        with undone():
            client.post(path, {"screen": "danger", "danger": "none", "name": "M", "speak": "1"})
    return client


@pytest.mark.parametrize("kind", [*OPENS, "all"] if EVERY == 1 else ["all"])
def test_who_holds_a_link_opens_every_other_page_no_further_than_who_holds_none(
    kind: str, site: Site
) -> None:
    client, nobody = holder(site, list(OPENS) if kind == "all" else [kind]), Client()
    count = 0
    for page in share(list(every_url()), 1 if EVERY == 1 else 8):
        ids = site.ids | {"token": "no-such-token", "rest": "no-such-token/x"}
        path, is_staff = address(page, ids), PAGES[str(page.name)].roles is not None
        status, leads, body = said(client, path)
        if is_staff:
            assert (status, leads[:15]) == (302, "/sign-in/?next="), (kind, path, status)
            assert client.post(path, {}).status_code == 302, (kind, path)
        else:
            assert (status, leads, body) == said(nobody, path), (kind, path)
        count += 1
    assert count > 150 or EVERY > 1


def test_a_link_that_was_made_again_has_ended(site: Site) -> None:
    course, planned, by = (site.ids["course_id"], site.ids["planned_id"], site.users["clinician"])
    again: dict[str, Callable[[], Any]] = {
        "answers": lambda: answer.make_link(by, course, "recheck", NOW.date()),
        "sheet": lambda: answer.make_sheet_link(by, course),
        "statement": lambda: answer.make_statement_link(by, course),
        "consent": lambda: consent.make_consent_link(by, planned),
        "estimate": lambda: make_estimate_link(by, site.ids["estimate_id"]),
        "feed": lambda: calendar_feed.make_feed(by, "initials", True),
    }
    assert again.keys() == OPENS.keys() - {"stop", "asked"}, "which hold for ever, and show nothing"
    for kind, make in again.items():
        path = reverse(OPENS[kind], args=[site.links[kind]])
        assert Client().get(path).status_code == 200, kind
        make()
        dead = Client().get(path)
        assert (dead.status_code, dead.content) == expired(site, kind), kind


def test_a_link_opens_no_page_of_another_kind(site: Site) -> None:
    tried = 0
    for page in every_url():
        if "token" not in page.pattern.converters:
            continue
        dead = said(Client(), address(page, site.ids | {"token": "no-such-token"}))
        assert dead[0] == 404
        for kind, token in site.links.items():
            told = said(Client(), address(page, site.ids | {"token": token}))
            tried += 1
            if page.name in OWN[kind]:
                assert told[0] in (200, 302), (kind, page.name)
            else:
                assert told == dead, (kind, page.name)
    assert tried >= 8 * len(OPENS)


def test_no_secret_of_a_link_is_kept_anywhere_or_stays_in_a_line_of_the_log(site: Site) -> None:
    kept = repr(tables())
    for kind, token in site.links.items():
        # Those that are signed are made anew from a number each time; nothing of them is kept.
        assert token not in kept, kind
    for page in every_url():
        if "token" in page.pattern.converters:
            path = address(page, site.ids | {"token": "s3cret-of-a-patient"})
            line = logging.LogRecord("django", logging.ERROR, "", 0, "Not Found: %s", (path,), None)
            assert HideLinks().filter(line)
            assert "s3cret" not in line.getMessage(), page.name


def expired(site: Site, kind: str) -> tuple[int, bytes]:
    """What a link of this kind says when its time is over, or it was taken back."""
    over = {"expires_at": NOW - timedelta(days=1)}
    with undone():
        models.AnswerLink.objects.update(**over)
        models.ConsentLink.objects.update(**over)
        models.EstimateLink.objects.update(**over)
        models.CalendarFeed.objects.update(revoked_at=NOW)
        token = site.links[kind]
        if kind in ("stop", "asked"):  # These hold for ever: somebody else's, with this signature.
            token = "999999-" + token.partition("-")[2]
        response = Client().get(reverse(OPENS[kind], args=[token]))
    assert response.status_code == 404
    return response.status_code, response.content


def changed(token: str) -> list[str]:
    """One like it: another letter at each place, of this alphabet and of others, one letter fewer
    or more at each place, cut at each place, grown."""
    found = []
    for n, letter in enumerate(token):
        swapped = letter.swapcase() if letter.isalpha() else ":" if letter == "-" else "A"
        nearby = chr(ord(letter) + 1)
        for other in (swapped, nearby, ":", "\u0430", "\uff21", "\u0301", "%"):
            found.append(token[:n] + other + token[n + 1 :])
        found += [token[:n] + token[n + 1 :], token[:n] + letter + token[n:], token[:n] or "x"]
    found += [token + end for end in ("A", "=", "==", "\0", " ", "\n", ":", "\u200b", token)]
    found += [" " + token, "\ufeff" + token, token.upper(), token.lower(), token[::-1]]
    return [one for one in dict.fromkeys(found) if one != token and "/" not in one]


@pytest.mark.parametrize("kind", OPENS)
def test_a_link_changed_anywhere_says_what_an_expired_one_says(kind: str, site: Site) -> None:
    status, body = expired(site, kind)
    client = Client()
    some = share(changed(site.links[kind]), 1 if EVERY == 1 else 25)
    for token in some:
        path = reverse(OPENS[kind], args=[token])
        if resolve_name(path) != OPENS[kind]:
            continue  # A line end is no part of any address: the server's own page says so.
        response = client.get(path)
        assert (response.status_code, response.content) == (status, body), (kind, token)
        if EVERY == 1:
            answer = client.post(path, {"danger": "none", "name": "M", "undo": "1"})
            assert answer.status_code in (404, 405), (kind, token)
    assert EVERY > 1 or len(some) > 400


def resolve_name(path: str) -> Any:
    """Which page has the address, once it is read as a server reads it."""
    try:
        return resolve(unquote(path)).url_name
    except Resolver404:
        return None


def test_a_signed_link_opens_in_one_spelling_only(site: Site) -> None:
    patient = models.Patient.objects.get(pk=site.ids["patient_id"])
    asked = models.Enquiry.objects.get(pk=site.ids["enquiry_id"])
    # A signature with a hyphen of its own would hide it.
    while outbox.stop_token(patient).count("-") > 1:
        patient.pk, patient.number = None, patient.number + 1000
        patient.save()
    while enquiries.own_token(asked).count("-") > 1:
        asked.pk, asked.proof = None, asked.proof + "x"
        asked.save()
    for page, token in (
        ("stop", outbox.stop_token(patient)),
        ("asked", enquiries.own_token(asked)),
    ):
        assert Client().get(reverse(page, args=[token])).status_code == 200
        other = reverse(page, args=[token.replace("-", ":")])
        assert Client().get(other).status_code == 404
