"""The money of one course: its balance, its entries, and one page for each thing to enter."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enthesis.clinic import ledger, store
from enthesis.clinic.actions import Refused
from enthesis.clinic.actions import ledger as actions
from enthesis.clinic.actions.answer import make_statement_link
from enthesis.clinic.models import Course, Invoice, LedgerEntry
from enthesis.clinic.pages import attempt
from enthesis.clinic.pages.ask import personal_address
from enthesis.clinic.permissions import StaffRequest, get_for, may, page
from enthesis.clinic.sender import is_local
from enthesis.clinic.sending import key_of
from enthesis.journey.day_close import first_open_day
from enthesis.journey.instalments import next_due
from enthesis.journey.ledger import nothing
from enthesis.units import Money, money_words

DAY = forms.DateInput(attrs={"type": "date"})


def amount_field(label: str, help_text: str = "") -> forms.DecimalField:
    """An amount of money to type: our pages show $1,500, so who types it so is told how."""
    return forms.DecimalField(
        label=label,
        help_text=help_text,
        max_digits=10,
        decimal_places=2,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        error_messages={
            "required": "Write an amount.",
            "invalid": "Write it in digits, cents after a point and no comma: 1500 or 1500.50.",
        },
    )


def method_field(label: str) -> forms.ChoiceField:
    """How money came or went."""
    return forms.ChoiceField(
        label=label,
        choices=LedgerEntry.Method.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose how the money came or went."},
    )


def choose_method(field: forms.Field, request: StaffRequest) -> None:
    """Offer how money comes and goes in this clinic."""
    if isinstance(field, forms.ChoiceField):
        field.choices = list(ledger.methods(request.clinic).items())


def _whole(label: str, most: int) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, max_value=most, widget=forms.TextInput(attrs={"inputmode": "numeric"})
    )


class DepositForm(forms.Form):
    amount = amount_field("Amount")
    method = method_field("Paid by")
    on = forms.DateField(label="Paid on", widget=DAY)


class SeriesForm(forms.Form):
    sessions = _whole("Sessions", 30)
    amount = amount_field("Price of all of them together")
    method = method_field("Paid by")
    on = forms.DateField(label="Paid on", widget=DAY)


class BackForm(forms.Form):
    method = method_field("Given back by")
    reason = forms.CharField(label="Why", max_length=300)
    on = forms.DateField(label="Given back on", widget=DAY)


class AmountBackForm(forms.Form):
    amount = amount_field("Amount")
    method = method_field("Given back by")
    reason = forms.CharField(label="Why", max_length=300)
    on = forms.DateField(label="Given back on", widget=DAY)


class CreditForm(forms.Form):
    amount = amount_field("Amount that need not be paid")
    reason = forms.CharField(label="Why", max_length=300)
    on = forms.DateField(label="Day", widget=DAY)


class MistakeForm(forms.Form):
    reason = forms.CharField(label="Why", max_length=300)
    on = forms.DateField(label="Day", widget=DAY)


class UseDepositForm(forms.Form):
    amount = amount_field("Amount")
    on = forms.DateField(label="Day", widget=DAY)


class InstalmentsForm(forms.Form):
    amount = amount_field("Amount to be paid in parts")
    parts = _whole("Parts", 24)
    first_on = forms.DateField(label="The first is due on", widget=DAY)
    every_days = _whole("Days between two parts", 366)


@dataclass(frozen=True)
class Page:
    """One thing to enter: what the page says, and what it starts with."""

    title: str
    button: str
    said: str
    form: type[forms.Form]
    help: str = ""


@require_safe
def course_money(request: StaffRequest, course_id: int) -> HttpResponse:
    """What a course costs, what was paid, what is held and what is to be done."""
    return _course_page(request, get_for(request.user, Course, course_id))


def _course_page(request: StaffRequest, course: Course, address: str = "") -> HttpResponse:
    today = store.today(request.clinic)
    entries = course.entries.select_related("invoice", "by").order_by("-on", "-id")
    context = {
        **standing(course),
        "course": course,
        "person": course.patient,
        "today": today,
        "ahead": ledger.ahead(course, store.course_record(course)),
        "entries": entries,
        "uncharged": [] if course.source else course.sessions.exclude(signed_at=None).filter(
            invoice=None
        ),
        "may_charge": may(request.user, "deposit"),
        "address": address,
        "only_here": is_local(address),
    }  # fmt: skip
    return render(request, "clinic/pay/course_money.html", context)


def standing(course: Course) -> dict[str, Any]:
    """What the desk and the patient read alike: bills, balance, and what is due next."""
    clinic = course.patient.clinic
    today, currency = store.today(clinic), clinic.currency
    rows = course.invoices.select_related("session").prefetch_related("lines", "entries")
    bills = [ledger.bill_of(row, today) for row in rows]
    none = nothing(currency)
    own = [bill for bill in bills if bill.total.currency == currency]
    arrangement = ledger.standing_arrangement(course)
    coming = [part for bill in own if bill.is_open for part in bill.parts if part.due_on >= today]
    return {
        "bills": bills,
        "charged": sum((bill.total - bill.credited for bill in own), none),
        "paid": sum((bill.paid for bill in own), none),
        "owed": sum((bill.balance for bill in own if bill.is_open), none),
        "too_much": sum((bill.too_much for bill in own), none),
        "overdue": sum((bill.overdue for bill in own), none),
        "next_due": next_due(sorted(coming, key=lambda part: part.due_on), today),
        "arrangement": arrangement,
        "arranged": ledger.read_parts(arrangement.parts, arrangement.currency)
        if arrangement
        else (),
    }


def _enter(
    request: StaffRequest,
    course: Course,
    told: Page,
    make: Callable[[forms.Form, dict[str, Any]], object],
    initial: dict[str, Any],
    back: str = "",
) -> HttpResponse:
    """Show the form; once it is in order, enter it and go back to where the money is."""
    back = back or reverse("course_money", args=[course.pk])
    on = first_open_day(store.today(request.clinic), ledger.closed_until(request.clinic))
    start = {"on": on.isoformat()} | initial
    form = told.form(request.POST if request.method == "POST" else None, initial=start)
    if (method := form.fields.get("method")) is not None:
        choose_method(method, request)
    if form.is_bound and form.is_valid() and make(form, form.cleaned_data):
        messages.success(request, told.said)
        return redirect(back)
    context = {
        "page": told,
        "form": form,
        "person": course.patient,
        "back": back,
        "currency": request.clinic.currency,
    }
    status = 422 if form.errors else 200
    return render(request, "clinic/pay/enter.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def deposit(request: StaffRequest, course_id: int) -> HttpResponse:
    """Take a deposit."""
    course = get_for(request.user, Course, course_id)

    def make(form: forms.Form, data: dict[str, Any]) -> object:
        return attempt(
            form, actions.take_deposit, request.user, course.pk,
            data["amount"], data["method"], data["on"], key_of(request),
        )  # fmt: skip

    told = Page(
        "Take a deposit", "Record deposit", "Deposit recorded.", DepositForm,
        "It stays the patient's money until it pays an invoice.",
    )  # fmt: skip
    return _enter(request, course, told, make, {})


@require_http_methods(["GET", "HEAD", "POST"])
def sell_series(request: StaffRequest, course_id: int) -> HttpResponse:
    """Sell a prepaid series."""
    course = get_for(request.user, Course, course_id)

    def make(form: forms.Form, data: dict[str, Any]) -> object:
        return attempt(
            form, actions.sell_series, request.user, course.pk,
            data["sessions"], data["amount"], data["method"], data["on"], key_of(request),
        )  # fmt: skip

    told = Page(
        "Sell a prepaid series", "Record series", "Series recorded.", SeriesForm,
        "Each session takes an equal share, to the cent; the last takes what does not divide. If "
        "the series ends early, the unused sessions go back at the same share.",
    )  # fmt: skip
    plan = store.course_record(course).plan
    initial: dict[str, Any] = {}
    if plan is not None and plan.price_per_session.currency == request.clinic.currency:
        sessions = plan.sessions_max
        initial = {"sessions": sessions, "amount": (plan.price_per_session * sessions).amount}
    return _enter(request, course, told, make, initial)


@require_http_methods(["GET", "HEAD", "POST"])
def instalments(request: StaffRequest, course_id: int) -> HttpResponse:
    """Arrange payment in parts."""
    course = get_for(request.user, Course, course_id)

    def make(form: forms.Form, data: dict[str, Any]) -> object:
        return attempt(
            form, actions.arrange, request.user, course.pk, data["amount"], data["parts"],
            data["first_on"], data["every_days"], key_of(request),
        )  # fmt: skip

    told = Page(
        "Arrange instalments", "Record arrangement", "Arrangement recorded.", InstalmentsForm,
        "For the sessions from now on. What was given before is due already. The last part takes "
        "what does not divide.",
    )  # fmt: skip
    first = store.today(request.clinic).isoformat()
    return _enter(request, course, told, make, {"parts": 3, "every_days": 30, "first_on": first})


@require_http_methods(["GET", "HEAD", "POST"])
def give_back_deposit(request: StaffRequest, course_id: int) -> HttpResponse:
    """Give back a deposit."""
    course = get_for(request.user, Course, course_id)
    held = ledger.ahead(course, store.course_record(course)).deposit

    def make(form: forms.Form, data: dict[str, Any]) -> object:
        return attempt(
            form, actions.give_back_deposit, request.user, course.pk, data["amount"],
            data["method"], data["reason"], data["on"], key_of(request),
        )  # fmt: skip

    told = Page(
        "Give back the deposit", "Record refund", "Refund recorded.", AmountBackForm,
        f"The deposit held is {money_words(held)}.",
    )  # fmt: skip
    return _enter(request, course, told, make, {"amount": held.amount})


@require_http_methods(["GET", "HEAD", "POST"])
def give_back_unused(request: StaffRequest, entry_id: int) -> HttpResponse:
    """Give back all sessions of a prepaid series that were not given."""
    series = get_for(request.user, LedgerEntry, entry_id)
    course = series.course
    held = ledger.ahead(course, store.course_record(course))
    left = next((left for row, left in held.series if row.pk == series.pk), None)
    if series.kind != LedgerEntry.Kind.SERIES:
        return redirect("course_money", course.pk)

    def make(form: forms.Form, data: dict[str, Any]) -> object:
        return attempt(
            form, actions.give_back_unused, request.user, series.pk,
            data["method"], data["reason"], data["on"], key_of(request),
        )  # fmt: skip

    count = left.sessions if left else 0
    amount = left.amount if left else Money(series.amount * 0, series.currency)
    told = Page(
        f"Give back {count} unused session{'' if count == 1 else 's'}",
        f"Give back {money_words(amount)}",
        "Unused sessions given back.",
        BackForm,
        f"{count} of {series.sessions} prepaid sessions were not given: {money_words(amount)}.",
    )
    reason = "The series ended before all sessions were given." if held.ended else ""
    return _enter(request, course, told, make, {"reason": reason, "method": series.method})


@require_http_methods(["GET", "HEAD", "POST"])
def credit(request: StaffRequest, invoice_id: int) -> HttpResponse:
    """Write a credit note."""
    invoice = get_for(request.user, Invoice, invoice_id)

    def make(form: forms.Form, data: dict[str, Any]) -> object:
        return attempt(
            form, actions.credit_invoice, request.user, invoice.pk,
            data["amount"], data["reason"], data["on"], key_of(request),
        )  # fmt: skip

    told = Page(
        f"Credit note for invoice {invoice.number}", "Write credit note", "Credit note written.",
        CreditForm, "The invoice stays as it is; the credit note says what need not be paid.",
    )  # fmt: skip
    return _enter(request, invoice.course, told, make, {}, reverse("invoice", args=[invoice.pk]))


@require_http_methods(["GET", "HEAD", "POST"])
def refund(request: StaffRequest, invoice_id: int) -> HttpResponse:
    """Give back what was paid too much of an invoice."""
    invoice = get_for(request.user, Invoice, invoice_id)
    too_much = ledger.bill_of(invoice, store.today(request.clinic)).too_much

    def make(form: forms.Form, data: dict[str, Any]) -> object:
        return attempt(
            form, actions.refund_invoice, request.user, invoice.pk, data["amount"],
            data["method"], data["reason"], data["on"], key_of(request),
        )  # fmt: skip

    told = Page(
        f"Refund of invoice {invoice.number}", "Record refund", "Refund recorded.", AmountBackForm,
        f"Paid too much: {money_words(too_much)}.",
    )  # fmt: skip
    back = reverse("invoice", args=[invoice.pk])
    return _enter(request, invoice.course, told, make, {"amount": too_much.amount}, back)


@require_http_methods(["GET", "HEAD", "POST"])
def take_back(request: StaffRequest, entry_id: int) -> HttpResponse:
    """Take back a payment that was entered by mistake."""
    payment = get_for(request.user, LedgerEntry, entry_id)
    if payment.invoice is None or payment.kind != LedgerEntry.Kind.PAYMENT:
        return redirect("course_money", payment.course_id)

    def make(form: forms.Form, data: dict[str, Any]) -> object:
        return attempt(
            form, actions.take_payment_back, request.user, payment.pk,
            data["reason"], data["on"], key_of(request),
        )  # fmt: skip

    amount = money_words(Money(payment.amount, payment.currency))
    told = Page(
        f"Take back the payment of {amount}", "Take it back", "Payment taken back.", MistakeForm,
        f"For what was entered by mistake: {amount}, {payment.get_method_display().lower()}, "
        f"receipt {payment.number}. The invoice is open again. For money that the patient gets "
        "back, write a credit note and a refund.",
    )  # fmt: skip
    back = reverse("invoice", args=[payment.invoice_id])
    return _enter(request, payment.course, told, make, {}, back)


@require_http_methods(["GET", "HEAD", "POST"])
def use_deposit(request: StaffRequest, invoice_id: int) -> HttpResponse:
    """Pay an invoice from the deposit."""
    invoice = get_for(request.user, Invoice, invoice_id)
    held = ledger.ahead(invoice.course, store.course_record(invoice.course)).deposit
    owed = ledger.bill_of(invoice, store.today(request.clinic)).balance

    def make(form: forms.Form, data: dict[str, Any]) -> object:
        return attempt(
            form, actions.use_deposit, request.user, invoice.pk,
            data["amount"], data["on"], key_of(request),
        )  # fmt: skip

    told = Page(
        f"Pay invoice {invoice.number} from the deposit", "Use deposit", "Deposit used.",
        UseDepositForm, f"{money_words(owed)} is open, {money_words(held)} is held.",
    )  # fmt: skip
    initial = {"amount": max(min(owed.amount, held.amount), 0)}
    back = reverse("invoice", args=[invoice.pk])
    return _enter(request, invoice.course, told, make, initial, back)


@require_POST
def statement_link(request: StaffRequest, course_id: int) -> HttpResponse:
    """Make the address of the patient's statement; it is shown once."""
    course = get_for(request.user, Course, course_id)
    try:
        _, token = make_statement_link(request.user, course.pk)
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("course_money", course.pk)
    return _course_page(request, course, personal_address(request, token))


urlpatterns = [
    page("courses/<int:course_id>/money/", course_money, "course_money"),
    page("courses/<int:course_id>/money/deposit/", deposit, "deposit"),
    page("courses/<int:course_id>/money/series/", sell_series, "sell_series"),
    page("courses/<int:course_id>/money/instalments/", instalments, "instalments"),
    page("courses/<int:course_id>/money/give-back/", give_back_deposit, "deposit_back"),
    page("courses/<int:course_id>/money/link/", statement_link, "statement_link"),
    page("money/series/<int:entry_id>/give-back/", give_back_unused, "unused_back"),
    page("money/entries/<int:entry_id>/take-back/", take_back, "take_back"),
    page("invoices/<int:invoice_id>/credit/", credit, "credit"),
    page("invoices/<int:invoice_id>/refund/", refund, "refund"),
    page("invoices/<int:invoice_id>/use-deposit/", use_deposit, "use_deposit"),
]
