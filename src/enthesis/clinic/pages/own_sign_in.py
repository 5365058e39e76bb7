"""How one signs in: passkeys, apps with codes, recovery codes, the password, and out everywhere.

Changing any of it needs a sign-in of the last minutes: whoever finds a screen that was left open
must not add a key of their own. The password needs the old one instead.
"""

import base64
import time
from typing import Any

import segno
from django import forms
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from enthesis.clinic.actions import Refused, second_factor
from enthesis.clinic.actions import sign_in as actions
from enthesis.clinic.actions.open_sessions import STARTED_AT, end_sessions, open_sessions
from enthesis.clinic.models import SecondFactor
from enthesis.clinic.pages import attempt
from enthesis.clinic.pages.sign_in import THROTTLED, address_of
from enthesis.clinic.permissions import (
    FACTOR_FIRST,
    StaffRequest,
    is_on_threshold,
    page,
)

FRESH_SECONDS = 15 * 60
SEED = "new_app"
"""Of a session: the seed of an app that is being added, sealed."""
NOT_FRESH = "To change this, sign in again first: it shows that it is you."


class AppForm(forms.Form):
    name = forms.CharField(
        label="What do you call it?",
        max_length=60,
        initial="App on my phone",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    code = forms.CharField(
        label="Code that the app shows now",
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}
        ),
    )


