"""The money of one course as a double-entry ledger: entries are only ever added.

Every entry moves one amount from one account to another, so its two postings add up to nothing
and so does the whole book. Nothing is changed afterwards: a mistake is set right by another entry
(credit note, refund). Amounts are exact (`units.Money`, half up to the smallest coin of ISO 4217).

What may be added to a book is in `journey/enter.py`, what a day brought in `journey/day_close.py`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum

from enthesis.units import MINOR_DIGITS, Money


class LedgerError(ValueError):
    """What the book does not allow: `message` says what to do, `field` which input is wrong."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Account(StrEnum):
    """Where money is. Debit is above zero: what patients owe, and what is in till and bank."""

    RECEIVABLE = "receivable"
    REVENUE = "revenue"
    DEPOSITS = "deposits"
    PREPAID = "prepaid"
    CASH = "cash"
    CARD = "card"
    TRANSFER = "transfer"
    ONLINE = "online"


class Method(StrEnum):
    """How money came or went; each is an account of the same name."""

    CASH = "cash"
    CARD = "card"
    TRANSFER = "transfer"
    ONLINE = "online"


class Kind(StrEnum):
    """What happened."""

    INVOICE = "invoice"
    PAYMENT = "payment"
    DEPOSIT = "deposit"
    SERIES = "series"
    DEPOSIT_USED = "deposit_used"
    SESSION_USED = "session_used"
    CREDIT_NOTE = "credit_note"
    REFUND = "refund"
    DEPOSIT_BACK = "deposit_back"
    UNUSED_BACK = "unused_back"
    TAKEN_BACK = "taken_back"


# Debit and credit of each kind; None is the account of the method.
_POSTED: dict[Kind, tuple[Account | None, Account | None]] = {
    Kind.INVOICE: (Account.RECEIVABLE, Account.REVENUE),
    Kind.PAYMENT: (None, Account.RECEIVABLE),
    Kind.DEPOSIT: (None, Account.DEPOSITS),
    Kind.SERIES: (None, Account.PREPAID),
    Kind.DEPOSIT_USED: (Account.DEPOSITS, Account.RECEIVABLE),
    Kind.SESSION_USED: (Account.PREPAID, Account.RECEIVABLE),
    Kind.CREDIT_NOTE: (Account.REVENUE, Account.RECEIVABLE),
    Kind.REFUND: (Account.RECEIVABLE, None),
    Kind.DEPOSIT_BACK: (Account.DEPOSITS, None),
    Kind.UNUSED_BACK: (Account.PREPAID, None),
    Kind.TAKEN_BACK: (Account.RECEIVABLE, None),
}

# The papers that are numbered without gaps, each in a series of its own.
PAPERS: dict[Kind, str] = {
    Kind.INVOICE: "invoice",
    Kind.CREDIT_NOTE: "credit_note",
    **dict.fromkeys((Kind.PAYMENT, Kind.DEPOSIT, Kind.SERIES), "receipt"),
    **dict.fromkeys((Kind.REFUND, Kind.DEPOSIT_BACK, Kind.UNUSED_BACK), "refund"),
    **dict.fromkeys((Kind.DEPOSIT_USED, Kind.SESSION_USED), "transfer"),
    Kind.TAKEN_BACK: "correction",
}


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of an entry; a debit is above zero, a credit below."""

    account: Account
    amount: Money


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact about money. `invoice` is its number; `about` is the key of an earlier entry: the
    series that is used or given back, the payment that is taken back; `sessions` are those sold,
    used or given back."""

    kind: Kind
    on: date
    amount: Money
    key: str
    method: Method | None = None
    invoice: int | None = None
    about: str = ""
    sessions: int = 0
    reason: str = ""

    @property
    def postings(self) -> tuple[Posting, Posting]:
        """Debit and credit, which add up to nothing."""
        till = None if self.method is None else Account(self.method.value)
        debit, credit = (account or till for account in _POSTED[self.kind])
        if debit is None or credit is None:
            raise LedgerError("Say how the money came or went.", "method")
        return Posting(debit, self.amount), Posting(credit, -self.amount)


@dataclass(frozen=True, slots=True)
class SeriesLeft:
    """What is left of a prepaid series, and what its next session takes of it."""

    key: str
    sold: int
    sessions: int
    amount: Money
    next_share: Money


Book = Sequence[Entry]


def goes_out(kind: Kind) -> bool:
    """Whether money left the till or the bank."""
    return _POSTED[kind][1] is None


def nothing(currency: str) -> Money:
    """No money."""
    return Money(Decimal(0), currency)


def balances(book: Iterable[Entry], currency: str) -> dict[Account, Money]:
    """What stands on each account in one currency; together they are nothing."""
    sums = dict.fromkeys(Account, nothing(currency))
    for entry in book:
        if entry.amount.currency == currency:
            for posting in entry.postings:
                sums[posting.account] += posting.amount
    return sums


def deposit_held(book: Iterable[Entry], currency: str) -> Money:
    """What was paid ahead and not yet used or given back."""
    return -balances(book, currency)[Account.DEPOSITS]


def owed(book: Iterable[Entry], invoice: int, currency: str) -> Money:
    """What is open of an invoice; below zero is what the clinic owes the patient."""
    own = (entry for entry in book if entry.invoice == invoice)
    return balances(own, currency)[Account.RECEIVABLE]


def charged(book: Iterable[Entry], invoice: int, currency: str) -> Money:
    """What an invoice asks for, less its credit notes."""
    own = (entry for entry in book if entry.invoice == invoice)
    return -balances(own, currency)[Account.REVENUE]


def series_left(book: Iterable[Entry]) -> list[SeriesLeft]:
    """The prepaid series with sessions left, the earliest sold first."""
    sold: dict[str, SeriesLeft] = {}
    for entry in book:
        if entry.kind is Kind.SERIES:
            share = shares(entry.amount, entry.sessions)[0]
            sold[entry.key] = SeriesLeft(
                entry.key, entry.sessions, entry.sessions, entry.amount, share
            )
        elif entry.about in sold:
            was = sold[entry.about]
            sessions, amount = was.sessions - entry.sessions, was.amount - entry.amount
            share = amount if sessions == 1 else was.next_share
            sold[entry.about] = SeriesLeft(was.key, was.sold, sessions, amount, share)
    return [left for left in sold.values() if left.sessions]


def rounded_down(amount: Money, parts: int) -> Money:
    """One of equal parts, rounded down to the smallest coin: the last part takes the rest."""
    step = Decimal(1).scaleb(-MINOR_DIGITS[amount.currency])
    return Money((amount.amount / parts).quantize(step, rounding=ROUND_DOWN), amount.currency)


def shares(amount: Money, parts: int) -> list[Money]:
    """An amount in equal parts that add up to it exactly; what does not divide is in the last."""
    one = rounded_down(amount, parts)
    return [one] * (parts - 1) + [amount - one * (parts - 1)]
