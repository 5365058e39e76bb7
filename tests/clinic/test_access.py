"""Every address × every role: one table. A new address without a row here fails."""

import html
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, resolve, reverse
from docs.access import requests

from enthesis import records
from enthesis.clinic import image_files, models, store
from enthesis.clinic.access_table import table
from enthesis.clinic.actions.estimate import make_estimate
from enthesis.clinic.actions.protocols import copy_protocol
from enthesis.clinic.actions.superbill import make_superbill
from enthesis.clinic.estimates import Choice
from enthesis.clinic.models import Role
from enthesis.clinic.pages.images import SHUT_IN
from enthesis.clinic.permissions import every_url
from enthesis.clinic.who_can_see import patient_pages
from enthesis.exchange.course_json import write_course
from enthesis.outcomes.disclosure import packed
from enthesis.shape import plain
from tests.clinic.files import png
from tests.clinic.treated import agree_plan
from tests.clinic_fixtures import make_user

# Ibis calls DuckDB by a name that DuckDB is giving up.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")
PAGES = table().pages
EVERY = "ENTHESIS_EVERY" in os.environ
WALKED = [0]
"""Requests so far, over all tests of the sweep."""
BRINGS_UP_TO_DATE = {
    *("outcomes", "outcomes_csv", "outcomes_quarter", "packets", "publish_outcomes"),
}
"""They read every changed record into the registry, and show sums."""
WRITES = ("INSERT", "UPDATE", "DELETE")
STRANGE = {"rule_id", "section", "year", "number"}
"""Parts of addresses that name no record of a clinic."""

