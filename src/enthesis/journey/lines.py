"""The lines of consents, estimates and the decision aid, in a language, filled in."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from enthesis.knowledge.kinds import Knowledge
from enthesis.knowledge.translate import MONTHS

ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Lines:
    """What is known, in the words of a language; English where there is no translation."""

    known: Knowledge
    language: str = ENGLISH

    def line(self, id: str, **put_in: object) -> str:
        """One line, filled in."""
        known = self.known
        if id in known.consent_texts:
            told = known.consent_words.get(self.language)
            text = told.texts[id] if told else known.consent_texts[id].text
        elif id in known.estimate_texts:
            told = known.estimate_words.get(self.language)
            text = told.texts[id] if told else known.estimate_texts[id].text
        else:
            aid = known.choice_words.get(self.language)
            text = aid.texts[id] if aid else known.choice_lines.texts[id]
        return text.format(**put_in)

    def word(self, english: str) -> str:
        """A word or a name; one without a translation, like a clinic's own, stays as it is."""
        for held in (
            self.known.consent_words,
            self.known.choice_words,
            self.known.estimate_words,
        ):
            into = held.get(self.language)
            if into and english in into.words:
                return into.words[english]
        return english

    def count(self, number: int, thing: str) -> str:
        """1 session, 4 sessions."""
        return self.word(f"1 {thing}") if number == 1 else f"{number} {self.word(f'{thing}s')}"

    def day(self, on: date) -> str:
        """26 Nov 2026, in the language's own way."""
        told = self.known.visit_words.get(self.language)
        month = MONTHS[on.month - 1]
        if told is None:
            return f"{on.day} {month} {on.year}"
        return told.words["date"].format(day=on.day, month=told.words[month], year=on.year)

    def time(self, english: str) -> str:
        """6 months, 24 weeks."""
        return " ".join(self.word(part) for part in english.split())

    def weeks(self, weeks: Decimal) -> str:
        """A time as people say it: 6 weeks, about 3 months, about a year."""
        return self.time(plain_time(weeks))

    def gap(self, low: float, high: float, places: int = 0, thing: str = "") -> str:
        """An interval as people say it: from 13 points less to 6 points more. `thing`: "points"."""
        ends = [Decimal(f"{end:.{places}f}") for end in (low, high)]
        less, more = ends[0] < 0, ends[1] > 0
        if not (less or more):
            return self.line("gap-none")
        if less and more:
            said = [self._size(end, thing) for end in ends]
            return self.line("gap-both", low=said[0], high=said[1])
        near, far = sorted(ends, key=abs)
        start = self._size(near, "") if near else self.line("gap-zero")
        return self.line("gap-less" if less else "gap-more", low=start, high=self._size(far, thing))

    def _size(self, number: Decimal, thing: str) -> str:
        size = short(abs(number))
        if not thing:
            return size
        one = self.word(f"1 {thing.removesuffix('s')}")
        return one if size == "1" else f"{size} {self.word(thing)}"


WEEKS_A_MONTH = Decimal(365) / 12 / 7
EXACT, NEAR, NEAR_A_YEAR = Decimal("0.1"), Decimal("0.3"), Decimal("1.5")
"""How many months off still counts as exact, as about so many months, as about a year."""


def plain_time(weeks: Decimal) -> str:
    """Weeks as people say them; from three months on in months, near whole years in years."""
    months = weeks / WEEKS_A_MONTH
    whole, years = round(months), round(months / 12)
    if weeks < 12:
        return f"{short(weeks)} {'week' if weeks == 1 else 'weeks'}"
    if years and abs(months - 12 * years) <= NEAR_A_YEAR:
        if abs(months - 12 * years) <= EXACT:
            return f"{years} {'year' if years == 1 else 'years'}"
        return "about a year" if years == 1 else f"about {years} years"
    if abs(months - whole) > NEAR:
        return f"{short(weeks)} weeks"
    return f"{'' if abs(months - whole) <= EXACT else 'about '}{whole} months"


def short(value: Decimal) -> str:
    """Without trailing zeros."""
    return f"{value.normalize():f}"
