"""The end of a day: what came in and what should be in the till. A closed day takes no more."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from enthesis.journey.ledger import Account, Entry, LedgerError, Method, balances
from enthesis.units import Money


@dataclass(frozen=True, slots=True)
class DaySums:
    """What one day brought: charged less credited, money in and out by method, and how much more
    is held for patients in deposits and prepaid series."""

    on: date
    revenue: Money
    takings: dict[Method, Money]
    held: Money


def by_day(entries: Iterable[Entry], currency: str) -> list[DaySums]:
    """The days with an entry in this currency, the newest first."""
    days: dict[date, list[Entry]] = {}
    for entry in entries:
        if entry.amount.currency == currency:
            days.setdefault(entry.on, []).append(entry)
    return [_sums(on, days[on], currency) for on in sorted(days, reverse=True)]


def _sums(on: date, entries: Iterable[Entry], currency: str) -> DaySums:
    sums = balances(entries, currency)
    return DaySums(
        on,
        -sums[Account.REVENUE],
        {method: sums[Account(method.value)] for method in Method},
        -(sums[Account.DEPOSITS] + sums[Account.PREPAID]),
    )


def takings(entries: Iterable[Entry], currency: str) -> dict[Method, Money]:
    """What should have come in by each method, less what went out."""
    sums = balances(entries, currency)
    return {method: sums[Account(method.value)] for method in Method}


def first_open_day(today: date, closed_until: date | None) -> date:
    """The day on which an entry of today stands: a closed day takes none, so the next one."""
    return today if closed_until is None else max(today, closed_until + timedelta(days=1))


def check_day(on: date, today: date, closed_until: date | None) -> None:
    """Raises LedgerError for a day that is closed or has not come."""
    if closed_until is not None and on <= closed_until:
        raise LedgerError(
            f"The days until {closed_until.day} {closed_until:%b %Y} are closed. Enter it on a "
            "later day.",
            "on",
        )
    if on > first_open_day(today, closed_until):
        raise LedgerError("The day lies in the future.", "on")
