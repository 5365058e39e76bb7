"""A prepared query gives what Django's own gives, and a row is added as Django adds it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.models import Count
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext

from enthesis.clinic import models
from enthesis.clinic.prepared import Prepared, _adding, insert
from tests.clinic_fixtures import make_user

pytestmark = [pytest.mark.alike, pytest.mark.django_db]


@pytest.fixture
def courses(
    make_patient: Callable[..., models.Patient], make_course: Callable[..., models.Course]
) -> list[models.Course]:
    return [make_course(make_patient(allergies=what)) for what in ("latex", "")]


def test_rows_and_what_they_point_to_in_one_query(courses: list[models.Course]) -> None:
    joined = models.Course.objects.select_related("patient__clinic")
    prepared = Prepared(lambda: joined.filter(pk=0))
    for course in courses:
        with CaptureQueriesContext(connection) as queries:
            found = prepared.first(course.pk)
            assert found is not None
            assert model_to_dict(found.patient) == model_to_dict(course.patient)
            assert model_to_dict(found.patient.clinic) == model_to_dict(course.patient.clinic)
        assert len(queries) == 1
        assert model_to_dict(found) == model_to_dict(course)
    assert prepared.first(0) is None


def test_columns_left_out_are_read_when_they_are_asked_for(courses: list[models.Course]) -> None:
    prepared = Prepared(lambda: models.Patient.objects.only("given").filter(clinic_id=0))
    found = prepared.rows(courses[0].patient.clinic_id)
    assert len(found) == 2
    assert found[0].get_deferred_fields() >= {"allergies", "family"}
    assert {row.allergies for row in found} == {"latex", ""}


@pytest.mark.parametrize("values", [(), (1, 2)])
def test_as_many_values_as_the_query_has(values: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match="1 values"):
        Prepared(lambda: models.Course.objects.filter(pk=0)).rows(*values)


def test_annotations_are_refused() -> None:
    counted = models.Course.objects.annotate(n=Count("sessions"))
    with pytest.raises(TypeError, match="annotations"):
        Prepared(lambda: counted.filter(pk=0)).rows(1)


def test_columns_alone(courses: list[models.Course]) -> None:
    dates = models.Patient.objects.order_by("id").values_list("id", "born_on")
    prepared = Prepared(lambda: dates.filter(clinic_id=0))
    expected = [(course.patient_id, course.patient.born_on) for course in courses]
    assert [tuple(row) for row in prepared.tuples(courses[0].patient.clinic_id)] == expected
    with pytest.raises(TypeError, match="no rows"):
        prepared.rows(courses[0].patient.clinic_id)


def test_a_row_is_added_as_django_adds_it(courses: list[models.Course]) -> None:
    given = {
        "course": courses[0],
        "on": date(2026, 3, 1),
        "occasion": "baseline",
        "questionnaire": "six_signs",
        "answers": {"pain_now": 7, "activity": "walk “up” the hill ☃"},
        "completed_at": datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC),
    }
    theirs, ours = models.Assessment(**given), models.Assessment(**given)
    theirs.save()
    assert insert(ours) is ours
    assert ours.pk == theirs.pk + 1
    assert not ours._state.adding
    kept = [model_to_dict(models.Assessment.objects.get(pk=row.pk)) for row in (theirs, ours)]
    assert kept[0] | {"id": 0} == kept[1] | {"id": 0}


def test_bytes_are_added_as_they_are(courses: list[models.Course]) -> None:
    secret = bytes(range(256))
    user = make_user(courses[0].patient.clinic, "ana", models.Role.CLINICIAN)
    row = insert(models.SecondFactor(user=user, kind="app", secret=secret))
    assert models.SecondFactor.objects.get(pk=row.pk).secret == secret


def test_a_row_of_every_table_can_be_added() -> None:
    for model in apps.get_app_config("clinic").get_models():
        assert _adding(model).sql.startswith("INSERT INTO")


def test_a_row_that_points_to_one_not_kept_is_refused(courses: list[models.Course]) -> None:
    unkept = models.Course(patient=courses[0].patient)
    with pytest.raises(ValueError, match="unsaved related object"):
        insert(models.Assessment(course=unkept, on=date(2026, 3, 1)))


def test_what_the_database_refuses_ends_the_transaction(courses: list[models.Course]) -> None:
    def twice() -> models.Assessment:
        key = models.Assessment(course=courses[0], on=date(2026, 3, 1), request_key="once")
        return insert(key)

    with transaction.atomic():
        twice()
        with pytest.raises(IntegrityError):
            twice()
        assert transaction.get_rollback()
        transaction.set_rollback(True)
    assert not models.Assessment.objects.exists()
