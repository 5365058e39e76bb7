"""The pictures of the docs: python -m docs.take_pictures [NAME ...] [--into FOLDER].

Invents the clinic of the README on a fixed day in a folder of its own, walks through it in a real
browser, and takes each picture of `PICTURES`. Says of each page whether it scrolls sideways.
`agreement.png`, `outcomes-notebook.png`, `outcomes-pdf.png` and the maps are made elsewhere.
"""

import argparse
import io
import os
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import time_machine
from PIL import Image
from playwright.sync_api import Browser, Page

from docs import picture_walks as walks
from docs.card_walk import cards
from docs.emergency_walk import emergency
from docs.money_walk import money
from docs.record_walk import in_and_out
from docs.sign_in_walk import signing_in

DAY = datetime(2026, 11, 26, 10, tzinfo=UTC)
"""Ten in the morning at the clinic, on a Thursday."""
SEED, PATIENTS = 1, 400
FOLDER = Path(__file__).parent / "pictures"
COLOURS = 200
"""Of the palette: fewer make steps in the fans of the charts; whole colours weigh three times."""
DESKTOP, TABLET, PHONE = 1280, 1024, 390
SCREEN_PX = {DESKTOP: 600, TABLET: 600, PHONE: 844}
"""A shorter page is shown on a screen of this height."""


class Shot(NamedTuple):
    """One picture: which walk comes by, how wide, how tall at most, dark or light, of which part.

    A picture is as tall as its page; what is below `height` is cut off.
    """

    walk: walks.Walk
    width: int
    height: int = 1600
    dark: bool = False
    part: str = ""


