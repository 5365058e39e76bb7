"""Paying: what a session costs, what is still owed, and when it is late.

A session is paid when it is given, or by an arrangement that was made before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Plan, Session
from enthesis.units import Money


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of an invoice; `code` is the billing code, empty where there is none."""

    text: str
    code: str
    amount: Money


def session_charges(plan: Plan, session: Session, known: Knowledge) -> tuple[Charge, ...]:
    """What one session costs: the agreed price, whatever the tariff says today."""
    item = known.tariff["session"]
    given = f"{item.text} {session.number}, {session.on.day} {session.on:%b %Y}"
    return (Charge(given, item.code, plan.price_per_session),)


def balance(charges: Sequence[Charge], payments: Sequence[Money]) -> Money:
    """What is still owed; below zero when too much was paid.

    Raises ValueError without a charge, or when currencies are mixed.
    """
    if not charges:
        raise ValueError("An invoice needs at least one charge.")
    owed = charges[0].amount
    for charge in charges[1:]:
        owed += charge.amount
    for payment in payments:
        owed -= payment
    return owed


def due_on(given_on: date, arranged_for: date | None = None) -> date:
    """When a session is to be paid: on its day, unless an arrangement made before says later."""
    return given_on if arranged_for is None else arranged_for


def is_overdue(owed: Money, due: date, today: date) -> bool:
    """Whether something is still owed after the day it was due."""
    return owed.amount > 0 and today > due
