"""A record opened in an emergency by whose role does not include it, and who took note of it."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from enthesis.clinic import audit, store
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.models import Clinic, Emergency, Patient, User
from enthesis.clinic.permissions import OPEN, get_for, may


def minutes_of(clinic: Clinic) -> int:
    """For how long an opening lasts here."""
    rules = store.known_for(clinic, store.today(clinic)).emergency_rules
    return clinic.emergency_minutes or rules.minutes


@transaction.atomic
def open_record(user: User, patient_id: int, reason: str) -> Emergency:
    """Let the user read one patient's record from now on, for a time. Refused without a reason."""
    patient = get_for(user, Patient, patient_id)
    clinic, said = patient.clinic, " ".join(reason.split())
    if not may(user, OPEN):
        raise Refused("Your role does not open records in an emergency.")
    rules = store.known_for(clinic, store.today(clinic)).emergency_rules
    if len(said) < rules.reason_letters_least:
        least = f"in {rules.reason_letters_least} letters or more"
        raise Refused(f"Write why, {least}: for whom, or what happened.", "reason")
    now = timezone.now()
    row = Emergency(
        user=user,
        patient=patient,
        reason=said,
        at=now,
        until=now + timedelta(minutes=minutes_of(clinic)),
    )
    save(row)
    detail = {"reason": said, "until": row.until.isoformat(timespec="seconds")}
    audit.record(user, "open_in_emergency", row, detail=detail)
    return row


@transaction.atomic
def acknowledge(user: User, emergency_id: int) -> Emergency:
    """Take note of an opening; the first who does counts. Refused for one's own."""
    row = get_for(user, Emergency, emergency_id, lock=True)
    if row.user_id == user.pk:
        raise Refused("You opened it: somebody else takes note of it.")
    if row.seen_at is None:
        row.seen_by, row.seen_at = user, timezone.now()
        save(row)
        audit.record(user, "acknowledge_emergency", row)
    return row
