"""Elements that treatment and money share: quantities, amounts of money, numbers of papers, and
whether what is said twice agrees."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from enthesis.exchange.fhir.extension import SITE, Resource, number
from enthesis.exchange.fhir.resource import at, many, of_system, referred, the
from enthesis.shape import ShapeError, read
from enthesis.units import MINOR_DIGITS, Money

UCUM = "http://unitsofmeasure.org"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
# Words, and codes of others: both come from the knowledge, which changes.
_WORDS = {"display", "text", "description", "unit", "code"}


def system(name: str) -> str:
    """One of our own code systems."""
    return f"{SITE}/CodeSystem/{name}"


def code_at(resource: object, *path: str | int, of: str) -> str | None:
    """The code of one system in the concept at a path; None where there is none of it."""
    return the(str, of_system(many(resource, *path, "coding"), of), "code")


def quantity(value: Decimal, unit: str, code: str) -> Resource:
    """An amount in a UCUM unit, as near as JSON's numbers come: what must be exact is elsewhere."""
    short = number(value)
    told = float(value) if short is None else short
    return {"value": told, "unit": unit, "system": UCUM, "code": code}


def money(amount: Decimal, currency: str) -> Resource | None:
    """An amount of money; None for one that no JSON number holds, or of no currency of ISO 4217."""
    short = number(amount)
    if short is None or currency not in MINOR_DIGITS:
        return None
    return {"value": short, "currency": currency}


def money_at(resource: object, *path: str | int) -> Money | None:
    """The amount of money at a path; None where there is none."""
    found = at(resource, *path)
    if at(found, "value") is None:
        return None
    told = {"amount": at(found, "value"), "currency": at(found, "currency")}
    return read(Money, told, ".".join(map(str, path)))


def numbered(name: str, value: int) -> Resource:
    """An identifier with the number that a paper has among its kind."""
    return {"system": f"{SITE}/{name}-number", "value": str(value)}


def number_at(resource: object, *path: str | int) -> int | None:
    """The number of the identifier at a path; None where there is none."""
    told = the(str, resource, *path, "value")
    if told is not None and not re.fullmatch(r"-?[0-9]{1,18}", told):
        raise ShapeError(".".join(map(str, path)), f"expected a whole number, not {told[:20]!r}")
    return None if told is None else int(told)


def point(resource: Resource, name: str, type: str, key: str | None) -> None:
    """Add a reference where R4 has no element for one: an extension that only points."""
    if key is not None:
        one = {"url": _pointer(name), "valueReference": {"reference": f"{type}/{key}"}}
        resource.setdefault("extension", []).append(one)


def pointed(resource: Resource, name: str, type: str) -> list[str]:
    """The keys that the extensions of this name point to."""
    found = [one for one in many(resource, "extension") if at(one, "url") == _pointer(name)]
    keys = [referred(one, type, "valueReference") for one in found]
    if None in keys:
        raise ShapeError(f"extension('{_pointer(name)}')", f"expected a reference to a {type}")
    return [key for key in keys if key is not None]


def _pointer(name: str) -> str:
    return f"{SITE}/StructureDefinition/{name}"


def agree(resource: Mapping[str, Any], written: Mapping[str, Any], names: Iterable[str]) -> None:
    """Raises ShapeError where an element does not say what the extension says.

    `written` has what we would write of the record that was read. Both are there because others
    read the element and we need the extension: a dose changed in only one of them must not pass.
    Words, units and codes of others are not compared, since the knowledge gives them.
    """
    for name in names:
        if _bare(resource.get(name)) != _bare(written.get(name)):
            text = "does not agree with the extension of this resource; change both or neither"
            raise ShapeError(name, text)


def _bare(element: Any) -> Any:
    if isinstance(element, Mapping):
        told = {n: part for n, part in element.items() if n not in _WORDS or isinstance(part, dict)}
        parts = {name: _bare(part) for name, part in told.items()}
        if str(element.get("system", "")).startswith(SITE) and "code" in element:
            parts["code"] = element["code"]
        return {name: part for name, part in parts.items() if part not in (None, [], {})} or None
    if isinstance(element, list):
        return [_bare(part) for part in element if not _is_of_others(part)] or None
    return Decimal(str(element)) if isinstance(element, float) else element


def _is_of_others(part: object) -> bool:
    """Whether it is a Coding of a system that is not ours."""
    return (
        isinstance(part, Mapping)
        and {"system", "code"} <= part.keys()
        and "value" not in part
        and not str(part["system"]).startswith(SITE)
    )
