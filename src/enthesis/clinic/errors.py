"""The pages for when something is wrong: each says what, and what to do."""

import errno
import logging
import re
import sys
import traceback
from collections.abc import Callable

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext

from enthesis.clinic import languages
from enthesis.clinic.api.outcome import ApiError, refused

log = logging.getLogger("enthesis.errors")
PATIENTS = ("a", "ask", "asked", "c", "card", "choose", "consent", "estimate", "results", "stop")
"""What the addresses that patients are given begin with."""


def _page(status: int, title: str, text: str, again: str = "") -> HttpResponse:
    # Rendered without the request: an error page must not need the database or the session.
    content = render_to_string(
        "clinic/errors/error.html", {"title": title, "text": text, "again": again}
    )
    return HttpResponse(content, status=status)


def _is_for_patient(request: HttpRequest) -> bool:
    return request.path.strip("/").partition("/")[0] in PATIENTS


def _to_patient(
    request: HttpRequest, status: int, words: Callable[[], tuple[str, ...]]
) -> HttpResponse:
    """Nobody knows who reads it: in every language, one below the other, the likely one first."""
    told = []
    for code in languages.in_order(request):
        with translation.override(code):
            title, *lines = words()
        told.append({"code": code, "title": title, "lines": lines})
    with translation.override(str(told[0]["code"])):
        content = render_to_string("clinic/errors/to_patient.html", {"told": told})
    return HttpResponse(content, status=status)


def _told(
    request: HttpRequest, status: int, words: Callable[[], tuple[str, ...]], title: str, text: str
) -> HttpResponse:
    """To a patient the words of the kind, to staff title and text."""
    if _is_for_patient(request):
        return _to_patient(request, status, words)
    return _page(status, title, text)


def gone(request: HttpRequest) -> HttpResponse:
    """404 for a patient's link that is wrong, expired or revoked: one and the same page."""
    return _to_patient(request, 404, _gone_words)


def nothing_published(request: HttpRequest) -> HttpResponse:
    """404 for the results of a clinic that shows none; no word whether there is such a clinic."""
    return _to_patient(request, 404, _unpublished_words)


def _ill() -> str:
    return gettext(
        "If you feel very ill now, or have trouble breathing, call your emergency number."
    )


def _unpublished_words() -> tuple[str, ...]:
    return (
        gettext("No results are published here"),
        gettext("They may have been withdrawn, or the address may be mistyped. Ask the clinic."),
    )


def _gone_words() -> tuple[str, ...]:
    return (
        gettext("This link does not work any more"),
        gettext("It may have expired, been replaced by a newer one, or been copied only in part."),
        gettext(
            "Open the link in the newest message from your clinic. If that does not help, call "
            "your clinic and ask for a new one."
        ),
        _ill(),
    )


def _unread_words() -> tuple[str, ...]:
    return (
        gettext("This could not be read"),
        gettext("Go back, check what you typed and send it again."),
    )


def _missing_words() -> tuple[str, ...]:
    return (
        gettext("There is no such page"),
        gettext("The address may be mistyped. Open the link that your clinic gave you again."),
    )


def _failed_words() -> tuple[str, ...]:
    return (
        gettext("Something went wrong here"),
        gettext("It is not your fault. What you sent just now was not saved."),
        gettext("Go back and try again. If it happens again, call your clinic."),
        _ill(),
    )


def _old_words() -> tuple[str, ...]:
    return (
        gettext("This page was open too long"),
        gettext("What you sent just now was not saved."),
        gettext("Go back, load the page again and send it once more. Cookies must be allowed."),
        _ill(),
    )


def _busy_words() -> tuple[str, ...]:
    return (
        gettext("This page cannot answer just now"),
        gettext("What you sent just now was not saved."),
        gettext("Wait a minute, go back and send it again."),
        _ill(),
    )


def _cut_off_words() -> tuple[str, ...]:
    return (
        gettext("This did not arrive whole"),
        gettext("What you sent just now was not saved."),
        gettext("Go back and try again. If it happens again, call your clinic."),
        _ill(),
    )


def _is_for_program(request: HttpRequest) -> bool:
    return request.path.strip("/").partition("/")[0] == "fhir"


def _to_program(status: int, text: str) -> HttpResponse:
    """What the FHIR API says, where a request does not even come as far."""
    return refused(ApiError(status, text))


