"""The clinic's prices by date, and what a session costs under those of one day.

Money is exact. A discount and a tax are percentages: each is worked out once for a bill, on its
sum, and rounded half up to the currency's smallest coin (`units.Money`). A price of an old day is
found again by asking for the tariff of that day.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Mixture, Plan, SiteDose
from enthesis.units import Money

SESSION = "session"
CONSULTATION = "consultation"
TAX = "tax"


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """A price as the clinic set it, or a percentage. `amount` None: no longer charged, and for the
    session the default again. `included`: so many before it is charged."""

    item: str
    starts_on: date
    amount: Decimal | None
    included: int = 0


@dataclass(frozen=True, slots=True)
class Tariff:
    """What holds on one day: the price of a session, of other parts, and percentages by item."""

    on: date
    session: Money
    prices: Mapping[str, Money]
    percents: Mapping[str, Decimal]
    included: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Contents:
    """What one session holds, as far as it is charged."""

    regions: int
    injections: int
    solutions: int
    guidance: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill or an estimate: so many units of an item of the tariff. A discount is
    below zero. `code` is the billing code, empty where there is none."""

    item: str
    text: str
    units: int
    each: Money
    code: str = ""

    @property
    def total(self) -> Money:
        """Exact: whole units of an exact price."""
        return self.each * self.units


def tariff_on(
    on: date,
    own: Iterable[OwnPrice],
    known: Knowledge,
    currency: str,
    first: Decimal | None = None,
) -> Tariff:
    """The prices of a day: of each item the one that started last by then, the later entered of
    two. `first` is the clinic's price of a session before any with a date; else the shipped one.

    Raises ValueError where the shipped price is in another currency than the clinic's.
    """
    # Sorting is stable: of two from one day the later entered stays last.
    held = {one.item: one for one in sorted(own, key=lambda o: o.starts_on) if one.starts_on <= on}
    set_to = {
        item: one.amount
        for item, one in held.items()
        if one.amount is not None and (item == SESSION or item in known.tariff_parts)
    }
    session = set_to.pop(SESSION, first if SESSION not in held else None)
    units = {item: known.tariff_parts[item].unit for item in set_to}
    return Tariff(
        on,
        Money(session, currency) if session is not None else _shipped(known, currency),
        {item: Money(set_to[item], currency) for item in set_to if units[item] == "money"},
        {item: set_to[item] for item in set_to if units[item] == "percent"},
        {item: held[item].included for item in set_to if held[item].included},
    )


def _shipped(known: Knowledge, currency: str) -> Money:
    usual = known.tariff[SESSION].usual
    if usual.currency != currency:
        raise ValueError(f"The default price is in {usual.currency}: set one in {currency}.")
    return usual


def contents(
    sites: Collection[SiteDose],
    mixtures: Iterable[Mixture],
    known: Knowledge,
    guidance: Iterable[str] = (),
) -> Contents:
    """What a session with these places holds: mixtures that are used, guidance by its kind."""
    used = {dose.mixture for dose in sites}
    return Contents(
        regions=len({known.sites[dose.site].region for dose in sites if dose.site in known.sites}),
        injections=len(sites),
        solutions=sum(mixture.key in used for mixture in mixtures),
        guidance=tuple(sorted(set(guidance) & known.tariff_parts.keys())),
    )


def planned_contents(plan: Plan, known: Knowledge) -> Contents:
    """What a session of the plan holds, guided as its protocol says."""
    protocol = known.protocol_of(plan)
    places = {dose.site for dose in plan.sites}
    guided = [part.guidance for part in protocol.sites if part.site in places] if protocol else []
    return contents(plan.sites, plan.mixtures, known, guided)


def priced(held: Contents, tariff: Tariff, known: Knowledge) -> tuple[Line, ...]:
    """What a session with these contents costs, item by item, before discount and tax."""
    item = known.tariff[SESSION]
    rest = (
        Line(id, known.tariff_parts[id].text, units, price)
        for id, price in tariff.prices.items()
        if (units := _units(id, held, tariff, known))
    )
    return (Line(SESSION, item.text, 1, tariff.session, item.code), *rest)


def _units(item: str, held: Contents, tariff: Tariff, known: Knowledge) -> int:
    counted = {
        "region": held.regions - 1,
        "injection": held.injections - tariff.included.get(item, 0),
        "solution": held.solutions,
        "guidance": int(item in held.guidance),
    }
    return max(0, counted.get(known.tariff_parts[item].per, 0))


def agreed(plan: Plan, tariff: Tariff, known: Knowledge) -> tuple[Line, ...]:
    """The agreed price of one session: item by item where the tariff comes to it, else in one."""
    lines = priced(planned_contents(plan, known), tariff, known)
    if total(lines) == plan.price_per_session:
        return lines
    item = known.tariff[SESSION]
    return (Line(SESSION, item.text, 1, plan.price_per_session, item.code),)


def beyond(plan: Plan, held: Contents, tariff: Tariff, known: Knowledge) -> tuple[Line, ...]:
    """What a session held beyond its plan, at the tariff's price. What it held less changes
    nothing: the price of a session was agreed."""
    planned = {
        line.item: line.units for line in priced(planned_contents(plan, known), tariff, known)
    }
    return tuple(
        Line(line.item, line.text, more, line.each)
        for line in priced(held, tariff, known)
        if line.item != SESSION and (more := line.units - planned.get(line.item, 0)) > 0
    )


def discounts(tariff: Tariff, known: Knowledge) -> Mapping[str, Decimal]:
    """The discounts that can be chosen on a day, in percent."""
    parts = known.tariff_parts
    return {id: of for id, of in tariff.percents.items() if parts[id].per == "discount" and of}


def bill(
    lines: tuple[Line, ...], tariff: Tariff, known: Knowledge, discount: str = ""
) -> tuple[Line, ...]:
    """The lines with the discount and the tax of the tariff: each on the sum, rounded once."""
    if discount:
        off = -_share(total(lines), tariff.percents[discount])
        lines = (*lines, Line(discount, known.tariff_parts[discount].text, 1, off))
    if tax := tariff.percents.get(TAX):
        lines = (*lines, Line(TAX, known.tariff_parts[TAX].text, 1, _share(total(lines), tax)))
    return lines


def total(lines: Collection[Line]) -> Money:
    """The sum; ValueError without a line, or when currencies are mixed."""
    if not lines:
        raise ValueError("A sum of money needs at least one line.")
    first, *rest = (line.total for line in lines)
    return sum(rest, start=first)


def _share(of: Money, percent: Decimal) -> Money:
    return Money(of.amount * percent / 100, of.currency)
