"""The lines of a consent in a language, with what is put into them."""

from dataclasses import dataclass
from decimal import Decimal

from enthesis.knowledge.kinds import Knowledge

ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Lines:
    """What is known, in the words of a language; English where there is no translation."""

    known: Knowledge
    language: str = ENGLISH

    def line(self, id: str, **put_in: object) -> str:
        """One line, filled in."""
        into = self.known.consent_words.get(self.language)
        text = into.texts[id] if into else self.known.consent_texts[id].text
        return text.format(**put_in)

    def word(self, english: str) -> str:
        """A word or a name; one without a translation, like a clinic's own, stays as it is."""
        into = self.known.consent_words.get(self.language)
        return into.words.get(english, english) if into else english

    def count(self, number: int, thing: str) -> str:
        """1 session, 4 sessions."""
        return self.word(f"1 {thing}") if number == 1 else f"{number} {self.word(f'{thing}s')}"

    def time(self, english: str) -> str:
        """6 months, 24 weeks."""
        return " ".join(self.word(part) for part in english.split())


def short(value: Decimal) -> str:
    """Without trailing zeros."""
    return f"{value.normalize():f}"
