"""Two starts before any needle: offered on the pages, written to the patient, shown, never owed."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from enthesis.clinic import models, store
from enthesis.clinic.actions import answer, outbox
from enthesis.clinic.calls import call_list
from enthesis.journey import before
from tests.clinic.treated import agree_plan, give_session, say

pytestmark = pytest.mark.usefixtures("on_a_fixed_day")
TODAY = date(2026, 11, 23)


def test_a_second_start_is_offered_two_weeks_after_the_first_and_its_change_shown(
    make_course: Callable[..., models.Course],
    clinician: models.User,
    desk: models.User,
    client_for: Callable[[models.User], Client],
) -> None:
    course, client = make_course(opened_on=TODAY - timedelta(15)), client_for(clinician)
    models.Evaluation.objects.create(
        course=course, on=course.opened_on, answers={}, result={"answer": "suitable"}, by=clinician
    )
    agree_plan(course, agreed_on=TODAY - timedelta(15))
    say(course, TODAY - timedelta(14), 7, expect_relief=70, prefer="exercise")

    def words(path: str, of: Client = client) -> str:
        response = of.get(f"/courses/{course.pk}/{path}")
        assert response.status_code == 200
        return response.content.decode()

    page, plan, ask = words(""), words("plan/"), words("ask/", client_for(desk))
    assert page.count("Second start due") == plan.count("Second start due") == 1
    assert "due since 23 Nov 2026" in page and "70 %" in page and "Exercise or physio" in page
    assert "A second start is offered since 23 Nov 2026" in ask and "about 19 questions" in ask
    (reminder,) = outbox.wanted(course, TODAY)
    assert reminder.key == f"course/{course.pk}/second_start/2026-11-23/0"
    models.Clinic.objects.update(reminders_on=True)  # a patient without an address would be called
    models.Patient.objects.update(email="", phone="")
    assert not call_list(models.Clinic.objects.get(pk=clinician.clinic_id), timezone.now()).now

    say(course, TODAY, 5)
    page, plan = words(""), words("plan/")
    moved = "Pain 7 on 9 Nov 2026, 5 on 23 Nov 2026: 2 points better in 14 days, before any needle."
    assert moved in page and moved in plan and "Second start due" not in page + plan
    assert "Start 6: the mean of 2 answers before treatment." in page
    give_session(course, 1, TODAY, clinician)
    record = store.course_record(models.Course.objects.get())
    known = store.known_for(clinician.clinic, TODAY)
    late = {q.id for q in answer.questions_of(record, "baseline", {}, known)}
    assert "pain" in late and late.isdisjoint(before.ASKED_BEFORE)
    asked = {q.id for q in known.questions("six_signs").values() if q.once and q.kind != "text"}
    assert asked == set(before.ASKED_BEFORE)
    assert not outbox.wanted(models.Course.objects.get(), TODAY)
