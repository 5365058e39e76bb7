"""Where a user is signed in, and ending it.

Django's own session rows tell it: each knows its user, and since it began from what and from where.
No table of ours beside them, which could disagree; the few rows that are not over are read through.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from enthesis.clinic import audit
from enthesis.clinic.models import User
from enthesis.clinic.permissions import get_for

SEEN_AT = "seen_at"
STARTED_AT = "started_at"
"""When a session began, in seconds since 1970: with signing in, so it moves with each sign-in."""
DEVICE, ADDRESS = "device", "address"
# What a browser's own word for itself holds, the more telling first: all claim to be their elders.
BROWSERS = (
    *(("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox", "Firefox"), ("FxiOS", "Firefox")),
    *(("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari")),
)
SYSTEMS = (
    *(("iPhone", "an iPhone"), ("iPad", "an iPad"), ("Android", "Android"), ("CrOS", "ChromeOS")),
    *(("Windows", "Windows"), ("Mac OS X", "a Mac"), ("Linux", "Linux")),
)


@dataclass(frozen=True)
class OpenSession:
    """One that goes on. `id` is a fingerprint: the key itself would let anybody in."""

    id: str
    key: str
    device: str
    address: str
    since: datetime
    seen: datetime


def device_words(agent: str) -> str:
    """From what a browser says of itself, such as: Chrome on Windows."""
    browser = next((name for sign, name in BROWSERS if sign in agent), "A browser")
    system = next((name for sign, name in SYSTEMS if sign in agent), "an unknown device")
    return f"{browser} on {system}"


def is_over(user: User, session: Any, now: float) -> bool:
    """Whether it was idle for too long, is older than a day's work, or began before all of the
    user's were ended. `session`: what it holds."""
    began, ended = session.get(STARTED_AT), user.signed_out_at
    # Who has not clicked at all since signing in was last seen then.
    seen = session.get(SEEN_AT, began or now)
    return bool(
        now - seen > settings.SESSION_IDLE_SECONDS
        or now - (began or now) > settings.SESSION_COOKIE_AGE
        or (ended is not None and (began or 0) <= ended.timestamp())
    )


def open_sessions(user: User) -> list[OpenSession]:
    """Those of a user that go on, the last used first."""
    now, found = timezone.now(), []
    password = user.get_session_auth_hash()
    for row in Session.objects.filter(expire_date__gt=now):
        held = row.get_decoded()
        if held.get(SESSION_KEY) != str(user.pk) or held.get(HASH_SESSION_KEY) != password:
            continue
        if not user.is_active or is_over(user, held, now.timestamp()):
            continue
        since = held.get(STARTED_AT, now.timestamp())
        found.append(
            OpenSession(
                salted_hmac("enthesis.session", row.session_key).hexdigest()[:20],
                row.session_key,
                held.get(DEVICE) or device_words(""),
                held.get(ADDRESS, ""),
                datetime.fromtimestamp(since, UTC),
                datetime.fromtimestamp(max(since, held.get(SEEN_AT, since)), UTC),
            )
        )
    return sorted(found, key=lambda one: one.seen, reverse=True)


@transaction.atomic
def end_sessions(user: User, this: str | None, only: str = "") -> int:
    """End one's own session with the id `only`, or all but the one with the key `this`. How many.

    Their rows go: what such a browser asks next, it asks as nobody.
    """
    ending = [one for one in open_sessions(user) if one.key != this and only in ("", one.id)]
    for one in ending:
        Session.objects.filter(session_key=one.key).delete()
        detail = {"device": one.device, "address": one.address}
        audit.record(user, "end_session", user, detail=detail)
    return len(ending)


@transaction.atomic
def end_sessions_of(user: User, id: int) -> User:
    """An administrator ends every session of somebody of the clinic."""
    row = get_for(user, User, id, lock=True)
    User.objects.filter(pk=row.pk).update(signed_out_at=timezone.now())
    audit.record(user, "end_sessions_of", row)
    return row
