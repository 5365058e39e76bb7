"""Invented invoices: most are paid on the day, some in parts by arrangement, a few never."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from numpy.random import Generator

from enthesis.invented.truth import Truth
from enthesis.journey.pay import Charge, session_charges
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Plan, Session
from enthesis.units import Money

METHODS = ("card", "card", "card", "cash", "transfer")
PARTS = 3
PART_DAYS = 30


@dataclass(frozen=True, slots=True)
class Paid:
    """One payment."""

    on: date
    amount: Money
    method: str


@dataclass(frozen=True, slots=True)
class Bill:
    """The invoice of one session with what was paid of it by today."""

    session: int
    issued_on: date
    due_on: date
    charges: tuple[Charge, ...]
    arrangement: str
    payments: tuple[Paid, ...]


def draw_bill(
    rng: Generator, truth: Truth, plan: Plan, session: Session, known: Knowledge, today: date
) -> Bill:
    """The bill of a session, due on the day unless an arrangement was made before."""
    charges = tuple(session_charges(plan, session, known))
    total = sum((charge.amount for charge in charges[1:]), charges[0].amount)
    due_on, arrangement, payments = _settle(rng, truth, total, session.on)
    return Bill(
        session=session.number,
        issued_on=session.on,
        due_on=due_on,
        charges=charges,
        arrangement=arrangement,
        payments=tuple(p for p in payments if p.on <= today and p.amount.amount > 0),
    )


def _settle(rng: Generator, truth: Truth, total: Money, on: date) -> tuple[date, str, list[Paid]]:
    draw, method = rng.random(), str(rng.choice(METHODS))
    at_once, never = truth("process.paid_at_once"), truth("process.share_never_paid")
    if draw < at_once:
        return on, "", [Paid(on, total, method)]
    if draw < at_once + never:
        return on, "", []
    if rng.random() < truth("process.share_late_in_parts"):
        arrangement = f"Paid in {PARTS} parts, {PART_DAYS} days apart."
        due_on = on + timedelta(days=PART_DAYS * (PARTS - 1))
        return due_on, arrangement, _parts(total, on, method)
    late_on = on + timedelta(days=int(rng.integers(2, 57)))
    return on, "", [Paid(late_on, total, method)]


def _parts(total: Money, on: date, method: str) -> list[Paid]:
    part = Money(total.amount / Decimal(PARTS), total.currency)
    first = total - part * (PARTS - 1)
    amounts = [first, *[part] * (PARTS - 1)]
    return [Paid(on + timedelta(days=PART_DAYS * i), a, method) for i, a in enumerate(amounts)]
