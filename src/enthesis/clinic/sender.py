"""Sends what waits in the outbox: one pass, or pass after pass beside the server."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from datetime import time as time_of_day
from email import policy
from email.message import EmailMessage
from ipaddress import ip_address
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError, connections
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import override

from enthesis.clinic import archive, backup, enquiries, network, sealing, sending, store
from enthesis.clinic.actions import enquiry, outbox
from enthesis.clinic.api import export
from enthesis.clinic.errors import without_words
from enthesis.clinic.models import (
    Attempt,
    Clinic,
    ContactChoice,
    Course,
    Enquiry,
    Message,
    Patient,
)
from enthesis.journey import remind
from enthesis.journey.lines import ENGLISH
from enthesis.knowledge.kinds import MessageText

log = logging.getLogger("enthesis.sender")
# Each pass looks at every open course; nobody waits for a reminder by the minute. A clinic does
# wait for an alert, and an asker for the answer: that costs one look into the outbox.
FIRST_SECONDS = 10
PAUSE_SECONDS = 300
AT_ONCE_SECONDS = 10
# The longest line of a mail (RFC 5322). An address that the usual 78 break is put into encoded
# words, which no mail program follows.
LONG_LINES = policy.default.clone(max_line_length=998)


def forever(pause: float = PAUSE_SECONDS, short_pause: float = AT_ONCE_SECONDS) -> None:
    """Pass after pass, and what goes at once in between. A database that is busy, or a fault in
    one pass, does not end it."""
    # Not while the server is still beginning: who stops it again at once would wait for this pass.
    time.sleep(FIRST_SECONDS)
    next_pass = time.monotonic()
    while True:
        try:
            if time.monotonic() >= next_pass:
                next_pass = time.monotonic() + pause
                run_pass()
                back_up()
            else:
                send_at_once()
        except OperationalError as error:
            log.warning("The database refused to answer: %s", error)
        except Exception as error:
            log.error("A pass failed; next in %s seconds: %s", pause, without_words(error))
        finally:
            connections.close_all()
        time.sleep(min(pause, short_pause))


def back_up() -> None:
    """The day's backup, if it is due; a disk that is full or away is told and tried again."""
    try:
        backup.make_if_due(timezone.now())
    except (OSError, sealing.SealError, archive.ArchiveError) as error:
        log.error("No backup could be made: %s", error)


def run_pass(lease: timedelta = outbox.LEASE) -> int:
    """Queue what is wanted today, then send what may be sent now; how many were sent."""
    sent = send_at_once(lease)
    with _alone("The askers' names and addresses could not be erased"):
        enquiry.forget_askers(timezone.now())
    with _alone("The keys of forms that were sent could not be forgotten"):
        sending.forget()
    with _alone("The sessions that are over could not be deleted"):
        SessionStore.clear_expired()
    with _alone("The exports that have expired could not be taken away"):
        export.clean()
    for clinic in _writing():
        with _alone(f"Nothing could be queued for clinic {clinic.pk}"):
            queue_wanted(clinic, timezone.now())
    while (attempt := _claim_now(timezone.now(), lease)) is not None:
        with _alone(f"Message {attempt.message_id} could not be finished"):
            sent += send(attempt)
    return sent


def send_at_once(lease: timedelta = outbox.LEASE) -> int:
    """Send clinics what their patients warned of, and askers their answers: at night too, and
    whether or not patients are reminded. How many were sent."""
    sent, clinics = 0, []
    for clinic in Clinic.objects.filter(invented=False).exclude(sender_email=""):
        if not_set_up(clinic) is None:
            clinics.append(clinic)
    while clinics and (attempt := outbox.claim(clinics, timezone.now(), lease, at_once=True)):
        with _alone(f"Message {attempt.message_id} could not be finished"):
            sent += send(attempt)
    return sent


@contextmanager
def _alone(what: str) -> Iterator[None]:
    """A fault in one clinic or one message is logged and does not keep the others waiting."""
    try:
        yield
    except Exception as error:
        log.error("%s: %s", what, without_words(error))


def _writing() -> list[Clinic]:
    return list(Clinic.objects.filter(reminders_on=True, invented=False))


