"""Stock on the screen: received, chosen at a session, counted, and who got a lot."""

import csv
import html
import io
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from enthesis.clinic.actions import recall, stock
from enthesis.clinic.models import (
    AuditEvent,
    Course,
    LotRecall,
    Patient,
    Session,
    StockLot,
    StockMovement,
    User,
)
from tests.clinic.agreed import *  # noqa: F403
from tests.clinic.evaluated import plan
from tests.clinic.test_treat_pages import ready, shown, start

JUNE, LATER = date(2027, 6, 30), date(2028, 1, 31)
DAY = date(2026, 11, 2)


@pytest.fixture
def session(
    client: Client, clinician: User, make_course: Callable[..., Course], today: date
) -> Session:
    """A draft of an agreed plan."""
    course = make_course()
    plan(client, course, clinician, today)
    return start(client, course)


def _words(response: Any) -> str:
    return html.unescape(response.content.decode())


def keep_dextrose(by: User, session: Session, vial_ml: int, *lots: tuple[str, date, int]) -> None:
    """The dextrose that the plan draws, in vials of a size; with lots (number, expiry, vials)."""
    percent = Decimal(str(session.mixtures[0]["dextrose_stock_percent"]))
    product = stock.add_product(by, "dextrose", percent, Decimal(vial_ml), 1)
    for number, expires_on, vials in lots:
        today = date(2026, 11, 23)
        stock.receive(by, product.pk, number, expires_on, vials, DAY, today, f"came {number}")


def press(client: Client, session: Session, do: str = "sign", **changed: Any) -> Any:
    """The page as it stands, with what it preselects, and the lots that are typed."""
    if do == "sign":
        ready(client, session)
    data = shown(session) | changed | {"do": do}
    return client.post(
        f"/sessions/{session.pk}/", {name: value for name, value in data.items() if value}
    )


def test_signing_takes_the_lot_that_the_page_chose_already(
    client: Client, clinician: User, session: Session
) -> None:
    keep_dextrose(clinician, session, 500, ("D-LATE", LATER, 4), ("D-EARLY", JUNE, 4))
    page = _words(client.get(f"/sessions/{session.pk}/"))
    offered = re.findall(r'<option value="(D-[^"]*)"( selected)?>([^<]*)', page)
    assert [(lot, bool(chosen)) for lot, chosen, _ in offered] == [
        ("D-EARLY", True), ("D-LATE", False),
    ]  # fmt: skip
    assert offered[0][2] == "D-EARLY, expires 30 Jun 2027 (1 of 4 vials)"
    assert press(client, session, lot_dextrose="D-EARLY").status_code == 302
    used = StockMovement.objects.get(kind="used")
    assert (used.lot.number, used.vials, used.left, used.session) == ("D-EARLY", -1, 3, session)
    signed = _words(client.get(f"/sessions/{session.pk}/"))
    assert "Dextrose: D-EARLY, expires 30 Jun 2027" in signed


def test_a_lot_that_runs_out_is_offered_together_with_the_next(
    client: Client, clinician: User, session: Session
) -> None:
    first, second = "D-" + "1" * 30, "D-" + "2" * 30
    keep_dextrose(clinician, session, 1, (first, JUNE, 1), (second, LATER, 400))
    page = _words(client.get(f"/sessions/{session.pk}/"))
    assert f'<option value="{first}, {second}" selected>' in page
    assert press(client, session, lot_dextrose=f"{first}, {second}").status_code == 302
    taken = {m.lot.number: m.vials for m in StockMovement.objects.filter(kind="used")}
    assert taken[first] == -1 and taken[second] < 0


def test_where_too_little_is_on_hand_the_page_says_what_to_do(
    client: Client, clinician: User, session: Session
) -> None:
    keep_dextrose(clinician, session, 1, ("D-1", JUNE, 1))
    page = _words(client.get(f"/sessions/{session.pk}/"))
    assert "Not enough is on hand and in date: receive vials in Stock." in page
    assert "no vial is shared" in _words(press(client, session, lot_dextrose="D-1"))
    StockLot.objects.update(expires_on=date(2026, 11, 22))
    page = _words(client.get(f"/sessions/{session.pk}/"))
    assert "None on hand in date" in page
    assert "receive vials in Stock first" in _words(press(client, session, lot_dextrose=""))


def test_the_lots_offered_go_by_the_day_that_is_typed(
    client: Client, clinician: User, session: Session
) -> None:
    keep_dextrose(clinician, session, 500, ("D-1", date(2026, 11, 24), 1), ("D-2", JUNE, 1))
    StockLot.objects.filter(number="D-1").update(expires_on=date(2026, 11, 22))
    page = _words(client.get(f"/sessions/{session.pk}/"))
    assert 'value="D-1"' not in page
    data = shown(session) | {"on": "2026-11-22"}
    page = _words(client.post(f"/sessions/{session.pk}/?preview", data))
    assert 'value="D-1"' in page


