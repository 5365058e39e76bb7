"""With the keyboard alone, on a phone's width: signing in, signing a consent, answering.

No click, and no script that moves the focus: Tab, Enter, Space, letters, arrows. At each step what
has the focus shows it, lies in the window and is not covered (WCAG 2.4.7 and 2.4.11).
"""

from collections.abc import Callable, Iterator
from datetime import date

import pytest
import time_machine
from playwright.sync_api import Page, expect

from enthesis.clinic import models
from enthesis.clinic.actions import answer, consent
from tests.browser.conftest import PHONE
from tests.clinic.treated import agree_plan
from tests.clinic_fixtures import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
OpenPage = Callable[..., Page]
FOCUS = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return {what: '', shown: true, inside: true, free: true};
  const face = one.matches('.row input') ? one.nextElementSibling : one;
  const style = getComputedStyle(face), box = face.getBoundingClientRect();
  // Of what is higher than the window some line must be seen.
  const middle = Math.min(Math.max(box.top + box.height / 2, 1), innerHeight - 1);
  const top = document.elementFromPoint(box.left + box.width / 2, middle);
  const near = one.closest('label, .row, li, form') || one;
  return {
    what: one.tagName.toLowerCase() + (one.type ? ':' + one.type : ''),
    name: (one.labels && one.labels[0] ? one.labels[0].innerText : one.innerText) || '',
    checked: !!one.checked,
    shown: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    inside: box.bottom > 0 && box.top < innerHeight,
    free: !!top && (face.contains(top) || top.contains(face) || one === top || near.contains(top)
      && !top.closest('.bottom-bar') === !one.closest('.bottom-bar')),
  };
}"""


@pytest.fixture(autouse=True)
def in_november() -> Iterator[None]:
    """On the day of the rules that are known; the browser keeps cookies by their age."""
    with time_machine.travel("2026-11-23 15:00Z", tick=True):
        yield


@pytest.fixture
def agreed(
    make_course: Callable[..., models.Course], monkeypatch: pytest.MonkeyPatch
) -> models.Course:
    """A plan is agreed and nothing signed; its paper is not printed, which takes a second."""
    monkeypatch.setattr(consent, "pdf_of", lambda html, variant: f"%PDF {html}".encode())
    agree_plan(course := make_course())
    return course


def press(page: Page, key: str) -> dict[str, str]:
    """What has the focus after a key; it can be seen."""
    # A heading stands before the sheet of styles that shows the focus has come.
    page.wait_for_load_state()
    page.keyboard.press(key)
    held: dict[str, str] = page.evaluate(FOCUS)
    assert held["shown"] and held["inside"] and held["free"], (page.url, key, held)
    return held


def tab_to(page: Page, what: str, name: str = "") -> dict[str, str]:
    """Tab until such an element has the focus."""
    for _ in range(80):
        held = press(page, "Tab")
        if held["what"] == what and name in held["name"]:
            return held
    raise AssertionError(f"No {what} {name!r} is reached on {page.url}")


def type_in(page: Page, name: str, words: str, what: str = "input:text") -> None:
    tab_to(page, what, name)
    page.keyboard.type(words)


def tell_birth_date(page: Page) -> None:
    tab_to(page, "select:select-one", "Month")
    page.keyboard.type("Mar")
    type_in(page, "Day", "14")
    type_in(page, "Year", "1968")
    tab_to(page, "button:submit", "Open the page")
    page.keyboard.press("Enter")


def test_a_clinician_signs_in(open_page: OpenPage, clinician: models.User) -> None:
    page = open_page(PHONE)
    page.goto("/sign-in/")
    type_in(page, "User name", clinician.username)
    type_in(page, "Password", PASSWORD, "input:password")
    tab_to(page, "button:submit", "Sign in")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Today")).to_be_visible()
    # The menu opens with Enter and leads on.
    tab_to(page, "summary", "Menu")
    page.keyboard.press("Enter")
    tab_to(page, "a", "Patients")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Patients")).to_be_visible()


def test_a_patient_signs_a_consent(
    open_page: OpenPage, agreed: models.Course, clinician: models.User
) -> None:
    page = open_page(PHONE)
    page.goto(f"/consent/{consent.make_consent_link(clinician, agreed.pk)[1]}/")
    tell_birth_date(page)
    expect(page.get_by_text("How sure is this?").first).to_be_visible()
    tab_to(page, "summary")
    page.keyboard.press("Enter")
    expect(page.locator("details[open]")).to_have_count(1)
    for _ in range(page.locator("input[type=checkbox]").count()):
        tab_to(page, "input:checkbox")
        page.keyboard.press("Space")
    type_in(page, "in place of a signature", "Marta Lindqvist")
    tab_to(page, "button:submit", "Sign")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="You have signed")).to_be_visible()
    assert agreed.consents.get().name == "Marta Lindqvist"


def test_a_patient_answers_every_question(
    open_page: OpenPage, agreed: models.Course, clinician: models.User
) -> None:
    page = open_page(PHONE)
    token = answer.make_link(clinician, agreed.pk, "after_session", date(2026, 11, 23))[1]
    page.goto(f"/a/{token}/")
    for _ in range(25):
        if page.get_by_role("heading", name="Your answers were received").is_visible():
            break
        _answer_the_screen(page)
    expect(page.get_by_role("heading", name="Your answers were received")).to_be_visible()
    given = agreed.assessments.get().answers
    assert given["danger"] == ["none"] and given["pain"] == 3


def _answer_the_screen(page: Page) -> None:
    while (held := press(page, "Tab"))["what"] != "button:submit" or "Save" not in held["name"]:
        if held["what"] == "input:radio":
            page.keyboard.press("Space")
            if page.locator(".row").count() == 11:  # 0 to 10: three further down
                for _ in range(3):
                    held = press(page, "ArrowDown")
            assert held["checked"] or page.evaluate("document.activeElement.checked")
        elif held["what"] == "input:checkbox" and "None of these" in held["name"]:
            page.keyboard.press("Space")
        elif held["what"] == "input:text":
            page.keyboard.type("put on socks")
    with page.expect_navigation():
        page.keyboard.press("Enter")
