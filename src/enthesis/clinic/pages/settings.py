"""Settings: what the clinic sets for itself, and who works there. For administrators."""

from typing import Any, cast
from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from enthesis.clinic import store
from enthesis.clinic.actions import EditConflict, Refused, open_sessions, second_factor, sign_in
from enthesis.clinic.actions import settings as actions
from enthesis.clinic.calls import messages_line
from enthesis.clinic.models import Clinic, Role, User
from enthesis.clinic.pages import attempt, made_from
from enthesis.clinic.permissions import StaffRequest, get_for, may_grant, page, rows_for
from enthesis.knowledge.kinds import Knowledge

OWN = (
    *("name", "phone", "emergency_text", "emergency_text_es", "time_zone"),
    *("address", "tax_id", "npi", "estimate_line"),
    *("finish_relief_percent", "stop_choice"),
    *("reminders_on", "sender_email", "quiet_from", "quiet_to"),
    *("alert_email", "pain_pill_choice", "takes_questions", "emergency_minutes"),
)


ROLE_WORDS = {
    Role.CLINICIAN: "treats patients; sees and writes the clinical record",
    Role.FRONT_DESK: "identity, appointments, calls and money; no clinical notes",
    Role.ADMINISTRATOR: "settings, users, figures and money; no clinical notes",
    Role.RESEARCHER: "outcomes and a cut for research; never a name or a single patient",
    Role.AUDITOR: "who looked at what, and who may; changes nothing, no clinical content",
}
_TIME = forms.TimeInput({"type": "time"}, "%H:%M")


class SettingsForm(forms.Form):
    name = forms.CharField(label="Clinic’s name", max_length=120)
    phone = forms.CharField(
        label="Phone", max_length=40, help_text="Patients see it below every question."
    )
    emergency_text = forms.CharField(
        label="In an emergency",
        max_length=300,
        required=False,
        help_text="Patients read it under every question, in place of our own words. Say when to "
        "call, such as: Trouble breathing or pain in the chest? Call 911.",
    )
    emergency_text_es = forms.CharField(
        label="In an emergency, in Spanish",
        max_length=300,
        required=False,
        help_text="For patients who are asked in Spanish. Empty means the shipped words.",
    )
    time_zone = forms.ChoiceField(label="Time zone")
    address = forms.CharField(
        label="Postal address",
        max_length=300,
        required=False,
        widget=forms.Textarea({"rows": 3}),
        help_text="Stands on estimates, invoices and superbills, with the state.",
    )
    tax_id = forms.CharField(
        label="Tax number", max_length=30, required=False, help_text="In the United States the EIN."
    )
    npi = forms.CharField(
        label="Provider number (NPI)",
        max_length=10,
        required=False,
        help_text="Ten digits; without it papers say that it is not given.",
    )
    estimate_line = forms.DecimalField(
        label="Warn when bills pass the estimate by",
        required=False,
        max_digits=10,
        decimal_places=2,
    )
    finish_relief_percent = forms.DecimalField(
        label="Finish level", required=False, max_digits=5, decimal_places=2
    )
    stop_choice = forms.ChoiceField(
        label="When to stop what does not help", required=False, widget=forms.RadioSelect
    )
    reminders_on = forms.BooleanField(
        label="Remind patients by e-mail or text message",
        required=False,
        help_text="Before each session, after it, and in the months that follow.",
    )
    sender_email = forms.EmailField(
        label="Sender’s address",
        required=False,
        help_text="Needed for reminders and alerts. Patients see it; nobody reads answers.",
    )
    quiet_from = forms.TimeField(label="Quiet from", required=False, widget=_TIME)
    quiet_to = forms.TimeField(label="Quiet until", required=False, widget=_TIME)
    alert_email = forms.EmailField(
        label="Write about warning answers to",
        required=False,
        help_text="At once, at night too; only the number of the course and a link. Empty: nobody "
        "is written to, and Today alone shows them.",
    )
    takes_questions = forms.BooleanField(
        label="Take questions on a public page",
        required=False,
        help_text="Anybody may ask; staff answer by e-mail. A question is published only when both "
        "who asked and the clinic agree.",
    )
    pain_pill_choice = forms.ChoiceField(
        label="What patients are told about pain pills such as ibuprofen",
        required=False,
        widget=forms.RadioSelect,
    )
    emergency_minutes = forms.IntegerField(
        label="A record opened in an emergency stays open for",
        required=False,
        min_value=1,
        help_text="The front desk and administrators then read one patient’s clinical record, with "
        "a reason that stands on Today until somebody has taken note of it.",
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: Any, initial: dict[str, Any], known: Knowledge) -> None:
        super().__init__(data, initial=initial)
        rules = [(choice.id, choice.name) for choice in known.stop_choices.values()]
        self.fields["stop_choice"].choices = rules  # type: ignore[attr-defined]
        pills = [(choice.id, choice.name) for choice in known.pain_pill_choices.values()]
        self.fields["pain_pill_choice"].choices = pills  # type: ignore[attr-defined]
        zones = [(zone, zone.replace("_", " ")) for zone in time_zones(initial["time_zone"])]
        self.fields["time_zone"].choices = zones  # type: ignore[attr-defined]


