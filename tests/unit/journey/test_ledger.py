"""The ledger of four courses, what it refuses and in which words, and what a day brought."""

import ast
import typing
from collections.abc import Callable
from dataclasses import fields
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import enthesis
from enthesis.journey import day_close, enter, instalments, ledger
from enthesis.journey.instalments import Part
from enthesis.journey.ledger import Account, Book, Entry, LedgerError, Method
from enthesis.units import Money

DAY = date(2026, 11, 23)
LATER = DAY + timedelta(days=14)
ROOM = Path(enthesis.__file__).parent


def usd(text: str) -> Money:
    return Money(Decimal(text), "USD")


def sums(book: Book) -> dict[str, str]:
    """The accounts that are not empty."""
    return {
        account.value: str(money.amount)
        for account, money in ledger.balances(book, "USD").items()
        if money.amount
    }


def invoiced(*amounts: str) -> tuple[Entry, ...]:
    return tuple(enter.invoice(n, usd(amount), DAY) for n, amount in enumerate(amounts, start=1))


def test_a_finished_course_paid_by_deposit_and_card_owes_nothing() -> None:
    book: tuple[Entry, ...] = (enter.deposit((), usd("100"), Method.CASH, DAY, "d"),)
    book += invoiced("280", "280")
    book = enter.add(book, enter.use_deposit(book, 1, usd("100"), DAY, "u"))
    book = enter.add(book, enter.pay(book, 1, usd("180"), Method.CARD, DAY, "p"))
    book = enter.add(book, enter.pay(book, 2, usd("280"), Method.TRANSFER, LATER, "q"))
    assert sums(book) == {
        "revenue": "-560.00", "cash": "100.00", "card": "180.00", "transfer": "280.00",
    }  # fmt: skip


def test_a_stopped_prepaid_course_costs_what_it_gave_and_the_rest_goes_back() -> None:
    book: tuple[Entry, ...] = (enter.sell_series((), 6, usd("1000"), Method.CARD, DAY, "s"),)
    for number in (1, 2, 3):
        (left,) = ledger.series_left(book)
        assert left.next_share == usd("166.66")
        book = enter.add(book, enter.invoice(number, left.next_share, DAY))
        book = enter.add(book, enter.use_session(book, number, DAY, f"use {number}"))
    back = enter.give_back_unused(book, "s", Method.CARD, "The stop rule", LATER, "b")
    assert (back.amount, back.sessions) == (usd("500.02"), 3)
    book = enter.add(book, back)
    assert sums(book) == {"revenue": "-499.98", "card": "499.98"}
    assert not ledger.series_left(book)
    with pytest.raises(LedgerError, match="No session of this series is left"):
        enter.give_back_unused(book, "s", Method.CARD, "The stop rule", LATER, "again")


def test_a_course_by_instalments_is_overdue_only_by_the_part_whose_day_has_passed() -> None:
    parts = instalments.arrange(usd("500"), 3, DAY, 30)
    assert instalments.in_words(parts) == (
        "$166.66 by 23 Nov 2026, $166.66 by 23 Dec 2026, $166.68 by 22 Jan 2027"
    )
    first = instalments.parts_of(parts, usd("0"), usd("280"), DAY)
    assert first == (Part(DAY, usd("166.66")), Part(date(2026, 12, 23), usd("113.34")))
    second = instalments.parts_of(parts, usd("280"), usd("280"), LATER)
    assert second == (
        # 60 dollars more than was arranged: due when the session is given.
        Part(LATER, usd("60")),
        Part(date(2026, 12, 23), usd("53.32")),
        Part(date(2027, 1, 22), usd("166.68")),
    )
    owed, late = usd("280"), date(2026, 12, 1)
    assert instalments.overdue(first, usd("280"), owed, DAY) == usd("0")
    assert instalments.overdue(first, usd("280"), owed, late) == usd("166.66")
    assert instalments.overdue(first, usd("280"), usd("113.34"), late) == usd("0")
    assert instalments.overdue(first, usd("280"), owed, date(2027, 6, 1)) == owed
    assert instalments.next_due(first, late) == first[1]
    assert instalments.next_due(first, date(2027, 6, 1)) is None


def test_a_refunded_course_is_credited_first_and_then_paid_back() -> None:
    book = invoiced("280")
    book = enter.add(book, enter.pay(book, 1, usd("280"), Method.CARD, DAY, "p"))
    with pytest.raises(LedgerError, match="Write a credit note first"):
        enter.refund(book, 1, usd("80"), Method.CASH, "Agreed", LATER, "r")
    book = enter.add(book, enter.credit(book, 1, usd("80"), "One place less", LATER, "c"))
    assert ledger.owed(book, 1, "USD") == usd("-80")
    with pytest.raises(LedgerError, match=r"What can go back is \$80\. Write that or less\."):
        enter.refund(book, 1, usd("80.01"), Method.CASH, "Agreed", LATER, "r")
    book = enter.add(book, enter.refund(book, 1, usd("80"), Method.CASH, "Agreed", LATER, "r"))
    assert sums(book) == {"revenue": "-200.00", "card": "280.00", "cash": "-80.00"}


