"""What keeps books from elsewhere out: an entry that could not be reckoned with.

The ledger takes its entries as they are, because it made each itself. One that came in without a
method, or parts without a day, would stop every page that adds it up, also those of other patients.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from enthesis.exchange.dossier import Arrangement, CourseFile, Entry, Invoice
from enthesis.journey.ledger import PAPERS, Kind, LedgerError, Method
from enthesis.journey.ledger import Entry as Posted
from enthesis.units import MINOR_DIGITS, Money

Where = tuple[str, str]
OF_INVOICE = (
    *(Kind.PAYMENT, Kind.DEPOSIT_USED, Kind.SESSION_USED),
    *(Kind.CREDIT_NOTE, Kind.REFUND, Kind.TAKEN_BACK),
)
ABOUT = {
    Kind.SESSION_USED: Kind.SERIES,
    Kind.UNUSED_BACK: Kind.SERIES,
    Kind.TAKEN_BACK: Kind.PAYMENT,
}
OF_SESSIONS = (Kind.SERIES, Kind.SESSION_USED, Kind.UNUSED_BACK)
AGAIN = "Export it again from where it came."


def books(file: CourseFile) -> Iterator[tuple[Where, str]]:
    """Every fault of the invoices, arrangements and entries of a course."""
    currencies = {one.key: one.currency for one in file.invoices}
    papers: tuple[Invoice | Arrangement, ...] = (*file.invoices, *file.arrangements)
    for one in papers:
        if one.currency not in MINOR_DIGITS:
            known = ", ".join(sorted(MINOR_DIGITS))
            yield (one.key, "currency"), f"{one.currency!r} is none of {known}."
        elif not _are_parts(one.parts, one.currency):
            yield (one.key, "parts"), f"each needs a due_on and an amount. {AGAIN}"
    kinds = {one.key: one.kind for one in file.entries}
    for entry in file.entries:
        for field, what in _entry(entry, kinds.get(entry.about or "", "")):
            yield (entry.key, field), f"{what} {AGAIN}"
        if currencies.get(entry.invoice or "", entry.amount.currency) != entry.amount.currency:
            yield (entry.key, "amount"), f"it is in another currency than its invoice. {AGAIN}"


def _are_parts(parts: Iterable[Mapping[str, Any]], currency: str) -> bool:
    try:
        for one in parts:
            date.fromisoformat(one["due_on"])
            Money(Decimal(one["amount"]), currency)
    except (KeyError, TypeError, ValueError, InvalidOperation):
        return False
    return True


def _entry(entry: Entry, about: str) -> Iterator[tuple[str, str]]:
    if entry.kind not in PAPERS or entry.kind == Kind.INVOICE:
        yield "kind", f"{entry.kind!r} is no entry of a ledger."
        return
    kind = Kind(entry.kind)
    if entry.paper != PAPERS[kind]:
        yield "paper", f"it must be {PAPERS[kind]!r}, not {entry.paper!r}."
    if entry.method and entry.method not in tuple(Method):
        yield "method", f"{entry.method!r} is none of {', '.join(Method)}."
        return
    method = Method(entry.method) if entry.method else None
    try:
        _ = Posted(kind, entry.on, entry.amount, entry.key, method).postings
    except LedgerError as error:
        yield "method", str(error)
    if kind in OF_INVOICE and entry.invoice is None:
        yield "invoice", "it is about none."
    if ABOUT.get(kind, about) != about:
        yield "about", f"it is about no {ABOUT[kind]}."
    if kind in OF_SESSIONS and entry.sessions < 1:
        yield "sessions", "it is of no session."