class OwnPasswordForm(forms.Form):
    old = forms.CharField(
        label="Password until now",
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    password = forms.CharField(
        label="New password",
        min_length=12,
        max_length=128,
        strip=False,
        help_text="At least 12 characters; a few words are good. Tell it to nobody.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="New password once more",
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, request: StaffRequest, data: Any = None) -> None:
        super().__init__(data)
        self.request = request

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        if data["password"] != data["again"]:
            raise forms.ValidationError("The two new passwords differ. Type them again.")
        user, address = self.request.user, address_of(self.request)
        # Counted like tries at the door: an open screen is no place to guess a password.
        if actions.is_throttled(user.username, address):
            raise forms.ValidationError(THROTTLED)
        is_right = user.check_password(data["old"])
        if not actions.may_tell(user.username, address, is_right):
            raise forms.ValidationError(THROTTLED)
        if not is_right:
            self.add_error("old", "That is not your password until now.")
        return data


def is_fresh(request: HttpRequest) -> bool:
    """Whether the user signed in a little while ago."""
    return time.time() - float(request.session.get(STARTED_AT, 0)) < FRESH_SECONDS


def to_own(request: HttpRequest, problem: str = "") -> HttpResponse:
    """To the page that lists how one signs in, with what was wrong."""
    if problem:
        messages.error(request, problem)
    return redirect("second_factor")


def finish_first(request: StaffRequest, row: SecondFactor) -> None:
    """A factor was added. Where it was the first, the user is now wholly signed in."""
    messages.success(request, f"{row.get_kind_display()} “{row.name}” was added.")
    if request.session.pop(FACTOR_FIRST, None):
        request.session.cycle_key()
        actions.sign_in(request.user, address_of(request))


@require_GET
def second_factor_page(request: StaffRequest) -> HttpResponse:
    """What one signs in with, when each was last used, and what can be done."""
    user = request.user
    if user.must_change_password:
        return redirect("change_own_password")
    rows = list(user.factors_now())
    context = {
        "rows": rows,
        "can_remove": len(rows) > 1 or not user.needs_factor,
        "codes_left": second_factor.recovery_codes_left(user),
        "sessions": open_sessions(user),
        "this": request.session.session_key,
        "is_fresh": is_fresh(request),
        "not_fresh": NOT_FRESH,
        "again": f"{reverse('sign_in')}?next={reverse('second_factor')}",
        "first": bool(request.session.get(FACTOR_FIRST)),
    }
    return render(request, "clinic/sign_in/own.html", context)


@require_http_methods(["GET", "POST"])
def add_app(request: StaffRequest) -> HttpResponse:
    """A picture for an app to read, and the code with which it shows that it has."""
    if not is_fresh(request):
        return to_own(request, NOT_FRESH)
    user = request.user
    kept = request.session.get(SEED)
    seed = second_factor.unseal(base64.b64decode(kept), user) if kept else None
    if seed is None:
        seed = second_factor.new_seed()
        sealed = second_factor.seal(seed, user)
        request.session[SEED] = base64.b64encode(sealed).decode()
    form = AppForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        code, name = form.cleaned_data["code"], form.cleaned_data["name"]
        first = bool(request.session.get(FACTOR_FIRST))
        row = attempt(form, second_factor.add_app, user, seed, code, name, first)
        if row:
            del request.session[SEED]
            finish_first(request, row)
            return redirect("second_factor")
    issuer = "Enthesis, " + request.clinic.name.replace(":", " ")
    address = second_factor.totp(seed).get_provisioning_uri(user.username, issuer)
    text = base64.b32encode(seed).decode()
    context = {
        "form": form,
        # White behind it in the dark too: cameras want it so.
        "picture": segno.make(address, error="m").svg_inline(scale=5, light="white"),
        "text": " ".join(text[at : at + 4] for at in range(0, len(text), 4)),
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/sign_in/add_app.html", context, status=status)


@require_POST
def recovery_codes(request: StaffRequest) -> HttpResponse:
    """Ten new codes on a page to print; no page shows them again."""
    if not is_fresh(request):
        return to_own(request, NOT_FRESH)
    codes = second_factor.make_recovery_codes(request.user)
    return render(request, "clinic/sign_in/codes.html", {"codes": codes})


@require_POST
def remove_factor(request: StaffRequest, factor_id: int) -> HttpResponse:
    """Take one of one's own away."""
    if not is_fresh(request):
        return to_own(request, NOT_FRESH)
    try:
        row = second_factor.remove_factor(request.user, factor_id)
    except Refused as refused:
        return to_own(request, refused.message)
    messages.success(request, f"{row.get_kind_display()} “{row.name}” was removed.")
    return redirect("second_factor")


@require_http_methods(["GET", "POST"])
def change_own_password(request: StaffRequest) -> HttpResponse:
    """The old password and a new one; every other session ends."""
    form = OwnPasswordForm(request, request.POST if request.method == "POST" else None)
    was_given = request.user.must_change_password
    if form.is_bound and form.is_valid():
        new = form.cleaned_data["password"]
        user = attempt(form, actions.change_own_password, request.user, new)
        if user:
            # Keeps this session, under another key.
            update_session_auth_hash(request, user)
            request.user = user
            messages.success(request, "Your password was changed. All other sessions have ended.")
            return redirect(
                "today" if was_given and not is_on_threshold(request) else "second_factor"
            )
    context = {"form": form, "was_given": was_given}
    status = 422 if form.errors else 200
    return render(request, "clinic/sign_in/own_password.html", context, status=status)


@require_POST
def end_own_sessions(request: StaffRequest) -> HttpResponse:
    """End one of one's own sessions elsewhere, or all of them but this one."""
    if not is_fresh(request):
        return to_own(request, NOT_FRESH)
    only = request.POST.get("only", "")
    number = end_sessions(request.user, request.session.session_key, only)
    messages.success(request, f"{number} session{'s' if number != 1 else ''} ended.")
    return redirect("second_factor")


@require_POST
def sign_out_everywhere(request: StaffRequest) -> HttpResponse:
    """End every session of one's own, on all devices, this one too."""
    actions.sign_out_everywhere(request.user)
    logout(request)
    return redirect("sign_in")


urlpatterns = [
    page("sign-in/own/", second_factor_page, "second_factor"),
    page("sign-in/own/app/", add_app, "add_app"),
    page("sign-in/own/codes/", recovery_codes, "recovery_codes"),
    page("sign-in/own/<int:factor_id>/remove/", remove_factor, "remove_factor"),
    page("sign-in/own/password/", change_own_password, "change_own_password"),
    page("sign-in/own/sessions/end/", end_own_sessions, "end_own_sessions"),
    page("sign-in/own/out/", sign_out_everywhere, "sign_out_everywhere"),
]
