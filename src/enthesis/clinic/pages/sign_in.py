"""Sign in and out."""

import time
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from enthesis.clinic.actions import second_factor
from enthesis.clinic.actions import sign_in as actions
from enthesis.clinic.models import SecondFactor, User
from enthesis.clinic.pages.choose import only_index
from enthesis.clinic.permissions import FACTOR_FIRST, public_page

# One sentence whatever was wrong: it must not tell which names exist.
HALF = "half_in"
HALF_SECONDS = 5 * 60
BACKEND = "django.contrib.auth.backends.ModelBackend"
WRONG = "That name and password do not fit together. Check both and try again."
THROTTLED = "Too many tries. Wait 15 minutes, or ask the clinic's administrator for a new password."


class SignInForm(forms.Form):
    username = forms.CharField(
        label="User name",
        max_length=150,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request: HttpRequest, data: Any = None) -> None:
        super().__init__(data)
        self.request = request
        self.user: User | None = None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        name, address = data["username"], self.request.META.get("REMOTE_ADDR", "")
        if actions.is_throttled(name, address):
            raise forms.ValidationError(THROTTLED)
        user = authenticate(self.request, username=name, password=data["password"])
        if user is None:
            actions.fail_sign_in(name, address)
            raise forms.ValidationError(WRONG)
        self.user = user
        return data


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code",
        max_length=40,
        help_text="The six digits that your app shows now, or one of your recovery codes.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"}),
    )


@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Name and password; then the second step, or to where the user was going."""
    form = SignInForm(request, request.POST if request.method == "POST" else None)
    going_to = _safe(request, request.POST.get("next") or request.GET.get("next") or "/")
    if form.is_bound and form.is_valid() and form.user:
        if second_factor.factors(form.user):
            request.session.cycle_key()
            request.session[HALF] = {"user": form.user.pk, "at": time.time(), "next": going_to}
            return redirect("second_step")
        let_in(request, form.user)
        clinic = form.user.clinic
        if settings.SECOND_FACTOR and not (clinic and clinic.invented):
            request.session[FACTOR_FIRST] = True
        return redirect(going_to)
    status = 422 if form.errors else 200
    context = {"form": form, "next": going_to, "choose": only_index()}
    return render(request, "clinic/sign_in/sign_in.html", context, status=status)


@require_http_methods(["GET", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    """A code, after the password was right; nothing else can be reached in between."""
    half = half_in(request)
    if half is None:
        return redirect("sign_in")
    user, going_to = half
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        if second_factor.is_throttled(user):
            form.add_error("code", second_factor.TOO_OFTEN)
        elif _is_good(user, form.cleaned_data["code"]):
            let_in(request, user)
            return redirect(going_to)
        else:
            second_factor.fail_second_factor(user, request.META.get("REMOTE_ADDR", ""))
            form.add_error("code", second_factor.WRONG)
    has_passkey = any(one.kind == SecondFactor.Kind.PASSKEY for one in second_factor.factors(user))
    context = {"form": form, "has_passkey": has_passkey}
    status = 422 if form.errors else 200
    return render(request, "clinic/sign_in/second_step.html", context, status=status)


def _is_good(user: User, code: str) -> bool:
    return second_factor.use_app_code(user, code) or second_factor.use_recovery_code(user, code)


def half_in(request: HttpRequest) -> tuple[User, str] | None:
    """Whose password was right a little while ago in this browser, and where they were going."""
    half = request.session.get(HALF)
    if not half or time.time() - half["at"] > HALF_SECONDS:
        return None
    user = User.objects.filter(pk=half["user"], is_active=True).first()
    return (user, half["next"]) if user else None


def let_in(request: HttpRequest, user: User) -> None:
    """A session of the user's own, under a new key; what was in the old one is gone."""
    request.session.flush()
    login(request, user, backend=BACKEND)
    actions.sign_in(user, request.META.get("REMOTE_ADDR", ""))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session on the server, not only in the browser."""
    if request.user.is_authenticated:
        actions.sign_out(request.user)
    logout(request)
    return redirect("sign_in")


def _safe(request: HttpRequest, address: str) -> str:
    hosts = {request.get_host()}
    fine = url_has_allowed_host_and_scheme(address, hosts, require_https=request.is_secure())
    return address if fine else "/"


urlpatterns = [
    public_page("sign-in/", sign_in, "sign_in"),
    public_page("sign-in/second/", second_step, "second_step"),
    public_page("sign-out/", sign_out, "sign_out"),
]
