"""Whole dossiers: any texts and numbers, with keys, codes and people that belong together."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import count, cycle
from typing import Any, get_type_hints

from hypothesis import strategies as st

from enthesis.exchange.dossier import CourseFile, Dossier, InvoiceLine, Person, Practitioner
from enthesis.exchange.fhir.questionnaire import EVALUATION, asked_by
from enthesis.knowledge.kinds import Knowledge, Question
from enthesis.knowledge.load import knowledge
from enthesis.records import Answer, Assessment, Decision, Evaluation, Mixture, Occasion, Row
from enthesis.units import MINOR_DIGITS, Money
from tests.unit.exchange.fhir.strategies import DAYS, NUMBERS, TEXT, Special, of, records

WHO = ("by", "signed_by", "entered_by", "read_by", "injected_by", "clinician")
# Fields that hold a key of another record of the course, and which records those are.
POINTING = {
    "session": "sessions",
    "assessment": "assessments",
    "plan": "plans",
    "invoice": "invoices",
    "about": "entries",
    "arranged": "arrangements",
}
CURRENCIES = sorted(MINOR_DIGITS)
PEOPLE = ("user-1", "user-2", "user-3")


@cache
def known() -> Knowledge:
    """The knowledge of one day: what codes there are."""
    return knowledge(date(2026, 11, 1))


@cache
def answers(questionnaire: str) -> st.SearchStrategy[dict[str, Answer]]:
    """Answers to some questions of a questionnaire, and to one that is asked no more."""
    asked = {q.id: answer_to(q) for q in asked_by(known(), questionnaire)}
    some = st.lists(st.sampled_from([*asked, "no_more"]), max_size=6, unique=True)
    return some.flatmap(
        lambda ids: st.fixed_dictionaries({id: asked.get(id, st.none() | TEXT) for id in ids})
    )


def answer_to(question: Question) -> st.SearchStrategy[Answer]:
    """An answer as the forms keep it, or any other that a row can hold."""
    options = [value for value, _ in question.options]
    kinds: list[st.SearchStrategy[Any]] = [st.none(), TEXT, NUMBERS, st.booleans()]
    kinds.append(st.lists(st.sampled_from(options) if options else TEXT, max_size=3).map(tuple))
    if options:
        kinds += [st.sampled_from(options)] * 3
    if question.kind == "scale":
        kinds += [st.integers(0, 10).map(Decimal)] * 3
    if question.kind == "date":
        kinds.append(DAYS.map(date.isoformat))
    return st.one_of(kinds)


@cache
def rows() -> st.SearchStrategy[dict[str, tuple[Row, ...]]]:
    """Some rows of the tables of an evaluation."""
    tables = {}
    for table in known().row_tables:
        cells = {
            c.id: st.sampled_from([v for v, _ in c.options]) if c.options else TEXT
            for c in table.columns
        }
        tables[table.id] = st.lists(st.fixed_dictionaries({}, optional=cells), max_size=2)
    made = st.fixed_dictionaries({}, optional=tables)
    return made.map(lambda found: {id: tuple(some) for id, some in found.items()})


def evaluations() -> st.SearchStrategy[Evaluation]:
    """An evaluation; its tables are often empty."""
    return st.builds(
        Evaluation, DAYS, answers(EVALUATION), st.dictionaries(TEXT, TEXT, max_size=2), rows()
    )


def assessments() -> st.SearchStrategy[Assessment]:
    """Answers to a questionnaire that is asked, or to the safety question alone."""
    ids = st.sampled_from(["six_signs", "safety"])
    return ids.flatmap(
        lambda id: st.builds(
            Assessment,
            DAYS,
            st.sampled_from(Occasion),
            st.just(id),
            answers(id),
            st.sampled_from(["patient", "clinic", "\u00a0"]),
        )
    )


def courses() -> st.SearchStrategy[CourseFile]:
    """A course with most kinds of record in it."""
    hints = get_type_hints(CourseFile)
    made = {one.name: of(hints[one.name], SPECIAL) for one in fields(CourseFile)}
    return st.fixed_dictionaries(made).map(lambda values: CourseFile(**values))


def whole() -> st.SearchStrategy[int]:
    """A whole number as a column of 32 bits holds one."""
    return st.integers(-9, 99) | st.integers(-(2**31), 2**31 - 1)


SPECIAL: Special = {
    Evaluation: evaluations,
    Assessment: assessments,
    CourseFile: courses,
    int: whole,
}


@cache
def dossiers() -> st.SearchStrategy[Dossier]:
    """Any dossier whose parts belong together."""
    conditions = st.lists(st.sampled_from(sorted(known().conditions)), min_size=2, max_size=2)
    people = st.lists(records(Practitioner), min_size=1, max_size=2).map(tuple)
    some = st.lists(courses(), min_size=1, max_size=2).map(tuple)
    made = st.builds(Dossier, records(Person, SPECIAL), some, people)
    return st.builds(_settled, made, conditions)


def _settled(dossier: Dossier, conditions: list[str]) -> Dossier:
    """The same with keys of their own, conditions that are known, and people who are there."""
    numbers = count(1)
    person = _keyed(dossier.person, numbers)
    courses = tuple(
        _pointed(replace(_keyed(course, numbers), condition=condition))
        for course, condition in zip(dossier.courses, conditions, strict=False)
    )
    named = sorted({*_people(person), *_people(courses)})
    some = cycle(dossier.practitioners)
    people = tuple(replace(next(some), key=key) for key in named)
    return Dossier(person, courses, people)


def _keyed(record: Any, numbers: Iterator[int]) -> Any:
    """The record, and those within it, with keys of their own; who did it is one of PEOPLE."""
    changed: dict[str, Any] = {}
    for one in fields(record):
        value = getattr(record, one.name)
        if one.name == "key" and not isinstance(record, Mixture):
            changed["key"] = f"{type(record).__name__.lower()}-{next(numbers)}"
        elif one.name in WHO and isinstance(value, str) and not isinstance(record, Decision):
            changed[one.name] = PEOPLE[len(value) % len(PEOPLE)]
        elif one.name == "currency":
            changed["currency"] = CURRENCIES[len(value) % len(CURRENCIES)]
        elif one.name == "amount" and isinstance(record, InvoiceLine):
            changed["amount"] = round(value, 2)
        elif is_dataclass(value) and not isinstance(value, Money):
            changed[one.name] = _keyed(value, numbers)
        elif isinstance(value, tuple):
            changed[one.name] = tuple(
                _keyed(part, numbers) if is_dataclass(part) else part for part in value
            )
    return replace(record, **changed)


def _pointed(course: CourseFile) -> CourseFile:
    """The course with references to records that are in it, or None where there is none."""
    changed = {}
    for one in fields(course):
        value = getattr(course, one.name)
        if isinstance(value, tuple):
            changed[one.name] = tuple(_pointing(part, course) for part in value)
    return replace(course, **changed)


def _pointing(record: Any, course: CourseFile) -> Any:
    changed = {}
    for name, field in POINTING.items():
        value = getattr(record, name, None)
        if isinstance(value, str):
            keys = [one.key for one in getattr(course, field)]
            changed[name] = keys[len(value) % len(keys)] if keys else None
    return replace(record, **changed)


def _people(value: Any) -> Iterator[str]:
    if isinstance(value, tuple):
        for one in value:
            yield from _people(one)
    elif is_dataclass(value):
        for one in fields(value):
            inner = getattr(value, one.name)
            if one.name in WHO and isinstance(inner, str) and not isinstance(value, Decision):
                yield inner
            yield from _people(inner)
