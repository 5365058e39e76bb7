"""Every form that is sent twice writes once, and who edits what somebody else changed sees both."""

import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from enthesis.clinic import models, store
from enthesis.clinic.actions import ledger, pay
from enthesis.clinic.actions.plan import save_plan
from enthesis.clinic.actions.treat import start_session
from enthesis.clinic.models import Role, SentForm
from enthesis.clinic.writes import WRITES, Twice
from tests.clinic.evaluated import evaluate, plan, typed
from tests.clinic.files import png
from tests.clinic.test_access import ACCESS, PUBLIC, address, ids, no_printing, pages
from tests.clinic.treated import treated

__all__ = ["ids", "no_printing"]
TRAILS = {"AuditEvent", "AccessEvent", "Session", "SentForm", "ContentType", "Permission"}
"""What is written down of each request, of whoever sends it."""
EVERY = "ENTHESIS_EVERY" in os.environ
KEPT_HERE = ("deposit", "pay", "receive_stock", "stock_lot", "amend_session", "edit_patient", "ask")
"""Tried in each run; all of them with ENTHESIS_EVERY=1."""
PAGES = {str(one.name): one for one in pages()}


@pytest.fixture(autouse=True)
def noon(time_machine: Any) -> None:
    """Every test happens on 23 Nov 2026."""
    time_machine.move_to(datetime(2026, 11, 23, 17, tzinfo=UTC), tick=False)


