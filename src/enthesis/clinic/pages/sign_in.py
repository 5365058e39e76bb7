"""Sign in and out."""

from typing import Any

from django import forms
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from enthesis.clinic.actions import sign_in as actions
from enthesis.clinic.models import User
from enthesis.clinic.pages.choose import only_index
from enthesis.clinic.permissions import public_page

# One sentence whatever was wrong: it must not tell which names exist.
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
        actions.sign_in(self.user, address)
        return data


@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Name and password; then to where the user was going, never to another site."""
    form = SignInForm(request, request.POST if request.method == "POST" else None)
    going_to = request.POST.get("next") or request.GET.get("next") or "/"
    if form.is_bound and form.is_valid() and form.user:
        login(request, form.user)
        return redirect(_safe(request, going_to))
    status = 422 if form.errors else 200
    context = {"form": form, "next": going_to, "choose": only_index()}
    return render(request, "clinic/sign_in/sign_in.html", context, status=status)


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
    public_page("sign-out/", sign_out, "sign_out"),
]