def test_a_payment_entered_by_mistake_is_taken_back_once_and_the_invoice_is_open_again() -> None:
    book = invoiced("280")
    book = enter.add(book, enter.pay(book, 1, usd("280"), Method.CASH, DAY, "p"))
    back = enter.add(book, enter.take_back(book, "p", "It was by card", DAY, "t"))
    assert sums(back) == {"receivable": "280.00", "revenue": "-280.00"}
    assert enter.take_back(back, "p", "It was by card", DAY, "t") is back[-1]
    with pytest.raises(LedgerError, match="taken back already"):
        enter.take_back(back, "p", "It was by card", DAY, "again")
    book = enter.add(book, enter.credit(book, 1, usd("80"), "Less", DAY, "c"))
    book = enter.add(book, enter.refund(book, 1, usd("80"), Method.CASH, "Less", DAY, "r"))
    with pytest.raises(LedgerError, match=r"Only \$200 of this invoice is still paid"):
        enter.take_back(book, "p", "It was by card", DAY, "t")
    with pytest.raises(LedgerError, match="no such payment"):
        enter.take_back(book, "r", "It was by card", DAY, "t")


BOOK = (*invoiced("280"), enter.deposit((), usd("50"), Method.CASH, DAY, "d"))


@pytest.mark.parametrize(
    ("make", "said", "field"),
    [
        (
            lambda: enter.pay(BOOK, 1, usd("280.01"), Method.CASH, DAY, "k"),
            "Only $280 of",
            "amount",
        ),
        (lambda: enter.pay(BOOK, 1, usd("0"), Method.CASH, DAY, "k"), "above zero", "amount"),
        (lambda: enter.deposit(BOOK, usd("-1"), Method.CASH, DAY, "k"), "above zero", "amount"),
        (lambda: enter.use_deposit(BOOK, 1, usd("50.01"), DAY, "k"), "held is $50.", "amount"),
        (lambda: enter.use_session(BOOK, 1, DAY, "k"), "No prepaid session is left", None),
        (lambda: enter.credit(BOOK, 1, usd("300"), "Why", DAY, "k"), "asks for $280", "amount"),
        (lambda: enter.credit(BOOK, 1, usd("1"), " ", DAY, "k"), "Write why", "reason"),
        (
            lambda: enter.give_back_deposit(BOOK, usd("51"), Method.CASH, "Why", DAY, "k"),
            "held is $50.",
            "amount",
        ),
        (lambda: enter.pay(BOOK, 1, usd("50"), Method.CASH, DAY, "d"), "something else", None),
        (
            lambda: enter.sell_series(BOOK, 0, usd("9"), Method.CARD, DAY, "k"),
            "at least 1",
            "sessions",
        ),
        (
            lambda: enter.sell_series(BOOK, 3, usd("0.02"), Method.CARD, DAY, "k"),
            "too little for 3",
            "amount",
        ),
        (lambda: instalments.arrange(usd("9"), 1, DAY, 30), "at least 2 parts", "parts"),
        (lambda: instalments.arrange(usd("9"), 2, DAY, 0), "at least 1", "every_days"),
        (lambda: instalments.arrange(usd("0.01"), 2, DAY, 9), "too little for 2", "amount"),
        (lambda: instalments.arrange(usd("9"), 2, date.max, 9), "an earlier day", "first_on"),
        (lambda: enter.check_decimals(Decimal("1.005"), "USD"), "as small as 1.005", "amount"),
        (lambda: enter.check_decimals(Decimal("0.5"), "JPY"), "as small as 0.5", "amount"),
        (lambda: enter.check_decimals(Decimal("NaN"), "USD"), "above zero", "amount"),
        (lambda: day_close.check_day(DAY, LATER, DAY), "until 23 Nov 2026 are closed", "on"),
        (lambda: day_close.check_day(LATER, DAY, DAY), "in the future", "on"),
    ],
)
def test_what_the_book_does_not_allow_is_refused_in_words(
    make: Callable[[], object], said: str, field: str | None
) -> None:
    with pytest.raises(LedgerError) as error:
        make()
    assert said in error.value.message and error.value.field == field


def test_the_same_form_again_gives_the_entry_that_stands() -> None:
    again = enter.deposit(BOOK, usd("50"), Method.CASH, LATER, "d")
    assert again is BOOK[-1] and enter.add(BOOK, again) == BOOK


