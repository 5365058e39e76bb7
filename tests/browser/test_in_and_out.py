"""A REDCap export is looked at and imported; the record and the erasure page can be used by all."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from enthesis.clinic import models
from tests.browser.conftest import assert_accessible, sign_in
from tests.clinic.treated import treated

SHEET = Path(__file__).parents[1] / "sheets/redcap-knee-raw.csv"


def choose(page: Page, base: str, content: bytes) -> None:
    page.goto(f"{base}/settings/import/")
    page.get_by_label("Map", exact=True).select_option("redcap-knee-raw")
    page.get_by_label("File", exact=True).set_input_files(
        {"name": "knees.csv", "mimeType": "text/csv", "buffer": content}
    )
    page.get_by_role("button", name="Look at it").click()
    page.get_by_role("heading", name="knees.csv").wait_for()


@pytest.mark.django_db(transaction=True)
def test_a_sheet_is_looked_at_mended_and_imported(
    desktop: Page, live_server: object, admin: models.User
) -> None:
    base, raw = str(live_server), SHEET.read_bytes()
    sign_in(desktop, admin)
    choose(desktop, base, raw.replace(b",7,2,,,", b",17,2,,,"))
    desktop.get_by_text("Outside 0 to 10 (pain).").wait_for()
    assert_accessible(desktop)
    choose(desktop, base, raw)
    assert_accessible(desktop)
    desktop.get_by_role("button", name="Import 3 patients").click()
    desktop.get_by_text("3 patients were imported from knees.csv.").wait_for()


@pytest.mark.django_db(transaction=True)
def test_the_record_and_the_erasure_fit_a_phone(
    phone: Page,
    desktop: Page,
    live_server: object,
    admin: models.User,
    clinician: models.User,
    make_course: Callable[..., models.Course],
) -> None:
    patient = treated(make_course(), [7, 5, 2], clinician).patient_id
    sign_in(desktop, clinician)
    desktop.goto(f"{live_server}/patients/{patient}/record/")
    desktop.get_by_role("link", name="As a paper (PDF)").wait_for()
    assert_accessible(desktop)
    sign_in(phone, admin)
    phone.goto(f"{live_server}/patients/{patient}/erase/")
    phone.get_by_role("button", name="Erase for good").wait_for()
    assert_accessible(phone)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
