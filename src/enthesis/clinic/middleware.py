"""What happens around every request."""

import time
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.sessions.backends.base import UpdateError
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils import timezone

from enthesis.clinic import access, audit, errors
from enthesis.clinic.actions.open_sessions import SEEN_AT, STARTED_AT, is_over

Respond = Callable[[HttpRequest], HttpResponse]
SEEN_STEP_SECONDS = 60


def know_the_visitor(get_response: Respond) -> Respond:
    """Where a request came from, for the audit trail and every limit by address: behind the server
    that ends TLS it is what that one says last, not that server itself."""

    def respond(request: HttpRequest) -> HttpResponse:
        told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if settings.HTTPS and told:
            with suppress(ValueError):
                request.META["REMOTE_ADDR"] = str(ip_address(told))
        return get_response(request)

    return respond


def never_store(get_response: Respond) -> Respond:
    """Pages about patients stay out of every cache, so that Back after signing out shows none.

    Static files never come here: WhiteNoise answers them before.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return respond


def end_sessions(get_response: Respond) -> Respond:
    """Sign out who has not clicked for SESSION_IDLE_SECONDS (clinic screens are left alone), whose
    session is older than a day's work, and whose sessions were all ended after it began.

    The last click is written at most once a minute, so that reading pages seldom writes.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_authenticated:
            now, session = time.time(), request.session
            if is_over(user, session, now):
                logout(request)
            elif now - session.get(SEEN_AT, 0) >= SEEN_STEP_SECONDS:
                session[SEEN_AT] = int(now)
                session.setdefault(STARTED_AT, now)
                # A full disk must not keep anybody from reading what can be read.
                with suppress(DatabaseError, UpdateError):
                    session.save()
                session.modified = False
        return get_response(request)

    return respond


def use_clinic_zone(get_response: Respond) -> Respond:
    """Show times where the clinic is."""

    def respond(request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_authenticated and user.clinic is not None:
            with timezone.override(ZoneInfo(user.clinic.time_zone)):
                return get_response(request)
        return get_response(request)

    return respond


def _shows(status: int) -> bool:
    return status < 300 or (400 <= status < 500 and status not in (403, 404))


def record_reads(get_response: Respond) -> Respond:
    """Write down whose records staff read with this request, before anything of it is shown.

    A redirect shows nothing, nor does a refusal; a form that is shown again with its errors does.
    What is streamed is read only later: whoever makes such a stream writes it down by himself.
    """

    def respond(request: HttpRequest) -> HttpResponse:
        user = request.user
        if not user.is_authenticated or user.clinic is None:
            return get_response(request)
        with access.watching() as seen:
            response = get_response(request)
            if not seen or not _shows(response.status_code):
                return response
        match = request.resolver_match
        what = (match.url_name if match else None) or "page"
        try:
            audit.record_reads(
                user.clinic,
                user,
                seen,
                what,
                request.META.get("REMOTE_ADDR", "")[:45],
                emergency=getattr(request, "emergency", None),
            )
        except DatabaseError as error:
            return errors.busy(request, error)
        return response

    return respond


class SayWhatWentWrong:
    """What did not come whole, and what the database or the disk refused, locked, full or away, is
    no fault of the page: 408 or 503, what to do. Stands before the check of a form's token, which
    would call half a form forged."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Respond, args: object, given: object
    ) -> HttpResponse | None:
        if getattr(view, "csrf_exempt", False):  # it reads for itself, and may not want to
            return None
        try:
            request.POST  # noqa: B018 (it is read here)
        except UnreadablePostError:
            return errors.cut_off(request)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, UnreadablePostError):
            return errors.cut_off(request)
        return errors.busy(request, exception) if errors.is_refusal(exception) else None
