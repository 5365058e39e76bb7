"""The decision aid on a phone, as anybody opens it."""

import pytest
from playwright.sync_api import Page, expect

from enthesis.clinic.models import Clinic
from tests.browser.conftest import assert_accessible


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
