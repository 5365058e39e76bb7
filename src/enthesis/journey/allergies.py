"""The allergies on a patient's record, carried into an evaluation: one fact, entered once."""

import re
from collections.abc import Mapping

from enthesis.journey.cautions import names_word
from enthesis.knowledge.cautions import MixtureCaution
from enthesis.knowledge.kinds import Knowledge
from enthesis.records import Answer, as_written

KINDS, SUBSTANCES = "allergies", "allergy_substances"
UNNAMED = frozenset({"other", "ingredient", "local_anaesthetic"})
"""The kinds that do not say which substance."""
BY_NAME = ("corn", "fish", "latex")


def kinds_named(recorded: str, known: Knowledge) -> tuple[str, ...]:
    """What `recorded`, an allergy as written down, is among the evaluation's answers: by the words
    of the day's cautions, or "other"; () where nothing is written."""
    if not recorded.strip():
        return ()
    fires = [r for r in known.mixture_cautions if any(names_word(w, recorded) for w in r.words)]
    found = {answer for rule in fires for answer in _answers(rule, known)}
    found |= {"latex"} if names_word("latex*", recorded) else set()
    return tuple(sorted(found)) or ("other",)


def _answers(rule: MixtureCaution, known: Knowledge) -> tuple[str, ...]:
    """A rule about anaesthetics by name asks about no answer, and still tells of that kind."""
    roles = {known.substances[id].role for id in rule.substances}
    if roles == {"anaesthetic"} and not rule.with_adrenaline:
        return ("local_anaesthetic",)
    return rule.answers if rule.question == KINDS else ()


def carried(answers: Mapping[str, Answer], recorded: str, known: Knowledge) -> dict[str, Answer]:
    """The answers, with what the record says on an allergy where they leave that open.

    What only repeats the record does not name an allergy that was told besides.
    """
    named = kinds_named(recorded, known)
    if not named:
        return dict(answers)
    kinds = as_written(answers.get(KINDS)) or named
    besides = UNNAMED & set(kinds) - set(named)
    substances = answers.get(SUBSTANCES)
    if besides and substances == recorded:
        substances = None
    elif not substances and not besides and UNNAMED & set(named):
        substances = recorded
    return {**answers, KINDS: kinds, SUBSTANCES: substances}


def left_out(answers: Mapping[str, Answer], recorded: str, known: Knowledge) -> bool:
    """Whether the kinds answered deny an allergy that the record names."""
    given = answers.get(KINDS)
    return bool(given) and not set(kinds_named(recorded, known)) <= set(as_written(given))


def for_record(answers: Mapping[str, Answer], recorded: str, known: Knowledge) -> str | None:
    """What the record should say after these answers: with what is told besides, "" for none known,
    and None where there is nothing to change."""
    kinds = as_written(answers.get(KINDS))
    had = kinds_named(recorded, known)
    besides = [kind for kind in BY_NAME if kind in kinds and kind not in had]
    named = "".join(as_written(answers.get(SUBSTANCES))).strip()
    if named and not _says(recorded, named):
        besides.append(named)
        if _says(named, recorded):
            recorded = ""
    if besides:
        return "; ".join(filter(None, (recorded, *besides)))
    return "" if kinds == ("none",) and not recorded else None


def _says(text: str, what: str) -> bool:
    """Whether it stands in a text as whole words: no cod in codeine, no fish in shellfish."""
    return bool(re.search(rf"(?<!\w){re.escape(what)}(?!\w)", text, re.IGNORECASE))