def test_what_is_refused_stands_at_the_lot_and_nothing_is_signed_or_taken(
    client: Client, clinician: User, session: Session
) -> None:
    keep_dextrose(clinician, session, 500, ("D-1", JUNE, 1))
    page = press(client, session, lot_dextrose="D-9")
    assert page.status_code == 422 and "Lot D-9 of Dextrose" in _words(page)
    assert '<option value="D-9" selected>D-9: not on hand' in _words(page)
    recall.mark_recalled(clinician, "D-1", "particles", date(2026, 11, 20))
    page = press(client, session, lot_dextrose="D-1")
    assert page.status_code == 422 and "was recalled on 20 Nov 2026" in _words(page)
    session.refresh_from_db()
    assert session.signed_at is None and not StockMovement.objects.filter(kind="used").exists()


def test_saving_and_discarding_a_draft_take_nothing(
    client: Client, clinician: User, session: Session
) -> None:
    keep_dextrose(clinician, session, 500, ("D-1", JUNE, 2))
    assert press(client, session, "save", lot_dextrose="D-1").status_code == 302
    session.refresh_from_db()
    client.post(f"/sessions/{session.pk}/discard/", {"version": session.version})
    assert not Session.objects.exists()
    assert not StockMovement.objects.filter(kind="used").exists()


def test_without_stock_the_lot_and_its_expiry_are_typed_and_checked(
    client: Client, session: Session
) -> None:
    page = press(client, session, expiry_lidocaine="2026-11-22")
    assert page.status_code == 422 and "Lot L-0870 expired on 22 Nov 2026" in _words(page)
    assert press(client, session, expiry_lidocaine="2026-12-31").status_code == 302
    session.refresh_from_db()
    assert session.lot_expiries == {"lidocaine": "2026-12-31"}
    signed = _words(client.get(f"/sessions/{session.pk}/"))
    assert "Lidocaine: L-0870, expires 31 Dec 2026" in signed
    # Where nothing was typed it is unknown, on the page and in the note that was signed.
    assert f"Dextrose: {session.lots['dextrose']}, expiry not recorded" in signed
    assert "lidocaine L-0870, expires 31 Dec 2026; " in session.written
    assert f"dextrose {session.lots['dextrose']}, expiry not recorded; " in session.written


def test_vials_are_received_counted_wasted_and_put_back_on_the_screen(
    client_for: Callable[[User], Client], desk: User, client: Client, session: Session
) -> None:
    front = client_for(desk)
    product = {"substance": "dextrose", "percent": "50", "vial_ml": "500", "low_vials": "1"}
    assert front.post("/stock/products/add/", product).status_code == 302
    assert front.post("/stock/products/add/", product).status_code == 422
    page = _words(front.get("/stock/receive/"))
    number = re.findall(r'<option value="(\d+)"', page)[0]
    came = {"product": number, "number": "D-1", "expires_on": "2027-06-30", "vials": "3",
            "on": "2026-11-23"}  # fmt: skip
    came["request_key"] = re.findall(r'name="request_key" value="([^"]+)"', page)[-1]
    assert front.post("/stock/receive/", came | {"expires_on": "2026-01-31"}).status_code == 422
    for _ in range(2):  # a double click
        assert front.post("/stock/receive/", came).status_code == 302
    lot = StockLot.objects.get()
    assert press(client, session, lot_dextrose="D-1").status_code == 302
    address = f"/stock/lots/{lot.pk}/"
    waste = {"do": "waste", "waste-vials": "9", "waste-reason": "dropped"}
    assert front.post(address, waste).status_code == 422
    assert front.post(address, waste | {"waste-vials": "1"}).status_code == 302
    count = {"do": "count", "count-vials": "2", "count-reason": "monthly count"}
    assert front.post(address, count).status_code == 302
    assert "put-back" in _words(client.get(f"/sessions/{session.pk}/amend/"))
    back = {"lot": str(lot.pk), "vials": "1", "reason": "not opened"}
    assert client.post(f"/sessions/{session.pk}/put-back/", back).status_code == 302
    assert client.post(f"/sessions/{session.pk}/put-back/", back).status_code == 422
    kinds = list(lot.movements.values_list("kind", "left"))
    assert kinds == [
        ("received", 3), ("used", 2), ("wasted", 1), ("counted", 2), ("returned", 3),
    ]  # fmt: skip
    page = _words(front.get(address))
    assert f"session 1 of {session.course.patient}" in page and "3 vials on hand" in page


