"""Is the value of an answer within what its question allows: range, length, places, size, units."""

import re
from collections.abc import Callable
from typing import Any

from enthesis.exchange.fhir.answer_options import Shelf, in_value_set
from enthesis.exchange.fhir.answer_values import (
    Value,
    amounts,
    extension,
    extensions,
    same_code,
)
from enthesis.exchange.fhir.elements import named, target_of, text_of
from enthesis.exchange.fhir.finding import Findings
from enthesis.exchange.fhir.primitives import compare, decoded, number

BASE = "http://hl7.org/fhir/StructureDefinition/"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
Question = dict[str, Any]
# A pattern comes from outside and could take for ever: what it may cost, in steps.
MOST_STEPS = 10_000_000


def limit(question: Question, name: str) -> Value | None:
    """The value of one of HL7's extensions of a question."""
    return extension(question, BASE + name)


def check_limits(
    found: Findings, question: Question, given: Value, where: str, shelf: Shelf, holder: Question
) -> None:
    """Report a value that its question does not allow."""
    if isinstance(given.value, str):
        _check_length(found, question, given.value, where)
        _check_pattern(found, question, given.value, where)
    if given.type in ("Decimal", "Integer", "Date", "DateTime", "Time"):
        _check_range(found, question, given.value, where)
    if given.type == "Decimal":
        _check_places(found, question, given.value, where)
    if isinstance(given.value, dict):
        if given.type == "Quantity":
            _check_quantity(found, question, given.value, where, shelf, holder)
        elif given.type == "Attachment":
            _check_attachment(found, question, given.value, where)
        elif given.type == "Reference":
            _check_reference(found, question, given.value, where)


def _check_length(found: Findings, question: Question, text: str, where: str) -> None:
    most, least = number(question.get("maxLength")), limit(question, "minLength")
    if most is not None and len(text) > most:
        found.error("too-long", where, f"Has {len(text)} characters: at most {most} are allowed.")
    fewest = number(least.value) if least else None
    if fewest is not None and len(text) < fewest:
        found.error("invalid", where, f"Has {len(text)} characters: at least {fewest} are needed.")


def _check_pattern(found: Findings, question: Question, text: str, where: str) -> None:
    rule = limit(question, "regex")
    if rule is None or not isinstance(rule.value, str):
        return
    # A repeated group, a back reference or many repetitions can make matching exponential.
    open_ended = len(re.findall(r"[*+{]", rule.value))
    risky = re.search(r"\)[*+{]|\\[1-9]|\(\?", rule.value)
    if risky or max(len(text), 2) ** open_ended > MOST_STEPS:
        found.unchecked(where, f"The pattern {named(rule.value)} was not tried: it may be endless.")
        return
    try:
        fits = re.fullmatch(rule.value, text) is not None
    except (re.error, OverflowError, RecursionError):
        found.unchecked(where, f"{named(rule.value)} is no pattern that can be read here.")
        return
    if not fits:
        found.error("invalid", where, f"{named(text)} does not match {named(rule.value)}.")


def _check_range(found: Findings, question: Question, value: object, where: str) -> None:
    beyond: tuple[tuple[str, int, str], ...] = (
        ("minValue", -1, "smaller than the least allowed"),
        ("maxValue", 1, "larger than the most allowed"),
    )
    for name, wrong, words in beyond:
        bound = limit(question, name)
        if bound is not None and compare(value, bound.value) == wrong:
            found.error("invalid", where, f"{named(value)} is {words}, {named(bound.value)}.")


def _check_places(found: Findings, question: Question, value: object, where: str) -> None:
    rule, exact = limit(question, "maxDecimalPlaces"), number(value)
    most = number(rule.value) if rule else None
    if most is None or exact is None:
        return
    exponent = exact.as_tuple().exponent
    places = -exponent if isinstance(exponent, int) else 0
    if places > most:
        found.error("invalid", where, f"{named(value)} has {places} decimals: at most {most}.")


def _check_quantity(
    found: Findings,
    question: Question,
    value: dict[str, Any],
    where: str,
    shelf: Shelf,
    holder: Question,
) -> None:
    bounds: tuple[tuple[str, Callable[[int], bool], str], ...] = (
        ("minQuantity", lambda sign: sign < 0, "less than the least allowed"),
        ("maxQuantity", lambda sign: sign > 0, "more than the most allowed"),
    )
    for name, wrong, words in bounds:
        bound = extension(question, SDC + name)
        if bound is None or not isinstance(bound.value, dict):
            continue
        pair = amounts(value, bound.value)
        if pair is None:
            found.error(
                "invalid",
                where,
                f"Cannot be compared with {_shown(bound.value)}: give the amount in the same unit.",
            )
        elif wrong((pair[0] > pair[1]) - (pair[0] < pair[1])):
            found.error("invalid", where, f"{_shown(value)} is {words}, {_shown(bound.value)}.")
    _check_unit(found, question, value, where, shelf, holder)


def _shown(quantity: dict[str, Any]) -> str:
    unit = text_of(quantity.get("unit")) or text_of(quantity.get("code"))
    return f"{named(quantity.get('value'))} {unit}".strip()


def _check_unit(
    found: Findings,
    question: Question,
    value: dict[str, Any],
    where: str,
    shelf: Shelf,
    holder: Question,
) -> None:
    options = [
        o.value
        for o in extensions(question, BASE + "questionnaire-unitOption")
        if isinstance(o.value, dict)
    ]
    unit = {
        "system": value.get("system"),
        "code": value.get("code"),
        "display": value.get("unit"),
    }
    known: bool | None = True
    if options:
        known = any(same_code(unit, option) for option in options)
    else:
        units = limit(question, "questionnaire-unitValueSet")
        if units is not None and isinstance(units.value, str):
            known = in_value_set(unit, units.value, shelf, holder)
    if known is False:
        found.error(
            "code-invalid",
            where,
            f"The unit {_shown(unit | {'value': ''})} is not among those that the question allows.",
        )
    elif known is None:
        found.unchecked(where, "Whether the unit is allowed could not be looked up here.")


def _check_attachment(
    found: Findings, question: Question, value: dict[str, Any], where: str
) -> None:
    kind = value.get("contentType")
    kinds = [m.value for m in extensions(question, BASE + "mimeType")]
    if kinds and kind not in kinds:
        found.error("invalid", where, f"Its type {named(kind)} is not one of {kinds}.")
    data = decoded(value["data"]) if isinstance(value.get("data"), str) else None
    said = number(value.get("size"))
    if data is not None and said is not None and len(data) != said:
        found.error("invalid", where, f"Says a size of {said} bytes, but has {len(data)}.")
    if data is not None and kind is None:
        found.error("invariant", where, "With data the contentType must be said (att-1).")
    # R4's title said megabytes; HL7's extension pack corrected it to bytes, as validators read it.
    most = limit(question, "maxSize")
    bytes_ = number(most.value) if most else None
    size = len(data) if data is not None else said
    if bytes_ is not None and size is not None and size > bytes_:
        found.error("too-long", where, f"Has {size} bytes: at most {bytes_} are allowed.")


def _check_reference(
    found: Findings, question: Question, value: dict[str, Any], where: str
) -> None:
    kinds = [k.value for k in extensions(question, BASE + "questionnaire-referenceResource")]
    target = target_of(value)
    if kinds and target and target not in kinds:
        found.error("structure", where, f"May point to {kinds}, not to {target}.")
