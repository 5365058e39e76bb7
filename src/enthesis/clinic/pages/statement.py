"""The patient's statement: what was charged, paid and is open, by a personal address.

The address is signed and expires; it shows one course and can do nothing.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_http_methods

from enthesis.clinic import ledger, store
from enthesis.clinic.actions.ledger import LINK
from enthesis.clinic.models import Course, Patient
from enthesis.clinic.pages.ledger import standing
from enthesis.clinic.permissions import public_page
from enthesis.journey.ledger import Kind
from enthesis.units import Money


@require_http_methods(["GET", "HEAD", "POST"])
def statement(request: HttpRequest, token: str, language: str = "") -> HttpResponse:
    """One course's money in the patient's words."""
    course = _course_of(token)
    if course is None or (language and language not in Patient.Language.values):
        return render(request, "clinic/answer/gone.html", status=404)
    if request.method == "POST":  # another language was asked for: only look
        return redirect(request.path)
    spoken = language or course.patient.language
    told = standing(course)
    ahead = ledger.ahead(course, store.course_record(course))
    context: dict[str, Any] = {
        **told,
        "clinic_name": course.patient.clinic.name,
        "for_name": course.patient.given,
        "clinic": course.patient.clinic,
        "today": store.today(course.patient.clinic),
        "ahead": ahead,
        "owed_back": -told["owed"],
        "others": [
            (code, name, reverse("statement_in", args=[token, code]))
            for code, name in Patient.Language.choices
            if code != spoken
        ],
    }
    with translation.override(spoken):
        context["lines"] = _lines(course)
        return render(request, "clinic/pay/statement.html", context)


def _course_of(token: str) -> Course | None:
    """Whose statement it is; None for a wrong or expired address, all alike."""
    try:
        pk = LINK.unsign(token, max_age=timedelta(days=settings.ANSWER_LINK_DAYS))
    except BadSignature:
        return None
    return Course.objects.select_related("patient__clinic").filter(pk=int(pk)).first()


@dataclass(frozen=True)
class Line:
    """One line of a statement: what the patient paid is below zero. None where no money moved,
    because it was counted when it was paid ahead."""

    on: date
    words: str
    amount: Money | None


_WORDS = {
    Kind.PAYMENT: gettext_noop("Paid, receipt {number}"),
    Kind.DEPOSIT: gettext_noop("Deposit, receipt {number}"),
    Kind.SERIES: gettext_noop("Prepaid sessions: {sessions}, receipt {number}"),
    Kind.DEPOSIT_USED: gettext_noop("Paid from your deposit, invoice {invoice}"),
    Kind.SESSION_USED: gettext_noop("Paid from your prepaid sessions, invoice {invoice}"),
    Kind.CREDIT_NOTE: gettext_noop("Taken off invoice {invoice}, credit note {number}"),
    Kind.REFUND: gettext_noop("Paid back to you, refund {number}"),
    Kind.DEPOSIT_BACK: gettext_noop("Deposit paid back to you, refund {number}"),
    Kind.UNUSED_BACK: gettext_noop("Prepaid sessions paid back: {sessions}, refund {number}"),
}


def _lines(course: Course) -> list[Line]:
    """What was charged and what was paid, in the order of days, in the language of the page."""
    invoices = course.invoices.prefetch_related("lines")
    charged = gettext("Invoice {number}")
    lines = [
        Line(bill.issued_on, charged.format(number=bill.number), ledger.total_of(bill))
        for bill in invoices
    ]
    ahead, after = list[Line](), list[Line]()
    for row in course.entries.select_related("invoice"):
        words = gettext(_WORDS[Kind(row.kind)]).format(
            number=row.number,
            sessions=row.sessions,
            invoice=row.invoice.number if row.invoice else "",
        )
        money = Money(row.amount, row.currency)
        amount = None if row.paper == "transfer" else money if row.paper == "refund" else -money
        line = Line(row.on, words, amount)
        # What was paid ahead stands before the invoice that it pays.
        (ahead if row.kind in (Kind.DEPOSIT, Kind.SERIES) else after).append(line)
    return sorted([*ahead, *lines, *after], key=lambda line: line.on)


urlpatterns = [
    public_page("account/<str:token>/", statement, "statement"),
    public_page("account/<str:token>/<str:language>/", statement, "statement_in"),
]
