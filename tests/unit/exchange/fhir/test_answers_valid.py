"""The validator of responses: what keeps the rules passes, every planted fault is found."""

import copy
import csv
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enthesis.exchange.fhir.answers_valid import response_findings
from enthesis.exchange.fhir.finding import errors
from enthesis.exchange.fhir.questionnaire import asked_by
from enthesis.exchange.fhir.questionnaire_valid import questionnaire_findings
from enthesis.exchange.fhir.response import answers_from
from enthesis.knowledge.load import knowledge
from tests.hl7_cases import FOLDER, cases, read_file
from tests.unit.exchange.fhir.answering import CODES, HL7, answered, drawn_questionnaire

Item = dict[str, Any]
SEEDS = st.integers(0, 10**9)
REAL = FOLDER.parent
MEASURED = Path(__file__).parents[3] / "reference/hl7_questionnaire_cases.csv"


@settings(max_examples=150, deadline=None)
@given(SEEDS)
def test_answers_that_keep_every_rule_of_a_random_questionnaire_are_clean(seed: int) -> None:
    random = Random(seed)  # noqa: S311
    questionnaire = drawn_questionnaire(random)
    assert errors(questionnaire_findings(questionnaire)) == ()
    assert errors(response_findings(answered(questionnaire, random), [questionnaire])) == ()


def _item(response: Item, link: str) -> Item:
    return next(item for item in response["item"] if item["linkId"] == link)


def _unknown_link(response: Item) -> None:
    response["item"].append({"linkId": "nobody", "answer": [{"valueBoolean": True}]})


def _wrong_type(response: Item) -> None:
    _item(response, "score")["answer"] = [{"valueString": "4"}]


def _out_of_range(response: Item) -> None:
    _item(response, "score")["answer"] = [{"valueInteger": 11}]


def _missing(response: Item) -> None:
    response["item"].remove(_item(response, "score"))


def _not_asked(response: Item) -> None:
    at = response["item"].index(_item(response, "score")) + 1
    response["item"].insert(at, {"linkId": "never", "answer": [{"valueString": "yes"}]})


def _nesting(response: Item) -> None:
    response["item"].append({"linkId": "inside", "answer": [{"valueString": "out"}]})


def _order(response: Item) -> None:
    response["item"].append({"linkId": "page", "item": [{"linkId": "inside"}]})
    response["item"].append(_item(response, "score"))
    response["item"].remove(_item(response, "score"))


def _twice(response: Item) -> None:
    response["item"].append(_item(response, "score"))


def _two_answers(response: Item) -> None:
    _item(response, "score")["answer"] = [{"valueInteger": 1}, {"valueInteger": 2}]


def _two_values(response: Item) -> None:
    _item(response, "score")["answer"] = [{"valueInteger": 1, "valueString": "1"}]


def _items_beside_answers(response: Item) -> None:
    _item(response, "score")["item"] = [{"linkId": "inside"}]


def _status(response: Item) -> None:
    response["status"] = "done"


FAULTS: list[tuple[Callable[[Item], None], str]] = [
    (_unknown_link, "not-found"),
    (_wrong_type, "structure"),
    (_out_of_range, "invalid"),
    (_missing, "required"),
    (_not_asked, "business-rule"),
    (_nesting, "structure"),
    (_order, "structure"),
    (_twice, "structure"),
    (_two_answers, "structure"),
    (_two_values, "structure"),
    (_items_beside_answers, "structure"),
    (_status, "code-invalid"),
]


