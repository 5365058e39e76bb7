"""The clinic's tables as files: made from the models, so that none can be forgotten.

`models.py` says what a table is (its docstring), what a column means (the comment above the field)
and which words it may hold (its choices). What never leaves is named here, with the reason; a test
fails for a model or a column of which nobody has decided.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import cast

from django.apps import apps
from django.db import models as fields
from django.db.models import Model, Q, QuerySet

from enthesis.clinic import models
from enthesis.clinic.models import Clinic
from enthesis.clinic.permissions import TO_CLINIC

NOT_EXPORTED: dict[str, str] = {
    "auth.Group": "Unused: what a user may do is the user's role.",
    "auth.Permission": "Unused: what a user may do is the user's role.",
    "auth.Group_permissions": "Unused: what a user may do is the user's role.",
    "clinic.User_groups": "Unused: what a user may do is the user's role.",
    "clinic.User_user_permissions": "Unused: what a user may do is the user's role.",
    "contenttypes.ContentType": "The framework's list of tables; no facts of the clinic.",
    "clinic.SentForm": "Which forms were sent in two days, so that a double click writes once.",
    "sessions.Session": "Who is signed in at the moment: its keys would let anybody in.",
}
WITHHELD: dict[str, str] = {
    "SecondFactor.secret": "What opens the clinic beside the password.",
    "SecondFactor.credential": "Names a passkey.",
    "User.password": "A hash of a password can be guessed at.",
    "AnswerLink.token_hash": "The secret of a personal link.",
    "ApiToken.token_hash": "The secret of a program with access.",
    "CalendarFeed.token_hash": "The secret of a calendar's address.",
    "ConsentLink.token_hash": "The secret of a personal link.",
    "EstimateLink.token_hash": "The secret of a personal link.",
    "Enquiry.proof": "The secret of a page that was opened.",
    "PacketRelease.cells": "Of which courses each number of a packet was: never leaves.",
    "Enquiry.asked_from": "A trace of a network address; gone after an hour.",
}
"""Columns of exported tables that stay here, each with the reason."""

_MORE_WAYS = {models.Message: "enquiry__clinic", models.Attempt: "message__enquiry__clinic"}
"""Rows that are a clinic's by a second way: the answer to an enquiry has no course."""