def time_zones(own: str) -> list[str]:
    """Places and UTC, and what the clinic has: the rest of the list are rules and leftovers."""
    places = {zone for zone in available_timezones() if "/" in zone}
    named = {
        zone for zone in places if not zone.startswith(("Etc/", "posix/", "right/", "SystemV/"))
    }
    return sorted({*named, "UTC", own})


class UserForm(forms.Form):
    display_name = forms.CharField(label="Name as shown", max_length=120)
    username = forms.CharField(
        label="User name, to sign in with",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    role = forms.ChoiceField(label="Role", widget=forms.RadioSelect)
    password = forms.CharField(
        label="First password",
        min_length=12,
        max_length=128,
        strip=False,
        help_text="At least 12 characters; a few words are good. Hand it over in person: the first "
        "sign-in asks for another.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data)
        self.fields["role"].choices = _roles(user)  # type: ignore[attr-defined]


class GivePasswordForm(forms.Form):
    password = forms.CharField(
        label="New first password",
        min_length=12,
        max_length=128,
        strip=False,
        help_text="At least 12 characters; a few words are good. Hand it over in person: it is "
        "good for one sign-in, which asks for another.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class AccessForm(forms.Form):
    role = forms.ChoiceField(label="Role", widget=forms.RadioSelect)
    is_active = forms.BooleanField(label="May sign in", required=False)
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, user: User, row: User, data: Any = None) -> None:
        super().__init__(data, initial={**_access(row), "version": row.version})
        self.fields["role"].choices = _roles(user)  # type: ignore[attr-defined]


def _roles(user: User) -> list[tuple[str, str]]:
    """Those that the user may give, each with what it is for."""
    return [(role.value, f"{role.label}: {ROLE_WORDS[role]}") for role in may_grant(user)]


@require_http_methods(["GET", "POST"])
def settings(request: StaffRequest) -> HttpResponse:
    """The clinic's own settings beside the shipped defaults with their sources; and its users."""
    clinic = request.clinic
    known = store.known_for(clinic, store.today(clinic))
    initial = {
        **_own(clinic),
        "stop_choice": known.stop_rule.choice,
        "pain_pill_choice": clinic.pain_pill_choice or next(iter(known.pain_pill_choices)),
        "version": clinic.version,
    }
    form = SettingsForm(request.POST or None, initial, known)
    both, status = None, 422 if form.errors else 200
    if form.is_bound and form.is_valid():
        chosen = actions.ClinicSettings(**{name: form.cleaned_data[name] for name in OWN})
        version = form.cleaned_data["version"] or 0
        try:
            if attempt(form, actions.change_settings, request.user, chosen, version):
                messages.success(request, "The settings were saved.")
                return redirect("settings")
            status = 422
        except EditConflict as conflict:
            theirs = cast(Clinic, conflict.theirs)
            both, status = made_from(form, theirs, **_own(theirs)), 409
    context = {
        "form": form,
        "both": both,
        "defaults": defaults(known),
        "messages_line": messages_line(clinic),
        "stop_choices": [(one, known.judge_study(one.id)) for one in known.stop_choices.values()],
        "pain_pill_choices": known.pain_pill_choices.values(),
        "own_questionnaires": store.own_files(request.clinic),
        "users": rows_for(request.user, User).order_by("-is_active", "display_name", "pk"),
    }
    return render(request, "clinic/settings/settings.html", context, status=status)


def defaults(known: Knowledge) -> dict[str, str]:
    """What holds where the clinic sets nothing, with its source, in words."""
    opened = known.emergency_rules
    rule, hours, paper = known.stop_rule, known.reminder_rules, known.estimate_rules
    return {
        "line": f"Empty means the default, {paper.line}. Source: {paper.sources['line']}",
        "finish": f"Empty means the default, {rule.finish_relief_percent} percent. Source: "
        f"{rule.sources['finish_relief_percent']}",
        "quiet": f"Empty means the default, {hours.quiet_from_hour}:00 to {hours.quiet_to_hour}:00 "
        f"in the clinic’s time. Source: {hours.sources['quiet_from_hour']}",
        "emergency": f"Empty means the default, {opened.minutes} minutes. Source: "
        f"{opened.sources['minutes']}",
    }


def _own(clinic: Clinic) -> dict[str, Any]:
    return {name: getattr(clinic, name) for name in OWN}


@require_http_methods(["GET", "POST"])
def add_user(request: StaffRequest) -> HttpResponse:
    """Somebody new who signs in."""
    form = UserForm(request.user, request.POST or None)
    if form.is_bound and form.is_valid():
        user = attempt(form, actions.add_user, request.user, **form.cleaned_data)
        if user:
            messages.success(request, f"{user} may now sign in as {user.username}.")
            return redirect("settings")
    context = {"form": form, "title": "Add user", "button": "Add user"}
    status = 422 if form.errors else 200
    return render(request, "clinic/settings/user_form.html", context, status=status)


@require_http_methods(["GET", "POST"])
def change_user(request: StaffRequest, user_id: int) -> HttpResponse:
    """A user's role, and whether they may sign in at all."""
    row = get_for(request.user, User, user_id)
    form = AccessForm(request.user, row, request.POST or None)
    both, status = None, 422 if form.errors else 200
    if form.is_bound and form.is_valid():
        try:
            if attempt(form, actions.change_user, request.user, row.pk, **form.cleaned_data):
                messages.success(request, f"The access of {row} was changed.")
                return redirect("settings" if row != request.user else "today")
            status = 422
        except EditConflict as conflict:
            theirs = cast(User, conflict.theirs)
            both, status = made_from(form, theirs, **_access(theirs)), 409
    context = {
        "form": form,
        "both": both,
        "title": f"Access of {row}",
        "button": "Save access",
        "row": row,
        "factors": len(row.factors_now()),
        "is_oneself": row == request.user,
        "sessions": open_sessions.open_sessions(row),
    }
    return render(request, "clinic/settings/user_form.html", context, status=status)


def _access(row: User) -> dict[str, Any]:
    return {"role": row.role, "is_active": row.is_active}


@require_http_methods(["GET", "POST"])
def give_user_password(request: StaffRequest, user_id: int) -> HttpResponse:
    """Another first password for somebody who forgot theirs."""
    row = get_for(request.user, User, user_id)
    form = GivePasswordForm(request.POST or None)
    if form.is_bound and form.is_valid():
        given = form.cleaned_data["password"]
        if attempt(form, sign_in.give_password, request.user, row.pk, given):
            messages.success(
                request, f"{row} signs in with the new password, and then chooses one."
            )
            return redirect("change_user", row.pk)
    context = {"form": form, "title": f"New password for {row}", "button": "Give it", "row": row}
    status = 422 if form.errors else 200
    return render(request, "clinic/settings/user_form.html", context, status=status)


@require_POST
def reset_user_factors(request: StaffRequest, user_id: int) -> HttpResponse:
    """Somebody lost phone and codes: they set up a second step anew at the next sign-in."""
    row = get_for(request.user, User, user_id)
    try:
        second_factor.reset_factors(request.user, row.pk)
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, f"{row} sets up a new second step at the next sign-in.")
    return redirect("change_user", row.pk)


@require_POST
def end_user_sessions(request: StaffRequest, user_id: int) -> HttpResponse:
    """Sign somebody out everywhere: a lost laptop, a screen left open, a colleague who left."""
    row = open_sessions.end_sessions_of(request.user, user_id)
    messages.success(request, f"{row} is signed out everywhere.")
    return redirect("change_user", row.pk)


urlpatterns = [
    page("settings/", settings, "settings"),
    page("settings/users/add/", add_user, "add_user"),
    page("settings/users/<int:user_id>/", change_user, "change_user"),
    page("settings/users/<int:user_id>/password/", give_user_password, "give_user_password"),
    page("settings/users/<int:user_id>/sign-out/", end_user_sessions, "end_user_sessions"),
    page("settings/users/<int:user_id>/factors/", reset_user_factors, "reset_user_factors"),
]
