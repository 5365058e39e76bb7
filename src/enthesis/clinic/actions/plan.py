"""Proposing a plan and recording that the patient agreed to it."""

import dataclasses
from datetime import date

from django.db import transaction

from enthesis.clinic import audit, store
from enthesis.clinic.actions import EditConflict, Refused, save
from enthesis.clinic.actions.evaluate import check_move, check_suitable
from enthesis.clinic.models import Course, Plan, User
from enthesis.clinic.permissions import get_for
from enthesis.journey import plan as rules
from enthesis.journey.course import Move
from enthesis.records import Plan as Planned
from enthesis.shape import plain


@transaction.atomic
def save_plan(
    user: User, course_id: int, planned: Planned, today: date, expected: tuple[int, int] | None
) -> Plan:
    """Keep a proposal. One that nobody agreed to yet is replaced, an agreed one never is.

    `expected` is (id, version) of the plan that the user saw, None for none; EditConflict if it
    is another one by now. Refused when the rules of a plan do not hold.
    """
    course = get_for(user, Course, course_id, lock=True)
    last = course.plans.last()
    if last is not None and (last.pk, last.version) != expected:
        raise EditConflict(last)
    check_may_plan(course)
    _refuse_problems(course, planned, today)
    is_open = last is not None and last.agreed_on is None
    row = last if is_open and last is not None else Plan(course=course)
    row.content = plain(dataclasses.replace(planned, agreed_on=None))
    row.by = user
    save(row)
    audit.record(user, "save_plan", row, detail={"protocol": planned.protocol})
    return row


@transaction.atomic
def agree_plan(
    user: User, course_id: int, name: str, agreed_on: date, today: date, expected: tuple[int, int]
) -> Plan:
    """Record the agreement to exactly the plan that was shown (`expected`: its id and version)."""
    course = get_for(user, Course, course_id, lock=True)
    row = course.plans.last()
    if row is None:
        raise Refused("There is no plan to agree to yet. Make one first.")
    if (row.pk, row.version) != expected:
        raise EditConflict(row)
    if row.agreed_on is not None:
        raise Refused("This plan was already agreed. Change it first to agree anew.")
    if agreed_on > today:
        raise Refused("The day of the agreement lies in the future.", "agreed_on")
    if agreed_on < course.opened_on:
        raise Refused("The day of the agreement lies before the course was opened.", "agreed_on")
    check_may_plan(course)
    _refuse_problems(course, store.plan_record(row), today)
    row.agreed_name, row.agreed_on = name, agreed_on
    row.needs_consent = True
    save(row)
    audit.record(user, "agree_plan", row, detail={"agreed_on": agreed_on.isoformat()})
    return row


def check_may_plan(course: Course) -> None:
    """Refused, with the reason, unless the course stands at a plan and its patient is suitable."""
    check_move(course, Move.PLAN)
    check_suitable(course.evaluations.last())


def _refuse_problems(course: Course, planned: Planned, today: date) -> None:
    known = store.known_for(course.patient.clinic, today)
    if found := rules.check(planned, known):
        raise Refused(" ".join(found))
