"""Consent: read, signed, kept as a paper with its hash, out of date, withdrawn."""

import hashlib
import re
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from enthesis.clinic import consents, models
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import consent as actions
from enthesis.clinic.actions.treat import Draft, sign_session, start_session
from enthesis.clinic.consents import State
from enthesis.knowledge.load import knowledge
from tests.clinic import evaluated
from tests.clinic_fixtures import TODAY, patients_phone

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fixed(on_a_fixed_day: None) -> None:
    """On the morning of TODAY."""


@pytest.fixture
def quick_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing takes a second: only tests that are about the paper print it."""
    monkeypatch.setattr(actions, "pdf_of", lambda html, variant: f"%PDF {html}".encode())


@pytest.fixture
def course(
    make_course: Callable[..., models.Course],
    clinician: models.User,
    client_for: Callable[[models.User], Client],
) -> models.Course:
    """Agreed today, and nothing signed yet."""
    made = make_course()
    evaluated.plan(client_for(clinician), made, clinician, TODAY, consented=False)
    return made


def link_to(course: models.Course) -> str:
    """The address of a new link."""
    assert course.clinician is not None
    _, token = actions.make_consent_link(course.clinician, course.pk)
    return f"/consent/{token}/"


def sign(course: models.Course, name: str = "Marta Lindqvist") -> models.Consent:
    """Signed by the action, at a link of its own."""
    assert course.clinician is not None
    link, _ = actions.make_consent_link(course.clinician, course.pk)
    told = consents.text_for(course, TODAY, "en")
    assert told is not None
    ticked = [id for id, _ in told.statements]
    return actions.sign_consent(link.pk, actions.Signature(name, ticked, "en", told.versions))


def inflated(pdf: bytes) -> bytes:
    """Everything in a PDF that is packed with deflate."""
    found = b""
    for packed in re.findall(rb"stream\n(.*?)\nendstream", pdf, re.S):
        with suppress(zlib.error):
            found += zlib.decompress(packed)
    return found


def filled_in(client: Client, url: str, **changed: Any) -> dict[str, Any]:
    """What the page would send with every box ticked and a name; the birth date is told first."""
    client.cookies.update(patients_phone(url).cookies)
    form = client.get(url).context["form"]
    data = {name: "on" for name in form.fields if name.startswith("tick-")}
    return data | {"read": form.initial["read"], "name": "Marta Lindqvist"} | changed


@pytest.mark.usefixtures("quick_paper")
def test_a_patient_reads_signs_and_takes_it_back_at_one_link(
    course: models.Course, clinician: models.User, client: Client
) -> None:
    url = link_to(course)
    data = filled_in(client, url)
    page = client.get(url).content.decode()
    assert "46 of 100" in page and "Infection" in page and "off-label" in page
    assert 'href="tel:5550100"' in page and "0.2\u00a0%" in page, "numbers stay in one piece"
    assert not consents.consent_in_force(course)
    assert client.post(url, data).status_code == 302
    assert consents.consent_in_force(course)
    assert "You have signed" in client.get(url).content.decode()
    assert client.get(f"{url}paper/")["Content-Type"] == "application/pdf"
    assert Client().get(f"{url}paper/")["Location"] == url, "who was not asked for the birth date"
    assert start_session(clinician, course.pk, TODAY).number == 1
    with time_machine.travel(timezone.now() + timedelta(days=200), tick=False):
        client = patients_phone(url)
        assert client.post(url, {"withdraw": "1"}).status_code == 302
        assert "You have taken back your consent" in client.get(url).content.decode()
    assert consents.standing(course, TODAY).state is State.WITHDRAWN
    assert [c.fact for c in course.consents.all()] == ["signed", "withdrawn"]
    said = models.AuditEvent.objects.filter(patient=course.patient, actor="patient")
    assert [event.action for event in said if event.record == "consent"] == [
        "sign_consent",
        "withdraw_consent",
    ]


def test_without_a_signed_consent_there_is_no_first_needle(
    course: models.Course, clinician: models.User, client_for: Callable[[models.User], Client]
) -> None:
    with pytest.raises(Refused, match="No consent is signed yet"):
        start_session(clinician, course.pk, TODAY)
    evaluated_page = client_for(clinician).get(f"/courses/{course.pk}/").content.decode()
    assert f"/courses/{course.pk}/consent/" in evaluated_page


def test_a_plan_agreed_before_there_was_a_consent_goes_on_with_its_agreement(
    course: models.Course, clinician: models.User
) -> None:
    course.plans.update(needs_consent=False)
    assert start_session(clinician, course.pk, TODAY).number == 1


def test_a_withdrawn_consent_stops_the_draft_too_and_shows_in_the_banner(
    course: models.Course, clinician: models.User, client_for: Callable[[models.User], Client]
) -> None:
    evaluated.consent(course)
    session = start_session(clinician, course.pk, TODAY)
    desk_page = client_for(clinician)
    assert desk_page.post(f"/courses/{course.pk}/consent/", {"withdraw": "1"}).status_code == 302
    assert "Consent was withdrawn on 23 Nov 2026" in consents.why_no_needle(course, TODAY)
    assert consents.why_no_needle(course, TODAY - timedelta(days=1)).startswith("No consent")
    with pytest.raises(Refused, match="Consent was withdrawn"):
        sign_session(clinician, session.pk, Draft(TODAY, (), (), None, {}, ""), TODAY, None)
    assert "Consent withdrawn" in desk_page.get(f"/courses/{course.pk}/").content.decode()
    assert "Consent withdrawn" in desk_page.get(f"/patients/{course.patient_id}/").content.decode()


def test_a_corrected_number_puts_a_signed_consent_out_of_date_and_names_what_changed(
    course: models.Course,
    clinician: models.User,
    client_for: Callable[[models.User], Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluated.consent(course)
    assert consents.standing(course, TODAY).state is State.IN_FORCE
    first = consents.evidence_on("low_back", knowledge(TODAY))
    assert first is not None
    question = first.questions[0]
    moved = replace(question.told[0], estimate=question.told[0].estimate + 1)
    told = (replace(question, told=(moved, *question.told[1:])), *first.questions[1:])
    corrected = replace(first, questions=told)
    monkeypatch.setattr(consents, "evidence_on", lambda condition, known: corrected)
    standing = consents.standing(course, TODAY)
    assert (standing.state, standing.changed) == (State.OUT_OF_DATE, ("What trials found",))
    page = client_for(clinician).get(f"/courses/{course.pk}/").content.decode()
    assert "Consent out of date" in page and "What trials found" in page
    assert consents.consent_in_force(course)


def test_another_price_is_another_consent_and_a_new_plan_needs_a_new_one(
    course: models.Course, clinician: models.User
) -> None:
    evaluated.consent(course)
    plan = course.plans.get()
    plan.pk, plan.content["price_per_session"] = None, {"amount": "300", "currency": "USD"}
    plan.save()
    changed = consents.standing(course, TODAY).changed
    assert changed == ("What is planned for you", "What it costs")
    with pytest.raises(Refused, match="of another plan"):
        start_session(clinician, course.pk, TODAY)


def test_the_paper_is_tagged_pdf_a_and_its_hash_is_that_of_what_is_handed_out(
    course: models.Course, clinician: models.User, client_for: Callable[[models.User], Client]
) -> None:
    row = sign(course, "Márta Lindqvist-Ñandú")
    pdf = bytes(models.Consent.objects.get(pk=row.pk).pdf)
    assert hashlib.sha256(pdf).hexdigest() == row.pdf_sha256
    held = inflated(pdf)
    assert b'pdfaid:part="2" pdfaid:conformance="A"' in held
    assert b"/Marked true" in held and b"/Lang (en)" in held
    client = client_for(clinician)
    given = client.get(f"/consents/{row.pk}/paper/")
    assert given.content == pdf and given["Content-Type"] == "application/pdf"
    models.Consent.objects.filter(pk=row.pk).update(pdf=pdf + b" ")
    assert client.get(f"/consents/{row.pk}/paper/").status_code == 409


@pytest.mark.alike
@pytest.mark.usefixtures("quick_paper")
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": " "}, "Write your name."),
        ({"tick-risks": ""}, "Tick this to sign."),
        ({"read": "numbers=0"}, "This text has changed since you opened it."),
    ],
)
def test_what_is_missing_is_said_and_what_was_typed_stays(
    changed: dict[str, str], words: str, course: models.Course, client: Client
) -> None:
    url = link_to(course)
    refused = client.post(url, filled_in(client, url, **changed))
    assert refused.status_code == 422
    page = refused.content.decode()
    assert words in page
    assert "Marta Lindqvist" in page or "name" in changed
    assert not course.consents.exists()


def test_a_name_that_cannot_be_printed_is_refused_with_what_to_do(course: models.Course) -> None:
    with pytest.raises(Refused, match="Latin, Greek or Cyrillic"):
        sign(course, "林美")
    assert not course.consents.exists()


def test_a_link_that_was_tampered_with_replaced_or_left_to_expire_opens_nothing(
    course: models.Course, client: Client
) -> None:
    first = link_to(course)
    second = link_to(course)
    for url in (first, f"{second[:-2]}x/", f"{second}fr/", f"{second}paper/"):
        assert client.get(url).status_code == 404
    data = filled_in(client, second)
    assert client.post(first, data).status_code == 404
    with time_machine.travel(timezone.now() + timedelta(days=15), tick=False):
        assert client.post(second, data).status_code == 404
    assert not course.consents.exists()


@pytest.mark.usefixtures("quick_paper")
def test_it_is_read_and_signed_in_spanish(course: models.Course, client: Client) -> None:
    url = f"{link_to(course)}es/"
    data = filled_in(client, url)
    assert "dolor lumbar" in client.get(url).content.decode()
    assert client.post(url, data).status_code == 302
    assert course.consents.get().content["language"] == "es"
    assert consents.standing(course, TODAY).state is State.IN_FORCE
    assert "Usted ha firmado" in client.get(url).content.decode()


@pytest.mark.usefixtures("quick_paper")
def test_signing_twice_keeps_one_paper(course: models.Course) -> None:
    row = sign(course)
    assert row.link is not None
    again = actions.sign_consent(row.link.pk, actions.Signature("Other", (), "en", {}))
    assert again.pk == row.pk and course.consents.count() == 1


@pytest.mark.django_db(transaction=True)
def test_nobody_who_writes_waits_while_the_paper_is_printed(
    course: models.Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was changed meanwhile is not signed."""

    def withdraw_the_plan(html: str, variant: str) -> bytes:
        assert not connection.in_atomic_block
        models.Plan.objects.filter(course=course).update(agreed_on=None)
        return b"%PDF"

    monkeypatch.setattr(actions, "pdf_of", withdraw_the_plan)
    with pytest.raises(Refused):
        sign(course)
    assert not course.consents.exists()
