"""A course without response, from its first question to the stop that was agreed, in the browser.

The way to the agreement, the sessions and their answers are walked elsewhere
(`test_whole_course.py`): here they are rows, but for the last answers and all that is decided.
`ENTHESIS_PICTURES=docs/pictures` also saves the pictures that the docs show.
"""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from enthesis.clinic import models
from tests.browser.conftest import DESKTOP, PHONE, look, sign_in
from tests.browser.test_whole_course import START, answer_on_the_phone, ask, on_day
from tests.clinic.evaluated import plan
from tests.clinic.treated import give_session, say

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_course_without_response_ends_by_the_rule_that_was_agreed(
    open_page: Callable[..., Page],
    clinic: models.Clinic,
    clinician: models.User,
    make_patient: Callable[..., models.Patient],
    make_course: Callable[..., models.Course],
) -> None:
    # Given a clinic that judges early, and a patient who has agreed to that
    clinic.stop_choice = "early"
    clinic.save()
    course = make_course(make_patient(), opened_on=START.date())
    client = Client()
    with on_day(0):
        # Within: a sign-in in the small hours would have ended by that noon.
        client.force_login(clinician)
        plan(client, course, clinician, START.date())
    url, last = f"/courses/{course.pk}/", 3
    page, phone = open_page(DESKTOP), open_page(PHONE)

    # When her pain is the same before the first needle and after each session
    for number in range(1, last + 1):
        with on_day(14 * (number - 1)):
            day = timezone.localdate()
            say(course, day, 7)
            if number > 1:  # no relief after the first session is no failure
                sign_in(page, clinician)
                page.goto(url)
                expect(page.get_by_role("heading", name="Go on")).to_be_visible()
                page.get_by_role("button", name="Record decision").click()
                expect(page.get_by_text("Decision recorded: go on.")).to_be_visible()
            give_session(course, number, day, clinician)

    # Then the series that was agreed ends, with the reasons, and she is told so
    with on_day(14 * last):
        sign_in(page, clinician)
        answer_on_the_phone(phone, ask(page, url), pain=7)
        page.goto(url)
        expect(page.get_by_role("heading", name="Stop", exact=True)).to_be_visible()
        look(page, "course-stop")
        page.get_by_role("button", name="Record decision").click()
        expect(page.get_by_text("Decision recorded: stop.")).to_be_visible()
        page.goto(f"{url}after/")
        look(page, "course-stop-told")
    assert [d.decided for d in course.decisions.order_by("id")] == ["go_on", "go_on", "stop"]