@pytest.mark.parametrize(("plant", "code"), FAULTS, ids=[f[0].__name__ for f in FAULTS])
@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_a_planted_fault_is_found(plant: Callable[[Item], None], code: str, seed: int) -> None:
    random = Random(seed)  # noqa: S311
    questionnaire = drawn_questionnaire(random)
    response = answered(questionnaire, random)
    response["item"] = [i for i in response["item"] if i["linkId"] != "page"]
    plant(response)
    assert code in {one.code for one in errors(response_findings(response, [questionnaire]))}


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_what_is_required_may_be_missing_while_the_answers_are_in_progress(seed: int) -> None:
    random = Random(seed)  # noqa: S311
    questionnaire = drawn_questionnaire(random)
    response = answered(questionnaire, random) | {"status": "in-progress"}
    _missing(response)
    # FHIR's JSON knows no empty list.
    response = {name: value for name, value in response.items() if value}
    assert errors(response_findings(response, [questionnaire])) == ()


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.sampled_from(["", "score", "page", "valueString", "1", "#", "\ud800", "2026-02-30"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "linkId item answer valueString valueInteger valueCoding valueReference reference "
                "status questionnaire contained url extension type enableWhen question operator "
                "answerInteger valueQuantity value code system answerOption id".split()
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(ANYTHING, ANYTHING, ANYTHING)
def test_wrong_types_anywhere_give_findings_and_never_an_exception(
    items: object, asked: object, more: object
) -> None:
    questionnaire = {"resourceType": "Questionnaire", "url": "u", "status": "active"}
    response = {"resourceType": "QuestionnaireResponse", "questionnaire": "u", "status": more}
    response_findings(items, [])
    questionnaire_findings(asked)
    whole = questionnaire | {"item": [{"linkId": "score", "type": "integer", "item": asked}]}
    questionnaire_findings(whole)
    for one in (items, [items], [{"linkId": "score", "answer": [items], "item": more}]):
        for form in (questionnaire | {"item": asked}, whole):
            response_findings(response | {"item": one, "contained": more}, [form])


def test_nesting_without_end_is_a_finding() -> None:
    item: Item = {"linkId": "a"}
    group: Item = {"linkId": "a", "type": "group"}
    for _ in range(5000):
        item = {"linkId": "a", "item": [item]}
        group = {"linkId": "a", "type": "group", "item": [group]}
    questionnaire = {"resourceType": "Questionnaire", "url": "u", "status": "active"}
    questionnaire["item"] = [group]  # type: ignore[assignment]
    response = {"resourceType": "QuestionnaireResponse", "questionnaire": "u", "item": [item]}
    assert any("deep" in one.text for one in response_findings(response, [questionnaire]))
    assert any("deep" in one.text for one in questionnaire_findings(questionnaire))


def _asked(question: Item, *answers: Item) -> list[str]:
    """The codes of the errors of one question with these answers."""
    questionnaire = {"resourceType": "Questionnaire", "url": "u", "status": "active"}
    response = {"resourceType": "QuestionnaireResponse", "questionnaire": "u|1"}
    item = {"linkId": "a", "answer": list(answers)}
    found = response_findings(
        response | {"status": "completed", "item": [item] if answers else [{"linkId": "a"}]},
        [questionnaire | {"version": "1", "item": [{"linkId": "a"} | question]}],
    )
    return [one.code for one in errors(found)]


def _limited(kind: str, **limits: Any) -> Item:
    parts = [{"url": HL7 + name, **value} for name, value in limits.items()]
    return {"type": kind, "extension": parts}


SET = {
    "resourceType": "ValueSet",
    "id": "v",
    "url": "https://example.org/v",
    "compose": {"include": [{"system": CODES, "concept": [{"code": "a"}]}]},
}
A, B = ({"valueCoding": {"system": CODES, "code": code}} for code in "ab")
EXCLUSIVE = {"url": HL7 + "questionnaire-optionExclusive", "valueBoolean": True}
CASES: list[tuple[str, Item, list[Item], list[str]]] = [
    ("a decimal with too many places", _limited("decimal", maxDecimalPlaces={"valueInteger": 1}),
     [{"valueDecimal": Decimal("1.25")}], ["invalid"]),
    ("a decimal with just enough", _limited("decimal", maxDecimalPlaces={"valueInteger": 2}),
     [{"valueDecimal": Decimal("1.25")}], []),
    ("a date before the first", _limited("date", minValue={"valueDate": "2026-11-27"}),
     [{"valueDate": "2026-11-26"}], ["invalid"]),
    ("a month around the first", _limited("date", minValue={"valueDate": "2026-11-27"}),
     [{"valueDate": "2026-11"}], []),
    ("a day that is none", {"type": "date"}, [{"valueDate": "2026-02-30"}], ["value"]),
    ("a whole number as text", {"type": "integer"}, [{"valueInteger": "4"}], ["value"]),
    ("a text too long", {"type": "string", "maxLength": 3}, [{"valueString": "four"}],
     ["too-long"]),
    ("a text too short", _limited("string", minLength={"valueInteger": 3}),
     [{"valueString": "it"}], ["invalid"]),
    ("a text against the pattern", _limited("string", regex={"valueString": "[0-9]{4}"}),
     [{"valueString": "12a4"}], ["invalid"]),
    ("a text after the pattern", _limited("string", regex={"valueString": "[0-9]{4}"}),
     [{"valueString": "1234"}], []),
    ("none of the options", {"type": "choice", "answerOption": [A]}, [B], ["code-invalid"]),
    ("one of the options", {"type": "choice", "answerOption": [A, B]}, [B], []),
    ("own words", {"type": "open-choice", "answerOption": [A]}, [{"valueString": "else"}], []),
    ("own words where a choice is asked", {"type": "choice", "answerOption": [A]},
     [{"valueString": "else"}], ["structure"]),
    ("a number that is an option", {"type": "integer", "answerOption": [{"valueInteger": 3}]},
     [{"valueInteger": 4}], ["code-invalid"]),
    ("what stands alone, with company",
     {"type": "choice", "repeats": True, "answerOption": [A, B | {"extension": [EXCLUSIVE]}]},
     [A, B], ["business-rule"]),
    ("too few", _limited("string", **{"questionnaire-minOccurs": {"valueInteger": 2}})
     | {"repeats": True}, [{"valueString": "one"}], ["required"]),
    ("too many", _limited("string", **{"questionnaire-maxOccurs": {"valueInteger": 1}})
     | {"repeats": True}, [{"valueString": "one"}, {"valueString": "two"}], ["invalid"]),
    ("an attachment of another size", {"type": "attachment"},
     [{"valueAttachment": {"contentType": "text/plain", "data": "YQ==", "size": 2}}],
     ["invalid"]),
    ("a reference to the wrong kind",
     _limited("reference", **{"questionnaire-referenceResource": {"valueCode": "Patient"}}),
     [{"valueReference": {"reference": "Device/1"}}], ["structure"]),
    ("a reference to nothing contained", {"type": "reference"},
     [{"valueReference": {"reference": "#x"}}], ["not-found"]),
    ("a display that is answered", {"type": "display"}, [{"valueBoolean": True}], ["structure"]),
    ("a group that is answered", {"type": "group"}, [{"valueBoolean": True}], ["structure"]),
    ("an empty answer", {"type": "boolean"}, [{}], ["structure", "required"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "answers", "codes"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_a_value_is_held_to_what_its_question_says(
    question: Item, answers: list[Item], codes: list[str]
) -> None:
    assert _asked(question, *answers) == codes


def test_a_value_set_is_looked_up_contained_or_given_and_said_to_be_unchecked_elsewhere() -> None:
    form = {
        "resourceType": "Questionnaire",
        "url": "u",
        "status": "active",
        "contained": [SET],
        "item": [{"linkId": "a", "type": "choice", "answerValueSet": "#v"}],
    }

    def found(coding: Item, form: Item, *more: Item) -> list[str]:
        item = {"linkId": "a", "answer": [coding]}
        response = {"resourceType": "QuestionnaireResponse", "status": "completed"}
        whole = response | {"questionnaire": "u", "item": [item]}
        return [one.code for one in response_findings(whole, [form, *more])]

    assert found(A, form) == []
    assert found(B, form) == ["code-invalid"]
    outside = copy.deepcopy(form)
    outside["item"][0]["answerValueSet"] = SET["url"]  # type: ignore[index]
    del outside["contained"]
    assert found(B, outside, SET) == ["code-invalid"]
    assert found(B, outside) == ["not-supported"]


@pytest.mark.parametrize(
    ("operator", "wanted", "answer", "asked"),
    [
        ("=", 3, 3, True), ("=", 3, 4, False), ("!=", 3, 4, True), ("!=", 3, 3, False),
        (">", 3, 4, True), (">", 3, 3, False), ("<", 3, 2, True), (">=", 3, 3, True),
        ("<=", 3, 4, False), ("exists", True, 1, True), ("exists", False, 1, False),
        ("exists", True, None, False), ("exists", False, None, True),
    ],
)  # fmt: skip
def test_each_operator_opens_and_closes_a_question(
    operator: str, wanted: object, answer: int | None, asked: bool
) -> None:
    name = "answerBoolean" if operator == "exists" else "answerInteger"
    condition = {"question": "a", "operator": operator, name: wanted}
    form = {
        "resourceType": "Questionnaire",
        "url": "u",
        "status": "active",
        "item": [
            {"linkId": "a", "type": "integer"},
            {"linkId": "b", "type": "string", "required": True, "enableWhen": [condition]},
        ],
    }
    first: Item = {"linkId": "a"}
    if answer is not None:
        first["answer"] = [{"valueInteger": answer}]
    second = {"linkId": "b", "answer": [{"valueString": "yes"}]}
    base = {"resourceType": "QuestionnaireResponse", "questionnaire": "u", "status": "completed"}
    with_it = [f.code for f in errors(response_findings(base | {"item": [first, second]}, [form]))]
    without = [f.code for f in errors(response_findings(base | {"item": [first]}, [form]))]
    assert (with_it, without) == (([], ["required"]) if asked else (["business-rule"], []))


def test_a_condition_looks_into_its_own_repetition_of_a_group() -> None:
    condition = {"question": "a", "operator": "=", "answerBoolean": True}
    inner = [
        {"linkId": "a", "type": "boolean"},
        {"linkId": "b", "type": "string", "enableWhen": [condition]},
    ]
    form = {
        "resourceType": "Questionnaire",
        "url": "u",
        "status": "active",
        "item": [{"linkId": "g", "type": "group", "repeats": True, "item": inner}],
    }
    yes = {"linkId": "a", "answer": [{"valueBoolean": True}]}
    more = {"linkId": "b", "answer": [{"valueString": "x"}]}
    base = {"resourceType": "QuestionnaireResponse", "questionnaire": "u", "status": "completed"}
    groups = [{"linkId": "g", "item": [yes, more]}, {"linkId": "g", "item": [more]}]
    found = errors(response_findings(base | {"item": groups}, [form]))
    assert [(f.code, f.expression) for f in found] == [
        ("business-rule", "QuestionnaireResponse.item[1].item[0]")
    ]


def test_hl7s_cases_are_judged_no_worse_than_when_they_were_measured() -> None:
    if not (FOLDER / "manifest.json").is_file():
        pytest.skip(f"HL7's cases are not at {FOLDER}")
    with MEASURED.open(encoding="utf-8") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    run = {case.name: case for case in cases() if not case.why_not and case.name in rows}
    assert len(run) >= 8
    worse = [
        name
        for name, case in run.items()
        if rows[name]["ours"] == rows[name]["hl7"]
        and case.is_refused() != (rows[name]["hl7"] == "bad")
    ]
    assert worse == []


def test_the_measured_counts_do_not_get_worse() -> None:
    with MEASURED.open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["second"] in ("", r["hl7"])]
    bad, good = ([r["ours"] for r in rows if r["hl7"] == which] for which in ("bad", "good"))
    assert (bad.count("bad") >= 54, len(bad)) == (True, 64)
    assert (good.count("bad"), len(good)) == (0, 21)


@pytest.mark.parametrize("folder", ["pain-clinic-questionnaires", "sdc"])
def test_questionnaires_and_answers_in_use_elsewhere_have_no_errors(folder: str) -> None:
    if not (REAL / folder).is_dir():
        pytest.skip(f"{folder} is not beside the project")
    resources, unreadable = [], []
    for path in sorted((REAL / folder).glob("*")):
        try:
            resources.append(read_file(path))
        except ValueError:
            unreadable.append(path.name)
    # This one is an empty file here.
    assert unreadable in ([], ["Questionnaire-mds-rai.json"])
    forms = [one for one in resources if one["resourceType"] == "Questionnaire"]
    for form in forms:
        assert errors(questionnaire_findings(form)) == (), form.get("title")
    for one in resources:
        if one["resourceType"] == "QuestionnaireResponse":
            assert errors(response_findings(one, forms)) == ()


def test_findings_are_found_again_in_text_that_was_written_as_json() -> None:
    random = Random(1)  # noqa: S311
    form = drawn_questionnaire(random)
    response = answered(form, random)
    _out_of_range(response)
    text = json.dumps(response, default=float)
    again = response_findings(json.loads(text, parse_float=Decimal), [form])
    assert again == response_findings(response, [form])


def test_one_tick_of_several_possible_is_a_list_of_one_where_the_questions_are_known() -> None:
    known = knowledge(date(2026, 11, 1))
    tick = {"valueCoding": {"code": "none"}}
    response = {"item": [{"linkId": "page:1", "item": [{"linkId": "danger", "answer": [tick]}]}]}
    assert answers_from(response) == {"danger": "none"}
    assert answers_from(response, asked_by(known, "six_signs")) == {"danger": ("none",)}
