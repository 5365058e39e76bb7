"""Recall: who got a lot, on the screen, on paper and as a table; and refusing it from now on."""

import csv

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from enthesis.clinic import stock, store
from enthesis.clinic.actions import recall as actions
from enthesis.clinic.models import LotRecall
from enthesis.clinic.pages import attempt
from enthesis.clinic.pages.patients import course_words
from enthesis.clinic.permissions import StaffRequest, page, rows_for
from enthesis.clinic.stock import Got
from enthesis.exchange.cells import BOM, cell
from enthesis.journey.stock import looks_alike, lot_key
from enthesis.knowledge.kinds import Knowledge

MOST = 40
HEAD = ("Family name", "Given name", "No.", "Phone", "Treated on", "For", "Session", "Signed",
        "Named in", "Places injected")  # fmt: skip


class ReasonForm(forms.Form):
    lot = forms.CharField(max_length=MOST, widget=forms.HiddenInput)
    reason = forms.CharField(label="Why", max_length=200)


@require_http_methods(["GET", "POST"])
def recall(request: StaffRequest) -> HttpResponse:
    """Who got lot X; and marking it, or no longer. Each look is audited."""
    asked = request.POST.get("lot", request.GET.get("lot", ""))
    number, today = asked.strip()[:MOST], store.today(request.clinic)
    known, key = store.known_for(request.clinic, today), lot_key(number)
    marked = rows_for(request.user, LotRecall).filter(key=key, lifted_at=None).first()
    form = ReasonForm(request.POST or None, initial={"lot": number})
    if form.is_bound and form.is_valid():
        reason = form.cleaned_data["reason"]
        if marked:
            done = attempt(form, actions.lift_recall, request.user, marked.pk, reason)
        else:
            done = attempt(form, actions.mark_recalled, request.user, number, reason, today)
        if done:
            words = "is no longer refused" if marked else "is refused from now on"
            messages.success(request, f"Lot {number} {words}.")
            return redirect(f"{reverse('recall_lot')}?{urlencode({'lot': number})}")
    got = _look_up(request, number, known) if key else []
    named = stock.lot_numbers(request.clinic)
    context = {
        "number": number,
        "got": [(one, _for(one, known)) for one in got],
        "people": len({one.session.course.patient_id for one in got}),
        "alike": [name for name in named if key and looks_alike(name, key)],
        "numbers": named,
        "marked": marked,
        "form": form,
        "recalls": rows_for(request.user, LotRecall).filter(lifted_at=None).order_by("-on", "-pk"),
        "today": today,
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/stock/recall.html", context, status=status)


@require_safe
def recall_csv(request: StaffRequest) -> HttpResponse:
    """The same list as a table for a spreadsheet."""
    number = request.GET.get("lot", "").strip()[:MOST]
    known = store.known_for(request.clinic, store.today(request.clinic))
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="recall.csv"'
    response.write(BOM)
    writer = csv.writer(response, lineterminator="\r\n")
    writer.writerow(HEAD)
    for one in _look_up(request, number, known) if lot_key(number) else []:
        row, patient = one.session, one.session.course.patient
        cells = (
            *(patient.family, patient.given, patient.number, patient.phone, row.on),
            *(_for(one, known), row.number, "yes" if row.signed_at else "no"),
            *(one.found_in, one.sites),
        )
        writer.writerow([cell(value) for value in cells])
    return response


def _look_up(request: StaffRequest, number: str, known: Knowledge) -> list[Got]:
    got = stock.who_got(request.clinic, number, known)
    actions.look_up_lot(request.user, number, len(got))
    return got


def _for(one: Got, known: Knowledge) -> str:
    names = {condition.id: condition.name for condition in known.conditions.values()}
    return course_words(one.session.course, names)


urlpatterns = [
    page("stock/recall/", recall, "recall_lot"),
    page("stock/recall.csv", recall_csv, "recall_lot_csv"),
]
