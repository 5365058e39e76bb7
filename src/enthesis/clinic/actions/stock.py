"""Vials come and go: received, taken by a session, thrown away, put back, counted."""

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Sum

from enthesis.clinic import audit, store
from enthesis.clinic.actions import Refused, hold_clinic, open_for_edit, save
from enthesis.clinic.models import (
    Session,
    StockLot,
    StockMovement,
    StockProduct,
    User,
)
from enthesis.clinic.permissions import get_for, rows_for
from enthesis.clinic.stock import kept, lots_of, needs_by_substance, recalls
from enthesis.journey import stock
from enthesis.journey.stock import Moved
from enthesis.knowledge.kinds import Knowledge

if TYPE_CHECKING:
    from enthesis.clinic.actions.session_draft import Draft


@transaction.atomic
def add_product(
    user: User, substance: str, percent: Decimal | None, vial_ml: Decimal, low_vials: int
) -> StockProduct:
    """Begin to keep vials of a product: from now on its sessions take them out of stock."""
    clinic = hold_clinic(user)
    known = store.known_for(clinic, store.today(clinic)).substances.get(substance)
    if known is None:
        raise Refused("Choose what is in the vial.", "substance")
    if known.role == "diluent" and percent is not None:
        raise Refused(f"{known.name} has no strength: leave this empty.", "percent")
    if known.role != "diluent" and percent is None:
        raise Refused("Give the strength that is printed on the vial.", "percent")
    product = save(
        StockProduct(
            clinic=clinic,
            substance=substance,
            percent=percent,
            vial_ml=vial_ml,
            low_vials=low_vials,
        )
    )
    audit.record(user, "add_product", product)
    return product


@transaction.atomic
def change_product(
    user: User, product_id: int, low_vials: int, is_kept: bool, expected_version: int | None
) -> StockProduct:
    """When to be told that it runs out; or no longer to keep it, so that lots are typed again."""
    product = open_for_edit(user, StockProduct, product_id, expected_version)
    product.low_vials, product.is_kept = low_vials, is_kept
    save(product)
    detail = {"low_vials": low_vials, "is_kept": is_kept}
    audit.record(user, "change_product", product, detail=detail)
    return product


@transaction.atomic
def receive(
    user: User,
    product_id: int,
    number: str,
    expires_on: date,
    vials: int,
    on: date,
    today: date,
    request_key: str,
) -> StockLot:
    """Vials of a lot came, for the first time or again. The same `request_key` twice (a double
    click, a retry) is one delivery. Refused expired, and recalled."""
    product = get_for(user, StockProduct, product_id, lock=True)
    if before := StockMovement.objects.filter(request_key=request_key).first():
        if before.lot.product_id != product.pk:
            raise Refused("This form was already used for another product. Open it anew.")
        return before.lot
    number, key = number.strip(), stock.lot_key(number)
    if on > today:
        raise Refused("The day lies in the future.", "on")
    if why := stock.expired(number, expires_on, today):
        raise Refused(why, "expires_on")
    if key in recalls(product.clinic):
        raise Refused(f"Lot {number} is recalled. Send it back.", "number")
    if stock.lots_in(number) != (number,):
        raise Refused("Write one lot here, without a comma.", "number")
    lot = product.lots.select_for_update().filter(key=key).first()
    if lot is None:
        lot = save(StockLot(product=product, number=number, key=key, expires_on=expires_on))
    elif lot.expires_on != expires_on:
        raise Refused(
            f"Lot {lot.number} is in stock with the expiry {stock.day(lot.expires_on)}. Look at "
            "the vial again; a wrong date is corrected on the page of the lot.",
            "expires_on",
        )
    moved = _move(user, lot, Moved.RECEIVED, vials, on, request_key=request_key)
    audit.record(user, "receive", moved, detail={"lot": lot.number, "vials": vials})
    return lot


@transaction.atomic
def waste(user: User, lot_id: int, vials: int, reason: str, today: date) -> StockMovement:
    """Vials were thrown away, broken, or sent back."""
    lot = get_for(user, StockLot, lot_id, lock=True)
    moved = _move(user, lot, Moved.WASTED, -vials, today, reason=reason)
    audit.record(user, "waste", moved, detail={"lot": lot.number, "vials": vials})
    return moved


@transaction.atomic
def count(user: User, lot_id: int, counted: int, reason: str, today: date) -> int:
    """Somebody counted: the difference becomes a movement with its reason. Returns it."""
    lot = get_for(user, StockLot, lot_id, lock=True)
    more = counted - _left(lot)
    if more:
        _move(user, lot, Moved.COUNTED, more, today, reason=reason)
    audit.record(user, "count", lot, detail={"lot": lot.number, "counted": counted, "more": more})
    return more


@transaction.atomic
def correct_expiry(
    user: User, lot_id: int, expires_on: date, expected_version: int | None
) -> StockLot:
    """A date that was mistyped; the audit trail keeps what stood there. EditConflict if somebody
    else corrected it in the meantime."""
    lot = open_for_edit(user, StockLot, lot_id, expected_version)
    before, lot.expires_on = lot.expires_on, expires_on
    save(lot)
    detail = {"lot": lot.number, "from": str(before), "to": str(expires_on)}
    audit.record(user, "correct_expiry", lot, detail=detail)
    return lot


