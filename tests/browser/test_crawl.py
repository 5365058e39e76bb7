"""A crawl in a real browser: as each role from Today on, and as a patient from each personal link.

Every link is followed, and every address of the resolver that a record can be put into is opened.
`open_page` fails it on any violation of the CSP, script error or request to another host. Usually
some pages stand for all; ENTHESIS_EVERY=1 opens each, and crawls the invented clinic as well.
"""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urldefrag, urlsplit

import pytest
from django.urls import Resolver404, resolve
from playwright.sync_api import Error, Page, Response

from enthesis.clinic import models
from enthesis.clinic.actions import answer, consent, estimate, outbox
from enthesis.clinic.models import Role
from enthesis.clinic.permissions import every_url
from enthesis.commands.demo import DEMO_SIGN_INS, load_invented_clinic
from tests.browser.conftest import assert_accessible_in_every_look, sign_in, tell_birth_date
from tests.clinic.test_access import PAGES, address, ids  # noqa: F401
from tests.clinic_fixtures import make_user

Ids = dict[str, Any]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:fetch_(arrow|record)_:DeprecationWarning"),
]
log = logging.getLogger(__name__)
EVERY = int(os.environ.get("ENTHESIS_EVERY", "24"))
ALIKE = 3
"""Pages of one kind that are opened by following links: of thirty patients three stand for all."""
FILES = (".pdf", ".csv", ".zip", ".ics", ".R")
# In a chart, which is SVG, the property of the same name is no text.
LINKS = """() => [...document.querySelectorAll('a[href]')].map(
    one => new URL(one.getAttribute('href'), document.baseURI).href)"""
SLOWEST_MS = 300_000
BEGINS = {Role.RESEARCHER: "Research", Role.AUDITOR: "Audit trails"}
OpenPage = Callable[..., Page]


@dataclass
class Crawl:
    """What was opened, each address once, and what was wrong with it."""

    page: Page
    server: str
    follow: bool
    signed_in: bool = True
    opened: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    looked_at: set[str] = field(default_factory=set)

    def run(self, starts: Iterable[str]) -> "Crawl":
        """From these addresses on. One that nothing links to may well be there for forms only."""
        self.page.on("response", self._watch)
        waiting = [(start, "") for start in starts]
        seen = {start for start, _ in waiting}
        while waiting:
            path, origin = waiting.pop(0)
            status, links = self._open(path)
            self.opened[str(status)] += 1
            if status >= 500 or (origin and status >= 400):
                self.broken.append(f"{status} {path}, linked from {origin or 'nowhere'}")
            for link in links if self.follow else ():
                if link not in seen and self._is_wanted(link):
                    seen.add(link)
                    waiting.append((link, path))
        return self

    def _open(self, path: str) -> tuple[int, list[str]]:
        if path.endswith(FILES):
            return self.page.request.get(path, timeout=SLOWEST_MS).status, []
        try:
            response = self.page.goto(path)
        except Error as error:
            if "Download is starting" not in str(error):
                raise
            # A file is no page: asked for past the window, with its cookies.
            return self.page.request.get(path, timeout=SLOWEST_MS).status, []
        assert response is not None, path
        if self.signed_in and "/sign-in/?next=" in self.page.url:
            self.broken.append(f"{path}: leads to signing in, so nobody has seen it")
        elif "text/html" in response.headers.get("content-type", "") and response.status != 405:
            self._look()
        found = self.page.evaluate(LINKS) if response.status < 400 else []
        own = [urldefrag(link)[0] for link in found if link.startswith(f"{self.server}/")]
        return response.status, [link.removeprefix(self.server) for link in own]

    def _look(self) -> None:
        """The first page of each kind, by axe, in each size, light and dark."""
        kind = resolve(urlsplit(self.page.url).path).view_name
        if kind in self.looked_at:
            return
        self.looked_at.add(kind)
        try:
            assert_accessible_in_every_look(self.page)
        except AssertionError as problem:
            self.broken.append(str(problem))

    def _is_wanted(self, link: str) -> bool:
        parts = urlsplit(link)
        try:
            kind = resolve(parts.path).view_name
        except Resolver404:
            kind = f"nothing: {parts.path}"
        kind += "?" if parts.query else ""
        self.kinds[kind] += 1
        return self.kinds[kind] <= ALIKE

    def _watch(self, response: Response) -> None:
        """Style sheets, scripts and pictures of a page are there."""
        if response.status >= 400 and response.request.resource_type != "document":
            self.broken.append(f"{response.status} {response.url}, part of {self.page.url}")


