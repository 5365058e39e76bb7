"""A prepared query gives what Django's own gives, and a row is added as Django adds it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, EmailField
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext

from enthesis.clinic import models
from enthesis.clinic.prepared import Prepared, insert
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
    kept = [models.Assessment.objects.filter(pk=row.pk).values().get() for row in (theirs, ours)]
    assert kept[0] | {"id": 0} == kept[1] | {"id": 0}


def test_bytes_are_added_as_they_are(courses: list[models.Course]) -> None:
    secret = bytes(range(256))
    user = make_user(courses[0].patient.clinic, "ana", models.Role.CLINICIAN)
    row = insert(models.SecondFactor(user=user, kind="app", secret=secret))
    assert models.SecondFactor.objects.get(pk=row.pk).secret == secret


class _NotSentError(Exception):
    pass


def _sent(keep: Callable[[], object]) -> tuple[str, list[str]]:
    """The SQL and the values that would go to the database."""
    sent = list[Any]()

    def stop(execute: Any, sql: str, values: Any, many: bool, context: Any) -> None:
        # By their looks: what wraps JSON for a driver equals nothing else.
        sent.extend((sql, [repr(getattr(value, "obj", value)) for value in values]))
        raise _NotSentError

    with connection.execute_wrapper(stop), pytest.raises(_NotSentError):
        keep()
    return sent[0], sent[1]


def _filled(field: Any) -> Any:
    if isinstance(field, EmailField):
        return "100%s@clinic.example"
    values = {
        "BinaryField": bytes(range(256)),
        "BooleanField": True,
        "CharField": "é+1"[: field.max_length],
        "DateField": date(2026, 1, 2),
        "DateTimeField": datetime(2026, 3, 1, 12, 0, 0, 123456, timezone(timedelta(hours=5.5))),
        "DecimalField": Decimal("1.5"),
        "JSONField": {"a": [1, None, "é"], "b": {"c": 1.5}},
        "TextField": "%%s ? ☃",
        "TimeField": time(9, 5),
        "UUIDField": UUID(int=7),
    }
    return values.get(field.get_internal_type(), 5)  # numbers, of rows too, within all limits


FIELDS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "default": lambda field: {},
    "filled": lambda field: {field.attname: _filled(field)},
    "null": lambda field: {field.attname: None} if field.null else {},
}


@pytest.mark.parametrize("given", FIELDS)
@time_machine.travel("2026-11-23 15:00Z", tick=False)
def test_a_row_of_every_table_is_sent_as_django_sends_it(given: str) -> None:
    for model in apps.get_app_config("clinic").get_models():
        values = dict[str, Any]()
        for field in model._meta.local_concrete_fields:
            values |= {} if field.primary_key else FIELDS[given](field)
        row = model(**values)
        assert _sent(partial(insert, row)) == _sent(row.save), model


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
