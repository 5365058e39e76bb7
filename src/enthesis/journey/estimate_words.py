"""What an estimate says: its sections in a language, and a row for each item that is charged.

The fields are those that 45 CFR 149.610(c)(1) asks for; each line's source stands beside its text
in rules/estimate.toml. What a paper lacks is named on it and never left out in silence.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from enthesis.journey.estimate import Estimate, Standing, holds_until, missing, outcome
from enthesis.journey.lines import ENGLISH, Lines
from enthesis.journey.tariff import SESSION
from enthesis.units import Money, money_words

PREFIX = "est-"


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around a price on paper, as it was on the day: who, for whom, for what.
    `diagnoses` are (code, name); `booked` the days of sessions known by then."""

    clinic: str
    phone: str
    address: str
    tax_id: str
    npi: str
    provider: str
    patient: str
    number: int
    born_on: date | None
    condition: str
    line: Money
    diagnoses: tuple[tuple[str, str], ...] = ()
    booked: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with its lines."""

    id: str
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One item over the whole series as planned."""

    text: str
    code: str
    units: int
    total: Money


@dataclass(frozen=True, slots=True)
class Told:
    """An estimate in words."""

    language: str
    title: str
    sections: tuple[Section, ...]
    rows: tuple[Row, ...]
    expected: Money
    missing: tuple[str, ...]


def told(
    estimate: Estimate,
    around: Around,
    said: Lines,
    standing: Standing | None = None,
    over_on: date | None = None,
    sessions_billed: int = 0,
) -> Told:
    """The estimate in a language. `standing` once there are bills; `over_on` None: the series has
    ended, else the day on which it stands so."""
    lacks = missing(
        {
            "address": around.address,
            "tax_id": around.tax_id,
            "npi": around.npi,
            "born_on": around.born_on,
            "diagnosis": around.diagnoses,
        }
    )
    parts = {
        "what": _what(estimate, around, said),
        "costs": _costs(estimate, said),
        "spread": _spread(estimate, said),
        "covered": _covered(around),
        "know": _know(estimate, around, said),
        "who": _who(lacks, said),
    }
    if standing is not None:
        parts = {"after": _after(estimate, standing, over_on, sessions_billed, said), **parts}
    sections = tuple(
        Section(id, say(said, f"title-{id}"), lines)
        for id, found in parts.items()
        if (lines := tuple(_line(said, one) for one in found))
    )
    return Told(
        said.language,
        say(said, "title"),
        sections,
        tuple(rows(estimate, said)),
        estimate.expected,
        lacks,
    )


def say(said: Lines, id: str, **put_in: object) -> str:
    """One line of rules/estimate.toml."""
    return said.line(f"{PREFIX}{id}", **put_in)


def rows(estimate: Estimate, said: Lines) -> Iterator[Row]:
    """Each item over the series as planned: the first session, and those after it."""
    later = estimate.sessions - 1
    more = {line.item: line for line in estimate.session}
    for line in estimate.first:
        after = more.get(line.item)
        units, total = line.units, line.total
        if after is not None:
            units, total = units + after.units * later, total + after.total * later
        yield Row(said.word(line.text), line.code, units, total)


Said = tuple[str, dict[str, object]] | str


def _line(said: Lines, one: Said) -> str:
    id, fills = (one, {}) if isinstance(one, str) else one
    return say(said, id, **fills)


def _what(estimate: Estimate, around: Around, said: Lines) -> Iterator[Said]:
    condition = said.word(around.condition)
    yield (
        "what-series",
        {
            "condition": condition[:1].upper() + condition[1:],
            "planned": said.count(estimate.sessions, "session"),
            "most": said.count(estimate.most, "session"),
            "days": estimate.interval_days,
        },
    )
    if around.booked:
        yield "what-booked", {"dates": ", ".join(said.day(on) for on in around.booked)}
    else:
        yield "what-not-booked"
    for code, name in around.diagnoses:
        # The official names are in English only.
        is_named = name and said.language == ENGLISH
        yield "what-diagnosis", {"code": f"{code} ({name})" if is_named else code}
    if not around.diagnoses:
        yield "what-no-diagnosis"


