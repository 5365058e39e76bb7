"""A question to the clinic by anybody: what becomes of it follows from its facts, in their order.

It is published only while both agree: who asked, and the clinic. Either takes it back alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from enthesis.knowledge.enquiries import EnquiryRules
from enthesis.knowledge.kinds import Knowledge


class Fact(StrEnum):
    """What happened to an enquiry; facts are only added."""

    ANSWERED = "answered"
    SET_ASIDE = "set_aside"
    PUBLISHED = "published"
    TAKEN_BACK = "taken_back"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an enquiry stands."""

    waits: bool
    answered: bool
    asker_agrees: bool
    may_be_published: bool
    shown: bool


def standing(asker_agreed: bool, facts: Iterable[Fact]) -> Standing:
    """What the facts come to. `asker_agreed` is what the asker ticked when asking."""
    told = tuple(facts)
    answered = Fact.ANSWERED in told
    agrees = asker_agreed and Fact.WITHDRAWN not in told
    may = answered and agrees
    clinic = [fact for fact in told if fact in (Fact.PUBLISHED, Fact.TAKEN_BACK)]
    return Standing(
        waits=not answered and Fact.SET_ASIDE not in told,
        answered=answered,
        asker_agrees=agrees,
        may_be_published=may,
        shown=may and clinic[-1:] == [Fact.PUBLISHED],
    )


def too_many(in_hour: int, in_day: int, rules: EnquiryRules) -> str:
    """The line that refuses one more question; empty where it is taken. `in_hour` came from the
    same address within the hour, `in_day` to the same clinic within the day."""
    if in_hour >= rules.hourly_most:
        return "wrong-hour"
    return "wrong-day" if in_day >= rules.daily_most else ""


def names_asker(wordings: Sequence[str], name: str, email: str) -> bool:
    """Whether a wording that is to be published says the asker's whole name or e-mail address."""
    told = " ".join(" ".join(wordings).casefold().split())
    sought = (" ".join(who.casefold().split()) for who in (name, email))
    return any(who in told for who in sought if who)


def lines(known: Knowledge, language: str) -> Mapping[str, str]:
    """The lines of page and mail in a language; English where there is no translation."""
    words = known.enquiry_words.get(language)
    return words.texts if words else known.enquiry_lines.texts
