"""What a session costs, what is owed, and when it is late."""

from datetime import date
from decimal import Decimal

import pytest

from enthesis.journey.pay import Charge, balance, due_on, is_overdue, session_charges
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
    ("payments", "owed"),
    [([], "250.30"), (["250.30"], "0"), (["100", "0.10"], "150.20"), (["300"], "-49.70")],
)
def test_the_balance_is_what_was_charged_less_what_was_paid(payments: list[str], owed: str) -> None:
    charges = [Charge("Session", "", usd("200.10")), Charge("Second knee", "", usd("50.20"))]
    assert balance(charges, [usd(p) for p in payments]) == usd(owed)


def test_an_invoice_without_a_charge_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one charge"):
        balance([], [usd("1")])


def test_payments_in_another_currency_are_refused() -> None:
    with pytest.raises(ValueError, match="Cannot mix"):
        balance([Charge("Session", "", usd("1"))], [Money(Decimal(1), "EUR")])


@pytest.mark.parametrize(
    ("arranged_for", "due"), [(None, GIVEN_ON), (date(2026, 12, 1), date(2026, 12, 1))]
)
def test_a_session_is_due_on_its_day_unless_arranged(arranged_for: date | None, due: date) -> None:
    assert due_on(GIVEN_ON, arranged_for) == due


@pytest.mark.parametrize(
    ("owed", "today", "late"),
    [
        ("10", date(2026, 11, 2), False),
        ("10", date(2026, 11, 3), True),
        ("0", date(2026, 11, 3), False),
        ("-5", date(2026, 11, 3), False),
    ],
)
def test_only_money_still_owed_after_its_day_is_overdue(owed: str, today: date, late: bool) -> None:
    assert is_overdue(usd(owed), GIVEN_ON, today) is late
