"""What a patient reads, in another language: the same questions with the same ids and values.

A translation is a file beside the one that it translates (`six_signs.es.toml`). Ids, values and
scales stay where they are, so an answer scores the same in whichever language it was given.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class QuestionWords:
    """One question in another language; what the original leaves empty stays empty."""

    text: str
    help: str = ""
    low_label: str = ""
    high_label: str = ""
    unit: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Translation:
    """A questionnaire in another language. `of_version` is the version whose words it renders.

    `validated` says of each published instrument whether this is its validated version in that
    language: nobody else's validation speaks for our words.
    """

    language: str
    of: str
    of_version: str
    translator: str
    validated: Mapping[str, str]
    title: str
    questions: Mapping[str, QuestionWords]
    intro: str = ""


@dataclass(frozen=True, slots=True)
class VisitWords:
    """What a patient is told after a visit, by the text's id; `words` are those put into it."""

    language: str
    translator: str
    texts: Mapping[str, str]
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AftercareWords:
    """The lines of the aftercare sheet by id; `pain_pills` by the clinic's choice."""

    language: str
    translator: str
    texts: Mapping[str, str]
    pain_pills: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ConsentWords:
    """The lines of a consent by id; `words` are those put into them, by their English."""

    language: str
    translator: str
    texts: Mapping[str, str]
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ChoiceWords:
    """The decision aid: fields of each option, notes and lines by id, words by their English."""

    language: str
    translator: str
    options: Mapping[str, Mapping[str, str]]
    notes: Mapping[str, str]
    texts: Mapping[str, str]
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SelfCheckWords:
    """The questions of the self-check by id, and what is told to who says yes."""

    language: str
    translator: str
    texts: Mapping[str, str]
    tells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DangerWords:
    """What a patient with a warning sign is told, by rule; `places` are where a number serves."""

    language: str
    translator: str
    tell_patient: Mapping[str, str]
    places: Mapping[str, str]
