"""May this be chosen? Options written in the question, and value sets that came along.

There is no terminology server: a value set that is not at hand, or is given by a filter over a
code system, cannot be judged, and the result is None.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from enthesis.exchange.fhir.answer_values import Value, extension, same, same_code, value_of
from enthesis.exchange.fhir.elements import DEEPEST, dicts, text_of

Resource = dict[str, Any]
EXCLUSIVE = "http://hl7.org/fhir/StructureDefinition/questionnaire-optionExclusive"


class Shelf:
    """Resources that may be asked for by url or url|version. Contained ones by #id."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._by_url: dict[str, list[Resource]] = {}
        for resource in resources:
            if isinstance(resource, dict) and isinstance(resource.get("url"), str):
                self._by_url.setdefault(resource["url"], []).append(resource)

    def find(self, canonical: str, kind: str, holder: Mapping[str, Any]) -> Resource | None:
        """The resource of this type. `holder` is where a "#id" is contained."""
        if canonical.startswith("#"):
            contained = dicts(holder.get("contained"))
            return next(
                (
                    r
                    for r in contained
                    if f"#{r.get('id')}" == canonical and r.get("resourceType") == kind
                ),
                None,
            )
        url, _, version = canonical.partition("#")[0].partition("|")
        inside = [r for r in dicts(holder.get("contained")) if r.get("url") == url]
        fitting = [
            r
            for r in (*inside, *self._by_url.get(url, ()))
            if r.get("resourceType") == kind and (not version or r.get("version") == version)
        ]
        # Without a version the newest: the one given last.
        return fitting[-1] if fitting else None


def option_of(question: Resource, given: Value) -> Resource | None:
    """The answerOption that this value is, None where it is none of them."""
    for option in dicts(question.get("answerOption")):
        value = value_of(option)
        if value is not None and same(value, given):
            return option
    return None


def is_exclusive(option: Resource | None) -> bool:
    """An option such as "none of the above", which stands alone."""
    value = extension(option, EXCLUSIVE) if option else None
    return value is not None and value.value is True


def in_value_set(coding: Resource, canonical: str, shelf: Shelf, holder: Resource) -> bool | None:
    """Whether the value set has the code; None where that cannot be known here."""
    return _Search(coding, shelf).in_set(canonical, holder, 0)


class _Search:
    """One code, looked up once in each value set: they may include each other, even in circles."""

    def __init__(self, coding: Resource, shelf: Shelf) -> None:
        self.coding = coding
        self.shelf = shelf
        self.known: dict[int, bool | None] = {}

    def in_set(self, canonical: str, holder: Resource, deep: int) -> bool | None:
        found = self.shelf.find(canonical, "ValueSet", holder)
        if found is None or deep > DEEPEST:
            return None
        if id(found) not in self.known:
            self.known[id(found)] = None
            self.known[id(found)] = self._look(found, deep)
        return self.known[id(found)]

    def _look(self, found: Resource, deep: int) -> bool | None:
        expansion = found.get("expansion")
        if isinstance(expansion, dict):
            if self._in_tree(dicts(expansion.get("contains")), "contains"):
                return True
            if "compose" not in found:
                return False
        compose = found.get("compose")
        if not isinstance(compose, dict):
            return None
        left_out = [self._in_part(p, found, deep) for p in dicts(compose.get("exclude"))]
        if True in left_out:
            return False
        taken_in = [self._in_part(p, found, deep) for p in dicts(compose.get("include"))]
        if True in taken_in:
            return None if None in left_out else True
        return None if None in taken_in or not taken_in else False

    def _in_part(self, part: Resource, holder: Resource, deep: int) -> bool | None:
        """One include or exclude: all that it says must be true of the code."""
        said: list[bool | None] = []
        if "system" in part:
            said.append(self._in_system(part, holder))
        sets = part.get("valueSet")
        for canonical in sets if isinstance(sets, list) else ():
            said.append(self.in_set(text_of(canonical), holder, deep + 1))
        if False in said:
            return False
        return None if None in said or not said else True

    def _in_system(self, part: Resource, holder: Resource) -> bool | None:
        if self.coding.get("system") != part.get("system"):
            return False
        if "concept" in part:
            return self.coding.get("code") in [c.get("code") for c in dicts(part["concept"])]
        system = self.shelf.find(text_of(part.get("system")), "CodeSystem", holder)
        if "filter" in part or system is None or system.get("content") != "complete":
            return None
        return self._in_tree(dicts(system.get("concept")), "concept")

    def _in_tree(self, waiting: list[Resource], below: str) -> bool:
        """Among the entries or below them. A code system's entries have no system of their own."""
        while waiting:
            one = waiting.pop()
            system = one.get("system") if below == "contains" else self.coding.get("system")
            fits = same_code({"system": system, "code": one.get("code")}, self.coding)
            if fits and one.get("code") is not None and one.get("abstract") is not True:
                return True
            waiting += dicts(one.get(below))
        return False
