"""One line for each thing that happened, which no name can forge: for a terminal, or as JSON.

Nothing of patients: a fault is told by its kind and place, never by its own words, which may quote
what was typed; the secret of a personal address is taken out (`errors.HideLinks`).
"""

import json
import logging
import re
import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse

Respond = Callable[[HttpRequest], HttpResponse]
log = logging.getLogger("enthesis.request")
HEADER = "X-Request-Id"
GIVEN = re.compile(r"[A-Za-z0-9-]{8,64}")
# What ends a line for some reader of logs, or commands a terminal (C0, DEL, C1, both separators,
# directions of writing).
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
LEFT_OUT = re.compile("[\ud800-\udfff]")
current: ContextVar[str] = ContextVar("request", default="")


def one_line(text: str) -> str:
    """The text on one line: what would end it or is unseen stands as \\x0a, \\u2028."""
    shown = UNSEEN.sub(_written, text.replace("\\", "\\\\"))
    return LEFT_OUT.sub(_written, shown)


def _written(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


class Line(logging.Formatter):
    """Moment in UTC, level, name, request and what happened; a fault's place at the end."""

    def format(self, record: logging.LogRecord) -> str:
        asked = f" [{current.get()}]" if current.get() else ""
        text = f"{_at(record)} {record.levelname} {record.name}{asked}: {_message(record)}"
        return one_line(text)


class Json(logging.Formatter):
    """The same, and what was said beside it (`extra={"told": …}`), as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "at": _at(record),
            "level": record.levelname,
            "name": record.name,
            "request": current.get(),
            "message": _message(record),
            **getattr(record, "told", {}),
        }
        return json.dumps({key: value for key, value in told.items() if value != ""})


def _at(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    parts = (record.getMessage(), record.exc_text, record.stack_info)
    return "\n".join(part.strip() for part in parts if part)


def name_requests(get_response: Respond) -> Respond:
    """Each request gets a name, which stands in its log lines and in its answer: that of the
    server in front, if it sent one. ENTHESIS_LOG=json also logs each by page, never by address."""

    def respond(request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        name = given if GIVEN.fullmatch(given) else secrets.token_hex(8)
        mark, began = current.set(name), time.perf_counter()
        try:
            response = get_response(request)
            response.headers[HEADER] = name
            match = getattr(request, "resolver_match", None)
            told = {
                "method": request.method,
                "page": (match.url_name if match else None) or "",
                "status": response.status_code,
                "ms": round(1000 * (time.perf_counter() - began), 1),
                # Not request.user: asking for it would read the session anew.
                "user": getattr(getattr(request, "_cached_user", None), "pk", None) or "",
            }
            log.info("%s %s %s", told["method"], told["page"], told["status"], extra={"told": told})
            return response
        finally:
            current.reset(mark)

    return respond
