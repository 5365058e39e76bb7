"""What a session costs, and when it is due."""

from datetime import date
from decimal import Decimal

import pytest

from enthesis.journey.pay import Charge, due_on, session_charges
from enthesis.journey.plan import propose
from enthesis.knowledge.load import knowledge
from enthesis.records import Session, Side
from enthesis.units import Money

KNOWN = knowledge(date(2026, 11, 23))
GIVEN_ON = date(2026, 11, 2)


def usd(text: str) -> Money:
    return Money(Decimal(text), "USD")


def test_a_session_costs_what_was_agreed_whatever_the_tariff_says() -> None:
    plan = propose("knee_dumais", Side.LEFT, KNOWN, usd("199.50"))
    session = Session(2, GIVEN_ON, plan.mixtures, plan.sites)
    (charge,) = session_charges(plan, session, KNOWN)
    assert charge == Charge("Prolotherapy session 2, 2 Nov 2026", "M0076", usd("199.50"), "session")


@pytest.mark.parametrize(
    ("arranged_for", "due"), [(None, GIVEN_ON), (date(2026, 12, 1), date(2026, 12, 1))]
)
def test_a_session_is_due_on_its_day_unless_arranged(arranged_for: date | None, due: date) -> None:
    assert due_on(GIVEN_ON, arranged_for) == due
