"""The clinic's main writes, sent by HTTP to a real server, and whether each is there afterwards.

What is written to is laid ready in the database first, one course for each write, so that every
write can be told from all others.
"""

import http.client
import random
import secrets
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session as SignedIn
from django.test import Client
from django.utils import timezone

from enthesis.clinic import image_files, models, store
from enthesis.clinic.actions.answer import hashed
from tests.clinic.files import PNG_START, chunk
from tests.clinic.test_treat_pages import shown
from tests.clinic.treated import agree_plan
from tests.clinic_fixtures import PASSWORD

# A token is compared with the browser's own cookie: any pair that fits is a form of this browser.
CSRF = "a" * 32
AMOUNT = "1.00"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    body: str
    headers: http.client.HTTPMessage


class Browser:
    """One visitor. ConnectionError, http.client.HTTPException or TimeoutError: nobody answered."""

    def __init__(self, port: int, session: str = "", timeout: float = 60) -> None:
        self.line = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self.cookie = f"csrftoken={CSRF}" + (f"; sessionid={session}" if session else "")

    def get(self, path: str) -> Answer:
        """A page."""
        return self._ask("GET", path)

    def post(self, path: str, fields: dict[str, Any], file: tuple[str, bytes] | None = None) -> Any:
        """A form, with a file in the field `file` if there is one."""
        edge = secrets.token_hex(8)
        parts = [
            f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{one}\r\n'.encode()
            for name, value in {"csrfmiddlewaretoken": CSRF, **fields}.items()
            for one in (value if isinstance(value, list) else [value])
        ]
        if file:
            head = f'form-data; name="file"; filename="{file[0]}"\r\nContent-Type: image/png'
            parts.append(f"--{edge}\r\nContent-Disposition: {head}\r\n\r\n".encode() + file[1])
            parts.append(b"\r\n")
        body = b"".join([*parts, f"--{edge}--\r\n".encode()])
        return self._ask("POST", path, body, f"multipart/form-data; boundary={edge}")

    def _ask(self, method: str, path: str, body: bytes = b"", kind: str = "") -> Answer:
        given = {"Cookie": self.cookie} | ({"Content-Type": kind} if kind else {})
        try:
            self.line.request(method, path, body or None, given)
            got = self.line.getresponse()
            return Answer(got.status, got.read().decode(errors="replace"), got.headers)
        finally:
            self.line.close()


@dataclass(slots=True)
class Write:
    """One write that can be sent: what it needs, and what came of it. `leads_to`: where its page
    sends who saved something, and nobody else."""

    kind: str
    key: str
    to: Any
    leads_to: str
    fields: dict[str, Any] = field(default_factory=dict)
    file: tuple[str, bytes] | None = None
    answer: Answer | None = None
    session: str = ""

    @property
    def is_acknowledged(self) -> bool:
        """The server said that it is done. To be sent anywhere else, such as to sign in, is no
        such answer."""
        if self.answer is None or self.answer.status != 302:
            return False
        return (self.answer.headers["Location"] or "").partition("?")[0] == self.leads_to


class Desk:
    """A clinic with somebody to write, and writes laid ready for them."""

    def __init__(self) -> None:
        self.clinic = models.Clinic.objects.create(name="Harbour Clinic", phone="(555) 0100")
        self.by = self._user("dr_amara_osei")
        client = Client()
        client.force_login(self.by)
        self.session = client.cookies["sessionid"].value
        self.count = 0
        self.plan: models.Plan | None = None
        self.form: dict[str, Any] = {}

    def _user(self, name: str) -> models.User:
        password = getattr(self, "password", None) or make_password(PASSWORD)
        self.password = password
        return models.User.objects.create(
            clinic=self.clinic,
            username=name,
            role=models.Role.CLINICIAN,
            display_name=name,
            password=password,
        )

    def lay_ready(self, each: int) -> dict[str, list[Write]]:
        """So many writes of each kind."""
        return {kind: [make(self) for _ in range(each)] for kind, (make, *_) in KINDS.items()}

    def course(self) -> models.Course:
        """A course of its own, with a plan agreed a month ago."""
        self.count += 1
        patient = models.Patient.objects.create(
            clinic=self.clinic, number=self.count, family="Lindqvist", given="Marta", sex="female"
        )
        on = self.today - timedelta(days=30)
        course = models.Course.objects.create(
            patient=patient, condition="low_back", side="left", opened_on=on, clinician=self.by
        )
        if self.plan is None:
            self.plan = agree_plan(course, agreed_on=on)
        else:
            self.plan.pk, self.plan.course = None, course
            self.plan.save()
        return course

    def draft(self) -> models.Session:
        """A session that was begun."""
        course = self.course()
        content = course.plans.get().content
        session = models.Session.objects.create(
            course=course,
            number=1,
            on=self.today,
            mixtures=content["mixtures"],
            weight_kg=Decimal(68),
        )
        for position, site in enumerate(content["sites"], start=1):
            models.SessionSite.objects.create(
                session=session, position=position, given=False, **site
            )
        return session

    @property
    def today(self) -> Any:
        return store.today(self.clinic)

    def browser(self, port: int, write: Write) -> Browser:
        """Signed in, but where the write is signing in or a patient's."""
        apart = write.kind in ("sign in", "answer")
        return Browser(port, "" if apart else self.session)


def send(browser: Browser, write: Write) -> Answer:
    """Send it; what was said is kept with it."""
    _, post, _ = KINDS[write.kind]
    write.answer = answer = post(browser, write)
    if write.kind == "sign in" and write.is_acknowledged:
        cookies = answer.headers.get_all("Set-Cookie") or []
        found = [one.split(";")[0] for one in cookies if one.startswith("sessionid=")]
        write.session = found[0].removeprefix("sessionid=")
    return answer


