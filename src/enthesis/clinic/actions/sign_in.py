"""Signing in and out: who did, who tried too often, and passwords."""

from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from enthesis.clinic import audit
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.models import AuditEvent, User
from enthesis.clinic.permissions import get_for, may
from enthesis.clinic.proof import home

FAILURES_ALLOWED = 5
NETWORK_FAILURES_ALLOWED = 50
"""Over all names: a whole clinic behind one address may mistype in the same quarter of an hour."""
FAILURES_WITHIN = timedelta(minutes=15)
NAME_LENGTH = 120
_LOCK = 7_462_002


def is_throttled(username: str, address: str) -> bool:
    """Too many failures from this network lately, for this name or over all names: even the right
    password waits.

    By name *and* network, so that nobody can lock a colleague out from elsewhere; over all names,
    so that nobody tries one password with each, or fills the trail with names that they invent.
    """
    since, name = timezone.now() - FAILURES_WITHIN, username[:NAME_LENGTH]
    of_name = audit.failures("fail_sign_in", address, since, name)
    of_network = audit.failures("fail_sign_in", address, since)
    return of_name >= FAILURES_ALLOWED or of_network >= NETWORK_FAILURES_ALLOWED


@transaction.atomic
def fail_sign_in(username: str, address: str) -> bool:
    """Keep the failure, under the name that was typed (which need not exist); False, and nothing
    kept, after too many, with which anybody could fill the trail."""
    _one_by_one(address)
    if is_throttled(username, address):
        return False
    audit.keep_failure("fail_sign_in", "user", address, username[:NAME_LENGTH])
    return True


@transaction.atomic
def may_tell(username: str, address: str, is_right: bool) -> bool:
    """Whether a password that was looked at may be answered; a wrong one is kept. Of those tried
    in the same moment the ones beyond what is allowed are told nothing, not even the right one."""
    if not is_right:
        return fail_sign_in(username, address)
    _one_by_one(address)
    return not is_throttled(username, address)


def _one_by_one(address: str) -> None:
    """Until the transaction ends, those of one network, in which all is counted. Not by the name's
    row: a name that does not exist must be answered as one that does."""
    if connection.vendor == "postgresql":  # SQLite has one writer
        with connection.cursor() as cursor:
            asked = "SELECT pg_advisory_xact_lock(%s, hashtext(%s))"
            cursor.execute(asked, [_LOCK, home(address)])


@transaction.atomic
def sign_in(user: User, address: str) -> AuditEvent:
    """Keep who signed in from where."""
    return audit.record(user, "sign_in", user, detail={"address": address})


@transaction.atomic
def sign_out(user: User) -> AuditEvent:
    """Keep who signed out."""
    return audit.record(user, "sign_out", user)


@transaction.atomic
def sign_out_everywhere(user: User) -> AuditEvent:
    """Every session of the user's that began before now has ended, this one too; so has every
    program's token and calendar address that they made."""
    User.objects.filter(pk=user.pk).update(signed_out_at=timezone.now())
    return audit.record(user, "sign_out_everywhere", user)


@transaction.atomic
def change_own_password(user: User, password: str) -> User:
    """One's own choice, which ends every other session. The old one was asked for by the page."""
    row = User.objects.select_for_update().get(pk=user.pk)
    if row.check_password(password):
        raise Refused("Choose another one than before.", "password")
    set_password(row, password)
    row.must_change_password = False
    save(row)
    audit.record(user, "change_own_password", row)
    return row


@transaction.atomic
def give_password(user: User, id: int, password: str) -> User:
    """An administrator gives a colleague another first password, which ends all access of
    theirs (signed_out_at) and must be changed at the next sign-in. Refused for oneself."""
    row = get_for(user, User, id, lock=True)
    if not may(user, "give_user_password") or row.pk == user.pk:
        raise Refused("Change your own password under Security, at the top of each page.")
    set_password(row, password)
    row.must_change_password, row.signed_out_at = True, timezone.now()
    save(row)
    audit.record(user, "give_password", row)
    return row


def set_password(row: User, password: str) -> None:
    """Of a row that is then saved. Refused where it is too weak."""
    try:
        validate_password(password, row)
    except ValidationError as error:
        raise Refused(" ".join(error.messages), "password") from error
    row.set_password(password)
