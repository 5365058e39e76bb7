"""The clinic's prices: each holds from a day on, and those of days gone by are never changed."""

from datetime import date
from decimal import Decimal

from django.db import transaction

from enthesis.clinic import audit, store
from enthesis.clinic.actions import Refused, hold_clinic, save
from enthesis.clinic.models import TariffPrice, User
from enthesis.journey.tariff import SESSION
from enthesis.units import Money


@transaction.atomic
def set_price(
    user: User, item: str, amount: Decimal | None, starts_on: date, included: int = 0
) -> TariffPrice:
    """A price, or a percentage, from a day on; `amount` None ends it (for a session: the default
    again). Refused for a day that is past: what was agreed then was agreed at the price of then."""
    clinic = hold_clinic(user)
    today = store.today(clinic)
    known = store.known_for(clinic, today)
    part = known.tariff_parts.get(item)
    if part is None and item != SESSION:
        raise Refused("Choose one of the items shown.", "item")
    if starts_on < today:
        raise Refused(
            "A price starts today or later: days that are past keep the price they had.",
            "starts_on",
        )
    if amount is None:
        if item == SESSION and known.tariff[SESSION].usual.currency != clinic.currency:
            raise Refused(
                f"A clinic that charges in {clinic.currency} needs a price of its own.", "amount"
            )
    elif amount < 0:
        raise Refused("A price cannot be below zero.", "amount")
    elif part is not None and part.unit == "percent":
        if amount > 100:
            raise Refused("A percentage is at most 100.", "amount")
    elif Money(amount, clinic.currency).amount != amount:
        raise Refused(f"{clinic.currency} has no amount as small as {amount}.", "amount")
    if included and not (part and part.counts):
        raise Refused("Of this item nothing is counted as included.", "included")
    row = save(
        TariffPrice(
            clinic=clinic,
            item=item,
            amount=amount,
            included=included,
            starts_on=starts_on,
            by=user,
        )
    )
    detail = {"item": item, "amount": str(amount), "starts_on": starts_on.isoformat()}
    audit.record(user, "set_price", row, detail=detail | {"included": included})
    return row
