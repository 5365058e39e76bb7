"""Does a QuestionnaireResponse fit its Questionnaire? R4 (4.0.1), with the issues found.

Not checked, because it needs more than the two resources and the value sets that came along:
codes of a terminology server, FHIRPath (questionnaire-constraint, enableWhenExpression and the
other expressions of SDC), profiles, whether what is referred to exists.
"""

from collections.abc import Iterable
from typing import Any

from enthesis.exchange.fhir.answer_limits import check_limits, limit
from enthesis.exchange.fhir.answer_options import Shelf, in_value_set, is_exclusive, option_of
from enthesis.exchange.fhir.answer_values import ANSWER_TYPES, Value, extension, same, value_of
from enthesis.exchange.fhir.elements import (
    DEEPEST,
    check_structure,
    dicts,
    named,
    numbered,
    text_of,
)
from enthesis.exchange.fhir.enable_when import EXPRESSION, Holders, below, enabled
from enthesis.exchange.fhir.finding import Finding, Findings
from enthesis.exchange.fhir.primitives import compare, number

Item = dict[str, Any]
ROOT = "QuestionnaireResponse"
# Not finished, or not meant: what is required may still be missing.
OPEN = ("in-progress", "stopped", "entered-in-error")


def response_findings(
    response: object, resources: Iterable[dict[str, Any]] = ()
) -> tuple[Finding, ...]:
    """All that is wrong with a response, given Questionnaires, ValueSets and CodeSystems.

    `response` is JSON as it was parsed. Nothing in it makes this raise: every fault is an issue.
    """
    found = Findings()
    if not isinstance(response, dict) or response.get("resourceType") != ROOT:
        found.error("structure", ROOT, f"Must be a resource with resourceType '{ROOT}'.")
        return tuple(found.all)
    check_structure(found, ROOT, response, ROOT)
    _check_inner_references(found, response)
    shelf = Shelf(resources)
    questionnaire = _questionnaire(found, response, shelf)
    if questionnaire is not None:
        _Check(found, response, questionnaire, shelf).whole()
    return tuple(found.all)


def _questionnaire(found: Findings, response: Item, shelf: Shelf) -> Item | None:
    where, asked = f"{ROOT}.questionnaire", response.get("questionnaire")
    if not isinstance(asked, str):
        found.warning("required", where, "Says no questionnaire: its answers were not checked.")
        return None
    questionnaire = shelf.find(asked, "Questionnaire", response)
    if questionnaire is None:
        text = f"{named(asked)} is not here: the answers were not checked against it."
        found.warning("not-found", where, text)
        return None
    status = questionnaire.get("status")
    if status in ("draft", "retired"):
        found.warning("business-rule", where, f"The questionnaire is {status}.")
    period, authored = questionnaire.get("effectivePeriod"), response.get("authored")
    if isinstance(period, dict) and (
        compare(authored, period.get("start")) == -1 or compare(authored, period.get("end")) == 1
    ):
        found.warning("business-rule", where, "Answered when the questionnaire was not in force.")
    return questionnaire


def _check_inner_references(found: Findings, response: Item) -> None:
    inside = {f"#{r.get('id')}" for r in dicts(response.get("contained"))} | {"#"}
    places = [response, *below(response)]
    places += [answer for item in places for answer in dicts(item.get("answer"))]
    for place in places:
        for name, value in place.items():
            for one in value if isinstance(value, list) else [value]:
                address = text_of(one.get("reference")) if isinstance(one, dict) else ""
                if address.startswith("#") and address not in inside:
                    text = f"Nothing contained here has the id that {named(address)} points to."
                    found.error("not-found", f"{ROOT}.descendants().{name}.reference", text)


