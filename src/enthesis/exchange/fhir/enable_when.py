"""Is a question asked at all? R4's enableWhen, answered from the answers that were given.

An answer is looked for within the smallest group that holds both questions, and within that
repetition of it, so that the second child's age never opens a question about the first.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from enthesis.exchange.fhir.answer_values import Value, amounts, extension, same, value_of
from enthesis.exchange.fhir.elements import dicts
from enthesis.exchange.fhir.primitives import compare

Item = dict[str, Any]
# (linkId, the response's item or answer) around a place, the nearest first, the response last
# with "" for its linkId.
Holders = tuple[tuple[str, Item], ...]
# linkId → the linkIds of the items around it and its own.
Paths = Mapping[str, frozenset[str]]
# A condition in FHIRPath, which is not evaluated here.
EXPRESSION = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression"
_ORDERS: dict[str, Callable[[int], bool]] = {
    ">": lambda sign: sign > 0,
    "<": lambda sign: sign < 0,
    ">=": lambda sign: sign >= 0,
    "<=": lambda sign: sign <= 0,
}


def enabled(item: Item, holders: Holders, paths: Paths) -> bool | None:
    """Whether the item is asked; None where the conditions do not settle it."""
    if extension(item, EXPRESSION) is not None:
        return None
    results = [_holds(condition, holders, paths) for condition in dicts(item.get("enableWhen"))]
    if not results:
        return True
    # Of two or more conditions without enableBehavior (which R4 demands) any one is taken.
    decisive = item.get("enableBehavior") != "all"
    if decisive in results:
        return decisive
    return None if None in results else not decisive


def _holds(condition: Item, holders: Holders, paths: Paths) -> bool | None:
    question, operator = condition.get("question"), condition.get("operator")
    wanted = value_of(condition, "answer")
    if not isinstance(question, str) or question not in paths or wanted is None:
        return None
    given = _answers(question, holders, paths)
    if operator == "exists":
        return bool(given) == wanted.value if isinstance(wanted.value, bool) else None
    if operator == "=":
        return any(same(value, wanted) for value in given)
    if operator == "!=":
        # R4's words leave open what "not equal" says of no answer at all, and implementations
        # differ: then the question may be answered, and need not be.
        return not any(same(value, wanted) for value in given) if given else None
    if isinstance(operator, str) and operator in _ORDERS:
        signs = [_order(value, wanted) for value in given]
        if any(sign is not None and _ORDERS[operator](sign) for sign in signs):
            return True
        return None if None in signs else False
    return None


def _order(value: Value, wanted: Value) -> int | None:
    if isinstance(value.value, dict) and isinstance(wanted.value, dict):
        pair = amounts(value.value, wanted.value) if value.type == "Quantity" else None
        return None if pair is None else (pair[0] > pair[1]) - (pair[0] < pair[1])
    return compare(value.value, wanted.value)


def _answers(question: str, holders: Holders, paths: Paths) -> list[Value]:
    link, holder = next(
        (pair for pair in holders if pair[0] in paths[question] or pair[0] == ""), holders[-1]
    )
    if link == question:
        # Nested below an answer: it is this very answer that the condition is about.
        parts = [holder] if value_of(holder) else dicts(holder.get("answer"))
    else:
        found = (item for item in below(holder) if item.get("linkId") == question)
        parts = [answer for item in found for answer in dicts(item.get("answer"))]
    return [value for part in parts if (value := value_of(part)) is not None]


def below(holder: Item) -> Iterator[Item]:
    """All response items below, without recursion: the response may be hostile."""
    waiting = [holder]
    while waiting:
        one = waiting.pop()
        parts = dicts(one.get("item"))
        for answer in dicts(one.get("answer")):
            parts += dicts(answer.get("item"))
        yield from parts
        waiting += parts
