"""The invented clinic in a database: alive today, complete, consistent. It is loaded once."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.db.models import Sum
from pytest_django import DjangoDbBlocker

from enthesis.clinic import models, store
from enthesis.clinic.actions.judge import recompute
from enthesis.clinic.stock import warnings
from enthesis.commands.demo import DEMO_SIGN_INS
from enthesis.journey.judge import judge
from enthesis.records import NextStep
from enthesis.shape import plain
from tests.clinic.invented import TODAY, assert_alive, loaded_once


@pytest.fixture(scope="module")
def loaded(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[models.Clinic]:
    with loaded_once(django_db_blocker) as clinic:
        yield clinic


@pytest.fixture
def demo(loaded: models.Clinic, db: None) -> models.Clinic:
    """The invented clinic as of TODAY; what a test changes is undone after it."""
    return loaded


def test_every_row_of_the_invented_clinic_is_valid_and_has_its_audit_row(
    demo: models.Clinic,
) -> None:
    audited = Counter(models.AuditEvent.objects.values_list("record", flat=True))
    kinds = (
        models.Patient,
        models.Weight,
        models.Course,
        models.Evaluation,
        models.Plan,
        models.Session,
        models.SessionSite,
        models.Appointment,
        models.Assessment,
        models.Decision,
        models.Invoice,
        models.InvoiceLine,
        models.LedgerEntry,
        models.AdverseEvent,
        models.AdverseEventEntry,
    )
    for kind in kinds:
        rows = list(kind._default_manager.all())
        assert rows, f"no {kind.__name__}"
        for row in rows:
            row.clean_fields()
        is_part = kind in (models.SessionSite, models.InvoiceLine)
        assert audited[kind._meta.model_name] == (0 if is_part else len(rows))


def test_its_stock_is_what_its_sessions_left(demo: models.Clinic) -> None:
    lots = models.StockLot.objects.filter(product__clinic=demo)
    assert lots.filter(movements__kind="used").distinct().count() == lots.count() > 0
    for lot in lots:
        moved = list(lot.movements.all())
        assert sum(one.vials for one in moved) == moved[-1].left >= 0
        assert [one.number for one in moved] == list(range(1, len(moved) + 1))
        assert all(one.on <= lot.expires_on for one in moved)
    told = warnings(demo, TODAY)
    assert any("left in date" in line for line in told)
    assert any("expires in 25 days" in line for line in told)


def test_today_is_alive(demo: models.Clinic) -> None:
    assert_alive(demo, TODAY)


def test_decisions_can_be_worked_out_again_from_what_is_kept(demo: models.Clinic) -> None:
    for decision in models.Decision.objects.all():
        verdict = recompute(decision)
        assert plain(verdict) == decision.verdict
        assert verdict.next_step == decision.suggested
        assert decision.reason or decision.decided == decision.suggested
        assert decision.inputs["id"] == str(decision.course_id)


def test_nobody_is_treated_without_an_agreed_plan_or_after_a_decision_to_end(
    demo: models.Clinic,
) -> None:
    rows = models.Course.objects.filter(patient__clinic=demo)
    for course in store.course_records(list(rows)):
        if course.sessions:
            assert course.plan is not None and course.plan.agreed_on is not None
            assert course.plan.agreed_on <= course.sessions[0].on
            assert len(course.sessions) <= course.plan.sessions_max
            assert all(session.weight_kg for session in course.sessions)
        ends = [d.on for d in course.decisions if d.decided is not NextStep.GO_ON]
        if ends and course.sessions:
            assert course.sessions[-1].on <= ends[0]


def test_the_store_reads_back_the_course_that_was_told(demo: models.Clinic) -> None:
    known = store.known_for(demo, TODAY)
    decided = models.Decision.objects.order_by("pk").first()
    assert decided is not None
    course = store.course_record(decided.course)
    assert judge(course, known, TODAY).judged_on == TODAY


def test_invoices_are_numbered_without_gaps_and_never_overpaid(demo: models.Clinic) -> None:
    numbers = models.Invoice.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == list(range(1, len(numbers) + 1))
    receipts = models.LedgerEntry.objects.order_by("number").values_list("number", flat=True)
    assert list(receipts) == list(range(1, len(receipts) + 1))
    for invoice in models.Invoice.objects.all():
        charged = invoice.lines.aggregate(sum=Sum("amount"))["sum"]
        paid = invoice.entries.aggregate(sum=Sum("amount"))["sum"] or 0
        assert paid <= charged


def test_nothing_lies_in_the_future_but_booked_visits(demo: models.Clinic) -> None:
    assert not models.Assessment.objects.filter(on__gt=TODAY).exists()
    assert not models.Session.objects.filter(on__gte=TODAY).exists()
    assert not models.LedgerEntry.objects.filter(on__gt=TODAY).exists()
    tomorrow = TODAY + timedelta(days=1)
    coming = models.Appointment.objects.filter(starts_at__date__gte=tomorrow)
    assert set(coming.values_list("state", flat=True)) == {"booked"}


def test_the_printed_sign_ins_open_the_clinic(demo: models.Clinic) -> None:
    for username, password, role, name in DEMO_SIGN_INS:
        user = authenticate(username=username, password=password)
        assert isinstance(user, models.User)
        assert (user.role, user.display_name) == (role, name)
        assert len(password) >= 12
