"""The evidence pages as anybody sees them, without signing in."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import assert_accessible_in_every_look, look

PAGES = ["/evidence/", "/evidence/low_back/", "/evidence/knee_oa/", "/evidence/tmj/"]


@pytest.mark.browser
@pytest.mark.django_db
@pytest.mark.parametrize("address", PAGES)
def test_every_evidence_page_is_accessible_at_every_width(desktop: Page, address: str) -> None:
    desktop.goto(address)
    for more in desktop.locator("main details.more > summary").all():
        more.click()
    assert_accessible_in_every_look(desktop)


@pytest.mark.browser
@pytest.mark.django_db
def test_a_phone_gets_its_own_drawing_and_text_that_can_be_read(phone: Page) -> None:
    phone.goto("/evidence/low_back/")
    assert not phone.locator("svg.forest.wide").first.is_visible()
    drawing = phone.locator("svg.forest.narrow").first
    assert drawing.is_visible()
    shown = drawing.evaluate(
        "svg => parseFloat(getComputedStyle(svg.querySelector('text')).fontSize)"
        " * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width"
    )
    assert shown >= 12


@pytest.mark.browser
@pytest.mark.django_db
def test_the_neutral_trials_stand_beside_the_two_positive_ones(desktop: Page) -> None:
    desktop.goto("/evidence/low_back/")
    for trial in ("Yelland", "Dechow", "Ongley", "Klein"):
        expect(desktop.locator("svg.forest.wide").get_by_text(trial).last).to_be_visible()
    look(desktop, "evidence")
