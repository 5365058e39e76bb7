"""Consent: a personal link to the text, the patient's signature, and taking it back."""

import hashlib
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.formats import date_format

from enthesis.clinic import audit, consents, store
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.actions.answer import TOKEN_BYTES, hashed, refuse_unborn
from enthesis.clinic.models import Consent, ConsentLink, Course, Plan, User
from enthesis.clinic.permissions import get_for
from enthesis.journey import consent as text
from enthesis.journey.lines import Lines
from enthesis.outcomes.errors import FitError
from enthesis.outcomes.paper import paper_css, pdf_of
from enthesis.shape import plain

PDF_VARIANT = "pdf/a-2a"
"""PDF/A with all its text tagged; nothing is attached, which is what A-3 would add."""


@transaction.atomic
def make_consent_link(user: User, course_id: int) -> tuple[ConsentLink, str]:
    """A link to the consent of the plan last agreed, with its secret, which nobody can read again.

    Older links that were not signed stop working.
    """
    course = get_for(user, Course, course_id, lock=True)
    plan = consents.agreed_plan(course)
    if course.closed_on:
        raise Refused("This course is closed.")
    if plan is None:
        raise Refused("There is no agreed plan to consent to yet. Record the agreement first.")
    refuse_unborn(course)
    now = timezone.now()
    for older in course.consent_links.filter(revoked_at=None).exclude(
        facts__fact=Consent.Fact.SIGNED
    ):
        older.revoked_at = now
        save(older)
        audit.record(user, "revoke_consent_link", older)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    link = save(
        ConsentLink(
            course=course,
            plan=plan,
            token_hash=hashed(token),
            expires_at=now + timedelta(days=settings.ANSWER_LINK_DAYS),
            made_by=user,
            made_at=now,
        )
    )
    audit.record(user, "make_consent_link", link)
    return link, token


def find_consent_link(token: str, now: datetime) -> ConsentLink | None:
    """The link of a secret, unless it is wrong, revoked, or expired unsigned (all alike)."""
    links = ConsentLink.objects.select_related("course__patient__clinic", "plan")
    link = links.filter(token_hash=hashed(token), revoked_at=None).first()
    if link is None or (link.expires_at <= now and not signed_by(link)):
        return None
    return link


def signed_by(link: ConsentLink) -> Consent | None:
    """What was signed at a link."""
    return link.facts.filter(fact=Consent.Fact.SIGNED).defer("pdf").first()


@dataclass(frozen=True, slots=True)
class Signature:
    """What came from the page: the ids that were ticked, and the fingerprints of what was read."""

    name: str
    ticked: Collection[str]
    language: str
    read: Mapping[str, str]


def sign_consent(link_id: int, signature: Signature) -> Consent:
    """The patient signs what was read, and the paper of it is made and kept with its hash.

    Refused without a name or with a statement not ticked, and where the text has changed since it
    was opened.
    """
    link = ConsentLink.objects.select_related("course__patient__clinic").get(pk=link_id)
    if (done := signed_by(link)) is not None:
        return done
    told, _ = _read_whole(link, link.course, signature)
    now, name = timezone.now(), signature.name.strip()
    # Printing takes a second: before the row is held, on SQLite before everybody who writes waits.
    pdf = _paper(link.course, told, _lines(link.course, signature), name, now)
    return _keep_signed(link, signature, now, pdf)


@transaction.atomic
def _keep_signed(link: ConsentLink, signature: Signature, at: datetime, pdf: bytes) -> Consent:
    course = Course.objects.select_for_update().get(pk=link.course_id)
    if (done := signed_by(link)) is not None:
        return done
    link.refresh_from_db()
    told, plan = _read_whole(link, course, signature)
    today = store.today(course.patient.clinic)
    row = save(
        Consent(
            course=course,
            fact=Consent.Fact.SIGNED,
            link=link,
            plan=plan,
            name=signature.name.strip(),
            content=plain(told) | {"knowledge_as_of": today.isoformat()},
            pdf=pdf,
            pdf_sha256=hashlib.sha256(pdf).hexdigest(),
            at=at,
        )
    )
    audit.record(None, "sign_consent", row, detail={"pdf_sha256": row.pdf_sha256})
    return row


def _lines(course: Course, signature: Signature) -> Lines:
    clinic = course.patient.clinic
    return Lines(store.known_for(clinic, store.today(clinic)), signature.language)


def _read_whole(
    link: ConsentLink, course: Course, signature: Signature
) -> tuple[text.Consent, Plan]:
    """What is signed, and the plan that it is about; refused where it is not what was read."""
    said, plan = _lines(course, signature), consents.agreed_plan(course)
    told = consents.text_for(course, store.today(course.patient.clinic), signature.language)
    if link.revoked_at or plan is None or plan.pk != link.plan_id or course.closed_on:
        raise Refused(said.line("page-changed"))
    if told is None or dict(signature.read) != dict(told.versions):
        raise Refused(said.line("page-changed"))
    for id, _ in told.statements:
        if id not in signature.ticked:
            raise Refused(said.line("page-tick"), id)
    if not signature.name.strip():
        raise Refused(said.line("page-no-name"), "name")
    return told, plan


@transaction.atomic
def withdraw_by_link(link_id: int) -> Consent:
    """The patient takes consent back, in one step and without a reason."""
    link = ConsentLink.objects.get(pk=link_id)
    return _withdraw(Course.objects.select_for_update().get(pk=link.course_id), link, None)


@transaction.atomic
def withdraw_consent(user: User, course_id: int) -> Consent:
    """Staff write down that the patient took consent back."""
    return _withdraw(get_for(user, Course, course_id, lock=True), None, user)


def _withdraw(course: Course, link: ConsentLink | None, user: User | None) -> Consent:
    last = course.consents.defer("pdf").last()
    if last is None:
        raise Refused("There is no signed consent to withdraw.")
    if last.fact == Consent.Fact.WITHDRAWN:
        return last
    row = save(Consent(course=course, fact=Consent.Fact.WITHDRAWN, link=link, by=user))
    audit.record(user, "withdraw_consent", row)
    return row


def _paper(course: Course, told: text.Consent, said: Lines, name: str, at: datetime) -> bytes:
    clinic = course.patient.clinic
    on = store.day_of(clinic, at)
    context: dict[str, Any] = {
        "told": told,
        "css": paper_css(),
        "name": name,
        "patient": course.patient,
        "clinic_name": clinic.name,
        "heading_sources": said.line("page-sources"),
    }
    with translation.override(told.language):
        context["signed"] = said.line("page-signature", name=name, date=day_words(on))
        html = render_to_string("clinic/consent/paper.html", context)
    try:
        return pdf_of(html, PDF_VARIANT)
    except FitError as refused:
        raise Refused(said.line("page-letters"), "name") from refused


def day_words(on: date) -> str:
    """A day in the language that is switched on."""
    return date_format(on, "DATE_FORMAT")
