"""The outbox: what is to be sent stands there before it is sent, and what came of it after.

Killed at any line, nothing is lost: a message stays waiting until its end is written, and the
lease of a dead sender runs out. Nothing is sent thrice: a try that may have arrived is marked
before it is made, and after two such the message goes to the call list instead. See
docs/explanation/outbox.md.
"""

import logging
import re
from datetime import date, datetime, timedelta
from typing import cast

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac

from enthesis.clinic import audit, store
from enthesis.clinic.actions import save
from enthesis.clinic.actions.alert import SENDER, message_id
from enthesis.clinic.actions.answer import QUESTIONNAIRE, hashed
from enthesis.clinic.errors import HideLinks, without_words
from enthesis.clinic.models import (
    AnswerLink,
    Appointment,
    Attempt,
    Clinic,
    ContactChoice,
    Course,
    Message,
    Patient,
    User,
)
from enthesis.journey import follow, remind

log = logging.getLogger("enthesis.outbox")
# Longer than any talk with a server (see network.TIMEOUT_SECONDS), so that the living keep theirs.
LEASE = timedelta(minutes=5)
MOST_TIMES = 2
# Looked at under one lock, so that it is never held for long.
AT_ONCE = 100
ADDRESS = re.compile(r"""<[^<>\s]*@[^<>]*>|"[^"\n]*"@\S+|[^\s<>]*@[^\s<>,;]+""")
LINK = HideLinks.LINK
# The server's own code in front stays; other digits in a row, if many, are somebody's number.
NUMBER = re.compile(
    r"(?P<code>(?:^|us: )[245]\d\d\b(?: [245](?:\.\d{1,3}){2}\b)?)|\+?\(?\d[\d ().\-]*\d"
)
LEAST_DIGITS = 7


def wanted(course: Course, today: date, booked: date | None = None) -> tuple[remind.Reminder, ...]:
    """The reminders that a course wants today, by the core."""
    known = store.known_for(course.patient.clinic, today)
    return remind.reminders(store.course_outlines([course])[0], booked, known, today)


def next_sessions(clinic: Clinic, now: datetime) -> dict[int, date]:
    """The day of the next booked session of each course that has one."""
    booked = Appointment.objects.filter(
        course__patient__clinic=clinic,
        kind=Appointment.Kind.SESSION,
        state=Appointment.State.BOOKED,
        starts_at__gte=now,
    ).order_by("-starts_at")
    days = booked.values_list("course", "starts_at")
    return {course: store.day_of(clinic, at) for course, at in days}


@transaction.atomic
def queue(course: Course, reminder: remind.Reminder, now: datetime) -> Message | None:
    """Put a reminder into the outbox, once for its key."""
    ask = reminder.ask
    safety = ask.purpose is remind.Purpose.SAFETY
    message, is_new = Message.objects.get_or_create(
        key=reminder.key,
        defaults={
            "course": course,
            "ask": ask.key,
            "occasion": ask.occasion.value,
            "questionnaire": follow.SAFETY if safety else QUESTIONNAIRE,
            "due_on": ask.due_on,
            "message_id": message_id(course.patient.clinic, reminder.key),
            "not_before": now,
        },
    )
    if not is_new:
        return None
    audit.record(None, "queue", message, detail={"key": message.key}, by=SENDER)
    return message


def claim(
    clinics: list[Clinic], now: datetime, lease: timedelta = LEASE, *, at_once: bool = False
) -> Attempt | None:
    """Take one waiting message that may be sent now, and write the attempt down before it is made.

    None when nothing waits. A message that should not be sent any more is ended on the way.
    `at_once`: alerts to the clinic and answers to enquiries, instead of reminders to patients.
    """
    attempt, passed_over = None, True
    while attempt is None and passed_over:
        attempt, passed_over = _claim(clinics, now, lease, at_once)
    return attempt


