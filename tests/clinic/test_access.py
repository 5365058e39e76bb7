"""Every address × every role: one table. A new address without a row here fails."""

import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse

from enthesis import records
from enthesis.clinic import image_files, models, store
from enthesis.clinic.actions.estimate import make_estimate
from enthesis.clinic.actions.protocols import copy_protocol
from enthesis.clinic.actions.superbill import make_superbill
from enthesis.clinic.estimates import Choice
from enthesis.clinic.models import Role
from enthesis.clinic.permissions import ADMIN, ANSWERABLE, CLINICAL, DESK, STAFF
from enthesis.exchange.course_json import write_course
from enthesis.outcomes.disclosure import packed
from enthesis.shape import plain
from tests.clinic.files import png
from tests.clinic.treated import agree_plan

# Ibis calls DuckDB by a name that DuckDB is giving up.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")
PUBLIC = None
# Name of the page → who may open it. Written down twice (here and in the pages) on purpose: a
# change of who may see what must be meant.
ACCESS: dict[str, frozenset[Role] | None] = {
    "sign_in": PUBLIC,
    "sign_out": PUBLIC,
    "second_step": PUBLIC,
    "begin_passkey_sign_in": PUBLIC,
    "passkey_sign_in": PUBLIC,
    "second_factor": STAFF,
    "add_app": STAFF,
    "begin_passkey": STAFF,
    "add_passkey": STAFF,
    "recovery_codes": STAFF,
    "remove_factor": STAFF,
    "change_own_password": STAFF,
    "end_own_sessions": STAFF,
    "sign_out_everywhere": STAFF,
    "today": STAFF,
    "patients": STAFF,
    "add_patient": DESK,
    "patient": STAFF,
    "who_looked": STAFF,
    "edit_patient": DESK,
    "whole_record": CLINICAL,
    "record_pdf": CLINICAL,
    "record_zip": CLINICAL,
    "erase_patient": ADMIN,
    "add_weight": DESK,
    "add_course": DESK,
    "book_appointment": DESK,
    "move_appointment": DESK,
    "cancel_appointment": DESK,
    "miss_appointment": DESK,
    "book_series": DESK,
    "move_series": DESK,
    "cancel_series": DESK,
    "calendar": STAFF,
    "course_calendar": DESK,
    "own_calendar": PUBLIC,
    "calendar_feed": DESK,
    "revoke_calendar_feed": DESK,
    "read_calendar_feed": PUBLIC,
    "rooms": ADMIN,
    "settings_take_out": ADMIN,
    "use_room": ADMIN,
    "evaluate": CLINICAL,
    "plan": CLINICAL,
    "agree_plan": CLINICAL,
    "consent": DESK,
    "consent_paper": CLINICAL,
    "sign_consent": PUBLIC,
    "signed_paper": PUBLIC,
    "sign_consent_in": PUBLIC,
    "choose": PUBLIC,
    "choose_in": PUBLIC,
    "choose_condition": PUBLIC,
    "choose_condition_in": PUBLIC,
    "choose_summary": PUBLIC,
    "choose_summary_in": PUBLIC,
    "right_for_me": PUBLIC,
    "right_for_me_in": PUBLIC,
    "choose_values": PUBLIC,
    "choose_values_in": PUBLIC,
    "choose_know": PUBLIC,
    "choose_know_in": PUBLIC,
    "choose_sheet": PUBLIC,
    "choose_sheet_in": PUBLIC,
    "ask_clinic": PUBLIC,
    "ask_clinic_in": PUBLIC,
    "asked": PUBLIC,
    "enquiries": STAFF,
    "enquiry": STAFF,
    "publish_enquiry": ANSWERABLE,
    "give_aid": DESK,
    "told_before": ANSWERABLE,
    "protocols": ANSWERABLE,
    "copy_protocol": ANSWERABLE,
    "change_protocol": ANSWERABLE,
    "start_session": CLINICAL,
    "session": CLINICAL,
    "discard_session": CLINICAL,
    "amend_session": CLINICAL,
    "session_cautions": CLINICAL,
    "session_labels": CLINICAL,
    "session_images": CLINICAL,
    "image": CLINICAL,
    "remove_image": CLINICAL,
    "course_files": CLINICAL,
    "course_file": CLINICAL,
    "remove_course_file": CLINICAL,
    "referral_letter": CLINICAL,
    "time_out": CLINICAL,
    "course": DESK,
    "visit_summary": CLINICAL,
    "after_visit": CLINICAL,
    "add_adverse_event": CLINICAL,
    "adverse_event": CLINICAL,
    "adverse_events": CLINICAL,
    "decide": CLINICAL,
    "close_course": CLINICAL,
    "course_json": CLINICAL,
    "decision": CLINICAL,
    "rule": STAFF,
    "limits": STAFF,
    "forecasts": CLINICAL,
    "ask": DESK,
    "add_answers": DESK,
    "add_call": DESK,
    "add_typed_score": CLINICAL,
    "answers": CLINICAL,
    "calls": DESK,
    "record_call": DESK,
    "stop": PUBLIC,
    "answer": PUBLIC,
    "answer_in": PUBLIC,
    "mistyped_answer": PUBLIC,
    "outcomes": ANSWERABLE,
    "outcomes_csv": ANSWERABLE,
    "outcomes_quarter": ANSWERABLE,
    "packets": ADMIN,
    "packet_file": ADMIN,
    "publish_outcomes": ADMIN,
    "withdraw_outcomes": ADMIN,
    "results": PUBLIC,
    "results_csv": PUBLIC,
    "evidence": PUBLIC,
    "evidence_topic": PUBLIC,
    "evidence_csv": PUBLIC,
    "evidence_script": PUBLIC,
    "money": STAFF,
    "make_invoice": DESK,
    "invoice": STAFF,
    "pay": DESK,
    "course_money": STAFF,
    "deposit": DESK,
    "sell_series": DESK,
    "instalments": DESK,
    "deposit_back": DESK,
    "unused_back": DESK,
    "take_back": DESK,
    "credit": DESK,
    "refund": DESK,
    "use_deposit": DESK,
    "statement_link": DESK,
    "statement_paper": STAFF,
    "pay_by_card": PUBLIC,
    "card_paid": PUBLIC,
    "card_not_paid": PUBLIC,
    "card_message": PUBLIC,
    "card_problem": DESK,
    "close_day": DESK,
    "days": STAFF,
    "ledger_csv": STAFF,
    "invoice_paper": STAFF,
    "receipt_paper": STAFF,
    "estimate": DESK,
    "estimate_paper": DESK,
    "estimate_outcome": DESK,
    "read_estimate": PUBLIC,
    "read_estimate_paper": PUBLIC,
    "read_estimate_in": PUBLIC,
    "superbill": DESK,
    "superbill_paper": DESK,
    "stock": STAFF,
    "add_stock_product": STAFF,
    "stock_product": STAFF,
    "receive_stock": STAFF,
    "stock_lot": STAFF,
    "put_back_stock": CLINICAL,
    "recall_lot": ANSWERABLE,
    "recall_lot_csv": ANSWERABLE,
    "settings": ADMIN,
    "settings_health": ADMIN,
    "health": PUBLIC,
    "prices": ADMIN,
    "ceilings": ADMIN,
    "api_tokens": ADMIN,
    "revoke_token": ADMIN,
    "fhir_base": PUBLIC,
    "fhir_root": PUBLIC,
    "fhir": PUBLIC,
    "import_sheet": ADMIN,
    "add_user": ADMIN,
    "change_user": ADMIN,
    "give_user_password": ADMIN,
    "reset_user_factors": ADMIN,
    "end_user_sessions": ADMIN,
}


