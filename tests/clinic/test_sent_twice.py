"""Every form that is sent twice writes once, and who edits what somebody else changed sees both."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client

from enthesis import clinic
from enthesis.clinic import models, sending, store
from enthesis.clinic.access_table import Twice, table
from enthesis.clinic.actions import (
    BOOKS,
    FACTS,
    AppendOnlyError,
    EditConflict,
    Refused,
    judge,
    ledger,
    pay,
    save,
    settings,
)
from enthesis.clinic.actions.day_close import close_day
from enthesis.clinic.actions.plan import save_plan
from enthesis.clinic.actions.treat import start_session
from enthesis.clinic.models import AuditEvent, Role, SentForm
from enthesis.clinic.permissions import every_url
from enthesis.exchange.course_json import kept
from enthesis.journey.ledger import Method
from tests.clinic.at_once import at_once
from tests.clinic.evaluated import evaluate, plan, typed
from tests.clinic.files import png
from tests.clinic.test_access import address, ids, no_printing
from tests.clinic.treated import treated
from tests.clinic_fixtures import make_user

__all__ = ["ids", "no_printing"]
TRAILS = {"AuditEvent", "AccessEvent", "Session", "SentForm", "ContentType", "Permission"}
"""What is written down of each request, of whoever sends it."""
EVERY = "ENTHESIS_EVERY" in os.environ
EACH_RUN = {"deposit", "pay", "receive_stock", "make_invoice", "edit_patient", "ask", "stock_lot"}
"""Tried in each run; all of them with ENTHESIS_EVERY=1."""
PAGES = {str(one.name): one for one in every_url()}
ROWS = table().pages


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
        return client_for(next(of[role] for role in of if role in (ROWS[name].roles or ())))

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
    "session_images": {"place": "", "file": "a.png"},
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
    "add_user": {
        "role": "front_desk",
        "display_name": "Rosa",
        "username": "rosa",
        "password": PASSWORD,
    },
    "change_user": {"role": "clinician"},
    "api_tokens": {"name": "Scale"},
    "settings": {"phone": "(555) 0199"},
    "rooms": {"monday": "08:00-12:00", "version": "1"},
    "ask": {"occasion": "recheck"},
    "add_call": {"outcome": "No answer"},
    "record_call": {"result": "no_answer"},
    "add_typed_score": {
        "instrument": "ODI 2.1a",
        "score": "30",
        "lowest": "0",
        "highest": "100",
        "better": "lower",
    },
    "erase_patient": {"asked": "By letter", "reason": "Granted", "sure": "on"},
    "agree_plan": {"agreed_name": "Marta Lindqvist"},
    "close_course": {"version": "1"},
    "discard_session": {"version": "1"},
    "give_user_password": {"password": PASSWORD},
    "remove_course_file": {"because": "Another patient's"},
    "open_in_emergency": {"reason": "Fell from the couch"},
}
ELSEWHERE = {
    "packets": "needs a registry: test_packets",
    "publish_outcomes": "needs a registry: test_outcome_pages",
    "settings_take_out": "no row: test_export_page",
    "research": "a file of this moment: test_new_roles",
    "end_own_sessions": "there is none but this one: test_open_sessions",
    "import_sheet": "two steps: test_import_page",
    "book_series": "two steps: test_series",
    "session": "saved while it is typed: test_signing",
    "time_out": "test_before_needle",
    "session_cautions": "test_cautions",
    "remove_image": "test_images",
    "withdraw_outcomes": "test_outcome_pages",
    **dict.fromkeys(("add_app", "add_passkey", "remove_factor", "change_own_password"),
                    "test_second_factor"),
}  # fmt: skip
"""Signed-in pages that other tests send twice, and why not here."""
HERE = [
    name
    for name, row in ROWS.items()
    if row.roles and name not in ELSEWHERE and row.twice not in (None, Twice.LOOKS)
]


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
    proposed = store.plan_record(agreed.plans.get())
    save_plan(clinician, to_agree.pk, proposed, today, None)
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
    models.CalendarFeed.objects.create(user=clinician, token_hash="0" * 64, shows="number")
    taken = models.StockMovement.objects
    for number, kind, vials, left in ((1, "received", 5, 5), (2, "used", -2, 3)):
        taken.create(lot_id=ids["lot_id"], number=number, kind=kind, vials=vials, left=left,
                     on=today, session=second if kind == "used" else None)  # fmt: skip
    of_given = {"course_id": given.pk}
    TYPED["put_back_stock"]["lot"] = str(ids["lot_id"])
    TYPED["erase_patient"]["number"] = str(agreed.patient.number)
    TYPED["cancel_series"] = {"cancel": f"{coming.pk} 1"}
    TYPED["move_series"] = {"move": f"{coming.pk} 1 2026-12-08T15:00:00+00:00"}
    other = {
        **_each(of_given, "deposit_back", "book_series", "move_series", "cancel_series"),
        **_each({"invoice_id": bill.pk}, "pay", "use_deposit"),
        **_each({"session_id": second.pk}, "make_invoice", "put_back_stock"),
        **_each({"course_id": agreed.pk}, "evaluate", "plan", "start_session", "consent"),
        **_each({"course_id": to_agree.pk}, "estimate", "agree_plan"),
        **_each({"session_id": draft.pk}, "discard_session", "session_images"),
        "erase_patient": {"patient_id": agreed.patient_id},
        "take_back": {"entry_id": ids["payment_id"]},
        "miss_appointment": {"appointment_id": missed.pk},
        "enquiry": {"enquiry_id": asked.pk},
        "publish_enquiry": {"enquiry_id": shown.pk},
    }
    return {name: ids | other.get(name, {}) for name in PAGES}


def sent(client: Client, name: str, at: str) -> dict[str, Any]:
    """The form of a page as a browser sends it, with what is typed."""
    typed = TYPED.get(name, {})
    page = client.get(at)
    if page.status_code != 200:
        return {"request_key": "k"} | typed
    forms = [form for form in Fields(page.content.decode()).forms if "request_key" in form]
    fit = max(reversed(forms), key=lambda form: len(form.keys() & typed.keys()), default=None)
    return (fit or {"request_key": "k"}) | typed


def _each(where: dict[str, Any], *names: str) -> dict[str, dict[str, Any]]:
    return {name: where for name in names}


def post(client: Client, at: str, form: dict[str, Any]) -> Any:
    """Send it; a file is read anew each time."""
    file = {"file": SimpleUploadedFile("a.png", png(), "image/png")} if "file" in form else {}
    return client.post(at, form | file)


@contextmanager
def undone() -> Iterator[None]:
    """What one page wrote is gone for the next one: a world takes a second to make."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def problem(name: str, client: Client, at: str) -> str:
    """What is wrong with a page whose form is sent twice; empty where nothing is."""
    form, before, events = sent(client, name, at), rows(), AuditEvent.objects.count()
    first, once = post(client, at, form), rows()
    if once == before:
        return f"{name} wrote nothing: {first.status_code} {first.get('Location', '')}"
    if AuditEvent.objects.count() == events:
        return f"{name} wrote past the trail"
    again, twice = post(client, at, form), rows()
    if ROWS[name].twice is Twice.SAME:
        found = {kind for kind in once if len(once[kind]) != len(twice[kind])}
        return f"{name} made another {found}" if found else ""
    if found := {kind for kind in once if once[kind] != twice[kind]}:
        return f"{name} wrote twice: {found}"
    where = first.get("Location", "")
    fine = again.get("Location", "") == where if where else again.status_code == 409
    return "" if fine else f"{name} answered {again.status_code} {again.get('Location', '')}"


