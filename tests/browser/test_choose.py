"""The decision aid on a phone, as anybody opens it."""

import pytest
from playwright.sync_api import Page, expect

from enthesis.clinic.models import Clinic
from tests.browser.conftest import assert_accessible, look


@pytest.mark.browser
@pytest.mark.django_db
def test_anybody_reads_the_choices_on_a_phone_in_either_language(
    phone: Page, clinic: Clinic
) -> None:
    phone.goto(f"/choose/{clinic.pk}/")
    assert_accessible(phone)
    phone.get_by_role("link", name="Low back and sacroiliac pain").click()
    expect(phone.get_by_text("46 of 100, and 36 of 100 with salt water")).to_be_visible()
    phone.get_by_text("Where this comes from").click()
    assert_accessible(phone)
    phone.get_by_role("link", name="Español").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text(
        "Dolor lumbar y sacroilíaco: ¿es la proloterapia para usted?"
    )
    phone.get_by_role("link", name="Una página para imprimir").click()
    expect(phone.get_by_role("columnheader", name="Qué puede salir mal")).to_be_attached()


def choose_on_the_phone(phone: Page, clinic: Clinic) -> None:
    """From the public page by what can be tapped alone: the self-check with each of its three
    ends, what matters, the sheet, and the questions on what was read."""
    phone.goto(f"/choose/{clinic.pk}/")
    phone.get_by_role("link", name="Low back and sacroiliac pain").click()
    phone.get_by_role("link", name="What you can do now").click()
    phone.get_by_role("link", name="A short self-check").click()
    look(phone)
    phone.get_by_role("group", name="Are you numb between the legs").get_by_label("Yes").check()
    phone.get_by_role("button", name="Go on").click()
    expect(phone.get_by_role("link", name="Call 911")).to_be_in_viewport()
    look(phone)
    phone.get_by_role("link", name="Start again").click()
    phone.get_by_role("button", name="Go on").click()
    phone.get_by_role("group", name="Do you take a blood thinner").get_by_label("Yes").check()
    look(phone)
    phone.get_by_role("button", name="See where to ask").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("See a doctor first")
    look(phone)
    phone.get_by_role("link", name="Start again").click()
    for button in ("Go on", "See where to ask"):
        # At once: waiting for each of twenty-two to stand still takes seconds.
        phone.locator("[value=no]").evaluate_all("all => all.forEach(one => one.click())")
        phone.get_by_role("button", name=button).click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("You can ask at the visit")
    look(phone)
    phone.get_by_role("link", name="What matters to you").click()
    phone.get_by_label("A low price").select_option("7")
    look(phone)
    phone.get_by_role("button").click()
    phone.get_by_label("When do we stop").check()
    look(phone)
    phone.get_by_role("button", name="Make my sheet").click()
    expect(phone.get_by_text("A low price: 7 of 10")).to_be_visible()
    look(phone)
    phone.get_by_role("link", name="All about these choices").click()
    phone.get_by_role("link", name="What do you know now?").click()
    phone.get_by_role("button").click()
    look(phone)
    assert phone.context.cookies() == []
