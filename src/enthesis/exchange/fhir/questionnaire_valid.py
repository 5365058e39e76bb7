"""Is a Questionnaire itself well made? R4's structure, its rules que-0 to que-13, and conditions.

Not checked: FHIRPath in SDC's extensions, profiles, codes of a terminology server.
"""

import re
from collections.abc import Iterator
from typing import Any

from enthesis.exchange.fhir.answer_values import ANSWER_TYPES, Value, same, value_of
from enthesis.exchange.fhir.elements import (
    DEEPEST,
    check_structure,
    dicts,
    named,
    numbered,
    text_of,
)
from enthesis.exchange.fhir.finding import Finding, Findings

Item = dict[str, Any]
ROOT = "Questionnaire"
_NAME = re.compile(r"[A-Z][A-Za-z0-9_]{0,254}")
_LISTING = ("choice", "open-choice", "decimal", "integer", "date", "dateTime", "time", "string")
_WITH_LENGTH = ("boolean", "decimal", "integer", "string", "text", "url", "open-choice")
_ORDERED = ("decimal", "integer", "date", "dateTime", "time", "quantity", "string", "text")


def questionnaire_findings(questionnaire: object) -> tuple[Finding, ...]:
    """All that is wrong with a Questionnaire, JSON as it was parsed. Nothing makes this raise."""
    found = Findings()
    if not isinstance(questionnaire, dict) or questionnaire.get("resourceType") != ROOT:
        found.error("structure", ROOT, f"Must be a resource with resourceType '{ROOT}'.")
        return tuple(found.all)
    check_structure(found, ROOT, questionnaire, ROOT)
    name = questionnaire.get("name")
    if isinstance(name, str) and not _NAME.fullmatch(name):
        text = "Should begin with a capital, then letters, digits and _ only (que-0)."
        found.warning("invariant", f"{ROOT}.name", text)
    places = list(_walk(questionnaire))
    known: dict[str, Item] = {}
    for item, where in places:
        link = item.get("linkId")
        if isinstance(link, str):
            if link in known:
                text = f"'{link}' is the linkId of another item already (que-2)."
                found.error("invariant", f"{where}.linkId", text)
            known.setdefault(link, item)
    for item, where in places:
        _check_item(found, item, where)
        _check_options(found, item, where)
        _check_conditions(found, item, where, known)
    return tuple(found.all)


def _walk(questionnaire: Item) -> Iterator[tuple[Item, str]]:
    waiting = list(numbered(questionnaire.get("item"), f"{ROOT}.item"))[::-1]
    while waiting:
        item, where = waiting.pop()
        yield item, where
        if where.count(".item") <= DEEPEST:
            waiting += list(numbered(item.get("item"), f"{where}.item"))[::-1]


def _check_item(found: Findings, item: Item, where: str) -> None:
    kind = text_of(item.get("type"))

    def rule(broken: bool, key: str, text: str) -> None:
        if broken:
            found.error("invariant", where, f"{text} ({key}).")

    display = kind == "display"
    rule(kind == "group" and not item.get("item"), "que-1", "A group must have items")
    rule(display and "item" in item, "que-1", "A display can have no items")
    rule(display and "code" in item, "que-3", "A display can have no code")
    rule(
        "answerOption" in item and "answerValueSet" in item,
        "que-4",
        "Give answerOption or answerValueSet, not both",
    )
    listed = "answerOption" in item or "answerValueSet" in item
    rule(listed and kind not in (*_LISTING, "quantity"), "que-5", f"{kind} can have no options")
    rule(display and ("required" in item or "repeats" in item), "que-6", "A display is not asked")
    rule(kind in ("group", "display") and "initial" in item, "que-8", f"A {kind} has no initial")
    rule(display and "readOnly" in item, "que-9", "A display can not be readOnly")
    rule("maxLength" in item and kind not in _WITH_LENGTH, "que-10", f"{kind} has no maxLength")
    rule(
        "answerOption" in item and "initial" in item,
        "que-11",
        "With answerOption say initialSelected instead of initial",
    )
    rule(
        len(dicts(item.get("enableWhen"))) > 1 and "enableBehavior" not in item,
        "que-12",
        "With two conditions or more enableBehavior must say all or any",
    )
    rule(
        len(dicts(item.get("initial"))) > 1 and item.get("repeats") is not True,
        "que-13",
        "Only what repeats can have two initial values",
    )
    allowed = ANSWER_TYPES.get(kind, ())
    for initial, place in numbered(item.get("initial"), f"{where}.initial"):
        value = value_of(initial)
        if value and allowed and value.type not in allowed and not listed:
            found.error("structure", place, f"{kind} takes value{allowed[0]}, not {value.type}.")


def _check_options(found: Findings, item: Item, where: str) -> None:
    kind, seen = text_of(item.get("type")), list[Value]()
    for option, place in numbered(item.get("answerOption"), f"{where}.answerOption"):
        value = value_of(option)
        if value is None:
            continue
        if kind not in ("choice", "open-choice") and value.type not in ANSWER_TYPES.get(kind, ()):
            found.error("structure", place, f"An option of {kind} can not be a value{value.type}.")
        # A thousand options are compared with few of their like: a form is no code system.
        if any(same(value, other) for other in seen[-200:]):
            found.warning("duplicate", place, "The same option stands here twice.")
        seen.append(value)


def _check_conditions(found: Findings, item: Item, where: str, known: dict[str, Item]) -> None:
    for condition, place in numbered(item.get("enableWhen"), f"{where}.enableWhen"):
        question, operator = text_of(condition.get("question")), condition.get("operator")
        answer = value_of(condition, "answer")
        if question and question not in known:
            text = f"There is no item {named(question)} that this could depend on."
            found.error("not-found", f"{place}.question", text)
            continue
        if question and any(part is known[question] for part in _with_below(item)):
            text = "Can not depend on its own answer, or on one that stands below it."
            found.error("business-rule", place, text)
        if answer is None:
            continue
        if operator == "exists":
            if answer.type != "Boolean":
                found.error("invariant", place, "With 'exists' give answerBoolean (que-7).")
            continue
        target = known.get(question, {})
        kind = text_of(target.get("type"))
        allowed = _comparable(target, kind)
        if kind in ("group", "display"):
            found.error("business-rule", place, f"'{question}' is a {kind}: it has no answer.")
        elif allowed and answer.type not in allowed:
            text = f"'{question}' ({kind}) is never answered by a value{answer.type}."
            found.error("structure", place, text)
        if operator in (">", "<", ">=", "<=") and kind and kind not in _ORDERED:
            found.error("business-rule", place, f"{kind} knows no larger and smaller.")


def _with_below(item: Item) -> Iterator[Item]:
    waiting = [item]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += dicts(one.get("item"))


def _comparable(target: Item, kind: str) -> tuple[str, ...]:
    listed = [v.type for o in dicts(target.get("answerOption")) if (v := value_of(o))]
    allowed = ANSWER_TYPES.get(kind, ())
    # enableWhen has no answerUri and no answerAttachment: a url is compared as a text.
    return (*allowed, *listed, *(("String",) if kind == "url" else ()))
