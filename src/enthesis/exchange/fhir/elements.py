"""The structure of a resource, read from tables: which elements, of what type, how many.

Only what a Questionnaire and its response hold is in the tables. Other datatypes are passed over
except for what every FHIR JSON must keep: nothing empty, no null but in lists, no odd types.
"""

import re
from collections.abc import Iterator
from typing import Any

from enthesis.exchange.fhir.finding import Findings
from enthesis.exchange.fhir.primitives import PRIMITIVES

# Deeper than any form: below it nothing is looked at, so that no input exhausts the stack.
DEEPEST = 64
ELEMENT = "id:string extension:Extension*"
RESOURCE = (
    "resourceType:code id:id meta:Meta implicitRules:uri language:code text:Narrative "
    "contained:Resource* extension:Extension* modifierExtension:Extension*"
)
OPTION_TYPES = "valueInteger:integer valueDate:date valueTime:time valueString:string "
VALUE_TYPES = (
    "valueBoolean:boolean valueDecimal:decimal valueDateTime:dateTime valueUri:uri "
    "valueAttachment:Attachment valueCoding:Coding valueQuantity:Quantity "
    "valueReference:Reference " + OPTION_TYPES
)
STATUS = "draft|active|retired|unknown"
ANSWERED = "in-progress|completed|amended|entered-in-error|stopped"
ITEM_TYPES = (
    "group|display|boolean|decimal|integer|date|dateTime|time|string|text|url|choice|"
    "open-choice|attachment|reference|quantity"
)
# Type → "name:type", with ! for exactly one, * for any number, + for one or more, otherwise at
# most one. "code(a|b)" lists the codes; "Reference(A|B)" the types that may be pointed to.
_TABLES: dict[str, str] = {
    "QuestionnaireResponse": f"{RESOURCE} identifier:Identifier "
    "basedOn:Reference(CarePlan|ServiceRequest)* partOf:Reference(Observation|Procedure)* "
    f"questionnaire:canonical status:code({ANSWERED})! subject:Reference "
    "encounter:Reference(Encounter) authored:dateTime "
    "author:Reference(Device|Practitioner|PractitionerRole|Patient|RelatedPerson|Organization) "
    "source:Reference(Patient|Practitioner|PractitionerRole|RelatedPerson) item:ResponseItem*",
    "ResponseItem": f"{ELEMENT} modifierExtension:Extension* linkId:string! definition:uri "
    "text:string answer:Answer* item:ResponseItem*",
    "Answer": f"{ELEMENT} modifierExtension:Extension* {VALUE_TYPES} item:ResponseItem*",
    "Questionnaire": f"{RESOURCE} url:uri identifier:Identifier* version:string name:string "
    f"title:string derivedFrom:canonical* status:code({STATUS})! experimental:boolean "
    "subjectType:code* date:dateTime publisher:string contact:ContactDetail* "
    "description:markdown useContext:UsageContext* jurisdiction:CodeableConcept* "
    "purpose:markdown copyright:markdown approvalDate:date lastReviewDate:date "
    "effectivePeriod:Period code:Coding* item:QuestionnaireItem*",
    "QuestionnaireItem": f"{ELEMENT} modifierExtension:Extension* linkId:string! definition:uri "
    f"code:Coding* prefix:string text:string type:code({ITEM_TYPES})! enableWhen:EnableWhen* "
    "enableBehavior:code(all|any) required:boolean repeats:boolean readOnly:boolean "
    "maxLength:integer answerValueSet:canonical answerOption:AnswerOption* initial:Initial* "
    "item:QuestionnaireItem*",
    "EnableWhen": f"{ELEMENT} modifierExtension:Extension* question:string! "
    "operator:code(exists|=|!=|>|<|>=|<=)! answerBoolean:boolean answerDecimal:decimal "
    "answerInteger:integer answerDate:date answerDateTime:dateTime answerTime:time "
    "answerString:string answerCoding:Coding answerQuantity:Quantity answerReference:Reference",
    "AnswerOption": f"{ELEMENT} modifierExtension:Extension* {OPTION_TYPES} valueCoding:Coding "
    "valueReference:Reference initialSelected:boolean",
    "Initial": f"{ELEMENT} modifierExtension:Extension* {VALUE_TYPES}",
    "Coding": f"{ELEMENT} system:uri version:string code:code display:string userSelected:boolean",
    "Quantity": f"{ELEMENT} value:decimal comparator:code(<|<=|>=|>) unit:string system:uri "
    "code:code",
    "Reference": f"{ELEMENT} reference:string type:uri identifier:Identifier display:string",
    "Identifier": f"{ELEMENT} use:code(usual|official|temp|secondary|old) type:CodeableConcept "
    "system:uri value:string period:Period assigner:Reference(Organization)",
    "CodeableConcept": f"{ELEMENT} coding:Coding* text:string",
    "Period": f"{ELEMENT} start:dateTime end:dateTime",
    "Attachment": f"{ELEMENT} contentType:code language:code data:base64Binary url:url "
    "size:unsignedInt hash:base64Binary title:string creation:dateTime",
    "Narrative": f"{ELEMENT} status:code(generated|extensions|additional|empty)! div:string!",
    "Meta": f"{ELEMENT} versionId:id lastUpdated:instant source:uri profile:canonical* "
    "security:Coding* tag:Coding*",
}
# One of these, and no more than one, by the type that has them.
_CHOICES = {"Answer": "value", "EnableWhen": "answer", "AnswerOption": "value", "Initial": "value"}
_RULE = re.compile(r"(\w+):(\w+)(?:\((\S+?)\))?([!*+]?)(?:\s|$)")
_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?")
_ABSOLUTE = re.compile(r"(?:[a-z][a-z0-9+.\-]*):\S+")
Rule = tuple[str, tuple[str, ...], str]
TABLES: dict[str, dict[str, Rule]] = {
    kind: {
        name: (type_, tuple(allowed.split("|")) if allowed else (), many)
        for name, type_, allowed, many in _RULE.findall(row)
    }
    for kind, row in _TABLES.items()
}


