"""A user's own calendar feed: made, taken back, and found by its secret."""

import secrets

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from enthesis.clinic import audit
from enthesis.clinic.actions import Refused, save
from enthesis.clinic.actions.answer import hashed
from enthesis.clinic.models import CalendarFeed, User
from enthesis.clinic.permissions import roles_of

TOKEN_BYTES = 32


@transaction.atomic
def make_feed(user: User, shows: str, of_everybody: bool) -> tuple[CalendarFeed, str]:
    """A new feed and its secret, which is shown once; the one before stops working.

    Raises Refused for a word that `shows` does not know.
    """
    # Of two at once one waits, and then takes the other's place.
    User.objects.select_for_update().get(pk=user.pk)
    CalendarFeed.objects.filter(user=user, revoked_at=None).update(revoked_at=timezone.now())
    token = secrets.token_urlsafe(TOKEN_BYTES)
    feed = save(
        CalendarFeed(user=user, token_hash=hashed(token), shows=shows, of_everybody=of_everybody)
    )
    detail = {"shows": shows, "of_everybody": of_everybody}
    audit.record(user, "make_calendar_feed", feed, detail=detail)
    return feed, token


@transaction.atomic
def revoke_feed(user: User) -> None:
    """The user's feed is not read any more. Refused where there is none."""
    feed = CalendarFeed.objects.select_for_update().filter(user=user, revoked_at=None).first()
    if feed is None:
        raise Refused("There is no calendar address to take back.")
    feed.revoked_at = timezone.now()
    save(feed)
    audit.record(user, "revoke_calendar_feed", feed)


def open_feeds() -> QuerySet[CalendarFeed]:
    """Those that are read: not taken back, not ended with all other access of their user, whose
    role may still have one."""
    still = Q(user__signed_out_at=None) | Q(made_at__gt=F("user__signed_out_at"))
    may = {"user__is_active": True, "user__role__in": roles_of("calendar_feed")}
    return CalendarFeed.objects.filter(still, revoked_at=None, user__clinic__isnull=False, **may)


def find_feed(token: str) -> CalendarFeed | None:
    """The feed of a secret, while it is read."""
    return open_feeds().select_related("user__clinic").filter(token_hash=hashed(token)).first()
