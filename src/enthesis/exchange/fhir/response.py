"""KeptEvaluation and CompletedAssessment ↔ QuestionnaireResponse.

`questionnaire` is the canonical name of what was asked, `authored` when, `author` who entered it,
`subject` the patient. Answers stand in the pages of the Questionnaire, an item each: an item
without an answer was asked and not answered, a question that was not asked has no item. One kept
answer reads back from its item as text, number, truth or the codes of what was ticked; where R4
cannot say it (one tick of several possible, empty text, a no-break space), the item carries it
exactly (EXACT, JSON text). The tables of an evaluation are a group for each row.

In the extension: the day and occasion of an assessment and who read it; of an evaluation the rules
that were set aside with the reasons, and the result that the rules of that day gave.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from enthesis.exchange.dossier import CompletedAssessment, KeptEvaluation
from enthesis.exchange.fhir.extension import SITE, Resource, extend, fits, is_code, moment, number
from enthesis.exchange.fhir.questionnaire import (
    ANSWER,
    EVALUATION,
    PAGE,
    ROWS,
    asked_by,
    by_page,
    url_of_questionnaire,
)
from enthesis.exchange.fhir.resource import (
    Given,
    Place,
    at,
    coding,
    filled,
    made,
    many,
    record,
    reference,
    referred,
    shown,
    the,
)
from enthesis.knowledge.kinds import Question
from enthesis.knowledge.row_kinds import RowTable
from enthesis.records import Answer, Assessment, Evaluation, Row
from enthesis.shape import ShapeError, read

EXACT = f"{SITE}/StructureDefinition/exact-answer"
# In which words the exact form says what an answer is.
_FORMS: dict[str, Any] = {"number": Decimal, "text": str, "several": tuple[str, ...]}


def assessment_of(one: CompletedAssessment, place: Place) -> Resource:
    """The response of a patient, or of who entered it for the patient."""
    asked, kept = one.assessment, replace(one.assessment, answers={}, came_late=False)
    resource = made(
        "QuestionnaireResponse",
        "CompletedAssessment",
        one.key,
        place.course,
        questionnaire=url_of_questionnaire(asked.questionnaire),
        status="completed",
        subject=place.subject,
        authored=moment(one.completed_at),
        author=reference("Practitioner", one.entered_by),
        source=place.subject if asked.source == "patient" else None,
        item=items_of(asked.answers, asked_by(place.known, asked.questionnaire)),
    )
    extend(resource, kept, ["on", "occasion", "questionnaire", "source"])
    return extend(resource, one, ["read_by", "read_at"])


def assessment_from(resource: Resource, given: Given) -> CompletedAssessment:
    """The assessment of a resource that `assessment_of` made. Raises ShapeError."""
    answers = answers_from(resource)
    return record(
        CompletedAssessment,
        resource,
        key=the(str, resource, "id"),
        # Read by its type, an answer in digits would become a number: each is as it is written.
        assessment=replace(record(Assessment, resource, answers={}), answers=answers),
        completed_at=the(datetime, resource, "authored"),
        entered_by=referred(resource, "Practitioner", "author"),
    )


def evaluation_of(one: KeptEvaluation, place: Place) -> Resource:
    """The response to what is asked before the first needle, with its tables."""
    asked = one.evaluation
    tables = {table.id: table for table in place.known.row_tables}
    items = items_of(asked.answers, asked_by(place.known, EVALUATION))
    rows = [*_rows(asked.rows, tables)]
    resource = made(
        "QuestionnaireResponse",
        "KeptEvaluation",
        one.key,
        place.course,
        questionnaire=url_of_questionnaire(EVALUATION),
        status="completed",
        subject=place.subject,
        authored=moment(one.at),
        author=reference("Practitioner", one.by),
        item=[*items, *rows],
    )
    # A table without a row, or a cell that no item holds as it is: then all tables are told once
    # more, exactly.
    exact = _rows_back({"item": rows}) == asked.rows
    extend(resource, asked, ["on", "cleared"] if exact else ["on", "cleared", "rows"])
    return extend(resource, one, ["result"])


def evaluation_from(resource: Resource, given: Given) -> KeptEvaluation:
    """The evaluation of a resource that `evaluation_of` made. Raises ShapeError."""
    kept = record(Evaluation, resource, answers={}, rows=_rows_back(resource))
    return record(
        KeptEvaluation,
        resource,
        key=the(str, resource, "id"),
        evaluation=replace(kept, answers=answers_from(resource)),
        at=the(datetime, resource, "authored"),
        by=referred(resource, "Practitioner", "author"),
    )


# --- answers


def items_of(answers: Mapping[str, Answer], questions: tuple[Question, ...]) -> list[Resource]:
    """The answers in the pages of their questions; those to other questions follow, unpaged."""
    pages = []
    asked = {q.id: q for q in questions}
    for link, page in by_page(questions):
        items = [_item(q.id, answers[q.id], q) for q in page if q.id in answers]
        pages += [{"linkId": link, "item": items}] if items else []
    other = [_item(id, answer, None) for id, answer in answers.items() if id not in asked]
    return [*pages, *other]


def answers_from(resource: Resource, asked: Iterable[Question] = ()) -> dict[str, Answer]:
    """What was answered, by question. Raises ShapeError with the place of what does not fit.

    A response of another program does not say which questions take several ticks; `asked` does: to
    those, one tick is a list of one.
    """
    several = {question.id for question in asked if question.kind == "choices"}
    found: dict[str, Answer] = {}
    for item, answer in _answered(many(resource, "item"), "item"):
        link = the(str, item, "linkId") or ""
        is_one = link in several and answer is not None and not isinstance(answer, tuple)
        found[link] = (as_text(cast(Any, answer)),) if is_one else answer
    return found


def _item(id: str, answer: Answer, question: Question | None) -> Resource:
    given = answer if isinstance(answer, tuple) else () if answer is None else (answer,)
    told = [value for one in given if (value := _value(one, question))]
    item = filled(linkId=id, text=question and shown(question.text), answer=told)
    if not _same(_answer(item), answer):
        item["extension"] = [{"url": EXACT, "valueString": _exact(answer)}]
    return item


def _value(answer: Decimal | str | bool, question: Question | None) -> Resource:
    kind = question.kind if question else ""
    options = dict(question.options) if question else {}
    if isinstance(answer, bool):
        return {"valueBoolean": answer}
    text = f"{answer:f}" if isinstance(answer, Decimal) else answer
    if text in options and is_code(text):
        return {"valueCoding": coding(ANSWER, text, options[text])}
    if isinstance(answer, Decimal):
        whole = kind == "scale" and answer == answer.to_integral_value()
        return filled(**{"valueInteger" if whole else "valueDecimal": number(answer)})
    if kind == "date" and _is_date(answer):
        return {"valueDate": answer}
    return filled(valueString=shown(answer))


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _same(one: Answer, other: Answer) -> bool:
    """True is 1 to Python, and an answer is one or the other."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _exact(answer: Answer) -> str:
    if isinstance(answer, tuple):
        return json.dumps({"several": answer})
    return json.dumps({"number": str(answer)} if isinstance(answer, Decimal) else {"text": answer})


