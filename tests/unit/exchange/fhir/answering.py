"""Questionnaires drawn at random, and answers to any questionnaire, both from a seed.

Whether a question is asked is reckoned here in another way than in the validator: by linkId
alone over all that was answered so far. That is right as long as nothing a condition looks at
repeats, which holds for what is drawn here and for our own questionnaires.
"""

from decimal import Decimal
from random import Random
from typing import Any

HL7 = "http://hl7.org/fhir/StructureDefinition/"
CODES = "https://example.org/codes"
Item = dict[str, Any]
SIMPLE: dict[str, tuple[str, Any]] = {
    "boolean": ("valueBoolean", True),
    "decimal": ("valueDecimal", Decimal("2.5")),
    "integer": ("valueInteger", 4),
    "date": ("valueDate", "2026-11-27"),
    "dateTime": ("valueDateTime", "2026-11-27T09:30:00Z"),
    "time": ("valueTime", "09:30:00"),
    "string": ("valueString", "better"),
    "text": ("valueString", "better\nthan before"),
    "url": ("valueUri", "https://example.org/a"),
    "reference": ("valueReference", {"reference": "Patient/patient-1"}),
    "quantity": ("valueQuantity", {"value": 3, "unit": "ml"}),
    "attachment": ("valueAttachment", {"contentType": "text/plain", "data": "YQ==", "size": 1}),
}


def drawn_questionnaire(random: Random) -> Item:
    """A questionnaire with groups, repeats, ranges, options and conditions on earlier answers."""
    links: list[tuple[str, str]] = []
    items = [_item(random, links, 0) for _ in range(random.randint(2, 5))]
    # A question that every fault can be planted at, whatever was drawn.
    items.append(
        {
            "linkId": "score",
            "type": "integer",
            "required": True,
            "extension": [
                {"url": HL7 + "minValue", "valueInteger": 0},
                {"url": HL7 + "maxValue", "valueInteger": 10},
            ],
        }
    )
    never = {"question": "score", "operator": ">", "answerInteger": 10}
    items.append({"linkId": "never", "type": "string", "enableWhen": [never]})
    items.append(
        {"linkId": "page", "type": "group", "item": [{"linkId": "inside", "type": "string"}]}
    )
    return {
        "resourceType": "Questionnaire",
        "url": "https://example.org/Questionnaire/drawn",
        "status": "active",
        "item": items,
    }


def _item(random: Random, links: list[tuple[str, str]], deep: int) -> Item:
    link = f"q{len(links)}-{random.randint(0, 9)}"
    kind = random.choice([*SIMPLE, "choice", "open-choice", "display", "group", "group"])
    if kind == "group" and deep > 2:
        kind = "boolean"
    item: Item = {"linkId": link, "type": kind, "text": f"Question {link}"}
    earlier = [known for known in links if known[1] in ("boolean", "choice")]
    if earlier and random.random() < 0.4:
        item["enableWhen"] = [
            _condition(random, *random.choice(earlier)) for _ in range(random.randint(1, 2))
        ]
        item["enableBehavior"] = random.choice(["any", "all"])
    if kind == "display":
        links.append((link, kind))
        return item
    item["required"] = random.random() < 0.5
    if kind == "group":
        links.append((link, kind))
        item["item"] = [_item(random, links, deep + 1) for _ in range(random.randint(1, 3))]
        return item
    if kind in ("choice", "open-choice"):
        item["answerOption"] = [
            {"valueCoding": {"system": CODES, "code": code, "display": code}} for code in "abc"
        ]
    if kind not in ("boolean", "choice"):
        item["repeats"] = random.random() < 0.3
    links.append((link, kind))
    if deep < 2 and not item.get("repeats") and random.random() < 0.2:
        item["item"] = [_item(random, links, deep + 1)]
    return item


def _condition(random: Random, question: str, kind: str) -> Item:
    if random.random() < 0.3:
        return {"question": question, "operator": "exists", "answerBoolean": True}
    if kind == "boolean":
        return {"question": question, "operator": "=", "answerBoolean": random.random() < 0.5}
    coding = {"system": CODES, "code": random.choice("abc")}
    return {"question": question, "operator": "=", "answerCoding": coding}


def answered(questionnaire: Item, random: Random, skip: float = 0.3) -> Item:
    """A completed response that keeps every rule; what is not required is skipped now and then."""
    given: dict[str, list[Any]] = {}
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": questionnaire["url"],
        "status": "completed",
        "item": _answers(questionnaire["item"], random, skip, given),
    }


def _answers(
    asked: list[Item], random: Random, skip: float, given: dict[str, list[Any]]
) -> list[Item]:
    items = []
    for question in asked:
        optional = question.get("required") is not True
        if not _is_asked(question, given) or question["type"] == "display":
            continue
        if optional and random.random() < skip:
            continue
        item: Item = {"linkId": question["linkId"]}
        if question["type"] == "group":
            below = _answers(question["item"], random, skip, given)
            if not below and not optional:
                # One that is skipped whole: what is required within it is answered too.
                below = _answers(question["item"], random, 0, given) or [
                    {"linkId": question["item"][0]["linkId"]}
                ]
            if below:
                items.append(item | {"item": below})
            continue
        name, value = _value(question, random)
        given[question["linkId"]] = [value]
        answer: Item = {name: value}
        if below := _answers(question.get("item", []), random, skip, given):
            answer["item"] = below
        items.append(item | {"answer": [answer]})
    return items


def _is_asked(question: Item, given: dict[str, list[Any]]) -> bool:
    results = []
    for condition in question.get("enableWhen", []):
        values = given.get(condition["question"], [])
        wanted = next(v for k, v in condition.items() if k.startswith("answer"))
        if condition["operator"] == "exists":
            results.append(bool(values) == wanted)
        elif condition["operator"] == "=":
            results.append(any(_key(value) == _key(wanted) for value in values))
        else:
            signs = {">": 1, "<": -1}
            above = [(value > wanted) - (value < wanted) for value in values]
            equal = condition["operator"].endswith("=")
            wanted_sign = signs[condition["operator"][0]]
            results.append(any(s == wanted_sign or (equal and s == 0) for s in above))
    if not results:
        return True
    return any(results) if question.get("enableBehavior") == "any" else all(results)


def _key(value: Any) -> Any:
    return (value.get("system"), value.get("code")) if isinstance(value, dict) else value


def _value(question: Item, random: Random) -> tuple[str, Any]:
    if options := question.get("answerOption"):
        option = random.choice(options)
        return next((k, v) for k, v in option.items() if k.startswith("value"))
    name, value = SIMPLE[question["type"]]
    if question["type"] == "boolean":
        value = random.random() < 0.5
    for extension in question.get("extension", []):
        if extension["url"] == HL7 + "minValue":
            value = next(v for k, v in extension.items() if k.startswith("value"))
    return name, value
