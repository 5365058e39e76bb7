"""A clinic's own questionnaires: files in its data directory, read and checked as the shipped are.

Their questions come after the shipped ones on the same link, and their measures are shown beside
the others; none of them ever decides. A file that is wrong is left out whole, and said to be.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from enthesis.knowledge.kinds import Knowledge, Measure, Questionnaire
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


@dataclass(frozen=True, slots=True)
class OwnQuestionnaire:
    """One file: the questions, how they are scored, and their words in other languages."""

    asked: Questionnaire
    measures: tuple[Measure, ...]
    translations: Mapping[str, Translation]


def read_own(
    folder: Path, shipped: Knowledge
) -> tuple[tuple[OwnQuestionnaire, ...], tuple[str, ...]]:
    """The files of a folder that can be used, and what is wrong with the others."""
    found: list[OwnQuestionnaire] = []
    problems: list[str] = []
    for path in originals(folder):
        try:
            own = _read(path)
            for problem in _problems(own, shipped, found):
                raise KnowledgeError(path.name, problem)
            found.append(own)
        except KnowledgeError as error:
            problems.append(str(error))
    return tuple(found), tuple(problems)


def _read(path: Path) -> OwnQuestionnaire:
    data = head_of(path, path.name, {})
    plain = data.pop("measure", [])
    if not isinstance(plain, list):
        raise KnowledgeError(path.name, "measure: write [[measure]] above each")
    measures = tuple(
        read_entry(Measure, one, path.name, f"measure[{i}]").value for i, one in enumerate(plain)
    )
    entry = read_entry(Questionnaire, data, path.name, "")
    words = read_translations(sorted(path.parent.glob(f"{path.stem}.*.toml")), [entry], {})
    return OwnQuestionnaire(entry.value, measures, {key[0]: t for key, t in words.items()})


def _problems(
    own: OwnQuestionnaire, shipped: Knowledge, others: Iterable[OwnQuestionnaire]
) -> Iterator[str]:
    yield from questionnaire_problems(own.asked, shipped_codes())
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
