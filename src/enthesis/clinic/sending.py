"""A form that is sent twice writes once: a double click, a retry, Back after the answer was lost.

Every form carries a key of its own, which `{% csrf_token %}` writes. The first sending that writes
something keeps its key, in the same transaction; what comes with that key again is answered as the
first was. Somebody who went back has a new key: where the words are those of a moment ago, they are
asked. `access.toml` says for which pages.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.contrib.messages.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.crypto import salted_hmac

from enthesis.clinic import audit
from enthesis.clinic.access_table import Twice, table
from enthesis.clinic.models import AuditEvent, SentForm

if TYPE_CHECKING:
    from enthesis.clinic.permissions import StaffRequest

Answer = Callable[[], HttpResponseBase]
KEY = "request_key"
AGAIN = "send_again"
OF_THE_PAGE = frozenset({"csrfmiddlewaretoken", KEY, AGAIN, "editor"})
"""What a form holds that nobody typed, and that another opening of the same form has otherwise."""
SOON = timedelta(minutes=2)
KEPT = timedelta(days=2)
"""How long a key is known: longer than any page stays signed in."""


def new_key() -> str:
    """For a form that is shown."""
    return secrets.token_urlsafe(16)


def key_of(request: HttpRequest) -> str:
    """The key that a form came with, or a new one for a form that has none."""
    return request.POST.get(KEY, "").replace("\0", "")[:40] or new_key()


def refused(request: HttpRequest, name: str) -> HttpResponse | None:
    """405 for a form sent to a page of which `access.toml` does not say that it takes any."""
    if request.method == "POST" and table().pages[name].twice is None:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    return None


def once(request: "StaffRequest", name: str, answer: Answer) -> HttpResponseBase:
    """The answer of a page, which writes once for each form that is sent to it."""
    twice = table().pages[name].twice if request.method == "POST" else Twice.LOOKS
    # What htmx sends while somebody types is no sending: it stays on the page, with its key.
    is_part = "HX-Request" in request.headers
    if twice not in (Twice.ONCE, Twice.EDIT) or is_part or not request.POST.get(KEY):
        return answer()
    try:
        with transaction.atomic():
            return _kept(request, twice, answer)
    except _SentSoon as soon:
        # Without what the page said of it: that was undone.
        request._messages = default_storage(request)  # type: ignore[attr-defined]
        return _asked(request, "soon", soon.before)


class _SentSoon(Exception):  # noqa: N818 (an answer, not a fault)
    def __init__(self, before: SentForm) -> None:
        self.before = before


def _kept(request: "StaffRequest", twice: Twice, answer: Answer) -> HttpResponseBase:
    content = _content(request)
    page = request.get_full_path()[:200]
    mine = SentForm.objects.filter(user=request.user, page=page)
    # Of two at once one waits here until the other is done.
    sent, is_first = mine.get_or_create(
        key=key_of(request),
        defaults={"user": request.user, "page": page, "content": content},
    )
    if not is_first and sent.content == content:
        return _again(request, sent)
    if not is_first and twice is Twice.ONCE:
        return _asked(request, "other", sent)
    if not is_first:
        return answer()  # edited anew: its version decides
    with audit.watching() as events:
        response = answer()
    if response.status_code >= 400 or not AuditEvent.objects.filter(pk__in=events).exists():
        mine.filter(pk=sent.pk).delete()
        return response
    alike = mine.filter(content=content, at__gt=sent.at - SOON).exclude(pk=sent.pk)
    if twice is Twice.ONCE and AGAIN not in request.POST and _typed(request):
        if before := alike.last():
            raise _SentSoon(before)
    mine.filter(pk=sent.pk).update(answer=response.get("Location", "")[:300])
    return response


def _typed(request: HttpRequest) -> list[tuple[str, str]]:
    """What was typed or chosen, in the order of the names."""
    given = ((name, one) for name, values in request.POST.lists() for one in values)
    return sorted((name, one) for name, one in given if name not in OF_THE_PAGE)


def _content(request: HttpRequest) -> str:
    told = _typed(request)
    for name in request.FILES:
        file = cast("UploadedFile[bytes]", request.FILES[name])
        told.append((name, hashlib.sha256(file.read()).hexdigest()))
        file.seek(0)
    # Answers could be guessed from a plain hash of them.
    return salted_hmac(__name__, repr(told), algorithm="sha256").hexdigest()


def _again(request: "StaffRequest", sent: SentForm) -> HttpResponse:
    """As the first was answered. What was shown in an answer only cannot be shown again."""
    if not sent.answer:
        return _asked(request, "shown", sent)
    messages.info(request, "This came twice and was saved once.")
    return redirect(sent.answer)


def _asked(request: "StaffRequest", why: str, sent: SentForm) -> HttpResponse:
    typed = _typed(request)
    secret = any("password" in name for name, _ in typed)
    context = {
        "why": why,
        "sent": sent,
        "typed": [(re.sub("[-_]", " ", name), one) for name, one in typed if one and not secret],
        "repeat": [] if request.FILES or secret else typed,
        "again": AGAIN,
    }
    return render(request, "clinic/errors/sent_before.html", context, status=409)


def forget() -> int:
    """Keys so old that no page is open with them any more; of how many."""
    return SentForm.objects.filter(at__lt=timezone.now() - KEPT).delete()[0]
