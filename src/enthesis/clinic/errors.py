"""The pages for when something is wrong: each says what, and what to do."""

import logging
import re
import traceback

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

log = logging.getLogger("enthesis.errors")


def _page(status: int, title: str, text: str, again: str = "") -> HttpResponse:
    # Rendered without the request: an error page must not need the database or the session.
    content = render_to_string(
        "clinic/errors/error.html", {"title": title, "text": text, "again": again}
    )
    return HttpResponse(content, status=status)


def wrong_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400"""
    text = "The address or the form could not be read. Go back, check it and send it again."
    return _page(400, "That request cannot be read", text)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403"""
    text = (
        "Your role does not include this page. If you need it for your work, ask the clinic's "
        "administrator to change your role in Settings."
    )
    return _page(403, "This page is not for your role", text)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404"""
    text = (
        "The address may be mistyped, or the record belongs to another clinic. Find the patient "
        "by name instead."
    )
    return _page(404, "There is no such page", text)


def failed(request: HttpRequest) -> HttpResponse:
    """500"""
    text = (
        "Enthesis made a mistake. What you sent was not saved; nothing was half-written. Go back "
        "and try again; if it happens twice, tell whoever runs Enthesis the time it happened."
    )
    return _page(500, "Something went wrong here", text)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form without this browser's own token."""
    text = (
        "This form was open too long, or you signed in anew elsewhere, so it could not be "
        "accepted. Go back, reload the page and send it again. Cookies must be allowed."
    )
    return _page(403, "The form is too old", text)


def busy(request: HttpRequest, exception: Exception) -> HttpResponse:
    """503 for a database that is locked, full or away; the transaction was undone whole."""
    log.error("The database refused to answer: %s", exception)
    text = (
        "The database is busy or cannot be reached. What you sent was not saved. Wait a minute, "
        "go back and send it again."
    )
    response = _page(503, "Enthesis cannot answer just now", text)
    response.headers["Retry-After"] = "60"
    return response


def without_words(error: BaseException) -> str:
    """What kind of fault and where, for a log: its own words may name a patient."""
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}"


class HideLinks(logging.Filter):
    """Keeps the secret of a patient's personal addresses out of the logs."""

    LINK = re.compile(r"/(a|stop)/[^/\s]+")

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = self.LINK.sub(r"/\1/…", record.getMessage())
        record.args = None
        if record.exc_info:
            # A traceback ends with the exception's own words, and those may name the address.
            record.exc_text = record.exc_text or logging.Formatter().formatException(
                record.exc_info
            )
            record.exc_info = None
        for name in ("exc_text", "stack_info"):
            setattr(record, name, self.LINK.sub(r"/\1/…", getattr(record, name) or "") or None)
        return True
