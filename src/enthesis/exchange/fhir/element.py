"""The elements that resources share: references, codes, quantities, money; and finding them again.

What is read here comes from outside: whatever stands where something else belongs is a ShapeError
with its place, never another error.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from enthesis.exchange.fhir.extension import SITE, Resource, fits, number
from enthesis.shape import ShapeError, read
from enthesis.units import Money

UCUM = "http://unitsofmeasure.org"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
_CODE = re.compile(r"[^\s]+( [^\s]+)*")
# Words, and codes of others: both come from the knowledge, which changes.
_WORDS = {"display", "text", "description", "unit", "code"}


def reference(kind: str, key: str) -> Resource:
    """A reference to the resource of this kind that is made of the record with this key."""
    return {"reference": f"{kind}/{key}"}


def pointer(name: str, kind: str, key: str) -> Resource:
    """A reference where R4 has no element for one: an extension that only points."""
    return {"url": f"{SITE}/StructureDefinition/{name}", "valueReference": reference(kind, key)}


def system(name: str) -> str:
    """One of our own code systems."""
    return f"{SITE}/CodeSystem/{name}"


def coding(of: str, code: str, display: str = "") -> Resource:
    """A code of a system; a display that R4 does not take as text is left out."""
    told = {"system": of, "code": code}
    return {**told, "display": tidy(display)} if fits(display) else told


def concept(*codings: Resource, text: str = "") -> Resource:
    """A concept with what there is of codes and words."""
    told: Resource = {"coding": list(codings)} if codings else {}
    if fits(text):
        told["text"] = tidy(text)
    return told


def is_code(text: str) -> bool:
    """Whether R4 takes the text as a code."""
    return bool(_CODE.fullmatch(text)) and fits(text)


def tidy(text: str) -> str:
    """Words of ours for people: the no-break spaces are of the screen, and R4 refuses them."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def quantity(value: Decimal, unit: str, code: str) -> Resource:
    """An amount in a UCUM unit, as near as JSON's numbers come: what must be exact is elsewhere."""
    short = number(value)
    told = float(value) if short is None else short
    return {"value": told, "unit": unit, "system": UCUM, "code": code}


def money(amount: Decimal, currency: str) -> Resource:
    """An amount of money; raises ValueError for one that no JSON number holds exactly."""
    short = number(amount)
    if short is None:
        raise ValueError(f"{amount} {currency} has too many digits for FHIR")
    return {"value": short, "currency": currency}


def put(resource: Resource, record: Any, places: Mapping[str, str]) -> list[str]:
    """Put texts of the record where R4 has an element for them (field → element).

    Returns the fields whose text R4 refuses, and which go into the extension then.
    """
    refused = []
    for field, element in places.items():
        if fits(text := getattr(record, field)):
            resource[element] = text
        else:
            refused.append(field)
    return refused


def got(resource: Mapping[str, Any], places: Mapping[str, str]) -> dict[str, str]:
    """The texts that `put` put there, by field."""
    found = {field: text_at(resource, element) for field, element in places.items()}
    return {field: text for field, text in found.items() if text is not None}


def key_of(resource: Mapping[str, Any], kind: str) -> str:
    """The key of the record that a resource of this kind is of."""
    if (told := text_at(resource, "resourceType")) != kind:
        raise ShapeError("resourceType", f"expected {kind}, not {told}")
    if (key := text_at(resource, "id")) is None:
        raise ShapeError("id", "missing; add this element")
    return key


def at(within: object, *path: str | int) -> Any:
    """What stands at a path of names and places in lists; None where nothing does."""
    for step, name in enumerate(path):
        if not isinstance(within, list if isinstance(name, int) else Mapping):
            kind = "a list" if isinstance(name, int) else "an element with parts"
            raise ShapeError(_said(path[:step]), f"expected {kind}")
        if isinstance(name, int):
            within = within[name] if name < len(within) else None  # type: ignore[arg-type]
        else:
            within = within.get(name)  # type: ignore[attr-defined]
        if within is None:
            return None
    return within


