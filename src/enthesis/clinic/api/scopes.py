"""What a token may do, written as SMART on FHIR writes scopes.

`user/Patient.rs` (version 2: c create, r read, u update, d delete, s search, in this order) or
`user/Patient.read` (version 1). `system/` says the same and opens bulk export besides. Narrowed
scopes ("?category=…") are refused, not widened; so is `patient/`, because a token is no patient's.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

_SCOPE = re.compile(r"(user|system)/(\*|[A-Z][A-Za-z]{1,40})\.(read|write|\*|c?r?u?d?s?)", re.ASCII)
_OLD = {"read": "rs", "write": "cud", "*": "cruds"}
MOST = 2000


class ScopeError(ValueError):
    """A scope that is not understood: which, and what to write."""


@dataclass(frozen=True, slots=True)
class Scopes:
    """Read once for each request."""

    granted: frozenset[tuple[str, str, str]]

    def allow(self, kind: str, action: str) -> bool:
        """Whether `action` (one of c r u d s) may be done to resources of a type."""
        return any(of in ("*", kind) and action in may for _, of, may in self.granted)

    def allow_bulk(self, kind: str) -> bool:
        """Whether resources of a type may leave by bulk export."""
        return any(
            level == "system" and of in ("*", kind) and "r" in may
            for level, of, may in self.granted
        )


def read_scopes(text: str, types: Collection[str]) -> Scopes:
    """The scopes in a text, separated by spaces. Raises ScopeError for one that is not known, or
    is of a type that is not served."""
    granted = set()
    for one in text.split():
        found = _SCOPE.fullmatch(one)
        if not found or not found[3]:
            raise ScopeError(
                f"“{one[:60]}” is no scope. Write such as user/Patient.rs or system/*.rs, "
                "separated by spaces."
            )
        if found[2] != "*" and found[2] not in types:
            raise ScopeError(f"{found[2]} is no type that is served: {', '.join(sorted(types))}.")
        granted.add((found[1], found[2], _OLD.get(found[3], found[3])))
    if not granted:
        raise ScopeError("Give at least one scope, such as user/*.rs.")
    return Scopes(frozenset(granted))


def written(scopes: Scopes) -> str:
    """The scopes as they are kept and shown: in version 2, in order."""
    return " ".join(sorted(f"{level}/{of}.{may}" for level, of, may in scopes.granted))