def test_a_form_sent_twice_leaves_what_it_left_once(
    world: dict[str, dict[str, Any]], sender: Callable[[str], Client]
) -> None:
    problems = []
    for name in HERE if EVERY else sorted(EACH_RUN):
        with undone():
            problems.append(problem(name, sender(name), address(PAGES[name], world[name])))
    assert [one for one in problems if one] == []


def test_of_two_colleagues_who_opened_the_same_the_second_changes_nothing(
    world: dict[str, dict[str, Any]], sender: Callable[[str], Client], client_for: Any
) -> None:
    """Of every page of which the table says so: somebody else sends what was true before."""
    edited, faults = [name for name in HERE if ROWS[name].twice is Twice.EDIT], []
    clinic_of_all = models.Clinic.objects.get(pk=models.User.objects.earliest("pk").clinic_id)
    for name in edited if EVERY else edited[:: len(edited) // 5]:
        role = next(role for role in Role if role in (ROWS[name].roles or ()))
        with undone():
            colleague = client_for(make_user(clinic_of_all, "colleague", role))
            at = address(PAGES[name], world[name])
            form, before = sent(sender(name), name, at), rows()
            first, once = post(sender(name), at, form), rows()
            again = post(colleague, at, form | {"request_key": "of the colleague"})
            wrote = {kind for kind, kept in rows().items() if kept != once[kind]}
            if once == before or wrote - {"SentForm"}:
                faults.append(f"{name}: {first.status_code}, then {again.status_code} {wrote}")
    assert not faults, "\n".join(faults)
    assert len(edited) > 15


@pytest.mark.alike
def test_a_page_takes_a_form_only_if_it_is_known_what_twice_does(ids: dict[str, Any]) -> None:
    """And no row is of a page that takes none."""
    client = Client()
    for name, page in PAGES.items():
        if ROWS[name].roles is None:
            status = client.post(address(page, ids)).status_code
            assert (status == 405) == (ROWS[name].twice is None), name


@pytest.mark.alike
def test_every_form_of_a_page_carries_its_key() -> None:
    """But for those of the decision aid, whose pages keep nothing and know no session."""
    folder = Path(clinic.__file__).parent / "templates"
    for path in folder.rglob("*.html"):
        text = whole = path.read_text()
        if 'method="post"' not in text or '"clinic/choose/shell.html"' in text:
            continue
        while above := re.match(r'{% extends "(.*?)" %}', text):
            text = (folder / above[1]).read_text()
            whole += text
        assert whole.count("{% csrf_token %}") >= whole.count('method="post"') - 1, path.name
        assert "{% csrf_token %}" in whole, path.name


EDITED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "edit_patient": ({"phone": "(555) 0001"}, {"phone": "(555) 0002"}, "(555) 0001"),
    "move_appointment": ({"on": "2027-02-02", "at": "11:00"},
                         {"on": "2027-02-02", "at": "11:30"}, "11:00"),
    "adverse_event": ({"follow": "1", "follow-text": "Better"},
                      {"follow": "1", "follow-text": "Worse"}, "Better"),
    "change_protocol": ({"name": "Ours A"}, {"name": "Ours B"}, "Ours A"),
    "evaluate": (typed(pain_months="15"), typed(pain_months="16"), "15"),
    "stock_product": ({"low_vials": "3"}, {"low_vials": "4"}, "3"),
    "stock_lot": ({"do": "expiry", "expiry-expires_on": "2027-07-31"},
                  {"do": "expiry", "expiry-expires_on": "2027-08-31"}, "31 Jul 2027"),
    "settings": ({"phone": "(555) 0001"}, {"phone": "(555) 0002"}, "(555) 0001"),
    "rooms": ({"monday": "08:00-12:00"}, {"monday": "09:00-12:00"}, "08:00-12:00"),
    "change_user": ({"role": "administrator"}, {"role": "clinician"}, "administrator"),
}  # fmt: skip
"""What one types, what another types meanwhile, and what the page then shows of the first."""