PICTURES = {
    "today": Shot(walks.everyday, DESKTOP),
    "course-finish": Shot(walks.everyday, DESKTOP),
    "course-recheck": Shot(walks.everyday, DESKTOP),
    "course-stop": Shot(walks.everyday, DESKTOP),
    "course-phone-dark-stop": Shot(walks.everyday, PHONE, dark=True),
    "forecast": Shot(walks.everyday, DESKTOP, part=".main"),
    "evidence": Shot(walks.everyday, DESKTOP),
    "calendar-week": Shot(walks.everyday, DESKTOP, 1000),
    "stock": Shot(walks.everyday, DESKTOP),
    "take-out": Shot(walks.take_out, DESKTOP),
    "take-out-phone": Shot(walks.take_out, PHONE),
    "calendar-feed": Shot(walks.take_out, DESKTOP),
    "recall": Shot(walks.everyday, DESKTOP, 1000),
    "outcomes-clinic": Shot(walks.outcomes, DESKTOP),
    "results-public-phone": Shot(walks.outcomes, PHONE),
    "two-starts-course": Shot(walks.two_starts, DESKTOP, 8000, part="section:has(#before)"),
    "two-starts-plan": Shot(walks.two_starts, DESKTOP, 8000, part="section:has(#second-start)"),
    "two-starts-plan-phone": Shot(
        walks.two_starts, PHONE, 20000, part="section:has(#second-start)"
    ),
    "two-starts-outcomes": Shot(walks.two_starts, DESKTOP, 8000, part="section:has(#before)"),
    "two-starts-outcomes-phone": Shot(walks.two_starts, PHONE, 9000, part="section:has(#before)"),
    "adverse-event": Shot(walks.adverse_event, TABLET, 2400),
    "adverse-events": Shot(walks.adverse_event, DESKTOP),
    "adverse-counted": Shot(walks.adverse_event, DESKTOP, part="section:has(#adverse)"),
    "prices": Shot(walks.money, DESKTOP, 1800),
    "estimate": Shot(walks.money, DESKTOP, 1800),
    "estimate-phone": Shot(walks.money, PHONE, 3600),
    "estimate-warning": Shot(walks.money, DESKTOP, 700),
    "superbill": Shot(walks.money, DESKTOP),
    "patient": Shot(walks.first_course, DESKTOP),
    "evaluation": Shot(walks.first_course, DESKTOP),
    "plan": Shot(walks.first_course, DESKTOP),
    "phone-pain": Shot(walks.first_course, PHONE, 844),
    "consent-link": Shot(walks.first_course, DESKTOP),
    "second-fact-phone": Shot(walks.first_course, PHONE, 844),
    "consent-phone": Shot(walks.first_course, PHONE),
    "consent-signed": Shot(walks.first_course, PHONE),
    "series": Shot(walks.first_course, DESKTOP),
    "record-start": Shot(walks.first_course, TABLET),
    "record-checks": Shot(walks.first_course, TABLET),
    "record-time-out": Shot(walks.first_course, TABLET),
    "record-given": Shot(walks.first_course, TABLET),
    "record-signed": Shot(walks.first_course, TABLET),
    "record-note": Shot(walks.first_course, TABLET, part="section:has(h2:text-is('Note'))"),
    "aftercare-phone": Shot(walks.first_course, PHONE, 3000),
    "invoice": Shot(walks.first_course, DESKTOP),
    "course-go-on": Shot(walks.first_course, DESKTOP),
    "evaluation-treatments": Shot(walks.history, DESKTOP, part="#rows-treatments"),
    "evaluation-medicines": Shot(walks.history, DESKTOP, part="#rows-medicines"),
    "evaluation-medicines-phone": Shot(walks.history, PHONE, part="#rows-medicines"),
    "evaluation-imaging": Shot(walks.history, DESKTOP, part="#rows-imaging"),
    "referral-letter": Shot(walks.history, DESKTOP),
    "plan-shoulder": Shot(walks.shoulder, DESKTOP),
    "examination": Shot(walks.examination, TABLET, 8000, part="section:has(#exam-tender)"),
    "examination-phone": Shot(walks.examination, PHONE, 9000, part="section:has(#exam-motions)"),
    "plan-tender": Shot(walks.examination, TABLET, 8000, part="section:has(h2:text-is('Where'))"),
    "protocol": Shot(walks.own_protocol, DESKTOP),
    "choose-index-phone": Shot(walks.decision_aid, PHONE),
    "choose-phone": Shot(walks.decision_aid, PHONE, 1500),
    "choose-options-phone": Shot(walks.decision_aid, PHONE, part="#option-steroid"),
    "choose-sheet": Shot(walks.decision_aid, TABLET),
    "choose-given": Shot(walks.decision_aid, DESKTOP),
    "told-before": Shot(walks.decision_aid, DESKTOP),
    "right-for-me-phone": Shot(walks.before_the_visit, PHONE),
    "right-for-me-doctor-phone": Shot(walks.before_the_visit, PHONE),
    "right-for-me-now-phone-es": Shot(walks.before_the_visit, PHONE, 844),
    "values-phone": Shot(walks.before_the_visit, PHONE),
    "values-beside-phone": Shot(walks.before_the_visit, PHONE),
    "visit-sheet-phone": Shot(walks.before_the_visit, PHONE),
    "know-phone": Shot(walks.before_the_visit, PHONE),
    "know-told-phone": Shot(walks.before_the_visit, PHONE),
    "ask-clinic-phone": Shot(walks.enquiries, PHONE),
    "enquiries": Shot(walks.enquiries, DESKTOP),
    "enquiry-answered": Shot(walks.enquiries, DESKTOP),
    "enquiry-publish": Shot(walks.enquiries, DESKTOP),
    "programs-made": Shot(walks.programs, DESKTOP, 1000),
    "programs-phone": Shot(walks.programs, PHONE),
    "ask-clinic-published": Shot(walks.enquiries, PHONE, part="#published"),
    "series-sold": Shot(money, DESKTOP),
    "invoice-prepaid": Shot(money, DESKTOP),
    "money-back": Shot(money, DESKTOP),
    "money-stopped": Shot(money, DESKTOP),
    "money-stopped-phone": Shot(money, PHONE),
    "give-back": Shot(money, DESKTOP),
    "money-course": Shot(money, DESKTOP),
    "statement-phone-es": Shot(money, PHONE),
    "statement-phone": Shot(money, PHONE),
    "money": Shot(money, DESKTOP, 1000),
    "close-day": Shot(money, DESKTOP),
    "close-day-phone": Shot(money, PHONE),
    "days": Shot(money, DESKTOP),
    "days-phone": Shot(money, PHONE),
    "statement-card-phone": Shot(cards, PHONE),
    "card-paid-phone": Shot(cards, PHONE),
    "card-not-paid-phone-es": Shot(cards, PHONE),
    "import-choose": Shot(in_and_out, DESKTOP),
    "import-problems": Shot(in_and_out, DESKTOP),
    "import-problems-phone": Shot(in_and_out, PHONE, 2400),
    "import-preview": Shot(in_and_out, DESKTOP),
    "import-preview-phone": Shot(in_and_out, PHONE, 2400),
    "whole-record": Shot(in_and_out, DESKTOP),
    "whole-record-phone": Shot(in_and_out, PHONE),
    "erase": Shot(in_and_out, DESKTOP, 2400),
    "erase-phone": Shot(in_and_out, PHONE, 4000),
    "who-looked": Shot(in_and_out, DESKTOP),
    "packets": Shot(in_and_out, DESKTOP, 2400),
    "packets-phone": Shot(in_and_out, PHONE, 2400),
    "card-failed-phone-es": Shot(cards, PHONE),
    "money-card": Shot(cards, DESKTOP, 700),
    "card-problem": Shot(cards, DESKTOP),
    "card-problem-phone": Shot(cards, PHONE),
    "emergency-reason": Shot(emergency, DESKTOP),
    "emergency-record": Shot(emergency, DESKTOP, 1000),
    "emergency-today": Shot(emergency, DESKTOP, 900),
    "who-can-see": Shot(emergency, DESKTOP, 1200),
    "audit-trails": Shot(emergency, DESKTOP, 900),
    "sign-in": Shot(signing_in, DESKTOP),
    "sign-in-first": Shot(signing_in, DESKTOP),
    "sign-in-app": Shot(signing_in, DESKTOP),
    "sign-in-codes": Shot(signing_in, DESKTOP),
    "sign-in-own": Shot(signing_in, DESKTOP),
    "sign-in-own-phone": Shot(signing_in, PHONE),
    "sign-in-second-phone": Shot(signing_in, PHONE),
    "sign-in-lost": Shot(signing_in, DESKTOP),
    "outcomes": Shot(walks.report, DESKTOP),
    "outcomes-phone": Shot(walks.report, PHONE, dark=True),
}
"""In the order of the walks: those that only look come first, and see the clinic as invented."""


