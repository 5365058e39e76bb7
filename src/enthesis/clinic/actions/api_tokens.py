"""Tokens with which programs sign in at the FHIR API: made, used, mistaken, taken back."""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from enthesis.clinic import audit
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.actions.answer import hashed
from enthesis.clinic.api.scopes import ScopeError, read_scopes, written
from enthesis.clinic.api.table import TYPES
from enthesis.clinic.models import ApiToken, User
from enthesis.clinic.permissions import get_for, may

BEGINNING = "enthesis_"
"""What every token begins with, so that one in a log or a repository is found and known."""
DAYS_MOST = 366
USED_STEP = timedelta(minutes=1)
FAILURES_ALLOWED = 20
FAILURES_WITHIN = timedelta(minutes=15)


@transaction.atomic
def make_token(user: User, name: str, scopes: str, days: int) -> tuple[ApiToken, str]:
    """A new token and its secret, which is nowhere else. Refuses scopes that are not understood."""
    if not 1 <= days <= DAYS_MOST:
        raise Refused(f"A token is good for 1 to {DAYS_MOST} days.", "days")
    try:
        kept = written(read_scopes(scopes, TYPES))
    except ScopeError as error:
        raise Refused(str(error), "scopes") from error
    secret = BEGINNING + secrets.token_urlsafe(32)
    now = timezone.now()
    token = save(
        ApiToken(
            clinic=user.clinic,
            name=name.strip(),
            token_hash=hashed(secret),
            scopes=kept,
            expires_at=now + timedelta(days=days),
            made_by=user,
            made_at=now,
        )
    )
    detail = {"name": token.name, "scopes": kept, "expires_at": token.expires_at.isoformat()}
    audit.record(user, "make_token", token, detail=detail)
    return token, secret


@transaction.atomic
def revoke_token(user: User, token_id: int) -> ApiToken:
    """No more access from now on; a token that was taken back already stays so."""
    token = get_for(user, ApiToken, token_id, lock=True)
    if token.revoked_at is None:
        token.revoked_at, token.revoked_by = timezone.now(), user
        save(token)
        audit.record(user, "revoke_token", token, detail={"name": token.name})
    return token


def why_closed(token: ApiToken, now: datetime) -> str:
    """Why a token opens nothing, in words; empty while it opens. A clinic's programs do not outlast
    the access of those who answer for them: who took over a sign-in may have made a token too."""
    maker = token.made_by
    if token.revoked_at:
        return "Revoked"
    if token.expires_at <= now:
        return "Expired"
    if not (maker.is_active and may(maker, "api_tokens") and maker.clinic == token.clinic):
        return f"Closed: {maker} is no administrator any more"
    if maker.must_change_password:
        return f"Closed: {maker} must choose a password first"
    if maker.signed_out_at and token.made_at <= maker.signed_out_at:
        return f"Closed: the access of {maker} was ended everywhere since"
    return ""


@transaction.atomic
def find_token(secret: str, now: datetime) -> ApiToken | None:
    """The token that opens now."""
    kept = ApiToken.objects.select_related("clinic", "made_by")
    token = kept.filter(token_hash=hashed(secret)).first()
    if token is None or why_closed(token, now):
        return None
    if token.last_used_at is None or now - token.last_used_at >= USED_STEP:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        audit.record(None, "use_token", token, by=str(token))
    return token


@transaction.atomic
def fail_token(address: str) -> bool:
    """Keep that somebody came with no token of ours; False once there were too many of them from
    this network lately.

    A token cannot be guessed: this keeps the trail from being flooded, and never holds up a right
    one from the same network.
    """
    since = timezone.now() - FAILURES_WITHIN
    if audit.failures("fail_token", address, since) >= FAILURES_ALLOWED:
        return False
    audit.keep_failure("fail_token", "apitoken", address)
    return True