@transaction.atomic
def _claim(
    clinics: list[Clinic], now: datetime, lease: timedelta, at_once: bool
) -> tuple[Attempt | None, bool]:
    """The first of some waiting messages that may be sent, and whether others were passed over."""
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    waiting = Message.objects.filter(
        free,
        _at_once(clinics) if at_once else Q(is_alert=False, course__patient__clinic__in=clinics),
        state=Message.State.WAITING,
        not_before__lte=now,
    ).select_for_update(of=("self",), skip_locked=True)
    passed_over = False
    for message in waiting[:AT_ONCE]:
        if _is_passed_over(message, now):
            passed_over = True
            continue
        message.claimed_until = now + lease
        message.save(update_fields=["claimed_until"])
        way = "email" if at_once else way_of(message.patient) or ""
        attempt = Attempt.objects.create(message=message, way=way, began_at=now)
        audit.record(None, "claim", message, detail={"attempt": attempt.pk}, by=SENDER)
        return attempt, passed_over
    return None, passed_over


def _at_once(clinics: list[Clinic]) -> Q:
    alerted = [clinic for clinic in clinics if clinic.alert_email]
    return Q(is_alert=True, course__patient__clinic__in=alerted) | Q(enquiry__clinic__in=clinics)


def _is_passed_over(message: Message, now: datetime) -> bool:
    """Whether it is not to be sent now: ended, or of a fault, which must not stop the others."""
    try:
        with transaction.atomic():
            problem = _unsendable(message, now)
            if problem:
                _end(message, *problem)
    except DatabaseError:
        raise
    except Exception as error:
        log.error("Message %s cannot be judged: %s", message.pk, without_words(error))
        Message.objects.filter(pk=message.pk).update(not_before=now + LEASE)
        return True
    return problem is not None


def _unsendable(message: Message, now: datetime) -> tuple[Message.State, str] | None:
    """Why a waiting message is not to be sent now or ever, and how it ends."""
    perhaps = message.attempts.exclude(handed_at=None).filter(outcome__in=["", "unclear"])
    if perhaps.count() >= MOST_TIMES:
        why = "Broke off twice while it was handed over; it may not have arrived."
        return Message.State.UNCLEAR, why
    if message.enquiry:
        why = "The address was erased before it was sent."
        return None if message.enquiry.email else (Message.State.FAILED, why)
    if message.is_alert:
        return None
    course, patient = cast(Course, message.course), message.patient
    if not wants(patient, ContactChoice.Way.MESSAGES):
        return Message.State.DROPPED, "The patient wants no messages."
    booked = next_sessions(patient.clinic, now).get(course.pk)
    still = wanted(course, store.today(patient.clinic), booked)
    if message.key not in {reminder.key for reminder in still}:
        return Message.State.DROPPED, "It was answered, or something newer is asked."
    if way_of(patient) is None:
        return Message.State.FAILED, "There is no address to write to."
    link = AnswerLink.objects.filter(token_hash=hashed(token_of(message.ask))).first()
    if link and (link.revoked_at or link.expires_at <= now):
        return Message.State.DROPPED, "The personal link was withdrawn or has expired."
    return None


def way_of(patient: Patient) -> str | None:
    """How a patient is written to; None where there is no way."""
    return way_by(patient.email, patient.phone)


def way_by(email: str, phone: str) -> str | None:
    """By e-mail, else by text message where the clinic has a gateway."""
    if email:
        return "email"
    return "sms" if phone and settings.SMS else None


def wants(patient: Patient, way: str) -> bool:
    """What the patient chose last; wanted until said otherwise."""
    chosen = [choice for choice in patient.contact_choices.all() if choice.way == way]
    return not chosen or chosen[-1].wanted


def token_of(ask: str) -> str:
    """The secret of the link of an ask: the same for every message about it, and stored nowhere.

    Made from the installation's key. A second sending after a crash carries the same link, and
    who began to answer goes on where they stopped.
    """
    return salted_hmac("enthesis.link", ask, algorithm="sha256").hexdigest()


@transaction.atomic
def link_for(message: Message, now: datetime) -> AnswerLink:
    """The personal link that goes into the message, made when it is first sent."""
    made: tuple[AnswerLink, bool] = AnswerLink.objects.get_or_create(
        token_hash=hashed(token_of(message.ask)),
        defaults={
            "course": cast(Course, message.course),
            "questionnaire": message.questionnaire,
            "occasion": message.occasion,
            "due_on": message.due_on,
            "expires_at": now + timedelta(days=settings.ANSWER_LINK_DAYS),
            "made_at": now,
        },
    )
    link, is_new = made
    if is_new:
        audit.record(None, "link_for", link, detail={"key": message.key}, by=SENDER)
    return link


