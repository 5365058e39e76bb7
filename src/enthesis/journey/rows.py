"""What the rows of an evaluation say on its questions: one fact, entered once.

A row answers a question that was left open. Where the answer says otherwise the row counts, since
it names what the answer denies, and the question has to be resolved.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from enthesis.journey.medicines import known_mme
from enthesis.knowledge.kinds import Knowledge, Question
from enthesis.knowledge.row_kinds import RowAnswer
from enthesis.records import Answer, Row, as_written

OPIOIDS, CONTRADICTED = "opioids", "contradicted"


@dataclass(frozen=True, slots=True)
class Said:
    """The answers with what the rows add, facts for the rules, the contradicted questions, and
    those that `by_rows` are answered in full there."""

    answers: Mapping[str, Answer]
    facts: Mapping[str, Answer]
    contradicted: tuple[str, ...]
    by_rows: frozenset[str]


def said_by_rows(
    rows: Mapping[str, tuple[Row, ...]],
    given: Mapping[str, Answer],
    asked: Mapping[str, Question],
    known: Knowledge,
) -> Said:
    """Everything that the rows say on the questions `asked`, beside the answers `given`."""
    answers, contradicted, by_rows = dict(given), [], set()
    for rule in known.row_answers:
        if rule.question not in asked or not (told := _told(rule, rows)):
            continue
        held = as_written(given[rule.question])
        if set(held) & set(rule.against):
            contradicted.append(rule.question)
            held = ()
        if asked[rule.question].kind == "choices":
            answers[rule.question] = tuple(dict.fromkeys([*held, *told]))
        else:
            answers[rule.question] = True if told[0] == "yes" else told[0]
            by_rows.add(rule.question)
    taken = rows.get("medicines", ())
    known_part, whole = known_mme(taken, known.opioid_factors)
    facts: dict[str, Answer] = {
        "medicine_classes": tuple(sorted({row["class"] for row in taken if row.get("class")})),
        "opioid_mme": known_part,
        "opioid_dose_known": whole if answers.get(OPIOIDS) is True else None,
        CONTRADICTED: tuple(contradicted),
    }
    return Said(answers, facts, tuple(contradicted), frozenset(by_rows))


def _told(rule: RowAnswer, rows: Mapping[str, tuple[Row, ...]]) -> list[str]:
    cells = [row.get(rule.column, "") for row in rows.get(rule.table, ())]
    said = [cell for cell in cells if cell and (not rule.values or cell in rule.values)]
    return [rule.answer or cell for cell in said]
