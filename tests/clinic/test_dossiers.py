"""Rows become dossiers and dossiers rows: in the clinic next door and in the same one again."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker

from enthesis.clinic import models, store
from enthesis.clinic.actions.receive import Unfit, receive
from enthesis.clinic.actions.receive_rules import rules_of
from enthesis.clinic.dossiers import dossier_of, dossiers
from enthesis.clinic.timeline import timeline
from enthesis.exchange.dossier import Dossier
from enthesis.exchange.dossier_compare import differences
from enthesis.journey.judge import judge
from tests.clinic.invented import TODAY, load, loaded_once

PATIENTS = 12


@pytest.fixture(scope="module")
def harbour(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[models.Clinic]:
    with loaded_once(django_db_blocker, lambda: load(patients=PATIENTS)) as clinic:
        yield clinic


@pytest.fixture
def leaving(harbour: models.Clinic, db: None) -> list[Dossier]:
    return list(dossiers(harbour, files=True))


@pytest.fixture
def hill(harbour: models.Clinic, db: None) -> models.Clinic:
    return models.Clinic.objects.create(name="Hill Clinic", phone="(555) 0200")


def bring(clinic: models.Clinic, leaving: list[Dossier], **more: Any) -> Any:
    return receive(clinic, leaving, "harbour", actor="a test", **more)


def courses_of(clinic: models.Clinic) -> list[models.Course]:
    rows = models.Course.objects.filter(patient__clinic=clinic)
    return list(rows.select_related("patient__clinic").order_by("patient__number", "id"))


def test_a_clinic_next_door_shows_the_same_courses_verdicts_and_timelines(
    harbour: models.Clinic, hill: models.Clinic, leaving: list[Dossier]
) -> None:
    result = bring(hill, leaving, rules=rules_of(harbour))
    assert (result.patients, result.already, result.renumbered) == (PATIENTS, 0, {})
    known = store.known_for(hill, TODAY)
    here, there = courses_of(hill), courses_of(harbour)
    assert len(here) == len(there) >= PATIENTS
    for mine, theirs in zip(here, there, strict=True):
        assert mine.patient.number == theirs.patient.number
        record, other = store.course_record(mine), store.course_record(theirs)
        assert replace(record, id="") == replace(other, id="")
        assert judge(record, known, TODAY) == judge(other, known, TODAY)
        for is_clinical in (True, False):
            lines = [
                [replace(line, url="") for line in timeline(row, known, is_clinical)]
                for row in (mine, theirs)
            ]
            assert lines[0] == lines[1]
    assert any(store.course_record(row).decisions for row in here)


def test_each_record_is_audited_and_the_books_keep_their_numbers(
    harbour: models.Clinic, hill: models.Clinic, leaving: list[Dossier]
) -> None:
    result = bring(hill, leaving)
    for kind in (models.Invoice, models.LedgerEntry):
        numbers = [
            list(kind.objects.filter(clinic=one).order_by("number").values_list("number"))
            for one in (harbour, hill)
        ]
        assert numbers[0] == numbers[1] != []
    events = models.AuditEvent.objects.filter(clinic=hill, action="receive")
    parts = models.SessionSite.objects.filter(session__course__patient__clinic=hill).count()
    parts += models.InvoiceLine.objects.filter(invoice__clinic=hill).count()
    people = models.User.objects.filter(clinic=hill)
    assert events.exclude(record="user").count() == result.records - parts
    assert events.filter(record="user").count() == people.count() > 0
    assert not any(one.is_active or one.has_usable_password() for one in people)


def test_receiving_twice_adds_nothing_and_tells_what_is_otherwise(
    hill: models.Clinic, leaving: list[Dossier]
) -> None:
    bring(hill, leaving)
    before = models.AuditEvent.objects.count()
    again = bring(hill, leaving)
    assert (again.patients, again.already, again.differences) == (0, PATIENTS, [])
    assert models.AuditEvent.objects.count() == before
    other = replace(leaving[0], person=replace(leaving[0].person, phone="(555) 0199"))
    [told] = bring(hill, [other]).differences
    assert (told.where, told.there) == ("person.phone", "(555) 0199")
    assert models.Patient.objects.get(clinic=hill, number=told.number).phone != "(555) 0199"


def test_a_clinic_with_patients_and_papers_gives_numbers_anew_without_gaps(
    hill: models.Clinic, leaving: list[Dossier]
) -> None:
    own = models.Patient.objects.create(clinic=hill, number=1001, family="Own", given="One")
    course = models.Course.objects.create(
        patient=own, condition="low_back", side="left", opened_on=TODAY
    )
    told = {"issued_on": TODAY, "due_on": TODAY, "currency": "USD"}
    models.Invoice.objects.create(clinic=hill, number=1, course=course, **told)
    result = bring(hill, leaving)
    assert result.renumbered["patient"] >= 1
    assert models.Patient.objects.filter(clinic=hill).count() == PATIENTS + 1
    numbers = list(models.Invoice.objects.filter(clinic=hill).values_list("number", flat=True))
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert len(numbers) > 2
    event = models.AuditEvent.objects.filter(clinic=hill, record="invoice").last()
    assert event and event.detail["number_there"] > 0
    # There is no receipt of the clinic's own, so these keep their numbers.
    assert "receipt" not in result.renumbered


def test_who_came_first_may_have_got_papers_here_before_the_others_come(
    hill: models.Clinic, leaving: list[Dossier]
) -> None:
    paid = [one for one in leaving if any(file.invoices for file in one.courses)]
    first, later = paid[:1], paid[1:3]
    bring(hill, first)
    course = models.Course.objects.filter(patient__clinic=hill)[0]
    told = {"issued_on": TODAY, "due_on": TODAY, "currency": "USD", "course": course}
    taken = min(one.number for d in later for file in d.courses for one in file.invoices)
    models.Invoice.objects.create(clinic=hill, number=taken, **told)
    assert bring(hill, later).renumbered["invoice"] >= 1
    numbers = models.Invoice.objects.filter(clinic=hill).values_list("number", flat=True)
    assert len(set(numbers)) == len(numbers)


def test_what_does_not_fit_is_named_and_nothing_is_written(
    hill: models.Clinic, leaving: list[Dossier]
) -> None:
    treated = next(i for i, one in enumerate(leaving) if one.courses[0].sessions)
    course = leaving[treated].courses[0]
    session = course.sessions[0]

    def with_session(**changed: Any) -> Dossier:
        sessions = (replace(session, **changed), *course.sessions[1:])
        return replace(leaving[treated], courses=(replace(course, sessions=sessions),))

    person = leaving[0].person
    for dossier, record, field in (
        (with_session(needle="x" * 61), session.key, "needle"),
        (with_session(signed_by="user-999"), session.key, "signed_by"),
        (with_session(on=TODAY + timedelta(days=40)), session.key, "on"),
        (with_session(lots={"dextrose": "a\0b"}), session.key, "lots"),
        (replace(leaving[0], person=replace(person, sex="f")), person.key, "sex"),
        (replace(leaving[0], person=replace(person, family="\0")), person.key, "family"),
    ):
        others = [one for one in leaving if one.person.key != dossier.person.key]
        with pytest.raises(Unfit) as refused:
            bring(hill, [*others, dossier])
        found = [(problem.record, problem.field) for problem in refused.value.problems]
        assert (record, field) in found
        assert not models.Patient.objects.filter(clinic=hill).exists()
        assert not models.User.objects.filter(clinic=hill).exists()


def test_a_changed_decision_or_file_does_not_come_in(
    hill: models.Clinic, leaving: list[Dossier]
) -> None:
    decided = next(one for one in leaving if any(c.decisions for c in one.courses))
    course = next(c for c in decided.courses if c.decisions)
    [first, *more] = course.decisions
    changed = replace(first, inputs={**first.inputs, "condition": "knee"})
    other = replace(course, decisions=(changed, *more))
    with pytest.raises(Unfit, match="changed since the decision"):
        bring(hill, [replace(decided, courses=(other,))])


def test_only_facts_of_the_clinics_own_patients_leave(
    clinic: models.Clinic,
    clinician: models.User,
    make_course: Callable[..., models.Course],
    other_clinic: models.Clinic,
) -> None:
    course = make_course()
    stranger = models.Patient.objects.create(
        clinic=other_clinic, number=7, family="Next", given="Door"
    )
    models.Session.objects.create(course=course, number=1, on=course.opened_on, mixtures=[])
    told = {"occasion": "baseline", "questionnaire": "six_signs", "on": course.opened_on}
    models.Assessment.objects.create(course=course, **told)
    ids = [course.patient_id, stranger.pk]
    [only] = dossiers(clinic, ids)
    assert only.person.key == f"patient-{course.patient_id}"
    assert (only.courses[0].sessions, only.courses[0].assessments) == ((), ())
    assert [one.name for one in only.practitioners] == [str(clinician)]


def test_queries_do_not_grow_with_patients(harbour: models.Clinic, db: None) -> None:
    counts = []
    for ids in ([p.pk for p in models.Patient.objects.filter(clinic=harbour)[:n]] for n in (4, 12)):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert len(list(dossiers(harbour, ids))) == len(ids)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 35


def test_two_dossiers_differ_where_one_fact_does(leaving: list[Dossier]) -> None:
    one = next(d for d in leaving if d.courses[0].sessions)
    course = one.courses[0]
    changed = replace(course.sessions[-1], note="Said otherwise")
    other = replace(one, courses=(replace(course, sessions=(*course.sessions[:-1], changed)),))
    [told] = differences(one, other)
    assert told.where == f"courses[0].sessions[{len(course.sessions) - 1}].note"
    fewer = replace(one, courses=(replace(course, assessments=course.assessments[:-1]),))
    assert "nothing" in [told.there for told in differences(one, fewer)]
    patient = models.Patient.objects.get(number=one.person.number)
    assert list(differences(one, dossier_of(patient))) == []
