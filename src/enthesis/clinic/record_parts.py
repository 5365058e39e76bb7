"""The pieces that a patient's whole record on paper is laid out from: plain words, no markup.

`record_courses` and `whole_record` fill them, clinic/documents/record.html prints them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.translation import gettext

from enthesis.journey.lines import Lines


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; the first cell of each names it."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def named(self) -> list[list[tuple[str, str]]]:
        """Each cell of each row with its heading, for a screen too narrow for columns."""
        return [list(zip(self.head, row, strict=False)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Part:
    """Something that happened, or a kind of it: what is known as (name, words), then sentences."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    parts: tuple["Part", ...] = ()

    @property
    def says(self) -> bool:
        """Whether there is anything under the title."""
        return bool(self.facts or self.lines or self.tables or self.parts)

    @property
    def told(self) -> str:
        """The facts, a line each."""
        return "\n".join(f"{name}: {words}" for name, words in self.facts)

    @property
    def said(self) -> str:
        """The sentences, a line each."""
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class Speech:
    """The patient's language and the clinic's clock, for whatever is said here."""

    said: Lines
    zone: ZoneInfo

    def day(self, on: date) -> str:
        """26 Nov 2026, in the language's own way."""
        return self.said.day(on)

    def at(self, moment: datetime) -> str:
        """26 Nov 2026, 14:05, where the clinic is."""
        local = moment.astimezone(self.zone)
        return f"{self.day(local.date())}, {local:%H:%M}"

    def on(self, moment: datetime) -> date:
        """The day of a moment where the clinic is."""
        return moment.astimezone(self.zone).date()


def short(value: Decimal) -> str:
    """Without trailing zeros."""
    return f"{value.normalize():f}"


def kept(facts: Iterable[tuple[str, object]]) -> tuple[tuple[str, str], ...]:
    """Those that say something."""
    return tuple((name, str(value)) for name, value in facts if value not in (None, ""))


def yes_no(answer: bool) -> str:
    """In the language that is switched on."""
    return gettext("yes") if answer else gettext("no")


def filled(parts: Iterable[Part]) -> Iterator[Part]:
    """Those with something in them."""
    return (part for part in parts if part.says)
