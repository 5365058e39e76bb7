"""The invented clinic in a database: alive today, complete, and never beside real records."""

from collections import Counter
from datetime import date, timedelta

import pytest
from django.contrib.auth import authenticate
from django.db.models import Sum

from enthesis.clinic import models, store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions.judge import recompute
from enthesis.clinic.day import day
from enthesis.commands.demo import DEMO_SIGN_INS, load_invented_clinic
from enthesis.journey.judge import judge
from enthesis.records import NextStep
from enthesis.shape import plain

TODAY = date(2026, 11, 22)
PATIENTS = 40


def load(today: date = TODAY, patients: int = PATIENTS) -> models.Clinic:
    return load_invented_clinic(today, 1, patients, lambda done, total: None)


def test_every_row_of_the_invented_clinic_is_valid_and_has_its_audit_row(db: None) -> None:
    load()
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
        models.Payment,
    )
    for kind in kinds:
        rows = list(kind._default_manager.all())
        assert rows, f"no {kind.__name__}"
        for row in rows:
            row.clean_fields()
        is_part = kind in (models.SessionSite, models.InvoiceLine)
        assert audited[kind._meta.model_name] == (0 if is_part else len(rows))


@pytest.mark.parametrize("today", [TODAY, date(2028, 2, 29), date(2027, 1, 2)])
def test_today_is_alive_on_any_day(db: None, today: date) -> None:
    clinic = load(today)
    shown = day(clinic, today, clinical=True)
    assert 7 <= len(shown.visits) <= 9
    assert len({visit.at for visit in shown.visits}) == len(shown.visits)
    assert len(shown.worries) == 1
    steps = {visit.tag.next_step for visit in shown.visits}
    assert {"go_on", "stop", "finish"} <= steps
    assert {"Evaluate", "Ask today", "Weigh first"} <= {visit.tag.text for visit in shown.visits}


def test_some_are_silent_and_some_are_due_for_a_recheck(db: None) -> None:
    shown = day(load(patients=240), TODAY, clinical=True)
    assert shown.silent and shown.rechecks


def test_decisions_can_be_worked_out_again_from_what_is_kept(db: None) -> None:
    load()
    for decision in models.Decision.objects.all():
        verdict = recompute(decision)
        assert plain(verdict) == decision.verdict
        assert verdict.next_step == decision.suggested
        assert decision.reason or decision.decided == decision.suggested
        assert decision.inputs["id"] == str(decision.course_id)


def test_nobody_is_treated_without_an_agreed_plan_or_after_a_decision_to_end(db: None) -> None:
    clinic = load()
    rows = models.Course.objects.filter(patient__clinic=clinic)
    for course in store.course_records(list(rows)):
        if course.sessions:
            assert course.plan is not None and course.plan.agreed_on is not None
            assert course.plan.agreed_on <= course.sessions[0].on
            assert len(course.sessions) <= course.plan.sessions_max
            assert all(session.weight_kg for session in course.sessions)
        ends = [d.on for d in course.decisions if d.decided is not NextStep.GO_ON]
        if ends and course.sessions:
            assert course.sessions[-1].on <= ends[0]


def test_the_store_reads_back_the_course_that_was_told(db: None) -> None:
    clinic = load()
    known = store.known_for(clinic, TODAY)
    decided = models.Decision.objects.order_by("pk").first()
    assert decided is not None
    course = store.course_record(decided.course)
    assert judge(course, known, TODAY).judged_on == TODAY


def test_invoices_are_numbered_without_gaps_and_never_overpaid(db: None) -> None:
    load()
    numbers = models.Invoice.objects.order_by("number").values_list("number", flat=True)
    assert list(numbers) == list(range(1, len(numbers) + 1))
    for invoice in models.Invoice.objects.all():
        charged = invoice.lines.aggregate(sum=Sum("amount"))["sum"]
        paid = invoice.payments.aggregate(sum=Sum("amount"))["sum"] or 0
        assert paid <= charged


def test_nothing_lies_in_the_future_but_booked_visits(db: None) -> None:
    load()
    assert not models.Assessment.objects.filter(on__gt=TODAY).exists()
    assert not models.Session.objects.filter(on__gte=TODAY).exists()
    assert not models.Payment.objects.filter(paid_on__gt=TODAY).exists()
    tomorrow = TODAY + timedelta(days=1)
    coming = models.Appointment.objects.filter(starts_at__date__gte=tomorrow)
    assert set(coming.values_list("state", flat=True)) == {"booked"}


def test_the_printed_sign_ins_open_the_clinic(db: None) -> None:
    load()
    for username, password, role, name in DEMO_SIGN_INS:
        user = authenticate(username=username, password=password)
        assert isinstance(user, models.User)
        assert (user.role, user.display_name) == (role, name)
        assert len(password) >= 12


def test_it_is_never_loaded_beside_a_clinic_that_is_there(clinic: models.Clinic) -> None:
    with pytest.raises(Refused, match="already holds a clinic"):
        load()
    assert not models.Patient.objects.exists()


def test_too_few_patients_are_refused_with_the_least_number(db: None) -> None:
    with pytest.raises(ValueError, match="at least 9"):
        load(patients=3)