def test_the_stock_page_and_today_say_what_is_low_or_late(
    client: Client, clinician: User, session: Session
) -> None:
    assert "No vials are kept." in _words(client.get("/stock/"))
    keep_dextrose(clinician, session, 500, ("D-1", date(2026, 12, 5), 1))
    page = _words(client.get("/stock/"))
    assert "(without a source)" in page and "UNSOURCED" not in page
    assert 'href="/stock/" aria-current="page">Stock' in client.get("/stock/").content.decode()
    assert 'href="/calendar/">Calendar</a>' in client.get("/stock/").content.decode()
    assert "Expires in 12 days" in page and re.search(r"</svg>\s*Low</span>", page)
    assert "1\u00a0vial left in date" in _words(client.get("/"))


@pytest.fixture
def treated_with(make_patient: Callable[..., Patient], make_course: Callable[..., Course]) -> Any:
    """`treated_with(lot, family="Lindqvist", **session)`: a session that names a lot."""

    def make(lot: str, family: str = "Lindqvist", **fields: Any) -> Session:
        patient = make_patient(family=family, phone=fields.pop("phone", "(555) 0142"))
        given = {"lots": {"dextrose": lot}, "signed_at": datetime(2026, 11, 2, 16, tzinfo=UTC)}
        row = Session.objects.create(
            course=make_course(patient), number=1, on=DAY, mixtures=[], **(given | fields)
        )
        row.sites.create(position=1, site="iliolumbar", side="left", mixture="m", volume_ml=1,
                         given=True)  # fmt: skip
        return row

    return make


def test_a_recall_finds_everybody_however_the_lot_was_written(
    client: Client, clinician: User, treated_with: Any
) -> None:
    treated_with("D-2231", "Abara")
    treated_with(" d - 2231", "Brandt")
    treated_with("A-1, D-2231", "Castro")
    treated_with("D-2231", "Draft", signed_at=None)
    treated_with("", "Ek", note="Dextrose of lot d-2231.")
    amended = treated_with("", "Fry")
    amended.amendments.create(text="The lot was D-2231", by=clinician)
    treated_with("D-22310", "Nobody")
    treated_with("D2231", "Maybe")
    page = _words(client.get("/stock/recall/", {"lot": "d-2231 "}))
    rows = re.findall(r'<div class="what"><a[^>]*>([^,<]*),', page)
    assert sorted(rows) == ["Abara", "Brandt", "Castro", "Draft", "Ek", "Fry"]
    assert "6 patients in 6 sessions" in page and "Iliolumbar ligament (left)" in page
    assert ">D2231</a>" in page and "Not signed" in page and "(555) 0142" in page
    event = AuditEvent.objects.get(action="look_up_lot")
    assert (event.user, event.detail) == (clinician, {"lot": "d-2231", "sessions": 6})


def test_the_recall_table_holds_no_formula(client: Client, treated_with: Any) -> None:
    treated_with("D-1", '=HYPERLINK("x")', phone="+1 555 0142")
    told = client.get("/stock/recall.csv", {"lot": "D-1"}).content.decode("utf-8-sig")
    head, row = csv.reader(io.StringIO(told))
    assert dict(zip(head, row, strict=True)) == {
        "Family name": "'=HYPERLINK(\"x\")", "Given name": "Marta", "No.": "1001",
        "Phone": "'+1 555 0142", "Treated on": "2026-11-02",
        "For": "Low back and sacroiliac pain, left",
        "Session": "1", "Signed": "yes", "Named in": "Dextrose",
        "Places injected": "Iliolumbar ligament (left)",
    }  # fmt: skip
    assert AuditEvent.objects.filter(action="look_up_lot").count() == 1


def test_another_clinics_patients_are_not_in_a_recall(
    client_for: Callable[[User], Client], stranger: User, treated_with: Any
) -> None:
    treated_with("D-1")
    page = _words(client_for(stranger).get("/stock/recall/", {"lot": "D-1"}))
    assert "No session names this lot." in page and "Lindqvist" not in page


def test_a_lot_is_marked_and_the_mark_is_lifted_with_reasons(
    client: Client, admin: User, client_for: Callable[[User], Client]
) -> None:
    boss = client_for(admin)
    assert boss.post("/stock/recall/", {"lot": "D-1", "reason": ""}).status_code == 422
    assert boss.post("/stock/recall/", {"lot": "D-1", "reason": "particles"}).status_code == 302
    assert "Since 23 Nov 2026: particles" in _words(client.get("/stock/recall/"))
    boss.post("/stock/recall/", {"lot": "d-1", "reason": "another maker"})
    mark = LotRecall.objects.get()
    assert (mark.number, mark.lifted_reason, mark.lifted_by) == ("D-1", "another maker", admin)