@transaction.atomic
def take(user: User, session: Session, draft: "Draft", known: Knowledge) -> None:
    """The vials that a session used leave the stock, in the transaction in which it is signed.

    Whole vials out of the lots as written, in their order. Refused: recalled or expired on the day
    of the session, unknown to a stock that is kept, or fewer on hand than are needed. A lot that
    no stock knows is checked by the expiry that was typed.
    """
    clinic = session.course.patient.clinic
    needed = needs_by_substance(draft.used, known)
    held, recalled = kept(clinic), recalls(clinic)
    keys = {stock.lot_key(part) for text in draft.lots.values() for part in _parts(text)}
    # Locked in one order, so that two sessions with the same lots never wait for each other.
    own = rows_for(user, StockLot).filter(key__in=keys, product__is_kept=True)
    rows = {row.pk: row for row in own.select_for_update(of=("self",)).order_by("pk")}
    lots, used = lots_of(clinic, rows.values()), dict[str, int]()
    for substance, needs in needed.items():
        field, text = f"lot_{substance}", draft.lots.get(substance, "")
        for part in _parts(text):
            since = recalled.get(stock.lot_key(part))
            if since is not None and since <= draft.on:
                raise Refused(stock.recalled(part, since), field)
        in_stock = [need for need in needs if (need.substance, need.percent) in held]
        if len(in_stock) < len(needs):
            _refuse_typed(substance, text, draft)
        else:
            _refuse_unknown(text, lots, needs, known, field)
        for need in in_stock:
            written = _written(text, stock.of_need(lots, need))
            for taken in _allocated(written, need, draft.on, known, field):
                _move(user, rows[taken.lot.id], Moved.USED, -taken.vials, draft.on, session)
                used[taken.lot.number] = taken.vials
    if used:
        audit.record(user, "take", session, detail={"vials": used})


def _parts(text: str) -> tuple[str, ...]:
    """The lots that a field names, and the whole of it: a number may hold a comma."""
    return tuple(dict.fromkeys((text, *stock.lots_in(text)))) if text else ()


def _written(text: str, lots: list[stock.Lot]) -> list[stock.Lot]:
    keys = [stock.lot_key(part) for part in _parts(text)]
    named = [lot for lot in lots if stock.lot_key(lot.number) in keys]
    return sorted(named, key=lambda lot: keys.index(stock.lot_key(lot.number)))


def _refuse_typed(substance: str, text: str, draft: "Draft") -> None:
    expires_on = draft.expiries.get(substance)
    if expires_on is not None and (why := stock.expired(text, expires_on, draft.on)):
        raise Refused(why, f"expiry_{substance}")


def _refuse_unknown(
    text: str, lots: list[stock.Lot], needs: list[stock.Need], known: Knowledge, field: str
) -> None:
    words = " and ".join(stock.strength_words(n.substance, n.percent, known) for n in needs)
    if not text:
        raise Refused(
            f"Choose the lot of {words}. If the list is empty, receive vials in Stock first.", field
        )
    own = {stock.lot_key(lot.number) for need in needs for lot in stock.of_need(lots, need)}
    for part in () if stock.lot_key(text) in own else stock.lots_in(text):
        if stock.lot_key(part) not in own:
            raise Refused(
                f"Lot {part} of {words} is not in stock. Choose a lot on hand, or receive this one "
                "in Stock first.",
                field,
            )


def _allocated(
    written: list[stock.Lot], need: stock.Need, on: date, known: Knowledge, field: str
) -> tuple[stock.Taken, ...]:
    for lot in written:
        if why := stock.unusable(lot, on):
            raise Refused(why, field)
    taken, missing = stock.allocate(written, need.volume_ml)
    if missing > 0:
        words = stock.strength_words(need.substance, need.percent, known)
        there = ", ".join(f"{stock.count(x.left)} of {x.number}" for x in written) or "nothing"
        raise Refused(
            f"This session draws {need.volume_ml.normalize():f}\u00a0mL of {words} and no vial is "
            f"shared between patients; on hand: {there}. Choose other lots, or receive vials in "
            "Stock.",
            field,
        )
    return taken


@transaction.atomic
def put_back(
    user: User, session_id: int, lot_id: int, vials: int, reason: str, today: date
) -> StockMovement:
    """Vials that a signed session took and did not open go back; at most what it took."""
    session = get_for(user, Session, session_id, lock=True)
    lot = get_for(user, StockLot, lot_id, lock=True)
    moved = session.movements.filter(lot=lot).aggregate(vials=Sum("vials"))["vials"] or 0
    if vials > -moved:
        raise Refused(f"This session took {stock.count(-moved)} of lot {lot.number}.", "vials")
    back = _move(user, lot, Moved.RETURNED, vials, today, session, reason)
    audit.record(user, "put_back", session, detail={"lot": lot.number, "vials": vials})
    return back


def _left(lot: StockLot) -> int:
    last = lot.movements.last()
    return last.left if last else 0


def _move(
    user: User,
    lot: StockLot,
    kind: Moved,
    vials: int,
    on: date,
    session: Session | None = None,
    reason: str = "",
    request_key: str | None = None,
) -> StockMovement:
    """One movement after the last one of a lot that is held."""
    last = lot.movements.last()
    try:
        left = stock.left_after(last.left if last else 0, kind, vials)
    except stock.StockError as error:
        raise Refused(f"Lot {lot.number}: {error}", "vials") from error
    return save(
        StockMovement(
            lot=lot,
            number=last.number + 1 if last else 1,
            kind=kind.value,
            vials=vials,
            left=left,
            on=on,
            session=session,
            reason=reason,
            request_key=request_key,
            by=user,
        )
    )
