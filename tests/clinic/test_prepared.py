"""A prepared query gives what Django's own gives."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext

from enthesis.clinic import models
from enthesis.clinic.prepared import Prepared

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
