"""Puts what is known into another language, and finds what a translation lacks."""

import string
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from enthesis.knowledge.kinds import DangerRule, Knowledge, Question, Questionnaire, VisitText
from enthesis.knowledge.words import (
    AftercareWords,
    ChoiceWords,
    ConsentWords,
    DangerWords,
    QuestionWords,
    SelfCheckWords,
    Translation,
    VisitWords,
)


def in_language(known: Knowledge, language: str) -> Knowledge:
    """The same knowledge with its patients' texts in a language, as far as there is one.

    A translation renders one version: a questionnaire without one of its own stays as it is.
    """
    asked = {
        id: translated(original, words)
        if (words := known.translations.get((language, id, original.version)))
        else original
        for id, original in known.questionnaires.items()
    }
    dangers = known.danger_rules
    if told := known.danger_words.get(language):
        dangers = tuple(translated_danger(rule, told) for rule in dangers)
    texts = known.visit_texts
    if after := known.visit_words.get(language):
        texts = tuple(replace(one, text=after.texts.get(one.id, one.text)) for one in texts)
    sheet, pills = known.aftercare_texts, known.pain_pill_choices
    if care := known.aftercare_words.get(language):
        sheet = tuple(replace(one, text=care.texts.get(one.id, one.text)) for one in sheet)
        pills = {
            id: replace(one, text=care.pain_pills.get(id, one.text)) for id, one in pills.items()
        }
    return replace(
        known,
        questionnaires=asked,
        danger_rules=dangers,
        visit_texts=texts,
        aftercare_texts=sheet,
        pain_pill_choices=pills,
    )


def translated(asked: Questionnaire, into: Translation) -> Questionnaire:
    """The questionnaire in the words of a translation."""
    questions = tuple(
        _question(q, into.questions[q.id]) if q.id in into.questions else q for q in asked.questions
    )
    return replace(asked, title=into.title, intro=into.intro, questions=questions)


def _question(question: Question, words: QuestionWords) -> Question:
    return replace(
        question,
        **{name: getattr(words, name) for name in _PLAIN},
        options=tuple((value, words.options[value]) for value, _ in question.options),
    )


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
VISIT_WORDS = (
    *(*MONTHS, "date", "am", "pm", ".", "and"),
    *("place", "places", "left", "right", "both sides"),
)
"""Words of journey/visit.py that are put into the texts of a visit."""
_PLAIN = ("text", "help", "low_label", "high_label", "unit")


def translated_danger(rule: DangerRule, into: DangerWords) -> DangerRule:
    """A warning sign with what the patient is told in the words of a translation."""
    return replace(
        rule,
        tell_patient=into.tell_patient.get(rule.id, rule.tell_patient),
        call_first=tuple((no, into.places.get(where, where)) for no, where in rule.call_first),
    )


def translation_problems(asked: Questionnaire, into: Translation) -> Iterator[str]:
    """Every text without its translation, every translation without its text."""
    if bool(asked.intro) != bool(into.intro):
        yield "intro: translate it, or leave it out where the original has none"
    originals = {question.id: question for question in asked.questions}
    yield from _differences("questions", originals.keys(), into.questions.keys())
    for id in originals.keys() & into.questions.keys():
        for problem in _word_problems(originals[id], into.questions[id]):
            yield f"questions.{id}.{problem}"


def _word_problems(original: Question, words: QuestionWords) -> Iterator[str]:
    for name in _PLAIN:
        if bool(getattr(original, name)) != bool(getattr(words, name).strip()):
            yield f"{name}: translate it, or leave it out where the original has none"
    if problem := brace_problem(words.text, placeholders(original.text)):
        yield f"text: {problem}"
    elif placeholders(original.text) != placeholders(words.text):
        yield f"text: must name {sorted(placeholders(original.text))} in braces, as the original"
    yield from _differences("options", dict(original.options), words.options)
    for value, label in words.options.items():
        if not label.strip():
            yield f"options.{value}: not translated"


def danger_problems(rules: Mapping[str, DangerRule], into: DangerWords) -> Iterator[str]:
    """Every warning without its translation, every translation without its warning."""
    yield from _differences("tell_patient", rules.keys(), into.tell_patient.keys())
    places = {where for rule in rules.values() for _, where in rule.call_first}
    yield from _differences("places", places, into.places.keys())


def visit_problems(
    originals: Mapping[str, VisitText], named: Collection[str], into: VisitWords
) -> Iterator[str]:
    """Every text for the patient, and every word put into one, without its translation, and every
    translation of nothing. `named`: the regions and substances that a text may name."""
    told = {id: one.text for id, one in originals.items() if one.part != "ask"}
    words = {**dict.fromkeys((*VISIT_WORDS, *named), ""), "date": "{day} {month} {year}"}
    for table, wanted, found in (("texts", told, into.texts), ("words", words, into.words)):
        yield from _differences(table, wanted, found)
        for id in sorted(wanted.keys() & found.keys()):
            needed = placeholders(wanted[id])
            if not found[id].strip():
                yield f"{table}.{id}: not translated"
            if problem := brace_problem(found[id], needed):
                yield f"{table}.{id}: {problem}"
            elif placeholders(found[id]) != needed:
                yield f"{table}.{id}: must name {sorted(needed)} in braces, as the original"