@pytest.mark.parametrize("name", EDITED if EVERY else ("stock_lot", "change_user", "rooms"))
def test_who_saves_second_sees_both_and_loses_no_word(
    name: str, ids: dict[str, Any], sender: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, at = sender(name), address(PAGES[name], ids)
    theirs, mine, said = EDITED[name]
    monkeypatch.setitem(TYPED, name, mine)
    form = sent(client, name, at)
    of_theirs = form | theirs | {"request_key": "theirs"}
    assert client.post(at, of_theirs).status_code == 302
    saved = rows()
    answer = client.post(at, form)
    page = answer.content.decode()
    assert answer.status_code == 409 and said in page, name
    assert rows() == saved, "nothing of the second is saved"
    word = next(one for one in mine.values() if one not in ("expiry", *theirs.values()))
    shown = [one for one in Fields(page).forms if any(word in v for v in one.values())]
    assert shown or f'value="{word}" id' in page or f'"{word}" checked' in page, page
    again = client.post(at, (shown[0] if shown else sent(client, name, at)) | mine)
    assert again.status_code == 302, "sent again as it stands there, it is saved"


def test_a_key_used_before_is_told_and_what_was_lost_on_the_way_is_asked_about(
    desk: models.User, make_course: Callable[..., models.Course], client_for: Any
) -> None:
    client, at = client_for(desk), f"/courses/{make_course().pk}/money/deposit/"
    form = {"amount": "50", "method": "cash", "on": DAY, "request_key": "a"}
    wrong = client.post(at, form | {"amount": "-1"})
    assert wrong.status_code == 422, "what was refused uses no key up"
    assert client.post(at, form).status_code == 302
    other = client.post(at, form | {"amount": "70"})
    assert other.status_code == 409 and "70" in other.content.decode()
    back = form | {"request_key": "b"}
    soon = client.post(at, back)
    page = soon.content.decode()
    assert soon.status_code == 409 and "exactly this" in page and "Deposit recorded" not in page
    assert models.LedgerEntry.objects.count() == 1
    (meant,) = [one for one in Fields(page).forms if "amount" in one]
    assert client.post(at, meant).status_code == 302
    assert models.LedgerEntry.objects.count() == 2
    assert client.post("/courses/0/money/deposit/", form).status_code == 404


@pytest.mark.alike
def test_the_keys_are_forgotten_after_two_days(desk: models.User, time_machine: Any) -> None:
    SentForm.objects.create(user=desk, page="/a", key="k", content="c")
    assert sending.forget() == 0
    time_machine.move_to(datetime(2026, 11, 25, 18, tzinfo=UTC), tick=False)
    assert sending.forget() == 1


@pytest.mark.alike
def test_what_stands_as_a_fact_or_signed_is_never_saved_again(
    world: dict[str, dict[str, Any]], clinician: models.User
) -> None:
    tried = 0
    session = models.Session.objects.filter(signed_at__isnull=False).first()
    for row in (session, *(kind.objects.first() for kind in (*BOOKS, *FACTS))):
        if row is not None:
            tried += 1
            with pytest.raises(AppendOnlyError):
                save(row)
    assert tried > 8
    assert session is not None
    session.signed_at = None
    with pytest.raises(AppendOnlyError):
        save(session)


def test_something_that_fails_after_it_wrote_leaves_neither_and_the_same_form_may_come_again(
    desk: models.User, make_course: Callable[..., models.Course], monkeypatch: Any, client_for: Any
) -> None:
    course = make_course()
    client, at = client_for(desk), f"/courses/{course.pk}/money/deposit/"
    client.raise_request_exception = False
    form = {"amount": "50", "method": "cash", "on": DAY, "request_key": "a"}
    with monkeypatch.context() as broken:
        broken.setattr("enthesis.clinic.pages.ledger.redirect", lambda to: 1 / 0)
        assert client.post(at, form).status_code == 500
    assert not models.LedgerEntry.objects.exists() and not SentForm.objects.exists()
    assert client.post(at, form).status_code == 302
    assert models.LedgerEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_twenty_that_send_one_form_in_the_same_moment_one_writes(
    desk: models.User, make_course: Callable[..., models.Course], client_for: Any
) -> None:
    at = f"/courses/{make_course().pk}/calls/add/"
    clients = [client_for(desk) for _ in range(20)]
    form = {"outcome": "No answer", "request_key": "a"}
    answers = at_once([partial(client.post, at, form) for client in clients])
    assert {(one.status_code, one["Location"]) for one in answers} == {
        (302, answers[0]["Location"])
    }
    assert models.CallAttempt.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_do_the_same_in_the_same_moment_one_does_it(
    desk: models.User,
    clinician: models.User,
    admin: models.User,
    make_course: Callable[..., models.Course],
) -> None:
    """Each with a key of their own, as two people have."""
    course = treated(make_course(), [7, 5], clinician)
    today, hundred = date(2026, 11, 23), Decimal(100)
    bill = pay.make_invoice(desk, course.sessions.get().pk, today)
    ledger.take_deposit(desk, course.pk, hundred, "cash", today, "d")
    nothing = dict.fromkeys(Method, Decimal(0))
    tried: dict[str, Callable[[int], Any]] = {
        "used": lambda n: ledger.use_deposit(desk, bill.pk, hundred, today, f"u{n}"),
        "given back": lambda n: ledger.give_back_deposit(
            desk, course.pk, hundred, "cash", "Asked", today, f"g{n}"
        ),
        "decided": lambda n: judge.record_decision(clinician, course.pk, "stop", "Enough", seen),
        "closed": lambda n: close_day(desk, today, nothing, f"Counted by {n}"),
        "joined": lambda n: settings.change_user(admin, desk.pk, "clinician", True, 1),
    }
    seen = kept(store.course_record(course))[1]
    for name, do in tried.items():
        if name == "given back":
            ledger.take_deposit(desk, course.pk, hundred, "cash", today, "d2")
        answers = at_once([partial(do, number) for number in range(4)])
        done = [one for one in answers if not isinstance(one, Exception)]
        assert done and all(
            type(one) in (Refused, EditConflict, type(done[0])) for one in answers
        ), (
            name,
            answers,
        )
        assert len({one.pk for one in done}) == 1, (name, answers)
        assert len(done) == 1 or name == "decided", (name, answers)
