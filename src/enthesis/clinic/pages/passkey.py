"""What passkey.js asks: a passkey for oneself, or to be let in with one. Each time two steps: what
the browser is to sign, and what it signed. Answers are JSON: `error` is a sentence to show."""

import time
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from enthesis.clinic import passkeys
from enthesis.clinic.actions import Refused, second_factor
from enthesis.clinic.actions import sign_in as actions
from enthesis.clinic.pages.own_sign_in import NOT_FRESH, finish_first, is_fresh
from enthesis.clinic.pages.sign_in import address_of, half_in, let_in, safe
from enthesis.clinic.permissions import FACTOR_FIRST, StaffRequest, page, public_page

ASKED = "passkey_asked"
"""Of a session: the challenge, what it is for, and when it was made."""
ASKED_SECONDS = 5 * 60
NAME_MOST = 60
NOT_KNOWN = "This passkey is not known here, or was removed. Sign in another way."
NOT_MADE = "The passkey could not be added. Try again."
OTHERS = "That passkey is somebody else’s. Take your own, or begin again."


def _sent(request: HttpRequest) -> dict[str, Any]:
    """Raises PasskeyError for a form, whose body was read when its token was looked for."""
    if request.content_type != "application/json":
        raise passkeys.PasskeyError("no JSON")
    return passkeys.answer_in(request.body)


def _site(request: HttpRequest) -> passkeys.Site:
    host = request.get_host()
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return passkeys.Site(name, f"{request.scheme}://{host}")


def _keep(request: HttpRequest, purpose: str, state: Any) -> None:
    request.session[ASKED] = {"for": purpose, "state": state, "at": time.time()}


def _kept(request: HttpRequest, purpose: str) -> Any:
    """The state of the challenge, which is good once and for five minutes; else None."""
    asked = request.session.pop(ASKED, None)
    if not asked or asked["for"] != purpose or time.time() - asked["at"] > ASKED_SECONDS:
        return None
    return asked["state"]


def _refused(why: str) -> HttpResponse:
    return JsonResponse({"error": why}, status=422)


@require_POST
def begin_passkey(request: StaffRequest) -> HttpResponse:
    """What the browser is to make."""
    if not is_fresh(request):
        return _refused(NOT_FRESH)
    options, state = passkeys.begin_adding(request.user, _site(request))
    _keep(request, "add", state)
    return JsonResponse(options)


@require_POST
def add_passkey(request: StaffRequest) -> HttpResponse:
    """What it made is kept."""
    state = _kept(request, "add")
    if not is_fresh(request):
        return _refused(NOT_FRESH)
    try:
        told = _sent(request)
        made = passkeys.added(_site(request), state, told.get("credential"))
        name = str(told.get("name") or "").strip()[:NAME_MOST] or "Passkey"
        first = bool(request.session.get(FACTOR_FIRST))
        row = second_factor.add_passkey(
            request.user, made.id, made.credential, made.counter, name, first
        )
    except passkeys.PasskeyError:
        return _refused(NOT_MADE)
    except Refused as refused:
        return _refused(refused.message)
    finish_first(request, row)
    return JsonResponse({"to": reverse("second_factor")})


@require_POST
def begin_passkey_sign_in(request: HttpRequest) -> HttpResponse:
    """What the browser is to sign."""
    options, state = passkeys.begin_signing_in(_site(request))
    if not request.session.keys():
        # Anybody can ask, again and again: a row for each goes with its challenge, not after a
        # day's work. Who signs in gets a new session.
        request.session.set_expiry(ASKED_SECONDS)
    _keep(request, "sign_in", state)
    return JsonResponse(options)


@require_POST
def passkey_sign_in(request: HttpRequest) -> HttpResponse:
    """Who signed is let in: with a passkey alone, or as the second step after the password."""
    half = half_in(request)
    address = address_of(request)
    try:
        told = _sent(request)
        state = _kept(request, "sign_in")
        row, counter = passkeys.signed_in(_site(request), state, told.get("credential"))
        if half is not None and half[0] != row.user:
            return _refused(OTHERS)
        second_factor.use_passkey(row, counter)
    except passkeys.PasskeyError:
        actions.fail_sign_in("a passkey", address)
        return _refused(NOT_KNOWN)
    except Refused as refused:
        actions.fail_sign_in(row.user.username, address)
        return _refused(refused.message)
    let_in(request, row.user)
    return JsonResponse({"to": safe(request, str(told.get("next") or "/"))})


urlpatterns = [
    page("sign-in/own/passkey/begin/", begin_passkey, "begin_passkey"),
    page("sign-in/own/passkey/", add_passkey, "add_passkey"),
    public_page("sign-in/passkey/begin/", begin_passkey_sign_in, "begin_passkey_sign_in"),
    public_page("sign-in/passkey/", passkey_sign_in, "passkey_sign_in"),
]