def slow(page: Page) -> Page:
    """One that waits for a model of the outcomes to be fitted."""
    page.set_default_timeout(SLOWEST_MS)
    return page


def report(who: str, crawl: Crawl) -> None:
    """What was opened, for whoever runs the whole crawl with --log-cli-level=INFO."""
    log.info("%s: %s addresses, by status %s", who, crawl.opened.total(), dict(crawl.opened))
    assert not crawl.broken, "\n".join(crawl.broken)
    assert crawl.opened["200"]


@pytest.mark.parametrize("role", [*Role] if EVERY == 1 else [Role.CLINICIAN])
def test_each_role_finds_no_broken_page_from_where_it_begins(
    role: Role,
    open_page: OpenPage,
    live_server: Any,
    ids: Ids,  # noqa: F811
    clinic: models.Clinic,
) -> None:
    user = make_user(clinic, f"one_{role.value}", role)
    # Of the records one is an app of the desk's, with whose codes nobody can sign in.
    models.SecondFactor.objects.all().delete()
    page = slow(open_page())
    sign_in(page, user, begins=BEGINS.get(role, "Today"))
    mine = [one for one in every_url() if user.role in (PAGES[str(one.name)].roles or Role)]
    starts = ["/", *(address(one, ids) for one in mine)][::EVERY]
    report(role, Crawl(page, live_server.url, EVERY == 1).run(starts))


def test_a_patient_finds_no_broken_page_from_each_personal_link(
    open_page: OpenPage,
    live_server: Any,
    ids: Ids,  # noqa: F811
    clinician: models.User,
) -> None:
    planned = models.Estimate.objects.get()
    course = planned.course
    today = date(2026, 11, 23)
    _, questions = answer.make_link(clinician, course.pk, "baseline", today)
    starts = [
        f"/estimate/{estimate.make_estimate_link(clinician, planned.pk)[1]}/",
        f"/a/{answer.make_statement_link(clinician, course.pk)[1]}/",
        f"/consent/{consent.make_consent_link(clinician, course.pk)[1]}/",
        f"/a/{questions}/",
        f"/a/{answer.make_sheet_link(clinician, course.pk)[1]}/",
        f"/stop/{outbox.stop_token(course.patient)}/",
        *(f"/choose/{course.patient.clinic_id}/", f"/choose/{course.patient.clinic_id}/es/"),
        *("/evidence/", "/sign-in/"),
    ]
    page = slow(open_page())
    page.goto(starts[0])
    tell_birth_date(page)
    crawl = Crawl(page, live_server.url, EVERY == 1, signed_in=False)
    report("patient", crawl.run(starts[: None if EVERY == 1 else 5]))


@pytest.mark.skipif(EVERY != 1, reason="the invented clinic takes minutes: ENTHESIS_EVERY=1")
@pytest.mark.parametrize(
    "who", [sign_in_[0] for sign_in_ in DEMO_SIGN_INS if sign_in_[0] != "clinician2"]
)
def test_the_invented_clinic_has_no_broken_page(
    who: str, open_page: OpenPage, live_server: Any
) -> None:
    load_invented_clinic(datetime.now(UTC).date(), 1, 40, lambda done, of: None)
    page = slow(open_page())
    sign_in(
        page, models.User.objects.get(username=who), dict(one[:2] for one in DEMO_SIGN_INS)[who]
    )
    report(f"invented {who}", Crawl(page, live_server.url, True).run(["/"]))
