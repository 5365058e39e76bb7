"""Three sessions of a low-back series, recorded on a tablet; the third is counted.

`ENTHESIS_PICTURES=docs/pictures` also saves the pictures of docs/how-to/record-a-session.md, and
`ENTHESIS_TIMES=file` the count and the seconds for docs/reference/session-times.md.
"""

import json
import os
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from enthesis.clinic.models import Course, Patient, Role, Session, User
from tests.browser.conftest import look, sign_in
from tests.browser.test_treatment import _answer
from tests.browser.test_whole_course import on_day
from tests.clinic.evaluated import consent
from tests.clinic.treated import say
from tests.clinic_fixtures import make_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TABLET = (1024, 768)
ADDED = (
    "Sacrospinous ligament, left",
    "Sacrotuberous ligament, left",
    "Iliolumbar ligament, right",
)
MOST_INTERACTIONS = 12


class Counted:
    """A clinician's fingers: every touch of the screen is one interaction."""

    def __init__(self) -> None:
        self.taps = 0

    def tap(self, target: Locator) -> None:
        target.click()
        self.taps += 1


@pytest.fixture
def course(make_patient: Callable[..., Patient], make_course: Callable[..., Course]) -> Course:
    """Asked before the series, so that the first session is what comes next."""
    course = make_course(make_patient(allergies="latex", anticoagulant="Apixaban 5 mg"))
    say(course, course.opened_on, 6)
    return course


def plan_series(page: Page, course: Course) -> None:
    """Evaluate, plan and agree, as on any first day."""
    page.goto(f"/courses/{course.pk}/evaluate/")
    _answer(page, allergies=None)
    page.get_by_role("button", name="Save evaluation").click()
    page.get_by_role("link", name="Make plan").click()
    page.get_by_role("button", name="Save plan").click()
    page.get_by_label("The patient’s name").fill("Marta Lindqvist")
    page.get_by_role("button", name="Record agreement").click()
    expect(page.get_by_role("link", name="Ask for consent")).to_be_visible()
    consent(course)


def open_draft(page: Page, course: Course, number: int) -> None:
    page.goto(f"/courses/{course.pk}/")
    page.get_by_role("button", name=f"Start session {number}").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"Session {number}")


def record(page: Page, fingers: Counted, picture: str = "") -> None:
    """From the open draft to the signature; whoever holds the time-out is Sam."""
    for box in page.locator(".confirm input").all():
        fingers.tap(box)
    if picture:
        look(page, f"{picture}-checks")
    fingers.tap(page.get_by_role("button", name="Time-out for two"))
    expect(page.get_by_role("heading", name="Read aloud and agreed")).to_be_visible()
    if picture:
        look(page, f"{picture}-time-out")
    fingers.tap(page.get_by_role("button", name="Sam Desk"))
    expect(page.get_by_role("button", name="Hold it again")).to_be_visible()
    fingers.tap(page.get_by_role("button", name="Tick all"))
    expect(page.locator("#doses")).to_contain_text("12 of 12 places")
    for lot in page.locator(".lots:visible").all():
        fingers.tap(lot.get_by_role("button").first)
    fingers.tap(page.get_by_label("None seen"))
    if picture:
        look(page, f"{picture}-given")
    fingers.tap(page.get_by_role("button", name="Sign session"))
    expect(page.get_by_role("heading", name="Amendments")).to_be_visible()


