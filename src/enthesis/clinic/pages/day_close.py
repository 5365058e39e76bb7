"""The end of the day and the books: count and close, revenue by day, the bookkeeper's table."""

import csv
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from enthesis.clinic import ledger, store
from enthesis.clinic.actions import day_close as actions
from enthesis.clinic.models import DayClose, Invoice, LedgerEntry
from enthesis.clinic.pages import attempt
from enthesis.clinic.pages.ledger import amount_field
from enthesis.clinic.permissions import StaffRequest, page, rows_for
from enthesis.exchange.cells import BOM, cell
from enthesis.journey import day_close as core
from enthesis.journey.ledger import Method, nothing
from enthesis.units import Money

HEAD = ("Day", "Paper", "No.", "What", "Patient No.", "Course", "Invoice", "Debit", "Credit",
        "Amount", "Currency", "Why", "By")  # fmt: skip
WORDS = {str(value): str(label) for value, label in LedgerEntry.Method.choices}
DAYS = 31


class CloseForm(forms.Form):
    on = forms.DateField(label="Day", widget=forms.DateInput(attrs={"type": "date"}))
    cash = amount_field(
        "Cash counted, without the float", "Below zero where more was given back than came in."
    )
    card = amount_field("Total of the card terminal")
    transfer = amount_field("Transfers seen at the bank")
    online = amount_field("Card payments online, less refunds there")
    note = forms.CharField(
        label="About the difference",
        max_length=300,
        required=False,
        help_text="Needed where what was counted differs from what was entered.",
    )

    def __init__(self, *args: Any, methods: Mapping[str, str], **named: Any) -> None:
        super().__init__(*args, **named)
        for method in Method:
            if method.value not in methods:
                del self.fields[method.value]


class PeriodForm(forms.Form):
    first = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label="To", widget=forms.DateInput(attrs={"type": "date"}))


@require_http_methods(["GET", "HEAD", "POST"])
def close_day(request: StaffRequest) -> HttpResponse:
    """What should be there beside what is; the difference is kept and the day closed."""
    today = store.today(request.clinic)
    methods = ledger.methods(request.clinic)
    form = CloseForm(request.POST or None, initial={"on": today.isoformat()}, methods=methods)
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        counted = {method: data.get(method.value, Decimal(0)) for method in Method}
        if attempt(form, actions.close_day, request.user, data["on"], counted, data["note"]):
            messages.success(request, f"{data['on'].day} {data['on']:%b %Y} is closed.")
            return redirect("days")
    on = form.cleaned_data.get("on", today) if form.is_bound else today
    expected = actions.expected_of(request.clinic, on)
    context = {
        "form": form,
        "on": on,
        "expected": _worded(methods, expected),
        "closed": rows_for(request.user, DayClose).last(),
        "today": today,
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/pay/close_day.html", context, status=status)


@require_safe
def days(request: StaffRequest) -> HttpResponse:
    """Revenue by day, what came in by method, and the days that were closed."""
    form, first, last = _period(request)
    currency = request.clinic.currency
    sums = core.by_day(ledger.entries_between(request.clinic, first, last), currency)
    none, methods = nothing(currency), ledger.methods(request.clinic)
    closes = rows_for(request.user, DayClose).filter(on__range=(first, last)).select_related("by")
    context = {
        "form": form,
        "first": first,
        "last": last,
        "methods": methods.values(),
        "days": [(one, _worded(methods, one.takings)) for one in sums],
        "revenue": sum((one.revenue for one in sums), none),
        "held": sum((one.held for one in sums), none),
        "taken": [
            (words, sum((one.takings[Method(name)] for one in sums), none))
            for name, words in methods.items()
        ],
        "closes": [(row, list(_differences(row))) for row in closes.order_by("-on")],
    }
    return render(request, "clinic/pay/days.html", context)


def _worded(methods: Mapping[str, str], moved: Mapping[Method, Money]) -> list[tuple[str, Money]]:
    return [(words, moved[Method(name)]) for name, words in methods.items()]


def _period(request: StaffRequest) -> tuple[PeriodForm, date, date]:
    """The days asked for; the last month where nothing or nothing sensible was asked."""
    today = store.today(request.clinic)
    first = today - timedelta(days=DAYS)
    last = core.first_open_day(today, ledger.closed_until(request.clinic))
    form = PeriodForm(
        request.GET or None, initial={"first": first.isoformat(), "last": last.isoformat()}
    )
    if form.is_bound and form.is_valid():
        if form.cleaned_data["first"] <= form.cleaned_data["last"]:
            return form, form.cleaned_data["first"], form.cleaned_data["last"]
        form.add_error("last", "The last day lies before the first. Choose a later one.")
    return form, first, last


def _differences(row: DayClose) -> Iterator[tuple[str, Money]]:
    """By method, how much too much or too little was counted."""
    for method, words in WORDS.items():
        if more := _more(row, method):
            yield f"{words} {'over' if more > 0 else 'short'}", Money(abs(more), row.currency)


def _more(row: DayClose, method: str) -> Decimal:
    """What was counted less what was expected; a day that was closed before a method was known
    has none of it."""
    return Decimal(row.counted.get(method, 0)) - Decimal(row.expected.get(method, 0))


@require_safe
def ledger_csv(request: StaffRequest) -> HttpResponse:
    """Every entry of a period with debit and credit, for the bookkeeper."""
    _, first, last = _period(request)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="ledger-{first}-{last}.csv"'
    response.write(BOM)
    writer = csv.writer(response, lineterminator="\r\n")
    writer.writerow(HEAD)
    for line in sorted(_lines(request, first, last), key=lambda one: (one[0], one[1], one[2])):
        writer.writerow([cell(value) for value in line])
    return response


def _lines(request: StaffRequest, first: date, last: date) -> Iterator[tuple[Any, ...]]:
    invoices = rows_for(request.user, Invoice).filter(issued_on__range=(first, last))
    for bill in invoices.select_related("course__patient", "by").prefetch_related("lines"):
        total = ledger.total_of(bill)
        yield (
            *(bill.issued_on, "invoice", bill.number, "Invoice", bill.course.patient.number),
            *(bill.course_id, bill.number, "receivable", "revenue", total.amount, bill.currency),
            *(bill.arrangement, bill.by or ""),
        )
    rows = rows_for(request.user, LedgerEntry).filter(on__range=(first, last))
    for row in rows.select_related("course__patient", "invoice", "by"):
        number = row.invoice.number if row.invoice else None
        debit, credit = ledger.entry_of(row, number).postings
        yield (
            *(row.on, row.paper, row.number, row.get_kind_display()),
            *(row.course.patient.number, row.course_id, number or ""),
            *(debit.account.value, credit.account.value, debit.amount.amount, row.currency),
            *(row.reason, row.by or ""),
        )
    closes = rows_for(request.user, DayClose).filter(on__range=(first, last))
    for close in closes.select_related("by"):
        yield from _difference_lines(close)


def _difference_lines(row: DayClose) -> Iterator[tuple[Any, ...]]:
    """What was counted too much or too little goes against an account of its own."""
    for method in Method:
        if more := _more(row, method.value):
            sides = (method.value, "over_and_short")
            debit, credit = sides if more > 0 else sides[::-1]
            yield (
                *(row.on, "close", 0, "Difference when the day was closed", "", "", ""),
                *(debit, credit, abs(more), row.currency, row.note, row.by),
            )


urlpatterns = [
    page("money/close/", close_day, "close_day"),
    page("money/days/", days, "days"),
    page("money/ledger.csv", ledger_csv, "ledger_csv"),
]
