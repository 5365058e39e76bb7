"""What the median patient meets on a link: screens, taps, words and seconds, and how it is scored.

`docs.make_reference` writes docs/reference/questionnaires.md with this. The seconds are a model
with stated times; python -m docs.time_questionnaires adds the server's, measured.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from enthesis.journey import follow
from enthesis.knowledge.kinds import Knowledge, Measure, Question
from enthesis.knowledge.translate import in_language
from enthesis.records import Answer, Occasion

WORDS_PER_MINUTE = 238
TYPED_WORDS_PER_MINUTE = 36.2
LETTERS_PER_TYPED_WORD = 5
SECONDS_TO_TAP = 1.5
TIMES = (
    f"Reading {WORDS_PER_MINUTE} words a minute (Brysbaert 2019, adults, English non-fiction, most "
    "175 to 300, https://doi.org/10.1016/j.jml.2019.104047; used for Spanish too), typing "
    f"{TYPED_WORDS_PER_MINUTE} words of five letters a minute (Palin and others 2019, 37,370 "
    "volunteers, https://www.repository.cam.ac.uk/handle/1810/302037), "
    f"{SECONDS_TO_TAP} seconds to decide and tap (UNSOURCED). Every question is read whole, the "
    "words of an answer that comes again only once."
)
# The one who is neither better nor worse: two activities, nothing alarming, ten back sentences, as
# half of the invented patients tick at most.
NAMES = {
    "en": {"activity_1_name": "put on socks", "activity_2_name": "walk for an hour"},
    "es": {"activity_1_name": "ponerme los calcetines", "activity_2_name": "caminar una hora"},
}
BACK_SENTENCES = 10
WORDS = {"en": "English", "es": "Spanish"}
ASKED = "six_signs"


@dataclass(frozen=True)
class Walk:
    """One set of answers as met by the median patient. `taps` include those on the button."""

    screens: int
    items: int
    taps: int
    letters: int
    words: int

    @property
    def seconds(self) -> float:
        typed_words = self.letters / LETTERS_PER_TYPED_WORD
        minutes = self.words / WORDS_PER_MINUTE + typed_words / TYPED_WORDS_PER_MINUTE
        return 60 * minutes + SECONDS_TO_TAP * self.taps


def answer(question: Question, language: str) -> Answer:
    """What the median patient says."""
    if question.kind == "text":
        return NAMES[language].get(question.id)
    if question.kind == "choices":
        values = [value for value, _ in question.options]
        return tuple(values[1 : 1 + BACK_SENTENCES]) if question.id == "rmdq" else (values[0],)
    return question.options[0][0] if question.options else "5"


def walk(known: Knowledge, occasion: Occasion, region: str, language: str) -> Walk:
    """The way from the first screen to the last."""
    spoken = in_language(known, language)
    earlier = {} if occasion is Occasion.BASELINE else NAMES[language]
    answers: dict[str, Answer] = {}
    while True:
        asked = follow.visible_questions(
            spoken.questionnaires[ASKED], occasion, answers, spoken, earlier, region
        )
        fresh = [question for question in asked if question.id not in answers]
        if not fresh:
            return _counted(asked, answers, spoken.questionnaires[ASKED].intro)
        answers[fresh[0].id] = answer(fresh[0], language)


def _counted(asked: tuple[Question, ...], answers: Mapping[str, Answer], intro: str) -> Walk:
    screens = len(follow.screens(asked))
    tapped, letters = screens, 0
    for question in asked:
        given = answers[question.id]
        if question.kind == "text":
            letters += len(str(given or ""))
            tapped += bool(given)  # into the field
        else:
            tapped += len(given) if isinstance(given, tuple) else 1
    # Every word once: whoever has read "Several days" knows it on the next screen. A scale's
    # numbers are seen at a glance.
    labels = dict.fromkeys(label for question in asked for label in _labels(question))
    texts = [text for question in asked for text in (question.text, question.help)]
    words = sum(len(text.split()) for text in (intro, *texts, *labels))
    return Walk(screens, len(asked), tapped, letters, words)


def _labels(question: Question) -> tuple[str, ...]:
    return (*(label for _, label in question.options), question.low_label, question.high_label)


def walk_rows(known: Knowledge) -> Iterator[tuple[object, ...]]:
    """One row per occasion, region and language."""
    for occasion in Occasion:
        for region, place in (("low_back", "back"), ("knee", "knee")):
            for language, name in WORDS.items():
                one = walk(known, occasion, region, language)
                yield (
                    *(occasion.replace("_", " "), place, name, one.screens, one.items),
                    *(one.taps, one.letters, one.words, round(one.seconds)),
                )


def question_rows(known: Knowledge) -> Iterator[tuple[object, ...]]:
    """Each question in both languages, with when it is asked."""
    spanish = {q.id: q for q in in_language(known, "es").questionnaires[ASKED].questions}
    for one in known.questionnaires[ASKED].questions:
        when = ", ".join(o.replace("_", " ") for o in one.occasions) or "always"
        regions = f"; only {', '.join(one.regions)}" if one.regions else ""
        yield (
            *(one.id, f"{when}{regions}", _full(one), _full(spanish[one.id])),
            *(one.code or "none", one.source),
        )


def _full(question: Question) -> str:
    ends = f" {question.minimum} {question.low_label} … {question.maximum} {question.high_label}"
    options = "; ".join(f"{value}: {label}" for value, label in question.options)
    return f"{question.text} {options}{ends if question.low_label else ''}".strip()


def scoring(measure: Measure) -> str:
    """How a measure is made of answers."""
    items = ", ".join(measure.items)
    missing = "all needed" if measure.missing == "all" else "of those answered"
    return f"{measure.scoring} of {items}; {missing}"
