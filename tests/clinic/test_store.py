"""Rows to records."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from enthesis import records
from enthesis.clinic import models, store
from enthesis.shape import plain

MIXTURE = records.Mixture("joint", Decimal(10), Decimal(25), Decimal(50), "water")
RULE = records.StopRule("2026-11", "pain", Decimal(90), 2, Decimal(30), 4, (3, 6, 12))


def _plan(name: str) -> records.Plan:
    from enthesis.units import Money

    return records.Plan(
        protocol=name, protocol_version="1", mixtures=(MIXTURE,), sites=(), sessions_planned=3,
        sessions_max=6, interval_days=28, stop_rule=RULE,
        price_per_session=Money(Decimal(280), "USD"),
    )  # fmt: skip


@pytest.fixture
def course(make_course, clinician: models.User) -> models.Course:
    """A course with two of everything, of which only some counts."""
    course = make_course()
    signed = datetime(2026, 10, 1, 12, tzinfo=UTC)
    for number, at in [(1, signed), (2, None)]:
        session = models.Session.objects.create(
            course=course, number=number, on=date(2026, 10, number), mixtures=plain((MIXTURE,)),
            weight_kg=Decimal("72.5"), signed_at=at, signed_by=clinician if at else None,
        )  # fmt: skip
        for position, given in [(1, True), (2, False)]:
            models.SessionSite.objects.create(
                session=session, position=position, site=f"site_{position}", side="left",
                mixture="joint", volume_ml=Decimal("0.50"), given=given,
            )  # fmt: skip
    for day, at in [(5, signed), (6, None)]:
        models.Assessment.objects.create(
            course=course, on=date(2026, 10, day), occasion="after_session",
            questionnaire="six_signs", completed_at=at,
            answers={"pain": "6.5", "spasm_days": 3, "danger": ["none"], "mood": None},
        )  # fmt: skip
    for name, agreed_on in [
        ("old", date(2026, 9, 2)),
        ("agreed", date(2026, 9, 3)),
        ("next", None),
    ]:
        models.Plan.objects.create(course=course, content=plain(_plan(name)), agreed_on=agreed_on)
    return course


def test_only_signed_sessions_and_given_sites_count(course: models.Course) -> None:
    (session,) = store.course_record(course).sessions
    assert (session.number, session.weight_kg) == (1, Decimal("72.5"))
    assert [site.site for site in session.sites] == ["site_1"]
    assert session.mixtures == (MIXTURE,)


def test_only_completed_answers_count_and_numbers_stay_exact(course: models.Course) -> None:
    (assessment,) = store.course_record(course).assessments
    assert assessment.answers == {
        "pain": Decimal("6.5"),
        "spasm_days": Decimal(3),
        "danger": ("none",),
        "mood": None,
    }


def test_the_plan_is_the_one_last_agreed_not_a_later_proposal(course: models.Course) -> None:
    plan = store.course_record(course).plan
    assert plan is not None
    assert (plan.protocol, plan.agreed_on) == ("agreed", date(2026, 9, 3))


def test_the_number_of_queries_does_not_grow_with_the_courses(
    course: models.Course, make_course
) -> None:
    def queries(rows: list[models.Course]) -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as captured:
            store.course_records(rows)
        return len(captured)

    one = queries([models.Course.objects.get(pk=course.pk)])
    make_course()
    assert queries(list(models.Course.objects.all())) == one <= 9


def test_today_is_the_date_where_the_clinic_is(clinic: models.Clinic, time_machine) -> None:
    time_machine.move_to("2026-11-23 03:00Z")
    assert store.today(clinic) == date(2026, 11, 22)
