"""Where two dossiers of one patient differ, though their records have other keys.

A key says only which record is meant, so keys are compared by what they stand for: a practitioner
by name, another record by its place. Numbers that a second clinic may have to give anew, and the
bytes of files, which have their fingerprints, are left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from enthesis.exchange.dossier import Dossier, Entry, Invoice, Person
from enthesis.exchange.dossier_check import WHO
from enthesis.records import Mixture

SHOWN = 80
POINTERS = ("session", "assessment", "plan", "invoice", "about", "arranged")
GIVEN_ANEW = {Person: ("number",), Invoice: ("number",), Entry: ("number",)}
BYTES = ("body", "pdf")


@dataclass(frozen=True, slots=True)
class Difference:
    """At one place ("courses[0].sessions[1].note") of patient `number`, as shortened text."""

    number: int
    where: str
    here: str
    there: str


def differences(here: Dossier, there: Dossier) -> Iterator[Difference]:
    """Each place where the two say otherwise; what only one of them has is one difference."""
    one, other = _names(here), _names(there)
    number = here.person.number
    for place in ("person", "courses"):
        pair = getattr(here, place), getattr(there, place)
        for where, mine, theirs in _compare(place, *pair, one, other):
            yield Difference(number, where, _short(mine), _short(theirs))


def _names(dossier: Dossier) -> dict[str, str]:
    """Key to what it stands for, whatever the clinic."""
    called = {one.key: one.name for one in dossier.practitioners}
    for i, course in enumerate(dossier.courses):
        for kind in ("sessions", "assessments", "plans", "invoices", "entries", "arrangements"):
            for j, one in enumerate(getattr(course, kind)):
                called[one.key] = f"courses[{i}].{kind}[{j}]"
    return called


def _compare(
    where: str, here: Any, there: Any, one: dict[str, str], other: dict[str, str]
) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(here, tuple) and isinstance(there, tuple):
        for i in range(max(len(here), len(there))):
            mine, theirs = (side[i] if i < len(side) else None for side in (here, there))
            yield from _compare(f"{where}[{i}]", mine, theirs, one, other)
    elif is_dataclass(here) and type(here) is type(there):
        anew = GIVEN_ANEW.get(type(here), ())
        for name in (field.name for field in fields(here)):
            if name in BYTES or name in anew or (name == "key" and not isinstance(here, Mixture)):
                continue
            mine, theirs = getattr(here, name), getattr(there, name)
            if name in WHO or name in POINTERS:
                mine, theirs = _called(mine, one), _called(theirs, other)
            yield from _compare(f"{where}.{name}", mine, theirs, one, other)
    elif here != there:
        yield where, here, there


def _called(value: Any, names: dict[str, str]) -> Any:
    return names.get(value, value) if isinstance(value, str) else value


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
