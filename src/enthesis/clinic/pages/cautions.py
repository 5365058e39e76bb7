"""What stands against a session's mixtures, and the clinic's own ceilings of anaesthetics."""

from collections.abc import Sequence

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from enthesis.clinic import store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import cautions as actions
from enthesis.clinic.models import Session
from enthesis.clinic.pages import attempt
from enthesis.clinic.permissions import StaffRequest, get_for, page
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Mixture, Reason
from enthesis.shape import read


def standing(session: Session, mixtures: Sequence[Mixture], known: Knowledge) -> list[Reason]:
    """The hard stops that nobody has set aside: for the list of problems on the session page."""
    found = actions.cautions_of(session, mixtures, known)
    return [caution.reason for caution, aside in found if caution.stop and aside is None]


@require_http_methods(["GET", "POST"])
def session_cautions(request: StaffRequest, session_id: int) -> HttpResponse:
    """Each caution with its source; a hard stop is set aside only with a reason."""
    row = get_for(request.user, Session, session_id)
    if request.method == "POST":
        key, reason = request.POST.get("caution", ""), request.POST.get("reason", "")
        try:
            actions.set_aside(request.user, row.pk, key, reason[:500])
        except Refused as refused:
            messages.error(request, refused.message)
        else:
            messages.success(request, "Set aside, with your reason and name.")
        return redirect("session_cautions", row.pk)
    known = store.known_for(request.clinic, row.on)
    found = actions.cautions_of(row, read(tuple[Mixture, ...], row.mixtures), known)
    context = {"session": row, "cautions": [(one, one.key[:500], aside) for one, aside in found]}
    return render(request, "clinic/treat/cautions.html", context)


class CeilingForm(forms.Form):
    substance = forms.ChoiceField(label="Anaesthetic")
    with_adrenaline = forms.BooleanField(label="With adrenaline", required=False)
    mg_per_kg = forms.DecimalField(
        label="Most, in mg for each kg of weight", max_digits=5, decimal_places=2, min_value=0
    )
    cap_mg = forms.DecimalField(
        label="Never above, in mg", max_digits=6, decimal_places=1, min_value=0
    )
    source = forms.CharField(
        label="Where it is from, and who vouches for it",
        max_length=300,
        help_text="Such as: label of the product, read by the pharmacist.",
    )


@require_http_methods(["GET", "POST"])
def ceilings(request: StaffRequest) -> HttpResponse:
    """The ceilings that hold, with their sources, and a form for one more."""
    today = store.today(request.clinic)
    known = store.known_for(request.clinic, today)
    form = CeilingForm(request.POST or None)
    numbing = [(s.id, s.name) for s in known.substances.values() if s.role == "anaesthetic"]
    form.fields["substance"].choices = numbing  # type: ignore[attr-defined]
    if form.is_bound and form.is_valid():
        told = form.cleaned_data
        if attempt(form, actions.enter_ceiling, request.user, **told, today=today):
            messages.success(request, "The ceiling was entered and holds from today.")
            return redirect("ceilings")
    context = {"form": form, "limits": known.anaesthetic_limits}
    status = 422 if form.errors else 200
    return render(request, "clinic/settings/ceilings.html", context, status=status)


urlpatterns = [
    page("sessions/<int:session_id>/cautions/", session_cautions, "session_cautions"),
    page("settings/ceilings/", ceilings, "ceilings"),
]