def _answered(items: list[Any], path: str) -> Iterator[tuple[Resource, Answer]]:
    """Every item below the pages, but for the tables, with its answer."""
    for i, item in enumerate(items):
        place = f"{path}[{i}]"
        try:
            link = the(str, item, "linkId")
            if link is None:
                raise ShapeError("linkId", "missing; it says which question was answered")
            if not link.startswith((ROWS, PAGE)):
                yield item, _answer(item)
        except ShapeError as error:
            raise error.within(place) from error
        if link.startswith(PAGE):
            yield from _answered(many(item, "item"), f"{place}.item")


def _answer(item: Resource) -> Answer:
    values = [_read_value(one, f"answer[{i}]") for i, one in enumerate(many(item, "answer"))]
    for one in many(item, "extension"):
        if at(one, "url") == EXACT:
            exact = _of_exact(the(str, one, "valueString"))
            if [as_text(one) for one in values] != _shown(exact):
                raise ShapeError("answer", "does not agree with the exact answer beside it")
            return exact
    if len(values) > 1:
        return tuple(as_text(one) for one in values)
    return values[0] if values else None


def _shown(exact: Answer) -> list[str]:
    """What an item can show of an answer that is told exactly; of a long number nothing."""
    texts = exact if isinstance(exact, tuple) else (exact,)
    return [told for one in texts if isinstance(one, str) and (told := shown(one))]


