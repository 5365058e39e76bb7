"""Money: what is open, what came in today, an invoice and its payments."""

import secrets
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import DecimalField, F, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enthesis.clinic import documents, estimates, prices, store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import pay as actions
from enthesis.clinic.models import Invoice, InvoiceLine, Payment, Session
from enthesis.clinic.pages import attempt
from enthesis.clinic.permissions import DESK, STAFF, StaffRequest, get_for, page, rows_for
from enthesis.journey import pay
from enthesis.units import Money

MOST_ROWS = 100


class ArrangementForm(forms.Form):
    due_on = forms.DateField(
        label="Due on another day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Payment is due on the day of treatment. Leave empty unless something else was "
        "arranged before.",
    )
    arrangement = forms.CharField(
        label="What was arranged",
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class PaymentForm(forms.Form):
    amount = forms.DecimalField(
        label="Amount",
        max_digits=10,
        decimal_places=2,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    method = forms.ChoiceField(
        label="Paid by", choices=Payment.Method.choices, widget=forms.RadioSelect
    )
    paid_on = forms.DateField(label="Paid on", widget=forms.DateInput(attrs={"type": "date"}))
    request_key = forms.CharField(max_length=40, widget=forms.HiddenInput)


@dataclass(frozen=True)
class Bill:
    """An invoice with what was worked out about it."""

    invoice: Invoice
    total: Money
    paid: Money
    balance: Money
    is_overdue: bool

    @property
    def is_open(self) -> bool:
        return self.balance.amount > 0


def bill_of(invoice: Invoice, today: date) -> Bill:
    """The sums of an invoice; its lines and payments may be prefetched."""
    balance = actions.balance_of(invoice)
    none = Money(Decimal(0), invoice.currency)
    total = sum((Money(line.amount, invoice.currency) for line in invoice.lines.all()), none)
    overdue = pay.is_overdue(balance, invoice.due_on, today)
    return Bill(invoice, total, total - balance, balance, overdue)


def open_bills(invoices: QuerySet[Invoice], today: date) -> list[Bill]:
    """Those not fully paid, the longest due first."""
    rows = (
        invoices.annotate(charged=_sum(InvoiceLine), paid=_sum(Payment))
        # SQLite adds decimals as floating point: ask for a hair more here, decide exactly below.
        .filter(charged__gt=F("paid") - Decimal("0.005"))
        .select_related("course__patient")
        .prefetch_related("lines", "payments")
        .order_by("due_on", "number")
    )
    return [bill for bill in (bill_of(row, today) for row in rows) if bill.is_open]


def _sum(kind: type[InvoiceLine] | type[Payment]) -> Coalesce:
    amounts = DecimalField(max_digits=12, decimal_places=2)
    sums = (
        kind._default_manager.filter(invoice=OuterRef("pk"))
        .order_by()
        .values("invoice")
        .annotate(total=Sum("amount"))
        .values("total")
    )
    return Coalesce(Subquery(sums, output_field=amounts), Value(Decimal(0)), output_field=amounts)


@require_safe
def money(request: StaffRequest) -> HttpResponse:
    """What is open and overdue, what is not yet charged, what came in today."""
    today = store.today(request.clinic)
    bills = open_bills(rows_for(request.user, Invoice), today)
    payments = (
        Payment.objects.filter(invoice__clinic=request.clinic, paid_on=today)
        .select_related("invoice__course__patient", "by")
        .order_by("-id")
    )
    uncharged = (
        rows_for(request.user, Session)
        .filter(signed_at__isnull=False, invoice=None, course__source="")
        .select_related("course__patient")
        .order_by("-on", "-id")
    )
    context = {
        "today": today,
        "overdue": [bill for bill in bills if bill.is_overdue],
        "open": [bill for bill in bills if not bill.is_overdue],
        "owed": _total(bill.balance for bill in bills),
        "payments": payments,
        "received": _total(Money(p.amount, p.invoice.currency) for p in payments),
        "uncharged": uncharged[:MOST_ROWS],
        "uncharged_count": uncharged.count(),
        "may_charge": request.user.role in DESK,
    }
    return render(request, "clinic/pay/money.html", context)


def _total(amounts: Any) -> list[Money]:
    """One sum for each currency."""
    sums: dict[str, Money] = {}
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, amount - amount) + amount
    return list(sums.values())


@require_http_methods(["GET", "HEAD", "POST"])
def make_invoice(request: StaffRequest, session_id: int) -> HttpResponse:
    """What the session costs, then its invoice."""
    session = get_for(request.user, Session, session_id)
    if existing := Invoice.objects.filter(session=session).first():
        return redirect("invoice", existing.pk)
    today = store.today(request.clinic)
    form = ArrangementForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        made = attempt(
            form,
            actions.make_invoice,
            request.user,
            session.pk,
            today,
            due_on=data["due_on"],
            arrangement=data["arrangement"],
        )
        if made:
            return redirect("invoice", made.pk)
    try:
        charges, refusal = actions.charges_of(session), ""
    except Refused as refused:
        charges, refusal = (), refused.message
    estimate = prices.estimate_on(session.course, today)
    coming = _total(charge.amount for charge in charges)
    context = {
        "session": session,
        "form": form,
        "standing": estimates.standing(estimate, today, coming=coming[0])
        if estimate and len(coming) == 1
        else None,
        "charges": charges,
        "total": coming,
        "refusal": refusal,
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/pay/make_invoice.html", context, status=status)


@require_safe
def invoice(request: StaffRequest, invoice_id: int) -> HttpResponse:
    """One invoice, as it is printed, with its payments."""
    return _invoice_page(request, get_for(request.user, Invoice, invoice_id))


def _invoice_page(
    request: StaffRequest, row: Invoice, form: PaymentForm | None = None
) -> HttpResponse:
    today = store.today(request.clinic)
    bill = bill_of(row, today)
    if form is None and bill.is_open and request.user.role in DESK:
        form = PaymentForm(
            initial={
                "amount": bill.balance.amount,
                "paid_on": today.isoformat(),
                "request_key": secrets.token_urlsafe(16),
            }
        )
    context = {"bill": bill, "form": form, **documents.invoice_context(row)}
    status = 422 if form and form.errors else 200
    return render(request, "clinic/pay/invoice.html", context, status=status)


@require_safe
def invoice_paper(request: StaffRequest, invoice_id: int) -> HttpResponse:
    """An invoice as PDF, in the patient's language."""
    row = get_for(request.user, Invoice, invoice_id)
    language = row.course.patient.language
    bill = bill_of(row, store.today(request.clinic))
    context = {"bill": bill, **documents.invoice_context(row, language)}
    return documents.answer(f"invoice-{row.number}", "invoice", context, language)


@require_safe
def receipt_paper(request: StaffRequest, payment_id: int) -> HttpResponse:
    """A receipt as PDF, in the patient's language."""
    row = get_for(request.user, Payment, payment_id)
    language = row.invoice.course.patient.language
    name = f"receipt-{row.invoice.number}-{row.pk}"
    return documents.answer(name, "receipt", documents.receipt_context(row, language), language)


@require_POST
def pay_invoice(request: StaffRequest, invoice_id: int) -> HttpResponse:
    """Record a payment and show the invoice again."""
    row = get_for(request.user, Invoice, invoice_id)
    form = PaymentForm(request.POST)
    if form.is_valid():
        data = form.cleaned_data
        made = attempt(
            form,
            actions.record_payment,
            request.user,
            row.pk,
            data["amount"],
            data["method"],
            data["paid_on"],
            data["request_key"],
        )
        if made:
            messages.success(request, "Payment recorded.")
            return redirect("invoice", row.pk)
    return _invoice_page(request, row, form)


urlpatterns = [
    page("money/", money, "money", STAFF),
    page("sessions/<int:session_id>/invoice/", make_invoice, "make_invoice", DESK),
    page("invoices/<int:invoice_id>/", invoice, "invoice", STAFF),
    page("invoices/<int:invoice_id>/paper/", invoice_paper, "invoice_paper", STAFF),
    page("payments/<int:payment_id>/receipt/", receipt_paper, "receipt_paper", STAFF),
    page("invoices/<int:invoice_id>/pay/", pay_invoice, "pay", DESK),
]
