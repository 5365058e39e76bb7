"""The self-check: every rule that it names is there, none that a patient could answer is left out,
and each answer opens the right door."""

from dataclasses import replace

import pytest
from docs.reading import HARDEST, grade

from enthesis.journey.self_check import Door, door_of, outcome, questions
from enthesis.knowledge.load import FOLDER, Entry, read_library
from enthesis.knowledge.references import problems
from enthesis.knowledge.translate import self_check_problems
from tests.unit.journey.courses import KNOWN

ASKED = KNOWN.self_check_questions.values()
BACK, KNEE = KNOWN.conditions["low_back"], KNOWN.conditions["knee_oa"]


def test_every_rule_that_leads_to_a_doctor_first_is_asked_about_or_named_with_the_reason() -> None:
    asked = {id for one in ASKED for id in one.finds}
    not_asked = KNOWN.self_check_rules.not_asked
    strict = {r.id for r in KNOWN.candidacy_rules if door_of(r) is not Door.VISIT}
    assert len(strict) > 20
    assert strict - asked == set(not_asked)
    assert all(len(reason.split()) > 3 for reason in not_asked.values())


def test_a_question_about_a_rule_that_is_nowhere_is_refused() -> None:
    library = read_library(FOLDER)
    one = next(iter(ASKED))
    wrong = Entry(replace(one, finds=("no_such_rule",)), "self_check.toml: x")
    entries = {**library.entries, "self_check_questions": (wrong,)}
    found = list(problems(entries, library.codes))
    assert found == [
        ("self_check.toml: x", "finds: no rule of candidacy or danger rule 'no_such_rule'")
    ]


def test_a_question_leads_where_the_strictest_of_its_rules_leads_in_that_region() -> None:
    back, knee = ({one.id: one for one in questions(c, KNOWN)} for c in (BACK, KNEE))
    assert {id for id, one in back.items() if one.door is Door.NOW} == {
        *("numb", "weak", "fever", "hot", "breath")
    }
    assert back["defence"].door is Door.DOCTOR_FIRST and knee["defence"].door is Door.VISIT
    assert "night" in back and "night" not in knee
    assert "metal" in knee and "metal" not in back
    doors = [one.door for one in questions(BACK, KNOWN)]
    assert doors == sorted(doors, reverse=True)


@pytest.mark.parametrize("question", [one.id for one in questions(BACK, KNOWN)])
def test_yes_opens_the_door_of_its_question_whatever_else_is_said(question: str) -> None:
    asked = questions(BACK, KNOWN)
    answers = dict.fromkeys((one.id for one in asked), "no") | {question: "yes"}
    found = outcome(asked, answers)
    assert [one.id for one in found.yes] == [question] and not found.unknown
    assert found.door is found.yes[0].door
    worst = outcome(asked, answers | {"breath": "yes"})
    assert worst.door is Door.NOW


def test_what_is_open_or_not_known_is_asked_at_the_visit_and_never_taken_as_no() -> None:
    asked = questions(BACK, KNOWN)
    found = outcome(asked, {"breath": "unknown", "fever": "", "sugar": "perhaps", "night": "no"})
    assert found.door is Door.VISIT and not found.yes
    assert {"breath", "fever", "sugar", "numb"} <= {one.id for one in found.unknown}
    assert "night" not in {one.id for one in found.unknown}


def test_every_question_is_easy_to_read_and_has_its_spanish_twin() -> None:
    for one in ASKED:
        assert all(grade(text) <= HARDEST for text in (one.text, one.tell) if text), one.id
    words = KNOWN.self_check_words["es"]
    english, spanish = questions(BACK, KNOWN), questions(BACK, KNOWN, "es")
    assert [one.id for one in english] == [one.id for one in spanish]
    assert not {one.text for one in english} & {one.text for one in spanish}
    texts = {one.id: one.text for one in ASKED}
    lacking = self_check_problems(texts | {"more": "More?"}, {}, words)
    assert {"texts.more: not translated", "tells.pills: translates nothing"} <= set(lacking)