def as_text(answer: Decimal | str | bool) -> str:
    """One of several answers: what was ticked."""
    return f"{answer:f}" if isinstance(answer, Decimal) else str(answer)


def _of_exact(text: str | None) -> Answer:
    try:
        told = json.loads(text or "")
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or len(told) != 1 or not told.keys() <= _FORMS.keys():
        raise ShapeError("extension", f"expected JSON text with one of {', '.join(_FORMS)}")
    [(form, value)] = told.items()
    return read(_FORMS[form], value, "extension")  # type: ignore[no-any-return]


def _read_value(answer: Resource, path: str) -> Decimal | str | bool:
    choices = [name for name in answer if name.startswith("value")]
    try:
        if len(choices) != 1 or choices[0] not in _READ:
            raise ShapeError("", f"expected one of {', '.join(_READ)}")
        return _READ[choices[0]](answer)
    except ShapeError as error:
        raise error.within(path) from error


def _needed(value: Any, place: str) -> Any:
    if value is None:
        raise ShapeError(place, "missing; add it")
    return value


def _number_or_text(text: str) -> Decimal | str:
    """A code that is a number is a number, as in the records: "2" and 2 are one answer there."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return text
    return found if found.is_finite() else text


_READ: dict[str, Callable[[Resource], Decimal | str | bool]] = {
    "valueBoolean": lambda one: _needed(the(bool, one, "valueBoolean"), "valueBoolean"),
    "valueInteger": lambda one: _needed(the(Decimal, one, "valueInteger"), "valueInteger"),
    "valueDecimal": lambda one: _needed(the(Decimal, one, "valueDecimal"), "valueDecimal"),
    "valueString": lambda one: _needed(the(str, one, "valueString"), "valueString"),
    "valueDate": lambda one: _needed(the(date, one, "valueDate"), "valueDate").isoformat(),
    "valueCoding": lambda one: _number_or_text(
        _needed(the(str, one, "valueCoding", "code"), "valueCoding.code")
    ),
}


# --- tables


def _rows(
    rows: Mapping[str, tuple[Row, ...]], tables: Mapping[str, RowTable]
) -> Iterator[Resource]:
    for id, table_rows in rows.items():
        columns = {c.id: c for c in tables[id].columns} if id in tables else {}
        for row in table_rows:
            cells = []
            for name, cell in row.items():
                column = columns.get(name)
                value = _cell(cell, column.kind, dict(column.options)) if column else _text(cell)
                link = f"{ROWS}{id}:{name}"
                cells.append(filled(linkId=link, answer=[value] if value else None))
            yield filled(linkId=f"{ROWS}{id}", text=id in tables and tables[id].title, item=cells)


def _cell(cell: str, kind: str, options: Mapping[str, str]) -> Resource:
    if cell in options and is_code(cell):
        return {"valueCoding": coding(ANSWER, cell, options[cell])}
    if kind == "number" and isinstance(found := _number_or_text(cell), Decimal):
        return filled(valueDecimal=number(found))
    return {"valueDate": cell} if kind == "date" and _is_date(cell) else _text(cell)


def _text(cell: str) -> Resource:
    return {"valueString": cell} if fits(cell) and cell.strip() == cell else {}


def _rows_back(resource: Resource) -> dict[str, tuple[Row, ...]]:
    found: dict[str, list[Row]] = {}
    for i, item in enumerate(many(resource, "item")):
        link = the(str, item, "linkId") or ""
        if not link.startswith(ROWS):
            continue
        row = {}
        for j, cell in enumerate(many(item, "item")):
            name = (the(str, cell, "linkId") or "").removeprefix(f"{link}:")
            path = f"item[{i}].item[{j}].answer[0]"
            for answer in many(cell, "answer")[:1]:
                row[name] = as_text(_read_value(answer, path))
        found.setdefault(link.removeprefix(ROWS), []).append(row)
    return {id: tuple(rows) for id, rows in found.items()}