def test_the_third_session_of_a_series_takes_twelve_interactions_at_most(
    open_page: Callable[..., Page], clinician: User, desk: User, course: Course
) -> None:
    page = open_page(TABLET)
    sign_in(page, clinician)
    plan_series(page, course)
    open_draft(page, course, 1)
    look(page, "record-start")
    for place in ADDED:
        page.get_by_label("Add a place").select_option(place)
        page.get_by_role("button", name="Add place").click()
    for row in (10, 11, 12):
        page.locator(f"#site-{row} .volume input").fill("0.5")
    page.get_by_role("spinbutton", name="Weight").fill("68")
    page.locator("#id_needle").fill("27 G, 40 mm")
    page.locator("#id_guidance").select_option("palpation")
    for vial in ("dextrose 50", "lidocaine 1", "sterile water"):
        page.get_by_label(f"Lot of {vial}").fill(f"A-{len(vial)}")
    record(page, Counted(), "record")
    look(page, "record-signed")
    for number in (2, 3):
        with on_day(14 * (number - 1)):
            sign_in(page, clinician) if page.goto("/") and "sign-in" in page.url else None
            open_draft(page, course, number)
            fingers, began = Counted(), time.perf_counter()
            record(page, fingers)
            seconds = time.perf_counter() - began
    session = Session.objects.get(course=course, number=3)
    assert session.sites.filter(given=True).count() == 12
    assert (session.guidance, session.needle) == ("palpation", "27 G, 40 mm")
    assert "12 places were injected" in session.written
    assert fingers.taps <= MOST_INTERACTIONS
    if place_of := os.environ.get("ENTHESIS_TIMES"):
        told = {"taps": fingers.taps, "sites": 12, "seconds": round(seconds, 2)}
        with Path(place_of).open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")


def test_a_session_that_is_interrupted_at_any_step_loses_nothing(
    open_page: Callable[..., Page], clinic: object, clinician: User, desk: User, course: Course
) -> None:
    page = open_page(TABLET)
    sign_in(page, clinician)
    plan_series(page, course)
    open_draft(page, course, 1)
    address, saved = page.url, page.locator("#saved")
    # Each step is typed, the browser is closed, and the draft opened again in another one.
    steps: list[tuple[Callable[[Page], Locator], str]] = [
        (lambda p: p.get_by_role("spinbutton", name="Weight"), "68"),
        (lambda p: p.get_by_label("Lot of dextrose"), "D-1"),
        (lambda p: p.locator("#site-2 .volume input").first, "0.7"),
        (lambda p: p.locator("#site-3 .volume input").first, "50"),  # cannot be right, is kept
        (lambda p: p.locator("#id_note"), "In the middle of a sen"),
    ]
    for step, typed in steps:
        step(page).fill(typed)
        expect(saved).to_contain_text("Saved" if typed not in ("50", steps[-1][1]) else "Kept as")
        page.close(run_before_unload=False)
        page = page.context.new_page()
        page.goto(address)
        saved = page.locator("#saved")
        for other, value in steps[: steps.index((step, typed)) + 1]:
            expect(other(page)).to_have_value(value)
    # The network goes: what is typed stays, is said not to be saved, and arrives when it is back.
    page.locator("#site-3 .volume input").first.fill("0.5")

    def gone(route: Route) -> None:
        route.abort("internetdisconnected")

    page.route("**/sessions/**", gone)
    page.locator("#id_note").fill("Typed without a network")
    expect(saved).to_contain_text("Not saved yet, trying again")
    expect(page.locator("#id_note")).to_have_value("Typed without a network")
    page.unroute("**/sessions/**", gone)
    expect(saved).to_contain_text("Saved", timeout=10_000)
    assert Session.objects.get().note == "Typed without a network"

    # What is typed before the scripts have come is saved when they have.
    def late(typed: str, route: Route) -> None:
        page.locator("#id_note").fill(typed)
        route.continue_()

    for script, typed in (("keep.js", "Before keep.js"), ("htmx*.js", "Before htmx")):
        page.route(f"**/{script}", partial(late, typed))
        page.goto(address)
        page.unroute_all()
        expect(saved).to_contain_text("Saved")
        assert Session.objects.get().note == typed
    # Somebody else opens it and writes: the first is told before anything is overwritten.
    other = open_page(TABLET)
    sign_in(other, make_user(clinician.clinic, "dr_lucas_hartmann", Role.CLINICIAN))  # type: ignore[arg-type]
    other.goto(address)
    other.locator("form[data-keep][data-htmx-powered]").wait_for()
    # To look is not to write: a page counts what it sends behind a dot.
    expect(other.locator("[name=editor]")).not_to_have_value(re.compile(r"\."))
    other.locator("#id_note").fill("Hers")
    expect(other.locator("#saved")).to_contain_text("Saved")
    page.locator("#id_note").fill("Mine")
    expect(saved).to_contain_text("Somebody else changed this record")
    assert Session.objects.get().note == "Hers"
