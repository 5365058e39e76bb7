"""Money ahead, prepaid series, credit notes, refunds, arrangements: entries are only ever added."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Max

from enthesis.clinic import audit, ledger, store
from enthesis.clinic.actions import Refused, hold_clinic, save
from enthesis.clinic.models import Arrangement, Clinic, Course, Invoice, LedgerEntry, User
from enthesis.clinic.permissions import get_for
from enthesis.journey import day_close, enter, instalments
from enthesis.journey.ledger import PAPERS, Book, Entry, LedgerError, Method
from enthesis.units import Money

GATEWAY = "card gateway"
"""Who did it, in the audit, where nobody signed in."""


@transaction.atomic
def take_deposit(
    user: User, course_id: int, amount: Decimal, method: str, on: date, key: str
) -> LedgerEntry:
    """Money ahead for a course; it is the patient's until it pays an invoice or goes back."""

    def make(book: Book, money: Callable[[Decimal], Money]) -> Entry:
        return enter.deposit(book, money(amount), Method(method), on, key)

    return _add(user, "take_deposit", get_for(user, Course, course_id), key, make)


@transaction.atomic
def sell_series(
    user: User, course_id: int, sessions: int, price: Decimal, method: str, on: date, key: str
) -> LedgerEntry:
    """Sessions paid ahead for one price."""

    def make(book: Book, money: Callable[[Decimal], Money]) -> Entry:
        return enter.sell_series(book, sessions, money(price), Method(method), on, key)

    return _add(user, "sell_series", get_for(user, Course, course_id), key, make)


@transaction.atomic
def give_back_unused(
    user: User, series_id: int, method: str, reason: str, on: date, key: str
) -> LedgerEntry:
    """All sessions of a prepaid series that were not given go back, in one entry."""
    series = get_for(user, LedgerEntry, series_id)

    def make(book: Book, money: Callable[[Decimal], Money]) -> Entry:
        return enter.give_back_unused(book, series.request_key, Method(method), reason, on, key)

    return _add(user, "give_back_unused", series.course, key, make)


@transaction.atomic
def give_back_deposit(
    user: User, course_id: int, amount: Decimal, method: str, reason: str, on: date, key: str
) -> LedgerEntry:
    """A deposit, or a part of it, goes back."""

    def make(book: Book, money: Callable[[Decimal], Money]) -> Entry:
        return enter.give_back_deposit(book, money(amount), Method(method), reason, on, key)

    return _add(user, "give_back_deposit", get_for(user, Course, course_id), key, make)


@transaction.atomic
def use_deposit(user: User, invoice_id: int, amount: Decimal, on: date, key: str) -> LedgerEntry:
    """The deposit held pays an invoice."""
    invoice = get_for(user, Invoice, invoice_id)

    def make(book: Book, money: Callable[[Decimal], Money]) -> Entry:
        return enter.use_deposit(book, invoice.number, money(amount), on, key)

    return _add(user, "use_deposit", invoice.course, key, make, invoice)


@transaction.atomic
def record_payment(
    user: User, invoice_id: int, amount: Decimal, method: str, on: date, key: str
) -> LedgerEntry:
    """Money for an invoice. Refused above the balance, below the smallest coin, on a day that is
    closed or to come."""
    invoice = get_for(user, Invoice, invoice_id)

    def make(book: Book, money: Callable[[Decimal], Money]) -> Entry:
        return enter.pay(book, invoice.number, money(amount), Method(method), on, key)

    return _add(user, "record_payment", invoice.course, key, make, invoice)


@transaction.atomic
def take_card_payment(invoice: Invoice, amount: Money, key: str) -> LedgerEntry:
    """What a patient paid for an invoice on the gateway's page, on the first day that is open.

    Refused above the balance: the patient paid twice, or at the desk meanwhile.
    """
    clinic = hold_clinic(invoice)
    on = day_close.first_open_day(store.today(clinic), ledger.closed_until(clinic))

    def make(book: Book, money: Callable[[Decimal], Money]) -> Entry:
        return enter.pay(book, invoice.number, amount, Method.ONLINE, on, key)

    return _add(None, "take_card_payment", invoice.course, key, make, invoice)


@transaction.atomic
def credit_invoice(
    user: User, invoice_id: int, amount: Decimal, reason: str, on: date, key: str
) -> LedgerEntry:
    """An invoice asks for less, with a reason."""
    invoice = get_for(user, Invoice, invoice_id)

    def make(book: Book, money: Callable[[Decimal], Money]) -> Entry:
        return enter.credit(book, invoice.number, money(amount), reason, on, key)

    return _add(user, "credit_invoice", invoice.course, key, make, invoice)


