"""What may be added to the book of a course: invoice, payment, deposit, series, credit, refund.

Each function takes the book so far and gives the entry to add, or raises LedgerError. The same
`key` twice (a double click, a retry) gives the entry that stands already; with another amount or
method in it (the browser's back button) it is refused, for the desk would take it as entered.
"""

from datetime import date
from decimal import Decimal

from enthesis.journey.ledger import (
    Book,
    Entry,
    Kind,
    LedgerError,
    Method,
    charged,
    deposit_held,
    owed,
    rounded_down,
    series_left,
)
from enthesis.units import MINOR_DIGITS, Money, money_words


def invoice(number: int, amount: Money, on: date) -> Entry:
    """What was given is charged. An invoice has no form of its own: its number is its key."""
    _check_amount(amount)
    return Entry(Kind.INVOICE, on, amount, f"invoice-{number}", invoice=number)


def pay(book: Book, number: int, amount: Money, method: Method, on: date, key: str) -> Entry:
    """Money for an invoice, up to what is open."""
    if before := _before(book, key, Kind.PAYMENT, invoice=number, amount=amount, method=method):
        return before
    _check_open(book, number, amount)
    return Entry(Kind.PAYMENT, on, amount, key, method, number)


def deposit(book: Book, amount: Money, method: Method, on: date, key: str) -> Entry:
    """Money ahead, before anything is charged. It stays the patient's until it is used."""
    if before := _before(book, key, Kind.DEPOSIT, amount=amount, method=method):
        return before
    _check_amount(amount)
    return Entry(Kind.DEPOSIT, on, amount, key, method)


def use_deposit(book: Book, number: int, amount: Money, on: date, key: str) -> Entry:
    """A deposit pays an invoice: up to what is open and what is held."""
    if before := _before(book, key, Kind.DEPOSIT_USED, invoice=number, amount=amount):
        return before
    _check_open(book, number, amount)
    _check_held(book, amount)
    return Entry(Kind.DEPOSIT_USED, on, amount, key, invoice=number)


def sell_series(
    book: Book, sessions: int, price: Money, method: Method, on: date, key: str
) -> Entry:
    """Sessions paid ahead for one price; each takes an equal share when it is given."""
    told = {"sessions": sessions, "amount": price, "method": method}
    if before := _before(book, key, Kind.SERIES, **told):
        return before
    _check_amount(price)
    if sessions < 1:
        raise LedgerError("Write how many sessions the series has, at least 1.", "sessions")
    if rounded_down(price, sessions).amount == 0:
        raise LedgerError(f"{money_words(price)} is too little for {sessions} sessions.", "amount")
    return Entry(Kind.SERIES, on, price, key, method, sessions=sessions)


def use_session(book: Book, number: int, on: date, key: str) -> Entry:
    """The next session of the series sold first pays an invoice that was made for its share."""
    if before := _before(book, key, Kind.SESSION_USED, invoice=number):
        return before
    left = next(iter(series_left(book)), None)
    if left is None:
        raise LedgerError(
            "No prepaid session is left: the last one was used. Charge the agreed price, or sell "
            "another series first."
        )
    _check_open(book, number, left.next_share)
    return Entry(
        Kind.SESSION_USED, on, left.next_share, key, invoice=number, about=left.key, sessions=1
    )


def credit(book: Book, number: int, amount: Money, reason: str, on: date, key: str) -> Entry:
    """An invoice asks for less, with a reason. What was paid too much can then be refunded."""
    if before := _before(book, key, Kind.CREDIT_NOTE, invoice=number, amount=amount):
        return before
    _check_amount(amount)
    _check_reason(reason)
    _check_most(amount, charged(book, number, amount.currency), f"Invoice {number} still asks for")
    return Entry(Kind.CREDIT_NOTE, on, amount, key, invoice=number, reason=reason)


def refund(
    book: Book, number: int, amount: Money, method: Method, reason: str, on: date, key: str
) -> Entry:
    """What was paid too much of an invoice goes back to the patient."""
    if before := _before(book, key, Kind.REFUND, invoice=number, amount=amount, method=method):
        return before
    _check_amount(amount)
    _check_reason(reason)
    too_much = -owed(book, number, amount.currency)
    if too_much.amount <= 0:
        raise LedgerError(
            f"Nothing was paid too much of invoice {number}. Write a credit note first, for what "
            "the patient need not pay."
        )
    _check_most(amount, too_much, "What can go back is")
    return Entry(Kind.REFUND, on, amount, key, method, number, reason=reason)


