"""The estimate of a course: made in versions, read and received by the patient at a link."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from enthesis.clinic import audit, estimates, store
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.actions.answer import TOKEN_BYTES, hashed, refuse_unborn
from enthesis.clinic.documents import estimate_paper
from enthesis.clinic.estimates import Choice
from enthesis.clinic.models import Course, Estimate, EstimateLink, EstimateReceived, User
from enthesis.clinic.permissions import get_for
from enthesis.journey.estimate_words import say
from enthesis.journey.lines import Lines
from enthesis.journey.superbill import MOST_DIAGNOSES, diagnosis_problem
from enthesis.outcomes.errors import LettersError
from enthesis.shape import plain


@transaction.atomic
def make_estimate(user: User, course_id: int, chosen: Choice) -> Estimate:
    """The next version of a course's estimate, of its plan as it stands. Made twice the same on one
    day, the same version. Links to older ones stop working."""
    course = get_for(user, Course, course_id, lock=True)
    today = store.today(course.patient.clinic)
    if course.closed_on:
        raise Refused("This course is closed.")
    plan = estimates.plan_to_price(course)
    if plan is None:
        raise Refused("There is no plan yet, so nothing to estimate. Save a plan first.")
    check_diagnoses(chosen.diagnoses)
    made = estimates.work_out(course, plan, chosen, today)
    if made is None:
        raise Refused(
            "The plan’s price is in another currency than the clinic’s prices. Plan anew, or set a "
            "price in Settings."
        )
    content = {
        "estimate": plain(made),
        "around": plain(estimates.around(course, today, chosen.diagnoses)),
        "chosen": plain(chosen),
    }
    last = course.estimates.last()
    if last is not None and last.plan_id == plan.pk and last.content == content:
        return last
    row = save(
        Estimate(
            course=course,
            number=last.number + 1 if last else 1,
            plan=plan,
            made_on=today,
            content=content,
            by=user,
        )
    )
    audit.record(user, "make_estimate", row, detail={"number": row.number})
    _revoke(user, course)
    return row


def check_diagnoses(diagnoses: tuple[tuple[str, str], ...]) -> None:
    """Refused where one has not the form of a code, or they are too many for a form."""
    for code, _ in diagnoses:
        if problem := diagnosis_problem(code):
            raise Refused(problem, "other_codes")
    if len(diagnoses) > MOST_DIAGNOSES:
        raise Refused(f"At most {MOST_DIAGNOSES} diagnosis codes.", "other_codes")


def _revoke(user: User, course: Course) -> None:
    open_links = EstimateLink.objects.filter(estimate__course=course, revoked_at=None)
    for older in open_links.filter(estimate__received=None):
        older.revoked_at = timezone.now()
        save(older)
        audit.record(user, "revoke_estimate_link", older)


@transaction.atomic
def make_estimate_link(user: User, estimate_id: int) -> tuple[EstimateLink, str]:
    """A link to the newest estimate of a course, with its secret, which nobody can read again."""
    row = get_for(user, Estimate, estimate_id)
    course = get_for(user, Course, row.course_id, lock=True)
    if row != course.estimates.last():
        raise Refused("There is a newer estimate of this course. Send that one.")
    refuse_unborn(course)
    _revoke(user, course)
    token, now = secrets.token_urlsafe(TOKEN_BYTES), timezone.now()
    link = save(
        EstimateLink(
            estimate=row,
            token_hash=hashed(token),
            expires_at=now + timedelta(days=settings.ANSWER_LINK_DAYS),
            made_by=user,
            made_at=now,
        )
    )
    audit.record(user, "make_estimate_link", link)
    return link, token


def find_estimate_link(token: str, now: datetime) -> EstimateLink | None:
    """The link of a secret, unless it is wrong, revoked, or expired unused (all alike)."""
    links = EstimateLink.objects.select_related("estimate__course__patient__clinic")
    link = links.filter(token_hash=hashed(token), revoked_at=None).first()
    if link is None or (link.expires_at <= now and received_of(link.estimate) is None):
        return None
    return link


def received_of(row: Estimate) -> EstimateReceived | None:
    """That the patient received it, without the paper."""
    return EstimateReceived.objects.defer("pdf").filter(estimate=row).first()


def receive_estimate(link_id: int, name: str, language: str) -> EstimateReceived:
    """The patient has read it; the paper of what was read is made and kept with its hash."""
    links = EstimateLink.objects.select_related("estimate__course__patient__clinic")
    link = links.get(pk=link_id)
    row, clinic = link.estimate, link.estimate.course.patient.clinic
    if (done := received_of(row)) is not None:
        return done
    said = Lines(store.known_for(clinic, store.today(clinic)), language)
    _refuse_newer(link, said)
    if not name.strip():
        raise Refused(say(said, "page-no-name"), "name")
    now = timezone.now()
    try:
        # Printing takes a second: before the row is held, on SQLite before all who write wait.
        pdf = estimate_paper(row, language, name.strip(), store.day_of(clinic, now))
    except LettersError as refused:
        raise Refused(say(said, "page-letters", letters=refused.letters), "name") from refused
    received = EstimateReceived(
        estimate=row,
        link=link,
        name=name.strip(),
        language=language,
        pdf=pdf,
        pdf_sha256=hashlib.sha256(pdf).hexdigest(),
        at=now,
    )
    return _keep_received(received, said)


@transaction.atomic
def _keep_received(received: EstimateReceived, said: Lines) -> EstimateReceived:
    Course.objects.select_for_update().get(pk=received.estimate.course_id)
    if (done := received_of(received.estimate)) is not None:
        return done
    received.link.refresh_from_db()
    _refuse_newer(received.link, said)
    save(received)
    audit.record(None, "receive_estimate", received, detail={"pdf_sha256": received.pdf_sha256})
    return received


def _refuse_newer(link: EstimateLink, said: Lines) -> None:
    if link.revoked_at or link.estimate != link.estimate.course.estimates.last():
        raise Refused(say(said, "page-newer"))
