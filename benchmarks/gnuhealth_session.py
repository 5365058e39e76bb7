"""The same session in GNU Health, for docs/reference/session-times.md.

    python -m docs.time_sessions --gnuhealth

Installs GNU Health 5.0 and Tryton's web client (needs npm) into build/gnuhealth, fills a new
database with one patient and twelve coded injections, and walks its ambulatory care form in the
browser of our tests: typed anew, and by the client's *Duplicate*. What their form lacks is left
out in their favour: checks, time-out, doses, lots (their stock module is not switched on); side,
volume, depth and guidance go into the free comment of each site, whose typing is not timed.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, sync_playwright

FOLDER = Path(__file__).parent.parent / "build" / "gnuhealth"
PYTHON = FOLDER / "venv" / "bin" / "python"
PEER = ("gnuhealth==5.0.6", "gnuhealth-nursing==5.0.4")
CLIENT = "tryton-sao@7.0"
ASSETS = {
    "jquery": "jquery@3",
    "bootstrap": "bootstrap@3",
    "moment": "moment@2",
    "gettext.js": "gettext.js@1",
    "d3": "d3@5",
    "c3": "c3@0.7",
    "papaparse": "papaparse@5",
    "fullcalendar": "fullcalendar@3",
    "mousetrap": "mousetrap@1",
    "Sortable": "sortablejs@1",
}
"""What the client's page loads, by the folder it looks in, and where npm has it."""
PORT = 8898
SITES = 12
SEED = """
import datetime, decimal
from trytond.config import config
config.update_etc("trytond.conf")
from trytond.pool import Pool
from trytond.transaction import Transaction
Pool.start()
pool = Pool("gh")
pool.init()
with Transaction().start("gh", 1, context={"company": None}) as transaction:
    def made(model, **values):
        row = pool.get(model)(**values)
        row.save()
        return row
    def party(**values):
        return made("party.party", fed_country="USA", **values)
    clinic = party(name="Clinic", is_institution=True)
    money = made("currency.currency", name="US Dollar", code="USD", symbol="$",
                 rounding=decimal.Decimal("0.01"))
    company = made("company.company", party=clinic, currency=money)
    doctor = party(name="Doc", lastname="Tor", is_person=True, is_healthprof=True, gender="m",
                   internal_user=1)
    made("gnuhealth.healthprofessional", party=doctor)
    patient = party(name="Ann", lastname="Test", is_person=True, is_patient=True, gender="f",
                    dob=datetime.date(1970, 1, 1))
    made("gnuhealth.patient", party=patient)
    for number in range(SITES):
        made("gnuhealth.procedure", name=f"INJ{number:02d}", description=f"Injection {number}")
    user = pool.get("res.user")(1)
    user.company, user.companies = company, [company]
    user.save()
    transaction.commit()
"""


def set_up() -> None:
    """Peer, client and a database with its people, unless they stand there."""
    if (FOLDER / "ready").exists():
        return
    if not shutil.which("npm"):
        sys.exit("GNU Health's web client needs npm (Debian: apt-get install npm).")
    shutil.rmtree(FOLDER, ignore_errors=True)
    venv.create(FOLDER / "venv", with_pip=True)
    _run(str(PYTHON), "-m", "pip", "install", "--quiet", *PEER)
    packed = _run("npm", "pack", "--silent", CLIENT).strip().splitlines()[-1]
    _run("tar", "xzf", packed)
    assets = FOLDER / "package" / "assets"
    assets.mkdir()
    (assets / "package.json").write_text('{"private": true}', encoding="utf-8")
    _run("npm", "install", "--silent", "--prefix", str(assets), *ASSETS.values())
    sought = FOLDER / "package" / "bower_components"
    sought.mkdir()
    for folder, package in ASSETS.items():
        (sought / folder).symlink_to(assets / "node_modules" / package.split("@")[0])
    scripts = sought / "gettext.js" / "dist"
    shutil.copy(scripts / "gettext.iife.min.js", scripts / "gettext.min.js")
    (FOLDER / "gh.sqlite").touch()
    (FOLDER / "password").write_text("admin", encoding="utf-8")
    (FOLDER / "trytond.conf").write_text(
        f"[database]\nuri = sqlite://\npath = {FOLDER}\n"
        f"[web]\nlisten = 127.0.0.1:{PORT}\nroot = {FOLDER / 'package'}\n",
        encoding="utf-8",
    )
    admin = [str(PYTHON.with_name("trytond-admin")), "-c", "trytond.conf", "-d", "gh"]
    modules = ["-u", "health", "health_nursing", "--activate-dependencies"]
    _run(*admin, *modules, "--email", "a@b.example")
    _run(str(PYTHON), "-W", "ignore", "-c", SEED.replace("SITES", str(SITES)))
    (FOLDER / "ready").touch()


