"""The books of a clinic: reads rows of invoices and entries, asks the core what they say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.conf import settings
from django.db.models import (
    Case,
    F,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from enthesis import records
from enthesis.clinic import columns, store
from enthesis.clinic.models import (
    Arrangement,
    Clinic,
    Course,
    DayClose,
    Invoice,
    InvoiceLine,
    LedgerEntry,
)
from enthesis.journey import course as steps
from enthesis.journey import enter, instalments, ledger
from enthesis.journey.course import Phase
from enthesis.journey.instalments import Part
from enthesis.journey.ledger import Entry, Kind, Method, SeriesLeft
from enthesis.units import Money

_SIZE = columns.DecimalField(max_digits=12, decimal_places=2)


@dataclass(frozen=True)
class Bill:
    """An invoice with what was worked out about it. `balance` below zero is owed to the patient."""

    invoice: Invoice
    total: Money
    credited: Money
    paid: Money
    balance: Money
    overdue: Money
    parts: tuple[Part, ...]

    @property
    def is_open(self) -> bool:
        return self.balance.amount > 0

    @property
    def is_overdue(self) -> bool:
        return self.overdue.amount > 0

    @property
    def too_much(self) -> Money:
        """What can be refunded."""
        return max(-self.balance, ledger.nothing(self.balance.currency))


def money_of(amount: str, currency: str) -> Money:
    """An amount as it is kept in text."""
    return Money(Decimal(amount), currency)


def methods(clinic: Clinic) -> dict[str, str]:
    """How money can come and go; card payments online only where the clinic takes or took them."""
    online = LedgerEntry.Method.ONLINE
    took = settings.CARD or LedgerEntry.objects.filter(clinic=clinic, method=online).exists()
    return {
        str(value): str(label)
        for value, label in LedgerEntry.Method.choices
        if value != online or took
    }


def total_of(invoice: Invoice) -> Money:
    """What was charged; the lines may be prefetched."""
    return Money(sum((line.amount for line in invoice.lines.all()), Decimal(0)), invoice.currency)


def entry_of(row: LedgerEntry, number: int | None, about: str = "") -> Entry:
    """A row as the core reads it: `number` of its invoice, `about` the key of an earlier entry."""
    return Entry(
        kind=Kind(row.kind),
        on=row.on,
        amount=Money(row.amount, row.currency),
        key=row.request_key,
        method=Method(row.method) if row.method else None,
        invoice=number,
        about=about,
        sessions=row.sessions,
        reason=row.reason,
    )


def book_of(course: Course) -> list[Entry]:
    """The whole book of a course: its invoices, then everything else in the order of entering."""
    invoices = list(course.invoices.prefetch_related("lines"))
    return [*_charges(invoices), *_entries(list(course.entries.all()), invoices)]


def _entries(rows: list[LedgerEntry], invoices: Iterable[Invoice] = ()) -> list[Entry]:
    """All entries of a course as the core reads them."""
    numbers = {row.pk: row.number for row in invoices}
    keys = {row.pk: row.request_key for row in rows}
    return [
        entry_of(row, numbers.get(row.invoice_id or 0), keys.get(row.about_id or 0, ""))
        for row in rows
    ]


def _charges(invoices: Iterable[Invoice]) -> list[Entry]:
    """The invoices as entries; one without a line charges nothing."""
    totals = ((row, total_of(row)) for row in invoices)
    return [
        enter.invoice(row.number, total, row.issued_on) for row, total in totals if total.amount > 0
    ]


def bill_of(invoice: Invoice, today: date) -> Bill:
    """The sums of an invoice; its lines and entries may be prefetched."""
    total, number, currency = total_of(invoice), invoice.number, invoice.currency
    own = [entry_of(row, number) for row in invoice.entries.all()]
    book = [*_charges([invoice]), *own]
    balance = ledger.owed(book, number, currency)
    credited = total - ledger.charged(book, number, currency)
    parts = parts_of(invoice, total)
    return Bill(
        invoice,
        total,
        credited,
        total - credited - balance,
        balance,
        instalments.overdue(parts, total, balance, today),
        parts,
    )


def parts_of(invoice: Invoice, total: Money) -> tuple[Part, ...]:
    """When an invoice is due: in its parts, or whole on its day."""
    if invoice.parts:
        return read_parts(invoice.parts, invoice.currency)
    return (Part(invoice.due_on, total),)


def read_parts(plain: Iterable[Mapping[str, str]], currency: str) -> tuple[Part, ...]:
    """Parts as they are kept in a row."""
    return tuple(
        Part(date.fromisoformat(one["due_on"]), Money(Decimal(one["amount"]), currency))
        for one in plain
    )


def plain_parts(parts: Iterable[Part]) -> list[dict[str, str]]:
    """Parts as they are kept in a row: days and exact amounts as text."""
    return [{"due_on": str(one.due_on), "amount": str(one.amount.amount)} for one in parts]


def open_bills(invoices: QuerySet[Invoice], today: date) -> list[Bill]:
    """Those not fully paid, the longest due first."""
    out = When(kind__in=(Kind.REFUND, Kind.TAKEN_BACK), then=-F("amount"))
    less = Case(out, default=F("amount"), output_field=_SIZE)
    rows = (
        invoices.annotate(charged=_sum(InvoiceLine, F("amount")), less=_sum(LedgerEntry, less))
        # SQLite adds decimals as floating point: half of what can be owed parts the paid from the
        # open; exact sums are made below, of the open ones only.
        .filter(charged__gt=F("less") + Decimal("0.005"))
        .select_related("course__patient")
        .prefetch_related("lines", "entries")
        .order_by("due_on", "number")
    )
    return [bill for bill in (bill_of(row, today) for row in rows) if bill.is_open]


def _sum(kind: type[InvoiceLine] | type[LedgerEntry], amount: Case | F) -> Coalesce:
    sums = (
        kind._default_manager.filter(invoice=OuterRef("pk"))
        .order_by()
        .values("invoice")
        .annotate(total=Sum(amount, output_field=_SIZE))
        .values("total")
    )
    return Coalesce(Subquery(sums, output_field=_SIZE), Value(Decimal(0)), output_field=_SIZE)


def entries_between(clinic: Clinic, first: date, last: date) -> list[Entry]:
    """All that happened in a clinic from the first to the last day, both included."""
    invoices = Invoice.objects.filter(clinic=clinic, issued_on__range=(first, last))
    rows = LedgerEntry.objects.filter(clinic=clinic, on__range=(first, last))
    return [
        *_charges(invoices.prefetch_related("lines")),
        *(entry_of(row, row.invoice_id) for row in rows),
    ]


def closed_until(clinic: Clinic) -> date | None:
    """The last day that was closed: it and all before it take no more entries."""
    last = DayClose.objects.filter(clinic=clinic).order_by("-on").first()
    return last.on if last else None


def standing_arrangement(course: Course) -> Arrangement | None:
    """The arrangement last made."""
    return course.arrangements.order_by("-id").first()


@dataclass(frozen=True)
class Ahead:
    """What a patient paid ahead for a course. `ended`: the series is over, so that the unused
    sessions, of the entries in `series`, are to be offered back."""

    deposit: Money
    series: list[tuple[LedgerEntry, SeriesLeft]]
    ended: bool


def ahead(course: Course, record: records.Course) -> Ahead:
    """What is held for a course; `record` is the course as the core reads it."""
    rows = list(course.entries.all())
    book, sold = _entries(rows), {row.request_key: row for row in rows}
    return Ahead(
        ledger.deposit_held(book, course.patient.clinic.currency),
        [(sold[left.key], left) for left in ledger.series_left(book)],
        _has_ended(record),
    )


def _has_ended(record: records.Course) -> bool:
    return steps.phase(record) in (Phase.FOLLOWING, Phase.REFERRED, Phase.CLOSED)


def to_give_back(clinic: Clinic) -> list[tuple[Course, Money]]:
    """What the clinic owes its patients, by course: bills that were paid too much and, once the
    series has ended, what was paid ahead and not used. In the currency of the clinic."""
    kinds = (Kind.SERIES, Kind.DEPOSIT, Kind.CREDIT_NOTE)
    moved = LedgerEntry.objects.filter(clinic=clinic, kind__in=kinds, currency=clinic.currency)
    rows = Course.objects.filter(pk__in=moved.values("course")).select_related("patient__clinic")
    found = [
        (row, too_much, ahead)
        for row in rows.prefetch_related("entries", "invoices__lines").order_by("patient__family")
        for too_much, ahead in [_owed_back(row, clinic.currency)]
        if too_much.amount or ahead.amount
    ]
    # Few are left by now: only of these it matters whether the series goes on.
    ended = map(_has_ended, store.course_outlines([row for row, *_ in found]))
    owed = [
        (row, too_much + ahead if is_over else too_much)
        for (row, too_much, ahead), is_over in zip(found, ended, strict=True)
    ]
    return [(row, money) for row, money in owed if money.amount]


def _owed_back(course: Course, currency: str) -> tuple[Money, Money]:
    """What was paid too much of the bills of a course, and what is left of what was paid ahead."""
    none = ledger.nothing(currency)
    invoices = [row for row in course.invoices.all() if row.currency == currency]
    entries = [row for row in course.entries.all() if row.currency == currency]
    book = [*_charges(invoices), *_entries(entries, invoices)]
    too_much = (max(-ledger.owed(book, row.number, currency), none) for row in invoices)
    unused = (left.amount for left in ledger.series_left(book))
    return sum(too_much, none), sum(unused, ledger.deposit_held(book, currency))
