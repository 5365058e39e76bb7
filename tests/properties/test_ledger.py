"""The ledger: after whatever legal steps the book balances and nobody's money is lost."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from enthesis.journey import enter
from enthesis.journey.instalments import Part, arrange, overdue, parts_of
from enthesis.journey.ledger import (
    Account,
    Entry,
    Kind,
    LedgerError,
    Method,
    balances,
    charged,
    deposit_held,
    nothing,
    owed,
    series_left,
    shares,
)
from enthesis.units import MINOR_DIGITS, Money

DAY = date(2026, 11, 23)
coins = st.sampled_from([100, 3_333, 8_000]) | st.integers(-200, 60_000)
methods = st.sampled_from(Method)
again = st.sampled_from([False, False, False, True])
"""Whether a form is sent that was sent before."""
numbers = st.integers(1, 2)
places = st.integers(0, 30)


def usd(cents: int) -> Money:
    return Money(Decimal(cents).scaleb(-2), "USD")


class Desk(RuleBasedStateMachine):
    """Everything a front desk can do, with forms that are sent twice and amounts that are wrong."""

    def __init__(self) -> None:
        super().__init__()
        bills = [enter.invoice(number, usd(28_000), DAY) for number in (1, 2)]
        book: tuple[Entry, ...] = tuple(bills)
        book += (enter.pay(book, 1, usd(28_000), Method.CARD, DAY, "form-2"),)
        book += (enter.credit(book, 1, usd(8_000), "Less", DAY, "form-3"),)
        book += (enter.sell_series(book, 3, usd(70_000), Method.CASH, DAY, "form-4"),)
        self.book = book

    def key(self, twice: bool) -> str:
        return self.book[-1].key if twice else f"form-{len(self.book)}"

    def earlier(self, place: int) -> str:
        likely = [e.key for e in self.book if e.kind in (Kind.SERIES, Kind.PAYMENT)]
        return [*likely, "no such form"][place % (len(likely) + 1)]

    def attempt(self, make: Callable[[], Entry]) -> None:
        try:
            entry = make()
        except LedgerError as error:
            assert error.message.endswith(".")
            return
        self.book = enter.add(self.book, entry)

    @rule(number=numbers, cents=coins, method=methods, twice=again)
    def pay(self, number: int, cents: int, method: Method, twice: bool) -> None:
        self.attempt(lambda: enter.pay(self.book, number, usd(cents), method, DAY, self.key(twice)))

    @rule(cents=coins, method=methods, twice=again)
    def deposit(self, cents: int, method: Method, twice: bool) -> None:
        self.attempt(lambda: enter.deposit(self.book, usd(cents), method, DAY, self.key(twice)))

    @rule(number=numbers, cents=coins, twice=again)
    def use_deposit(self, number: int, cents: int, twice: bool) -> None:
        self.attempt(lambda: enter.use_deposit(self.book, number, usd(cents), DAY, self.key(twice)))

    @rule(sessions=st.integers(0, 4), cents=coins, method=methods, twice=again)
    def sell_series(self, sessions: int, cents: int, method: Method, twice: bool) -> None:
        self.attempt(
            lambda: enter.sell_series(self.book, sessions, usd(cents), method, DAY, self.key(twice))
        )

    @rule(number=numbers, twice=again)
    def use_session(self, number: int, twice: bool) -> None:
        self.attempt(lambda: enter.use_session(self.book, number, DAY, self.key(twice)))

    @rule(number=numbers, cents=coins, twice=again, reason=st.sampled_from(["", "Stopped"]))
    def credit(self, number: int, cents: int, twice: bool, reason: str) -> None:
        self.attempt(
            lambda: enter.credit(self.book, number, usd(cents), reason, DAY, self.key(twice))
        )

    @rule(number=numbers, cents=coins, method=methods, twice=again)
    def refund(self, number: int, cents: int, method: Method, twice: bool) -> None:
        self.attempt(
            lambda: enter.refund(
                self.book, number, usd(cents), method, "Stopped", DAY, self.key(twice)
            )
        )

    @rule(cents=coins, method=methods, twice=again)
    def give_back_deposit(self, cents: int, method: Method, twice: bool) -> None:
        self.attempt(
            lambda: enter.give_back_deposit(
                self.book, usd(cents), method, "Moved", DAY, self.key(twice)
            )
        )

    @rule(place=places, method=methods, twice=again)
    def give_back_unused(self, place: int, method: Method, twice: bool) -> None:
        self.attempt(
            lambda: enter.give_back_unused(
                self.book, self.earlier(place), method, "Stopped", DAY, self.key(twice)
            )
        )

    @rule(place=places, twice=again)
    def take_back(self, place: int, twice: bool) -> None:
        self.attempt(
            lambda: enter.take_back(
                self.book, self.earlier(place), "Mistyped", DAY, self.key(twice)
            )
        )

    @invariant()
    def it_balances(self) -> None:
        assert sum(balances(self.book, "USD").values(), nothing("USD")) == nothing("USD")

    @invariant()
    def what_is_held_is_never_below_zero(self) -> None:
        sums = balances(self.book, "USD")
        assert deposit_held(self.book, "USD").amount >= 0
        assert -sums[Account.PREPAID] == sum(
            (left.amount for left in series_left(self.book)), nothing("USD")
        )
        assert all(left.amount.amount > 0 for left in series_left(self.book))

    @invariant()
    def no_more_is_refunded_than_was_paid(self) -> None:
        sums = balances(self.book, "USD")
        assert sum((sums[Account(m.value)] for m in Method), nothing("USD")).amount >= 0
        for number in (1, 2):
            assert charged(self.book, number, "USD").amount >= 0
            assert owed(self.book, number, "USD") <= charged(self.book, number, "USD")

    @invariant()
    def one_form_is_one_entry(self) -> None:
        forms = [entry.key for entry in self.book]
        assert len(forms) == len(set(forms))


Desk.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestDesk = Desk.TestCase


@given(st.integers(1, 10**8), st.integers(1, 24), st.sampled_from(sorted(MINOR_DIGITS)))
def test_shares_add_up_to_the_amount_and_differ_only_in_the_last(
    units: int, parts: int, currency: str
) -> None:
    amount = Money(Decimal(units).scaleb(-MINOR_DIGITS[currency]), currency)
    split = shares(amount, parts)
    assert sum(split, nothing(currency)) == amount
    step = Decimal(1).scaleb(-MINOR_DIGITS[currency])
    assert len(set(split[:-1])) <= 1
    assert 0 <= split[-1].amount - split[0].amount < parts * step


@given(st.integers(1, 24), st.integers(100, 10**6))
def test_a_series_given_whole_is_used_up_to_the_last_cent(sessions: int, cents: int) -> None:
    book: tuple[Entry, ...] = (
        enter.sell_series((), sessions, usd(cents), Method.CARD, DAY, "sold"),
    )
    for number, share in enumerate(shares(usd(cents), sessions), start=1):
        (left,) = series_left(book)
        assert left.next_share == share
        book = enter.add(book, enter.invoice(number, left.next_share, DAY))
        book = enter.add(book, enter.use_session(book, number, DAY, f"use-{number}"))
        assert owed(book, number, "USD") == nothing("USD")
    assert not series_left(book)
    assert balances(book, "USD")[Account.REVENUE] == -usd(cents)
    assert {entry.kind for entry in book} == {Kind.SERIES, Kind.INVOICE, Kind.SESSION_USED}


@given(st.integers(200, 10**6), st.integers(2, 12), st.lists(st.integers(1, 10**5), max_size=6))
def test_the_parts_of_an_arrangement_are_handed_out_once_and_every_invoice_is_due_whole(
    cents: int, parts: int, invoices: list[int]
) -> None:
    arranged = arrange(usd(cents), parts, DAY, 30)
    invoiced, given_out = nothing("USD"), list[Part]()
    for total in map(usd, invoices):
        own = parts_of(arranged, invoiced, total, DAY)
        assert sum((part.amount for part in own), nothing("USD")) == total
        assert overdue(own, total, total, own[-1].due_on) <= total
        assert overdue(own, total, total, date.max) == total
        assert overdue(own, total, total, DAY) == nothing("USD")
        invoiced += total
        given_out += own
    for part in arranged[1:]:
        due = [one.amount for one in given_out if one.due_on == part.due_on]
        assert sum(due, nothing("USD")) <= part.amount
