"""Questions to the clinic from its public page: limits, and the words of page and mail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class EnquiryRules:
    """How many questions are taken, of one network address in an hour and of one clinic in a day;
    how soon after the page was opened no human sends, and until when it may be sent; how long a
    question may be; and for how many days the asker's name and e-mail are kept."""

    starts_on: date
    hourly_most: int
    daily_most: int
    human_seconds: int
    proof_minutes: int
    question_characters: int
    keep_days: int
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EnquiryLines:
    """The lines of the page and of the mail by id."""

    starts_on: date
    texts: Mapping[str, str]
    source: str


@dataclass(frozen=True, slots=True)
class EnquiryWords:
    """The same lines in another language."""

    language: str
    translator: str
    texts: Mapping[str, str]
