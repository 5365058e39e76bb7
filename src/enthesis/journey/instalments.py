"""Paying in parts, as arranged before the treatment.

Payment is due when a session is given, unless an arrangement stands that is older than the
session. The parts of the arrangement are handed out to its invoices in their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from enthesis.journey.ledger import LedgerError, nothing, shares
from enthesis.units import Money, money_words


@dataclass(frozen=True, slots=True)
class Part:
    """So much is due by the end of that day."""

    due_on: date
    amount: Money


def arrange(total: Money, parts: int, first_on: date, every_days: int) -> tuple[Part, ...]:
    """Equal parts; what does not divide is in the last. Raises LedgerError for what is none."""
    if total.amount <= 0:
        raise LedgerError("Write an amount above zero.", "amount")
    if parts < 2:
        raise LedgerError("An arrangement has at least 2 parts.", "parts")
    if every_days < 1:
        raise LedgerError("Write how many days lie between two parts, at least 1.", "every_days")
    split = shares(total, parts)
    if split[0].amount == 0:
        raise LedgerError(f"{money_words(total)} is too little for {parts} parts.", "amount")
    try:
        days = [first_on + timedelta(days=every_days * n) for n in range(parts)]
    except OverflowError as error:
        raise LedgerError("No calendar goes as far. Choose an earlier day.", "first_on") from error
    return tuple(Part(on, amount) for on, amount in zip(days, split, strict=True))


def parts_of(
    arranged: Sequence[Part], invoiced: Money, total: Money, treated_on: date
) -> tuple[Part, ...]:
    """The parts that fall to a new invoice, after `invoiced` was handed out to earlier ones.

    No part is due before the treatment; what the arrangement does not cover is due that day.
    """
    taken, parts = nothing(total.currency), list[Part]()
    for part in arranged:
        free = min(part.amount, max(taken + part.amount - invoiced, nothing(total.currency)))
        taken += part.amount
        mine = min(free, total - _sum(parts, total.currency))
        if mine.amount > 0:
            parts.append(Part(max(part.due_on, treated_on), mine))
    rest = total - _sum(parts, total.currency)
    if rest.amount > 0:
        parts.append(Part(treated_on, rest))
    return tuple(sorted(parts, key=lambda part: part.due_on))


def overdue(parts: Sequence[Part], total: Money, owed: Money, today: date) -> Money:
    """What should have been paid by yesterday and is still owed. `total` as first charged."""
    return _late([part for part in parts if part.due_on < today], total, owed)


def due_next(parts: Sequence[Part], total: Money, owed: Money, today: date) -> Money:
    """What a patient who pays now is asked for: what is due until today, else the next part that
    is not paid."""
    days = [today, *sorted(part.due_on for part in parts if part.due_on > today)]
    due = (_late([part for part in parts if part.due_on <= on], total, owed) for on in days)
    return next((one for one in due if one.amount > 0), owed)


def _late(due: Sequence[Part], total: Money, owed: Money) -> Money:
    """What of these parts is still owed, after what was paid or credited."""
    late = _sum(due, total.currency) - (total - owed)
    return max(nothing(total.currency), min(owed, late))


def next_due(parts: Sequence[Part], today: date) -> Part | None:
    """The next part to come, today's included."""
    return next((part for part in parts if part.due_on >= today), None)


def in_words(parts: Sequence[Part]) -> str:
    """ "$200 by 1 Dec 2026, $200 by 1 Jan 2027"."""
    return ", ".join(
        f"{money_words(part.amount)} by {part.due_on.day} {part.due_on:%b %Y}" for part in parts
    )


def _sum(parts: Sequence[Part], currency: str) -> Money:
    return sum((part.amount for part in parts), nothing(currency))
