"""The end of the day: the till is counted, the difference is kept, and the day takes no more."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from django.db import transaction

from enthesis.clinic import audit, ledger, store
from enthesis.clinic.actions import Refused, hold_clinic, save
from enthesis.clinic.models import Clinic, DayClose, User
from enthesis.journey import day_close, enter
from enthesis.journey.ledger import LedgerError, Method
from enthesis.units import Money


@transaction.atomic
def close_day(user: User, on: date, counted: Mapping[Method, Decimal], note: str) -> DayClose:
    """Close a day with what was counted by each method. Asked again with the same, the same.

    Refused for a day to come or closed, and for a difference that nobody explains.
    """
    clinic = hold_clinic(user)
    money = {method: _counted(method, counted[method], clinic.currency) for method in Method}
    plain = {method.value: str(one.amount) for method, one in money.items()}
    before = DayClose.objects.filter(clinic=clinic, on=on).first()
    if before is not None and before.counted == plain and before.note == note:
        return before
    closed = ledger.closed_until(clinic)
    if closed is not None and on <= closed:
        raise Refused(f"The days until {closed.day} {closed:%b %Y} are closed already.", "on")
    if on > store.today(clinic):
        raise Refused("The day lies in the future.", "on")
    expected = expected_of(clinic, on)
    if money != expected and not note.strip():
        raise Refused(
            "What was counted differs from what was entered. Count again, or write what is known "
            "about the difference.",
            "note",
        )
    row = save(
        DayClose(
            clinic=clinic,
            on=on,
            currency=clinic.currency,
            expected={method.value: str(one.amount) for method, one in expected.items()},
            counted=plain,
            note=note,
            by=user,
        )
    )
    audit.record(user, "close_day", row, detail={"on": str(on)})
    return row


def _counted(method: Method, amount: Decimal, currency: str) -> Money:
    try:
        return enter.check_decimals(amount, currency)
    except LedgerError as error:
        raise Refused(error.message, method.value) from error


def expected_of(clinic: Clinic, on: date) -> dict[Method, Money]:
    """What should have come in by each method, less what went out, since the day closed last; of
    the first close, on its day."""
    closed = ledger.closed_until(clinic)
    first = on if closed is None else day_close.first_open_day(date.min, closed)
    return day_close.takings(ledger.entries_between(clinic, first, on), clinic.currency)
