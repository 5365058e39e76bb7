"""Paying: what a session costs, and when it is due.

A session is paid when it is given, or by an arrangement that was made before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from enthesis.journey.tariff import (
    CONSULTATION,
    SESSION,
    Line,
    Tariff,
    agreed,
    beyond,
    bill,
    contents,
)
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Plan, Session
from enthesis.units import Money


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of an invoice; `code` is the billing code, empty where there is none. `item` is of
    the tariff, `amount` for all its units."""

    text: str
    code: str
    amount: Money
    item: str = ""
    units: int = 1


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed besides the price of a session: the tariff of that day, a discount, and
    whether the first session is charged with the consultation."""

    tariff: Tariff
    discount: str = ""
    consultation: bool = False


def session_charges(
    plan: Plan,
    session: Session,
    known: Knowledge,
    terms: Terms | None = None,
    guidance: Iterable[str] = (),
) -> tuple[Charge, ...]:
    """What one session costs: the agreed price, whatever the tariff says today, what it held beyond
    the plan, discount and tax. Without terms the agreed price alone. `guidance` led the needle."""
    if terms is None:
        item = known.tariff[SESSION]
        lines: tuple[Line, ...] = (Line(SESSION, item.text, 1, plan.price_per_session, item.code),)
    else:
        tariff = terms.tariff
        held = contents(session.sites, session.mixtures, known, guidance)
        lines = (*agreed(plan, tariff, known), *beyond(plan, held, tariff, known))
        if terms.consultation and session.number == 1 and CONSULTATION in tariff.prices:
            text = known.tariff_parts[CONSULTATION].text
            lines = (*lines, Line(CONSULTATION, text, 1, tariff.prices[CONSULTATION]))
        lines = bill(lines, tariff, known, terms.discount)
    day = f"{session.on.day} {session.on:%b %Y}"
    return tuple(
        Charge(
            f"{line.text} {session.number}, {day}" if line.item == SESSION else line.text,
            line.code,
            line.total,
            line.item,
            line.units,
        )
        for line in lines
    )


def due_on(given_on: date, arranged_for: date | None = None) -> date:
    """When a session is to be paid: on its day, unless an arrangement made before says later."""
    return given_on if arranged_for is None else arranged_for
