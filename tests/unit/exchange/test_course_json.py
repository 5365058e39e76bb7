"""The course file: read, written the same way every time, refused with the place."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enthesis.exchange.course_json import (
    CourseFileError,
    canonical,
    fingerprint,
    read_course,
    write_course,
)
from tests.unit.journey.courses import course_of

COURSE = course_of(
    [7], [0, 14], [[10, {"pain": 5}], [24, {"pain": "?"}]], [[25, "go_on", "stop"]],
    start={"activity_1_name": "put on socks"},
)  # fmt: skip


def changed(change: Any) -> str:
    data = json.loads(write_course(COURSE))
    change(data)
    return json.dumps(data)


def test_a_written_course_is_read_back_the_same() -> None:
    assert read_course(write_course(COURSE)) == COURSE


def test_the_same_course_gives_the_same_bytes_whatever_order_its_answers_came_in() -> None:
    shuffled = replace(COURSE, assessments=COURSE.assessments[::-1], sessions=COURSE.sessions[::-1])
    assert write_course(shuffled) == write_course(COURSE)
    assert fingerprint(shuffled) == fingerprint(COURSE)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(json_values)
def test_the_text_that_is_hashed_is_that_of_pythons_own_encoder(data: Any) -> None:
    own = json.dumps(data, sort_keys=True, ensure_ascii=False, indent=1)
    assert canonical(data) == f"{own}\n"


def test_any_new_fact_changes_the_fingerprint() -> None:
    fewer = replace(COURSE, assessments=COURSE.assessments[1:])
    assert fingerprint(fewer) != fingerprint(COURSE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1, column 1: this is not JSON"),
        ("{", "this is not JSON"),
        ("[]", "top level: expected a table with the fields of Course"),
        ("{}", "id: missing; add this field"),
        ('{"id": "a", "id": "b"}', "the field 'id' is there twice"),
        ('{"id": NaN}', "NaN is no number in JSON; write null"),
        ("[" * 100_000, "nested too deeply"),
        ('{"id": 4e' + "9" * 40 + "}", "4e9999.* is no number of a sensible size"),
        ('{"id": ' + "9" * 5000 + "}", "9999.* is no number of a sensible size"),
    ],
)
def test_a_text_that_is_no_course_is_refused(text: str, words: str) -> None:
    with pytest.raises(CourseFileError, match=words):
        read_course(text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(sidee="left"), r"sidee: unknown field; known are id, condition"),
        (lambda d: d.update(side="upper"), r"side: 'upper' is not one of left, right"),
        (lambda d: d["sessions"][1].update(on="2026-13-01"), r"sessions\[1\].on: expected a date"),
        (lambda d: d["sessions"][1].update(number=1), r"sessions: two sessions have the same"),
        (lambda d: d["sessions"][0].update(number=0), r"sessions\[0\].number: sessions are"),
        (lambda d: d["sessions"][0].update(on="2026-12-01"), r"sessions: the dates do not follow"),
        (lambda d: d["plan"].update(interval_days=2.5), r"plan.interval_days: expected a whole"),
        (
            lambda d: d["plan"]["stop_rule"].update(stop_below_percent="1e999999"),
            r"plan.stop_rule.stop_below_percent: expected a number of a sensible size",
        ),
        (lambda d: d["plan"]["stop_rule"].pop("measure"), r"plan.stop_rule.measure: missing"),
        (lambda d: d["assessments"][0].update(answers=[]), r"assessments\[0\].answers: expected"),
    ],
)
def test_a_wrong_field_is_named_with_its_place(change: Any, words: str) -> None:
    with pytest.raises(CourseFileError, match=words):
        read_course(changed(change))


def test_hostile_json_is_refused_without_falling_over() -> None:
    folder = Path(__file__).parents[4] / "shared/real/json-suite/test_parsing"
    if not folder.exists():
        pytest.skip("the folder shared/ with the JSON suite is not on this machine")
    for path in sorted(folder.glob("*.json")):
        with pytest.raises(CourseFileError):
            read_course(path.read_bytes().decode("utf-8", "replace"))