class Fields(HTMLParser):
    """What a browser would send of each form of a page, as it stands."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[dict[str, Any]] = []
        self.inside, self.select, self.area = False, "", ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.inside = given.get("method", "").lower() == "post"
            if self.inside:
                self.forms.append({})
        if not self.inside:
            return
        name, form = given.get("name", ""), self.forms[-1]
        kind = given.get("type", "text")
        if tag == "input" and name and (kind not in ("checkbox", "radio") or "checked" in given):
            if kind not in ("submit", "file"):
                ticked = kind in ("checkbox", "radio")
                form.setdefault(name, []).append(given.get("value", "on" if ticked else ""))
        elif tag == "textarea":
            self.area = name
            form[name] = [""]
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select:
            if "selected" in given or self.select not in form:
                form[self.select] = [given.get("value", "")]

    def handle_data(self, data: str) -> None:
        if self.area and self.inside:
            self.forms[-1][self.area] = [(self.forms[-1][self.area][0] + data).strip()]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "select":
            self.select = ""
        elif tag == "textarea":
            self.area = ""


def rows() -> dict[str, list[dict[str, Any]]]:
    """Every row of every table but the trails."""
    kept = [one for one in apps.get_models() if one.__name__ not in TRAILS]
    return {one.__name__: list(one._default_manager.order_by("pk").values()) for one in kept}


@pytest.fixture
def sender(
    client_for: Callable[[models.User], Client],
    clinician: models.User,
    desk: models.User,
    admin: models.User,
) -> Callable[[str], Client]:
    """`sender(page)`: somebody whose role may open the page."""
    of = {Role.CLINICIAN: clinician, Role.FRONT_DESK: desk, Role.ADMINISTRATOR: admin}

    def client(name: str) -> Client:
        roles = ACCESS[name]
        assert roles is not PUBLIC
        return client_for(next(of[role] for role in of if role in roles))

    return client


DAY = "2026-11-23"
FLARE = {"kind": "flare", "onset_on": DAY, "grade": "2", "outcome": "recovered",
         "what_happened": "Sore"}  # fmt: skip
PASSWORD = "four yellow kayaks ashore"  # noqa: S105 (of tests only)
TYPED: dict[str, dict[str, Any]] = {
    "add_patient": {"family": "Okafor", "given": "Ike", "sex": "male"},
    "edit_patient": {"phone": "(555) 0199"},
    "add_weight": {"kg": "71"},
    "add_course": {"condition": "knee_oa", "side": "right", "complaint": "Stairs"},
    "book_appointment": {"on": "2027-02-01", "at": "10:00"},
    "move_appointment": {"on": "2027-02-02", "at": "11:00"},
    "cancel_appointment": {"version": "1"},
    "miss_appointment": {"version": "1"},
    "add_adverse_event": FLARE,
    "adverse_event": {"follow": "1", "follow-text": "Better", "follow-outcome": "recovered"},
    "add_answers": {"occasion": "recheck", "pain": "3"},
    "deposit": {"amount": "50", "method": "cash"},
    "sell_series": {"amount": "500", "sessions": "3", "method": "cash"},
    "instalments": {"amount": "100"},
    "pay": {"amount": "1", "method": "cash", "on": DAY},
    "deposit_back": {"amount": "10", "method": "cash", "reason": "Asked for it"},
    "use_deposit": {"amount": "10"},
    "take_back": {"reason": "It was in cash"},
    "refund": {"amount": "10", "method": "cash", "reason": "One place less"},
    "credit": {"amount": "10", "reason": "One place less"},
    "close_day": {"cash": "0", "card": "0", "transfer": "0", "note": "Not counted"},
    "superbill": {"codes": ["M54.50"]},
    "estimate": {"codes": ["M54.50"]},
    "prices": {"item": "session", "amount": "300", "included": "0"},
    "ceilings": {"substance": "procaine", "mg_per_kg": "5", "cap_mg": "400", "source": "Ours"},
    "amend_session": {"text": "Sore for a day"},
    "session_images": {"place": "", "image": "png"},
    "decide": {"decided": "go_on", "reason": "As the patient wishes"},
    "receive_stock": {"number": "W-2", "expires_on": "2027-06-30", "vials": "3"},
    "stock_lot": {"do": "count", "count-vials": "4", "count-reason": "found"},
    "stock_product": {"low_vials": "3"},
    "add_stock_product": {"substance": "water", "vial_ml": "20", "low_vials": "1"},
    "put_back_stock": {"vials": "1", "reason": "not opened"},
    "recall_lot": {"lot": "W-1", "reason": "By the maker"},
    "enquiry": {"answer": "About an hour."},
    "publish_enquiry": {"question": "How long?", "answer": "An hour."},
    "copy_protocol": {"name": "Ours too"},
    "change_protocol": {"name": "Ours, changed"},
    "card_problem": {"note": "Given back"},
    "evaluate": typed(pain_months="15"),
    "unused_back": {"reason": "The series ended"},
    "add_user": {"role": "front_desk", "display_name": "Rosa", "username": "rosa", "password": PASSWORD},
    "change_user": {"role": "clinician"},
    "api_tokens": {"name": "Scale"},
    "settings": {"phone": "(555) 0199"},
    "rooms": {"monday": "08:00-12:00", "version": "1"},
    "ask": {"occasion": "recheck"},
    "add_call": {"outcome": "No answer"},
    "record_call": {"result": "no_answer"},
    "add_typed_score": {"instrument": "ODI 2.1a", "score": "30", "lowest": "0", "highest": "100"},
    "erase_patient": {"asked": "By letter", "reason": "Granted", "number": "1001", "sure": "on"},
    "agree_plan": {"name": "Marta Lindqvist"},
    "close_course": {"version": "1"},
    "discard_session": {"version": "1"},
}
ELSEWHERE: dict[str, str] = {}
"""Pages that other tests send twice, and which."""


@pytest.fixture
def world(
    ids: dict[str, Any],
    make_course: Callable[..., models.Course],
    make_appointment: Callable[..., models.Appointment],
    client_for: Callable[[models.User], Client],
    clinician: models.User,
    desk: models.User,
    today: date,
) -> dict[str, dict[str, Any]]:
    """For each page the records that its address names, such that its form can be sent."""
    given = treated(make_course(), [7, 6, 5], clinician)
    first, second = given.sessions.all()
    bill = pay.make_invoice(desk, first.pk, today)
    ledger.take_deposit(desk, given.pk, Decimal(100), "cash", today, "deposit")
    ledger.credit_invoice(desk, ids["invoice_id"], Decimal(10), "Less", today, "credit")
    agreed = make_course()
    plan(client_for(clinician), agreed, clinician, today)
    begun = make_course()
    plan(client_for(clinician), begun, clinician, today)
    draft = start_session(clinician, begun.pk, today)
    to_agree = make_course()
    evaluate(client_for(clinician), to_agree)
    plan_row = save_plan(
        clinician, to_agree.pk, store.plan_record(agreed.plans.get()), today, None
    )
    missed = make_appointment(given, datetime(2026, 11, 20, 15, tzinfo=UTC))
    coming = make_appointment(given, datetime(2026, 12, 1, 15, tzinfo=UTC))
    asked = models.Enquiry.objects.create(
        clinic=desk.clinic, language="en", question="How long?", proof="q", email="a@b.example",
        name="Ann", may_publish=True,
    )  # fmt: skip
    shown = models.Enquiry.objects.create(
        clinic=desk.clinic, language="en", question="How long?", proof="r", email="a@b.example",
        name="Ann", may_publish=True,
    )  # fmt: skip
    models.EnquiryFact.objects.create(enquiry=shown, fact="answered", answer="An hour", by=desk)
    taken = models.StockMovement.objects
    for number, kind, vials, left in ((1, "received", 5, 5), (2, "used", -2, 3)):
        taken.create(lot_id=ids["lot_id"], number=number, kind=kind, vials=vials, left=left,
                     on=today, session=second if kind == "used" else None)  # fmt: skip
    of_given = {"course_id": given.pk}
    TYPED["cancel_series"] = {"cancel": f"{coming.pk} 1"}
    TYPED["move_series"] = {"move": f"{coming.pk} 1 2026-12-08T15:00:00+00:00"}
    other = {
        **dict.fromkeys(("deposit_back", "book_series", "move_series", "cancel_series"), of_given),
        **dict.fromkeys(("pay", "use_deposit"), {"invoice_id": bill.pk}),
        **dict.fromkeys(("make_invoice", "put_back_stock"), {"session_id": second.pk}),
        **dict.fromkeys(("evaluate", "plan", "start_session", "consent"), {"course_id": agreed.pk}),
        **dict.fromkeys(("estimate", "agree_plan"), {"course_id": to_agree.pk}),
        **dict.fromkeys(("discard_session", "session_images"), {"session_id": draft.pk}),
        "take_back": {"entry_id": ids["payment_id"]},
        "miss_appointment": {"appointment_id": missed.pk},
        "enquiry": {"enquiry_id": asked.pk},
        "publish_enquiry": {"enquiry_id": shown.pk},
    }
    assert plan_row.agreed_on is None
    return {name: ids | other.get(name, {}) for name in PAGES}


def sent(client: Client, name: str, at: str) -> dict[str, Any]:
    """The form of a page as a browser sends it, with what is typed."""
    typed = TYPED.get(name, {})
    page = client.get(at)
    if page.status_code != 200:
        return {"request_key": "k"} | typed
    forms = [form for form in Fields(page.content.decode()).forms if "request_key" in form]
    fields = {re.sub("^.*-", "", one) for one in typed}
    fit = [f for f in forms if {re.sub("^.*-", "", one) for one in f} & fields] or forms[-1:]
    return (fit[0] if fit else {"request_key": "k"}) | typed


@pytest.mark.parametrize("name", [n for n, w in WRITES.items() if ACCESS[n] is not PUBLIC])
def test_a_form_sent_twice_leaves_what_it_left_once(
    name: str, world: dict[str, dict[str, Any]], sender: Callable[[str], Client]
) -> None:
    client, at = sender(name), address(PAGES[name], world[name])
    form = sent(client, name, at)
    before = rows()
    first = client.post(at, form)
    once = rows()
    changed = {k: len(once[k]) - len(before[k]) for k in once if once[k] != before[k]}
    print("XX", name, WRITES[name].twice.name, first.status_code, first.get("Location", ""), changed)
    second = client.post(at, form)
    print("YY", name, second.status_code, {k for k, v in rows().items() if v != once[k]})
    if not changed and first.status_code == 422:
        print("EE", name, [dict(f.errors) for f in (first.context or {}).get("form", []) and [first.context["form"]]] , {k: v for k, v in form.items()})