def _run(*command: str) -> str:
    FOLDER.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"TRYTONPASSFILE": str(FOLDER / "password")}
    done = subprocess.run(  # noqa: S603
        command, cwd=FOLDER, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command[:4])} failed: {done.stderr[-800:]}")
    return done.stdout


class Hand:
    """Touches the page and counts: one for each press, choice and field typed."""

    def __init__(self, page: Page) -> None:
        self.page, self.touches = page, 0

    def press(self, button: Locator) -> None:
        """One button."""
        button.click()
        self.touches += 1

    def choose(self, field: Locator, text: str) -> None:
        """A row of another table by its first letters."""
        field.click()
        field.press_sequentially(text)
        self.page.locator(".dropdown-menu:visible").filter(has_text=text).wait_for()
        self.page.keyboard.press("ArrowDown")
        self.page.keyboard.press("Enter")
        self.touches += 1

    def write(self, field: Locator, text: str) -> None:
        """A free text."""
        field.fill(text)
        self.touches += 1


def walk(page: Page) -> dict[str, Any]:
    """Touches and seconds of the session typed anew, and what *Duplicate* of it makes."""
    page.set_default_timeout(15_000)
    page.goto(f"http://127.0.0.1:{PORT}/#gh")
    page.locator("input[name=login]").fill("admin")
    page.keyboard.press("Enter")
    page.locator("input[type=password]:visible").fill("admin")
    page.keyboard.press("Enter")
    page.get_by_text("Health", exact=True).wait_for()
    page.evaluate(
        "Sao.Tab.create({model: 'gnuhealth.patient.ambulatory_care', mode: ['form', 'tree']})"
    )
    page.locator("input[name=session_start]:visible").wait_for()
    page.wait_for_timeout(2000)  # defaults arrive and would wipe what is typed before
    hand, began, paused = Hand(page), time.monotonic(), 0.0
    hand.choose(page.locator("input[name=patient]:visible"), "Test")
    rows = page.locator(".form-one2many:visible").first
    for number in range(SITES):
        hand.press(rows.locator("button[title=New]"))
        page.wait_for_timeout(500)  # a row that is drawn again loses its letters
        paused += 0.5
        hand.choose(rows.locator("input[name=procedure]:visible").last, f"INJ{number:02d}")
        comment = rows.locator("input[name=comments]:visible").last
        hand.write(comment, "left, 1 ml, 5 cm, palpation, 6 to 2")
    hand.press(page.locator("button#save:visible").last)
    hand.press(page.get_by_role("button", name="End").last)
    hand.press(page.locator(".modal:visible button").filter(has_text="OK"))
    state = page.locator("[name=state]:visible")
    page.wait_for_function("e => e.value.includes('done')", arg=state.element_handle())
    seconds = time.monotonic() - began - paused
    anew = hand.touches
    hand.press(page.locator(".navbar-brand:visible").filter(has_text="Ambulatory").last)
    hand.press(page.locator(".dropdown-menu:visible li").filter(has_text="Duplicate").first)
    page.wait_for_timeout(3000)
    return {
        "touches": anew,
        "seconds": round(seconds, 1),
        "copy_touches": hand.touches - anew,
        "copy_is_signed": "done" in state.input_value() and state.is_disabled(),
    }


def main() -> int:
    """Set up, walk, print one line of JSON."""
    set_up()
    server = subprocess.Popen(  # noqa: S603
        [str(PYTHON.with_name("trytond")), "-c", "trytond.conf", "-d", "gh"],
        cwd=FOLDER,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_it_answers()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox"]
            )
            page = browser.new_page(viewport={"width": 1024, "height": 1400})
            sys.stdout.write(json.dumps(walk(page)) + "\n")
            browser.close()
    finally:
        server.terminate()
        server.wait()
    return 0


def _until_it_answers() -> None:
    for _ in range(60):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=2)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(1)
        else:
            return
    sys.exit("GNU Health's server did not begin within a minute.")


if __name__ == "__main__":
    sys.exit(main())