def text_at(within: object, *path: str | int) -> str | None:
    """The text at a path; None where there is nothing."""
    found = at(within, *path)
    return found if found is None else read(str, found, _said(path))


def every(within: object, *path: str | int) -> list[Any]:
    """The list at a path; empty where there is none."""
    found = at(within, *path)
    if found is not None and not isinstance(found, list):
        raise ShapeError(_said(path), "expected a list")
    return found or []


def pointed(within: object, *path: str | int, to: str) -> str | None:
    """The key that the reference at a path points to; None where there is none."""
    told = text_at(within, *path, "reference")
    if told is None:
        return None
    kind, _, key = told.partition("/")
    if kind != to or not key or "/" in key:
        raise ShapeError(_said((*path, "reference")), f"expected {to}/ and an id, not {told!r}")
    return key


def pointer_at(resource: object, name: str, to: str) -> list[str]:
    """The keys that extensions of this name point to."""
    url = f"{SITE}/StructureDefinition/{name}"
    found = []
    for place, one in enumerate(every(resource, "extension")):
        if isinstance(one, Mapping) and one.get("url") == url:
            key = pointed(one, "valueReference", to=to)
            if key is None:
                raise ShapeError(f"extension[{place}]", f"expected a reference to a {to}")
            found.append(key)
    return found


def code_at(within: object, *path: str | int, of: str) -> str | None:
    """The code of one system in the concept at a path; None where there is none of it."""
    for place, one in enumerate(every(within, *path, "coding")):
        if text_at(one, "system") == of:
            if (code := text_at(one, "code")) is None:
                raise ShapeError(_said((*path, "coding", place)), "expected a code")
            return code
    return None


def money_at(within: object, *path: str | int) -> Money | None:
    """The amount of money at a path; None where there is none."""
    if at(within, *path) is None:
        return None
    told = {"amount": at(within, *path, "value"), "currency": at(within, *path, "currency")}
    return read(Money, told, _said(path))


def numbered(name: str, value: int) -> Resource:
    """An identifier with the number that a paper has among its kind."""
    return {"system": f"{SITE}/identifier/{name}", "value": str(value)}


def number_at(within: object, *path: str | int) -> int | None:
    """The number of the identifier at a path; None where there is none."""
    told = text_at(within, *path, "value")
    if told is not None and not re.fullmatch(r"-?[0-9]{1,18}", told):
        raise ShapeError(_said((*path, "value")), f"expected a whole number, not {told!r}")
    return None if told is None else int(told)


def agree(resource: Mapping[str, Any], written: Mapping[str, Any], elements: Iterable[str]) -> None:
    """Refuse a resource in which an element does not say what its extension says.

    `written` is what we would write of the record that was read. Both are there because others
    read the element and we need the extension: a dose changed in only one of them must not pass.
    Words, units and codes of others are not compared, since the knowledge gives them.
    """
    for name in elements:
        if _bare(resource.get(name)) != _bare(written.get(name)):
            raise ShapeError(
                name, "does not agree with the extension of this resource; change both or neither"
            )


def _bare(element: Any) -> Any:
    if isinstance(element, Mapping):
        ours = {name: _bare(part) for name, part in element.items() if name not in _WORDS}
        if str(element.get("system", "")).startswith(SITE) and "code" in element:
            ours["code"] = element["code"]
        return {name: part for name, part in ours.items() if part not in (None, [], {})}
    if isinstance(element, list):
        return [_bare(part) for part in element if not _of_others(part)]
    if isinstance(element, float):
        return Decimal(str(element))
    return element


def _of_others(part: object) -> bool:
    """A coding of a system that is not ours, or of none."""
    return (
        isinstance(part, Mapping)
        and "code" in part
        and "value" not in part
        and not str(part.get("system", "")).startswith(SITE)
    )


def _said(path: Iterable[str | int]) -> str:
    text = ""
    for name in path:
        text += f"[{name}]" if isinstance(name, int) else f".{name}" if text else name
    return text