def take_back(book: Book, payment: str, reason: str, on: date, key: str) -> Entry:
    """A payment that was entered by mistake: as much goes out again by the same way, and the
    invoice is open again. Not for money that the patient gets back: that is a refund."""
    paid = next((one for one in book if (one.key, one.kind) == (payment, Kind.PAYMENT)), None)
    if paid is None or paid.invoice is None:
        raise LedgerError("There is no such payment. Look at the entries.")
    if before := _before(book, key, Kind.TAKEN_BACK, about=payment):
        return before
    _check_reason(reason)
    if any(one.about == payment for one in book):
        raise LedgerError("This payment was taken back already. Look at the entries.")
    currency = paid.amount.currency
    left = charged(book, paid.invoice, currency) - owed(book, paid.invoice, currency)
    if paid.amount > left:
        raise LedgerError(
            f"Only {money_words(left)} of this invoice is still paid, the rest was refunded. A "
            "payment of which a part went back cannot be taken back."
        )
    return Entry(
        Kind.TAKEN_BACK, on, paid.amount, key, paid.method,
        invoice=paid.invoice, about=payment, reason=reason,
    )  # fmt: skip


def give_back_deposit(
    book: Book, amount: Money, method: Method, reason: str, on: date, key: str
) -> Entry:
    """A deposit, or a part of it, goes back to the patient."""
    if before := _before(book, key, Kind.DEPOSIT_BACK, amount=amount, method=method):
        return before
    _check_amount(amount)
    _check_reason(reason)
    _check_held(book, amount)
    return Entry(Kind.DEPOSIT_BACK, on, amount, key, method, reason=reason)


def give_back_unused(
    book: Book, series: str, method: Method, reason: str, on: date, key: str
) -> Entry:
    """All sessions of a prepaid series that were not given go back at what they cost."""
    if before := _before(book, key, Kind.UNUSED_BACK, about=series, method=method):
        return before
    _check_reason(reason)
    left = next((one for one in series_left(book) if one.key == series), None)
    if left is None:
        raise LedgerError("No session of this series is left to give back. Look at the entries.")
    return Entry(
        Kind.UNUSED_BACK, on, left.amount, key, method,
        about=series, sessions=left.sessions, reason=reason,
    )  # fmt: skip


def add(book: Book, entry: Entry) -> tuple[Entry, ...]:
    """The book with one entry more; with the same as before, if the entry stands in it."""
    return tuple(book) if any(one.key == entry.key for one in book) else (*book, entry)


def _before(book: Book, key: str, kind: Kind, **told: object) -> Entry | None:
    """The entry that the same form made already, if it told the same."""
    before = next((one for one in book if one.key == key), None)
    told["kind"] = kind
    if before is not None and any(getattr(before, name) != value for name, value in told.items()):
        raise LedgerError(
            "This form was sent before with something else in it. Look at what was entered, then "
            "open it anew."
        )
    return before


def check_decimals(amount: Decimal, currency: str) -> Money:
    """An amount as typed. Raises LedgerError where `Money` would have to round it."""
    if not amount.is_finite():
        raise LedgerError("Write an amount above zero.", "amount")
    if -int(amount.normalize().as_tuple().exponent) > MINOR_DIGITS[currency]:
        raise LedgerError(f"{currency} has no amount as small as {amount}.", "amount")
    return Money(amount, currency)


def _check_amount(amount: Money) -> None:
    if amount.amount <= 0:
        raise LedgerError("Write an amount above zero.", "amount")


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise LedgerError("Write why: the patient and the bookkeeper read it.", "reason")


def _check_most(amount: Money, most: Money, what: str) -> None:
    if amount > most:
        raise LedgerError(f"{what} {money_words(most)}. Write that or less.", "amount")


def _check_open(book: Book, number: int, amount: Money) -> None:
    _check_amount(amount)
    left = owed(book, number, amount.currency)
    if amount > left:
        raise LedgerError(
            f"Only {money_words(left)} of this invoice is open. Write that or less.", "amount"
        )


def _check_held(book: Book, amount: Money) -> None:
    _check_most(amount, deposit_held(book, amount.currency), "The deposit held is")