def _costs(estimate: Estimate, said: Lines) -> Iterator[Said]:
    yield "cost-session", {"each": money_words(estimate.each)}
    planned = said.count(estimate.sessions, "session")
    yield "cost-planned", {"planned": planned, "total": money_words(estimate.expected)}
    if estimate.most > estimate.sessions:
        most = said.count(estimate.most, "session")
        yield "cost-most", {"most": most, "total": money_words(estimate.highest)}
    yield "cost-stop"
    if estimate.tariff.prices:
        yield "cost-extra", {"day": said.day(estimate.tariff.on)}
    if estimate.discount or any(line.item == "tax" for line in estimate.session):
        yield "cost-rounding"


def _spread(estimate: Estimate, said: Lines) -> Iterator[Said]:
    spread, totals = estimate.spread, estimate.spread_totals()
    if spread is None or totals is None:
        counts = {"courses": estimate.own_courses, "enough": estimate.enough}
        yield "spread-few", dict[str, object](counts)
        return
    if spread.high is None:
        highest = money_words(estimate.highest)
        yield "spread-open", {"courses": spread.courses, "total": highest}
    else:
        low, middle, high = (money_words(one) for one in totals)
        fills = {"low": spread.low, "middle": spread.middle, "high": spread.high}
        yield (
            "spread-own",
            fills
            | {"courses": spread.courses}
            | {"low_total": low, "middle_total": middle, "high_total": high},
        )
    yield "spread-why"


def _covered(around: Around) -> Iterator[Said]:
    yield "covered-you"
    if around.line.currency == "USD":
        yield from ("covered-medicare", "covered-private", "covered-va")


def _know(estimate: Estimate, around: Around, said: Lines) -> Iterator[Said]:
    rules = said.known.estimate_rules
    yield from ("know-only", "know-contract", "know-separate", "know-other")
    # The right to a review begins at the law's line, wherever the clinic is warned.
    if law := _law_line(around.line.currency, said):
        yield "know-dispute", {"line": money_words(law)}
    else:
        yield "know-dispute-elsewhere", {"line": money_words(around.line)}
    yield "know-care"
    yield "know-months", {"day": said.day(holds_until(estimate.made_on, rules.months))}
    yield "know-keep"


def _who(lacks: tuple[str, ...], said: Lines) -> Iterator[Said]:
    if lacks:
        yield "who-missing", {"fields": fields(lacks, said)}


def fields(lacks: tuple[str, ...], said: Lines) -> str:
    """What a paper lacks, in words."""
    return ", ".join(say(said, f"field-{one}") for one in lacks)


def _after(
    estimate: Estimate, standing: Standing, on: date | None, billed: int, said: Lines
) -> Iterator[Said]:
    yield (
        outcome(standing),
        {
            "expected": money_words(standing.expected),
            "billed": money_words(standing.billed),
            "difference": money_words(
                standing.over if standing.over.amount > 0 else -standing.over
            ),
            "given": said.count(billed, "session"),
            "planned": said.count(estimate.sessions, "session"),
        },
    )
    law = _law_line(standing.line.currency, said)
    if law is not None and standing.over >= law:
        yield "after-line", {"line": money_words(law)}
    if on is not None:
        yield "after-going", {"day": said.day(on)}


def _law_line(currency: str, said: Lines) -> Money | None:
    """From how far above the estimate on a bill may be disputed; None outside the United States."""
    return Money(Decimal(said.known.estimate_rules.line), currency) if currency == "USD" else None


def bill_text(item: str, text: str, said: Lines, number: int, on: date | None) -> str:
    """A line of a bill in a language: by the item of the tariff, else as it was written."""
    if item == SESSION and on is not None:
        return f"{said.word(said.known.tariff[SESSION].text)} {number}, {said.day(on)}"
    part = said.known.tariff_parts.get(item)
    return said.word(part.text) if part else text
