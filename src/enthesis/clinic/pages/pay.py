"""Money: what is open, what came in today, an invoice and its payments."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enthesis.clinic import documents, estimates, ledger, prices, store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import ledger as entries
from enthesis.clinic.actions import pay as actions
from enthesis.clinic.ledger import bill_of, open_bills
from enthesis.clinic.models import CardProblem, DayClose, Invoice, LedgerEntry, Session
from enthesis.clinic.pages import attempt
from enthesis.clinic.pages.ledger import amount_field, method_field
from enthesis.clinic.permissions import StaffRequest, get_for, may, page, rows_for
from enthesis.clinic.sending import key_of
from enthesis.journey.day_close import first_open_day
from enthesis.journey.ledger import Kind, deposit_held, goes_out
from enthesis.units import Money

MOST_ROWS = 100


class ArrangementForm(forms.Form):
    prepaid = forms.ChoiceField(
        label="How it is paid",
        choices=[("yes", "Take a prepaid session"), ("no", "Charge the agreed price")],
        widget=forms.RadioSelect,
        required=False,
    )
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
    def __init__(self, *args: Any, methods: dict[str, str], **named: Any) -> None:
        super().__init__(*args, **named)
        self.fields["method"].choices = list(methods.items())  # type: ignore[attr-defined]

    amount = amount_field("Amount")
    method = method_field("Paid by")
    on = forms.DateField(label="Paid on", widget=forms.DateInput(attrs={"type": "date"}))


@require_safe
def money(request: StaffRequest) -> HttpResponse:
    """What is open and overdue, not yet charged, to be given back, and what came in today."""
    today = store.today(request.clinic)
    bills = open_bills(rows_for(request.user, Invoice), today)
    moved = (
        rows_for(request.user, LedgerEntry)
        .filter(on=today)
        .exclude(method="")
        .select_related("course__patient", "by")
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
        "moved": [(row, signed(row)) for row in moved],
        "received": _total(signed(row) for row in moved),
        "to_give_back": ledger.to_give_back(request.clinic),
        "closed": rows_for(request.user, DayClose).last(),
        "problems": rows_for(request.user, CardProblem)
        .filter(settled_at=None)
        .select_related("invoice__course__patient"),
        "uncharged": uncharged[:MOST_ROWS],
        "uncharged_count": uncharged.count(),
        "may_charge": may(request.user, "make_invoice"),
    }
    return render(request, "clinic/pay/money.html", context)


def signed(row: LedgerEntry) -> Money:
    """What an entry brought in; below zero what it gave back."""
    money = Money(row.amount, row.currency)
    return -money if goes_out(Kind(row.kind)) else money


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
    left = actions.prepaid_left(session)
    sent = request.POST if request.method == "POST" else None
    form = ArrangementForm(sent, initial={"prepaid": "yes"})
    form.fields["prepaid"].required = left is not None
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
            prepaid=data["prepaid"] == "yes",
        )
        if made:
            return redirect("invoice", made.pk)
    try:
        charges, refusal = actions.charges_of(session), ""
        prepaid = actions.prepaid_charges(session)[0] if left else None
    except Refused as refused:
        charges, refusal, prepaid = (), refused.message, None
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
        "prepaid": prepaid,
        "left": left,
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
    may_charge = may(request.user, "pay")
    if form is None and bill.is_open and may_charge:
        on = first_open_day(today, ledger.closed_until(request.clinic))
        form = PaymentForm(
            methods=ledger.methods(request.clinic),
            initial={"amount": bill.balance.amount, "on": on.isoformat()},
        )
    context = {
        "bill": bill,
        "form": form,
        "mistakable": row.entries.filter(kind=LedgerEntry.Kind.PAYMENT, later=None),
        "held": deposit_held(ledger.book_of(row.course), row.currency),
        "may_charge": may_charge,
        **documents.invoice_context(row),
    }
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
    row = get_for(request.user, LedgerEntry, payment_id)
    if row.paper != "receipt":
        raise Http404(f"No receipt: {payment_id}")
    language = row.course.patient.language
    name = f"receipt-{row.number}"
    return documents.answer(name, "receipt", documents.receipt_context(row, language), language)


@require_POST
def pay_invoice(request: StaffRequest, invoice_id: int) -> HttpResponse:
    """Record a payment and show the invoice again."""
    row = get_for(request.user, Invoice, invoice_id)
    form = PaymentForm(request.POST, methods=ledger.methods(request.clinic))
    if form.is_valid():
        data = form.cleaned_data
        made = attempt(
            form,
            entries.record_payment,
            request.user,
            row.pk,
            data["amount"],
            data["method"],
            data["on"],
            key_of(request),
        )
        if made:
            messages.success(request, "Payment recorded.")
            return redirect("invoice", row.pk)
    return _invoice_page(request, row, form)


urlpatterns = [
    page("money/", money, "money"),
    page("sessions/<int:session_id>/invoice/", make_invoice, "make_invoice"),
    page("invoices/<int:invoice_id>/", invoice, "invoice"),
    page("invoices/<int:invoice_id>/paper/", invoice_paper, "invoice_paper"),
    page("payments/<int:payment_id>/receipt/", receipt_paper, "receipt_paper"),
    page("invoices/<int:invoice_id>/pay/", pay_invoice, "pay"),
]
