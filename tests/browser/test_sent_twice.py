"""A form whose answer was lost on the way, sent again by somebody who went back."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route

from enthesis.clinic import models
from tests.browser.conftest import DESKTOP, assert_accessible_in_every_look, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


def fill(page: Page) -> None:
    page.get_by_label("Amount").fill("50")
    page.get_by_label("Cash").check()


def test_a_deposit_whose_answer_was_lost_is_taken_once_and_a_double_click_is_one(
    open_page: Callable[..., Page], desk: models.User, make_course: Callable[..., models.Course]
) -> None:
    page, at = open_page(DESKTOP), f"/courses/{make_course().pk}/money/deposit/"
    sign_in(page, desk)
    page.goto(at)
    fill(page)
    button = page.get_by_role("button", name="Record deposit")

    def lose(route: Route) -> None:
        """The server did it; the network broke before the answer came."""
        route.fetch(max_redirects=0)
        route.abort("connectionreset")

    page.route(f"**{at}", lose, times=1)
    button.click()
    page.wait_for_url("chrome-error://**")
    assert models.LedgerEntry.objects.count() == 1
    page.goto(at)  # Back asks for the page anew: it is never stored
    fill(page)
    button.click()
    page.get_by_role("heading", name="Is this a second one?").wait_for()
    assert models.LedgerEntry.objects.count() == 1
    assert_accessible_in_every_look(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("button", name="Save it as a second one").dblclick()
    page.get_by_text("Deposit recorded.").wait_for()
    assert models.LedgerEntry.objects.count() == 2
