"""The one table of who may do what to what: `access.toml`, read once."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from enthesis.clinic.models import Role

FILE = Path(__file__).with_name("access.toml")
ANYONE = "anyone"
ACTIONS = ("see", "change")


class Twice(StrEnum):
    """What becomes of a form that is sent twice; each is explained at the head of `access.toml`."""

    ONCE = "made once"
    EDIT = "edited"
    SAME = "the same again"
    LOOKS = "only looks"


class AccessTableError(Exception):
    """The table cannot be used: which row, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Row:
    """`roles` None: no sign-in is asked for. `emergency`: whom the row does not name, but who may
    `open_in_emergency`, then reads the page of that one patient."""

    name: str
    who: str
    may: str
    of: str
    emergency: bool
    roles: frozenset[Role] | None
    twice: Twice | None
    """None: the page takes no form."""
    why: str


@dataclass(frozen=True, slots=True)
class Table:
    """By the name of a URL, and by the name of a rule that pages and actions ask for."""

    pages: Mapping[str, Row]
    rules: Mapping[str, Row]
    of_patients: frozenset[str]
    """The kinds of things that show something of single patients."""
    grants: Mapping[Role, frozenset[Role]]
    """Which roles a role may give to others."""

    def row(self, name: str) -> Row:
        """The row of a page or a rule. Raises AccessTableError where there is none."""
        found = self.pages.get(name) or self.rules.get(name)
        if found is None:
            raise AccessTableError(f"{FILE.name} has no row for {name!r}: say who may open it.")
        return found


@cache
def table() -> Table:
    """The table as it was shipped. Raises AccessTableError."""
    return read_table(tomllib.loads(FILE.read_text(encoding="utf-8")))


def read_table(data: dict[str, Any]) -> Table:
    """Check and take over what the file says. Raises AccessTableError."""
    try:
        groups = {who: frozenset(map(Role, some)) for who, some in data["groups"].items()}
        grants = {Role(who): frozenset(map(Role, some)) for who, some in data["grants"].items()}
    except ValueError as error:
        raise AccessTableError(f"{FILE.name}: {error}") from error

    def row(name: str, said: dict[str, Any]) -> Row:
        who, may, of, why = (str(said.pop(key, "")) for key in ("who", "may", "of", "why"))
        emergency = said.pop("emergency", False) is True
        twice = Twice(said.pop("twice")) if "twice" in said else None
        is_right = (
            may in ACTIONS and (who == ANYONE or who in groups) and (twice is None) == (not why)
        )
        if said or not of or not is_right or (emergency and may != "see"):
            raise AccessTableError(f"{FILE.name}: the row of {name!r} is not right.")
        roles = None if who == ANYONE else groups[who]
        return Row(name, who, may, of, emergency, roles, twice, why)

    try:
        parts = {
            part: {name: row(name, dict(said)) for name, said in data[part].items()}
            for part in ("pages", "rules")
        }
    except ValueError as error:
        raise AccessTableError(f"{FILE.name}: {error}") from error
    for page in parts["pages"].values():
        if page.twice not in ((None, Twice.LOOKS) if page.may == "see" else tuple(Twice)):
            raise AccessTableError(f"{FILE.name}: of {page.name!r} say what becomes of it twice.")
    if both := sorted(parts["pages"].keys() & parts["rules"].keys()):
        raise AccessTableError(f"{FILE.name}: {both[0]!r} is a page and a rule.")
    of_patients = frozenset(data.get("of_patients", ()))
    if unknown := of_patients - {row.of for some in parts.values() for row in some.values()}:
        raise AccessTableError(f"{FILE.name}: no row is of {sorted(unknown)[0]!r}.")
    return Table(**parts, of_patients=of_patients, grants=grants)
