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


def short(value: Decimal) -> str:
    """Without trailing zeros."""
    return f"{value.normalize():f}"