def aftercare_problems(
    texts: Iterable[str], pills: Iterable[str], into: AftercareWords
) -> Iterator[str]:
    """Every line without its translation, every translation without its line (ids)."""
    for table, wanted, found in (
        ("texts", texts, into.texts),
        ("pain_pills", pills, into.pain_pills),
    ):
        yield from _differences(table, wanted, found)
        for id, text in found.items():
            if not text.strip():
                yield f"{table}.{id}: not translated"


CONSENT_WORDS = (
    *("week", "weeks", "month", "months", "year", "years", "lower", "higher", "people"),
    *("1 session", "sessions", "once", "times in a row", "and", "1 place", "places"),
    *("with adrenaline", "1 point", "points", "about", "a"),
    *("left side", "right side", "both sides", "in the middle"),
    *("by touch", "by ultrasound", "by X-ray", "by CT scan"),
)
"""Words of journey/consent.py and journey/lines.py that are put into the lines of a consent."""


def consent_problems(
    texts: Mapping[str, str], named: Collection[str], into: ConsentWords
) -> Iterator[str]:
    """Every line, and every word put into one, without its twin, and every twin of nothing."""
    yield from line_problems(texts, into.texts)
    yield from _differences("words", {*CONSENT_WORDS, *named}, into.words)
    yield from _filled_alike({}, into.words)


def estimate_problems(
    texts: Mapping[str, str], named: Collection[str], into: ConsentWords
) -> Iterator[str]:
    """As for a consent; the words of an estimate are the names of what is charged."""
    yield from _differences("texts", texts, into.texts)
    yield from _differences("words", named, into.words)
    yield from _filled_alike(texts, into.texts)
    yield from _filled_alike({}, into.words)


OPTION_TEXTS = ("name", "what", "good", "bad", "harm", "life", "visits", "price", "fails")
"""What a patient reads of an option of the decision aid."""


def choice_problems(
    options: Mapping[str, Mapping[str, str]],
    notes: Mapping[str, str],
    texts: Mapping[str, str],
    named: Collection[str],
    into: ChoiceWords,
) -> Iterator[str]:
    """Every text of the decision aid, and every word put into one, without its twin, and every
    twin of nothing. `options` are the texts of each option by field."""
    yield from _differences("options", options, into.options)
    for id in options.keys() & into.options.keys():
        yield from _differences(f"options.{id}", options[id], into.options[id])
        yield from _filled_alike(options[id], into.options[id])
    yield from _differences("notes", notes, into.notes)
    yield from _filled_alike(notes, into.notes)
    yield from line_problems(texts, into.texts)
    yield from _differences("words", named, into.words)
    yield from _filled_alike({}, into.words)


def self_check_problems(
    texts: Mapping[str, str], tells: Mapping[str, str], into: SelfCheckWords
) -> Iterator[str]:
    """Every question of the self-check, and what it tells, without its twin, and the reverse."""
    for table, wanted, found in (("texts", texts, into.texts), ("tells", tells, into.tells)):
        yield from _differences(table, wanted, found)
        yield from _filled_alike(wanted, found)


def line_problems(texts: Mapping[str, str], found: Mapping[str, str]) -> Iterator[str]:
    """Every line without its twin, every twin of nothing, and twins that name something else."""
    yield from _differences("texts", texts, found)
    yield from _filled_alike(texts, found)


def _filled_alike(originals: Mapping[str, str], found: Mapping[str, str]) -> Iterator[str]:
    """A twin is not empty and names in braces what its original does."""
    for id, text in found.items():
        needed = placeholders(originals.get(id, ""))
        if not text.strip():
            yield f"{id}: not translated"
        if problem := brace_problem(text, needed):
            yield f"{id}: {problem}"
        elif placeholders(text) != needed:
            yield f"{id}: must name {sorted(needed)} in braces, as the original"


def _differences(what: str, wanted: Iterable[str], found: Iterable[str]) -> Iterator[str]:
    for id in sorted({*wanted} - {*found}):
        yield f"{what}.{id}: not translated"
    for id in sorted({*found} - {*wanted}):
        yield f"{what}.{id}: translates nothing"


def placeholders(text: str) -> set[str]:
    """What a text names in braces; nothing where the braces are wrong (see `brace_problem`)."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}
    except ValueError:
        return set()


def brace_problem(text: str, allowed: Collection[str]) -> str:
    """Why a text could not be filled in, or named what is not there; empty where all is well."""
    try:
        parts = [part for part in string.Formatter().parse(text) if part[1] is not None]
    except ValueError as error:
        return f"{error}; write {{{{ and }}}} for braces that are meant as such"
    for _, name, how, conversion in parts:
        if how or conversion or name not in allowed:
            named = ", ".join(sorted(allowed)) or "nothing here"
            return f"{{{name}}} is not to be filled in; braces may name {named}"
    return ""
