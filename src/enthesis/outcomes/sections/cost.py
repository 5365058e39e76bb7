"""What was paid for each course that reached its target, all the others counted in."""

from decimal import Decimal

import numpy as np

from enthesis.charts.curves import Table
from enthesis.charts.dot_rows import DotRow, DotRows, dot_rows_svg
from enthesis.outcomes import cohort
from enthesis.outcomes.cost import CostPerReached, cost_per_reached
from enthesis.outcomes.sections.parts import Asked, Figure, Section
from enthesis.outcomes.sections.tellable import tellable
from enthesis.units import MINOR_DIGITS, Money, money_words

MEASURE = "Paid by all courses that began, per course that reached its target"
FEW = "Conditions with so few courses that somebody might be recognised are left out."


def cost(asked: Asked) -> tuple[Section, ...]:
    """Cost per course that reached its target, by condition, with a bootstrap interval."""
    rows = cohort.cost(asked.registry, ("condition", "paid_cents")).to_pylist()
    groups: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
    for row in rows:
        told = (row["paid_cents"], row["began"], row["reached_target"])
        groups.setdefault((row["condition"], row["currency"]), []).append(told)
    found = {key: _cost(some, asked.seed) for key, some in groups.items()}
    may = tellable(asked, "paid")
    shown = {key: c for key, c in found.items() if may is None or key in may}
    small = len(shown) < len(found)
    if not shown:
        return (Section("cost", "Too few courses with a charge to give a cost", MEASURE,
                        asked.source),)  # fmt: skip
    cells = tuple(
        (_name(asked, key), str(c.courses), str(c.reached), _money(c.total_cents, key[1]),
         _estimate(c, key[1]))
        for key, c in shown.items()
    )  # fmt: skip
    head = ("Courses", "Began", "Reached the target", "Paid in all",
            "Paid per course that reached it (95 % interval)")  # fmt: skip
    first = next(iter(shown.values()))
    priced = [
        f"{_money(round(c.cents), key[1])} ({_name(asked, key)})"
        for key, c in shown.items()
        if c.cents is not None
    ]
    said = " and ".join(filter(None, (", ".join(priced[:-1]), *priced[-1:])))
    finding = (
        f"Paid for each course that reached its target: {said}"
        if priced
        else first.sentence.removesuffix(".")
    )
    notes = [
        "Lost courses count as not reached: what they paid is in the sum. "
        f"Interval: {first.resamples} seeded resamples of whole courses.",
        *(c.sentence for c in shown.values() if c.sentence),
        *((FEW,) if small else ()),
    ]
    return (Section("cost", finding, MEASURE, asked.source, Table(head, cells),
                    _drawn(asked, shown, finding), tuple(notes)),)  # fmt: skip


def _cost(cells: list[tuple[int, int, int]], seed: int) -> CostPerReached:
    paid, reached = [], []
    for cents, began, hit in cells:
        paid.append(np.full(began, cents, dtype=np.int64))
        reached.append(np.arange(began) < hit)
    return cost_per_reached(np.concatenate(paid), np.concatenate(reached), seed=seed)


def _drawn(asked: Asked, shown: dict[tuple[str, str], CostPerReached], title: str) -> Figure | None:
    """One currency on one scale: amounts of two cannot stand beside each other."""
    currency = next(iter(shown))[1]
    cents = _cents(currency)
    rows = tuple(
        DotRow(
            _name(asked, key), c.cents / cents, (c.low or 0) / cents,
            None if c.high is None else c.high / cents, f"{c.reached} of {c.courses}",
        )
        for key, c in shown.items()
        if c.cents is not None and key[1] == currency
    )  # fmt: skip
    if not rows:
        return None
    axis = f"{currency} paid per course that reached its target"

    def words(amount: float) -> str:
        return _money(round(cents * amount), currency)

    data = DotRows(title, axis, "Reached of began", rows, digits=0, write=words)
    return Figure(dot_rows_svg(data, "wide", "cost"), dot_rows_svg(data, "narrow", "cost"))


def _name(asked: Asked, key: tuple[str, str]) -> str:
    condition = asked.known.conditions.get(key[0])
    return condition.name if condition else key[0]


def _estimate(c: CostPerReached, currency: str) -> str:
    if c.cents is None:
        return "–"
    low, high = (
        "no limit" if end is None else _money(round(end), currency) for end in (c.low, c.high)
    )
    return f"{_money(round(c.cents), currency)} ({low} to {high})"


def _money(cents: int, currency: str) -> str:
    whole = round(cents / _cents(currency))
    if currency not in MINOR_DIGITS:  # of tables that were written elsewhere
        return f"{whole:,} {currency}"
    return money_words(Money(Decimal(whole), currency))


def _cents(currency: str) -> int:
    """How many of its smallest unit a currency has."""
    return int(10 ** MINOR_DIGITS.get(currency, 2))
