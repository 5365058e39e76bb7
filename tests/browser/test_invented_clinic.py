"""The clinic that a newcomer meets: everybody who comes today, on a desktop and on a phone."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from enthesis.clinic import models
from enthesis.commands.demo import PASSWORD, load_invented_clinic
from tests.browser.conftest import DESKTOP, PHONE, assert_accessible_in_every_look, look

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LOOKS = [(DESKTOP, False, ""), (PHONE, True, "-phone-dark")]


@pytest.fixture
def invented() -> models.Clinic:
    return load_invented_clinic(datetime.now(UTC).date(), 1, 40, lambda done, of: None)


def test_today_and_the_courses_of_all_who_come_are_accessible(
    invented: models.Clinic, desktop: Page
) -> None:
    page = desktop
    page.goto("/sign-in/")
    page.get_by_label("User name").fill("clinician")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Who comes")).to_be_visible()
    look_at_each_size(page, "today")
    coming = page.locator("section", has=page.get_by_role("heading", name="Who comes"))
    addresses = {a.get_attribute("href") for a in coming.get_by_role("link").all()}
    assert len(addresses) >= 6
    for address in sorted(filter(None, addresses)):
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        tag = page.locator(".verdict h2, .verdict h3").first
        shown = tag.inner_text().strip().lower() if tag.count() else ""
        look_at_each_size(page, "course", f"-{shown.replace(' ', '-') or 'new'}")


@pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")
def test_the_outcomes_and_what_is_published_of_them_are_accessible(
    invented: models.Clinic, desktop: Page
) -> None:
    page = desktop
    page.goto("/sign-in/")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Outcomes").click(timeout=30_000)
    page.locator(".fold").first.wait_for()
    while (folded := page.locator(".fold:not([open]) > summary")).count():
        folded.first.click()
    slider = page.get_by_label("How bad must those without an answer be")
    slider.focus()
    slider.press("End")
    expect(page.locator("#tipping")).to_contain_text("Worse by 5 points")
    expect(page.locator("#silent-picture .wide .dot").last).to_have_class("dot chosen")
    assert_accessible_in_every_look(page, [(DESKTOP, False), (PHONE, True)])
    page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    page.get_by_role("link", name="Look at what would be published").click()
    page.get_by_role("button", name="Publish these results").click()
    page.get_by_role("link", name="/results/").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("What happened to the patients")
    assert_accessible_in_every_look(page, [(PHONE, False)])


def look_at_each_size(page: Page, picture: str, shown: str = "") -> None:
    """The page as it stands on a desktop and on a dark phone, without loading it again."""
    for (width, height), dark, where in LOOKS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="dark" if dark else "light")
        look(page, f"{picture}{where}{shown}")
