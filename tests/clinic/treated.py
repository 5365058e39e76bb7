"""A course of the test clinic, treated so far: rows as the actions would leave them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from enthesis.clinic import models, store
from enthesis.journey.plan import propose
from enthesis.records import Side
from enthesis.shape import plain
from enthesis.units import Money

AGREED_ON = date(2026, 9, 7)
FIRST_ON = date(2026, 9, 14)


def agree_plan(course: models.Course, price: str = "280", **changed: Any) -> models.Plan:
    """The first protocol of the condition, agreed on 7 Sep 2026."""
    known = store.known_for(course.patient.clinic, AGREED_ON)
    protocol = known.conditions[course.condition].protocols[0]
    currency = course.patient.clinic.currency
    plan = propose(protocol, Side(course.side), known, Money(Decimal(price), currency))
    content = plain(plan) | changed
    content.pop("agreed_on", None)
    return models.Plan.objects.create(
        course=course,
        content=content,
        agreed_on=AGREED_ON,
        agreed_name="Marta Lindqvist",
        at=datetime(2026, 9, 7, 15, tzinfo=UTC),
    )


def give_session(
    course: models.Course, number: int, on: date, by: models.User | None
) -> models.Session:
    """A signed session with the plan's mixtures, at one site."""
    plan = course.plans.get()
    session = models.Session.objects.create(
        course=course,
        number=number,
        on=on,
        weight_kg=Decimal(68),
        mixtures=plan.content["mixtures"],
        signed_by=by,
        signed_at=datetime(on.year, on.month, on.day, 16, tzinfo=UTC),
    )
    site = plan.content["sites"][0]
    models.SessionSite.objects.create(session=session, position=1, given=True, **site)
    return session


def say(course: models.Course, on: date, pain: int | None, **answers: Any) -> models.Assessment:
    """Answers of a day: pain, no warning sign, and what else is given."""
    given: dict[str, Any] = {"danger": ["none"], "pain": pain} | answers
    occasion = answers.pop("occasion", "after_session" if course.sessions.exists() else "baseline")
    given.pop("occasion", None)
    return models.Assessment.objects.create(
        course=course,
        on=on,
        occasion=occasion,
        questionnaire="six_signs",
        answers=given,
        completed_at=datetime(on.year, on.month, on.day, 20, tzinfo=UTC),
    )


def treated(
    course: models.Course, pains: Sequence[int | None], by: models.User | None = None
) -> models.Course:
    """Baseline pain and then one pain after each session, two weeks apart; None is no answer."""
    agree_plan(course)
    if pains[0] is not None:
        say(course, FIRST_ON - timedelta(3), pains[0])
    for number, pain in enumerate(pains[1:], start=1):
        on = FIRST_ON + timedelta(14 * (number - 1))
        give_session(course, number, on, by)
        if pain is not None:
            say(course, on + timedelta(10), pain)
    return course