def found(write: Write) -> tuple[int, int]:
    """How often it is in the database, and how often in the audit trail."""
    _, _, look = KINDS[write.kind]
    return look(write)


def fault(write: Write) -> str:
    """What became of it that should not: "lost", or there "twice or half"; or nothing."""
    try:
        kept, told = found(write)
    except (AssertionError, image_files.DamagedImage):
        return "twice or half"
    if write.is_acknowledged and not (kept and told):
        return "lost"
    return "" if kept == told <= 1 else "twice or half"


def _events(action: str, row: Any) -> int:
    events = models.AuditEvent.objects.filter(action=action, record_id=row.pk if row else None)
    return events.count() if row else 0


def _to_sign_in(desk: Desk) -> Write:
    key = f"u{secrets.token_hex(6)}"
    return Write("sign in", key, desk._user(key), "/")


def _sign_in(browser: Browser, write: Write) -> Answer:
    return browser.post("/sign-in/", {"username": write.key, "password": PASSWORD, "next": "/"})


def _signed_in(write: Write) -> tuple[int, int]:
    events = _events("sign_in", write.to)
    # Nobody holds the key of a session of which the answer was lost: it lets nobody in.
    kept = SignedIn.objects.filter(session_key=write.session).count() if write.session else events
    return kept, events


def _to_answer(desk: Desk) -> Write:
    token, now = secrets.token_urlsafe(16), timezone.now()
    link = models.AnswerLink.objects.create(
        course=desk.course(),
        questionnaire="six_signs",
        occasion="after_session",
        token_hash=hashed(token),
        due_on=desk.today,
        expires_at=now + timedelta(days=9),
    )
    return Write("answer", token, link, f"/a/{token}/")


def _answer(browser: Browser, write: Write) -> Answer:
    return browser.post(f"/a/{write.key}/", {"danger": ["none"], "screen": "danger"})


def _answered(write: Write) -> tuple[int, int]:
    rows = list(models.Assessment.objects.filter(link=write.to))
    kept = sum(row.answers.get("danger") == ["none"] for row in rows)
    # A screen that comes again takes the place of the same screen; the trail has both.
    return kept, sum(_events("save_answers", row) > 0 for row in rows)


def _to_record(desk: Desk) -> Write:
    draft, key = desk.draft(), secrets.token_hex(8)
    desk.form = desk.form or shown(draft)  # alike for every first session of the same plan
    told = {"note": key, "do": "save", "version": 1, "request_key": key}
    return Write("session", key, draft, f"/sessions/{draft.pk}/", desk.form | told)


def _record(browser: Browser, write: Write) -> Answer:
    return browser.post(write.leads_to, write.fields)


def _recorded(write: Write) -> tuple[int, int]:
    row = models.Session.objects.get(pk=write.to.pk)
    whole = row.note == write.key and row.sites.filter(given=True).count() == 3
    if not whole and (row.note or row.version > 1 or row.sites.filter(given=True).exists()):
        raise AssertionError(f"Session {row.pk} is half-written.")
    return int(whole), _events("save_session", row)


def _to_pay(desk: Desk) -> Write:
    course, key = desk.course(), secrets.token_hex(8)
    bill = models.Invoice.objects.create(
        clinic=desk.clinic,
        number=desk.count,
        course=course,
        issued_on=desk.today,
        due_on=desk.today,
        currency=desk.clinic.currency,
    )
    models.InvoiceLine.objects.create(invoice=bill, text="Session", amount=Decimal(280))
    told = {"amount": AMOUNT, "method": "cash", "on": f"{desk.today}", "request_key": key}
    return Write("payment", key, bill, f"/invoices/{bill.pk}/", told)


def _pay(browser: Browser, write: Write) -> Answer:
    return browser.post(f"{write.leads_to}pay/", write.fields)


def _paid(write: Write) -> tuple[int, int]:
    rows = list(models.LedgerEntry.objects.filter(invoice=write.to))
    kept = [row for row in rows if (row.request_key, str(row.amount)) == (write.key, AMOUNT)]
    if len(kept) != len(rows):
        raise AssertionError(f"Invoice {write.to.pk} has a payment that nobody sent.")
    return len(kept), sum(_events("record_payment", row) for row in rows)


def _to_upload(desk: Desk) -> Write:
    draft, key = desk.draft(), secrets.token_hex(8)
    head = b"\0\0\0\x28\0\0\0\x28\x08\0\0\0\0"
    rows = b"".join(b"\0" + random.randbytes(40) for _ in range(40))  # noqa: S311
    picture = PNG_START + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows))
    file = (f"{key}.png", picture + chunk(b"IEND"))
    told = {"place": "", "request_key": key}
    return Write("upload", key, draft, f"/sessions/{draft.pk}/images/", told, file)


def _upload(browser: Browser, write: Write) -> Answer:
    return browser.post(write.leads_to, write.fields, write.file)


def _uploaded(write: Write) -> tuple[int, int]:
    rows = list(models.SessionImage.objects.filter(session=write.to))
    for row in rows:
        image_files.fetch(row.sha256)  # DamagedImage where the file is not whole
    return len(rows), sum(_events("attach_image", row) for row in rows)


Make, Post = Callable[[Desk], Write], Callable[[Browser, Write], Answer]
KINDS: dict[str, tuple[Make, Post, Callable[[Write], tuple[int, int]]]] = {
    "sign in": (_to_sign_in, _sign_in, _signed_in),
    "answer": (_to_answer, _answer, _answered),
    "session": (_to_record, _record, _recorded),
    "payment": (_to_pay, _pay, _paid),
    "upload": (_to_upload, _upload, _uploaded),
}
AGAIN = ("answer", "session", "payment", "upload")
"""Kinds that are sent again after no answer came, and are one write all the same."""
