"""One course as a JSON file: what `enthesis judge` reads and a decision keeps.

The format is that of the records (docs/reference/course-json.md). Writing is canonical: the same
course gives the same bytes, whatever order its answers came in, so that a hash stands for it.
"""

import hashlib
import json
from dataclasses import replace
from datetime import date
from json.encoder import encode_basestring
from typing import Any

from enthesis.exchange.strict_json import JsonError, read_json
from enthesis.records import Assessment, Course
from enthesis.shape import ShapeError, plain, read


class CourseFileError(ValueError):
    """A course file that cannot be read: what is wrong, where, and what to mend."""


def read_course(text: str) -> Course:
    """The course in a JSON text. Raises CourseFileError with the place of the first problem."""
    try:
        data = read_json(text)
    except JsonError as error:
        raise CourseFileError(str(error)) from error
    return course_of(data)


def course_of(data: object) -> Course:
    """The course in what JSON was read into, as a decision keeps it. Raises as `read_course`."""
    try:
        return _checked(read(Course, data))
    except ShapeError as error:
        raise CourseFileError(str(error)) from error


def write_course(course: Course) -> str:
    """The course as canonical JSON: keys sorted, facts by day, decimals exact."""
    return canonical(plain(_in_order(course)))


def canonical(data: Any) -> str:
    """Plain data as the one text that a hash is taken of: keys sorted, a line for each value.

    The bytes of `json.dumps(data, sort_keys=True, ensure_ascii=False, indent=1)`, whose indenting
    encoder is slow: a hash stands beside every verdict.
    """
    return _lines(data, "\n") + "\n"


def _lines(data: Any, newline: str) -> str:
    kind, inner = type(data), newline + " "
    if kind is str:
        return encode_basestring(data)
    if kind is dict and data:
        fields = [f"{encode_basestring(k)}: {_lines(data[k], inner)}" for k in sorted(data)]
        return f"{{{inner}{f',{inner}'.join(fields)}{newline}}}"
    if kind is list and data:
        return f"[{inner}{f',{inner}'.join([_lines(one, inner) for one in data])}{newline}]"
    return str(data) if kind is int else json.dumps(data, ensure_ascii=False)


def fingerprint(course: Course) -> str:
    """SHA-256 of the canonical JSON: the hash of everything that a verdict depends on."""
    return kept(course)[1]


def kept(course: Course) -> tuple[Any, str]:
    """What a decision keeps: the course as plain data, and its fingerprint."""
    data = plain(_in_order(course))
    return data, hashlib.sha256(canonical(data).encode()).hexdigest()


def _in_order(course: Course) -> Course:
    """Sessions and assessments by day; decisions keep their order, which means something."""
    days = {a.on for a in course.assessments}
    # What was answered decides only between answers of one day.
    is_shared = len(days) < len(course.assessments)

    def place(one: Assessment) -> tuple[date, str]:
        return one.on, json.dumps(plain(one), sort_keys=True) if is_shared else ""

    return replace(
        course,
        sessions=tuple(sorted(course.sessions, key=lambda s: (s.on, s.number))),
        assessments=tuple(sorted(course.assessments, key=place)),
    )


def _checked(course: Course) -> Course:
    """What the types cannot say: facts in an order that can have happened."""
    numbers = [s.number for s in course.sessions]
    if len(set(numbers)) < len(numbers):
        raise ShapeError("sessions", "two sessions have the same number; number them 1, 2, 3")
    for i, session in enumerate(course.sessions):
        if session.number < 1:
            raise ShapeError(f"sessions[{i}].number", "sessions are numbered from 1")
    days = {s.number: s.on for s in course.sessions}
    in_order = [days[number] for number in sorted(days)]
    if in_order != sorted(in_order):
        raise ShapeError("sessions", "the dates do not follow the numbers; mend one of them")
    return course