_COMMON = {
    "content_sha256": "SHA-256 of what the row says",
    "place": "its place in the trail, from 1 without a gap",
    "digest": "SHA-256 of the digest before it and its content",
    "id": "number of the row, by which other tables name it",
    "version": "grows by one with each change",
    "at": "when it was entered",
    "on": "the day that it is about",
    "made_at": "when it was made",
    "created_at": "when it was entered",
    "by": "who entered it",
    "number": "its number within what it belongs to",
    "request_key": "given by the form: a double click or a retry is the same row",
    "sha256": "SHA-256 of the file, which is also its name in files/",
    "pdf": "the paper, as a file of this export",
    "pdf_sha256": "SHA-256 of the paper",
    "source": "where an imported record came from; empty: entered here",
}
_UNITS = (
    *(("_ml", "mL"), ("_kg", "kg"), ("_mm", "mm"), ("_percent", "percent"), ("_bytes", "bytes")),
    *(("kg", "kg"), ("percent", "percent"), ("minutes", "minutes"), ("vials", "vials")),
    *(("price_per_session", "currency"), ("estimate_line", "currency"), ("amount", "currency")),
    *(("depth_mm", "mm"), ("left", "vials"), ("pain_before", "points"), ("pain_after", "points")),
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `kind`: yes_no, integer, decimal (of `digits` in all and after the point), text,
    date, moment, time, json, file. `unit` is empty for words; `needed` means never unknown;
    `words` are the only ones allowed, each with what it says."""

    name: str
    kind: str
    meaning: str
    unit: str = ""
    needed: bool = False
    words: tuple[tuple[str, str], ...] = ()
    digits: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Table:
    """One file of an export."""

    name: str
    meaning: str
    columns: tuple[Column, ...]


def exported() -> list[type[Model]]:
    """Every model whose rows go out, in the order in which they are declared."""
    every = apps.get_models(include_auto_created=True)
    return [one for one in every if one._meta.label not in NOT_EXPORTED]


def rows_of(clinic: Clinic, kind: type[Model]) -> QuerySet[Model]:
    """The rows of a kind that are the clinic's, in the order of their numbers."""
    if kind is Clinic:
        mine = Q(pk=clinic.pk)
    else:
        mine = Q(**{TO_CLINIC[kind]: clinic.pk})
        if other := _MORE_WAYS.get(kind):
            mine |= Q(**{other: clinic.pk})
    return kind._base_manager.filter(mine).order_by("pk")


def columns_of(kind: type[Model]) -> list["fields.Field[object, object]"]:
    """The columns of a kind that go out."""
    return [f for f in kind._meta.concrete_fields if f"{kind.__name__}.{f.name}" not in WITHHELD]


@cache
def table_of(kind: type[Model]) -> Table:
    """What the file of a kind holds, in words."""
    said = _comments(kind)
    columns = tuple(_column(one, said.get(one.name, "")) for one in columns_of(kind))
    return Table(name_of(kind), _about(kind), columns)


def name_of(kind: type[Model]) -> str:
    """The name of its file, without the ending: adverse_event."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


def _about(kind: type[Model]) -> str:
    # Django writes the columns where there is no docstring.
    text = inspect.cleandoc(kind.__doc__ or "")
    if text.startswith(f"{kind.__name__}("):
        return f"One row for each {name_of(kind).replace('_', ' ')}."
    return " ".join(text.replace("`", "").split())


def _column(field: "fields.Field[object, object]", said: str) -> Column:
    kind, digits = _kind(field)
    parts = [said or _COMMON.get(field.name, field.name.replace("_", " "))]
    if field.remote_field is not None:
        parts.append(f"(id in {name_of(cast(type[Model], field.related_model))})")
    unit = next((unit for end, unit in _UNITS if field.name.endswith(end)), "")
    words = tuple((str(value), str(label)) for value, label in field.choices or ())
    unit = "" if kind in ("text", "json", "file", "yes_no") else unit
    return Column(field.attname, kind, " ".join(parts), unit, not field.null, words, digits)


def _kind(field: "fields.Field[object, object]") -> tuple[str, tuple[int, int]]:
    if isinstance(field, fields.DecimalField):
        return "decimal", (field.max_digits or 0, field.decimal_places or 0)
    if isinstance(field, fields.BooleanField):
        return "yes_no", (0, 0)
    # A moment is a date too, as Django sees it.
    for of, kind in (
        (fields.DateTimeField, "moment"),
        (fields.DateField, "date"),
        (fields.TimeField, "time"),
        (fields.JSONField, "json"),
        (fields.BinaryField, "file"),
        ((fields.IntegerField, fields.ForeignKey), "integer"),
        ((fields.CharField, fields.TextField, fields.UUIDField), "text"),
    ):
        if isinstance(field, of):
            return kind, (0, 0)
    raise TypeError(f"{field} has a type that no file has yet: add it to tables._kind.")


def _comments(kind: type[Model]) -> dict[str, str]:
    """What stands above each field as a comment, by its name; of parents too."""
    found: dict[str, str] = {}
    for parent in reversed(kind.__mro__):
        if parent.__module__ == models.__name__:
            found |= _all_comments()[parent.__name__]
    return found


@cache
def _all_comments() -> dict[str, dict[str, str]]:
    """By class of models.py and by field; the file is read once, because it is long."""
    source = inspect.getsource(models)
    lines = source.splitlines()
    return {
        one.name: dict(_comments_in(one, lines))
        for one in ast.parse(source).body
        if isinstance(one, ast.ClassDef)
    }


def _comments_in(body: ast.ClassDef, lines: list[str]) -> Iterator[tuple[str, str]]:
    for one in body.body:
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
            above: list[str] = []
            for text in reversed(lines[: one.lineno - 1]):
                if not text.strip().startswith("#"):
                    break
                above.insert(0, text.strip().lstrip("# "))
            beside = lines[(one.end_lineno or one.lineno) - 1].partition("  # ")[2]
            if said := " ".join(above) or beside:
                yield one.targets[0].id, said[0].lower() + said[1:].replace("`", "").rstrip(".")