def main() -> int:
    """Walk, and write the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which (default: all)")
    parser.add_argument("--into", type=Path, default=FOLDER, help="default: docs/pictures")
    args = parser.parse_args()
    if unknown := sorted(set(args.names) - set(PICTURES)):
        parser.error(f"no such picture: {', '.join(unknown)}. There are: {', '.join(PICTURES)}")
    left = dict.fromkeys(args.names or PICTURES)

    def take(name: str, page: Page) -> None:
        if name in left:
            page.wait_for_load_state("networkidle")
            (args.into / f"{name}.png").write_bytes(_picture(page, name))
            del left[name]

    with tempfile.TemporaryDirectory() as folder, time_machine.travel(DAY):
        walk_through(Path(folder), {PICTURES[name].walk for name in left}, take)
    if left:
        sys.stderr.write(f"The walks did not come by {', '.join(left)}.\n")
    return 1 if left else 0


def walk_through(folder: Path, wanted: set[walks.Walk], take: Callable[[str, Page], None]) -> None:
    """Invent the clinic in `folder` and walk the `wanted` ways, in the order of the table."""
    os.environ |= {"ENTHESIS_DATA": str(folder), "ENTHESIS_ADDRESS": walks.ADDRESS}
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # as tests/browser/conftest.py
    from enthesis.clinic import server

    server.prepare()
    from django.core.management import call_command
    from pytest_django.live_server_helper import LiveServer
    from tests.browser.conftest import chromium

    from enthesis.commands.demo import load_invented_clinic

    call_command("migrate", verbosity=0)
    load_invented_clinic(DAY.date(), SEED, PATIENTS, lambda done, of: None)
    running = LiveServer("localhost")
    try:
        with chromium() as browser:
            for walk in dict.fromkeys(shot.walk for shot in PICTURES.values()):
                if walk in wanted:
                    for name, page in walk(_opener(browser, running.url)):
                        take(name, page)
    finally:
        running.stop()


def _opener(browser: Browser, address: str) -> walks.OpenPage:
    """Each page has a memory of its own, as on another device."""

    def open_page() -> Page:
        context = browser.new_context(base_url=address, reduced_motion="reduce")
        context.set_default_timeout(20_000)
        return context.new_page()

    return open_page


def _picture(page: Page, name: str) -> bytes:
    """The page as a PNG with a palette, which is a third of one with whole colours."""
    shot = PICTURES[name]
    page.mouse.move(0, 0)
    page.emulate_media(color_scheme="dark" if shot.dark else "light")
    page.set_viewport_size({"width": shot.width, "height": SCREEN_PX[shot.width]})
    # As tall as the page: bars that stick to the window would else lie across the picture.
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": shot.width, "height": min(tall, shot.height)})
    page.evaluate("scrollTo(0, 0)")
    if (over := page.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
        sys.stderr.write(f"{name}: the page scrolls sideways by {over} px\n")
    taken = page.locator(shot.part).first.screenshot() if shot.part else page.screenshot()
    picture = Image.open(io.BytesIO(taken)).convert("RGB")
    picture = picture.crop((0, 0, picture.width, min(picture.height, shot.height)))
    small = picture.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    written = io.BytesIO()
    small.save(written, "PNG", optimize=True)
    return written.getvalue()


if __name__ == "__main__":
    sys.exit(main())
