"""Which language a page for patients speaks where nobody has chosen one. Reads no database."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation.trans_real import parse_accept_lang_header

CODES: tuple[str, ...] = tuple(code for code, _ in settings.LANGUAGES)


def of_browser(request: HttpRequest) -> str:
    """The first language that the telephone asks for and we have; "" where there is none."""
    asked = parse_accept_lang_header(request.headers.get("Accept-Language", ""))
    return next((code for tag, _ in asked if (code := tag.partition("-")[0]) in CODES), "")


def likely(request: HttpRequest, on_record: str) -> str:
    """The patient's; the default one may only mean that nobody asked, so ask the telephone."""
    return (on_record == CODES[0] and of_browser(request)) or on_record


def in_order(request: HttpRequest) -> list[str]:
    """Every language: first the one in the address, else the telephone's."""
    named = (part for part in request.path.split("/") if part in CODES)
    first = next(named, "") or of_browser(request)
    return sorted(CODES, key=lambda code: code != first)
