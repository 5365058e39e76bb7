"""Whom to call, and how a patient stops messages, in the browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from enthesis.clinic import models
from enthesis.clinic.actions import answer, outbox
from tests.browser.conftest import DESKTOP, PHONE, assert_accessible, sign_in
from tests.clinic_fixtures import session_days_ago

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_patient_stops_messages_without_javascript_and_the_desk_calls(
    open_page: Callable[..., Page], make_course: Callable[..., models.Course], desk: models.User
) -> None:
    course = session_days_ago(make_course(), 6)
    answer.make_link(desk, course.pk, "after_session", course.opened_on)
    phone = open_page(PHONE, dark=True, scripts=False)
    phone.goto(f"/stop/{outbox.stop_token(course.patient)}/")
    phone.get_by_role("button", name="Stop messages").click()
    expect(phone.get_by_role("heading", name="Messages are stopped")).to_be_visible()
    phone.get_by_role("button", name="Undo").click()
    expect(phone.get_by_role("heading", name="No more messages?")).to_be_visible()
    page = open_page(DESKTOP)
    sign_in(page, desk)
    page.get_by_role("link", name="Call list").click()
    assert_accessible(page)
    page.get_by_role("link", name="Record call to Lindqvist, Marta").click()
    assert_accessible(page)
    page.get_by_label("No answer").check()
    page.get_by_role("button", name="Record call").click()
    expect(page.get_by_text("1 call; last")).to_be_visible()