def _claim_now(now: datetime, lease: timedelta) -> Attempt | None:
    # Night may have fallen, or reminders been switched off, since the one before was sent.
    awake = []
    for clinic in _writing():
        with _alone(f"Nothing can be sent for clinic {clinic.pk}"):
            if not_set_up(clinic) is None and not is_quiet(clinic, now):
                awake.append(clinic)
    return outbox.claim(awake, now, lease) if awake else None


def queue_wanted(clinic: Clinic, now: datetime) -> int:
    """Put what the clinic's open courses want today into the outbox; how many are new."""
    today = store.today(clinic)
    courses = Course.objects.filter(patient__clinic=clinic, closed_on=None)
    rows = [
        row
        for row in courses.select_related("patient__clinic").prefetch_related(
            "patient__contact_choices"
        )
        if outbox.way_of(row.patient) and outbox.wants(row.patient, ContactChoice.Way.MESSAGES)
    ]
    known, booked = store.known_for(clinic, today), outbox.next_sessions(clinic, now)
    found = [
        (row, reminder)
        for row, course in zip(rows, store.course_outlines(rows), strict=True)
        for reminder in remind.reminders(course, booked.get(row.pk), known, today)
    ]
    keys = [reminder.key for _, reminder in found]
    there = set(Message.objects.filter(key__in=keys).values_list("key", flat=True))
    new = [(row, reminder) for row, reminder in found if reminder.key not in there]
    return sum(outbox.queue(row, reminder, now) is not None for row, reminder in new)


def why_waiting(clinic: Clinic) -> str | None:
    """Why nothing of a clinic can be sent, in one sentence with what to do; None: it can."""
    return not_set_up(clinic) or _refused(clinic)


def _refused(clinic: Clinic) -> str | None:
    """What the other side had against us at the last try; no reason not to try again."""
    ours = Q(message__course__patient__clinic=clinic) | Q(message__enquiry__clinic=clinic)
    tried = Attempt.objects.filter(ours).exclude(outcome="")
    last = tried.last()
    if last and last.outcome == Attempt.Outcome.LATER and network.is_about_us(last.detail):
        see = "; see ENTHESIS_SMTP, and the sender’s address in Settings."
        return last.detail + (see if last.way == "email" else "")
    return None


def not_set_up(clinic: Clinic) -> str | None:
    """Why no mail of a clinic can go out until somebody sets it up; None: it can."""
    if clinic.invented:
        return (
            "An invented clinic writes to nobody: begin your own with the command enthesis clinic."
        )
    if not settings.PUBLIC_ADDRESS:
        return (
            "ENTHESIS_ADDRESS does not say where patients reach this server: set it, such as "
            "https://clinic.example, and start again."
        )
    if is_local(settings.PUBLIC_ADDRESS):
        return (
            f"ENTHESIS_ADDRESS is {settings.PUBLIC_ADDRESS}, which only this machine can open: set "
            "it to the address at which patients reach this server, and start again."
        )
    if not settings.SMTP:
        return (
            "No mail server is set up: set ENTHESIS_SMTP (docs/how-to/send-reminders.md) and start "
            "again."
        )
    if problem := network.smtp_problem():
        return problem
    if not clinic.sender_email:
        return "Settings name no sender’s address: give one under Reminders."
    return None


def is_local(address: str) -> bool:
    """Whether an address leads nowhere but to the machine that opens it."""
    host = urlsplit(address).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ip = ip_address(host)
    except ValueError:
        return False
    return ip.is_loopback or ip.is_unspecified


def quiet_hours(clinic: Clinic) -> tuple[time_of_day, time_of_day]:
    """The clinic's own quiet hours, else those of the knowledge files."""
    rules = store.known_for(clinic, store.today(clinic)).reminder_rules
    begins, ends = time_of_day(rules.quiet_from_hour), time_of_day(rules.quiet_to_hour)
    return clinic.quiet_from or begins, clinic.quiet_to or ends


def is_quiet(clinic: Clinic, now: datetime) -> bool:
    """Whether it is night where the clinic is."""
    return remind.is_quiet(now.astimezone(ZoneInfo(clinic.time_zone)).time(), *quiet_hours(clinic))


