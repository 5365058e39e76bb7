"""Prices as the rows say: the tariff of a day, and the terms of a course."""

from datetime import date
from decimal import Decimal

from enthesis.clinic import store
from enthesis.clinic.models import Clinic, Course, Estimate, Plan
from enthesis.journey.pay import Terms
from enthesis.journey.tariff import OwnPrice, Tariff, tariff_on
from enthesis.units import Money


def tariff_of(clinic: Clinic, on: date) -> Tariff | None:
    """The clinic's prices of a day; None where it has none yet in its own currency."""
    own = [
        OwnPrice(row.item, row.starts_on, row.amount, row.included) for row in clinic.prices.all()
    ]
    known = store.known_for(clinic, on)
    try:
        return tariff_on(on, own, known, clinic.currency, clinic.price_per_session)
    except ValueError:
        return None


def estimate_on(course: Course, on: date) -> Estimate | None:
    """The estimate in force on a day: the last one made by then."""
    return course.estimates.filter(made_on__lte=on).last()


def terms_of(course: Course, plan: Plan, on: date) -> Terms | None:
    """What a session of a day is charged by: the prices of the day on which its plan was agreed,
    with the discount and the consultation of the estimate in force."""
    tariff = tariff_of(course.patient.clinic, plan.agreed_on or on)
    if tariff is None:
        return None
    estimate = estimate_on(course, on)
    chosen = estimate.content["chosen"] if estimate else {}
    discount = chosen.get("discount", "")
    return Terms(
        tariff,
        discount if discount in tariff.percents else "",
        bool(chosen.get("consultation")),
    )


def line_of(clinic: Clinic, on: date) -> Money:
    """From how far above the estimate on a bill is warned of."""
    own, rules = clinic.estimate_line, store.known_for(clinic, on).estimate_rules
    return Money(Decimal(rules.line) if own is None else own, clinic.currency)
