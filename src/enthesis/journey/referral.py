"""A referral letter from the record: what was found, asked and listed, and what is not known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

from enthesis.journey.evaluate import applies, given_answers, questions_for
from enthesis.journey.examined import examined_lines, is_in_words
from enthesis.journey.medicines import known_mme, opioids
from enthesis.journey.rows import CONTRADICTED, said_by_rows
from enthesis.knowledge.kinds import Condition, Knowledge, Question
from enthesis.knowledge.row_kinds import RowTable
from enthesis.records import Answer, Evaluation, EvaluationResult, Row

LETTER = "referrals"
MEASURED = "Motions beside their norms, and tender places"
NONE = (False, "none", "never", ("none",))


@dataclass(frozen=True, slots=True)
class Letter:
    """`parts` are (title, lines); `denied` was asked and is not so, `unknown` is to fill in."""

    who: str
    what_for: str
    findings: tuple[str, ...]
    parts: tuple[tuple[str, tuple[str, ...]], ...]
    denied: tuple[str, ...]
    unknown: tuple[str, ...]


def letter(
    evaluation: Evaluation,
    result: EvaluationResult,
    condition: Condition,
    known: Knowledge,
    age: Answer = None,
    sex: str = "",
) -> Letter:
    """The letter of the latest referral to somebody; without one its head is left to fill in.
    `age` in years and `sex` choose the norms of the motions."""
    questions = questions_for(condition, known)
    typed = given_answers(questions, evaluation.answers)
    # With what the rows say: a medicine that is listed is never told as denied.
    said = said_by_rows(evaluation.rows, typed, {q.id: q for q in questions}, known)
    given = said.answers
    measured = tuple(examined_lines(condition, given, age, sex, known))
    asked = [q for q in questions if applies(q, given)]
    told = [
        q
        for q in asked
        if given[q.id] is not None
        and given[q.id] not in NONE
        and q.id not in said.by_rows
        and not is_in_words(q.id, condition, known)
    ]
    parts = [
        (name, tuple(f"{q.text} {answer_words(q, given[q.id])}" for q in group))
        for name, group in groupby(told, key=lambda q: q.group)
    ]
    tables = [table for table in known.row_tables if table.id != LETTER]
    lists = [(t.title, tuple(_lines(t, evaluation.rows.get(t.id, ()), known))) for t in tables]
    sent = [row for row in evaluation.rows.get(LETTER, ()) if row.get("way") == "to"]
    to = sent[-1] if sent else {}
    return Letter(
        who=to.get("who", ""),
        what_for=to.get("what_for", ""),
        findings=tuple(
            f"{one.text} {one.action}" for one in result.findings if CONTRADICTED not in one.inputs
        ),
        parts=tuple(
            (name, lines) for name, lines in (*parts, (MEASURED, measured), *lists) if lines
        ),
        denied=tuple(_denied(q) for q in asked if given[q.id] is not None and given[q.id] in NONE),
        unknown=tuple(q.text for q in asked if given[q.id] is None and q.required)
        + tuple(f"{title} (none listed)" for title, lines in lists if not lines),
    )


def _denied(question: Question) -> str:
    """What was asked: of several things at once, each of them."""
    if question.kind != "choices":
        return question.text
    return f"{question.text} ({'; '.join(label for id, label in question.options if id != 'none')})"


def answer_words(question: Question, answer: Answer) -> str:
    """An answer in the words of its options, with its unit."""
    labels: Mapping[str, str] = dict(question.options)
    if isinstance(answer, bool):
        return "Yes." if answer else "No."
    if isinstance(answer, tuple):
        return ", ".join(labels.get(one, one) for one in answer) + "."
    if isinstance(answer, Decimal):
        return f"{answer.normalize():f} {question.unit}".rstrip() + "."
    text = (
        date_words(str(answer)) if question.kind == "date" else labels.get(str(answer), str(answer))
    )
    return text.rstrip(".") + "."


def row_words(table: RowTable, row: Row) -> str:
    """A row in one line: its cells in the words of the page."""
    line = ""
    for column in table.columns:
        cell = row.get(column.id, "")
        if cell and column.kind != "file":
            shown = (
                date_words(cell) if column.kind == "date" else dict(column.options).get(cell, cell)
            )
            said = column.said.format(shown)
            line += said if said.startswith(" ") or not line else f", {said}"
    return line


def date_words(day: str) -> str:
    """A day as a letter writes it; what is none stays as it is."""
    try:
        on = date.fromisoformat(day)
    except ValueError:
        return day
    return f"{on.day} {on:%b %Y}"


def _lines(table: RowTable, rows: tuple[Row, ...], known: Knowledge) -> Iterator[str]:
    for row in rows:
        yield row_words(table, row)
    if table.id == "medicines" and opioids(rows):
        total, whole = known_mme(rows, known.opioid_factors)
        if whole:
            yield f"Opioids together: {total.normalize():f} MME a day (not for converting drugs)"
        else:
            yield "Opioids together: MME a day not known"
