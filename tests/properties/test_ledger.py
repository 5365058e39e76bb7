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
coins = st.integers(-200, 60_000)
methods = st.sampled_from(Method)
keys = st.sampled_from([f"form-{n}" for n in range(12)])
numbers = st.integers(1, 3)


def usd(cents: int) -> Money:
    return Money(Decimal(cents).scaleb(-2), "USD")


class Desk(RuleBasedStateMachine):
    """Everything a front desk can do, with forms that are sent twice and amounts that are wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.book: tuple[Entry, ...] = tuple(
            enter.invoice(number, usd(28_000), DAY) for number in (1, 2, 3)
        )

    def attempt(self, make: Callable[[], Entry]) -> None:
        try:
            entry = make()
        except LedgerError as error:
            assert error.message.endswith(".")
            return
        self.book = enter.add(self.book, entry)

    @rule(number=numbers, cents=coins, method=methods, key=keys)
    def pay(self, number: int, cents: int, method: Method, key: str) -> None:
        self.attempt(lambda: enter.pay(self.book, number, usd(cents), method, DAY, key))

    @rule(cents=coins, method=methods, key=keys)
    def deposit(self, cents: int, method: Method, key: str) -> None:
        self.attempt(lambda: enter.deposit(self.book, usd(cents), method, DAY, key))

    @rule(number=numbers, cents=coins, key=keys)
    def use_deposit(self, number: int, cents: int, key: str) -> None:
        self.attempt(lambda: enter.use_deposit(self.book, number, usd(cents), DAY, key))

    @rule(sessions=st.integers(0, 4), cents=coins, method=methods, key=keys)
    def sell_series(self, sessions: int, cents: int, method: Method, key: str) -> None:
        self.attempt(lambda: enter.sell_series(self.book, sessions, usd(cents), method, DAY, key))

    @rule(number=numbers, key=keys)
    def use_session(self, number: int, key: str) -> None:
        self.attempt(lambda: enter.use_session(self.book, number, DAY, key))

    @rule(number=numbers, cents=coins, key=keys, reason=st.sampled_from(["", "Stopped"]))
    def credit(self, number: int, cents: int, key: str, reason: str) -> None:
        self.attempt(lambda: enter.credit(self.book, number, usd(cents), reason, DAY, key))

    @rule(number=numbers, cents=coins, method=methods, key=keys)
    def refund(self, number: int, cents: int, method: Method, key: str) -> None:
        self.attempt(
            lambda: enter.refund(self.book, number, usd(cents), method, "Stopped", DAY, key)
        )

    @rule(cents=coins, method=methods, key=keys)
    def give_back_deposit(self, cents: int, method: Method, key: str) -> None:
        self.attempt(
            lambda: enter.give_back_deposit(self.book, usd(cents), method, "Moved", DAY, key)
        )

    @rule(series=keys, method=methods, key=keys)
    def give_back_unused(self, series: str, method: Method, key: str) -> None:
        self.attempt(lambda: enter.give_back_unused(self.book, series, method, "Stopped", DAY, key))

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
        for number in (1, 2, 3):
            assert charged(self.book, number, "USD").amount >= 0
            assert owed(self.book, number, "USD") <= charged(self.book, number, "USD")

    @invariant()
    def one_form_is_one_entry(self) -> None:
        forms = [entry.key for entry in self.book]
        assert len(forms) == len(set(forms))


Desk.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
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
