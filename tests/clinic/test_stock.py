"""Vials of the test clinic: received, taken when a session is signed, wasted, counted, recalled."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from secrets import token_hex
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum

from enthesis.clinic import store
from enthesis.clinic.actions import Refused, recall, stock
from enthesis.clinic.actions.treat import Draft
from enthesis.clinic.models import (
    AuditEvent,
    Course,
    Session,
    StockLot,
    StockMovement,
    StockProduct,
    User,
)
from enthesis.records import Mixture, Side, SiteDose
from enthesis.shape import plain
from enthesis.units import Ml, Percent

# 16 mL of 12.5 % from 50 % is 4 mL: one vial of 10 mL.
MIXTURE = Mixture(
    key="syringe",
    volume_ml=Ml(Decimal(16)),
    dextrose_percent=Percent(Decimal("12.5")),
    dextrose_stock_percent=Percent(Decimal(50)),
    diluent="water",
)
JUNE = date(2027, 6, 30)


@pytest.fixture(autouse=True)
def noon(time_machine: Any) -> None:
    """Every test happens on 23 Nov 2026."""
    time_machine.move_to(datetime(2026, 11, 23, 17, tzinfo=UTC), tick=False)


@pytest.fixture
def product(clinician: User) -> StockProduct:
    return stock.add_product(clinician, "dextrose", Decimal(50), Decimal(10), 2)


def receive(
    by: User,
    product: StockProduct,
    number: str = "D-2231",
    vials: int = 5,
    until: date = JUNE,
    key: str = "",
) -> StockLot:
    day, key = date(2026, 11, 2), key or token_hex(8)
    return stock.receive(by, product.pk, number, until, vials, day, date(2026, 11, 23), key)


def draft(lot: str = "D-2231", on: date = date(2026, 11, 23), **changed: Any) -> Draft:
    site = SiteDose("iliolumbar", Side.LEFT, "syringe", Ml(Decimal(1)))
    given = {
        "mixtures": (MIXTURE,),
        "sites": ((site, True),),
        "weight_kg": Decimal(68),
        "lots": {"dextrose": lot, "water": "W-17"},
        "note": "",
    }
    return Draft(on=on, **(given | changed))


def begun(course: Course, number: int = 1) -> Session:
    day = date(2026, 11, 23)
    return Session.objects.create(course=course, number=number, on=day, mixtures=plain((MIXTURE,)))


def take(by: User, session: Session, asked: Draft) -> None:
    stock.take(by, session, asked, store.known_for(session.course.patient.clinic, asked.on))


def left(lot: StockLot) -> int:
    """On hand by the sum, which is what the last movement says too."""
    last = lot.movements.last()
    total = lot.movements.aggregate(sum=Sum("vials"))["sum"] or 0
    assert last is None or last.left == total
    return int(total)


def test_a_session_takes_whole_vials_of_the_lots_as_written(
    clinician: User, product: StockProduct, make_course: Callable[..., Course]
) -> None:
    first, second = receive(clinician, product, vials=1), receive(clinician, product, "D-2240")
    session = begun(make_course())
    # 12 mL of stock: two vials of 10 mL, of which the first lot has one.
    big = (Mixture("syringe", Ml(Decimal(48)), MIXTURE.dextrose_percent,
                   MIXTURE.dextrose_stock_percent, diluent="water"),)  # fmt: skip
    with pytest.raises(Refused, match=r"draws 12\u00a0mL .* on hand: 1\u00a0vial of D-2231"):
        take(clinician, session, draft("D-2231", mixtures=big))
    take(clinician, session, draft("d-2231, D- 2240", mixtures=big))
    assert (left(first), left(second)) == (0, 4)
    event = AuditEvent.objects.get(action="take")
    assert event.detail == {"vials": {"D-2231": 1, "D-2240": 1}}
    assert event.patient == session.course.patient


def test_a_syringes_label_names_the_lots_and_their_expiry_or_leaves_room_to_write_them(
    clinician: User, product: StockProduct, other_clinic: Any, make_course: Any, client_for: Any
) -> None:
    receive(clinician, product)
    session = begun(make_course())
    address = f"/sessions/{session.pk}/labels/"
    before = client_for(clinician).get(address).content.decode()
    assert before.count('lot and expiry <span class="blank">') == 2
    Session.objects.update(lots={"dextrose": "d-2231", "water": "W-17"})
    page = client_for(clinician).get(address).content.decode()
    assert "lot d-2231, exp. 30 Jun 2027" in page
    assert "lot W-17, expiry not recorded" in page and "blank" not in page
    StockProduct.objects.update(clinic=other_clinic)
    elsewhere = client_for(clinician).get(address).content.decode()
    assert "lot d-2231, expiry not recorded" in elsewhere, "no other clinic's lot"
    StockProduct.objects.update(clinic=clinician.clinic)
    take(clinician, session, draft("d-2231"))
    Session.objects.update(signed_at=datetime(2026, 11, 23, 17, tzinfo=UTC))
    assert "lot d-2231, exp. 30 Jun 2027" in client_for(clinician).get(address).content.decode()


@pytest.mark.parametrize(
    ("lot", "on", "says"),
    [
        ("", date(2026, 11, 23), "Choose the lot of Dextrose 50"),
        ("X-1", date(2026, 11, 23), "Lot X-1 of Dextrose 50.* is not in stock.*receive this one"),
        ("OLD-1", date(2026, 11, 23), "Lot OLD-1 expired on 10 Nov 2026.*draw from another lot"),
        ("R-1", date(2026, 11, 23), "Lot R-1 was recalled on 16 Nov 2026.*set it aside"),
        ("EMPTY-1", date(2026, 11, 23), "no vial is shared between patients"),
    ],
)
def test_a_lot_that_must_not_be_used_is_refused_and_says_what_to_do(
    lot: str,
    on: date,
    says: str,
    clinician: User,
    product: StockProduct,
    make_course: Callable[..., Course],
) -> None:
    receive(clinician, product, "OLD-1")
    StockLot.objects.filter(number="OLD-1").update(expires_on=date(2026, 11, 10))
    receive(clinician, product, "R-1")
    recall.mark_recalled(clinician, "r-1", "particles", date(2026, 11, 16))
    stock.waste(clinician, receive(clinician, product, "EMPTY-1").pk, 5, "broke", on)
    with pytest.raises(Refused, match=says) as refused:
        take(clinician, begun(make_course()), draft(lot, on))
    assert refused.value.field == "lot_dextrose"
    assert not StockMovement.objects.filter(kind="used").exists()


@pytest.mark.parametrize("lot", ["OLD-1", "R-1"])
def test_a_session_of_an_earlier_day_goes_by_that_day(
    lot: str, clinician: User, product: StockProduct, make_course: Callable[..., Course]
) -> None:
    used = receive(clinician, product, lot)
    StockLot.objects.filter(number="OLD-1").update(expires_on=date(2026, 11, 10))
    if lot == "R-1":
        recall.mark_recalled(clinician, lot, "particles", date(2026, 11, 16))
    take(clinician, begun(make_course()), draft(lot, date(2026, 11, 10)))
    assert left(used) == 4


def test_a_typed_lot_is_checked_by_its_typed_expiry_and_against_recalls(
    clinician: User, make_course: Callable[..., Course]
) -> None:
    session = begun(make_course())
    take(clinician, session, draft(expiries={"dextrose": date(2026, 11, 23)}))
    with pytest.raises(Refused, match="expired on 22 Nov 2026") as refused:
        take(clinician, session, draft(expiries={"dextrose": date(2026, 11, 22)}))
    assert refused.value.field == "expiry_dextrose"
    recall.mark_recalled(clinician, " w-17", "glass", date(2026, 11, 20))
    with pytest.raises(Refused, match="Lot W-17 was recalled"):
        take(clinician, session, draft())


def test_what_is_no_longer_kept_is_typed_again(
    clinician: User, product: StockProduct, make_course: Callable[..., Course]
) -> None:
    stock.change_product(clinician, product.pk, 2, is_kept=False, expected_version=product.version)
    take(clinician, begun(make_course()), draft("anything"))
    assert not StockMovement.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_take_one_vial_at_once_as_many_succeed_as_there_are_vials(
    clinician: User, product: StockProduct, make_course: Callable[..., Course]
) -> None:
    lot = receive(clinician, product, vials=7)
    course = make_course()
    sessions = [begun(course, number) for number in range(1, 21)]

    def press(session: Session) -> bool:
        try:
            take(clinician, session, draft())
        except Refused as refused:
            assert "on hand: 0\u00a0vials of D-2231" in refused.message
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(20) as all_at_once:
        taken = list(all_at_once.map(press, sessions))
    assert (taken.count(True), taken.count(False), left(lot)) == (7, 13, 0)
    numbers = list(lot.movements.values_list("number", flat=True))
    assert numbers == list(range(1, 9))
    assert {m.session_id for m in lot.movements.filter(kind="used")} == {
        session.pk for session, got in zip(sessions, taken, strict=True) if got
    }


@pytest.mark.django_db(transaction=True)
def test_receiving_counting_and_taking_at_once_lose_nothing(
    clinician: User, product: StockProduct, make_course: Callable[..., Course], today: date
) -> None:
    lot = receive(clinician, product, vials=10)
    course = make_course()
    sessions = [begun(course, number) for number in range(1, 5)]
    work: list[Callable[[], object]] = [
        *(partial(take, clinician, session, draft()) for session in sessions),
        *(partial(receive, clinician, product, vials=2) for _ in range(4)),
        *(partial(stock.waste, clinician, lot.pk, 1, "broke", today) for _ in range(4)),
    ]

    def press(one: Callable[[], object]) -> None:
        try:
            one()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(work)) as all_at_once:
        list(all_at_once.map(press, work))
    assert (left(lot), lot.movements.count()) == (10 - 4 + 4 * 2 - 4, 13)


@pytest.mark.parametrize(
    ("vials", "remain", "kind", "number"),
    [(-6, -1, "used", 2), (-1, 4, "used", 1), (1, 6, "wasted", 2), (0, 5, "counted", 2)],
)
def test_the_database_itself_refuses_what_cannot_be(
    vials: int, remain: int, kind: str, number: int, clinician: User, product: StockProduct
) -> None:
    lot = receive(clinician, product)
    row = StockMovement(
        lot=lot, number=number, kind=kind, vials=vials, left=remain, on=JUNE, by=clinician
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


def test_receiving_again_adds_to_the_lot_and_refuses_another_date(
    clinician: User, product: StockProduct
) -> None:
    lot = receive(clinician, product)
    assert receive(clinician, product, "d-22 31", 3) == lot and left(lot) == 8
    with pytest.raises(Refused, match="with the expiry 30 Jun 2027"):
        receive(clinician, product, until=date(2027, 7, 31))
    with pytest.raises(Refused, match="expired on 1 Nov 2026"):
        receive(clinician, product, "D-9", until=date(2026, 11, 1))
    with pytest.raises(Refused, match="without a comma"):
        receive(clinician, product, "D-9, D-10")
    with pytest.raises(Refused, match="above zero"):
        receive(clinician, product, "D-9", vials=0)
    recall.mark_recalled(clinician, "D-9", "particles", date(2026, 11, 20))
    with pytest.raises(Refused, match="Lot D-9 is recalled"):
        receive(clinician, product, "D-9")


def test_a_form_sent_twice_is_one_delivery(clinician: User, product: StockProduct) -> None:
    lot = receive(clinician, product, key="once")
    assert receive(clinician, product, key="once") == lot and left(lot) == 5
    assert AuditEvent.objects.filter(action="receive").count() == 1
    other = stock.add_product(clinician, "dextrose", Decimal(25), Decimal(10), 2)
    with pytest.raises(Refused, match="already used for another product"):
        receive(clinician, other, key="once")


def test_wasting_counting_and_correcting_are_movements_and_audited(
    desk: User, product: StockProduct, today: date
) -> None:
    lot = receive(desk, product)
    stock.waste(desk, lot.pk, 1, "dropped", today)
    assert stock.count(desk, lot.pk, 6, "found one more", today) == 2
    assert stock.count(desk, lot.pk, 6, "again", today) == 0
    assert left(lot) == 6 and lot.movements.count() == 3
    with pytest.raises(Refused, match="Only 6\u00a0vials are left"):
        stock.waste(desk, lot.pk, 7, "dropped", today)
    stock.correct_expiry(desk, lot.pk, date(2027, 7, 31), 1)
    detail = AuditEvent.objects.get(action="correct_expiry").detail
    assert (detail["from"], detail["to"]) == ("2027-06-30", "2027-07-31")


def test_vials_that_were_not_opened_go_back_at_most_as_many_as_were_taken(
    clinician: User, product: StockProduct, make_course: Callable[..., Course], today: date
) -> None:
    lot, session = receive(clinician, product), begun(make_course())
    take(clinician, session, draft())
    with pytest.raises(Refused, match="took 1\u00a0vial of lot D-2231"):
        stock.put_back(clinician, session.pk, lot.pk, 2, "not opened", today)
    stock.put_back(clinician, session.pk, lot.pk, 1, "not opened", today)
    assert left(lot) == 5
    with pytest.raises(Refused, match="took 0\u00a0vials"):
        stock.put_back(clinician, session.pk, lot.pk, 1, "not opened", today)


def test_a_product_is_kept_once_and_says_its_strength(
    clinician: User, product: StockProduct
) -> None:
    with pytest.raises(Refused, match="keeps this product already"):
        stock.add_product(clinician, "dextrose", Decimal("50.0"), Decimal(10), 1)
    with pytest.raises(Refused, match="Give the strength"):
        stock.add_product(clinician, "lidocaine", None, Decimal(10), 1)
    with pytest.raises(Refused, match="has no strength"):
        stock.add_product(clinician, "water", Decimal(50), Decimal(10), 1)
    stock.add_product(clinician, "water", None, Decimal(10), 1)
    with pytest.raises(Refused, match="keeps this product already"):
        stock.add_product(clinician, "water", None, Decimal(10), 1)


def test_a_recall_is_marked_once_and_lifted_with_a_reason(clinician: User, today: date) -> None:
    marked = recall.mark_recalled(clinician, "D-2231", "particles", today)
    with pytest.raises(Refused, match="marked as recalled already"):
        recall.mark_recalled(clinician, "d-2231", "again", today)
    recall.lift_recall(clinician, marked.pk, "another maker's lot")
    with pytest.raises(Refused, match="lifted already"):
        recall.lift_recall(clinician, marked.pk, "twice")
    recall.mark_recalled(clinician, "D-2231", "so it was", today)
