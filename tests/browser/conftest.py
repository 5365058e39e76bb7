"""The browser: a real Chromium on the live server, strict about what a page may do.

`open_page(phone=..., dark=...)` opens a browser page that fails its test on any console error,
content-security violation or request that leaves this machine. `sign_in(page, user)` goes through
the real form. `assert_accessible(page)` runs axe: WCAG 2.2 A, AA and best practices.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from shutil import which
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.db import connection
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from enthesis.clinic.models import User
from tests.clinic_fixtures import *  # noqa: F403
from tests.clinic_fixtures import PASSWORD

# Playwright's own event loop makes Django believe that it runs in async code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

# As long as for a page: on a busy machine what a script asks for takes more than the five seconds.
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)

DESKTOP, PHONE, SMALL_PHONE = (1280, 900), (390, 844), (360, 740)
Look = tuple[tuple[int, int], bool]
LOOKS: list[Look] = [(DESKTOP, False), (DESKTOP, True), (SMALL_PHONE, False), (SMALL_PHONE, True)]
OF_COLOUR: dict[str, object] = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
# Chromium tells most on the console by itself; none may stay silent.
TELL_VIOLATIONS = """addEventListener('securitypolicyviolation',
    one => console.error('violation: ' + one.violatedDirective + ' ' + one.blockedURI))"""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The distribution's Chromium; nothing is downloaded. `docs/take_pictures.py` uses it too.

    The one without windows, where there is one: the whole browser spends as much time again on
    drawing its own buttons, which nobody sees.
    """
    # As root Chromium's sandbox cannot work; as anybody else it stays on.
    unsafe = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=which("chromium-headless-shell") or which("chromium"),
            args=[*unsafe, "--disable-dev-shm-usage", "--disable-gpu"],
        )
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the whole run."""
    with chromium() as launched:
        yield launched


@pytest.fixture
def open_page(browser: Browser, live_server: LiveServer) -> Iterator[Callable[..., Page]]:
    """`open_page(size=DESKTOP, dark=False, scripts=True)`; addresses are relative to the server."""
    problems: list[str] = []
    contexts = []

    def watch_console(message: ConsoleMessage) -> None:
        # A form refused with 4xx is meant; Chromium reports it as an error of its own. htmx tells
        # that a network was gone, which only happens where a test takes it away.
        meant = ("Failed to load resource", "htmx:error: Failed to fetch")
        if message.type == "error" and not any(words in message.text for words in meant):
            problems.append(f"console: {message.text}")

    def watch_request(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("http", "https", "ws", "wss"):
            if f"{address.scheme}://{address.netloc}" != live_server.url:
                problems.append(f"left the machine: {request.url}")

    def open_(size: tuple[int, int] = DESKTOP, dark: bool = False, scripts: bool = True) -> Page:
        width, height = size
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.add_init_script(TELL_VIOLATIONS)
        context.on("console", watch_console)
        context.on("weberror", lambda error: problems.append(f"script: {error.error}"))
        context.on("request", watch_request)
        context.set_default_timeout(PATIENCE_MS)
        return context.new_page()

    yield open_
    for context in contexts:
        context.close()
    assert not problems, "\n".join(problems)


@pytest.fixture
def desktop(open_page: Callable[..., Page]) -> Page:
    """A page of 1280 × 900."""
    return open_page(DESKTOP)


@pytest.fixture
def phone(open_page: Callable[..., Page]) -> Page:
    """A page of 390 × 844."""
    return open_page(PHONE)


def sign_in(page: Page, user: User, password: str = PASSWORD, begins: str = "Today") -> None:
    """Through the real form, as a user does; ends where the role begins."""
    page.goto("/sign-in/")
    page.get_by_label("User name").fill(user.username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", level=1, name=begins).wait_for()


def tell_birth_date(page: Page, born_on: date = date(1968, 3, 14)) -> None:
    """At a personal link, in English or Spanish; it asks once in a browser."""
    page.locator("#id_month").select_option(str(born_on.month))
    page.locator("#id_day").fill(str(born_on.day))
    page.locator("#id_year").fill(str(born_on.year))
    page.get_by_role("button", name=re.compile("Open the page|Abrir la página")).click()
    page.locator("#id_year").wait_for(state="detached")


def assert_accessible(page: Page, rules: dict[str, object] | None = None) -> None:
    """axe finds nothing, and the page does not scroll sideways."""
    wanted = rules or {"type": "tag", "values": RULES}
    # Once a page is enough for axe's own script, which is half a megabyte.
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate(
        "options => axe.run(options).then(told => told.violations)",
        {"runOnly": wanted, "resultTypes": ["violations"]},
    )
    short = [
        {"rule": v["id"], "help": v["help"], "where": [n["target"] for n in v["nodes"]]}
        for v in found
    ]
    assert not found, f"{page.url}: {json.dumps(short, indent=1)}"
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0, f"{page.url} scrolls sideways by {overflow} px"


def assert_accessible_in_every_look(page: Page, looks: Sequence[Look] = LOOKS) -> None:
    """The page as it stands in each size, light and dark, without loading it again.

    Dark after light in the same size changes colours only, so only axe's rules of colour run.
    """
    seen = set()
    for size, dark in looks:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme="dark" if dark else "light")
        assert_accessible(page, OF_COLOUR if size in seen else None)
        seen.add(size)


PICTURE_PX = 1600
"""Pictures of longer pages are cut here: the docs show what a user sees first."""


def look(page: Page, name: str = "") -> None:
    """Check the screen as it is; keep its picture under `name` where the docs want one."""
    # The journey walks twice, once on each database; the same screens are looked at once.
    if connection.vendor == "sqlite":
        assert_accessible(page)
    folder = os.environ.get("ENTHESIS_PICTURES")
    if folder and name:
        size = page.viewport_size
        assert size is not None
        # As tall as the page: bars that stick to the window would else lie across the picture.
        tall = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": size["width"], "height": min(tall, PICTURE_PX)})
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=str(Path(folder) / f"{name}.png"))
        page.set_viewport_size(size)