def wrong_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400; 503 where the database refused to keep the session."""
    if is_refusal(exception):
        return busy(request, exception)
    if _is_for_program(request):
        return _to_program(400, "the request cannot be read; check its address and headers")
    text = "The address or the form could not be read. Go back, check it and send it again."
    return _told(request, 400, _unread_words, "That request cannot be read", text)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403"""
    text = (
        "Your role does not include this page. If you need it for your work, ask the clinic's "
        "administrator to change your role in Settings."
    )
    return _page(403, "This page is not for your role", text)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404"""
    if _is_for_program(request):
        return _to_program(404, "there is nothing at this address; see /fhir/metadata")
    # The cookie says without the database who has not signed in: likely a patient's mistyping.
    if _is_for_patient(request) or settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return _to_patient(request, 404, _missing_words)
    text = (
        "The address may be mistyped, or the record belongs to another clinic. Find the patient "
        "by name instead."
    )
    return _page(404, "There is no such page", text)


def failed(request: HttpRequest) -> HttpResponse:
    """500; 503 where a database or disk refused something around the page, such as the session."""
    error = sys.exception()
    if isinstance(error, Exception) and is_refusal(error):
        return busy(request, error)
    if _is_for_program(request):
        return _to_program(500, "Enthesis made a mistake; nothing was half-written")
    text = (
        "Enthesis made a mistake. What you sent was not saved; nothing was half-written. Go back "
        "and try again; if it happens twice, tell whoever runs Enthesis the time it happened."
    )
    return _told(request, 500, _failed_words, "Something went wrong here", text)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without this browser's own token."""
    text = (
        "This form was open too long, or you signed in anew elsewhere, so it could not be "
        "accepted. Go back, reload the page and send it again. Cookies must be allowed."
    )
    return _told(request, 403, _old_words, "The form is too old", text)


def cut_off(request: HttpRequest) -> HttpResponse:
    """408 for a form of which only the beginning came, or too slowly."""
    text = (
        "The connection broke off or was too slow, and only the beginning of what you sent came. "
        "Nothing of it was saved. Go back and send it again."
    )
    return _told(request, 408, _cut_off_words, "This did not arrive whole", text)


def is_refusal(error: BaseException) -> bool:
    """Whether the database or the disk refused: locked, full, read-only or away. That is no fault
    of the page, and what was sent can be sent again."""
    error = _below(error)
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    if isinstance(error, InternalError):
        return getattr(error.__cause__, "sqlstate", "") == _READ_ONLY
    return isinstance(error, OperationalError | InterfaceError)


def _below(error: BaseException) -> BaseException:
    """Django takes any refusal of the database to keep a session for a lost session."""
    while isinstance(error, SessionInterrupted | UpdateError) and error.__context__:
        error = error.__context__
    return error


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
# PostgreSQL's code for a server that takes no writes, such as a copy that only follows another.
_READ_ONLY = "25006"
# What SQLite and PostgreSQL call a disk that is full or takes no writes.
_OF_DISK = ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR", "53100", _READ_ONLY)
_FULL = (
    "The disk of the clinic's computer is full or cannot be written to. What you sent was not "
    "saved; nothing was half-written. Tell whoever runs Enthesis to make room, then go back and "
    "send it again."
)
_BUSY = (
    "The database is busy. What you sent was not saved. Wait a minute, go back and send it again."
)
# It may have kept it and died before it said so.
_AWAY = (
    "The database cannot be reached, so it is not certain whether what you sent was saved. Wait a "
    "minute, then look whether it is there before you send it again."
)
_SHUT_DOWN = "57P"


def why_refused(error: BaseException) -> str:
    """What is the matter with the database or the disk, and what to do."""
    error = _below(error)
    cause = error.__cause__
    code = getattr(cause, "sqlite_errorname", "") or getattr(cause, "sqlstate", "") or ""
    if isinstance(error, OSError) or code.startswith(_OF_DISK):
        return _FULL
    return _BUSY if code and not code.startswith(_SHUT_DOWN) else _AWAY


def busy(request: HttpRequest, exception: Exception) -> HttpResponse:
    """503 for a database or disk that is locked, full or away; the transaction was undone whole."""
    busy_logged(exception)
    text = why_refused(exception)
    if _is_for_program(request):
        response = _to_program(503, "the database refused or is away: ask again")
    else:
        response = _told(request, 503, _busy_words, "Enthesis cannot answer just now", text)
    response.headers["Retry-After"] = "60"
    return response


def busy_logged(exception: Exception) -> None:
    """For whoever runs the server: why somebody was told to wait."""
    log.error("The database or the disk refused: %s", exception)


def without_words(error: BaseException) -> str:
    """What kind of fault and where, for a log: its own words may name a patient."""
    told, seen = [], set[int]()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        told.append(f"{type(cause).__name__}\n{''.join(traceback.format_tb(cause.__traceback__))}")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return "after ".join(told)


class HideLinks(logging.Filter):
    """Keeps the secret of a patient's personal addresses out of the logs, and the words of faults,
    which may quote what was typed."""

    LINK = re.compile(r"/(a|c|consent|estimate|feed|stop|asked)/[^/\s]+")

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = self.LINK.sub(r"/\1/…", record.getMessage())
        record.args = None
        if record.exc_info:
            error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
            record.exc_text = f"Traceback: {without_words(error)}" if error else None
            record.exc_info = None
        for name in ("exc_text", "stack_info"):
            setattr(record, name, self.LINK.sub(r"/\1/…", getattr(record, name) or "") or None)
        return True