class _Check:
    """One response against one questionnaire."""

    def __init__(self, found: Findings, response: Item, questionnaire: Item, shelf: Shelf) -> None:
        self.found = found
        self.response = response
        self.questionnaire = questionnaire
        self.shelf = shelf
        self.must_be_whole = response.get("status") not in OPEN
        self.paths: dict[str, frozenset[str]] = {}
        waiting: list[tuple[Item, frozenset[str]]] = [(questionnaire, frozenset())]
        while waiting:
            one, around = waiting.pop()
            link = one.get("linkId")
            if isinstance(link, str):
                around |= {link}
                self.paths[link] = around
            # Deeper than anything that is looked at: the sets would only eat memory.
            if len(around) <= DEEPEST:
                waiting += [(part, around) for part in dicts(one.get("item"))]

    def whole(self) -> None:
        """From the top."""
        self._level(self.questionnaire, self.response, ROOT, (("", self.response),), 0)

    def _level(self, asked: Item, holder: Item, where: str, holders: Holders, deep: int) -> None:
        """The items directly below a response, an item of a group, or an answer."""
        if deep > DEEPEST:
            return
        questions = {
            q["linkId"]: q for q in dicts(asked.get("item")) if isinstance(q.get("linkId"), str)
        }
        given: dict[str, list[tuple[Item, str]]] = {}
        for item, place in numbered(holder.get("item"), f"{where}.item"):
            link = item.get("linkId")
            if not isinstance(link, str):
                continue
            if link in questions:
                given.setdefault(link, []).append((item, place))
            elif link in self.paths:
                text = f"'{link}' belongs elsewhere in the questionnaire: move it there."
                self.found.error("structure", place, text)
            else:
                text = f"The questionnaire has no item '{link}': correct linkId or take it out."
                self.found.error("not-found", place, text)
        self._order(list(questions), holder, where)
        for link, question in questions.items():
            entries = given.get(link, [])
            asked_at_all = enabled(question, holders, self.paths)
            if asked_at_all is None and extension(question, EXPRESSION) is not None:
                text = f"Whether '{link}' is asked depends on FHIRPath, which is not read here."
                self.found.unchecked(where, text)
            if asked_at_all is False:
                self._not_asked(entries)
            elif question.get("type") == "group":
                self._group(question, entries, where, holders, asked_at_all is True, deep)
            elif question.get("type") == "display":
                self._display(entries)
            else:
                self._question(question, entries, where, holders, asked_at_all is True, deep)

    def _order(self, order: list[str], holder: Item, where: str) -> None:
        furthest = -1
        for item, place in numbered(holder.get("item"), f"{where}.item"):
            link = text_of(item.get("linkId"))
            if link not in order:
                continue
            if order.index(link) < furthest:
                text = f"'{link}' must come before '{order[furthest]}', as the questionnaire asks."
                self.found.error("structure", place, text)
            furthest = max(furthest, order.index(link))

    def _not_asked(self, entries: list[tuple[Item, str]]) -> None:
        for item, place in entries:
            if item.get("answer") or any(one.get("answer") for one in below(item)):
                text = f"'{item['linkId']}' is not asked after the other answers: leave it out."
                self.found.error("business-rule", place, text)

    def _display(self, entries: list[tuple[Item, str]]) -> None:
        for item, place in entries:
            if "answer" in item or "item" in item:
                text = f"'{item['linkId']}' only shows a text: it can have no answer and no items."
                self.found.error("structure", place, text)

    def _group(
        self,
        group: Item,
        entries: list[tuple[Item, str]],
        where: str,
        holders: Holders,
        surely: bool,
        deep: int,
    ) -> None:
        self._count(group, len(entries), bool(entries), where, surely)
        for item, place in entries:
            if "answer" in item:
                text = f"'{item['linkId']}' is a group: answers belong to the items below it."
                self.found.error("structure", place, text)
            if group.get("required") is True and self.must_be_whole and not item.get("item"):
                text = f"'{item['linkId']}' must have at least one item below it."
                self.found.error("required", place, text)
            self._level(group, item, place, ((item["linkId"], item), *holders), deep + 1)

    def _question(
        self,
        question: Item,
        entries: list[tuple[Item, str]],
        where: str,
        holders: Holders,
        surely: bool,
        deep: int,
    ) -> None:
        for _, place in entries[1:]:
            text = f"'{question['linkId']}' stands here twice: put all answers into one item."
            self.found.error("structure", place, text)
        answers = [a for item, at in entries for a in numbered(item.get("answer"), f"{at}.answer")]
        at = entries[0][1] if entries else where
        self._count(question, len(answers), bool(entries), at, surely)
        for item, place in entries:
            if "item" in item:
                text = f"'{item['linkId']}' is no group: items below it belong inside its answer."
                self.found.error("structure", f"{place}.item", text)
            said, asked = item.get("text"), question.get("text")
            if said is not None and asked is not None and said != asked:
                self.found.warning("invalid", f"{place}.text", "Not the questionnaire's words.")
        for answer, place in answers:
            self._answer(question, answer, place, len(answers))
            around = ((question["linkId"], answer), *holders)
            self._level(question, answer, place, around, deep + 1)

    def _count(self, asked: Item, count: int, present: bool, where: str, surely: bool) -> None:
        """How often a group stands here, or how many answers a question has."""
        link, required = asked["linkId"], asked.get("required") is True
        what = "groups" if asked.get("type") == "group" else "answers"
        least, most = (
            limit(asked, "questionnaire-minOccurs"),
            limit(asked, "questionnaire-maxOccurs"),
        )
        fewest = number(least.value) if least else None
        largest = number(most.value) if most else None
        if self.must_be_whole and surely:
            if required and not count:
                self.found.error("required", where, f"'{link}' must be answered and is missing.")
            elif fewest is not None and count < fewest and (required or present):
                text = f"'{link}' needs at least {fewest} {what}, has {count}."
                self.found.error("required", where, text)
        if count > 1 and asked.get("repeats") is not True:
            text = f"'{link}' takes one of its {what}, not {count}: it does not repeat."
            self.found.error("structure", where, text)
        elif largest is not None and count > largest:
            text = f"'{link}' takes at most {largest} {what}, has {count}."
            self.found.error("invalid", where, text)

    def _answer(self, question: Item, answer: Item, where: str, count: int) -> None:
        given = value_of(answer)
        if given is None:
            if not any(name.startswith("_value") for name in answer):
                if "extension" not in answer:
                    self.found.error("required", where, "An answer must have a value[x].")
            return
        allowed = self._types(question)
        place = f"{where}.value"
        if not allowed:
            text = f"'{question['linkId']}' has the type {named(question.get('type'))}, which "
            self.found.error("structure", place, f"{text}takes no answer in R4.")
            return
        if given.type not in allowed:
            wanted = " or ".join(f"value{name}" for name in allowed)
            text = f"'{question['linkId']}' ({question.get('type')}) takes {wanted}, "
            self.found.error("structure", place, f"{text}not value{given.type}.")
            return
        check_limits(self.found, question, given, place, self.shelf, self.questionnaire)
        self._check_choice(question, given, place, count)
        self._check_fixed(question, given, place)

    def _types(self, question: Item) -> tuple[str, ...]:
        kind = text_of(question.get("type"))
        allowed = ANSWER_TYPES.get(kind, ())
        if kind in ("choice", "open-choice"):
            options = (value_of(option) for option in dicts(question.get("answerOption")))
            listed = tuple(dict.fromkeys(value.type for value in options if value))
            if listed:
                return (*listed, *(("String",) if kind == "open-choice" else ()))
        return allowed

    def _check_choice(self, question: Item, given: Value, where: str, count: int) -> None:
        open_text = question.get("type") == "open-choice" and given.type == "String"
        chosen = option_of(question, given)
        if is_exclusive(chosen) and count > 1:
            text = f"{_shown(given)} stands alone: take the other answers out, or this one."
            self.found.error("business-rule", where, text)
        if question.get("answerOption"):
            if chosen is None and not open_text:
                self.found.error("code-invalid", where, f"{_shown(given)} is not an option here.")
            return
        canonical = question.get("answerValueSet")
        if not isinstance(canonical, str) or not isinstance(given.value, dict) or open_text:
            return
        known = in_value_set(given.value, canonical, self.shelf, self.questionnaire)
        if known is False:
            text = f"{_shown(given)} is not in the value set {named(canonical)}."
            self.found.error("code-invalid", where, text)
        elif known is None:
            text = f"Whether {_shown(given)} is in {named(canonical)} could not be looked up here."
            self.found.unchecked(where, text)

    def _check_fixed(self, question: Item, given: Value, where: str) -> None:
        initial = [v for part in dicts(question.get("initial")) if (v := value_of(part))]
        if question.get("readOnly") is True and initial:
            if not any(same(given, value) for value in initial):
                text = "Nobody may change this answer, and it is not the one it begins with."
                self.found.warning("business-rule", where, text)


def _shown(given: Value) -> str:
    if isinstance(given.value, dict):
        words = (given.value.get(n) for n in ("code", "display", "reference", "value"))
        return named(next((word for word in words if word is not None), given.value))
    return named(given.value)