def dicts(value: object) -> list[dict[str, Any]]:
    """The objects in a list; nothing where it is no list: the structure's check says so."""
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def numbered(value: object, where: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The objects in a list with the place of each."""
    if isinstance(value, list):
        for n, part in enumerate(value):
            if isinstance(part, dict):
                yield part, f"{where}[{n}]"


def text_of(value: object) -> str:
    """The text, "" for anything else."""
    return value if isinstance(value, str) else ""


def check_structure(found: Findings, kind: str, value: object, where: str, deep: int = 0) -> None:
    """Report whatever the type's table does not allow at this value and below it."""
    if deep > DEEPEST:
        found.error("structure", where, f"Nested more than {DEEPEST} deep: make it flatter.")
        return
    if not isinstance(value, dict):
        found.error("structure", where, f"Must be an object ({kind}), is {named(value)}.")
        return
    if not value:
        found.error("structure", where, "Must not be empty: leave it out.")
        return
    rules = TABLES.get(kind)
    if kind == "Extension":
        _check_extension(found, value, where, deep)
    elif kind == "Reference":
        check_reference(found, value, where)
    if rules is None:
        for name, part in value.items():
            _check_free(found, part, f"{where}.{name}", deep + 1)
        return
    for name, part in value.items():
        _check_member(found, kind, name, part, f"{where}.{name}", deep)
    for name, (_, _, many) in rules.items():
        if many in ("!", "+") and name not in value and f"_{name}" not in value:
            found.error("required", where, f"'{name}' is missing: {kind} must have it.")
    if kind in _CHOICES:
        _check_choice(found, kind, value, where)


def _check_member(
    found: Findings, kind: str, name: str, part: object, where: str, deep: int
) -> None:
    rule = TABLES[kind].get(name.removeprefix("_"))
    if rule is None:
        if name != "fhir_comments":
            found.error("structure", where, f"{kind} has no element '{name}': take it out.")
        return
    type_, allowed, many = rule
    if name.startswith("_"):
        parts = part if many in ("*", "+") and isinstance(part, list) else [part]
        for one in parts:
            if one is not None:
                check_structure(found, "Element", one, where, deep + 1)
        return
    if many in ("*", "+"):
        if not isinstance(part, list) or not part:
            found.error("structure", where, f"Must be a list that is not empty, is {named(part)}.")
            return
        for n, one in enumerate(part):
            _check_value(found, type_, allowed, one, f"{where}[{n}]", deep)
    else:
        _check_value(found, type_, allowed, part, where, deep)


def _check_value(
    found: Findings, type_: str, allowed: tuple[str, ...], part: object, where: str, deep: int
) -> None:
    if type_ not in PRIMITIVES:
        check_structure(found, type_, part, where, deep + 1)
        if type_ == "Reference" and allowed and isinstance(part, dict):
            check_target(found, part, allowed, where)
        return
    fits, written = PRIMITIVES[type_]
    if not fits(part):
        found.error("value", where, f"Must be {written} ({type_}), is {named(part)}.")
    elif allowed and part not in allowed:
        found.error("code-invalid", where, f"{named(part)} is not one of {', '.join(allowed)}.")


def _check_choice(found: Findings, kind: str, value: dict[str, Any], where: str) -> None:
    start = _CHOICES[kind]
    given = sorted(
        {name.lstrip("_") for name in value if re.match(rf"_?{start}[A-Z]", name) is not None}
    )
    if len(given) > 1:
        found.error("structure", where, f"Only one {start}[x] may be given, not {given}.")
    elif not given and kind != "Answer":
        found.error("required", where, f"{start}[x] is missing: {kind} must have one.")


def _check_extension(found: Findings, value: dict[str, Any], where: str, deep: int) -> None:
    if not is_uri_text(value.get("url")):
        found.error("required", where, "An extension must have a 'url'.")
    values = [n for n in value if n.lstrip("_").startswith("value")]
    if len({n.lstrip("_") for n in values}) > 1:
        found.error("structure", where, f"Only one value[x] may be given, not {sorted(values)}.")
    if values and "extension" in value:
        found.error("structure", where, "An extension has a value or extensions, never both.")
    if not values and "extension" not in value:
        found.error("structure", where, "An extension must have a value or extensions.")


def is_uri_text(value: object) -> bool:
    """A text that can be an address."""
    return PRIMITIVES["uri"][0](value)


def check_reference(found: Findings, value: dict[str, Any], where: str) -> None:
    """A reference says something, and its address has one of the forms that FHIR knows."""
    if not any(n in value for n in ("reference", "_reference", "identifier", "display")):
        if "extension" not in value:
            found.error("invariant", where, "Say a reference, an identifier or a display.")
    address = value.get("reference")
    if not isinstance(address, str) or address.startswith("#"):
        return
    if not (_RELATIVE.fullmatch(address) or _ABSOLUTE.fullmatch(address)):
        found.error(
            "value",
            f"{where}.reference",
            f"{named(address)} is neither Type/id, nor a whole address, nor #contained.",
        )


def target_of(reference: dict[str, Any]) -> str:
    """The type of resource that a reference points to, "" where it does not say."""
    address = text_of(reference.get("reference"))
    last = re.search(rf"(?:^|/){_RELATIVE.pattern}$", address)
    return (last[1] if last else "") or text_of(reference.get("type"))


def check_target(
    found: Findings, reference: dict[str, Any], allowed: tuple[str, ...], where: str
) -> None:
    """The reference points to a type that may stand here, and its parts agree on the type."""
    target, said = target_of(reference), text_of(reference.get("type"))
    if said and target != said:
        found.error("structure", where, f"The type says {said}, the reference {target}.")
    if target and target not in allowed:
        found.error("structure", where, f"May point to {', '.join(allowed)}, not to {target}.")


def _check_free(found: Findings, value: object, where: str, deep: int) -> None:
    """What any JSON of FHIR must keep, for types that have no table here."""
    if deep > DEEPEST:
        found.error("structure", where, f"Nested more than {DEEPEST} deep: make it flatter.")
    elif isinstance(value, dict):
        if value:
            for name, part in value.items():
                _check_free(found, part, f"{where}.{name}", deep + 1)
        else:
            found.error("structure", where, "Must not be empty: leave it out.")
    elif isinstance(value, list):
        if value:
            for n, part in enumerate(value):
                if part is not None:
                    _check_free(found, part, f"{where}[{n}]", deep + 1)
        else:
            found.error("structure", where, "Must not be empty: leave it out.")
    elif value is None or value == "":
        found.error("structure", where, f"Must not be {named(value)}: leave it out.")


def named(value: object) -> str:
    """A value for a message: short, and never the whole of a huge one."""
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        kind = "object" if isinstance(value, dict) else "list"
        return f"{'an' if not value or kind == 'object' else 'a'} {'' if value else 'empty '}{kind}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) > 10**30:
        return "a number of more than 30 digits"
    shown = repr(value) if isinstance(value, str) else str(value)
    return shown if len(shown) <= 60 else shown[:57] + "…"
