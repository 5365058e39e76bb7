"""Sign in and out."""

import time
from typing import Any

from django import forms
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from enthesis.clinic.actions import second_factor
from enthesis.clinic.actions import sign_in as actions
from enthesis.clinic.actions.open_sessions import ADDRESS, DEVICE, STARTED_AT, device_words
from enthesis.clinic.models import SecondFactor, User
from enthesis.clinic.pages import attempt
from enthesis.clinic.pages.choose import only_index
from enthesis.clinic.permissions import FACTOR_FIRST, public_page

HALF = "half_in"
"""Of a session: whose password was right, and nothing more."""
HALF_SECONDS = 5 * 60
BACKEND = "django.contrib.auth.backends.ModelBackend"
# One sentence whatever was wrong: it must not tell which names exist.
WRONG = "That name and password do not fit together. Check both and try again."
THROTTLED = "Too many tries. Wait 15 minutes, or sign in with a passkey."


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
        name, address = data["username"], address_of(self.request)
        if actions.is_throttled(name, address):
            raise forms.ValidationError(THROTTLED)
        user = authenticate(self.request, username=name, password=data["password"])
        if not actions.may_tell(name, address, user is not None):
            raise forms.ValidationError(THROTTLED)
        if user is None:
            raise forms.ValidationError(WRONG)
        self.user = user
        return data


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code",
        max_length=60,
        help_text="The six digits that your app shows now, or one of your recovery codes.",
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        ),
    )

    def __init__(self, has_app: bool, data: Any = None) -> None:
        super().__init__(data)
        if not has_app:
            self.fields["code"].label = "Recovery code"
            self.fields["code"].help_text = "One of those that you printed, in place of a passkey."


@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Name and password; then the second step, or to where the user was going."""
    form = SignInForm(request, request.POST if request.method == "POST" else None)
    going_to = safe(request, request.POST.get("next") or request.GET.get("next") or "/")
    if form.is_bound and form.is_valid() and form.user:
        return _after_password(request, form.user, going_to)
    # Who comes back here begins anew.
    request.session.pop(HALF, None)
    status = 422 if form.errors else 200
    context = {"form": form, "next": going_to, "choose": only_index()}
    return render(request, "clinic/sign_in/sign_in.html", context, status=status)


def _after_password(request: HttpRequest, user: User, going_to: str) -> HttpResponse:
    if user.factors_now().exists():
        # A new session, which holds nothing else: whoever was signed in here is out.
        request.session.flush()
        # The hash: with another password meanwhile this step is over.
        password = user.get_session_auth_hash()
        half = {"user": user.pk, "password": password, "at": time.time(), "next": going_to}
        request.session[HALF] = half
        return redirect("second_step")
    _begin_session(request, user)
    if user.needs_factor:
        request.session[FACTOR_FIRST] = True
        return redirect("second_factor")
    actions.sign_in(user, address_of(request))
    return redirect(going_to)


@require_http_methods(["GET", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    """A code, after the password was right; nothing else can be reached in between."""
    half = half_in(request)
    if half is None:
        return redirect("sign_in")
    user, going_to = half
    kinds = set(user.factors_now().values_list("kind", flat=True))
    form = CodeForm(
        SecondFactor.Kind.APP in kinds, request.POST if request.method == "POST" else None
    )
    if form.is_bound and form.is_valid():
        code = form.cleaned_data["code"]
        good = attempt(form, second_factor.check_code, user, code, address_of(request))
        if good:
            let_in(request, user)
            return redirect(going_to)
        if not form.errors:
            form.add_error("code", second_factor.WRONG)
    context = {
        "form": form,
        "has_passkey": SecondFactor.Kind.PASSKEY in kinds,
        "next": going_to,
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/sign_in/second_step.html", context, status=status)


def half_in(request: HttpRequest) -> tuple[User, str] | None:
    """Whose password was right a little while ago in this browser, and where they were going."""
    half = request.session.get(HALF)
    if not half or time.time() - half["at"] > HALF_SECONDS:
        return None
    user = User.objects.filter(pk=half["user"], is_active=True).first()
    if user is None or user.get_session_auth_hash() != half["password"]:
        return None
    return user, half["next"]


def let_in(request: HttpRequest, user: User) -> None:
    """Wholly signed in, and written down."""
    _begin_session(request, user)
    actions.sign_in(user, address_of(request))


def _begin_session(request: HttpRequest, user: User) -> None:
    """A session of the user's own, under a new key; what was in the old one is gone."""
    request.session.flush()
    login(request, user, backend=BACKEND)
    request.session[STARTED_AT] = time.time()
    request.session[DEVICE] = device_words(request.headers.get("User-Agent", ""))
    request.session[ADDRESS] = address_of(request)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session on the server, not only in the browser."""
    if request.user.is_authenticated:
        actions.sign_out(request.user)
    logout(request)
    return redirect("sign_in")


def safe(request: HttpRequest, address: str) -> str:
    """The address where it is one of this site; else the first page."""
    hosts = {request.get_host()}
    fine = url_has_allowed_host_and_scheme(address, hosts, require_https=request.is_secure())
    return address if fine else "/"


def address_of(request: HttpRequest) -> str:
    """Where the request comes from, as it is written down."""
    return str(request.META.get("REMOTE_ADDR", ""))


urlpatterns = [
    public_page("sign-in/", sign_in, "sign_in"),
    public_page("sign-in/second/", second_step, "second_step"),
    public_page("sign-out/", sign_out, "sign_out"),
]