class LeaseLost(Exception):  # noqa: N818 (an answer, not a fault)
    """Somebody else has taken the message meanwhile."""


@transaction.atomic
def hand(attempt: Attempt, now: datetime) -> None:
    """From now on it may have arrived. LeaseLost if we were too slow and another sends it."""
    message = Message.objects.select_for_update().get(pk=attempt.message_id)
    is_ours = message.attempts.last() == attempt and message.state == Message.State.WAITING
    if not is_ours or message.claimed_until is None or message.claimed_until <= now:
        raise LeaseLost
    attempt.handed_at = now
    attempt.save(update_fields=["handed_at"])
    audit.record(None, "hand", message, detail={"attempt": attempt.pk}, by=SENDER)


@transaction.atomic
def finish(attempt: Attempt, outcome: str, detail: str, now: datetime) -> None:
    """What came of an attempt: sent, failed for good, or to be tried again later."""
    detail = _without_addresses(detail, attempt.message)
    attempt.outcome, attempt.detail, attempt.ended_at = outcome, detail[:300], now
    attempt.save(update_fields=["outcome", "detail", "ended_at"])
    message = Message.objects.select_for_update().get(pk=attempt.message_id)
    if outcome == Attempt.Outcome.TAKEN:
        _end(message, Message.State.SENT, "")
    elif message.attempts.last() != attempt or message.state != Message.State.WAITING:
        return  # our lease ran out, and another has taken it up: what it finds will count
    elif outcome == Attempt.Outcome.REFUSED:
        _end(message, Message.State.FAILED, detail)
    else:
        tries = message.attempts.filter(outcome__in=["later", "unclear"]).count()
        clinic = message.clinic
        known = store.known_for(clinic, store.day_of(clinic, now))
        wait = remind.retry_after(tries, known)
        if wait is None:
            _end(message, Message.State.FAILED, f"Given up after {tries} tries: {detail}")
            return
        message.not_before, message.claimed_until = now + wait, None
        message.save(update_fields=["not_before", "claimed_until"])
        audit.record(None, "finish", message, detail={"outcome": outcome}, by=SENDER)


def _without_addresses(words: str, message: Message) -> str:
    """What a server said, without the addresses, numbers and links that it quotes back."""
    email = message.enquiry.email if message.enquiry else message.patient.email
    phone = "" if message.enquiry else message.patient.phone
    own = [email, email.partition("@")[0], phone]
    for text in filter(None, own):
        words = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", "…", words, flags=re.IGNORECASE)
    words = LINK.sub(r"/\1/…", ADDRESS.sub("…", words))
    return NUMBER.sub(_unless_many, words)


def _unless_many(digits: re.Match[str]) -> str:
    many = sum(sign.isdigit() for sign in digits[0]) >= LEAST_DIGITS
    return "…" if many and not digits["code"] else digits[0]


def _end(message: Message, state: Message.State, why: str) -> None:
    message.state, message.why, message.claimed_until = state, why[:300], None
    message.save(update_fields=["state", "why", "claimed_until"])
    audit.record(None, "finish", message, detail={"state": state.value}, by=SENDER)


@transaction.atomic
def choose_contact(
    patient: Patient, way: str, wanted_now: bool, user: User | None = None
) -> ContactChoice:
    """The patient wants, or does not want, to be written to or called."""
    choice = save(ContactChoice(patient=patient, way=way, wanted=wanted_now, by=user))
    audit.record(user, "choose_contact", choice, detail={"way": way, "wanted": wanted_now})
    return choice


def stop_token(patient: Patient) -> str:
    """The address of "no more messages": never expires, and says nothing but a number."""
    return Signer(salt="enthesis.stop").sign(str(patient.pk)).replace(":", "-", 1)


def patient_of_stop(token: str) -> Patient | None:
    """Whose "no more messages" it is; None for a wrong one."""
    if ":" in token:  # It opens as it was made, and in no other spelling.
        return None
    try:
        pk = Signer(salt="enthesis.stop").unsign(token.replace("-", ":", 1))
    except BadSignature:
        return None
    return Patient.objects.select_related("clinic").filter(pk=int(pk)).first()
