"""The second fact: a link whose page shows a name or a diagnosis first asks for the birth date.

Whoever has the telephone has the link; the birth date they must know besides. Wrong ones are
counted in the trail, as at the door of the staff, over all links of the patient together: who has
three of them has no more tries. Too many end the link, and Today tells the desk.
"""

from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from enthesis.clinic import audit
from enthesis.clinic.actions import save
from enthesis.clinic.actions.answer import STATEMENT
from enthesis.clinic.actions.sign_in import FAILURES_ALLOWED
from enthesis.clinic.models import (
    AnswerLink,
    AuditEvent,
    Clinic,
    ConsentLink,
    Course,
    EstimateLink,
    Patient,
)

Link = AnswerLink | ConsentLink | EstimateLink
SOMEBODY = "somebody with the link"
LOCKED = "lock_link"
MAKING = ("make_consent_link", "make_estimate_link", "make_link")


def course_of(link: Link) -> Course:
    """Whose course a link is about."""
    return link.estimate.course if isinstance(link, EstimateLink) else link.course


def tries_left(patient: Patient) -> int:
    """How many more birth dates may be told of a patient. A right one, or a link that the clinic
    makes, lets all be tried anew."""
    told = AuditEvent.objects.filter(patient=patient)
    anew = told.filter(action__in=["tell_birth_date", *MAKING]).aggregate(last=Max("pk"))["last"]
    return FAILURES_ALLOWED - told.filter(action="fail_birth_date", pk__gt=anew or 0).count()


@transaction.atomic
def tell_birth_date(link: Link, told: date) -> bool:
    """Whether it is the patient's. A wrong one is kept, and the last that is allowed ends the link.

    The patient is held, so that many at once cannot try more often than one by one.
    """
    patient = Patient.objects.select_for_update().get(pk=course_of(link).patient.pk)
    held: Link = type(link).objects.select_for_update().get(pk=link.pk)
    if held.revoked_at:
        return False
    if tries_left(patient) <= 0:
        _end(held)  # of another link they were used up
        return False
    if told == patient.born_on:
        audit.record(None, "tell_birth_date", held)
        return True
    audit.record(None, "fail_birth_date", held, by=SOMEBODY)
    if tries_left(patient) <= 0:
        _end(held)
    return False


def _end(link: Link) -> None:
    link.revoked_at = timezone.now()
    save(link)
    audit.record(None, LOCKED, link, by=SOMEBODY)


def locked_lately(clinic: Clinic, now: datetime) -> list[Patient]:
    """Whose links ended by wrong birth dates, where nobody has made another such link since."""
    since = now - timedelta(days=settings.ANSWER_LINK_DAYS)
    events = AuditEvent.objects.filter(clinic=clinic, at__gt=since).order_by("pk")
    locked = set[tuple[int | None, str]]()
    told = events.filter(action__in=[LOCKED, *MAKING])
    for action, patient, record, detail in told.values_list(
        "action", "patient", "record", "detail"
    ):
        if action == LOCKED:
            locked.add((patient, record))
        elif detail.get("what", STATEMENT) == STATEMENT:
            locked.discard((patient, record))
    return list(Patient.objects.filter(clinic=clinic, pk__in={patient for patient, _ in locked}))
