"""Signing in: who did, and who tried too often."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from enthesis.clinic import audit
from enthesis.clinic.models import AuditEvent, User

FAILURES_ALLOWED = 5
FAILURES_WITHIN = timedelta(minutes=15)
NAME_LENGTH = 120


def is_throttled(username: str, address: str) -> bool:
    """Too many failures for this name from this address lately: even the right password waits.

    By name *and* address, so that nobody can lock a colleague out from elsewhere. Counted in the
    audit rows, which all workers share.
    """
    events = AuditEvent.objects.filter(
        at__gt=timezone.now() - FAILURES_WITHIN,
        action="fail_sign_in",
        actor=username[:NAME_LENGTH],
        detail__address=address,
    )
    return events.count() >= FAILURES_ALLOWED


@transaction.atomic
def fail_sign_in(username: str, address: str) -> AuditEvent:
    """Keep the failure, under the name that was typed (which need not exist)."""
    return AuditEvent.objects.create(
        action="fail_sign_in",
        actor=username[:NAME_LENGTH],
        record="user",
        detail={"address": address},
    )


@transaction.atomic
def sign_in(user: User, address: str) -> AuditEvent:
    """Keep who signed in from where."""
    return audit.record(user, "sign_in", user, detail={"address": address})


@transaction.atomic
def sign_out(user: User) -> AuditEvent:
    """Keep who signed out."""
    return audit.record(user, "sign_out", user)