VERDICT = records.Verdict(
    records.NextStep.GO_ON, "Go on", (), False, None, None, None, None,
    date(2026, 11, 9), date(2026, 11, 9),
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_printing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paper takes a second a time, and is no question of access."""
    monkeypatch.setattr("enthesis.outcomes.paper.report_pdf", lambda report: b"%PDF")
    monkeypatch.setattr("enthesis.outcomes.paper.pdf_of", lambda html: b"%PDF")


def pages(within: Any = None) -> Iterator[URLPattern]:
    """Every page of the site."""
    for pattern in (within or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            yield from pages(pattern)
        else:
            yield pattern


def test_every_page_has_a_row_and_every_row_a_page() -> None:
    assert {p.name: getattr(p.callback, "roles", "no permission row") for p in pages()} == ACCESS


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


@pytest.mark.alike
def test_nobody_gets_in_without_signing_in(ids: dict[str, Any]) -> None:
    for page in pages():
        if ACCESS[str(page.name)] is PUBLIC:
            continue
        for method in ("get", "post"):
            response = getattr(Client(), method)(address(page, ids))
            assert response.status_code == 302, (page.name, method)
            assert response["Location"].startswith("/sign-in/?next="), (page.name, method)


def assert_safe(response: Any, name: str | None) -> None:
    """It carries the safety headers."""
    assert response["Cache-Control"] == "no-store", name
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy, name
    assert response["X-Content-Type-Options"] == "nosniff", name
    assert response["X-Frame-Options"] == "DENY", name


@pytest.mark.parametrize("role", list(Role))
def test_each_role_opens_its_pages_and_no_others_each_with_the_safety_headers(
    role: Role, ids: dict[str, Any], clinician: models.User, desk: models.User, admin: models.User
) -> None:
    user = next(u for u in (clinician, desk, admin) if u.role == role)
    client = Client(raise_request_exception=True)
    client.force_login(user)
    linked = set[tuple[str, str | None]]()
    for page in pages():
        roles = ACCESS[str(page.name)]
        response = client.get(address(page, ids))
        assert_safe(response, page.name)
        if roles is PUBLIC:
            continue
        status = response.status_code
        if status == 200 and not response.streaming:
            linked |= {(link, page.name) for link in links(response)}
        if role in roles:
            # 405: pages that only take a form; 302/404/409: not yet, or nothing there.
            assert status in (200, 302, 404, 405, 409), (page.name, role, status)
            assert status != 404 or "rule_id" in page.pattern.converters, (page.name, role)
        else:
            assert status == 403, (page.name, role, status)
    # Nobody is led to a page that is not there, or not for them.
    led = {(resolve(link).view_name, origin) for link, origin in linked}
    assert len(led) > 50
    assert not {one for one in led if role not in (ACCESS[one[0]] or STAFF)}


def links(response: Any) -> set[str]:
    """The addresses on a page that lead to pages of ours."""
    found = re.findall(r'<a [^>]*href="(/[^"#?]*)', response.content.decode(errors="replace"))
    return {html.unescape(link) for link in found}


@pytest.mark.parametrize("method", ["get", "post"])
def test_another_clinics_record_does_not_exist(
    method: str, ids: dict[str, Any], stranger: models.User, other_clinic: models.Clinic
) -> None:
    for page in pages():
        roles = ACCESS[str(page.name)]
        if roles is PUBLIC or not set(page.pattern.converters) - {"rule_id"}:
            continue
        client = Client()
        stranger.role = next(iter(sorted(roles)))
        stranger.save()
        client.force_login(stranger)
        response = getattr(client, method)(address(page, ids))
        assert response.status_code in (404, 405), (page.name, method, response.status_code)


def test_ids_of_any_size_are_answered_with_not_found(clinician: models.User) -> None:
    client = Client()
    client.force_login(clinician)
    for id in (0, 2**31, 2**63, 2**200):
        assert client.get(f"/patients/{id}/").status_code == 404
