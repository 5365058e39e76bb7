"""Questionnaire ↔ Questionnaire: the whole graph of questions, shipped or the clinic's own.

The `url` is SITE/Questionnaire/<id>, which every response names. Neighbours of one group are one
`item` of type group, as they stand on one page. Kinds become types: scale integer, number decimal,
yes_no boolean, choice and choices choice (repeats), date, text. Standard extensions carry the range
(minValue, maxValue) and the unit; words at the ends of a scale and help are display items under the
question, with HL7's item controls lower, upper and help. `only_if` is `enableWhen` where FHIR can
say it: one question with any of several answers, or several with one each. Texts that name an
earlier answer in braces stay as they are. What is left of a question is in its item's extension.

The tables of an evaluation are groups that repeat, a group for each row.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from enthesis.exchange.fhir.extension import SITE, Resource, extend, number
from enthesis.exchange.fhir.resource import (
    LOINC,
    at,
    coding,
    filled,
    inexact,
    made,
    many,
    of_system,
    record,
    shown,
    the,
)
from enthesis.journey.follow import ANY_ANSWER, SAFETY
from enthesis.knowledge.kinds import Knowledge, Question, Questionnaire
from enthesis.knowledge.row_kinds import RowColumn, RowTable
from enthesis.shape import ShapeError

ANSWER = f"{SITE}/CodeSystem/answer"
PAGE, ROWS = "page:", "rows:"
HL7 = "http://hl7.org/fhir/StructureDefinition"
CONTROLS = "http://hl7.org/fhir/questionnaire-item-control"
# The questionnaire that is asked of the clinician before the first needle, with its tables.
EVALUATION = "evaluation"
TYPES = {
    "scale": "integer",
    "number": "decimal",
    "yes_no": "boolean",
    "choice": "choice",
    "choices": "choice",
    "date": "date",
    "text": "text",
}
COLUMN_TYPES = {"line": "string", "text": "text", "number": "decimal", "choice": "choice"} | {
    "date": "date",
    "file": "string",
}


def questionnaires(known: Knowledge) -> Iterator[Resource]:
    """Every questionnaire of the knowledge, and the safety question that is also asked alone."""
    for one in known.questionnaires.values():
        yield questionnaire_of(one, known)
    if SAFETY not in known.questionnaires and (alone := asked_by(known, SAFETY)):
        asked_with = next(q for q in known.questionnaires.values() if alone[0] in q.questions)
        yield questionnaire_of(replace(asked_with, id=SAFETY, questions=alone), known)


def url_of_questionnaire(id: str) -> str:
    """The canonical name of a questionnaire."""
    return f"{SITE}/Questionnaire/{id}"


def questionnaire_of(one: Questionnaire, known: Knowledge) -> Resource:
    """The Questionnaire with its pages, and the tables of an evaluation."""
    tables = known.row_tables if one.id == EVALUATION else ()
    resource = made(
        "Questionnaire",
        "Questionnaire",
        # An id of FHIR has no underscore; the url has the id of ours.
        f"questionnaire-{one.id.replace('_', '-')}",
        url=url_of_questionnaire(one.id),
        version=shown(one.version),
        title=shown(one.title),
        status="active",
        subjectType=["Patient"],
        description=shown(one.intro),
        copyright=shown(one.licence),
        effectivePeriod={"start": one.starts_on.isoformat()},
        item=[*_pages(one), *(table_item(table) for table in tables)],
    )
    more = inexact(one, "version", "title", "intro", "licence")
    return extend(resource, one, [*more, "occasions", "source"])


def questionnaire_from(resource: Resource) -> Questionnaire:
    """The questionnaire of a resource that `questionnaire_of` made. Raises ShapeError."""
    url = the(str, resource, "url") or ""
    return record(
        Questionnaire,
        resource,
        id=url.removeprefix(url_of_questionnaire("")) or None,
        version=the(str, resource, "version") or "",
        title=the(str, resource, "title") or "",
        starts_on=the(date, resource, "effectivePeriod", "start"),
        questions=tuple(_questions(resource)),
        occasions=(),
        licence=the(str, resource, "copyright") or "",
        source="",
        intro=the(str, resource, "description"),
    )


def by_page(questions: tuple[Question, ...]) -> Iterator[tuple[str, list[Question]]]:
    """The questions of each page with the `linkId` of its group."""
    for n, (_, page) in enumerate(groupby(questions, key=lambda q: q.group or q.id), 1):
        yield f"{PAGE}{n}", list(page)


def _pages(one: Questionnaire) -> Iterator[Resource]:
    kinds = {q.id: q for q in one.questions}
    for link, page in by_page(one.questions):
        items = [_item(q, kinds) for q in page]
        # A group's name is a heading for clinicians and a mere key for patients.
        text = shown(page[0].group) if one.id == EVALUATION else None
        yield filled(linkId=link, text=text, type="group", item=items)


def _item(q: Question, others: Mapping[str, Question]) -> Resource:
    type = TYPES[q.kind]
    when = _enabled(q, others)
    item = filled(
        extension=[*_limits(q, type)],
        linkId=q.id,
        code=[coding(LOINC, q.code)] if q.code else [],
        text=shown(q.text),
        type=type,
        enableWhen=when,
        enableBehavior=None if len(when) < 2 else "any" if len(q.only_if) == 1 else "all",
        required=q.required,
        repeats=True if q.kind == "choices" else None,
        answerOption=[{"valueCoding": coding(ANSWER, v, label)} for v, label in q.options],
        item=[*_words(q)],
    )
    exact = inexact(q, "text", "help", "low_label", "high_label", "unit")
    kept = [
        "kind",
        "group",
        "options",
        "picture",
        "only_if",
        "regions",
        "occasions",
        "once",
        "source",
    ]
    return extend(item, q, [*exact, *kept])


def _limits(q: Question, type: str) -> Iterator[Resource]:
    choice = "valueInteger" if type == "integer" else "valueDecimal"
    for name, limit in (("minValue", q.minimum), ("maxValue", q.maximum)):
        if limit is not None:
            yield {"url": f"{HL7}/{name}", choice: number(limit)}
    if unit := shown(q.unit):
        # Words only: the knowledge has no code of UCUM for it.
        yield {"url": f"{HL7}/questionnaire-unit", "valueCoding": {"display": unit}}


def _words(q: Question) -> Iterator[Resource]:
    for control, text in (("lower", q.low_label), ("upper", q.high_label), ("help", q.help)):
        if words := shown(text):
            of = {"coding": [coding(CONTROLS, control)]}
            extension = {"url": f"{HL7}/questionnaire-itemControl", "valueCodeableConcept": of}
            link = f"{q.id}:{control}"
            yield {"extension": [extension], "linkId": link, "text": words, "type": "display"}


def _enabled(q: Question, others: Mapping[str, Question]) -> list[Resource]:
    """`only_if` as FHIR says it; nothing where several questions have several answers each."""
    if len(q.only_if) > 1 and any(len(wanted) > 1 for wanted in q.only_if.values()):
        return []
    return [
        {"question": id, **_test(others[id], value)}
        for id, wanted in q.only_if.items()
        if id in others
        for value in wanted
    ]


def _test(asked: Question, value: str) -> Resource:
    if value == ANY_ANSWER:
        return {"operator": "exists", "answerBoolean": True}
    if asked.kind == "yes_no":
        return {"operator": "=", "answerBoolean": value == "yes"}
    if asked.kind in ("scale", "number"):
        choice = "answerInteger" if asked.kind == "scale" else "answerDecimal"
        return {"operator": "=", choice: number(Decimal(value))}
    if asked.kind in ("choice", "choices"):
        return {"operator": "=", "answerCoding": coding(ANSWER, value)}
    return {"operator": "=", "answerDate" if asked.kind == "date" else "answerString": value}


def table_item(table: RowTable) -> Resource:
    """A table of the evaluation: a group that repeats, with an item for each column."""
    return filled(
        linkId=f"{ROWS}{table.id}",
        text=shown(table.title),
        type="group",
        required=False,
        repeats=True,
        item=[_column(table, column) for column in table.columns],
    )


def _column(table: RowTable, column: RowColumn) -> Resource:
    return filled(
        linkId=f"{ROWS}{table.id}:{column.id}",
        text=shown(column.text),
        type=COLUMN_TYPES[column.kind],
        required=column.required,
        answerOption=[{"valueCoding": coding(ANSWER, v, label)} for v, label in column.options],
    )


# --- reading


def _questions(resource: Resource) -> Iterator[Question]:
    for i, page in enumerate(many(resource, "item")):
        if (the(str, page, "linkId") or "").startswith(ROWS):
            continue
        for j, item in enumerate(many(page, "item")):
            try:
                yield _question(item)
            except ShapeError as error:
                raise error.within(f"item[{i}].item[{j}]") from error


def _question(item: Resource) -> Question:
    words = {the(str, one, "linkId"): the(str, one, "text") for one in many(item, "item")}
    id = the(str, item, "linkId")
    limits = {at(one, "url"): one for one in many(item, "extension")}
    return record(
        Question,
        item,
        id=id,
        text=the(str, item, "text") or "",
        required=the(bool, item, "required"),
        minimum=_limit(limits.get(f"{HL7}/minValue")),
        maximum=_limit(limits.get(f"{HL7}/maxValue")),
        unit=the(str, limits.get(f"{HL7}/questionnaire-unit"), "valueCoding", "display"),
        low_label=words.get(f"{id}:lower"),
        high_label=words.get(f"{id}:upper"),
        help=words.get(f"{id}:help"),
        code=the(str, of_system(many(item, "code"), LOINC), "code"),
    )


def _limit(extension: Any) -> Decimal | None:
    whole = the(Decimal, extension, "valueInteger")
    return the(Decimal, extension, "valueDecimal") if whole is None else whole


def asked_by(known: Knowledge, questionnaire: str) -> tuple[Question, ...]:
    """The questions of a questionnaire; of one that is none, such as the safety question asked
    alone, those of the group of its name."""
    if questionnaire in known.questionnaires:
        return known.questionnaires[questionnaire].questions
    return tuple(
        q
        for one in known.questionnaires.values()
        for q in one.questions
        if q.group == questionnaire
    )
