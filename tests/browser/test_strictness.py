"""The browser fixtures themselves can fail: a page that misbehaves is caught."""

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import assert_accessible

pytestmark = pytest.mark.browser


def test_axe_finds_a_picture_without_words(desktop: Page) -> None:
    desktop.goto("/sign-in/")
    desktop.evaluate("document.querySelector('main').innerHTML += '<img src=data:,>'")
    with pytest.raises(AssertionError, match="image-alt"):
        assert_accessible(desktop)


def test_a_page_that_scrolls_sideways_is_found(phone: Page) -> None:
    phone.goto("/sign-in/")
    phone.evaluate("document.querySelector('main').style.width = '2000px'")
    with pytest.raises(AssertionError, match="sideways"):
        assert_accessible(phone)