@transaction.atomic
def refund_invoice(
    user: User, invoice_id: int, amount: Decimal, method: str, reason: str, on: date, key: str
) -> LedgerEntry:
    """What was paid too much of an invoice goes back."""
    invoice = get_for(user, Invoice, invoice_id)

    def make(book: Book, money: Callable[[Decimal], Money]) -> Entry:
        return enter.refund(book, invoice.number, money(amount), Method(method), reason, on, key)

    return _add(user, "refund_invoice", invoice.course, key, make, invoice)


@transaction.atomic
def take_payment_back(user: User, payment_id: int, reason: str, on: date, key: str) -> LedgerEntry:
    """A payment that was entered by mistake no longer counts, and its invoice is open again."""
    payment = get_for(user, LedgerEntry, payment_id)

    def make(book: Book, money: Callable[[Decimal], Money]) -> Entry:
        return enter.take_back(book, payment.request_key, reason, on, key)

    return _add(user, "take_payment_back", payment.course, key, make, payment.invoice)


@transaction.atomic
def use_prepaid_session(user: User, invoice: Invoice, key: str) -> LedgerEntry:
    """The next prepaid session pays an invoice that was made at its share."""

    def make(book: Book, money: Callable[[Decimal], Money]) -> Entry:
        return enter.use_session(book, invoice.number, invoice.issued_on, key)

    return _add(user, "use_prepaid_session", invoice.course, key, make, invoice)


def _add(
    user: User | None,
    action: str,
    course: Course,
    key: str,
    make: Callable[[Book, Callable[[Decimal], Money]], Entry],
    invoice: Invoice | None = None,
) -> LedgerEntry:
    """Ask the core for the entry and keep it with the next number of its paper.

    `user` None: the card gateway, whose word it is, on an invoice.
    """
    who = user or invoice
    if who is None:
        raise ValueError("Somebody enters it, or it is for an invoice.")
    # The clinic's row is held, so that what two desks do at once is done one after the other: no
    # number is taken twice or left out, and no session or deposit is used twice.
    clinic = hold_clinic(who)
    before = LedgerEntry.objects.filter(request_key=key).first()
    if before is not None and before.course_id != course.pk:
        raise Refused("This form was already used for something else. Open it anew.")
    currency = invoice.currency if invoice else clinic.currency
    try:
        entry = make(ledger.book_of(course), lambda amount: enter.check_decimals(amount, currency))
        if before is not None:
            return before
        day_close.check_day(entry.on, store.today(clinic), ledger.closed_until(clinic))
    except LedgerError as error:
        raise Refused(error.message, error.field) from error
    row = save(_row(clinic, course, entry, invoice, user))
    detail = {"kind": row.kind, "number": row.number, "amount": str(row.amount)}
    if invoice:
        detail["invoice"] = invoice.number
    if row.method:
        detail["method"] = row.method
    audit.record(user, action, row, detail=detail, by=GATEWAY)
    return row


def _row(
    clinic: Clinic, course: Course, entry: Entry, invoice: Invoice | None, user: User | None
) -> LedgerEntry:
    paper = PAPERS[entry.kind]
    last = LedgerEntry.objects.filter(clinic=clinic, paper=paper).aggregate(last=Max("number"))
    return LedgerEntry(
        clinic=clinic,
        course=course,
        kind=entry.kind.value,
        on=entry.on,
        paper=paper,
        number=(last["last"] or 0) + 1,
        amount=entry.amount.amount,
        currency=entry.amount.currency,
        method=entry.method.value if entry.method else "",
        invoice=invoice,
        about=course.entries.filter(request_key=entry.about).first() if entry.about else None,
        sessions=entry.sessions,
        reason=entry.reason,
        request_key=entry.key,
        by=user,
    )


@transaction.atomic
def arrange(
    user: User,
    course_id: int,
    amount: Decimal,
    parts: int,
    first_on: date,
    every_days: int,
    key: str,
) -> Arrangement:
    """Payment in parts, for the sessions signed from now on: what was given before is due already.

    It takes the place of an earlier arrangement for invoices to come.
    """
    clinic = hold_clinic(user)
    course = get_for(user, Course, course_id)
    today = store.today(clinic)
    try:
        money = enter.check_decimals(amount, clinic.currency)
        arranged = instalments.arrange(money, parts, first_on, every_days)
    except LedgerError as error:
        raise Refused(error.message, error.field) from error
    kept = ledger.plain_parts(arranged)
    if before := Arrangement.objects.filter(request_key=key).first():
        if (before.course_id, before.parts) != (course.pk, kept):
            raise Refused("This form was already used for something else. Open it anew.")
        return before
    if first_on < today:
        raise Refused("The first part cannot be due before today.", "first_on")
    row = save(
        Arrangement(
            course=course,
            agreed_on=today,
            currency=clinic.currency,
            parts=kept,
            request_key=key,
            by=user,
        )
    )
    audit.record(user, "arrange", row, detail={"parts": instalments.in_words(arranged)})
    return row
