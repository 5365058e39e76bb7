"""Paying: what a session costs, and when it is due.

A session is paid when it is given, or by an arrangement that was made before.
"""

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


def due_on(given_on: date, arranged_for: date | None = None) -> date:
    """When a session is to be paid: on its day, unless an arrangement made before says later."""
    return given_on if arranged_for is None else arranged_for