def test_a_form_that_was_changed_after_it_was_sent_is_refused() -> None:
    """Else the desk reads "recorded" of an amount that is not in the books."""
    book, reason = BOOK, "Why"
    for entry in (
        enter.pay(BOOK, 1, usd("200"), Method.CASH, DAY, "p"),
        enter.use_deposit(BOOK, 1, usd("20"), DAY, "u"),
        enter.credit(BOOK, 1, usd("100"), reason, DAY, "c"),
        enter.sell_series(BOOK, 3, usd("60"), Method.CASH, DAY, "s"),
        enter.give_back_deposit(BOOK, usd("10"), Method.CASH, reason, DAY, "b"),
    ):
        book = enter.add(book, entry)
    book = enter.add(book, enter.refund(book, 1, usd("20"), Method.CASH, reason, DAY, "r"))
    book = enter.add(book, enter.give_back_unused(book, "s", Method.CASH, reason, DAY, "x"))
    changed: list[Callable[[], Entry]] = [
        lambda: enter.deposit(book, usd("60"), Method.CASH, DAY, "d"),
        lambda: enter.deposit(book, usd("50"), Method.CARD, DAY, "d"),
        lambda: enter.pay(book, 1, usd("1"), Method.CASH, DAY, "p"),
        lambda: enter.pay(book, 1, usd("200"), Method.CARD, DAY, "p"),
        lambda: enter.use_deposit(book, 1, usd("21"), DAY, "u"),
        lambda: enter.credit(book, 1, usd("90"), reason, DAY, "c"),
        lambda: enter.sell_series(book, 4, usd("60"), Method.CASH, DAY, "s"),
        lambda: enter.sell_series(book, 3, usd("61"), Method.CASH, DAY, "s"),
        lambda: enter.give_back_deposit(book, usd("11"), Method.CASH, reason, DAY, "b"),
        lambda: enter.refund(book, 1, usd("21"), Method.CASH, reason, DAY, "r"),
        lambda: enter.give_back_unused(book, "s", Method.CARD, reason, DAY, "x"),
    ]
    for again in changed:
        with pytest.raises(LedgerError, match="sent before with something else in it"):
            again()


def test_a_day_says_what_was_earned_what_came_in_and_what_is_held() -> None:
    book = enter.add(BOOK, enter.pay(BOOK, 1, usd("30"), Method.CARD, DAY, "p"))
    book = enter.add(book, enter.credit(book, 1, usd("80"), "One place less", LATER, "c"))
    later, first = day_close.by_day(book, "USD")
    assert (first.on, first.revenue, first.held) == (DAY, usd("280"), usd("50"))
    assert first.takings[Method.CASH] == usd("50") and first.takings[Method.CARD] == usd("30")
    assert (later.on, later.revenue, later.held) == (LATER, usd("-80"), usd("0"))


def test_an_entry_after_the_close_stands_on_the_next_day() -> None:
    assert day_close.first_open_day(DAY, None) == DAY
    assert day_close.first_open_day(DAY, DAY - timedelta(days=1)) == DAY
    assert day_close.first_open_day(DAY, DAY) == DAY + timedelta(days=1)
    day_close.check_day(DAY + timedelta(days=1), DAY, DAY)


MONEY_CODE = [
    ROOM / "units.py",
    *(ROOM / "exchange" / f"{name}.py" for name in ("cards", "stripe")),
    *(ROOM / "clinic" / f"{name}.py" for name in ("documents", "models")),
    *(
        path
        for name in (
            *("pay", "ledger", "enter", "instalments", "day_close", "card", "cards"),
            *("tariff", "prices", "estimate", "estimates", "superbill", "statement", "expect"),
        )
        for room in ("journey", "clinic")
        for path in sorted(ROOM.glob(f"{room}/**/{name}.py"))
    ),
]


def floats(source: str) -> list[int]:
    """The lines on which a float is written or named."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.Attribute) and node.attr in ("FloatField", "to_float", "sqrt"))
    ]


@pytest.mark.parametrize("path", MONEY_CODE, ids=lambda p: str(p.relative_to(ROOM)))
def test_there_is_no_float_in_the_money_code(path: Path) -> None:
    assert not floats(path.read_text())


def test_the_search_for_floats_finds_them() -> None:
    assert floats("a = 1.5\nb: float = 1\nc = models.FloatField()") == [1, 2, 3]


def test_every_amount_of_the_ledger_is_typed_as_money_of_a_decimal() -> None:
    assert typing.get_type_hints(Money)["amount"] is Decimal
    for kind in (ledger.Posting, Entry, ledger.SeriesLeft, Part):
        assert typing.get_type_hints(kind)["amount"] is Money, kind
        assert not [f for f in fields(kind) if "float" in str(f.type)]
    assert set(ledger.PAPERS) == set(ledger.Kind)
    assert {account.value for account in Account} >= {method.value for method in Method}


@pytest.mark.parametrize(("owed", "today", "asked"), [
    ("300", DAY, "100"),
    ("300", DAY - timedelta(days=9), "100"),
    ("300", LATER, "200"),
    ("200", DAY, "100"),
    ("150", DAY, "50"),
    ("50", DAY, "50"),
    ("300", LATER + timedelta(days=99), "300"),
])  # fmt: skip
def test_who_pays_now_is_asked_for_what_is_due_else_for_the_next_part(
    owed: str, today: date, asked: str
) -> None:
    days = (DAY, LATER, LATER + timedelta(days=14))
    parts = [Part(on, usd("100")) for on in days]
    assert instalments.due_next(parts, usd("300"), usd(owed), today) == usd(asked)


def test_what_is_due_on_the_last_day_of_the_calendar_can_be_paid() -> None:
    parts = [Part(date.max, usd("9"))]
    assert instalments.due_next(parts, usd("9"), usd("9"), DAY) == usd("9")
