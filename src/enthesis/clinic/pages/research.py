"""What a researcher works with: what was released, and nothing that could be subtracted from it.

The clinic's own outcomes pages are not among it: they change from day to day and show small groups,
so that two looks tell who came in between. What was published stands still.
"""

from datetime import date, timedelta

from django import forms
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from enthesis.charts.pen import day_in_words
from enthesis.clinic import store
from enthesis.clinic.actions.export import RESEARCH
from enthesis.clinic.actions.publish import published
from enthesis.clinic.models import AuditEvent, Clinic
from enthesis.clinic.pages.export import AS, made
from enthesis.clinic.permissions import StaffRequest, page, roles_of


class CutForm(forms.Form):
    form = forms.ChoiceField(label="As", choices=AS, initial="csv", widget=forms.RadioSelect)


@require_http_methods(["GET", "POST"])
def research(request: StaffRequest) -> HttpResponseBase:
    """Published results, packets, and one cut in a long while."""
    form = CutForm(request.POST if request.method == "POST" else None)
    again_on = next_cut_on(request.clinic)
    if form.is_bound and again_on:
        form.add_error(
            None, f"A cut was taken. The next one can be from {day_in_words(again_on)} on."
        )
    if form.is_bound and form.is_valid():
        answer = made(request, form, "research", form.cleaned_data["form"])
        if answer:
            return answer
    clinic = request.clinic
    known = store.known_for(clinic, store.today(clinic))
    context = {
        "form": form,
        "again_on": again_on,
        "published": published(clinic),
        "packets": clinic.packets.order_by("-id").defer("cells", "content"),
        "days": known.research.days_between_cuts,
        "k": known.publishing.smallest_count,
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/outcomes/research.html", context, status=status)


def next_cut_on(clinic: Clinic) -> date | None:
    """From which day on a researcher may take a cut; None where it is now."""
    today = store.today(clinic)
    rules = store.known_for(clinic, today).research
    taken = AuditEvent.objects.filter(
        clinic=clinic, action=RESEARCH, user__role__in=roles_of("research")
    ).last()
    if taken is None:
        return None
    on = store.day_of(clinic, taken.at) + timedelta(days=rules.days_between_cuts)
    return on if on > today else None


urlpatterns = [page("outcomes/research/", research, "research")]
