"""The report of a registry folder in the browser: whole, calm, readable in each look."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from enthesis.cli import main
from tests.browser.conftest import DESKTOP, PHONE, assert_accessible_in_every_look, look


# Ibis 12 calls DuckDB 2.0 by an older name.
@pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning")
def test_a_report_is_read_on_a_screen_and_a_phone_without_a_server_or_a_script(
    open_page: Callable[..., Page], tmp_path: Path
) -> None:
    given = ["--invented", "600", "--condition", "low_back", "--report", str(tmp_path / "out")]
    title = "Outcomes of invented courses"
    registry = str(tmp_path / "registry")
    assert main(["outcomes", registry, *given, "--day", "2026-11-23", "--title", title]) == 0
    address = (tmp_path / "out/index.html").as_uri()
    page = open_page(DESKTOP, scripts=True)
    page.goto(address)
    page.get_by_role("heading", level=1, name=title).wait_for()
    assert page.locator(".chart.wide").first.is_visible()
    assert not page.locator(".chart.narrow").first.is_visible()
    page.get_by_text("Show the numbers").nth(1).click()
    page.get_by_role("columnheader", name="Of those whose relief is known").wait_for()
    assert_accessible_in_every_look(page)
    page.get_by_text("Show the numbers").nth(1).click()
    page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
    page.emulate_media(color_scheme="light")
    look(page, "outcomes")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.emulate_media(color_scheme="dark")
    assert page.locator(".chart.narrow").first.is_visible()
    look(page, "outcomes-phone")
