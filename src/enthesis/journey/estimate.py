"""The estimate of a series: what it should cost, what it came to for others, and how far the bills
have come.

The total that counts is that of the sessions as planned. The line above it (in the United States
$400) is reached when the bills come to the total plus the line exactly: a cent less is not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from enthesis.journey.expect import sessions_by
from enthesis.journey.tariff import (
    CONSULTATION,
    Line,
    Tariff,
    agreed,
    bill,
    total,
)
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Plan
from enthesis.units import Money

TENTHS = (Fraction(1, 10), Fraction(1, 2), Fraction(9, 10))


@dataclass(frozen=True, slots=True)
class Spread:
    """After which session 10, 50 and 90 of 100 of the clinic's own `courses` had ended; None: so
    many had not ended by the last session seen."""

    courses: int
    low: int | None
    middle: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """`session`: the lines of one session with discount and tax; `once`: what is charged with the
    first one besides, its discount and tax in it. `own_courses`: how many of the clinic's own there
    are; `spread` says what they came to, None while they are fewer than `enough`."""

    made_on: date
    tariff: Tariff
    discount: str
    session: tuple[Line, ...]
    first: tuple[Line, ...]
    sessions: int
    most: int
    interval_days: int
    own_courses: int
    enough: int
    spread: Spread | None = None

    @property
    def each(self) -> Money:
        """One session after the first."""
        return total(self.session)

    @property
    def expected(self) -> Money:
        """The estimate: the sessions as planned."""
        return self.of(self.sessions)

    @property
    def highest(self) -> Money:
        """If it takes the most that was agreed."""
        return self.of(self.most)

    def of(self, sessions: int) -> Money:
        """What so many sessions come to; the first may hold a consultation."""
        if not sessions:
            return self.each * 0
        return total(self.first) + self.each * (sessions - 1)

    def spread_totals(self) -> tuple[Money, Money, Money] | None:
        """The price at the 10th, 50th and 90th percentile; never more than was agreed at most."""
        if self.spread is None:
            return None
        seen = (self.spread.low, self.spread.middle, self.spread.high)
        low, middle, high = (self.of(min(at or self.most, self.most)) for at in seen)
        return low, middle, high


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the bills have come. `coming`: the next bill, zero where none is to come."""

    expected: Money
    billed: Money
    coming: Money
    line: Money

    @property
    def over(self) -> Money:
        """By how much the bills pass the estimate so far; below zero while they do not."""
        return self.billed - self.expected

    @property
    def has_passed(self) -> bool:
        """Whether the bills stand at the line or beyond it."""
        return self.over >= self.line

    @property
    def would_pass(self) -> bool:
        """Whether the next bill would bring them there: to be said before it is made."""
        return not self.has_passed and self.over + self.coming >= self.line

    @property
    def after_next(self) -> Money:
        """By how much the bills would pass the estimate with the next one."""
        return self.over + self.coming


def estimate(
    plan: Plan,
    tariff: Tariff,
    known: Knowledge,
    made_on: date,
    *,
    discount: str = "",
    consultation: bool = False,
    own: Iterable[tuple[int, bool]] = (),
) -> Estimate:
    """The estimate of a plan at the prices of the day on which it was agreed. `own` are the
    clinic's courses of the same protocol: (sessions given, whether the series has ended)."""
    lines, given = agreed(plan, tariff, known), [one for one in own if one[0] > 0]
    price = tariff.prices.get(CONSULTATION) if consultation else None
    text = known.tariff_parts[CONSULTATION].text
    extra = () if price is None else (Line(CONSULTATION, text, 1, price),)
    enough = known.estimate_rules.enough_courses
    tenths = sessions_by(given, TENTHS) if len(given) >= enough else None
    return Estimate(
        made_on=made_on,
        tariff=tariff,
        discount=discount,
        session=bill(lines, tariff, known, discount),
        first=bill((*lines, *extra), tariff, known, discount),
        sessions=plan.sessions_planned,
        most=plan.sessions_max,
        interval_days=plan.interval_days,
        own_courses=len(given),
        enough=enough,
        spread=Spread(len(given), *tenths) if tenths else None,
    )


def holds_until(made_on: date, months: int) -> date:
    """The last day on which an estimate of a day holds: so many months on, the day before."""
    year, month = divmod(made_on.month - 1 + months, 12)
    first_after = date(made_on.year + year, month + 1, min(made_on.day, 28))
    return date.fromordinal(first_after.toordinal() - 1)


def missing(fields: Mapping[str, object]) -> tuple[str, ...]:
    """Which of the fields that a paper should have are not known."""
    return tuple(name for name, value in fields.items() if not value)


def outcome(standing: Standing) -> str:
    """Which line of the texts says what it came to."""
    if standing.over.amount == 0:
        return "after-same"
    return "after-more" if standing.over.amount > 0 else "after-less"
