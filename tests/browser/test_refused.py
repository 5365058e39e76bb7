"""A form that was refused says so where it is looked at, wherever its page was before."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from enthesis.clinic.models import Course, User
from tests.browser.conftest import DESKTOP, PHONE, sign_in
from tests.clinic.evaluated import plan
from tests.clinic.test_treat_pages import start

pytestmark = pytest.mark.browser
IS_SEEN = """one => {
  const box = one.getBoundingClientRect();
  const above = document.elementFromPoint(box.left + 40, box.top + 8);
  const inside = box.top >= 0 && box.bottom <= innerHeight;
  return inside && one.contains(above) && one === document.activeElement;
}"""


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_a_refused_signature_is_seen_after_the_map_was_touched(
    open_page: Callable[..., Page],
    client_for: Callable[[User], Client],
    clinician: User,
    make_course: Callable[..., Course],
    size: tuple[int, int],
) -> None:
    client, course = client_for(clinician), make_course()
    plan(client, course, clinician, timezone.localdate())
    session = start(client, course)
    page = open_page(size)
    sign_in(page, clinician)
    page.goto(f"/sessions/{session.pk}/")
    page.locator("#map a:visible").nth(4).click()
    assert page.url.endswith("#site-5")
    page.get_by_role("button", name="Sign session").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page.locator(".error-summary").evaluate(IS_SEEN)


def test_a_form_that_is_refused_twice_is_told_so_twice(
    open_page: Callable[..., Page], clinician: User
) -> None:
    page = open_page((1280, 320))
    sign_in(page, clinician)
    page.goto("/patients/add/")
    for _ in "12":
        page.locator("main .button.filled").click()
        expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert page.locator(".error-summary").evaluate(IS_SEEN)
        page.locator(".error-summary a").last.click()
        assert "#" in page.url