VERDICT = records.Verdict(
    records.NextStep.GO_ON, "Go on", (), False, None, None, None, None,
    date(2026, 11, 9), date(2026, 11, 9),
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_printing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paper takes a second a time, and is no question of access."""
    monkeypatch.setattr("enthesis.outcomes.paper.report_pdf", lambda report: b"%PDF")
    monkeypatch.setattr("enthesis.outcomes.paper.pdf_of", lambda html: b"%PDF")


@pytest.fixture
def users(
    clinic: models.Clinic, clinician: models.User, desk: models.User, admin: models.User
) -> dict[Role, models.User]:
    """One of each role."""
    new = {role: make_user(clinic, role.value, role) for role in (Role.RESEARCHER, Role.AUDITOR)}
    return {Role(user.role): user for user in (clinician, desk, admin)} | new


@pytest.fixture
def ids(
    make_course: Callable[..., models.Course],
    make_appointment: Callable[..., models.Appointment],
    clinician: models.User,
    desk: models.User,
) -> dict[str, Any]:
    """One record of every kind that an address names, all of the same clinic."""
    course = make_course()
    session = models.Session.objects.create(
        course=course, number=1, on=date(2026, 11, 2), mixtures=[], signed_by=clinician,
        signed_at=datetime(2026, 11, 2, 12, tzinfo=UTC),
    )  # fmt: skip
    invoice = models.Invoice.objects.create(
        clinic=clinician.clinic, number=1, course=course, session=session,
        issued_on=date(2026, 11, 2), due_on=date(2026, 11, 2), currency="USD",
    )  # fmt: skip
    models.InvoiceLine.objects.create(invoice=invoice, text="Session", code="M0076", amount=280)
    payment = models.LedgerEntry.objects.create(
        clinic=clinician.clinic, course=course, kind="payment", paper="receipt", number=2,
        invoice=invoice, amount=280, currency="USD", method="cash", on=date(2026, 11, 2),
        request_key="p",
    )  # fmt: skip
    superbill = make_superbill(desk, course.pk, (("M54.50", ""),))
    agree_plan(planned := make_course())
    estimate = make_estimate(desk, planned.pk, Choice(diagnoses=(("M54.50", ""),)))
    assessment = models.Assessment.objects.create(
        course=course, on=date(2026, 11, 9), occasion="after_session", questionnaire="six_signs",
        completed_at=datetime(2026, 11, 9, 12, tzinfo=UTC), answers={"pain": 4},
    )  # fmt: skip
    decision = models.Decision.objects.create(
        course=course, on=date(2026, 11, 9), suggested="go_on", decided="go_on",
        verdict=plain(VERDICT),
        inputs=json.loads(write_course(store.course_record(course))),
        inputs_sha256="0" * 64, by=clinician,
    )  # fmt: skip
    event = models.AdverseEvent.objects.create(
        course=course, session=session, kind="flare", onset_on=date(2026, 11, 9), grade=1,
        serious=False, outcome="goes_on", what_happened="sore", request_key="k", by=clinician,
    )  # fmt: skip
    known = store.known_for(clinician.clinic, date(2026, 11, 9))
    copied = replace(known.protocols["low_back_ligaments"], name="Ours")
    own = copy_protocol(clinician, "low_back_ligaments", copied, date(2026, 11, 9))
    appointment = make_appointment(course, datetime(2027, 1, 4, 15, tzinfo=UTC))
    product = models.StockProduct.objects.create(
        clinic=clinician.clinic, substance="water", vial_ml=10, low_vials=1
    )
    lot = models.StockLot.objects.create(
        product=product, number="W-1", key="w-1", expires_on=date(2027, 6, 30)
    )
    image = models.SessionImage.objects.create(
        session=session, name="a.png", content_type="image/png", size_bytes=len(png()),
        sha256=image_files.keep(png()), by=clinician,
    )  # fmt: skip
    return {
        "image_id": image.pk,
        "emergency_id": models.Emergency.objects.create(
            user=desk, patient=course.patient, reason="x", until=datetime(2026, 1, 1, tzinfo=UTC)
        ).pk,
        "file_id": models.CourseFile.objects.create(
            course=course,
            name="a.png",
            content_type="image/png",
            size_bytes=len(png()),
            sha256=image.sha256,
            by=clinician,
        ).pk,
        "product_id": product.pk,
        "lot_id": lot.pk,
        "patient_id": course.patient_id,
        "course_id": course.pk,
        "session_id": session.pk,
        "invoice_id": invoice.pk,
        "entry_id": models.LedgerEntry.objects.create(
            clinic=clinician.clinic,
            course=course,
            kind="series",
            on=date(2026, 11, 2),
            paper="receipt",
            number=1,
            amount=560,
            currency="USD",
            method="card",
            sessions=2,
            request_key="series",
            by=clinician,
        ).pk,
        "problem_id": models.CardProblem.objects.create(
            clinic=clinician.clinic, invoice=invoice, payment="cs_1", said="1 USD", why="Twice."
        ).pk,
        "payment_id": payment.pk,
        "estimate_id": estimate.pk,
        "superbill_id": superbill.pk,
        "appointment_id": appointment.pk,
        "room_id": models.Room.objects.create(clinic_id=clinician.clinic_id, name="Room 1").pk,
        "user_id": desk.pk,
        "token_id": models.ApiToken.objects.create(
            clinic=clinician.clinic,
            name="a",
            token_hash="0" * 64,
            scopes="user/*.rs",
            expires_at=datetime(2027, 1, 1, tzinfo=UTC),
            made_by=clinician,
        ).pk,
        "factor_id": models.SecondFactor.objects.create(user=desk, kind="app", secret=b"").pk,
        "assessment_id": assessment.pk,
        "decision_id": decision.pk,
        "consent_id": models.Consent.objects.create(
            course=course, fact="signed", name="M", pdf=b"", pdf_sha256="0" * 64
        ).pk,
        "event_id": event.pk,
        "enquiry_id": models.Enquiry.objects.create(
            clinic=clinician.clinic, language="en", question="How long?", proof="p"
        ).pk,
        "rule_id": "finish_target",
        "token": "no-such-token",
        "language": "es",
        "rest": "no-such-token/x",
        "question_id": "pain",
        "topic": "low_back",
        "condition": "low_back",
        "section": "flow",
        "year": 2026,
        "number": 4,
        "clinic_id": clinician.clinic_id,
        "protocol_id": own.key,
        "key": own.key,
        "packet_id": models.PacketRelease.objects.create(
            clinic=clinician.clinic,
            day=date(2026, 11, 9),
            threshold=11,
            content="{}",
            cells=packed([]),
        ).pk,
    }


def address(page: URLPattern, ids: dict[str, Any]) -> str:
    """The page's address, with a record of the clinic in the place of every parameter."""
    return reverse(str(page.name), kwargs={name: ids[name] for name in page.pattern.converters})


STAFF_PAGES = [page for page in every_url() if PAGES[str(page.name)].roles is not None]
PUBLIC_PAGES = [page for page in every_url() if PAGES[str(page.name)].roles is None]
METHODS = ("get", "post")


def asked(client: Client, method: str, page: URLPattern, ids: dict[str, Any]) -> Any:
    """The answer; whatever it wrote is undone, so that every page is asked of the same clinic."""
    signed_in = SimpleCookie(client.cookies.output(header="", sep=";"))
    with transaction.atomic():
        response = getattr(client, method)(address(page, ids))
        response.read = set(models.AccessEvent.objects.values_list("what", flat=True))
        transaction.set_rollback(True)
    client.cookies = signed_in
    WALKED[0] += 1
    return response


def refused(page: URLPattern, response: Any) -> bool:
    """Not for this role: 403, or from / to where the role begins."""
    if page.name == "today" and response.status_code == 302:
        return response["Location"] in ("/outcomes/research/", "/audit/")
    return bool(response.status_code == 403)


NOTHING_ELSE = {
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:",
    "font-src 'self'", "connect-src 'self'", "form-action 'self'", "frame-ancestors 'none'",
    "base-uri 'none'", "object-src 'none'",
}  # fmt: skip


def assert_safe(response: Any, name: str | None) -> None:
    """It carries the safety headers."""
    assert response["Cache-Control"] == "no-store", name
    policy = response["Content-Security-Policy"]
    assert policy == SHUT_IN or set(policy.split("; ")) == NOTHING_ELSE, (name, policy)
    assert response["X-Content-Type-Options"] == "nosniff", name
    assert response["X-Frame-Options"] == "DENY", name
    assert response["Referrer-Policy"] == "same-origin", name
    assert response["Cross-Origin-Opener-Policy"] == "same-origin", name


@pytest.mark.alike
def test_nobody_gets_in_without_signing_in(ids: dict[str, Any]) -> None:
    client = Client()
    for page in STAFF_PAGES:
        for method in METHODS:
            response = asked(client, method, page, ids)
            assert response.status_code == 302, (page.name, method)
            assert response["Location"].startswith("/sign-in/?next="), (page.name, method)


@pytest.mark.alike
def test_what_is_open_to_anyone_answers_safely(ids: dict[str, Any]) -> None:
    client = Client()
    for page in PUBLIC_PAGES:
        for method in METHODS:
            with CaptureQueriesContext(connection) as queries:
                response = asked(client, method, page, ids)
            assert_safe(response, page.name)
            assert response.status_code < 500, (page.name, method)
            if PAGES[str(page.name)].may == "see":
                wrote = [q["sql"] for q in queries if q["sql"].startswith(WRITES)]
                assert not wrote, (page.name, method, wrote)


@pytest.mark.parametrize("role", Role)
def test_each_role_opens_its_pages_and_no_others_each_with_the_safety_headers(
    role: Role, ids: dict[str, Any], users: dict[Role, models.User]
) -> None:
    """And who can see a patient, by the report, is who could in this walk. By default one role
    alone looks at each page that several may open, and one method is enough for a refusal."""
    reported = {row.name for row in patient_pages(role)}
    client = Client()
    client.force_login(users[role])
    linked = set[str]()
    for page in STAFF_PAGES:
        row = PAGES[str(page.name)]
        for method in METHODS:
            if role not in (row.roles or ()):
                if EVERY or (method == "post") == (row.may == "change"):
                    response = asked(client, method, page, ids)
                    assert refused(page, response), (page.name, method, response.status_code)
                    assert not response.read and page.name not in reported, page.name
            elif EVERY or (role == min(row.roles or ()) and (method == "get" or row.may == "see")):
                response = asked(client, method, page, ids)
                assert_safe(response, page.name)
                if response.status_code == 200 and not response.streaming:
                    linked |= links(response)
                brings = {page.name} & BRINGS_UP_TO_DATE
                assert response.read <= reported | brings, (
                    page.name,
                    "shows patients: its row says not",
                )
                assert page.name in reported or row.of not in table().of_patients
                status = response.status_code
                if method == "post" and row.may == "see":
                    assert status == 405, (page.name, status)
                else:
                    # 405: takes only a form, or none; 302/404/409/422: not yet, or nothing there.
                    assert status in (200, 302, 404, 405, 409, 422), (page.name, role, status)
                    named = STRANGE & set(page.pattern.converters) or row.of == "own account"
                    assert status != 404 or named, page.name
    # Nobody is led to a page that is not there, or not for them.
    # / leads everybody to where they begin.
    led = {resolve(link).view_name for link in linked} - {"today"}
    assert not {name for name in led if role not in (PAGES[name].roles or Role)}


def links(response: Any) -> set[str]:
    """The addresses on a page that lead to pages of ours."""
    found = re.findall(r'<a [^>]*href="(/[^"#?]*)', response.content.decode(errors="replace"))
    return {html.unescape(link) for link in found}


@pytest.mark.parametrize("role", Role)
def test_another_clinics_record_does_not_exist(
    role: Role, ids: dict[str, Any], stranger: models.User
) -> None:
    stranger.role = role
    stranger.save()
    client = Client()
    client.force_login(stranger)
    for page in STAFF_PAGES:
        allowed = role in (PAGES[str(page.name)].roles or ())
        named = set(page.pattern.converters) - STRANGE
        for method in METHODS:
            # Which role may come is asked of their own clinic; here, whose the record is.
            if not (allowed and named) and not EVERY:
                continue
            response = asked(client, method, page, ids)
            status = response.status_code
            if not allowed:
                assert refused(page, response), (page.name, method, status)
            elif named:
                assert status in (404, 405), (page.name, method, status)
            else:
                assert status not in (403, 500), (page.name, method, status)


@pytest.mark.skipif(not EVERY, reason="the whole sweep: ENTHESIS_EVERY=1")
def test_the_whole_sweep_asked_as_often_as_the_docs_say() -> None:
    assert WALKED[0] == requests()


def test_ids_of_any_size_are_answered_with_not_found(clinician: models.User) -> None:
    client = Client()
    client.force_login(clinician)
    for id in (0, 2**31, 2**63, 2**200):
        assert client.get(f"/patients/{id}/").status_code == 404
