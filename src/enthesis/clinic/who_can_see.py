"""Who can see a patient's record at this moment, from the table and what was handed out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from enthesis.clinic.access_table import Row, table
from enthesis.clinic.actions.api_tokens import why_closed
from enthesis.clinic.actions.calendar_feed import open_feeds
from enthesis.clinic.actions.consent import signed_by
from enthesis.clinic.actions.estimate import received_of
from enthesis.clinic.models import (
    AnswerLink,
    ApiToken,
    CalendarFeed,
    Clinic,
    ConsentLink,
    Emergency,
    EstimateLink,
    Patient,
    Role,
    User,
)
from enthesis.clinic.permissions import OPEN, roles_of

PLAINLY = {
    ("day", "see"): "See who comes on which day.",
    ("day", "change"): "See who comes and who is to be called, and write down calls.",
    ("patient", "see"): "See the patient’s page: name, birth date and how to reach them.",
    ("patient", "change"): "See the patient’s page, and correct it and add to it.",
    ("record", "see"): "Read the whole record, and take out a copy of it.",
    ("record", "change"): "Read the whole record, and add to it from another program.",
    ("course", "see"): "See the course of treatment: what it is for and where it stands.",
    ("course", "change"): "See the course of treatment, and write in it.",
    ("appointment", "see"): "See appointments.",
    ("appointment", "change"): "Make, move and cancel appointments.",
    ("consent", "see"): "See whether and when consent was given.",
    ("consent", "change"): "Ask for consent, and write down that it was taken back.",
    ("session", "see"): "See what was injected in each session.",
    ("session", "change"): "See what was injected in each session, and write it down.",
    ("harm", "see"): "See what went wrong after a treatment.",
    ("harm", "change"): "See what went wrong after a treatment, and write it down.",
    ("invoice", "see"): "See invoices and payments.",
    ("invoice", "change"): "Make invoices, and take and give back payments.",
    ("estimate", "see"): "See estimates of what the treatment costs.",
    ("estimate", "change"): "Make estimates of what the treatment costs.",
    ("stock", "see"): "See which vials were used for whom.",
    ("stock", "change"): "See which vials were used for whom, and keep the stock.",
    ("emergency", "see"): "See who opened a record in an emergency.",
    ("emergency", "change"): "Open a record in an emergency, or take note that somebody did.",
    ("who looked", "see"): "See who looked at the record, and who can.",
    ("who looked", "change"): "See who looked at the record, and who can.",
    ("erasure", "see"): "See what of the record may be erased.",
    ("erasure", "change"): "Erase what of the record may be erased, when the patient asks.",
}
"""What a kind of thing and a right on it mean to the patient who asks; of patients' kinds all."""


@dataclass(frozen=True, slots=True)
class Seer:
    """One of the clinic's roles, who has it, and what of a patient they may, by kind of thing."""

    role: Role
    people: list[User]
    may: dict[str, str]

    @property
    def plainly(self) -> list[str]:
        """The same in sentences."""
        return [PLAINLY[right] for right in self.may.items()]


def rights(role: Role, rows: Iterable[Row] | None = None) -> dict[str, str]:
    """What a role may at most with each kind of thing: {"course": "change", "record": "see"}."""
    most: dict[str, str] = {}
    for row in table().pages.values() if rows is None else rows:
        if row.roles and role in row.roles and most.get(row.of) != "change":
            most[row.of] = row.may
    return most


def patient_pages(role: Role) -> list[Row]:
    """The pages that show something of patients, one or many, and that a role may open."""
    pages = table().pages.values()
    return [row for row in pages if row.of in table().of_patients and role in (row.roles or ())]


def seers(clinic: Clinic) -> list[Seer]:
    """Each role that may see something of the clinic's patients, with those who may sign in."""
    users = list(User.objects.filter(clinic=clinic, is_active=True).order_by("display_name", "pk"))
    return [
        Seer(role, [one for one in users if one.role == role], rights(role, pages))
        for role in Role
        if (pages := patient_pages(role))
    ]


def tokens_of(clinic: Clinic) -> list[ApiToken]:
    """The programs that get in now."""
    every = ApiToken.objects.filter(clinic=clinic, revoked_at=None).select_related(
        "made_by__clinic"
    )
    return [one for one in every if not why_closed(one, timezone.now())]


def openings(clinic: Clinic, patient: Patient | None = None) -> QuerySet[Emergency]:
    """The records that are open now in an emergency, by whose role does not include them."""
    running = Emergency.objects.filter(
        until__gt=timezone.now(), user__is_active=True, user__role__in=roles_of(OPEN),
        patient__clinic=clinic,
    )  # fmt: skip
    return (running.filter(patient=patient) if patient else running).select_related("user")


def links(patient: Patient) -> list[tuple[str, datetime | None]]:
    """The personal addresses that open something of the patient now, and until when; None: for
    ever, as it was signed or received. Whoever has one of them has what it opens."""
    now, of = timezone.now(), {"course__patient": patient, "revoked_at": None}
    asked = AnswerLink.objects.filter(**of, expires_at__gt=now)
    found: list[tuple[str, datetime | None]] = [
        (f"{one.questionnaire.replace('_', ' ').capitalize()}, {one.occasion.replace('_', ' ')}",
         one.expires_at)
        for one in asked
    ]  # fmt: skip
    for consent in ConsentLink.objects.filter(**of):
        found.append(("Consent", None if signed_by(consent) else consent.expires_at))
    priced = EstimateLink.objects.filter(estimate__course__patient=patient, revoked_at=None)
    for link in priced.select_related("estimate"):
        found.append(("Estimate", None if received_of(link.estimate) else link.expires_at))
    return [(what, until) for what, until in found if until is None or until > now]


def feeds(clinic: Clinic) -> QuerySet[CalendarFeed]:
    """The calendars on telephones that show who comes."""
    return (
        open_feeds()
        .filter(user__clinic=clinic)
        .exclude(shows=CalendarFeed.Shows.NOTHING)
        .select_related("user")
    )