def send(attempt: Attempt) -> bool:
    """Hand one claimed message over and write down what came of it; whether it was taken."""

    def handing() -> None:
        outbox.hand(attempt, timezone.now())

    try:
        outcome, detail = Attempt.Outcome.TAKEN, _hand_over(attempt, handing)
    except outbox.LeaseLost:
        return False
    except network.Later as error:
        outcome, detail = Attempt.Outcome.LATER, str(error)
    except network.Refused as error:
        outcome, detail = Attempt.Outcome.REFUSED, str(error)
    except network.Unclear as error:
        outcome, detail = Attempt.Outcome.UNCLEAR, str(error)
    except OperationalError:
        raise  # nor could what came of it be written now; the lease runs out
    except Exception as error:
        log.error("Message %s could not be sent: %s", attempt.message_id, without_words(error))
        outcome = Attempt.Outcome.UNCLEAR if attempt.handed_at else Attempt.Outcome.LATER
        detail = f"Enthesis made a mistake: {type(error).__name__}"
    outbox.finish(attempt, outcome, detail, timezone.now())
    return outcome is Attempt.Outcome.TAKEN


def _hand_over(attempt: Attempt, handing: Callable[[], None]) -> str:
    message = attempt.message
    if message.enquiry:
        return network.send_mail(answer_of(message, message.enquiry), handing)
    if message.is_alert:
        return network.send_mail(alert_of(message), handing)
    text, words = text_of(message, timezone.now())
    if attempt.way == "sms":
        phone = message.patient.phone
        return network.send_sms(phone, text.sms.format(**words), message.message_id, handing)
    return network.send_mail(mail_of(message, text, words), handing)


def text_of(message: Message, now: datetime) -> tuple[MessageText, dict[str, str]]:
    """The words in the patient's language, and what fills them: nothing about health."""
    patient = message.patient
    link = outbox.link_for(message, now)
    zone = ZoneInfo(patient.clinic.time_zone)
    with override(patient.language), timezone.override(zone):
        until = date_format(store.day_of(patient.clinic, link.expires_at), "DATE_FORMAT")
    known = store.known_for(patient.clinic, store.day_of(patient.clinic, now))
    words = {
        "clinic": patient.clinic.name,
        "phone": patient.clinic.phone,
        "link": f"{settings.PUBLIC_ADDRESS}/a/{outbox.token_of(message.ask)}/",
        "stop": stop_address(patient),
        "until": until,
    }
    return known.message_texts[patient.language], words


def alert_of(message: Message) -> EmailMessage:
    """The mail to the clinic: which course, and nothing about who or what."""
    address = settings.PUBLIC_ADDRESS + reverse("course", args=[message.course_id])
    body = (
        f"A warning answer was given in course {message.course_id}.\n"
        f"A clinician must see it now:\n\n{address}\n"
    )
    return _mail(
        message, message.clinic.alert_email, f"Warning answer, course {message.course_id}", body
    )


def answer_of(message: Message, asked: Enquiry) -> EmailMessage:
    """The mail with the answer to an enquiry, in the language in which it was asked."""
    subject, body = enquiries.answer_letter(asked, settings.PUBLIC_ADDRESS, by_us=True)
    return _mail(message, asked.email, subject, body, asked.language)


def stop_address(patient: Patient) -> str:
    """Where a patient stops messages."""
    return f"{settings.PUBLIC_ADDRESS}/stop/{outbox.stop_token(patient)}/"


def mail_of(message: Message, text: MessageText, words: dict[str, str]) -> EmailMessage:
    """The reminder as it goes out."""
    subject, body = text.subject.format(**words), text.body.format(**words)
    mail = _mail(message, message.patient.email, subject, body, text.id)
    mail["List-Unsubscribe"] = f"<{words['stop']}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return mail


def _mail(
    message: Message, to: str, subject: str, body: str, language: str = ENGLISH
) -> EmailMessage:
    """A mail as it goes out; its Message-ID is that of the outbox."""
    mail = EmailMessage()
    # Every server takes this, whatever the language, and the addresses stay readable. Before the
    # head: it takes away every Content header that is there.
    mail.set_content(body, cte="quoted-printable")
    mail.policy = LONG_LINES  # for the head alone: the body is written by now
    mail["From"] = message.clinic.sender_email
    mail["To"] = to
    # One line, however the clinic's name was typed: a head with two is none, and is never sent.
    mail["Subject"] = " ".join(subject.splitlines())
    mail["Message-ID"] = message.message_id
    mail["Date"] = message.made_at
    mail["Content-Language"] = language
    mail["Auto-Submitted"] = "auto-generated"
    return mail
