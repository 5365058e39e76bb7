"""A clinic's own questionnaires: files in its data directory, read and checked as the shipped are.

Their questions come after the shipped ones on the same link, and their measures are shown beside
the others; none of them ever decides. A file that is wrong is left out whole, and said to be.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from enthesis.knowledge.kinds import Knowledge, Measure, Question, Questionnaire
from enthesis.knowledge.load import (
    KnowledgeError,
    head_of,
    originals,
    read_entry,
    read_translations,
    shipped_codes,
)
from enthesis.knowledge.references import questionnaire_problems
from enthesis.knowledge.words import Translation

ASKED_WITH = "six_signs"
OCCASIONS = {"baseline", "after_session", "recheck"}
KINDS = {"scale", "choice", "choices", "yes_no", "number", "text", "date"}
# Far above what a patient answers on a telephone: a slip, or the wrong file, is caught.
MOST_BYTES, MOST_QUESTIONS, MOST_OPTIONS, MOST_STEPS, MOST_LETTERS = 200_000, 60, 60, 100, 500
ID = re.compile(r"[a-z][a-z0-9_]{0,39}")
TAKEN = {"screen", "csrfmiddlewaretoken"}  # fields of the patient's page itself


@dataclass(frozen=True, slots=True)
class OwnQuestionnaire:
    """One file: the questions, how they are scored, and their words in other languages."""

    asked: Questionnaire
    measures: tuple[Measure, ...]
    translations: Mapping[str, Translation]


def read_own(
    folder: Path, shipped: Knowledge, *more: Path
) -> tuple[tuple[OwnQuestionnaire, ...], tuple[str, ...]]:
    """The files of some folders that can be used, and what is wrong with the others."""
    found: list[OwnQuestionnaire] = []
    problems: list[str] = []
    for path in (path for one in (folder, *more) for path in originals(one)):
        try:
            own = _read(path)
            for problem in _problems(own, shipped, found):
                raise KnowledgeError(path.name, problem)
            found.append(own)
        except KnowledgeError as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(f"{path.name}: cannot be read: {error.strerror}")
    return tuple(found), tuple(problems)


def _read(path: Path) -> OwnQuestionnaire:
    spoken = sorted(path.parent.glob(f"{path.stem}.*.toml"))
    for file in (path, *spoken):
        if file.stat().st_size > MOST_BYTES:
            raise KnowledgeError(file.name, f"is larger than {MOST_BYTES:,} bytes")
    data = head_of(path, path.name, {})
    plain = data.pop("measure", [])
    if not isinstance(plain, list):
        raise KnowledgeError(path.name, "measure: write [[measure]] above each")
    measures = tuple(
        read_entry(Measure, one, path.name, f"measure[{i}]").value for i, one in enumerate(plain)
    )
    entry = read_entry(Questionnaire, data, path.name, "")
    words = read_translations(spoken, [entry], {})
    return OwnQuestionnaire(entry.value, measures, {key[0]: t for key, t in words.items()})


def _problems(
    own: OwnQuestionnaire, shipped: Knowledge, others: Collection[OwnQuestionnaire]
) -> Iterator[str]:
    yield from questionnaire_problems(own.asked, shipped_codes())
    if own.asked.id in {*shipped.questionnaires, *(other.asked.id for other in others)}:
        yield f"questionnaire {own.asked.id!r} is there already; give it another id"
    if len(own.asked.questions) > MOST_QUESTIONS:
        yield f"asks {len(own.asked.questions)} questions; at most {MOST_QUESTIONS}"
    yield from _occasion_problems(own.asked.occasions, "occasions")
    for id in (own.asked.id, *(m.id for m in own.measures)):
        yield from _id_problems(id)
    for question in own.asked.questions:
        yield from _question_problems(question)
    taken = {q.id for asked in shipped.questionnaires.values() for q in asked.questions}
    measured = set(shipped.measures)
    for other in others:
        taken |= {q.id for q in other.asked.questions}
        measured |= {measure.id for measure in other.measures}
    for question in own.asked.questions:
        if question.id in taken:
            yield f"question {question.id!r} is asked already; give it another id"
    asked = {question.id for question in own.asked.questions}
    for measure in own.measures:
        if measure.id in measured:
            yield f"measure {measure.id!r} is there already; give it another id"
        if measure.role != "supports" or measure.sign:
            yield f"measure {measure.id!r}: leave out role and sign; it is shown and never decides"
        if missing := sorted(set(measure.items) - asked):
            yield f"measure {measure.id!r}: items {missing} are not among the questions"
        if measure.scoring not in ("value", "mean", "sum", "count"):
            yield f"measure {measure.id!r}: scoring must be value, mean, sum or count"


def _question_problems(question: Question) -> Iterator[str]:
    """What would break the page of a patient, or leave a question that nobody can answer."""
    at = f"question {question.id!r}"
    yield from _id_problems(question.id)
    yield from _occasion_problems(question.occasions, f"{at}: occasions")
    if question.kind not in KINDS:
        yield f"{at}: kind {question.kind!r} is none of {', '.join(sorted(KINDS))}"
    labels = [label for _, label in question.options]
    for text in (question.text, question.help, question.low_label, question.high_label, *labels):
        if len(text) > MOST_LETTERS:
            yield f"{at}: a text is longer than {MOST_LETTERS} letters"
    if not question.text.strip() or not all(label.strip() for label in labels):
        yield f"{at}: a text is empty"
    values = [value for value, _ in question.options]
    if question.kind in ("choice", "choices") and not 1 < len(values) <= MOST_OPTIONS:
        yield f"{at}: options: give 2 to {MOST_OPTIONS}"
    if len(values) != len(set(values)) or "" in values:
        yield f"{at}: options: each needs a value of its own"
    low, high = question.minimum, question.maximum
    if question.kind == "scale" and (
        low is None or high is None or not 0 < high - low <= MOST_STEPS
    ):
        yield f"{at}: minimum and maximum: give both, at most {MOST_STEPS} apart"


def _id_problems(id: str) -> Iterator[str]:
    if id in TAKEN:
        yield f"id {id!r} has another meaning on the page; give it another id"
    if not ID.fullmatch(id):
        yield f"id {id!r}: use small letters, digits and _, at most 40, a letter first"


def _occasion_problems(occasions: Iterable[str], where: str) -> Iterator[str]:
    if unknown := sorted({*occasions} - OCCASIONS):
        yield f"{where}: {unknown} are none of {', '.join(sorted(OCCASIONS))}"


def with_own(known: Knowledge, own: Iterable[OwnQuestionnaire]) -> Knowledge:
    """What is known, with the clinic's own questions and measures that have started by then."""
    asked, measures = known.questionnaires[ASKED_WITH], dict(known.measures)
    translations = dict(known.translations)
    for one in own:
        if one.asked.starts_on > known.as_of:
            continue
        questions = (
            replace(
                question,
                occasions=question.occasions or one.asked.occasions,
                source=question.source or one.asked.source,
            )
            for question in one.asked.questions
        )
        asked = replace(asked, questions=(*asked.questions, *questions))
        measures |= {measure.id: measure for measure in one.measures}
        for language, words in one.translations.items():
            key = language, asked.id, asked.version
            if key in translations:
                both = {**translations[key].questions, **words.questions}
                translations[key] = replace(translations[key], questions=both)
    return replace(
        known,
        questionnaires={**known.questionnaires, asked.id: asked},
        measures=measures,
        translations=translations,
    )
