"""Programs that may read or write the clinic's records over the FHIR API. For administrators."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from enthesis.clinic.actions import api_tokens as actions
from enthesis.clinic.models import ApiToken
from enthesis.clinic.pages import attempt
from enthesis.clinic.permissions import StaffRequest, page, rows_for


class TokenForm(forms.Form):
    name = forms.CharField(
        label="Name of the program",
        max_length=100,
        help_text="Stands in the audit trail beside each record that it read.",
    )
    scopes = forms.CharField(
        label="What it may do",
        max_length=2000,
        initial="user/*.rs",
        help_text="SMART scopes. user/*.rs reads and searches everything; user/*.cruds also "
        "writes; system/*.rs also takes everything out in bulk; user/Patient.rs only patients.",
        widget=forms.TextInput({"autocapitalize": "none", "spellcheck": "false"}),
    )
    days = forms.IntegerField(
        label="Good for", min_value=1, max_value=actions.DAYS_MOST, initial=90
    )


@require_http_methods(["GET", "HEAD", "POST"])
def api_tokens(request: StaffRequest) -> HttpResponse:
    """Every token of the clinic, and a new one, which is shown this once."""
    form = TokenForm(request.POST if request.method == "POST" else None)
    made, secret = None, ""
    if form.is_bound and form.is_valid():
        done = attempt(form, actions.make_token, request.user, **form.cleaned_data)
        if done:
            (made, secret), form = done, TokenForm()
    tokens = rows_for(request.user, ApiToken).select_related("clinic", "made_by", "revoked_by")
    context = {
        "form": form,
        "made": made,
        "secret": secret,
        "base": request.build_absolute_uri("/fhir/"),
        "tokens": [(one, actions.why_closed(one, timezone.now())) for one in tokens],
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/settings/api_tokens.html", context, status=status)


@require_POST
def revoke_token(request: StaffRequest, token_id: int) -> HttpResponse:
    """The program gets nothing any more."""
    token = actions.revoke_token(request.user, token_id)
    messages.success(request, f"{token} has no access any more.")
    return redirect("api_tokens")


urlpatterns = [
    page("settings/programs/", api_tokens, "api_tokens"),
    page("settings/programs/<int:token_id>/revoke/", revoke_token, "revoke_token"),
]
