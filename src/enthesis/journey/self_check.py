"""*Is it right for me?*: rules of candidacy and warning signs in a patient's words, and which door
they lead to. It has no rules of its own, says of nobody that it suits, and names no disease.

An answer that is not yes or no is unknown, never no: it is a thing to ask at the visit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from enthesis.journey.lines import ENGLISH
from enthesis.knowledge.choice_kinds import SelfCheckQuestion
from enthesis.knowledge.kinds import CandidacyRule, Condition, DangerRule, Knowledge
from enthesis.records import Candidacy

YES, NO = "yes", "no"


class Door(IntEnum):
    """Where an answer leads, from the one that can wait to the one that cannot."""

    VISIT = 1
    DOCTOR_FIRST = 2
    NOW = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """One question in a language; `door` is where yes leads, `tell` what else is then said."""

    id: str
    text: str
    tell: str
    door: Door


@dataclass(frozen=True, slots=True)
class Outcome:
    """The strictest door of all that was said yes to, those questions, and the unknown ones."""

    door: Door
    yes: tuple[Asked, ...]
    unknown: tuple[Asked, ...]


def door_of(rule: CandidacyRule | DangerRule) -> Door:
    """Where a rule leads somebody who is at home: a warning sign to help now, what would end in
    *refer first* or *not suitable* to a doctor first."""
    if isinstance(rule, DangerRule) or rule.kind == "emergency":
        return Door.NOW
    if rule.leads_to in (Candidacy.REFER_FIRST, Candidacy.NOT_SUITABLE):
        return Door.DOCTOR_FIRST
    return Door.VISIT


def questions(condition: Condition, known: Knowledge, language: str = ENGLISH) -> tuple[Asked, ...]:
    """Those of which a rule applies to the condition's region, the strictest first."""
    words = known.self_check_words.get(language)
    found = []
    for one in known.self_check_questions.values():
        doors = [door_of(rule) for rule in _applying(one, condition, known)]
        if doors:
            text = words.texts[one.id] if words else one.text
            tell = words.tells.get(one.id, "") if words else one.tell
            found.append(Asked(one.id, text, tell, max(doors)))
    return tuple(sorted(found, key=lambda asked: -asked.door))


def _applying(
    one: SelfCheckQuestion, condition: Condition, known: Knowledge
) -> list[CandidacyRule | DangerRule]:
    found: list[CandidacyRule | DangerRule] = [r for r in known.danger_rules if r.id in one.finds]
    for rule in known.candidacy_rules:
        if rule.id in one.finds and (not rule.regions or condition.region in rule.regions):
            found.append(rule)
    return found


def outcome(asked: Iterable[Asked], answers: Mapping[str, str]) -> Outcome:
    """What the answers (by question; yes, no, anything else is unknown) lead to."""
    said = [(one, answers.get(one.id)) for one in asked]
    yes = tuple(one for one, answer in said if answer == YES)
    return Outcome(
        max((one.door for one in yes), default=Door.VISIT),
        yes,
        tuple(one for one, answer in said if answer not in (YES, NO)),
    )
